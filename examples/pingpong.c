/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How long a message takes from rank 0 to rank 1 of a node, by its size, in three ways:
 *
 *   send/recv   segmsg_send and segmsg_recv, from the memory of one to the memory of the other
 *   in place    written where the receiver reads it: segmsg_reserve, segmsg_publish and a handler
 *   MPI         MPI_Send and MPI_Recv
 *
 * The ways take turns in every round, and a ratio is taken between two of the same round. To copy
 * a message is to move it; a handler that looks at nothing moves nothing, so ours looks at every
 * cache line.
 */
#include "common.h"

#include <getopt.h>
#include <time.h>

enum { TAG = 7, LINE = 64, CHECKS = 3, CHECKED_FILL = 0x5a };

enum way { SEND_RECV, IN_PLACE, BY_MPI, WAYS };

static const char *const way_names[WAYS] = {"send_recv", "in_place", "mpi"};

struct pair {
    segmsg_t *node;
    MPI_Comm comm; /* ranks 0 and 1 */
    int rank;
    int peer;
    size_t bytes; /* of the messages of now */
    char *out;
    char *in;
    bool keeping; /* the handler copies what it sees, to be checked */
    long seen;    /* messages that the handler saw */
    unsigned sum; /* of what it looked at, so that the compiler does not leave that out */
};

struct options {
    long sizes[SIZES_MAX];
    int count;
    int rounds;
    double seconds; /* of one way in one round */
    bool csv;
};

/* ---- The three ways; each sends `count` messages there and as many back ---- */

static void send_recv(struct pair *pair, long count)
{
    for (long i = 0; i < count; ++i) {
        if (0 == pair->rank) {
            must(segmsg_send(pair->node, pair->peer, TAG, pair->out, pair->bytes), "segmsg_send");
        }
        must(segmsg_recv(pair->node, pair->peer, TAG, pair->in, pair->bytes, NULL), "segmsg_recv");
        if (0 != pair->rank) {
            must(segmsg_send(pair->node, pair->peer, TAG, pair->out, pair->bytes), "segmsg_send");
        }
    }
}

/* The handler. `data` lies where the sender wrote it, and is gone when this returns. */
static void look_at(void *context, const segmsg_info_t *message, const void *data)
{
    struct pair *pair = context;
    const unsigned char *from = data;
    for (size_t at = 0; at < message->bytes; at += LINE) {
        pair->sum += from[at];
    }
    if (pair->keeping && message->bytes == pair->bytes) {
        memcpy(pair->in, data, message->bytes);
    }
    ++pair->seen;
}

static void write_in_place(struct pair *pair)
{
    void *place;
    segmsg_result_t result;
    /* No room: the peer has not read yet what lies there. Look meanwhile for what it has sent. */
    while ((result = segmsg_reserve(pair->node, pair->peer, pair->bytes, &place))
           == SEGMSG_E_BUSY) {
        must(segmsg_poll(pair->node, look_at, pair, NULL), "segmsg_poll");
    }
    must(result, "segmsg_reserve");
    memcpy(place, pair->out, pair->bytes); /* a program that makes its message makes it here */
    must(segmsg_publish(pair->node, TAG, pair->bytes), "segmsg_publish");
}

static void in_place(struct pair *pair, long count)
{
    for (long i = 0; i < count; ++i) {
        long seen = pair->seen;
        if (0 == pair->rank) {
            write_in_place(pair);
        }
        while (pair->seen == seen) {
            must(segmsg_poll_wait(pair->node, look_at, pair, NULL), "segmsg_poll_wait");
        }
        if (0 != pair->rank) {
            write_in_place(pair);
        }
    }
}

static void by_mpi(struct pair *pair, long count)
{
    int bytes = (int) pair->bytes;
    for (long i = 0; i < count; ++i) {
        if (0 == pair->rank) {
            MPI_Send(pair->out, bytes, MPI_BYTE, pair->peer, TAG, pair->comm);
        }
        MPI_Recv(pair->in, bytes, MPI_BYTE, pair->peer, TAG, pair->comm, MPI_STATUS_IGNORE);
        if (0 != pair->rank) {
            MPI_Send(pair->out, bytes, MPI_BYTE, pair->peer, TAG, pair->comm);
        }
    }
}

