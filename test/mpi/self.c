/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * self: a rank reaches itself with messages of every size and data type, also where segmsg is the
 * only transport.
 */
#include "elements.h"

/* Receive first or send first, by each way of sending. */
static void send_to_self(const unsigned char *out, unsigned char *in, int size, bool receive_first)
{
    MPI_Request requests[2];
    MPI_Status status;
    int bytes;

    check_doing("a message of %d bytes to itself", size);
    memset(in, GUARD_BYTE, (size_t) size + 1);
    if (receive_first) {
        MPI_Irecv(in, size + 1, MPI_BYTE, check_rank, 3, MPI_COMM_WORLD, &requests[0]);
        MPI_Send(out, size, MPI_BYTE, check_rank, 3, MPI_COMM_WORLD);
        MPI_Wait(&requests[0], &status);
    } else {
        MPI_Isend(out, size, MPI_BYTE, check_rank, 3, MPI_COMM_WORLD, &requests[0]);
        MPI_Recv(in, size + 1, MPI_BYTE, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        MPI_Wait(&requests[0], MPI_STATUS_IGNORE);
    }
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    CHECK(bytes == size, "%d bytes arrived, not %d", bytes, size);
    CHECK(status.MPI_SOURCE == check_rank && 3 == status.MPI_TAG, "other source or tag");
    CHECK(0 == memcmp(in, out, (size_t) size), "%d bytes: other content", size);
    CHECK(GUARD_BYTE == in[size], "%d bytes: written behind them", size);
}

static void data_types(void)
{
    unsigned char *out = check_allocate(4 << 20), *in = check_allocate(4 << 20);

    for (int i = 0; i < element_count; i++) {
        const struct element *element = &elements[i];

        for (int count = 1; (size_t) count * element->extent <= 4u << 20; count *= 7) {
            size_t size = (size_t) count * element->size;
            const unsigned char *packed = check_content((uint64_t) count);

            check_doing("%d elements of data type %d to itself", count, i);
            memset(in, GUARD_BYTE, (size_t) count * element->extent);
            element_scatter(element, out, packed, size);
            MPI_Sendrecv(out, count, element->type, check_rank, count, in, count, element->type,
                         check_rank, count, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            CHECK(element_gather_same(element, in, packed, size),
                  "%d elements of data type %d: other content", count, i);
        }
    }
    free(out);
    free(in);
}

/* Messages to the process itself over the communicator that holds nothing else, many at once. */
static void many(void)
{
    enum { MANY = 2000 };
    int out[MANY], in[MANY];
    MPI_Request requests[2 * MANY];

    for (int i = 0; i < MANY; i++) {
        out[i] = check_rank * MANY + i;
        MPI_Isend(&out[i], 1, MPI_INT, 0, i % 3, MPI_COMM_SELF, &requests[i]);
    }
    for (int i = 0; i < MANY; i++) {
        MPI_Irecv(&in[i], 1, MPI_INT, 0, i % 3, MPI_COMM_SELF, &requests[MANY + i]);
    }
    check_doing("%d messages to itself", MANY);
    MPI_Waitall(2 * MANY, requests, MPI_STATUSES_IGNORE);
    for (int i = 0; i < MANY; i++) {
        CHECK(in[i] == out[i], "message %d to itself holds %d, not %d", i, in[i], out[i]);
    }
}

int main(int argc, char **argv)
{
    unsigned char *in;

    check_start(&argc, &argv, "self", MPI_THREAD_SINGLE);
    in = check_allocate(CHECK_LARGEST + 1);
    for (const long *size = check_sizes; *size >= 0; size++) {
        const unsigned char *out = check_content((uint64_t) *size);

        send_to_self(out, in, (int) *size, true);
        send_to_self(out, in, (int) *size, false);
    }
    free(in);
    many();
    elements_make(false);
    data_types();
    elements_free();
    return check_finish();
}
