/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stopped: a sender that helps with a copy and is stopped in the middle of it delays that message, and
 * nothing else; what is written over the record of that copy meanwhile is noticed.
 *
 * The sender stops itself when it has copied a part, and has not yet said so: process_vm_writev is replaced
 * here. The receiver begins its own part when that has happened, so that help does not depend on who gets a
 * processor: process_vm_readv is replaced too.
 */
#define _GNU_SOURCE
#include "content.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROUNDS = 4, BYTES = (1 << 20) + 192, PIECE = 1 << 14 };
static const double patience = 0.5, time_to_help = 5.0, soon = 5.0; /* seconds */

static bool is_armed;       /* this process stops itself when it has helped */
static pid_t awaited;       /* who is to be stopped before this process copies; 0: nobody */
static unsigned char *base; /* of this process in the library's window */

/* What state the kernel says a process is in. */
static char state_of(pid_t pid)
{
    char path[40], text[200] = "", *end;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
    file = fopen(path, "r");
    if (file) {
        if (!fgets(text, sizeof(text), file)) {
            text[0] = '\0';
        }
        fclose(file);
    }
    end = strrchr(text, ')');
    return end ? end[2] : '\0';
}

ssize_t process_vm_writev(pid_t pid, const struct iovec *local, unsigned long locals,
                          const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
    ssize_t moved =
        syscall(SYS_process_vm_writev, (long) pid, local, locals, remote, remotes, flags);

    if (is_armed && local->iov_len > sizeof(uint64_t)) { /* else it tries whether it can copy */
        is_armed = false;
        raise(SIGSTOP);
    }
    return moved;
}

ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long locals,
                         const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
    if (pid == awaited && local->iov_len >= PIECE) {
        for (double begin = now(); 'T' != state_of(pid) && now() - begin < time_to_help;) {
            usleep(1000);
        }
        awaited = 0;
    }
    return syscall(SYS_process_vm_readv, (long) pid, local, locals, remote, remotes, flags);
}

int MPI_Win_allocate_shared(MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void *memory,
                            MPI_Win *window)
{
    int error = PMPI_Win_allocate_shared(bytes, unit, info, comm, memory, window);

    if (MPI_SUCCESS == error) {
        memcpy(&base, memory, sizeof(base));
    }
    return error;
}

/* Whether long messages are copied together here at all. */
static bool copies_are_shared(const segmsg_t *handle)
{
    cpu_set_t set;

    if (0 == statistics_of(handle).single_copies) {
        promise_skip("needs the kernel's copy");
        return false;
    }
    if (0 == sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) < check_size) {
        promise_skip("needs a processor for each rank");
        return false;
    }
    return true;
}

/* Tell rank 0 who helps. */
static pid_t share_helper(void)
{
    int pid = (int) getpid();

    MPI_Bcast(&pid, 1, MPI_INT, 1, MPI_COMM_WORLD);
    is_armed = 1 == check_rank;
    return (pid_t) pid;
}

/* Rank 0: receive, and let the sender go on if it was stopped; whether it was. */
static bool receive_and_continue(segmsg_t *handle, int n, pid_t sender)
{
    struct room room = room_make(BYTES, 0);
    segmsg_request_t *request = NULL;
    bool was_stopped = false;
    int done = 0;

    awaited = sender;
    SUCCEEDS(segmsg_irecv(handle, 1, n, room.data, BYTES, &request));
    for (double begin = now(); !done;) {
        SUCCEEDS(segmsg_test(handle, &request, &done, NULL));
        if (!done && now() - begin > patience && 'T' == state_of(sender)) {
            char byte = 0;

            was_stopped = true;
            SUCCEEDS(segmsg_send(handle, 0, 1, "z", 1)); /* others have their turn */
            SUCCEEDS(segmsg_recv(handle, 0, 1, &byte, 1, NULL));
            CHECK('z' == byte, "received %d", byte);
            kill(sender, SIGCONT);
            begin = now();
        }
    }
    awaited = 0;
    ROOM(&room, BYTES, key_of(1, 0, n));
    return was_stopped;
}

