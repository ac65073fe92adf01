# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause

##@ Keep it clean

.PHONY: lint lint-now format

lint: ## formatting, static analysis, warnings of gcc and clang as errors, shellcheck
	@tools/setup lint
	@+$(MAKE) --no-print-directory lint-now

lint-now: $(BUILD)/obj/Makefile $(LIBRARY)/obj/Makefile
	@tools/lint

format: ## rewrite the C files in Open MPI's format
	@tools/lint --format
