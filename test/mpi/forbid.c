/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * forbid: runs a program to which the kernel denies its single copy, as it is denied in many
 * containers: process_vm_readv and process_vm_writev of other processes fail with EPERM.
 *
 *     mpirun -n 2 forbid [--ranks 0,1|all] [--how seccomp|userns] program [argument...]
 *
 * It goes in front of the program, in every rank; where --ranks does not name the rank, it only
 * starts the program. How it is denied:
 *
 * seccomp  by a filter: the process itself may not copy. Others still may copy from and to it.
 * userns   by a user name space of the process's own: it may not copy, and neither may a process in
 *          another such one; but one outside of them all may copy from and to it.
 *
 * Before the program starts it is seen that the call is denied. Where it cannot be denied, forbid
 * says so and exits with status 125.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "forbid does not know how this processor's system calls are told from others"
#endif

enum { EXIT_NOT_FORBIDDEN = 125 };

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "forbid: cannot forbid the kernel's copy: %s: %s\n", what, strerror(errno));
    exit(EXIT_NOT_FORBIDDEN);
}

static _Noreturn void usage(const char *wrong)
{
    fprintf(stderr,
            "forbid: %s\n"
            "usage: forbid [--ranks 0,1|all] [--how seccomp|userns] program [argument...]\n",
            wrong);
    exit(EXIT_NOT_FORBIDDEN);
}

/* Lets the two calls fail, now and in what is executed later. */
static void forbid_by_filter(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        give_up("no new privileges");
    }
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        give_up("seccomp filter");
    }
}

static void write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);

    if (file < 0 || write(file, text, strlen(text)) != (ssize_t) strlen(text) || close(file) != 0) {
        give_up(path);
    }
}

/* Same user and group as before, seen from inside and outside. */
static void forbid_by_name_space(void)
{
    char users[64], groups[64];

    snprintf(users, sizeof(users), "%u %u 1\n", (unsigned) geteuid(), (unsigned) geteuid());
    snprintf(groups, sizeof(groups), "%u %u 1\n", (unsigned) getegid(), (unsigned) getegid());
    if (unshare(CLONE_NEWUSER) != 0) {
        give_up("user name space");
    }
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", users);
    write_file("/proc/self/gid_map", groups);
}

/* The launcher's daemon is a process of the same user, outside. Access is judged before the address
 * is, so that any will do. */
static void see_that_it_fails(void)
{
    char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1};
    struct iovec there = {.iov_base = &byte, .iov_len = 1};

    errno = 0;
    if (process_vm_readv(getppid(), &here, 1, &there, 1, 0) >= 0 || errno != EPERM) {
        give_up("it did not fail as it should");
    }
}

/* Whether the list "0,2", or "all", has this process's rank. */
static bool names_this_rank(const char *list)
{
    const char *open_mpis = getenv("OMPI_COMM_WORLD_RANK"), *mpichs = getenv("PMI_RANK");
    const char *rank = open_mpis ? open_mpis : mpichs;
    char *end;

    if (strcmp(list, "all") == 0) {
        return true;
    }
    if (rank == NULL) {
        usage("neither OMPI_COMM_WORLD_RANK nor PMI_RANK is set: no mpirun tells the rank");
    }
    for (const char *at = list;; at = end + 1) {
        unsigned long named = strtoul(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0')) {
            usage("--ranks takes numbers separated by commas, or all");
        }
        if (named == strtoul(rank, NULL, 10)) {
            return true;
        }
        if (*end == '\0') {
            return false;
        }
    }
}

int main(int argc, char **argv)
{
    const char *ranks = "all", *how = "seccomp";
    int at = 1;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--ranks") == 0) {
            ranks = argv[at + 1];
        } else if (strcmp(argv[at], "--how") == 0) {
            how = argv[at + 1];
        } else {
            usage("unknown option");
        }
    }
    if (at >= argc) {
        usage("no program");
    }
    if (strcmp(how, "seccomp") != 0 && strcmp(how, "userns") != 0) {
        usage("--how takes seccomp or userns");
    }
    if (names_this_rank(ranks)) {
        if (strcmp(how, "seccomp") == 0) {
            forbid_by_filter();
        } else {
            forbid_by_name_space();
        }
        see_that_it_fails();
    }
    execvp(argv[at], argv + at);
    fprintf(stderr, "forbid: %s: %s\n", argv[at], strerror(errno));
    return 127;
}
