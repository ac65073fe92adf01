# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# libsegmsg, for the MPI that MPICC is the wrapper of. It is built and installed, as a user would
# have it, in build/library/<MPI>-<version>$(VARIANT)/: include/, lib/, lib/pkgconfig/.

##@ Library

.PHONY: library install-library uninstall-library check-install mpi-found

library_arguments = $(common_arguments) --disable-component --enable-library \
	--prefix='$(LIBRARY)' --libdir='$(LIBRARY)/lib'

# The folders are the build's own, whatever prefix= and DESTDIR= say about an installation.
library_make = $(MAKE) $(if $(V),,-s) --no-print-directory $(parallel) -C $(LIBRARY)/obj \
	prefix='$(LIBRARY)' libdir='$(LIBRARY)/lib' includedir='$(LIBRARY)/include' DESTDIR=

# Installed only when it is new, so that what was linked with it need not be linked again.
library: $(LIBRARY)/obj/Makefile ## build libsegmsg for the MPI of MPICC=wrapper, any with MPI-3; CC=, WERROR=1, VARIANT=
	@+$(library_make) all
	@+test $(LIBRARY)/lib/libsegmsg.so -nt $(LIBRARY)/obj/libsegmsg.la || { \
	    $(library_make) install >/dev/null; \
	    rm -f $(LIBRARY)/lib/*.la; }
	@tools/write-library-env $(LIBRARY)

mpi-found:
	@test -n '$(LIBRARY_MPI)' || { \
	    echo 'No MPI found$(if $(MPICC), ($(MPICC) is no compiler wrapper of one, or has no mpi.h)).' >&2; \
	    echo 'Install one (on Debian: tools/setup library), or name it: make library MPICC=wrapper.' >&2; \
	    exit 1; }

$(LIBRARY_STAGE)/configure: | mpi-found

# The version is no argument, but configure reads it.
$(LIBRARY)/configure.args: FORCE | mpi-found
	@mkdir -p $(LIBRARY)
	@{ printf '%s\n' "$(library_arguments)"; grep '^#define SEGMSG_VERSION_' src/library/segmsg.h; } >$@.new
	@cmp -s $@.new $@ || cp $@.new $@
	@rm -f $@.new

$(LIBRARY)/obj/Makefile: $(LIBRARY_STAGE)/configure $(LIBRARY)/configure.args src/library/segmsg.pc.in
	@rm -rf $(LIBRARY)/obj $(LIBRARY)/lib $(LIBRARY)/include && mkdir -p $(LIBRARY)/obj
	@echo '  CONFIGURE libsegmsg for $(LIBRARY_MPI)'
	@cd $(LIBRARY)/obj && ../../$(LIBRARY_MPI)/autotools/configure --quiet $(library_arguments)

#
# Where it is installed. install.mk has a prefix of its own, the component's, so only one that the
# user gives counts here.
#
given = $(or $(if $(filter undefined default file,$(origin $(1))),,$($(1))),$(2))
library_prefix = $(abspath $(call given,prefix,/usr/local))
library_libdir = $(call given,libdir,$(library_prefix)/lib)
library_mandir = $(call given,mandir,$(library_prefix)/share/man)
library_docdir = $(library_prefix)/share/doc/segmsg
library_major = $(shell sed -n 's/^\#define SEGMSG_VERSION_MAJOR  *//p' src/library/segmsg.h)
# Not what somebody has built there.
library_examples = $(shell find examples -type f ! -name '.*' ! -name '*.o' ! -perm /111 2>/dev/null)

# Where the loader looks by its cache, programs should find the library at once.
library_ldconfig = test -n '$(DESTDIR)' || test "$$(id -u)" -ne 0 || \
	! ldconfig -NXv 2>/dev/null | grep '^$(library_libdir):' >/dev/null || ldconfig

install-library: library ## install it: header, libraries, segmsg.pc, manual, examples (prefix=/usr/local, libdir=, DESTDIR=)
	@install -D -m 644 -t '$(DESTDIR)$(library_prefix)/include' $(LIBRARY)/include/segmsg.h
	@install -d '$(DESTDIR)$(library_libdir)/pkgconfig'
	@cp -P --preserve=mode --remove-destination $(LIBRARY)/lib/libsegmsg.* '$(DESTDIR)$(library_libdir)/'
	@sed -e 's|^prefix=.*|prefix=$(library_prefix)|' -e 's|^libdir=.*|libdir=$(library_libdir)|' \
	    -e 's|^includedir=.*|includedir=$${prefix}/include|' $(LIBRARY)/lib/pkgconfig/segmsg.pc | \
	    install -m 644 /dev/stdin '$(DESTDIR)$(library_libdir)/pkgconfig/segmsg.pc'
	@for page in man/*.3; do \
	    ! test -e $$page || install -D -m 644 -t '$(DESTDIR)$(library_mandir)/man3' $$page; done
	@for file in $(library_examples); do \
	    install -D -m 644 $$file "$(DESTDIR)$(library_docdir)/$$file"; done
	@$(library_ldconfig)
	@echo 'Installed in $(DESTDIR)$(library_libdir), for $(LIBRARY_MPI)'

uninstall-library: ## remove what install-library put there (the same prefix=, libdir=, DESTDIR=)
	@rm -f '$(DESTDIR)$(library_prefix)/include/segmsg.h' '$(DESTDIR)$(library_libdir)/pkgconfig/segmsg.pc' \
	    '$(DESTDIR)$(library_libdir)'/libsegmsg.{a,so,so.$(library_major)} \
	    '$(DESTDIR)$(library_libdir)/libsegmsg.so.$(library_major)'.*
	@for page in man/*.3; do rm -f "$(DESTDIR)$(library_mandir)/man3/$${page#man/}"; done
	@for file in $(library_examples); do rm -f "$(DESTDIR)$(library_docdir)/$$file"; done
	@! test -d '$(DESTDIR)$(library_docdir)' || find '$(DESTDIR)$(library_docdir)' -depth -type d -empty -delete
	@$(library_ldconfig)

check-install: library ## libsegmsg is installed in a folder of its own, used from there and removed
	@+tools/check-install
