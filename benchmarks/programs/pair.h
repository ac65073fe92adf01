/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What two ranks of a pair do with each other in the two-sided tests: ping-pong, a stream of
 * windows one way, and a stream of windows both ways. Ranks 0 .. pairs-1 lead, rank + pairs
 * follows.
 */
#ifndef SEGMSG_BENCH_PAIR_H
#define SEGMSG_BENCH_PAIR_H

#include "bench.h"

struct pair {
    struct bench *bench;
    int pairs;
    int peer;      /* rank of the other one; -1: this rank takes no part */
    bool leads;    /* sends first */
    MPI_Comm comm; /* MPI_COMM_WORLD, or a copy of it */
    /* What messages are made of: MPI_CHAR, or a type of the caller's. */
    MPI_Datatype type;
    size_t type_bytes; /* data in one element of type */
    char *send;        /* bench->max_bytes */
    char *receive;
    MPI_Request *requests; /* twice the window */
    /* MPI_STATUSES_IGNORE, out of sight of gcc, which takes MPICH's constant for an overflow. */
    MPI_Status *statuses_ignore;
};

/* `pairs` pairs of the ranks of MPI_COMM_WORLD; the ranks that are left over only wait. */
void pair_open(struct pair *pair, struct bench *bench, int pairs);
void pair_close(struct pair *pair);

/* Bodies for bench_measure(); the context is the pair. */
bench_body pair_ping_pong; /* an iteration: a message there and one back */
bench_body pair_stream;    /* an iteration: a window of messages, and a short one back */
bench_body pair_exchange;  /* an iteration: a window of messages each way */

/* The same traffic with content checks. */
void pair_validate_ping_pong(struct pair *pair, size_t bytes);
void pair_validate_windows(struct pair *pair, size_t bytes, bool both_ways);

/* The slowest pair's time, for rates that add up over the pairs. */
double pair_slowest(const struct pair *pair, double seconds);

/* The mean over the pairs' leaders. */
double pair_mean(const struct pair *pair, double seconds);

#endif