static void a_stopped_helper_delays_its_message_and_nothing_else(void)
{
    segmsg_t *handle = open_world();
    pid_t helper = share_helper();
    int stopped = 0;

    for (int n = 0; n < ROUNDS && !stopped; n++) {
        check_doing("%s: message %d", promise_now, n);
        if (0 == check_rank) {
            stopped = receive_and_continue(handle, n, helper);
        } else {
            transmit(handle, 0, n, BYTES, key_of(1, 0, n));
        }
        MPI_Bcast(&stopped, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
    is_armed = false;
    if (0 == check_rank && copies_are_shared(handle)) {
        CHECK(stopped, "the sender did not help in %.0f s", ROUNDS * time_to_help);
        CHECK(0 != statistics_of(handle).helped_bytes, "help was not counted");
    }
    close_empty(&handle);
}

/* The record of the copy under way: the line that has its length as the third word. */
static volatile uint64_t *find_record(void)
{
    enum { LINE = 64, MOST = 4 << 20, LENGTH = 2 };
    uintptr_t line = ((uintptr_t) base + LINE - 1) / LINE * LINE;

    for (size_t at = 0; at < MOST; at += LINE) {
        volatile uint64_t *words = (volatile uint64_t *) (line + at);

        if (BYTES == words[LENGTH]) {
            return words;
        }
    }
    return NULL;
}

/* Rank 0: receive, and write over the record when the sender is stopped; whether that was done. */
static bool overwrite(segmsg_t *handle, pid_t sender)
{
    unsigned char *room = check_allocate(BYTES);
    segmsg_request_t *request = NULL;
    segmsg_result_t result = SEGMSG_SUCCESS;
    volatile uint64_t *record = NULL;
    double begin = now();
    int done = 0;

    awaited = sender;
    SUCCEEDS(segmsg_irecv(handle, 1, 7, room, BYTES, &request));
    while (!done && SEGMSG_SUCCESS == result && now() - begin < time_to_help + soon) {
        result = segmsg_test(handle, &request, &done, NULL);
        if (!record && !done && 'T' == state_of(sender)) {
            record = find_record();
            CHECK(record, "the record of the copy was not found");
            if (record) {
                record[0] = ~(uint64_t) 0;
                begin = now();
            } else {
                kill(sender, SIGCONT);
            }
        }
    }
    awaited = 0;
    if (record) {
        GIVES(SEGMSG_E_CORRUPT, result);
        kill(sender, SIGCONT);
    }
    free(room);
    return record;
}

static void what_is_written_over_a_shared_copy_is_noticed(void)
{
    segmsg_t *handle = open_world();
    pid_t helper = share_helper();

    check_doing("%s", promise_now);
    if (0 == check_rank) {
        bool was_overwritten = overwrite(handle, helper);

        if (!was_overwritten && copies_are_shared(handle)) {
            CHECK(false, "the sender did not help in %.0f s", time_to_help);
        }
        GIVES(was_overwritten ? SEGMSG_E_CORRUPT : SEGMSG_SUCCESS, segmsg_close(&handle));
    } else {
        unsigned char *out = content_make(BYTES, key_of(1, 0, 7));
        segmsg_result_t result = segmsg_send(handle, 0, 7, out, BYTES);

        CHECK(SEGMSG_SUCCESS == result || SEGMSG_E_PEER == result, "segmsg_send gave \"%s\"",
              segmsg_result_text(result));
        GIVES(result, segmsg_close(&handle));
        free(out);
    }
    is_armed = false;
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(a_stopped_helper_delays_its_message_and_nothing_else),
        PROMISE(what_is_written_over_a_shared_copy_is_noticed),
    };

    return PROMISES_MAIN(argc, argv, "stopped", promises);
}
