# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause

##@ Install

.PHONY: install install-user uninstall graft

prefix ?= $(shell $(OMPI_INFO) --parsable --path prefix 2>/dev/null | sed -n 's/^path:prefix://p')
mandir ?= $(prefix)/share/man
user_dir := $(HOME)/.openmpi

# Component and help file go where Open MPI looks for its own, the program and man pages below prefix.
install: all ## into the Open MPI it was built for (DESTDIR=, prefix= for the program and man pages)
	@+$(MAKE) -s --no-print-directory -C $(BUILD)/obj install prefix='$(prefix)' DESTDIR='$(DESTDIR)' \
	    bindir='$(prefix)/bin' >/dev/null
	@rm -f '$(DESTDIR)$(component_dir)/mca_btl_segmsg.la'
	@for page in man/*.1; do ! test -e $$page || install -D -m 644 -t '$(DESTDIR)$(mandir)/man1' $$page; done
	@echo 'Installed in $(DESTDIR)$(component_dir)'

component_dir = $(shell sed -n 's/^opallibdir = //p' $(BUILD)/obj/Makefile)

# The help file lies above the folder of the components: that one may hold nothing else.
install-user: all ## into ~/.openmpi, for this user alone
	@install -D -t '$(user_dir)/components' $(component)
	@for help in src/btl/help-*.txt; do ! test -e $$help || install -D -m 644 -t '$(user_dir)' $$help; done
	@echo 'Installed in $(user_dir)/components'

uninstall: ## remove what install and install-user put there
	@test ! -e $(BUILD)/obj/Makefile || { \
	    $(MAKE) -s --no-print-directory -C $(BUILD)/obj uninstall prefix='$(prefix)' DESTDIR='$(DESTDIR)' \
	        bindir='$(prefix)/bin' >/dev/null; \
	    rm -f '$(DESTDIR)$(component_dir)/mca_btl_segmsg.so'; }
	@for page in man/*.1; do rm -f "$(DESTDIR)$(mandir)/man1/$${page#man/}"; done
	@rm -f '$(user_dir)/components/mca_btl_segmsg.so' $(user_dir)/help-btl-segmsg*.txt

graft: src/sources.mk ## put the component into an Open MPI source tree (OMPI=its folder); then autogen.pl
	@test -d '$(OMPI)/opal/mca/btl' || { \
	    echo 'OMPI="$(OMPI)" is not an Open MPI source tree: make graft OMPI=folder' >&2; exit 1; }
	@rm -rf '$(OMPI)/opal/mca/btl/segmsg'
	@mkdir '$(OMPI)/opal/mca/btl/segmsg'
	@cp -r configure.m4 Makefile.am LICENSE src '$(OMPI)/opal/mca/btl/segmsg/'
	@echo 'Grafted into $(OMPI)/opal/mca/btl/segmsg; now: ./autogen.pl --force && ./configure && make'
