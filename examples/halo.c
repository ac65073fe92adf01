/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The heat equation on a square grid: each step replaces every cell by the mean of its four neighbours
 * (Jacobi's method). The ranks form a grid themselves, each with n x n cells and a row of ghost
 * cells on each side, which hold the edges of its neighbours. Before each step the edges are
 * exchanged, in four ways:
 *
 *   sendrecv      MPI_Sendrecv, side by side
 *   isend         MPI_Irecv, MPI_Isend and MPI_Waitall, all sides at once
 *   segmsg_isend  segmsg_irecv, segmsg_isend and segmsg_wait_all, likewise
 *   in_place      packed into the receiver's segment (segmsg_reserve, segmsg_publish), and
 *                 unpacked from there into its ghost cells (segmsg_poll_wait and a handler)
 *
 * All start from the same grid in every round and must come to the same one, bit by bit, which is also
 * compared with the solution that is known. Neighbours that share no memory are served by MPI.
 */
#include "common.h"

#include <getopt.h>
#include <math.h>

enum { UP, DOWN, LEFT, RIGHT, SIDES };
enum { GRIDS = 2, CHECKED_STEPS = 40 };
#define TOLERANCE 1e-9

enum way { SENDRECV, ISEND, SEGMSG_ISEND, IN_PLACE, WAYS };

static const char *const way_names[WAYS] = {"sendrecv", "isend", "segmsg_isend", "in_place"};

/* The side from which a neighbour sees what we see from `side`. */
static int opposite(int side)
{
    return side ^ 1;
}

struct halo {
    segmsg_t *node;
    MPI_Comm cart;
    int rank;
    int shape[2];          /* ranks up and down, left and right */
    int place[2];          /* ours among them */
    int neighbours[SIDES]; /* ranks; MPI_PROC_NULL where the world ends */
    bool near[SIDES];      /* the library reaches it */
    int far_count;         /* neighbours that it does not reach */

    int n; /* cells along a side */
    /* Of the step now and of the next one. The edges for a step come into the ghost cells of its own
     * grid: a neighbour may be a step ahead, and ours of this step are still needed then. */
    double *grids[GRIDS];
    int now;
    int arrived[GRIDS]; /* edges that the handler has unpacked into each grid */

    double *packed_out[SIDES]; /* columns, which do not lie in one piece */
    double *packed_in[SIDES];
    segmsg_request_t *requests[2 * SIDES];
    int request_count;
    MPI_Request mpi_requests[2 * SIDES];
    int mpi_request_count;
    MPI_Status *statuses_ignore; /* MPI_STATUSES_IGNORE, which gcc takes for an overflow in MPICH */
};

struct options {
    long sizes[SIZES_MAX];
    int count;
    int rounds;
    double seconds; /* of one way in one round */
    bool exchange_only;
    bool far; /* up and down by MPI, as if these neighbours shared no memory */
    bool csv;
};

/* ---- The grid and its edges ---- */

static size_t width(const struct halo *halo)
{
    return (size_t) halo->n + 2;
}

static size_t cells(const struct halo *halo)
{
    return width(halo) * width(halo);
}

static size_t edge_bytes(const struct halo *halo)
{
    return (size_t) halo->n * sizeof(double);
}

static bool is_column(int side)
{
    return LEFT == side || RIGHT == side;
}

/* From one cell of an edge to the next. */
static size_t stride(const struct halo *halo, int side)
{
    return is_column(side) ? width(halo) : 1;
}

/* Our own first cell along a side. */
static double *edge(const struct halo *halo, int which, int side)
{
    size_t n = (size_t) halo->n, row = DOWN == side ? n : 1, column = RIGHT == side ? n : 1;
    return halo->grids[which] + row * width(halo) + column;
}

/* The first ghost cell along a side. */
static double *ghosts(const struct halo *halo, int which, int side)
{
    size_t end = (size_t) halo->n + 1;
    size_t row = UP == side ? 0 : DOWN == side ? end : 1;
    size_t column = LEFT == side ? 0 : RIGHT == side ? end : 1;
    return halo->grids[which] + row * width(halo) + column;
}

static void pack(const struct halo *halo, int side, double *to)
{
    const double *from = edge(halo, halo->now, side);
    size_t n = (size_t) halo->n, step = stride(halo, side);
    if (1 == step) {
        memcpy(to, from, n * sizeof(*to));
        return;
    }
    for (size_t i = 0; i < n; ++i) {
        to[i] = from[i * step];
    }
}

static void unpack(const struct halo *halo, int which, int side, const double *from)
{
    double *to = ghosts(halo, which, side);
    size_t n = (size_t) halo->n, step = stride(halo, side);
    if (1 == step) {
        memcpy(to, from, n * sizeof(*to));
        return;
    }
    for (size_t i = 0; i < n; ++i) {
        to[i * step] = from[i];
    }
}

/* Where an edge can be sent from in one piece, and where ghosts can be received into: rows in the
 * grid itself, columns in buffers. */
static const double *packed_edge(const struct halo *halo, int side)
{
    if (!is_column(side)) {
        return edge(halo, halo->now, side);
    }
    pack(halo, side, halo->packed_out[side]);
    return halo->packed_out[side];
}

static double *packed_ghosts(const struct halo *halo, int side)
{
    return is_column(side) ? halo->packed_in[side] : ghosts(halo, halo->now, side);
}

static void unpack_column(const struct halo *halo, int side)
{
    if (is_column(side)) {
        unpack(halo, halo->now, side, halo->packed_in[side]);
    }
}

/* ---- MPI's ways ---- */

static void exchange_sendrecv(struct halo *halo)
{
    for (int side = 0; side < SIDES; ++side) {
        int to = halo->neighbours[side], from = halo->neighbours[opposite(side)];
        if (MPI_PROC_NULL == to && MPI_PROC_NULL == from) {
            continue;
        }
        MPI_Sendrecv(packed_edge(halo, side), halo->n, MPI_DOUBLE, to, side,
                     packed_ghosts(halo, opposite(side)), halo->n, MPI_DOUBLE, from, side,
                     halo->cart, MPI_STATUS_IGNORE);
        if (MPI_PROC_NULL != from) {
            unpack_column(halo, opposite(side));
        }
    }
}

static void begin_by_mpi(struct halo *halo, int side)
{
    MPI_Request *requests = halo->mpi_requests + halo->mpi_request_count;
    int peer = halo->neighbours[side];
    MPI_Irecv(packed_ghosts(halo, side), halo->n, MPI_DOUBLE, peer, opposite(side), halo->cart,
              &requests[0]);
    MPI_Isend(packed_edge(halo, side), halo->n, MPI_DOUBLE, peer, side, halo->cart, &requests[1]);
    halo->mpi_request_count += 2;
}

static void end_by_mpi(struct halo *halo)
{
    MPI_Waitall(halo->mpi_request_count, halo->mpi_requests, halo->statuses_ignore);
    halo->mpi_request_count = 0;
}

static void exchange_isend(struct halo *halo)
{
    for (int side = 0; side < SIDES; ++side) {
        if (MPI_PROC_NULL != halo->neighbours[side]) {
            begin_by_mpi(halo, side);
        }
    }
    end_by_mpi(halo);
    for (int side = 0; side < SIDES; ++side) {
        if (MPI_PROC_NULL != halo->neighbours[side]) {
            unpack_column(halo, side);
        }
    }
}

/* ---- The library's ways ---- */

/* A message says by its tag which ghost cells it is for: the receiver's side, and its grid. */
static int tag_of(const struct halo *halo, int side_of_receiver)
{
    return halo->now * SIDES + side_of_receiver;
}

static void begin_by_requests(struct halo *halo, int side)
{
    segmsg_request_t **requests = halo->requests + halo->request_count;
    int peer = halo->neighbours[side];
    must(segmsg_irecv(halo->node, peer, tag_of(halo, side), packed_ghosts(halo, side),
                      edge_bytes(halo), &requests[0]),
         "segmsg_irecv");
    must(segmsg_isend(halo->node, peer, tag_of(halo, opposite(side)), packed_edge(halo, side),
                      edge_bytes(halo), &requests[1]),
         "segmsg_isend");
    halo->request_count += 2;
}

static void end_by_requests(struct halo *halo)
{
    must(segmsg_wait_all(halo->node, halo->request_count, halo->requests, NULL), "segmsg_wait_all");
    halo->request_count = 0;
}

/* Neighbours on other nodes first, since these take longest. */
static void begin_far(struct halo *halo)
{
    for (int side = 0; halo->far_count > 0 && side < SIDES; ++side) {
        if (MPI_PROC_NULL != halo->neighbours[side] && !halo->near[side]) {
            begin_by_mpi(halo, side);
        }
    }
}

static void unpack_columns(struct halo *halo, bool near_too)
{
    for (int side = 0; side < SIDES; ++side) {
        if (MPI_PROC_NULL != halo->neighbours[side] && (near_too || !halo->near[side])) {
            unpack_column(halo, side);
        }
    }
}

static void exchange_segmsg_isend(struct halo *halo)
{
    begin_far(halo);
    for (int side = 0; side < SIDES; ++side) {
        if (halo->near[side]) {
            begin_by_requests(halo, side);
        }
    }
    end_by_requests(halo);
    end_by_mpi(halo);
    unpack_columns(halo, true);
}

/* The handler: an edge has come, and is unpacked from where its sender has packed it. */
static void unpack_arrived(void *context, const segmsg_info_t *message, const void *data)
{
    struct halo *halo = context;
    int which = message->tag / SIDES, side = message->tag % SIDES;
    if (which >= GRIDS || message->bytes != edge_bytes(halo)) {
        fail("halo: a message of %zu bytes with tag %d", message->bytes, message->tag);
    }
    unpack(halo, which, side, data);
    ++halo->arrived[which];
}

static void poll_edges(struct halo *halo)
{
    must(segmsg_poll(halo->node, unpack_arrived, halo, NULL), "segmsg_poll");
}

static void pack_in_place(struct halo *halo, int side)
{
    void *place;
    segmsg_result_t result;
    while ((result = segmsg_reserve(halo->node, halo->neighbours[side], edge_bytes(halo), &place))
           == SEGMSG_E_BUSY) {
        poll_edges(halo);
    }
    must(result, "segmsg_reserve");
    pack(halo, side, place);
    must(segmsg_publish(halo->node, tag_of(halo, opposite(side)), edge_bytes(halo)),
         "segmsg_publish");
}

static void exchange_in_place(struct halo *halo)
{
    bool is_eager = edge_bytes(halo) <= segmsg_eager_limit(halo->node);
    unsigned vain_looks = 0;
    int expected = 0;
    if (!is_eager) { /* too long to be packed in place */
        exchange_segmsg_isend(halo);
        return;
    }
    begin_far(halo);
    for (int side = 0; side < SIDES; ++side) {
        if (halo->near[side]) {
            pack_in_place(halo, side);
            ++expected;
        }
    }
    while (halo->arrived[halo->now] < expected) {
        if (halo->far_count > 0) { /* MPI's messages move only while MPI is called */
            int done;
            poll_edges(halo);
            look_again(&vain_looks);
            MPI_Testall(halo->mpi_request_count, halo->mpi_requests, &done, halo->statuses_ignore);
        } else {
            must(segmsg_poll_wait(halo->node, unpack_arrived, halo, NULL), "segmsg_poll_wait");
        }
    }
    halo->arrived[halo->now] = 0;
    if (halo->far_count > 0) {
        end_by_mpi(halo);
        unpack_columns(halo, false);
    }
}

static void (*const exchanges[WAYS])(struct halo *halo) = {exchange_sendrecv, exchange_isend,
                                                           exchange_segmsg_isend,
                                                           exchange_in_place};

/* ---- The computation ---- */

static void update(const double *restrict from, double *restrict to, size_t n)
{
    size_t step = n + 2;
    for (size_t row = 1; row <= n; ++row) {
        for (size_t at = row * step + 1; at <= row * step + n; ++at) {
            to[at] = 0.25 * (from[at - step] + from[at - 1] + from[at + 1] + from[at + step]);
        }
    }
}

static void take_steps(struct halo *halo, enum way way, long steps, bool exchange_only)
{
    for (long i = 0; i < steps; ++i) {
        exchanges[way](halo);
        if (!exchange_only) {
            update(halo->grids[halo->now], halo->grids[1 - halo->now], (size_t) halo->n);
        }
        halo->now = 1 - halo->now;
    }
}

/*
 * The grid begins as a slope with a bulge on it, u = 1 + x + y + sin(pi x) sin(pi y), and its border
 * stays as it is. The slope is its own mean of neighbours, so it stays too; the bulge is so up to a
 * factor, by which it shrinks in each step. So the grid is known at all times.
 */
static double position(const struct halo *halo, int dimension, size_t cell)
{
    double all = (double) halo->shape[dimension] * halo->n;
    return ((double) halo->place[dimension] * halo->n + (double) cell) / (all + 1);
}

static double exact(const struct halo *halo, size_t row, size_t column, double bulge)
{
    const double pi = acos(-1);
    double y = position(halo, 0, row), x = position(halo, 1, column);
    return 1 + x + y + bulge * sin(pi * x) * sin(pi * y);
}

static double bulge_after(const struct halo *halo, long steps)
{
    const double pi = acos(-1);
    double rows = (double) halo->shape[0] * halo->n, columns = (double) halo->shape[1] * halo->n;
    return pow((cos(pi / (rows + 1)) + cos(pi / (columns + 1))) / 2, (double) steps);
}

static void fill_in(const struct halo *halo, double *grid)
{
    for (size_t row = 0; row < width(halo); ++row) {
        for (size_t column = 0; column < width(halo); ++column) {
            grid[row * width(halo) + column] = exact(halo, row, column, 1);
        }
    }
}

/* Ghosts are left wrong on purpose: only an exchange puts them right. */
static void start_anew(struct halo *halo, const double *initial)
{
    for (int which = 0; which < GRIDS; ++which) {
        memcpy(halo->grids[which], initial, cells(halo) * sizeof(*initial));
        for (int side = 0; side < SIDES; ++side) {
            double *first = ghosts(halo, which, side);
            for (int i = 0; MPI_PROC_NULL != halo->neighbours[side] && i < halo->n; ++i) {
                first[(size_t) i * stride(halo, side)] = -1e3;
            }
        }
    }
    halo->now = 0;
}

static void check_solution(const struct halo *halo, enum way way, long steps)
{
    double bulge = bulge_after(halo, steps);
    for (size_t row = 1; row <= (size_t) halo->n; ++row) {
        for (size_t column = 1; column <= (size_t) halo->n; ++column) {
            double is = halo->grids[halo->now][row * width(halo) + column];
            double should = exact(halo, row, column, bulge);
            if (!(fabs(is - should) < TOLERANCE)) {
                fail("%s, %d cells a side: rank %d has %.12g at row %zu, column %zu, not %.12g",
                     way_names[way], halo->n, halo->rank, is, row, column, should);
            }
        }
    }
}

/* Bit by bit, cells and ghosts. The corners belong to nobody and never change. */
static void check_same(const struct halo *halo, enum way way, const double *other)
{
    if (0 != memcmp(halo->grids[halo->now], other, cells(halo) * sizeof(*other))) {
        fail("%s, %d cells a side: rank %d has another grid than %s", way_names[way], halo->n,
             halo->rank, way_names[0]);
    }
}

/* ---- Measuring ---- */

/* Seconds of the slowest rank. */
static double timed(struct halo *halo, enum way way, long steps, bool exchange_only)
{
    MPI_Barrier(halo->cart);
    double seconds = -MPI_Wtime();
    take_steps(halo, way, steps, exchange_only);
    seconds += MPI_Wtime();
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, halo->cart);
    return seconds;
}