static void (*const bodies[WAYS])(struct pair *pair, long count) = {send_recv, in_place, by_mpi};

/* A message made in place, and one seen in place, is at most as long as the eager limit. */
static bool is_possible(const struct pair *pair, enum way way)
{
    return IN_PLACE != way || pair->bytes <= segmsg_eager_limit(pair->node);
}

/* ---- Checking ---- */

static char content(int rank, int number, size_t at)
{
    return (char) ((size_t) (rank * 89 + number * 31) + at * 7 + (at >> 8) * 13 + 1);
}

static void check(struct pair *pair, enum way way)
{
    for (int number = 0; number < CHECKS; ++number) {
        for (size_t at = 0; at < pair->bytes; ++at) {
            pair->out[at] = content(pair->rank, number, at);
        }
        memset(pair->in, CHECKED_FILL, pair->bytes);
        pair->keeping = true;
        bodies[way](pair, 1);
        pair->keeping = false;
        for (size_t at = 0; at < pair->bytes; ++at) {
            if (pair->in[at] != content(pair->peer, number, at)) {
                fail("%s, %zu bytes: rank %d received wrong content at %zu", way_names[way],
                     pair->bytes, pair->rank, at);
            }
        }
    }
}

/* ---- Measuring ---- */

/* Seconds that rank 0 took, known to both, so that both decide alike. */
static double timed(struct pair *pair, enum way way, long count)
{
    MPI_Barrier(pair->comm);
    double start = MPI_Wtime();
    bodies[way](pair, count);
    double seconds = MPI_Wtime() - start;
    MPI_Bcast(&seconds, 1, MPI_DOUBLE, 0, pair->comm);
    return seconds;
}

/* How many messages there and back fill the time; warms up by finding out. */
static long fitting(struct pair *pair, enum way way, double seconds)
{
    long count = 1;
    double spent = timed(pair, way, count);
    while (spent < seconds / 4 && count < 1L << 30) {
        count *= 2;
        spent = timed(pair, way, count);
    }
    double fit = (double) count * seconds / spent;
    return fit < 1 ? 1 : (long) fit;
}

/* Fills in half a round trip in microseconds for each way and round. */
static void measure(struct pair *pair, const struct options *options,
                    double times[WAYS][ROUNDS_MAX])
{
    long counts[WAYS] = {0};
    for (enum way way = 0; way < WAYS; ++way) {
        if (is_possible(pair, way)) {
            check(pair, way);
            counts[way] = fitting(pair, way, options->seconds);
        }
    }
    for (int round = 0; round < options->rounds; ++round) {
        for (int turn = 0; turn < WAYS; ++turn) {
            enum way way = (enum way)((turn + round) % WAYS);
            if (counts[way] > 0) {
                timed(pair, way, counts[way] / 10 + 1); /* what the way before left in the caches */
                times[way][round] = 1e6 / 2 * timed(pair, way, counts[way]) / (double) counts[way];
            }
        }
    }
}

/* ---- Printing ---- */

static void print_head(const struct options *options)
{
    if (options->csv) {
        printf("bytes,round,way,us\n");
        return;
    }
    printf("# Half a round trip in us, median of %d rounds, %s\n", options->rounds, mpi_name());
    printf(
        "# ratio: to MPI, median [least .. most] over the rounds; below 1 the library is ahead\n");
    printf("#%8s %9s  %9s %5s %16s  %9s %5s %16s\n", "bytes", "MPI", "send/recv", "ratio", "",
           "in place", "ratio", "");
}

static void print_way(const struct options *options, double times[WAYS][ROUNDS_MAX], enum way way)
{
    struct spread ratio = ratio_of(times[way], times[BY_MPI], options->rounds);
    printf("  %9.3f %5.2f [%5.2f .. %5.2f]", spread_of(times[way], options->rounds).median,
           ratio.median, ratio.least, ratio.most);
}

