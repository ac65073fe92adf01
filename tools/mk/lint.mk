# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause

##@ Keep it clean

.PHONY: lint lint-now lint-structure format pictures

lint: ## formatting, static analysis, warnings of gcc and clang as errors, shellcheck
	@tools/setup lint
	@+$(MAKE) --no-print-directory lint-now

lint-now: $(BUILD)/obj/Makefile $(LIBRARY)/obj/Makefile
	@tools/lint

lint-structure: ## arrows between rooms and files of src/, sizes of files and structs; seconds
	@tools/lint --structure

format: ## rewrite the C files in Open MPI's format
	@tools/lint --format

pictures: ## draw the pictures of docs/pictures again whose sources have changed (graphviz)
	@tools/setup pictures
	@tools/documents --draw