static long fitting(struct halo *halo, const struct options *options)
{
    long steps = 1;
    double spent = timed(halo, SENDRECV, steps, options->exchange_only);
    while (spent < options->seconds / 4 && steps < 1L << 30) {
        steps *= 2;
        spent = timed(halo, SENDRECV, steps, options->exchange_only);
    }
    double fit = (double) steps * options->seconds / spent;
    return fit < 1 ? 1 : (long) fit;
}

/* Fills in microseconds a step for each way and round. */
static void measure(struct halo *halo, const struct options *options,
                    double times[WAYS][ROUNDS_MAX])
{
    double *initial = need(cells(halo) * sizeof(*initial));
    double *result = need(cells(halo) * sizeof(*result));
    fill_in(halo, initial);
    for (enum way way = 0; way < WAYS; ++way) {
        start_anew(halo, initial);
        take_steps(halo, way, CHECKED_STEPS, false);
        check_solution(halo, way, CHECKED_STEPS);
    }
    start_anew(halo, initial);
    long steps = fitting(halo, options);
    for (int round = 0; round < options->rounds; ++round) {
        for (int turn = 0; turn < WAYS; ++turn) {
            enum way way = (enum way)((turn + round) % WAYS);
            start_anew(halo, initial);
            double seconds = timed(halo, way, steps, options->exchange_only);
            times[way][round] = 1e6 * seconds / (double) steps;
            if (0 == round && 0 == turn) {
                memcpy(result, halo->grids[halo->now], cells(halo) * sizeof(*result));
            }
            check_same(halo, way, result);
        }
    }
    free(initial);
    free(result);
}

