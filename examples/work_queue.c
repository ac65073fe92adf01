/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A master hands out work to whoever is free: how many primes are there below a number? Rank 0 cuts
 * the numbers into items of different lengths. A worker asks for one by sending the result of the
 * one before; the master's handler notes it and sends the next item at once.
 *
 * The same is done by MPI_Send and MPI_Recv, in rounds that take turns. Each time every item must have
 * been done exactly once and with the right result, which the master knows from a sieve. Workers that
 * share no memory with the master are served by MPI in both cases. Alone, the master works itself.
 */
#include "common.h"

#include <getopt.h>

enum { MASTER = 0, NO_ITEM = -1, STEPS = 8 };

/* What a message is. The master's: an item, or the end. A worker's: a result, or its report. */
enum tag { TAG_ITEM, TAG_END, TAG_RESULT, TAG_REPORT };

enum way { BY_SEGMSG, BY_MPI, WAYS };

static const char *const way_names[WAYS] = {"segmsg", "mpi"};

/* The numbers from `first` to before `end`. */
struct item {
    long number;
    long first;
    long end;
};

struct result {
    long number; /* NO_ITEM: a worker that comes for its first item */
    long primes;
};

struct report {
    long items;
    long primes;
};

struct options {
    long below;
    long items;
    int rounds;
    bool csv;
};

struct queue {
    segmsg_t *node;
    int rank;
    int ranks;
    bool *near;     /* by rank: served by the library */
    int near_count; /* workers */

    /* The master's. */
    struct item *items;
    long *expected; /* primes of each item */
    long *primes;   /* of each item that is done */
    int *done;      /* how often each was */
    long count;
    long next;   /* first that nobody has */
    int working; /* workers that have not been told the end */
    /* Sends that were not complete at once. What they send are the items, which stay. */
    segmsg_request_t **requests;
    int request_count;
    struct report *reports; /* of the workers, in the order in which they come */
    segmsg_request_t **report_requests;
};

/* ---- The work ---- */

static bool is_prime(long number)
{
    if (number < 4) {
        return number > 1;
    }
    if (0 == number % 2) {
        return false;
    }
    for (long divisor = 3; divisor * divisor <= number; divisor += 2) {
        if (0 == number % divisor) {
            return false;
        }
    }
    return true;
}

static long primes_of(const struct item *item)
{
    long primes = 0;
    for (long number = item->first; number < item->end; ++number) {
        primes += is_prime(number);
    }
    return primes;
}

/* Items of 1 to 8 steps in no order, so that they differ in what they cost; the last takes the rest. */
static void cut(struct queue *queue, const struct options *options)
{
    long step = options->below * 2 / (STEPS + 1) / options->items, first = 0;
    unsigned long random = 1;
    step = step < 1 ? 1 : step;
    queue->items = need((size_t) options->items * sizeof(*queue->items));
    while (first < options->below) {
        struct item *item = &queue->items[queue->count];
        random = (random * 1103515245 + 12345) & 0x7fffffff;
        *item =
            (struct item){queue->count, first, first + step * (1 + (long) (random >> 16) % STEPS)};
        if (item->end > options->below || queue->count == options->items - 1) {
            item->end = options->below;
        }
        first = item->end;
        ++queue->count;
    }
}

/* What the items must come to, by another method: the sieve of Eratosthenes. */
static void sieve(struct queue *queue, long below)
{
    char *composite = need((size_t) below);
    queue->expected = need((size_t) queue->count * sizeof(*queue->expected));
    for (long number = 2; number * number < below; ++number) {
        for (long multiple = number * number; !composite[number] && multiple < below;
             multiple += number) {
            composite[multiple] = 1;
        }
    }
    for (long i = 0; i < queue->count; ++i) {
        for (long number = queue->items[i].first; number < queue->items[i].end; ++number) {
            queue->expected[i] += number > 1 && !composite[number];
        }
    }
    free(composite);
}

/* ---- The master ---- */

