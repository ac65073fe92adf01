/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * content.h: messages whose every byte is known, and memory to receive into that tells whether a
 * byte was written that should not have been.
 */
#ifndef SEGMSG_TEST_CONTENT_H
#define SEGMSG_TEST_CONTENT_H

#include "promise.h"

enum {
    GUARD = 64,        /* bytes before and behind what may be written */
    GUARD_BYTE = 0xa5, /* what memory holds before it is received into */
};

/* The key of the n-th content that goes from one rank to another. */
static inline uint64_t key_of(int from, int to, int n)
{
    return ((uint64_t) from << 48) | ((uint64_t) to << 32) | (uint32_t) n;
}

/* The content of a key, as check_fill(), but of any length. */
static inline void content_fill(void *buffer, size_t bytes, uint64_t key)
{
    for (size_t done = 0; done < bytes; done += CHECK_LARGEST) {
        size_t rest = bytes - done;

        check_fill((char *) buffer + done, rest < CHECK_LARGEST ? rest : CHECK_LARGEST, key + done);
    }
}

/* Memory with the content of a key, to be freed. */
static inline unsigned char *content_make(size_t bytes, uint64_t key)
{
    unsigned char *buffer = check_allocate(bytes);

    content_fill(buffer, bytes, key);
    return buffer;
}

/* Offset of the first byte that is not the content's, or `bytes`. */
static inline size_t content_differs(const void *buffer, size_t bytes, uint64_t key)
{
    for (size_t done = 0; done < bytes; done += CHECK_LARGEST) {
        const unsigned char *found = (const unsigned char *) buffer + done;
        const unsigned char *wanted = check_content(key + done);
        size_t length = bytes - done < CHECK_LARGEST ? bytes - done : CHECK_LARGEST, at = 0;

        if (0 != memcmp(found, wanted, length)) {
            while (found[at] == wanted[at]) {
                at++;
            }
            return done + at;
        }
    }
    return bytes;
}

static inline void content_check(const char *file, int line, const void *buffer, size_t bytes,
                                 uint64_t key)
{
    size_t at = content_differs(buffer, bytes, key);

    if (at != bytes) {
        check_report(file, line, "byte %zu of %zu is wrong (key %#llx)", at, bytes,
                     (unsigned long long) key);
    }
}

#define CONTENT(buffer, bytes, key) content_check(__FILE__, __LINE__, buffer, bytes, key)

/* Memory to receive into. */
struct room {
    unsigned char *memory; /* all of it */
    unsigned char *data;   /* where the message may go */
    size_t bytes;          /* how much of it may */
    size_t all;            /* bytes of memory */
};

/* Room for so many bytes, `shift` bytes behind an address that is aligned to 16. */
static inline struct room room_make(size_t bytes, size_t shift)
{
    struct room room = {.bytes = bytes, .all = bytes + shift + 2 * GUARD};

    room.memory = check_allocate(room.all);
    memset(room.memory, GUARD_BYTE, room.all);
    room.data = room.memory + GUARD + shift;
    return room;
}

/* Offset from room->data of the first byte in a part of the memory that was written, or `end`. */
static inline ptrdiff_t room_written(const struct room *room, ptrdiff_t begin, ptrdiff_t end)
{
    while (begin < end && GUARD_BYTE == room->data[begin]) {
        begin++;
    }
    return begin;
}

/* Check that the first `used` bytes are the content, and that no other was written. Frees it. */
static inline void room_check(const char *file, int line, struct room *room, size_t used,
                              uint64_t key)
{
    ptrdiff_t first = room->memory - room->data, end = (ptrdiff_t) room->all + first, at;

    content_check(file, line, room->data, used, key);
    at = room_written(room, first, 0);
    if (at < 0) {
        check_report(file, line, "written %td bytes before the buffer", -at);
    }
    at = room_written(room, (ptrdiff_t) used, end);
    if (at < end) {
        check_report(file, line, "byte %td was written by a message of %zu with room for %zu", at,
                     used, room->bytes);
    }
    free(room->memory);
    room->memory = NULL;
}

