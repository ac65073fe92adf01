/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * truncate: a receive that is shorter than the message gets MPI_ERR_TRUNCATE and as much of the message as
 * it has room for; not a byte behind its room changes, nor one in the gaps of its data type. Each rank
 * receives from the one before it, with one rank from itself.
 */
#include "check.h"

#include <sys/mman.h>

enum { GUARD_BYTE = 0xa5, TAG = 7, LAST_TAG = 8 };

/* How the receive is made. The first three are there before the message, the others after it. */
enum way { POSTED, FROM_ANY, PERSISTENT, UNEXPECTED, MATCHED, WAYS };
static const char *const way_names[] = {"posted", "posted to any source", "persistent",
                                        "unexpected", "matched by a probe"};

/* Where the receive puts it. */
enum place { GUARDED, PAGE_END, GAPPED, PLACES };
static const char *const place_names[] = {"contiguous", "at the end of memory", "with gaps"};

enum { BLOCK = 48, STRIDE = 80 }; /* bytes of the data type with gaps */

static int from, to;

/* Starts a receive; how it ends is the caller's. */
static void start(enum way way, void *buffer, int count, MPI_Datatype type, MPI_Request *request)
{
    if (way == PERSISTENT) {
        MPI_Recv_init(buffer, count, type, from, TAG, MPI_COMM_WORLD, request);
        MPI_Start(request);
    } else if (way == MATCHED) {
        MPI_Message message;

        MPI_Mprobe(from, TAG, MPI_COMM_WORLD, &message, MPI_STATUS_IGNORE);
        MPI_Imrecv(buffer, count, type, &message, request);
    } else {
        MPI_Irecv(buffer, count, type, way == FROM_ANY ? MPI_ANY_SOURCE : from, TAG, MPI_COMM_WORLD,
                  request);
    }
}

static bool is_posted_first(enum way way)
{
    return way == POSTED || way == FROM_ANY || way == PERSISTENT;
}

/* Sends `size` bytes to the next rank, receives them as `count` of `type`; the receive's error class. */
static int transfer(enum way way, const void *message, int size, void *buffer, int count,
                    MPI_Datatype type)
{
    MPI_Request requests[2];
    bool is_first = is_posted_first(way);
    int class = 0, rc;

    if (is_first) {
        start(way, buffer, count, type, &requests[0]);
    }
    if (check_size > 1) {
        MPI_Barrier(MPI_COMM_WORLD); /* nobody's message comes before it */
    }
    MPI_Isend(message, size, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &requests[1]);
    if (way == UNEXPECTED) {
        MPI_Probe(from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    if (!is_first) {
        start(way, buffer, count, type, &requests[0]);
    }
    rc = MPI_Wait(&requests[0], MPI_STATUS_IGNORE);
    MPI_Error_class(rc, &class);
    if (way == PERSISTENT && requests[0] != MPI_REQUEST_NULL) {
        MPI_Request_free(&requests[0]);
    }
    MPI_Wait(&requests[1], MPI_STATUS_IGNORE);
    return class;
}

/* True if all of these bytes are the guard's. */
static bool untouched(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != GUARD_BYTE) {
            return false;
        }
    }
    return true;
}

/* Whether `buffer` holds `size` bytes of the content `key` block by block, and the guard between. */
static bool gapped_same(const unsigned char *buffer, size_t size, uint64_t key)
{
    const unsigned char *expected = check_content(key);

    for (size_t done = 0; done < size; done += BLOCK, buffer += STRIDE) {
        size_t bytes = size - done < BLOCK ? size - done : BLOCK;

        if (memcmp(buffer, expected + done, bytes) != 0
            || !untouched(buffer + bytes, STRIDE - bytes)) {
            return false;
        }
    }
    return true;
}

/* A message of `size` bytes to a receive with room for `room`, in `memory`, which is long enough for all of
 * it; `end` is where memory ends. */