/* ---- Printing ---- */

static void print_head(const struct halo *halo, const struct options *options)
{
    if (options->csv) {
        printf("cells,round,way,us\n");
        return;
    }
    printf("# %s, us, median of %d rounds; %d x %d ranks, %s\n",
           options->exchange_only ? "Exchange of the edges" : "Step: exchange and update",
           options->rounds, halo->shape[0], halo->shape[1], mpi_name());
    printf("# ratio: to the faster of MPI's two ways in the same round, median [least .. most]\n");
    printf("#%5s %12s %10s %12s %5s %16s %10s %5s\n", "cells", "MPI_Sendrecv", "MPI_Isend",
           "segmsg_isend", "ratio", "", "in place", "ratio");
}

static void print_row(const struct halo *halo, const struct options *options,
                      double times[WAYS][ROUNDS_MAX])
{
    static const int widths[WAYS] = {12, 10, 12, 10};
    double best[ROUNDS_MAX];
    for (int round = 0; round < options->rounds; ++round) {
        best[round] = fmin(times[SENDRECV][round], times[ISEND][round]);
        for (enum way way = 0; options->csv && way < WAYS; ++way) {
            printf("%d,%d,%s,%.5f\n", halo->n, round, way_names[way], times[way][round]);
        }
    }
    if (!options->csv) {
        printf("%6d", halo->n);
        for (enum way way = 0; way < WAYS; ++way) {
            printf(" %*.3f", widths[way], spread_of(times[way], options->rounds).median);
            if (way >= SEGMSG_ISEND) {
                struct spread ratio = ratio_of(times[way], best, options->rounds);
                printf(" %5.2f [%5.2f .. %5.2f]", ratio.median, ratio.least, ratio.most);
            }
        }
        printf("\n");
    }
    fflush(stdout);
}

