/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * writes: between hosts a message is one RMA write, whatever the number of partitions. Rank 0 sends
 * messages of every size up to the eager limit to rank 1, which answers each; it compares how many RMA
 * writes it has begun with how many messages it has sent. Read from segmsg's own performance variables.
 * Arguments:
 *   --gathered   short messages in bursts as well, which take fewer writes than messages
 *   --apart      the same, and they do not
 */
#include "variables.h"

enum {
    MESSAGES = 50,
    LONGEST = 64 * 1024, /* bytes; the eager limit between hosts, without headers */
};

struct counts {
    unsigned long long messages, writes, parts, partitions;
};

static struct variable messages, writes, parts, partitions;

static struct counts read_counts(void)
{
    struct counts counts = {0};
    unsigned long long by_group[MOST_GROUPS] = {0};

    MPI_T_pvar_read(session, messages.handle, &counts.messages);
    MPI_T_pvar_read(session, writes.handle, &counts.writes);
    MPI_T_pvar_read(session, parts.handle, &counts.parts);
    MPI_T_pvar_read(session, partitions.handle, by_group);
    for (int group = 0; group < partitions.count; group++) {
        counts.partitions += by_group[group];
    }
    return counts;
}

static struct counts since(struct counts before)
{
    struct counts after = read_counts();

    return (struct counts){after.messages - before.messages, after.writes - before.writes,
                           after.parts - before.parts, after.partitions - before.partitions};
}

/* Messages that are answered, one after the other. */
static void one_by_one(int size)
{
    unsigned char *in = check_allocate((size_t) size + 1);

    MPI_Barrier(MPI_COMM_WORLD);
    struct counts before = read_counts();
    for (int i = 0; i < MESSAGES; i++) {
        if (check_rank == 0) {
            MPI_Send(check_content((uint64_t) i), size, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
            MPI_Recv(in, size, MPI_BYTE, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else {
            MPI_Recv(in, size, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            CHECK(0 == memcmp(in, check_content((uint64_t) i), (size_t) size),
                  "message %d of %d bytes: other content", i, size);
            MPI_Send(in, size, MPI_BYTE, 0, 2, MPI_COMM_WORLD);
        }
    }
    struct counts sent = since(before);
    printf("writes: rank %d, %6d bytes: %llu messages, %llu partitions, %llu writes\n", check_rank,
           size, sent.messages, sent.partitions, sent.writes + sent.parts);
    CHECK(MESSAGES == sent.messages, "%d messages of %d bytes were %llu", MESSAGES, size,
          sent.messages);
    CHECK(MESSAGES == sent.writes && 0 == sent.parts,
          "%d messages of %d bytes were %llu writes and %llu parts", MESSAGES, size, sent.writes,
          sent.parts);
    CHECK(size < 256 || sent.partitions > sent.messages,
          "%d messages of %d bytes took %llu partitions", MESSAGES, size, sent.partitions);
    free(in);
}

/*
 * Bursts of short messages, each of them answered as a whole. All that is in one leaves together but for
 * its first messages, where a burst ends before the ring does; where it does not, in two writes more.
 * What time has to say in this, the parameters must rule out: see the case that runs this.
 */
static void bursts(int size, bool is_gathered)
{
    enum { BURSTS = 50, BURST = 20, TOTAL = BURSTS * BURST };
    unsigned char in[1024];

    MPI_Barrier(MPI_COMM_WORLD);
    struct counts before = read_counts();
    for (int burst = 0; burst < BURSTS; burst++) {
        for (int i = 0; i < BURST; i++) {
            if (check_rank == 0) {
                MPI_Send(check_content((uint64_t) i), size, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
            } else {
                MPI_Recv(in, size, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                CHECK(0 == memcmp(in, check_content((uint64_t) i), (size_t) size),
                      "message %d of a burst: other content", i);
            }
        }
        if (check_rank == 0) {
            MPI_Recv(in, 1, MPI_BYTE, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else {
            MPI_Send(in, 1, MPI_BYTE, 0, 2, MPI_COMM_WORLD);
        }
    }
    if (check_rank == 0) {
        struct counts sent = since(before);
        printf("writes: bursts of %d messages of %d bytes, %llu in all, took %llu writes\n", BURST,
               size, sent.messages, sent.writes);
        CHECK(TOTAL == sent.messages, "%d messages were %llu", TOTAL, sent.messages);
        CHECK(is_gathered ? sent.writes < TOTAL / 2 : sent.writes == TOTAL,
              "%d messages in bursts were %llu writes", TOTAL, sent.writes);
    }
}

int main(int argc, char **argv)
{
    int provided;

    check_start(&argc, &argv, "writes", MPI_THREAD_SINGLE);
    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    MPI_T_pvar_session_create(&session);
    if (check_size != 2) {
        check_report(__FILE__, __LINE__, "this test takes two ranks");
    } else if (variable_open(&messages, "btl_segmsg_ofi_messages")
               && variable_open(&writes, "btl_segmsg_ofi_writes")
               && variable_open(&parts, "btl_segmsg_ofi_parts")
               && variable_open(&partitions, "btl_segmsg_sent_partitions")) {
        one_by_one(1); /* forms the groups */
        for (int size = 1; size <= LONGEST; size *= 2) {
            one_by_one(size);
            one_by_one(size + size / 2 <= LONGEST ? size + size / 2 : LONGEST);
        }
        bool is_gathered = argc > 1 && 0 == strcmp(argv[1], "--gathered");
        if (is_gathered || (argc > 1 && 0 == strcmp(argv[1], "--apart"))) {
            bursts(8, is_gathered);
            bursts(1000, is_gathered);
        }
    }
    MPI_T_pvar_session_free(&session);
    MPI_T_finalize();
    return check_finish();
}
