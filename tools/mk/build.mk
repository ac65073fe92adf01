# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# Configures and builds the component under build/<version>/, and writes the file that a shell
# sources to use it from there.

##@ Build

.PHONY: all component openmpi-found autotools-found sources setup FORCE

all: component ## build for the Open MPI found; OMPI=prefix or MPICC=wrapper, CC=, WERROR=1, VARIANT=-name

setup: ## install what a build needs (Debian: apt-get, as root or with sudo)
	@tools/setup build

openmpi-found:
	@test -n '$(OMPI_VERSION)' || { \
	    echo 'No Open MPI found$(if $(MPICC), ($(MPICC) is not its compiler wrapper)).' >&2; \
	    echo 'Install it (on Debian: make setup), or name it: make OMPI=prefix, make MPICC=wrapper.' >&2; \
	    exit 1; }

autotools-found:
	@command -v autoreconf >/dev/null && command -v libtoolize >/dev/null || { \
	    echo 'autoconf, automake and libtool are needed (on Debian: make setup).' >&2; exit 1; }

# Regenerated here, while making, so that a new source needs no thought; lint checks that what is
# committed is up to date.
sources src/sources.mk: FORCE
	@tools/sources

# Autotools work in a folder of links, which keeps what they generate out of the source tree and
# apart from another machine's or chroot's. So does the library's build (library.mk).
$(STAGE)/configure: | openmpi-found
$(STAGE)/configure $(LIBRARY_STAGE)/configure: configure.ac configure.m4 Makefile.am src/sources.mk \
    | autotools-found
	@mkdir -p $(@D)
	@for name in configure.ac configure.m4 Makefile.am src tools; do \
	    ln -sfnr $$name $(@D)/$$name; done
	@echo '  AUTORECONF'
	@cd $(@D) && autoreconf --force --install >autoreconf.log 2>&1 || \
	    { cat autoreconf.log >&2; exit 1; }
	@touch $@

# Holds the arguments of the last configure, touched only when they change.
$(BUILD)/configure.args: FORCE | openmpi-found
	@mkdir -p $(BUILD)
	@printf '%s\n' "$(configure_arguments)" | cmp -s - $@ || \
	    printf '%s\n' "$(configure_arguments)" >$@

# Objects do not depend on the flags that compiled them, so they go when configure comes.
$(BUILD)/obj/Makefile: $(STAGE)/configure $(BUILD)/configure.args
	@rm -rf $(BUILD)/obj && mkdir -p $(BUILD)/obj
	@echo '  CONFIGURE for Open MPI $(OMPI_VERSION)'
	@cd $(BUILD)/obj && ../../$(OMPI_VERSION)/autotools/configure --quiet $(configure_arguments)

# The component's folder holds nothing else, since Open MPI takes whatever is in there for a
# component. It is replaced by a rename: a running job may have it mapped.
component: $(BUILD)/obj/Makefile
	@+$(MAKE) $(if $(V),,-s) --no-print-directory $(parallel) -C $(BUILD)/obj all
	@mkdir -p $(BUILD)/components $(BUILD)/bin
	@cmp -s $(BUILD)/obj/.libs/mca_btl_segmsg.so $(component) || { \
	    cp $(BUILD)/obj/.libs/mca_btl_segmsg.so $(BUILD)/new.so && mv $(BUILD)/new.so $(component); }
	@! test -e $(BUILD)/obj/segmsg-inspect || cp -f $(BUILD)/obj/segmsg-inspect $(BUILD)/bin/
	@for help in src/btl/help-*.txt; do ! test -e $$help || cp $$help $(BUILD)/; done
	@tools/write-env $(BUILD)