static void try(enum way way, enum place place, int size, int room, unsigned char *memory,
                unsigned char *end, MPI_Datatype gapped)
{
    static uint64_t key;
    const bool has_gaps = place == GAPPED;
    const int count = has_gaps ? room / BLOCK : room;
    const size_t behind = (size_t) size + 4096;
    size_t whole = (size_t) count, landed;
    unsigned char *buffer = place == PAGE_END ? end - room : memory;
    size_t span = whole;
    int class;

    if (has_gaps) {
        whole = (size_t) count * BLOCK;
        span = (size_t) count * STRIDE;
    }
    landed = (size_t) size < whole ? (size_t) size : whole;
    key++; /* the same in all ranks */
    check_doing("%d bytes into %zu, %s, %s", size, whole, place_names[place], way_names[way]);
    memset(buffer, GUARD_BYTE, place == PAGE_END ? span : span + behind);
    class = transfer(way, check_content(key), size, buffer, count, has_gaps ? gapped : MPI_BYTE);
    /* Of a receive that a message of the own process completes within MPI_Isend, Open MPI 4.1's MPI_Wait
     * tells no error, whatever the transport. */
    CHECK((check_size == 1 && is_posted_first(way))
              || (class == MPI_ERR_TRUNCATE) == (whole < (size_t) size),
          "%d bytes into %zu, %s, %s: error class %d", size, whole, place_names[place],
          way_names[way], class);
    CHECK(has_gaps ? gapped_same(buffer, landed, key) : check_same(buffer, landed, key),
          "%d bytes into %zu, %s, %s: other content", size, whole, place_names[place],
          way_names[way]);
    CHECK(place == PAGE_END || untouched(buffer + span, behind),
          "%d bytes into %zu, %s, %s: written behind it", size, whole, place_names[place],
          way_names[way]);
}

/* Receives of different room that wait at the same time, and messages longer than all but the last. */
static void several(int size, unsigned char *memory)
{
    enum { COUNT = 6 };
    const int rooms[COUNT] = {1, size / 2, 0, size - 1, 100, size};
    MPI_Request receives[COUNT], sends[COUNT];
    unsigned char *buffer[COUNT];

    check_doing("%d messages of %d bytes at once", COUNT, size);
    for (int i = 0; i < COUNT; i++) {
        buffer[i] = memory + (size_t) i * (size_t) (size + 64);
        memset(buffer[i], GUARD_BYTE, (size_t) size + 64);
        MPI_Irecv(buffer[i], rooms[i], MPI_BYTE, from, TAG, MPI_COMM_WORLD, &receives[i]);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    for (int i = 0; i < COUNT; i++) {
        MPI_Isend(check_content((uint64_t) i), size, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &sends[i]);
    }
    for (int i = COUNT; i-- > 0;) {
        int class, rc = MPI_Wait(&receives[i], MPI_STATUS_IGNORE);

        MPI_Error_class(rc, &class);
        CHECK(check_size == 1 || (class == MPI_ERR_TRUNCATE) == (rooms[i] < size),
              "%d bytes into %d with others: error class %d", size, rooms[i], class);
        CHECK(check_same(buffer[i], (size_t) rooms[i], (uint64_t) i)
                  && untouched(buffer[i] + rooms[i], (size_t) (size - rooms[i]) + 64),
              "%d bytes into %d with others: other content, or written behind it", size, rooms[i]);
    }
    MPI_Waitall(COUNT, sends, MPI_STATUSES_IGNORE);
}

int main(int argc, char **argv)
{
    static const int sizes[] = {100,   4000,  4200,   8000,    9000,   17000,
                                60000, 70000, 300000, 1000000, 2500000};
    enum { LONGEST = 2500000, MEMORY = 4 * LONGEST * (STRIDE / 16) / (BLOCK / 16) };
    const size_t page = (size_t) sysconf(_SC_PAGESIZE);
    const size_t bytes = (MEMORY + page - 1) / page * page;
    MPI_Datatype block, gapped;

    check_start(&argc, &argv, "truncate", MPI_THREAD_SINGLE);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    to = (check_rank + 1) % check_size;
    from = (check_rank + check_size - 1) % check_size;
    MPI_Type_contiguous(BLOCK, MPI_BYTE, &block);
    MPI_Type_create_resized(block, 0, STRIDE, &gapped);
    MPI_Type_commit(&gapped);
    unsigned char *memory =
        mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + bytes, page, PROT_NONE) != 0) {
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        const int size = sizes[s];
        const int rooms[] = {0, 1, 100, size / 2, size - 1, size, size + 60};

        for (size_t r = 0; r < sizeof(rooms) / sizeof(*rooms); r++) {
            for (int place = 0; place < PLACES; place++) {
                enum way way = (enum way)((s + r) % WAYS); /* all of them with some sizes: */

                for (int turn = 0; turn < (size <= 17000 ? WAYS : 2); turn++) {
                    try(way, (enum place) place, size, rooms[r], memory, memory + bytes, gapped);
                    way = (enum way)((way + 1) % WAYS);
                }
            }
        }
        if (size <= LONGEST / 2) {
            several(size, memory);
        }
    }
    munmap(memory, bytes + page);
    MPI_Type_free(&gapped);
    MPI_Type_free(&block);
    return check_finish();
}
