/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * ordering: messages of one pair, tag and communicator do not overtake each other, whatever
 * their sizes, and so whichever group each of them takes.
 *
 * Each rank sends numbered messages of mixed sizes to every other; the receiver checks that the
 * numbers come in order, once with receives of one tag, once with wildcards for source and tag.
 */
#include "check.h"

enum {
    MESSAGES = 3000, /* per pair and mode */
    WINDOW = 64,     /* sends in progress per pair */
    TAG = 7,
};

/* Bytes of a pair's n-th message: neighbours differ as much as possible. */
static int size_of(int source, int n)
{
    static const int sizes[] = {4,     60000,  8,    4100, 64,  5000, 9,    16384,
                                40,    300000, 1025, 41,   65,  8191, 100,  32,
                                70000, 2048,   257,  4095, 512, 4,    8192, 12};
    const int count = sizeof(sizes) / sizeof(sizes[0]);

    /* A burst of small ones behind a large one is what tempts a transport to overtake. */
    return n % 50 < 30 ? sizes[(n + source) % count] : 4 + (n * 7 + source) % 60;
}

static uint64_t key_of(int source, int dest, int n)
{
    return ((uint64_t) source << 48) | ((uint64_t) dest << 32) | (uint32_t) n;
}

static void make(unsigned char *buffer, int dest, int n)
{
    int size = size_of(check_rank, n);

    check_fill(buffer, (size_t) size, key_of(check_rank, dest, n));
    memcpy(buffer, &n, sizeof(n));
}

static void check(const unsigned char *buffer, const MPI_Status *status, int n)
{
    int bytes, number, source = status->MPI_SOURCE;
    size_t offset = sizeof(number);

    MPI_Get_count(status, MPI_BYTE, &bytes);
    memcpy(&number, buffer, sizeof(number));
    CHECK(number == n, "message %d from rank %d where %d was next", number, source, n);
    CHECK(bytes == size_of(source, n), "message %d from rank %d has %d bytes, not %d", n, source,
          bytes, size_of(source, n));
    CHECK(0
              == memcmp(buffer + offset, check_content(key_of(source, check_rank, n)) + offset,
                        (size_t) bytes - offset),
          "message %d of %d bytes from rank %d has other content", n, bytes, source);
}

/* All ranks send to all others and receive from them, by the given source and tag. */
static void run(bool wild)
{
    const size_t largest = 300000;
    int peers = check_size - 1, done = 0;
    unsigned char *out = check_allocate((size_t) peers * WINDOW * largest);
    unsigned char *in = check_allocate(largest);
    int *received = calloc((size_t) check_size, sizeof(int));
    MPI_Request *sends = check_allocate((size_t) peers * WINDOW * sizeof(MPI_Request));

    for (int i = 0; i < peers * WINDOW; i++) {
        sends[i] = MPI_REQUEST_NULL;
    }
    for (int n = 0; n < MESSAGES; n++) {
        check_doing("message %d, wildcards %d", n, wild);
        for (int i = 0; i < peers; i++) {
            int dest = (check_rank + 1 + i) % check_size, slot = i * WINDOW + n % WINDOW;

            while (MPI_REQUEST_NULL != sends[slot]) {
                int complete, found;
                MPI_Status status;

                MPI_Test(&sends[slot], &complete, MPI_STATUS_IGNORE);
                MPI_Iprobe(MPI_ANY_SOURCE, wild ? MPI_ANY_TAG : TAG, MPI_COMM_WORLD, &found,
                           &status);
                if (found) {
                    MPI_Recv(in, (int) largest, MPI_BYTE, status.MPI_SOURCE,
                             wild ? MPI_ANY_TAG : TAG, MPI_COMM_WORLD, &status);
                    check(in, &status, received[status.MPI_SOURCE]++);
                    done++;
                }
            }
            make(out + (size_t) slot * largest, dest, n);
            MPI_Isend(out + (size_t) slot * largest, size_of(check_rank, n), MPI_BYTE, dest,
                      wild ? n % 5 : TAG, MPI_COMM_WORLD, &sends[slot]);
        }
    }
    while (done < peers * MESSAGES) {
        MPI_Status status;

        check_doing("message %d of %d, wildcards %d", done, peers * MESSAGES, wild);
        MPI_Recv(in, (int) largest, MPI_BYTE, MPI_ANY_SOURCE, wild ? MPI_ANY_TAG : TAG,
                 MPI_COMM_WORLD, &status);
        check(in, &status, received[status.MPI_SOURCE]++);
        done++;
    }
    MPI_Waitall(peers * WINDOW, sends, MPI_STATUSES_IGNORE);
    MPI_Barrier(MPI_COMM_WORLD);
    free(out);
    free(in);
    free(received);
    free(sends);
}

int main(int argc, char **argv)
{
    check_start(&argc, &argv, "ordering", MPI_THREAD_SINGLE);
    run(false);
    run(true);
    return check_finish();
}
