# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# demo and check install what they need, which may be the Open MPI that this makefile looks for when
# it is read; so the work is left to a make of its own.

##@ See it run

.PHONY: demo demo-now check check-now check-unit check-functional check-hosts check-hosts-now check-library check-library-now check-instructions \
	check-instructions-now check-models check-models-now check-aarch64 unit-programs

demo: ## ping-pong, bandwidth and a real program, segmsg beside the stock transport; installs what it needs
	@tools/setup demo
	@+$(MAKE) --no-print-directory demo-now

demo-now: all
	@. $(BUILD)/env && exec benchmarks/demo

##@ Test

# Kinds of tests that check runs; check-other leaves out what no release of Open MPI changes.
CHECKS ?= unit models functional library instructions

check: ## every quick test; installs what it needs
	@tools/setup check
	@+$(MAKE) --no-print-directory check-now

check-now: all unit-programs libraries
	@LIBRARIES='$(library_folders)' LIBRARY_OPTIONS=$${LIBRARY_OPTIONS---quick} tools/check $(CHECKS)

check-unit: unit-programs ## the engine's tests; needs no Open MPI
	@tools/check unit

check-aarch64: ## the engine's tests, compiled for AArch64 and run by an emulator (qemu); needs no Open MPI
	@tools/setup aarch64
	@+$(MAKE) --no-print-directory check-unit CC=aarch64-linux-gnu-gcc VARIANT=-aarch64 HWLOC=no \
	    UNIT_EMULATED=1 RUN_UNDER='qemu-aarch64 -L /usr/aarch64-linux-gnu'

check-models: ## spin's search of the protocols' models; needs no Open MPI
	@tools/setup models
	@+$(MAKE) --no-print-directory check-models-now

check-models-now:
	@tools/check models

check-functional: all ## the tests under mpirun; FUNCTIONAL=--slow: also those that take minutes
	@FUNCTIONAL='$(FUNCTIONAL)' tools/check functional

check-hosts: ## the tests under mpirun between test hosts on this machine
	@tools/setup hosts
	@+$(MAKE) --no-print-directory check-hosts-now

check-hosts-now: all
	@tools/check hosts

check-library: ## libsegmsg with every MPI found, in full; LIBRARY_OPTIONS=--quick
	@tools/setup library
	@+$(MAKE) --no-print-directory check-library-now

check-library-now: libraries
	@LIBRARIES='$(library_folders)' tools/check library

.PHONY: libraries
libraries:
	@+for wrapper in $(library_wrappers); do $(MAKE) --no-print-directory library MPICC=$$wrapper; done

export LIBRARY_WRAPPERS := $(library_wrappers)
library_folders = $(foreach wrapper,$(library_wrappers),build/library/$(shell tools/mpi-name --folder $(wrapper))$(VARIANT))

check-instructions: ## how many instructions a message takes, against the budget; MEASURE=1 prints a new one
	@tools/setup valgrind
	@+$(MAKE) --no-print-directory check-instructions-now

check-instructions-now: all
	@$(if $(MEASURE),. $(BUILD)/env && exec test/instructions/count --measure,tools/check instructions)

check-sanitize: ## engine and component under the sanitizers
	@tools/setup sanitize
	@+tools/check-sanitize

check-valgrind: unit-programs ## the engine's tests under valgrind
	@tools/setup valgrind
	@RUN_UNDER='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite' tools/check unit

# A stand-in for XPMEM, for the tests with Open MPI 5: compiled as the component is.
.PHONY: test-mapper
test-mapper: component
	@mkdir -p $(BUILD)/test/mapper
	@flags=$$($(MAKE) -s --no-print-directory -C $(BUILD)/obj \
	    --eval='component-flags: ; @echo $$(AM_CPPFLAGS)' component-flags) && \
	    gcc -shared -fPIC $$flags -o $(BUILD)/test/mapper/mca_smsc_mapper.so test/mapper/mca_smsc_mapper.c

