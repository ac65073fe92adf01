/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * counters: one message is one fragment to the PML, whatever the number of partitions; and which
 * groups carried how many. Read from segmsg's own performance variables through MPI_T.
 *
 * Pairs of ranks take turns, while the others send nothing: the receiver reads the counters, asks
 * for MESSAGES messages of one size, receives them and reads again. Arguments:
 *   --absent     segmsg must not be loaded: no performance variable of it exists; messages arrive
 *   --declined   segmsg may be loaded, but must carry nothing; messages arrive
 *   --used       only show that messages go through it
 *   --units      large messages only, all of which must go through segments in units
 */
#include "variables.h"

#include <inttypes.h>

enum {
    MESSAGES = 100,
    HEADERS = 128, /* bytes of the eager limit that the PML may need for itself, at most */
};

struct reading {
    unsigned long long fragments, bytes;
    unsigned long long received[MOST_GROUPS];
};

static struct variable fragments, bytes, received, sent;

static struct reading read_counters(void)
{
    struct reading reading = {0};

    MPI_T_pvar_read(session, fragments.handle, &reading.fragments);
    MPI_T_pvar_read(session, bytes.handle, &reading.bytes);
    MPI_T_pvar_read(session, received.handle, reading.received);
    return reading;
}

/* The eager limit (bytes), headers included. */
static long eager_limit(void)
{
    int index, count;
    unsigned long long value = 0;
    MPI_T_cvar_handle handle;

    if (MPI_SUCCESS != MPI_T_cvar_get_index("btl_segmsg_eager_limit", &index)
        || MPI_SUCCESS != MPI_T_cvar_handle_alloc(index, NULL, &handle, &count)) {
        check_report(__FILE__, __LINE__, "there is no control variable btl_segmsg_eager_limit");
        return 0;
    }
    MPI_T_cvar_read(handle, &value);
    MPI_T_cvar_handle_free(&handle);
    return (long) value;
}

