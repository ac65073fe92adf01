/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * paths: sending, receiving and looking in vain, each by itself, for callgrind to count.
 *
 *     paths FILE MESSAGES IDLE BYTES:ROW[:wait]...
 *
 * For each BYTES:ROW, MESSAGES messages of BYTES bytes go from rank 0 to rank 1, ROW of them in a
 * row: rank 0 sends them while rank 1 is out of MPI, then rank 1 receives them while rank 0 is. They
 * take turns through FILE, which both map, so that what happens in MPI does not depend on time. Then
 * rank 1 asks IDLE times for a message that nobody sends.
 *
 * With `wait` rank 0 calls MPI_Isend, and MPI_Wait after rank 1 has received: for a transport on which
 * MPI_Send returns only then.
 *
 * The driver has callgrind count what is called from the functions measured_*, from part_starts() to
 * part_ends(). Every BYTES:ROW is a part of its own on both ranks, and so is the asking on rank 1.
 */
#include "../mpi/check.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { TAG = 1, EAGER_BYTES = 4096, MOST_BYTES = 64 << 10, MOST_ROW = 1000, NAP_US = 20 };

/* What the ranks share: how many rows each has done; written by that rank, read by the other. */
struct turns {
    _Atomic uint64_t sent, received;
};

/* Messages of one size. */
struct part {
    int bytes;
    unsigned row;      /* messages that are sent before the first of them is received */
    bool wait;         /* MPI_Isend and MPI_Wait, not MPI_Send */
    unsigned messages; /* in all */
};

static struct turns *turns;

static unsigned char buffer[MOST_BYTES];
static volatile unsigned parts_started, parts_ended; /* so that the functions are not empty */

static void __attribute__((noinline)) part_starts(void)
{
    ++parts_started;
}

static void __attribute__((noinline)) part_ends(void)
{
    ++parts_ended;
}

static void __attribute__((noinline)) measured_send(const struct part *part)
{
    for (unsigned i = 0; i < part->row; i++) {
        MPI_Send(buffer, part->bytes, MPI_BYTE, 1, TAG, MPI_COMM_WORLD);
    }
}

static void __attribute__((noinline)) measured_isend(const struct part *part, MPI_Request *requests)
{
    for (unsigned i = 0; i < part->row; i++) {
        MPI_Isend(buffer, part->bytes, MPI_BYTE, 1, TAG, MPI_COMM_WORLD, &requests[i]);
    }
}

static void __attribute__((noinline)) measured_wait(const struct part *part, MPI_Request *requests)
{
    for (unsigned i = 0; i < part->row; i++) {
        MPI_Wait(&requests[i], MPI_STATUS_IGNORE);
    }
}

static void __attribute__((noinline)) measured_receive(const struct part *part)
{
    for (unsigned i = 0; i < part->row; i++) {
        MPI_Recv(buffer, part->bytes, MPI_BYTE, 0, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

static void __attribute__((noinline)) measured_idle(unsigned calls)
{
    int found = 0;

    for (unsigned i = 0; i < calls; i++) {
        MPI_Iprobe(0, TAG + 1, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
    }
}

static void open_turns(const char *file)
{
    int fd = open(file, O_RDWR);

    turns = MAP_FAILED;
    if (fd >= 0) {
        turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (MAP_FAILED == turns) {
        fprintf(stderr, "paths: cannot map %s\n", file);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    close(fd);
}

/* Wait, out of MPI, until the other rank has done as many rows. */
static void wait_for(_Atomic uint64_t *rows, uint64_t number)
{
    while (atomic_load(rows) < number) {
        usleep(NAP_US);
    }
}

/* Both ways, and at a size for which segmsg lengthens the rings at once: no row may be stopped by a
 * full ring, since nobody receives meanwhile. */
static void talk(void)
{
    static unsigned char in[EAGER_BYTES];

    check_doing("the first message");
    MPI_Sendrecv(buffer, EAGER_BYTES, MPI_BYTE, 1 - check_rank, TAG, in, EAGER_BYTES, MPI_BYTE,
                 1 - check_rank, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void send_row(const struct part *part, uint64_t number)
{
    static MPI_Request requests[MOST_ROW];

    check_fill(buffer, (size_t) part->bytes, number);
    if (part->wait) {
        measured_isend(part, requests);
    } else {
        measured_send(part);
    }
    atomic_store(&turns->sent, number);
    wait_for(&turns->received, number);
    if (part->wait) {
        measured_wait(part, requests);
    }
}

static void receive_row(const struct part *part, uint64_t number)
{
    wait_for(&turns->sent, number);
    measured_receive(part);
    CHECK(check_same(buffer, (size_t) part->bytes, number), "%d bytes are not those sent",
          part->bytes);
    atomic_store(&turns->received, number);
}

static void run_rows(const struct part *part)
{
    static uint64_t number; /* of rows so far */

    for (unsigned i = 0; i < part->messages; i += part->row) {
        ++number;
        if (0 == check_rank) {
            send_row(part, number);
        } else {
            receive_row(part, number);
        }
    }
}

/* All messages of one size, after as many again that only bring everything into its usual state. */
static void run_part(const struct part *part)
{
    check_doing("%u messages of %d bytes, %u in a row", part->messages, part->bytes, part->row);
    run_rows(part);
    part_starts();
    run_rows(part);
    part_ends();
}

static void run_idle(unsigned calls)
{
    check_doing("calls that find nothing");
    if (1 == check_rank) {
        measured_idle(calls);
        part_starts();
        measured_idle(calls);
        part_ends();
    }
}

static struct part read_part(const char *text, unsigned messages)
{
    struct part part = {.wait = NULL != strstr(text, ":wait"), .messages = messages};

    if (2 != sscanf(text, "%d:%u", &part.bytes, &part.row) || part.bytes < 0
        || part.bytes > MOST_BYTES || 0 == part.row || part.row > MOST_ROW) {
        fprintf(stderr, "paths: %s is not BYTES:ROW\n", text);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    return part;
}

int main(int argc, char **argv)
{
    check_start(&argc, &argv, "paths", MPI_THREAD_SINGLE);
    if (argc < 4 || 2 != check_size) {
        fprintf(stderr, "usage: mpirun -n 2 paths FILE MESSAGES IDLE BYTES:ROW[:wait]...\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    open_turns(argv[1]);
    talk();
    for (int i = 4; i < argc; i++) {
        struct part part = read_part(argv[i], (unsigned) atoi(argv[2]));

        run_part(&part);
    }
    run_idle((unsigned) atoi(argv[3]));
    return check_finish();
}