# Suites of others', each with a driver of its own.
suites := mpich netpipe hpcc stress
.PHONY: $(suites:%=check-%) $(suites:%=run-%)
check-mpich: ## MPICH's test suite on the stock transport and on segmsg, and what differs
check-netpipe: ## NetPIPE with integrity checking
check-hpcc: ## HPC Challenge
check-stress: ## millions of random messages, checked (long)
$(suites:%=check-%): check-%:
	@tools/setup suites
	@+$(MAKE) --no-print-directory run-$*
$(suites:%=run-%): run-%: all
	@. $(BUILD)/env && exec test/suites/$*

.PHONY: check-sanitize check-valgrind check-intree check-clean-chroot check-other
check-intree: ## the component inside Debian 13's Open MPI source, configured, built and run (slow)
	@tools/check-intree

OTHER ?= $(shell . /etc/os-release; [ "$$VERSION_CODENAME" = trixie ] && echo bookworm || echo trixie)
check-other: ## make check with the other Debian release's Open MPI, in a chroot (root)
	@tools/chroot $(OTHER) sh -c 'apt-get -qq update && \
	    { command -v make >/dev/null || apt-get -qq install --yes make >/dev/null; } && exec make check FUNCTIONAL="$(FUNCTIONAL)" CHECKS="$(filter-out models,$(CHECKS))"'

check-clean-chroot: ## demo and check from a fresh clone in bare chroots (SUITE=bookworm or trixie; root)
	@for suite in $(or $(SUITE),bookworm trixie); do tools/check-clean $$suite; done

#
# The engine's tests: each test/unit/test_*.c is a program with all of the engine in it, and with what
# of the machine's side needs no Open MPI. The features are there on every Debian that we support.
#
unit_machine := src/memory/commit.c src/memory/shm_map.c $(wildcard src/fabric/*.c)
# HWLOC=no: without what needs hwloc, which a compiler for another processor seldom finds.
HWLOC ?= yes
ifneq ($(HWLOC),no)
unit_machine += src/memory/numa.c
unit_libraries := -lhwloc
else
unit_without := $(BUILD)/unit/test_interconnect
endif
unit_cc := $(if $(filter default,$(origin CC)),gcc,$(CC))
unit_has_ofi := $(shell echo '\#include <rdma/fi_atomic.h>' | $(unit_cc) -E - >/dev/null 2>&1 && echo 1 || echo 0)
unit_flags := -std=gnu11 -D_GNU_SOURCE=1 -Isrc -Itest/unit -Wall -Wextra -Wundef $(if $(WERROR),-Werror) \
	-DSEGMSG_HAVE_POSIX_FALLOCATE=1 -DSEGMSG_HAVE_MADV_POPULATE_WRITE=1 -DSEGMSG_HAVE_OFI=$(unit_has_ofi) \
	-pthread $(CFLAGS)
unit_programs := $(filter-out $(unit_without),$(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/test_*.c)))
unit_objects := $(patsubst %.c,$(BUILD)/unit/obj/%.o,test/unit/unit.c $(unit_machine) \
	$(foreach room,base queue engine rma transfer,$(wildcard src/$(room)/*.c)))

unit-programs: $(unit_programs)

export UNIT_PROGRAMS := $(unit_programs)

$(BUILD)/unit/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(unit_cc) $(unit_flags)' | cmp -s - $@ || echo '$(unit_cc) $(unit_flags)' >$@

.SECONDARY:
$(BUILD)/unit/obj/%.o: %.c $(BUILD)/unit/flags
	@mkdir -p $(@D)
	@echo '  CC      ' $<
	@$(unit_cc) $(unit_flags) -MMD -MP -c -o $@ $<

$(BUILD)/unit/test_%: $(BUILD)/unit/obj/test/unit/test_%.o $(unit_objects)
	@$(unit_cc) $(unit_flags) -o $@ $^ $(unit_libraries)

-include $(shell find $(BUILD)/unit/obj -name '*.d' 2>/dev/null)