static void send_all(int to, int size, MPI_Datatype type, int count)
{
    int token;

    check_doing("the request for messages of %d bytes", size);
    MPI_Recv(&token, 1, MPI_INT, to, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < MESSAGES; i++) {
        MPI_Request request;

        if (i & 1) {
            MPI_Send(check_content((uint64_t) i), count, type, to, 2, MPI_COMM_WORLD);
        } else {
            MPI_Isend(check_content((uint64_t) i), count, type, to, 2, MPI_COMM_WORLD, &request);
            MPI_Wait(&request, MPI_STATUS_IGNORE);
        }
    }
    MPI_Recv(&token, 1, MPI_INT, to, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* Receive the messages and check that each was one fragment. */
static void receive_all(int from, int size, const char *kind, unsigned char *in)
{
    struct reading before = read_counters(), after;
    int token = 0;
    unsigned long long number, data;

    MPI_Send(&token, 1, MPI_INT, from, 1, MPI_COMM_WORLD);
    for (int i = 0; i < MESSAGES; i++) {
        check_doing("message %d of %d bytes (%s)", i, size, kind);
        MPI_Recv(in, size, MPI_PACKED, from, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    after = read_counters();
    MPI_Send(&token, 1, MPI_INT, from, 4, MPI_COMM_WORLD); /* only now may more arrive */
    number = after.fragments - before.fragments;
    data = after.bytes - before.bytes;
    CHECK(MESSAGES == number, "%d messages of %d bytes (%s) were %llu fragments", MESSAGES, size,
          kind, number);
    CHECK(data >= (unsigned long long) MESSAGES * (unsigned) size
              && data <= (unsigned long long) MESSAGES * ((unsigned) size + HEADERS),
          "%d messages of %d bytes (%s) brought %llu bytes", MESSAGES, size, kind, data);
    printf("counters: %6d bytes (%s): %d messages, %llu fragments, by group:", size, kind, MESSAGES,
           number);
    for (int group = 0; group < received.count; group++) {
        printf(" %llu", after.received[group] - before.received[group]);
    }
    printf("\n");
    fflush(stdout);
}

/* One rank sends to another; all sizes up to the eager limit, contiguous and not. */
static void pair(int from, int to, long limit)
{
    unsigned char *in = check_allocate((size_t) limit + 1);
    MPI_Datatype type;

    for (const long *size = check_sizes; *size >= 0; size++) {
        long bytes_sent = *size <= limit - HEADERS ? *size : limit - HEADERS;

        if (check_rank == from) {
            send_all(to, (int) bytes_sent, MPI_BYTE, (int) bytes_sent);
        } else if (check_rank == to) {
            receive_all(from, (int) bytes_sent, "contiguous", in);
        }
        MPI_Type_vector((int) bytes_sent / 4, 4, 6, MPI_BYTE, &type);
        MPI_Type_commit(&type);
        if (check_rank == from) {
            send_all(to, (int) bytes_sent / 4 * 4, type, 1);
        } else if (check_rank == to) {
            receive_all(from, (int) bytes_sent / 4 * 4, "strided", in);
        }
        MPI_Type_free(&type);
        if (*size > limit - HEADERS) {
            break;
        }
    }
    free(in);
}

/* Let the pairs take turns; who has no turn waits for a message of rank 0, which costs nobody one. */
static void turns(long limit)
{
    int last = check_size - 1, done = 0;

    if (0 == check_rank || 1 == check_rank) {
        pair(0, 1, limit);
        pair(1, 0, limit);
    }
    if (last > 1 && (0 == check_rank || last == check_rank)) {
        if (last == check_rank) {
            check_doing("the turn");
            MPI_Recv(&done, 1, MPI_INT, 0, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else {
            MPI_Send(&done, 1, MPI_INT, last, 3, MPI_COMM_WORLD);
        }
        pair(0, last, limit);
    }
}

static void show_groups(void)
{
    unsigned long long out[MOST_GROUPS], in[MOST_GROUPS];

    MPI_T_pvar_read(session, sent.handle, out);
    MPI_T_pvar_read(session, received.handle, in);
    for (int group = 0; group < received.count; group++) {
        printf("counters: rank %d, group %d: %llu messages sent, %llu received\n", check_rank,
               group, out[group], in[group]);
    }
    fflush(stdout);
}

/* Every rank hears from its neighbour, which goes through whatever transport there is. */
/* Large messages from rank 0 to rank 1: what both copied is counted by the receiver, and only where a
 * single copy is permitted. */
static void large(void)
{
    enum { TIMES = 20, SIZE = 1 << 20 };
    struct variable transfers, helped;
    const char *permitted = getenv("OMPI_MCA_btl_segmsg_single_copy");
    unsigned long long begun = 0, bytes_helped = 0;
    unsigned char *data = check_allocate(SIZE);

    if (!variable_open(&transfers, "btl_segmsg_cooperative_transfers")
        || !variable_open(&helped, "btl_segmsg_cooperative_helped_bytes")) {
        free(data);
        return;
    }
    for (int n = 0; n < TIMES && check_rank < 2; n++) {
        if (0 == check_rank) {
            check_fill(data, SIZE, (uint64_t) n);
            MPI_Ssend(data, SIZE, MPI_BYTE, 1, n, MPI_COMM_WORLD);
        } else {
            MPI_Recv(data, SIZE, MPI_BYTE, 0, n, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
    }
    MPI_T_pvar_read(session, transfers.handle, &begun);
    MPI_T_pvar_read(session, helped.handle, &bytes_helped);
    CHECK(bytes_helped <= begun * SIZE, "%llu bytes of %llu transfers", bytes_helped, begun);
    CHECK(begun <= (1 == check_rank ? TIMES : 0), "%llu transfers", begun);
    CHECK(!permitted || strcmp(permitted, "none") != 0 || 0 == begun,
          "%llu transfers though none may be", begun);
    if (1 == check_rank) {
        printf("counters: %llu large messages copied by both, %llu bytes of them by the sender\n",
               begun, bytes_helped);
    }
    free(data);
}

/* Large messages from rank 0 to rank 1, of which every byte goes through segments although the kernel could
 * copy it. */
static void large_in_units(void)
{
    enum { LEAST = 10000, MOST = 3 << 20 };
    struct variable transfers, units;
    unsigned long long begun = 0, bytes_units = 0, bytes_sent = 0, messages = 0;
    unsigned char *data = check_allocate(MOST);

    if (!variable_open(&transfers, "btl_segmsg_cooperative_transfers")
        || !variable_open(&units, "btl_segmsg_chunked_bytes")) {
        free(data);
        return;
    }
    for (int size = LEAST; size <= MOST; size += size / 3) {
        if (0 == check_rank) {
            MPI_Ssend(check_content((uint64_t) size), size, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
        } else {
            memset(data, 0, (size_t) size);
            MPI_Recv(data, size, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            CHECK(0 == memcmp(data, check_content((uint64_t) size), (size_t) size),
                  "%d bytes: other content", size);
        }
        bytes_sent += (unsigned long long) size;
        messages++;
    }
    MPI_T_pvar_read(session, transfers.handle, &begun);
    MPI_T_pvar_read(session, units.handle, &bytes_units);
    if (1 == check_rank) {
        printf("counters: %llu bytes of %llu large messages, %llu of them in units\n", bytes_sent,
               messages, bytes_units);
        CHECK(begun == messages, "%llu transfers", begun);
        CHECK(bytes_units == bytes_sent, "%llu bytes in units", bytes_units);
    }
    free(data);
}

static void greet(void)
{
    int in = -1, previous = (check_rank + check_size - 1) % check_size;

    check_doing("a message of the neighbour");
    MPI_Sendrecv(&check_rank, 1, MPI_INT, (check_rank + 1) % check_size, 1, &in, 1, MPI_INT,
                 previous, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(in == previous, "the neighbour says that it is rank %d", in);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    int provided;
    bool loaded;

    check_start(&argc, &argv, "counters", MPI_THREAD_SINGLE);
    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    loaded = pvar_find("btl_segmsg_delivered_fragments") >= 0;
    if (0 == strcmp(mode, "--absent") || (0 == strcmp(mode, "--declined") && !loaded)) {
        CHECK(!loaded, "segmsg is there");
        greet();
        MPI_T_finalize();
        return check_finish();
    }
    MPI_T_pvar_session_create(&session);
    if (variable_open(&fragments, "btl_segmsg_delivered_fragments")
        && variable_open(&bytes, "btl_segmsg_delivered_bytes")
        && variable_open(&received, "btl_segmsg_received_messages")
        && variable_open(&sent, "btl_segmsg_sent_messages")) {
        greet(); /* a handle counts from its allocation on */
        if (0 == strcmp(mode, "--used")) {
            CHECK(read_counters().fragments > 0, "no message went through segmsg");
        } else if (0 == strcmp(mode, "--declined")) {
            CHECK(read_counters().fragments == 0, "messages went through segmsg");
        } else if (0 == strcmp(mode, "--units")) {
            large_in_units();
        } else if (check_size > 1) {
            turns(eager_limit());
            show_groups();
            large();
        }
    }
    check_doing("the end of the others");
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_T_pvar_session_free(&session);
    MPI_T_finalize();
    return check_finish();
}
