/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stress: random traffic between all ranks, every byte of it checked.
 *
 * All ranks walk through the same pseudo-random schedule (stress_schedule.h) round by round: each
 * ordered pair of ranks, a rank and itself too, has a number of messages, whose size, tag,
 * communicator, data type, way of sending and way of receiving follow from the seed.
 *
 * Why no schedule deadlocks: at the start of a round a rank posts every receive of the class
 * "posted". Then it sends; only messages of that class are sent by calls that may block. Then it
 * receives those of the class "late" by blocking calls, and completes everything. So a blocking
 * send waits at most for its peer to enter the round, and the rank that is in the earliest round
 * waits for nobody.
 *
 * In a wild round all receives have wildcards. Which message one of them gets is open, but the
 * order of messages from each source is not: the n-th one from a source must be the n-th that the
 * schedule lets it send. Wild rounds end with a barrier, as a wildcard would also take messages of
 * the next round.
 */
#include "stress_complete.h"

#include <getopt.h>
#include <pthread.h>

enum {
    STOP_INTERVAL = 16,    /* rounds between two looks at the clock */
    PROGRESS_PERIOD_S = 5, /* between two lines that tell how far it is */
};

static struct message *messages_room(struct message *messages, size_t *room, size_t count)
{
    if (count > *room) {
        *room = 2 * count;
        messages = resize(messages, *room * sizeof(*messages));
    }
    return messages;
}

static void begin_round(struct stream *stream)
{
    size_t in = 0, out = 0;

    stream->round = schedule_round(stream->key, stream->number, stream->tags);
    stream->scheduled += schedule_total(&stream->round);
    for (int peer = 0; peer < check_size; peer++) {
        stream->incoming_start[peer] = in;
        stream->outgoing_start[peer] = out;
        stream->taken[peer] = 0;
        in += schedule_count(&stream->round, peer, check_rank);
        out += schedule_count(&stream->round, check_rank, peer);
    }
    stream->incoming_start[check_size] = in;
    stream->outgoing_start[check_size] = out;
    stream->incoming = messages_room(stream->incoming, &stream->incoming_room, in);
    stream->outgoing = messages_room(stream->outgoing, &stream->outgoing_room, out);
    for (int peer = 0; peer < check_size; peer++) {
        schedule_pair(&stream->round, peer, check_rank,
                      &stream->incoming[stream->incoming_start[peer]]);
        schedule_pair(&stream->round, check_rank, peer,
                      &stream->outgoing[stream->outgoing_start[peer]]);
    }
    stream->receives.count = stream->sends.count = stream->late.count = 0;
    stream->receive_requests.count = stream->send_requests.count = 0;
    stream->bsend_used = stream->bsend_count = 0;
    stream->arena.current = stream->arena.used = 0;
}

/* All ranks send around by MPI_Sendrecv. */
static void exchange(struct stream *stream)
{
    int from = (check_rank - stream->round.shift + check_size) % check_size;
    struct message out = schedule_exchange(&stream->round, check_rank);
    struct message in = schedule_exchange(&stream->round, from);
    struct buffer sent = send_buffer(stream, &out), got = receive_buffer(stream, &in);
    const int *ranks = stream->to_comm[out.comm];
    MPI_Status status;

    doing(stream, "MPI_Sendrecv", &in);
    MPI_Sendrecv(sent.memory ? sent.memory : content_of(&out), (int) (out.size / out.element->size),
                 out.element->type, ranks[out.dest], out.tag, got.memory, buffer_count(&got),
                 receive_type(got.element), ranks[in.source], in.tag, stream->comms[out.comm],
                 &status);
    send_scrub(&sent);
    receive_check(stream, &got, &in, &status);
}

static void do_round(struct stream *stream)
{
    bool wild = ROUND_WILD == stream->round.kind;

    begin_round(stream);
    wild = ROUND_WILD == stream->round.kind;
    post_all(stream);
    send_all(stream);
    if (!wild) {
        receive_late_all(stream);
    } else if (stream->round.late) {
        receive_wild_late(stream);
    }
    if (stream->round.key & 1) {
        complete_sends(stream);
        complete_receives(stream);
    } else {
        complete_receives(stream);
        complete_sends(stream);
    }
    if (wild) {
        doing(stream, "barrier after a round with wildcards", NULL);
        MPI_Barrier(stream->comms[0]);
    }
    exchange(stream);
}

