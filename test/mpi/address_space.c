/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Every rank talks to every other one, by short messages and by such as need larger segments or are
 * copied by the kernel; then rank 0 says how much address space and shared memory a rank has mapped, at
 * most.
 *
 *   address_space [lock] [limit RANK KIB]
 *
 * lock: all memory is locked, now and later, before MPI_Init. limit: that rank alone may map so much.
 */
#define _GNU_SOURCE /* mlockall */

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { LONGEST = 200000, TIMES = 3 };

static unsigned char out[LONGEST], in[LONGEST];

/* A line of /proc/self/status, in KiB; -1: there is none. */
static long status_kib(const char *key)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kib = strtol(line + strlen(key), NULL, 10);
        }
    }
    if (status != NULL) {
        fclose(status);
    }
    return kib;
}

static void limit_rank(const char *rank, const char *kib)
{
    const char *own = getenv("OMPI_COMM_WORLD_RANK");
    if (own != NULL && strcmp(own, rank) == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = strtoul(kib, NULL, 10) * 1024;
        if (setrlimit(RLIMIT_AS, &limit) != 0) {
            perror("setrlimit");
            exit(3);
        }
    }
}

static int exchange(int rank, int size, int distance, int length)
{
    int to = (rank + distance) % size;
    int from = (rank + size - distance) % size;
    memset(out, rank + length, (size_t) length);
    memset(in, 0xee, (size_t) length);
    MPI_Sendrecv(out, length, MPI_BYTE, to, 1, in, length, MPI_BYTE, from, 1, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    for (int b = 0; b < length; ++b) {
        if (in[b] != (unsigned char) (from + length)) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const int lengths[] = {4, 1000, 4096, 5000, 60000, LONGEST};
    int rank, size, wrong = 0, any_wrong = 0;
    for (int a = 1; a < argc; ++a) {
        /* A sanitizer says that it has done so, and has not. */
        if (strcmp(argv[a], "lock") == 0
            && (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 || status_kib("VmLck:") <= 0)) {
            puts("memory cannot be locked");
            return 4;
        }
        if (strcmp(argv[a], "limit") == 0 && a + 2 < argc) {
            limit_rank(argv[a + 1], argv[a + 2]);
        }
    }
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int time = 0; time < TIMES; ++time) {
        for (int distance = 1; distance < size; ++distance) {
            for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); ++l) {
                wrong |= exchange(rank, size, distance, lengths[l]);
            }
        }
    }
    long mapped[2] = {status_kib("VmPeak:"), status_kib("RssShmem:")};
    long most[2];
    MPI_Reduce(mapped, most, 2, MPI_LONG, MPI_MAX, 0, MPI_COMM_WORLD);
    MPI_Allreduce(&wrong, &any_wrong, 1, MPI_INT, MPI_LOR, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("%s: VmPeak %ld KiB, RssShmem %ld KiB\n", any_wrong ? "WRONG" : "right", most[0],
               most[1]);
    }
    MPI_Finalize();
    return any_wrong;
}