static void note(struct queue *queue, const struct result *result)
{
    if (NO_ITEM == result->number) {
        return;
    }
    if (result->number < 0 || result->number >= queue->count) {
        fail("a result of an item that is none: %ld", result->number);
    }
    queue->primes[result->number] = result->primes;
    ++queue->done[result->number];
}

/* What a free worker is to be told. */
static const struct item *next_item(struct queue *queue, int *tag)
{
    if (queue->next < queue->count) {
        *tag = TAG_ITEM;
        return &queue->items[queue->next++];
    }
    *tag = TAG_END;
    --queue->working;
    return NULL;
}

/* The handler. It may not wait, so it begins to send; what is not complete is looked after later. */
static void serve(void *context, const segmsg_info_t *message, const void *data)
{
    struct queue *queue = context;
    segmsg_request_t **request = &queue->requests[queue->request_count];
    int tag;
    if (TAG_RESULT != message->tag || sizeof(struct result) != message->bytes) {
        fail("a message with tag %d of %zu bytes", message->tag, message->bytes);
    }
    note(queue, data);
    const struct item *item = next_item(queue, &tag);
    must(segmsg_isend(queue->node, message->source, tag, item, NULL == item ? 0 : sizeof(*item),
                      request),
         "segmsg_isend");
    queue->request_count += NULL != *request;
}

static void serve_by_mpi(struct queue *queue)
{
    struct result result;
    MPI_Status status;
    int tag;
    MPI_Recv(&result, sizeof(result), MPI_BYTE, MPI_ANY_SOURCE, TAG_RESULT, MPI_COMM_WORLD,
             &status);
    note(queue, &result);
    const struct item *item = next_item(queue, &tag);
    MPI_Send(item, NULL == item ? 0 : (int) sizeof(*item), MPI_BYTE, status.MPI_SOURCE, tag,
             MPI_COMM_WORLD);
}

static void serve_all(struct queue *queue, int near_count, int far_count)
{
    unsigned vain_looks = 0;
    queue->working = near_count + far_count;
    while (queue->working > 0) {
        unsigned handled = 0;
        int waits = near_count == 0; /* nothing else to do than to wait for it */
        if (near_count > 0 && far_count == 0) {
            must(segmsg_poll_wait(queue->node, serve, queue, &handled), "segmsg_poll_wait");
        } else if (near_count > 0) {
            must(segmsg_poll(queue->node, serve, queue, &handled), "segmsg_poll");
        }
        if (queue->request_count > 0) {
            must(segmsg_wait_all(queue->node, queue->request_count, queue->requests, NULL),
                 "segmsg_wait_all");
            queue->request_count = 0;
        }
        if (far_count > 0 && !waits) {
            MPI_Iprobe(MPI_ANY_SOURCE, TAG_RESULT, MPI_COMM_WORLD, &waits, MPI_STATUS_IGNORE);
        }
        if (far_count > 0 && waits) {
            serve_by_mpi(queue);
        } else if (0 == handled) {
            look_again(&vain_looks);
        } else {
            vain_looks = 0;
        }
    }
}

/* Receives that are begun take what they match, so that the handler does not see the reports. */
static void expect_reports(struct queue *queue, int near_count)
{
    for (int i = 0; i < near_count; ++i) {
        must(segmsg_irecv(queue->node, SEGMSG_ANY_SOURCE, TAG_REPORT, &queue->reports[i],
                          sizeof(*queue->reports), &queue->report_requests[i]),
             "segmsg_irecv");
    }
}