static void print_row(const struct pair *pair, const struct options *options,
                      double times[WAYS][ROUNDS_MAX])
{
    if (options->csv) {
        for (int round = 0; round < options->rounds; ++round) {
            for (enum way way = 0; way < WAYS; ++way) {
                if (is_possible(pair, way)) {
                    printf("%zu,%d,%s,%.5f\n", pair->bytes, round, way_names[way],
                           times[way][round]);
                }
            }
        }
    } else {
        printf("%9zu %9.3f", pair->bytes, spread_of(times[BY_MPI], options->rounds).median);
        print_way(options, times, SEND_RECV);
        if (is_possible(pair, IN_PLACE)) {
            print_way(options, times, IN_PLACE);
        }
        printf("\n");
    }
    fflush(stdout);
}

/* ---- The program ---- */

static void run(MPI_Comm comm, const struct options *options)
{
    static double times[WAYS][ROUNDS_MAX];
    struct pair pair = {.comm = comm};
    long longest = 0;
    must(segmsg_open(comm, NULL, &pair.node), "segmsg_open");
    pair.rank = segmsg_rank(pair.node);
    pair.peer = 1 - pair.rank;
    if (!segmsg_is_reachable(pair.node, pair.peer)) {
        fail("pingpong: ranks 0 and 1 share no memory; start them on one node");
    }
    for (int i = 0; i < options->count; ++i) {
        longest = options->sizes[i] > longest ? options->sizes[i] : longest;
    }
    pair.out = need((size_t) longest);
    pair.in = need((size_t) longest);
    if (0 == pair.rank) {
        print_head(options);
    }
    for (int i = 0; i < options->count; ++i) {
        pair.bytes = (size_t) options->sizes[i];
        measure(&pair, options, times);
        if (0 == pair.rank) {
            print_row(&pair, options, times);
        }
    }
    must(segmsg_close(&pair.node), "segmsg_close");
    free(pair.out);
    free(pair.in);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {{"sizes", required_argument, NULL, 's'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"time", required_argument, NULL, 't'},
                                          {"csv", no_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.sizes = {0}, .count = 1, .rounds = 11, .seconds = 0.005};
    for (long size = 1; size <= 1L << 20; size *= 2) {
        options.sizes[options.count++] = size;
    }
    opterr = 0;
    for (int letter; (letter = getopt_long(argc, argv, "s:r:t:ch", known, NULL)) != -1;) {
        long number = 1;
        switch (letter) {
        case 's':
            options.count = read_sizes(optarg, options.sizes);
            number = options.count > 0 ? 1 : -1;
            for (int i = 0; i < options.count; ++i) {
                number = options.sizes[i] > 1L << 30 ? -1 : number; /* an int for MPI_Send */
            }
            break;
        case 'r':
            options.rounds = (int) (number = read_number(optarg, 1, ROUNDS_MAX));
            break;
        case 't':
            options.seconds = 1e-3 * (double) (number = read_number(optarg, 1, 100000));
            break;
        case 'c':
            options.csv = true;
            break;
        default:
            number = -1;
        }
        if (number < 0) {
            leave('h' == letter ? 0 : 2,
                  "usage: mpirun -n 2 pingpong [option ...]\n"
                  "  -s, --sizes A,B,...  bytes of the messages; K and M may follow a number\n"
                  "  -r, --rounds N       default 11\n"
                  "  -t, --time MS        of each way in each round, default 5\n"
                  "  -c, --csv            a line for each measurement\n");
        }
    }
    return options;
}

/* Ranks that have no part wait here, asleep as far as MPI lets them. */
static void wait_for_all(void)
{
    MPI_Request request;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    while (!done) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (!done) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
}

int main(int argc, char **argv)
{
    int rank, ranks;
    MPI_Comm comm;
    MPI_Init(&argc, &argv);
    struct options options = read_options(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks < 2) {
        leave(2, "pingpong needs two ranks: mpirun -n 2 %s\n", argv[0]);
    }
    MPI_Comm_split(MPI_COMM_WORLD, rank < 2 ? 0 : MPI_UNDEFINED, rank, &comm);
    if (MPI_COMM_NULL != comm) {
        run(comm, &options);
        MPI_Comm_free(&comm);
    }
    wait_for_all();
    MPI_Finalize();
    return 0;
}