/* Whether all have agreed to stop. */
static bool stop(struct stream *stream, double started)
{
    int over = 0;

    if (options.messages) {
        return stream->scheduled * (uint64_t) options.threads >= options.messages;
    }
    if (0 == stream->number % STOP_INTERVAL) {
        over = MPI_Wtime() - started > options.seconds;
        doing(stream, "agreement to stop", NULL);
        MPI_Bcast(&over, 1, MPI_INT, 0, stream->comms[0]);
    }
    return over;
}

static void *stream_run(void *argument)
{
    struct stream *stream = argument;
    double started = MPI_Wtime(), told = started;

    while (!stop(stream, started)) {
        do_round(stream);
        stream->number++;
        if (stream == streams && 0 == check_rank && MPI_Wtime() - told > PROGRESS_PERIOD_S) {
            told = MPI_Wtime();
            fprintf(stderr,
                    "stress: %.0f s, round %" PRIu64 ", about %" PRIu64
                    " messages, %ld errors here\n",
                    told - started, stream->number, stream->scheduled * (uint64_t) options.threads,
                    atomic_load(&check_errors));
        }
    }
    return NULL;
}

static void comm_translate(struct stream *stream, int comm)
{
    MPI_Group world, group;
    int size, *ranks = check_allocate((size_t) check_size * sizeof(int));

    stream->to_comm[comm] = check_allocate((size_t) check_size * sizeof(int));
    stream->to_world[comm] = check_allocate((size_t) check_size * sizeof(int));
    for (int i = 0; i < check_size; i++) {
        ranks[i] = i;
    }
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Comm_group(stream->comms[comm], &group);
    MPI_Group_size(group, &size);
    MPI_Group_translate_ranks(world, check_size, ranks, group, stream->to_comm[comm]);
    MPI_Group_translate_ranks(group, size, ranks, world, stream->to_world[comm]);
    MPI_Group_free(&world);
    MPI_Group_free(&group);
    free(ranks);
}

static void stream_open(struct stream *stream, int thread)
{
    size_t per_rank = (size_t) (check_size + 1) * sizeof(size_t);
    int *tag_bound, found;

    stream->key = hash_with(options.seed, (uint64_t) thread);
    stream->incoming_start = check_allocate(per_rank);
    stream->outgoing_start = check_allocate(per_rank);
    stream->taken = check_allocate(per_rank);
    MPI_Comm_dup(MPI_COMM_WORLD, &stream->comms[0]);
    MPI_Comm_dup(stream->comms[0], &stream->comms[1]);
    MPI_Comm_split(MPI_COMM_WORLD, 0, -check_rank, &stream->comms[2]);
    MPI_Comm_split(MPI_COMM_WORLD, check_rank & 1, check_rank, &stream->comms[3]);
    for (int i = 0; i < COMMS; i++) {
        comm_translate(stream, i);
    }
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &tag_bound, &found);
    memcpy(stream->tags, (int[TAGS]){0, 1, 2, 3, 255, 32767, *tag_bound - 1, *tag_bound},
           sizeof(stream->tags));
    if (1 == options.threads) { /* the attached buffer belongs to the process, not to a thread */
        int size = 2 * BUFFERED_LIMIT + BUFFERED_MESSAGES * MPI_BSEND_OVERHEAD;

        stream->bsend_space = check_allocate((size_t) size);
        MPI_Buffer_attach(stream->bsend_space, size);
    }
}

static void stream_close(struct stream *stream)
{
    int size;

    if (stream->bsend_space) {
        MPI_Buffer_detach(&stream->bsend_space, &size);
    }
    for (int i = 0; i < COMMS; i++) {
        MPI_Comm_free(&stream->comms[i]);
        free(stream->to_comm[i]);
        free(stream->to_world[i]);
    }
    for (size_t i = 0; i < stream->arena.count; i++) {
        free(stream->arena.chunks[i].memory);
    }
    free(stream->arena.chunks);
    free(stream->receives.items);
    free(stream->sends.items);
    free(stream->receive_requests.items);
    free(stream->send_requests.items);
    free(stream->statuses.items);
    free(stream->late.items);
    free(stream->incoming);
    free(stream->outgoing);
    free(stream->incoming_start);
    free(stream->outgoing_start);
    free(stream->taken);
    free(stream->bsend_space);
}