/* ---- The program ---- */

/* The ranks as a grid, whose handle knows them by their ranks there. */
static void open_halo(struct halo *halo, const struct options *options)
{
    int ranks, borders_meet[2] = {0, 0};
    *halo = (struct halo){.statuses_ignore = MPI_STATUSES_IGNORE};
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Dims_create(ranks, 2, halo->shape);
    MPI_Cart_create(MPI_COMM_WORLD, 2, halo->shape, borders_meet, 1, &halo->cart);
    MPI_Comm_rank(halo->cart, &halo->rank);
    MPI_Cart_coords(halo->cart, halo->rank, 2, halo->place);
    MPI_Cart_shift(halo->cart, 0, 1, &halo->neighbours[UP], &halo->neighbours[DOWN]);
    MPI_Cart_shift(halo->cart, 1, 1, &halo->neighbours[LEFT], &halo->neighbours[RIGHT]);
    must(segmsg_open(halo->cart, NULL, &halo->node), "segmsg_open");
    for (int side = 0; side < SIDES; ++side) {
        bool is_there = MPI_PROC_NULL != halo->neighbours[side];
        halo->near[side] = is_there && segmsg_is_reachable(halo->node, halo->neighbours[side])
                           && !(options->far && !is_column(side));
        halo->far_count += is_there && !halo->near[side];
    }
}