#define ROOM(room, used, key) room_check(__FILE__, __LINE__, room, used, key)

static inline void info_check(const char *file, int line, const segmsg_info_t *info, int source,
                              int tag, size_t bytes)
{
    if (info->source != source || info->tag != tag || info->bytes != bytes) {
        check_report(file, line,
                     "message from %d, tag %d, %zu bytes; not from %d, tag %d, %zu bytes",
                     info->source, info->tag, info->bytes, source, tag, bytes);
    }
}

#define INFO(info, source, tag, bytes) info_check(__FILE__, __LINE__, info, source, tag, bytes)

/* Receive one message and check all of it. from and tag may be wildcards; source and its_tag are
 * what it must be. */
static inline void receive_wild(segmsg_t *handle, int from, int tag, int source, int its_tag,
                                size_t bytes, uint64_t key)
{
    struct room room = room_make(bytes, (size_t) (key % 3));
    segmsg_info_t info = {-9, -9, 0};

    check_doing("%s: receive %zu bytes from %d, tag %d", promise_now, bytes, from, tag);
    SUCCEEDS(segmsg_recv(handle, from, tag, room.data, bytes, &info));
    INFO(&info, source, its_tag, bytes);
    ROOM(&room, bytes, key);
}

static inline void receive(segmsg_t *handle, int from, int tag, size_t bytes, uint64_t key)
{
    receive_wild(handle, from, tag, from, tag, bytes, key);
}

/* Send the content of a key, and write to its memory afterwards, as is permitted. */
static inline void transmit(segmsg_t *handle, int to, int tag, size_t bytes, uint64_t key)
{
    unsigned char *data = content_make(bytes, key);

    check_doing("%s: send %zu bytes to %d, tag %d", promise_now, bytes, to, tag);
    SUCCEEDS(segmsg_send(handle, to, tag, data, bytes));
    memset(data, 0, bytes);
    free(data);
}

/* Wait for a request that must come to success, and be NULL then. */
static inline segmsg_info_t complete(segmsg_t *handle, segmsg_request_t **request)
{
    segmsg_info_t info = {-9, -9, 0};

    SUCCEEDS(segmsg_wait(handle, request, &info));
    CHECK(NULL == *request, "a request is not NULL after segmsg_wait");
    return info;
}

/* A barrier of MPI's in which a rank goes on serving its peers, some of which may need that to come
 * to the barrier. */
static inline void barrier_serving(segmsg_t *handle)
{
    MPI_Request request;
    int done = 0;

    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    while (!done) {
        SUCCEEDS(segmsg_poll(handle, NULL, NULL, NULL));
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        sched_yield();
    }
}

/* Sizes (bytes, -1 at the end) at which this handle may change its ways: check_sizes, around the
 * eager limit and around the partition sizes and what one message may take of them. To be freed. */
static inline long *sizes_of(const segmsg_t *handle, long largest)
{
    segmsg_statistics_t statistics = statistics_of(handle);
    long eager = (long) segmsg_eager_limit(handle), *sizes = check_allocate(500 * sizeof(long));
    int count = 0;

    for (const long *size = check_sizes; *size >= 0; size++) {
        sizes[count++] = *size;
    }
    for (long near = -17; near <= 17; near++) {
        sizes[count++] = eager + near;
        for (uint32_t g = 0; g < statistics.groups && g < SEGMSG_STATISTICS_GROUPS; g++) {
            sizes[count++] = 2 * (long) statistics.partition_bytes[g] + near;
        }
    }
    for (int i = 0; i < count;) {
        bool fits = sizes[i] >= 0 && sizes[i] <= largest;

        sizes[i] = fits ? sizes[i] : sizes[--count];
        i += fits;
    }
    sizes[count] = -1;
    return sizes;
}

#endif
