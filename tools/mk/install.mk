# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause

##@ Install

.PHONY: install install-user uninstall check-component graft

prefix ?= $(shell $(OMPI_INFO) --parsable --path prefix 2>/dev/null | sed -n 's/^path:prefix://p')
mandir ?= $(prefix)/share/man
user_dir := $(HOME)/.openmpi
help_files := $(wildcard src/btl/help-*.txt)
# Where a user's own programs and pages are looked for.
user_bin := $(HOME)/.local/bin
user_man := $(HOME)/.local/share/man/man1

# Component and help file go where Open MPI looks for its own, the program and its page below prefix.
install: all ## into the Open MPI it was built for (DESTDIR=, prefix= for segmsg-inspect and its man page)
	@+$(MAKE) -s --no-print-directory -C $(BUILD)/obj install prefix='$(prefix)' DESTDIR='$(DESTDIR)' \
	    bindir='$(prefix)/bin' >/dev/null
	@rm -f '$(DESTDIR)$(component_dir)/mca_btl_segmsg.la'
	@install -D -m 644 -t '$(DESTDIR)$(mandir)/man1' man/segmsg-inspect.1
	@echo 'Installed in $(DESTDIR)$(component_dir), segmsg-inspect in $(DESTDIR)$(prefix)/bin'

made = $(shell sed -n 's/^$(1) = //p' $(BUILD)/obj/Makefile 2>/dev/null)
component_dir = $(call made,opallibdir)
help_dir = $(call made,opaldatadir)

# The help file lies above the folder of the components: that one may hold nothing else.
install-user: all ## into ~/.openmpi, for this user alone; segmsg-inspect into ~/.local/bin
	@install -D -t '$(user_dir)/components' $(component)
	@install -D -m 644 -t '$(user_dir)' $(help_files)
	@install -D -t '$(user_bin)' $(BUILD)/bin/segmsg-inspect
	@install -D -m 644 -t '$(user_man)' man/segmsg-inspect.1
	@echo 'Installed in $(user_dir)/components, segmsg-inspect in $(user_bin)'

# What uninstall removes, and the folders that install-user may have made.
uninstalled = $(if $(component_dir),$(DESTDIR)$(component_dir)/mca_btl_segmsg.so) \
	$(if $(help_dir),$(addprefix $(DESTDIR)$(help_dir)/,$(notdir $(help_files)))) \
	$(if $(prefix),$(DESTDIR)$(prefix)/bin/segmsg-inspect $(DESTDIR)$(mandir)/man1/segmsg-inspect.1) \
	$(user_dir)/components/mca_btl_segmsg.so $(addprefix $(user_dir)/,$(notdir $(help_files))) \
	$(user_bin)/segmsg-inspect $(user_man)/segmsg-inspect.1

uninstall: ## remove what install and install-user put there
	@removed=no; for file in $(uninstalled); do \
	    test -e "$$file" || continue; \
	    rm -f "$$file" && echo "Removed $$file" && removed=yes; \
	    rmdir --ignore-fail-on-non-empty -p "$$(dirname "$$file")" 2>/dev/null || true; \
	done; \
	test $$removed = yes || echo 'Nothing of segmsg is installed.'

check-component: all ## the component is installed below a folder and for a user, used, and removed
	@tools/check-component

graft: src/sources.mk ## put the component into an Open MPI source tree (OMPI=its folder); then autogen.pl
	@test -d '$(OMPI)/opal/mca/btl' || { \
	    echo 'OMPI="$(OMPI)" is not an Open MPI source tree: make graft OMPI=folder' >&2; exit 1; }
	@rm -rf '$(OMPI)/opal/mca/btl/segmsg'
	@mkdir '$(OMPI)/opal/mca/btl/segmsg'
	@cp -r configure.m4 Makefile.am LICENSE src '$(OMPI)/opal/mca/btl/segmsg/'
	@echo 'Grafted into $(OMPI)/opal/mca/btl/segmsg; now: ./autogen.pl --force && ./configure && make'