static void close_halo(struct halo *halo)
{
    must(segmsg_close(&halo->node), "segmsg_close");
    MPI_Comm_free(&halo->cart);
}

static void allocate(struct halo *halo, int n)
{
    halo->n = n;
    for (int which = 0; which < GRIDS; ++which) {
        halo->grids[which] = need(cells(halo) * sizeof(double));
    }
    for (int side = 0; side < SIDES; ++side) {
        halo->packed_out[side] = need(edge_bytes(halo));
        halo->packed_in[side] = need(edge_bytes(halo));
    }
}

static void release(struct halo *halo)
{
    for (int which = 0; which < GRIDS; ++which) {
        free(halo->grids[which]);
    }
    for (int side = 0; side < SIDES; ++side) {
        free(halo->packed_out[side]);
        free(halo->packed_in[side]);
    }
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {{"sizes", required_argument, NULL, 's'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"time", required_argument, NULL, 't'},
                                          {"csv", no_argument, NULL, 'c'},
                                          {"exchange-only", no_argument, NULL, 'x'},
                                          {"far", no_argument, NULL, 'f'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.sizes = {16, 32, 64, 128, 256, 512, 1024},
                              .count = 7,
                              .rounds = 7,
                              .seconds = 0.02};
    opterr = 0;
    for (int letter; (letter = getopt_long(argc, argv, "s:r:t:cxfh", known, NULL)) != -1;) {
        long number = 1;
        switch (letter) {
        case 's':
            options.count = read_sizes(optarg, options.sizes);
            number = options.count > 0 ? 1 : -1;
            for (int i = 0; i < options.count; ++i) {
                number = options.sizes[i] < 1 || options.sizes[i] > 1L << 15 ? -1 : number;
            }
            break;
        case 'r':
            options.rounds = (int) (number = read_number(optarg, 1, ROUNDS_MAX));
            break;
        case 't':
            options.seconds = 1e-3 * (double) (number = read_number(optarg, 1, 100000));
            break;
        case 'x':
            options.exchange_only = true;
            break;
        case 'f':
            options.far = true;
            break;
        case 'c':
            options.csv = true;
            break;
        default:
            number = -1;
        }
        if (number < 0) {
            leave('h' == letter ? 0 : 2,
                  "usage: mpirun -n RANKS halo [option ...]\n"
                  "  -s, --sizes A,B,...  cells along the side of each rank's part\n"
                  "  -r, --rounds N       default 7\n"
                  "  -t, --time MS        of each way in each round, default 20\n"
                  "  -x, --exchange-only  without the computation\n"
                  "  -f, --far            up and down by MPI, as if those shared no memory\n"
                  "  -c, --csv            a line for each measurement\n");
        }
    }
    return options;
}

int main(int argc, char **argv)
{
    static double times[WAYS][ROUNDS_MAX];
    struct halo halo;
    MPI_Init(&argc, &argv);
    struct options options = read_options(argc, argv);
    open_halo(&halo, &options);
    if (0 == halo.rank) {
        print_head(&halo, &options);
    }
    for (int i = 0; i < options.count; ++i) {
        allocate(&halo, (int) options.sizes[i]);
        measure(&halo, &options, times);
        if (0 == halo.rank) {
            print_row(&halo, &options, times);
        }
        release(&halo);
    }
    close_halo(&halo);
    MPI_Finalize();
    return 0;
}