static size_t parse_size(const char *text)
{
    char *end;
    size_t size = strtoull(text, &end, 0);

    return 'K' == *end ? size << 10 : 'M' == *end ? size << 20 : size;
}

static void usage(void)
{
    fprintf(stderr, "usage: stress [--messages N | --seconds S] [--seed N] [--min BYTES] "
                    "[--max BYTES] [--large PERCENT]\n"
                    "              [--burst N] [--threads] [--contiguous]\n");
    exit(2);
}

static void parse_options(int argc, char **argv)
{
    static const struct option names[] =
        {{"messages", required_argument, NULL, 'm'}, {"seconds", required_argument, NULL, 's'},
         {"seed", required_argument, NULL, 'r'},     {"min", required_argument, NULL, 'l'},
         {"max", required_argument, NULL, 'u'},      {"large", required_argument, NULL, 'L'},
         {"burst", required_argument, NULL, 'b'},    {"threads", no_argument, NULL, 't'},
         {"contiguous", no_argument, NULL, 'c'},     {NULL, 0, NULL, 0}};
    int name;

    options.seed = 1;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'm':
            options.messages = strtoull(optarg, NULL, 0);
            break;
        case 's':
            options.messages = 0;
            options.seconds = atof(optarg);
            break;
        case 'r':
            options.seed = strtoull(optarg, NULL, 0);
            break;
        case 'l':
            options.min = parse_size(optarg);
            break;
        case 'u':
            options.max = parse_size(optarg);
            break;
        case 'L':
            options.large = atof(optarg);
            break;
        case 'b':
            options.burst = atoi(optarg);
            break;
        case 't':
            options.threads = MOST_THREADS;
            break;
        case 'c':
            options.contiguous = true;
            break;
        default:
            usage();
        }
    }
    if (optind < argc || options.max > CHECK_LARGEST || options.min > options.max
        || options.burst < 1) {
        usage();
    }
}

/* Sum up over threads and ranks and print the result. */
static int report(double seconds)
{
    uint64_t mine[3] = {(uint64_t) atomic_load(&check_errors), 0, 0}, all[3], expected = 0;

    for (int i = 0; i < options.threads; i++) {
        mine[1] += streams[i].received;
        mine[2] += streams[i].received_bytes;
        expected += streams[i].scheduled;
    }
    check_doing("the sums");
    MPI_Allreduce(mine, all, 3, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    all[0] += all[1] != expected;
    if (0 == check_rank) {
        printf("stress: %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " errors", all[1],
               all[2], all[0]);
        if (all[1] != expected) {
            printf(" (%" PRIu64 " messages were to be sent)", expected);
        }
        printf("\n");
        fprintf(stderr, "stress: %.1f s, %.0f messages/s, %.0f MB/s\n", seconds,
                (double) all[1] / seconds, (double) all[2] / seconds / 1e6);
    }
    return all[0] ? 1 : 0;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST_THREADS];
    double started;
    int status;

    parse_options(argc, argv);
    check_start(&argc, &argv, "stress",
                options.threads > 1 ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE);
    check_describe = describe;
    if (0 == check_rank) {
        fprintf(stderr, "stress: seed %" PRIu64 ", %d ranks, %d threads each\n", options.seed,
                check_size, options.threads);
    }
    elements_make(options.contiguous);
    for (int i = 0; i < options.threads; i++) {
        stream_open(&streams[i], i);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    started = MPI_Wtime();
    for (int i = 1; i < options.threads; i++) {
        pthread_create(&threads[i], NULL, stream_run, &streams[i]);
    }
    stream_run(&streams[0]);
    for (int i = 1; i < options.threads; i++) {
        pthread_join(threads[i], NULL);
    }
    status = report(MPI_Wtime() - started);
    for (int i = 0; i < options.threads; i++) {
        stream_close(&streams[i]);
    }
    elements_free();
    free(check_block);
    MPI_Finalize();
    return status;
}