static void collect_reports(struct queue *queue, int near_count, int far_count)
{
    must(segmsg_wait_all(queue->node, near_count, queue->report_requests, NULL), "segmsg_wait_all");
    for (int i = near_count; i < near_count + far_count; ++i) {
        MPI_Recv(&queue->reports[i], sizeof(*queue->reports), MPI_BYTE, MPI_ANY_SOURCE, TAG_REPORT,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

static void check(const struct queue *queue)
{
    struct report all = {0, 0};
    long primes = 0;
    for (long i = 0; i < queue->count; ++i) {
        if (1 != queue->done[i] || queue->primes[i] != queue->expected[i]) {
            fail("item %ld was done %d times, with %ld primes instead of %ld", i, queue->done[i],
                 queue->primes[i], queue->expected[i]);
        }
        primes += queue->primes[i];
    }
    for (int i = 0; i < queue->ranks - 1; ++i) {
        all.items += queue->reports[i].items;
        all.primes += queue->reports[i].primes;
    }
    if (queue->ranks > 1 && (all.items != queue->count || all.primes != primes)) {
        fail("the workers report %ld items with %ld primes, of %ld with %ld", all.items, all.primes,
             queue->count, primes);
    }
}

static void direct(struct queue *queue, enum way way)
{
    int near_count = BY_SEGMSG == way ? queue->near_count : 0;
    int far_count = queue->ranks - 1 - near_count;
    memset(queue->done, 0, (size_t) queue->count * sizeof(*queue->done));
    queue->next = 0;
    for (int tag; queue->ranks == 1 && queue->next < queue->count;) {
        const struct item *item = next_item(queue, &tag);
        note(queue, &(struct result){item->number, primes_of(item)});
    }
    expect_reports(queue, near_count);
    serve_all(queue, near_count, far_count);
    collect_reports(queue, near_count, far_count);
    check(queue);
}

/* ---- A worker ---- */

static void work_by_segmsg(segmsg_t *node)
{
    struct result result = {NO_ITEM, 0};
    struct report report = {0, 0};
    for (;;) {
        struct item item;
        segmsg_info_t message;
        must(segmsg_send(node, MASTER, TAG_RESULT, &result, sizeof(result)), "segmsg_send");
        must(segmsg_recv(node, MASTER, SEGMSG_ANY_TAG, &item, sizeof(item), &message),
             "segmsg_recv");
        if (TAG_END == message.tag) {
            break;
        }
        result = (struct result){item.number, primes_of(&item)};
        ++report.items;
        report.primes += result.primes;
    }
    must(segmsg_send(node, MASTER, TAG_REPORT, &report, sizeof(report)), "segmsg_send");
}

static void work_by_mpi(void)
{
    struct result result = {NO_ITEM, 0};
    struct report report = {0, 0};
    for (;;) {
        struct item item;
        MPI_Status status;
        MPI_Send(&result, sizeof(result), MPI_BYTE, MASTER, TAG_RESULT, MPI_COMM_WORLD);
        MPI_Recv(&item, sizeof(item), MPI_BYTE, MASTER, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        if (TAG_END == status.MPI_TAG) {
            break;
        }
        result = (struct result){item.number, primes_of(&item)};
        ++report.items;
        report.primes += result.primes;
    }
    MPI_Send(&report, sizeof(report), MPI_BYTE, MASTER, TAG_REPORT, MPI_COMM_WORLD);
}

/* ---- The program ---- */

static double timed(struct queue *queue, enum way way)
{
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    if (MASTER == queue->rank) {
        direct(queue, way);
    } else if (BY_SEGMSG == way && queue->near[MASTER]) {
        work_by_segmsg(queue->node);
    } else {
        work_by_mpi();
    }
    return MPI_Wtime() - start;
}

static void print(const struct queue *queue, const struct options *options,
                  double times[WAYS][ROUNDS_MAX])
{
    struct spread ratio = ratio_of(times[BY_SEGMSG], times[BY_MPI], options->rounds);
    long primes = 0;
    for (long i = 0; i < queue->count; ++i) {
        primes += queue->primes[i];
    }
    if (options->csv) {
        printf("ranks,items,round,way,ms\n");
        for (int round = 0; round < options->rounds; ++round) {
            for (enum way way = 0; way < WAYS; ++way) {
                printf("%d,%ld,%d,%s,%.5f\n", queue->ranks, queue->count, round, way_names[way],
                       1e3 * times[way][round]);
            }
        }
        return;
    }
    printf("# %d workers of %d near the master; %s\n", queue->near_count, queue->ranks - 1,
           mpi_name());
    printf("%ld primes below %ld, in %ld items, each done once\n", primes, options->below,
           queue->count);
    for (enum way way = 0; way < WAYS; ++way) {
        struct spread spread = spread_of(times[way], options->rounds);
        printf("%-7s %9.3f ms [%.3f .. %.3f], %.3f us an item\n", way_names[way],
               1e3 * spread.median, 1e3 * spread.least, 1e3 * spread.most,
               1e6 * spread.median / (double) queue->count);
    }
    printf("ratio   %9.2f    [%.2f .. %.2f]\n", ratio.median, ratio.least, ratio.most);
}

static void open_queue(struct queue *queue, const struct options *options)
{
    *queue = (struct queue){.node = NULL};
    must(segmsg_open(MPI_COMM_WORLD, NULL, &queue->node), "segmsg_open");
    queue->rank = segmsg_rank(queue->node);
    queue->ranks = segmsg_size(queue->node);
    queue->near = need((size_t) queue->ranks * sizeof(*queue->near));
    for (int rank = 0; rank < queue->ranks; ++rank) {
        queue->near[rank] = segmsg_is_reachable(queue->node, rank);
        queue->near_count += rank != queue->rank && queue->near[rank];
    }
    if (MASTER == queue->rank) {
        cut(queue, options);
        sieve(queue, options->below);
        queue->primes = need((size_t) queue->count * sizeof(*queue->primes));
        queue->done = need((size_t) queue->count * sizeof(*queue->done));
        /* In a call of segmsg_poll every item and every end may be begun to send. */
        queue->requests = need((size_t) (queue->count + queue->ranks) * sizeof(*queue->requests));
        queue->reports = need((size_t) queue->ranks * sizeof(*queue->reports));
        queue->report_requests = need((size_t) queue->ranks * sizeof(*queue->report_requests));
    }
}

static void close_queue(struct queue *queue)
{
    must(segmsg_close(&queue->node), "segmsg_close");
    free(queue->near);
    free(queue->items);
    free(queue->expected);
    free(queue->primes);
    free(queue->done);
    free(queue->requests);
    free(queue->reports);
    free(queue->report_requests);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {{"below", required_argument, NULL, 'b'},
                                          {"items", required_argument, NULL, 'i'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"csv", no_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.below = 200000, .items = 4000, .rounds = 7};
    opterr = 0;
    for (int letter; (letter = getopt_long(argc, argv, "b:i:r:ch", known, NULL)) != -1;) {
        long number = 1;
        switch (letter) {
        case 'b':
            options.below = number = read_number(optarg, 1, 1L << 30);
            break;
        case 'i':
            options.items = number = read_number(optarg, 1, 1L << 24);
            break;
        case 'r':
            options.rounds = (int) (number = read_number(optarg, 1, ROUNDS_MAX));
            break;
        case 'c':
            options.csv = true;
            break;
        default:
            number = -1;
        }
        if (number < 0) {
            leave('h' == letter ? 0 : 2,
                  "usage: mpirun -n RANKS work_queue [option ...]\n"
                  "  -b, --below N   counts the primes below N, default 200000\n"
                  "  -i, --items N   at most so many items, default 4000\n"
                  "  -r, --rounds N  default 7\n"
                  "  -c, --csv       a line for each measurement\n");
        }
    }
    return options;
}

int main(int argc, char **argv)
{
    static double times[WAYS][ROUNDS_MAX];
    struct queue queue;
    MPI_Init(&argc, &argv);
    struct options options = read_options(argc, argv);
    open_queue(&queue, &options);
    for (int round = 0; round < options.rounds; ++round) {
        for (int turn = 0; turn < WAYS; ++turn) {
            enum way way = (enum way)((turn + round) % WAYS);
            times[way][round] = timed(&queue, way);
        }
    }
    if (MASTER == queue.rank) {
        print(&queue, &options, times);
    }
    close_queue(&queue);
    MPI_Finalize();
    return 0;
}
