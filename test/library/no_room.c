/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * no_room: what becomes of opening and of messages where shared memory is short: a result, in all
 * processes where it must be, and never a signal. Needs a /dev/shm that belongs to this job, of which
 * rank 0 takes what is to be missing.
 */
#include "opening.h"

#include <fcntl.h>
#include <sys/statvfs.h>

static const char filler[] = "/dev/shm/filler";

static bool shm_is_ours(void)
{
    if (!getenv("SEGMSG_TEST_OWN_SHM")) {
        promise_skip("/dev/shm is not this job's alone");
    }
    return getenv("SEGMSG_TEST_OWN_SHM");
}

/* Leave so many bytes free in /dev/shm, or fewer if there are. */
static void leave(size_t bytes)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (0 == check_rank) {
        int file = open(filler, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        struct statvfs shm;

        statvfs("/dev/shm", &shm);
        shm.f_bavail -= bytes / shm.f_frsize < shm.f_bavail ? bytes / shm.f_frsize : shm.f_bavail;
        if (shm.f_bavail > 0) {
            CHECK(0 == posix_fallocate(file, 0, (off_t) (shm.f_bavail * shm.f_frsize)),
                  "cannot fill /dev/shm");
        }
        close(file);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static void leave_all(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (0 == check_rank) {
        unlink(filler);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

static void opening_without_room_fails_in_all_or_in_none(void)
{
    static const size_t rooms[] = {0, 4096, 100000, 300000, 700000, 1500000, 3000000, 10000000};
    int refused = 0;

    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]) && shm_is_ours(); i++) {
        segmsg_t *handle = NULL;
        segmsg_result_t result;
        char what[60];

        leave(rooms[i]);
        snprintf(what, sizeof(what), "%zu bytes in /dev/shm", rooms[i]);
        check_doing("%s: %s", promise_now, what);
        result = segmsg_open(MPI_COMM_WORLD, NULL, &handle);
        if (agreed(what, result, handle)) {
            check_carries(handle, segmsg_eager_limit(handle));
            close_empty(&handle);
        } else {
            CHECK(SEGMSG_E_MEMORY == result || SEGMSG_E_MPI == result, "%s gave \"%s\"", what,
                  segmsg_result_text(result));
            CHECK('\0' != *segmsg_explanation(), "%s: no explanation", what);
            refused++;
        }
        leave_all();
    }
    CHECK(refused > 0 || !shm_is_ours(), "it opened without shared memory");
}

static void with_room_again_it_opens(void)
{
    segmsg_t *handle = NULL;

    if (!shm_is_ours()) {
        return;
    }
    leave(0);
    check_doing("%s: segmsg_open", promise_now);
    agreed("no room", segmsg_open(MPI_COMM_WORLD, NULL, &handle), handle);
    if (handle) {
        close_empty(&handle);
    }
    leave_all();
    handle = open_world();
    check_carries(handle, segmsg_eager_limit(handle));
    close_empty(&handle);
}

/* Messages that others send to rank 0, and how often each has come. */
enum { MESSAGES = 300 };
static int came[64][MESSAGES];

static size_t size_of(int n)
{
    static const size_t sizes[] = {8, 60, 500, 2000, 8000, 100, 4000, 30000, 1000, 200000};

    return sizes[n % 10];
}

static void see(void *context, const segmsg_info_t *info, const void *data)
{
    (void) context;
    came[info->source][info->tag]++;
    CHECK(info->bytes == size_of(info->tag), "%zu bytes, not %zu", info->bytes, size_of(info->tag));
    CONTENT(data, info->bytes, key_of(info->source, 0, info->tag));
}

/* Look at what comes, for a while. */
static void look(segmsg_t *handle, double seconds)
{
    for (double end = now() + seconds; now() < end; sched_yield()) {
        SUCCEEDS(segmsg_poll(handle, see, NULL, NULL));
    }
}

/* Begin to send to rank 0 while there is no room for anything new, and go on when there is. Which
 * have been sent: whoever got no memory for one has not sent it. */
static void send_without_room(segmsg_t *handle, char *sent)
{
    static unsigned char *out[MESSAGES];
    static segmsg_request_t *requests[MESSAGES];

    for (int n = 0; n < MESSAGES; n++) {
        segmsg_result_t result;

        out[n] = content_make(size_of(n), key_of(check_rank, 0, n));
        requests[n] = NULL;
        result = segmsg_isend(handle, 0, n, out[n], size_of(n), &requests[n]);
        CHECK(SEGMSG_SUCCESS == result || SEGMSG_E_MEMORY == result, "segmsg_isend gave \"%s\"",
              segmsg_result_text(result));
        sent[n] = SEGMSG_SUCCESS == result;
    }
    look(handle, 0.3);
    leave_all();
    for (int n = 0; n < MESSAGES; n++) {
        segmsg_result_t result;

        check_doing("%s: send %d", promise_now, n);
        result = segmsg_wait(handle, &requests[n], NULL);
        CHECK(SEGMSG_SUCCESS == result || SEGMSG_E_MEMORY == result, "segmsg_wait gave \"%s\"",
              segmsg_result_text(result));
        sent[n] = sent[n] && SEGMSG_SUCCESS == result;
        free(out[n]);
    }
}

static void messages_without_room_are_sent_or_refused(void)
{
    segmsg_t *handle = open_world();
    char sent[MESSAGES] = {0}, *all = check_allocate((size_t) check_size * MESSAGES);
    MPI_Request request;
    int done = 0;

    memset(came, 0, sizeof(came));
    if (shm_is_ours() && promise_needs(2)) {
        leave(0);
        if (0 == check_rank) {
            check_doing("%s: messages", promise_now);
            look(handle, 0.3);
            leave_all();
        } else {
            send_without_room(handle, sent);
        }
        MPI_Iallgather(sent, MESSAGES, MPI_CHAR, all, MESSAGES, MPI_CHAR, MPI_COMM_WORLD, &request);
        while (!done) {
            look(handle, 0.01);
            MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        }
        look(handle, 0.2);
        for (int i = MESSAGES; i < check_size * MESSAGES && 0 == check_rank; i++) {
            CHECK(came[i / MESSAGES][i % MESSAGES] == all[i],
                  "message %d of %d came %d times, and was sent %d times", i % MESSAGES,
                  i / MESSAGES, came[i / MESSAGES][i % MESSAGES], all[i]);
        }
        MPI_Barrier(MPI_COMM_WORLD);
        check_carries(handle, segmsg_eager_limit(handle));
    }
    free(all);
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(opening_without_room_fails_in_all_or_in_none),
        PROMISE(with_room_again_it_opens),
        PROMISE(messages_without_room_are_sent_or_refused),
    };

    return PROMISES_MAIN(argc, argv, "no_room", promises);
}
