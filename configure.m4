# -*- shell-script -*-
#
# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
#
# Serves two builds. Inside an Open MPI source tree autogen.pl includes this file and configure
# expands MCA_opal_btl_segmsg_CONFIG; outside, configure.ac includes it and expands only
# SEGMSG_FEATURES and SEGMSG_LIBFABRIC. What is asked about the machine is therefore asked in one
# place.

# SEGMSG_FEATURES([action-if-usable], [action-if-not])
# ----------------------------------------------------
# Sets btl_segmsg_CPPFLAGS. The answers travel as -D flags and not through a header: they then
# mean the same in both builds, and the engine, which includes no header of Open MPI's, sees them
# too. Usable means that the words which two processes share can be atomic without a lock.
AC_DEFUN([SEGMSG_FEATURES],[
    btl_segmsg_CPPFLAGS="-D_GNU_SOURCE=1"

    _SEGMSG_FEATURE([PROCESS_VM], [process_vm_readv and process_vm_writev],
        [[#define _GNU_SOURCE
          #include <sys/uio.h>]],
        [[return (int) (process_vm_readv(0, 0, 0, 0, 0, 0) + process_vm_writev(0, 0, 0, 0, 0, 0));]])

    _SEGMSG_FEATURE([POSIX_FALLOCATE], [posix_fallocate],
        [[#define _POSIX_C_SOURCE 200809L
          #include <fcntl.h>]],
        [[return posix_fallocate(0, 0, 1);]])

    _SEGMSG_FEATURE([MADV_POPULATE_WRITE], [MADV_POPULATE_WRITE],
        [[#define _GNU_SOURCE
          #include <sys/mman.h>]],
        [[return madvise(0, 0, MADV_POPULATE_WRITE);]])

    AC_CACHE_CHECK([for lock-free 64-bit C11 atomics], [segmsg_cv_atomics],
        [AC_COMPILE_IFELSE([AC_LANG_PROGRAM(
            [[#include <stdatomic.h>
              #if ATOMIC_LLONG_LOCK_FREE != 2
              #error "64-bit atomics take a lock here"
              #endif]], [[]])],
            [segmsg_cv_atomics=yes], [segmsg_cv_atomics=no])])

    AC_SUBST([btl_segmsg_CPPFLAGS])
    AS_IF([test "$segmsg_cv_atomics" = yes], [$1], [$2])
])

# SEGMSG_LIBFABRIC
# ----------------
# Adds to btl_segmsg_CPPFLAGS whether messages go between hosts. After SEGMSG_FEATURES; only the
# component has a use for it.
AC_DEFUN([SEGMSG_LIBFABRIC],[
    # Compiled only: libfabric is loaded at run time, and only where a job has several hosts.
    AC_CACHE_CHECK([for libfabric (rdma/fabric.h, 1.9 or newer)], [segmsg_cv_have_OFI],
        [AC_COMPILE_IFELSE([AC_LANG_PROGRAM(
            [[#include <rdma/fabric.h>
              #include <rdma/fi_atomic.h>
              #include <rdma/fi_rma.h>
              #if FI_MAJOR_VERSION < 1 || (FI_MAJOR_VERSION == 1 && FI_MINOR_VERSION < 9)
              #error "too old"
              #endif]], [[]])],
            [segmsg_cv_have_OFI=yes], [segmsg_cv_have_OFI=no])])
    AS_IF([test "$segmsg_cv_have_OFI" = yes],
        [btl_segmsg_CPPFLAGS="$btl_segmsg_CPPFLAGS -DSEGMSG_HAVE_OFI=1"],
        [btl_segmsg_CPPFLAGS="$btl_segmsg_CPPFLAGS -DSEGMSG_HAVE_OFI=0"
         AC_MSG_NOTICE([segmsg will not carry messages between hosts: libfabric's headers were not found.
  Debian: apt-get install libfabric-dev. Elsewhere: give their folder by CPPFLAGS=-I...])])
])

# _SEGMSG_FEATURE(NAME, what, prologue, body)
# -------------------------------------------
# Adds -DSEGMSG_HAVE_NAME=1 or =0: always defined, so that -Wundef catches a misspelt name.
# Linked and not only compiled, since a C library may declare a function that it does not have.
AC_DEFUN([_SEGMSG_FEATURE],[
    AC_CACHE_CHECK([for $2], [segmsg_cv_have_$1],
        [AC_LINK_IFELSE([AC_LANG_PROGRAM([$3], [$4])],
            [segmsg_cv_have_$1=yes], [segmsg_cv_have_$1=no])])
    AS_IF([test "$segmsg_cv_have_$1" = yes],
        [btl_segmsg_CPPFLAGS="$btl_segmsg_CPPFLAGS -DSEGMSG_HAVE_$1=1"],
        [btl_segmsg_CPPFLAGS="$btl_segmsg_CPPFLAGS -DSEGMSG_HAVE_$1=0"])
])

# MCA_opal_btl_segmsg_CONFIG([action-if-can-compile], [action-if-cant-compile])
# -----------------------------------------------------------------------------
AC_DEFUN([MCA_opal_btl_segmsg_CONFIG],[
    AC_CONFIG_FILES([opal/mca/btl/segmsg/Makefile])

    SEGMSG_FEATURES([$1], [$2])
    SEGMSG_LIBFABRIC

    # The library below the component has its name in a variable in 5.0 and a prefix to it in 4.1.
    # Make expands it: configure may not have come to it yet.
    m4_ifdef([OPAL_SET_LIB_NAME],
        [btl_segmsg_LIBS='$(top_builddir)/opal/lib$(OPAL_LIB_NAME).la'],
        [btl_segmsg_LIBS='$(top_builddir)/opal/lib$(OPAL_LIB_PREFIX)open-pal.la'])
    AC_SUBST([btl_segmsg_LIBS])
    btl_segmsg_CFLAGS=
    AC_SUBST([btl_segmsg_CFLAGS])

    OPAL_SUMMARY_ADD([[Transports]], [[Shared memory/segment groups]], [$1], [$segmsg_cv_atomics])
    OPAL_SUMMARY_ADD([[Transports]], [[Libfabric/segment groups]], [$1], [$segmsg_cv_have_OFI])
])

# MCA_opal_btl_segmsg_POST_CONFIG(should-build)
# ---------------------------------------------
# Automake wants its conditionals defined also where the component is left out. libsegmsg is never
# built there: it is for other MPIs too, and a package of its own.
AC_DEFUN([MCA_opal_btl_segmsg_POST_CONFIG],[
    AM_CONDITIONAL([SEGMSG_COMPONENT], [true])
    AM_CONDITIONAL([SEGMSG_STANDALONE], [false])
    AM_CONDITIONAL([SEGMSG_LIBRARY], [false])
])dnl
