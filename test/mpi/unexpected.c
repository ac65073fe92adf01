/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * unexpected: messages that arrive before their receives are kept, whatever their number and
 * sizes, and are then received in another order than they came in.
 *
 * All ranks flood rank 0, which does not receive meanwhile; then it asks for tag after tag,
 * highest first.
 */
#include "check.h"

enum {
    SMALL = 20000, /* messages of up to 64 bytes, from all ranks together */
    EAGER = 2000,  /* of up to 16 KB */
    LARGE = 60,    /* of up to 1 MB */
    TAGS = 10,
    DONE = 1000, /* the tag that tells rank 0 that all was sent */
};

static uint64_t key_of(int source, int tag, int n)
{
    return ((uint64_t) source << 40) | ((uint64_t) tag << 32) | (uint32_t) n;
}

/* Bytes of a message, up to most. */
static int size_of(uint64_t key, int most)
{
    return (int) (check_mix(key) % (uint64_t) (most + 1));
}

static void flood(int most, int per_tag)
{
    unsigned char *out = check_allocate((size_t) most * TAGS * (size_t) per_tag);
    MPI_Request *sends = check_allocate(TAGS * (size_t) per_tag * sizeof(MPI_Request));
    int begun = 0;

    for (int n = 0; n < per_tag; n++) {
        for (int tag = 0; tag < TAGS; tag++, begun++) {
            uint64_t key = key_of(check_rank, tag, n);
            unsigned char *buffer = out + (size_t) begun * (size_t) most;

            check_fill(buffer, (size_t) size_of(key, most), key);
            MPI_Isend(buffer, size_of(key, most), MPI_BYTE, 0, tag, MPI_COMM_WORLD, &sends[begun]);
        }
    }
    MPI_Send(NULL, 0, MPI_BYTE, 0, DONE, MPI_COMM_WORLD);
    MPI_Waitall(begun, sends, MPI_STATUSES_IGNORE);
    free(out);
    free(sends);
}

static void drain(int most, int per_tag)
{
    unsigned char *in = check_allocate((size_t) most);

    for (int source = 1; source < check_size; source++) {
        check_doing("the last message of rank %d, of up to %d bytes", source, most);
        MPI_Recv(NULL, 0, MPI_BYTE, source, DONE, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    for (int tag = TAGS - 1; tag >= 0; tag--) {
        for (int source = check_size - 1; source > 0; source--) {
            check_doing("tag %d of rank %d, of up to %d bytes", tag, source, most);
            for (int n = 0; n < per_tag; n++) {
                uint64_t key = key_of(source, tag, n);
                int bytes;
                MPI_Status status;

                MPI_Recv(in, most, MPI_BYTE, source, tag, MPI_COMM_WORLD, &status);
                MPI_Get_count(&status, MPI_BYTE, &bytes);
                CHECK(bytes == size_of(key, most), "tag %d from rank %d: %d bytes, not %d", tag,
                      source, bytes, size_of(key, most));
                CHECK(check_same(in, (size_t) bytes, key), "tag %d from rank %d: other content",
                      tag, source);
            }
        }
    }
    free(in);
}

int main(int argc, char **argv)
{
    static const struct {
        int most, count;
    } floods[] = {{64, SMALL}, {16 << 10, EAGER}, {1 << 20, LARGE}};

    check_start(&argc, &argv, "unexpected", MPI_THREAD_SINGLE);
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]) && check_size > 1; i++) {
        int per_tag = floods[i].count / TAGS / (check_size - 1);

        per_tag = per_tag ? per_tag : 1;
        if (0 == check_rank) {
            drain(floods[i].most, per_tag);
        } else {
            flood(floods[i].most, per_tag);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
    return check_finish();
}
