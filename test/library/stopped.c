/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * stopped: a sender that helps with a copy and is stopped in the middle of it delays that message, and
 * nothing else.
 *
 * The sender stops itself when it has copied a part, and has not yet said so: process_vm_writev is replaced
 * here.
 */
#define _GNU_SOURCE
#include "content.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static bool is_armed;

ssize_t process_vm_writev(pid_t pid, const struct iovec *local, unsigned long locals,
                          const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
    ssize_t moved =
        syscall(SYS_process_vm_writev, (long) pid, local, locals, remote, remotes, flags);

    if (is_armed) {
        is_armed = false;
        raise(SIGSTOP);
    }
    return moved;
}

enum { ROUNDS = 200, BYTES = 1 << 20 };
static const double patience = 0.5; /* seconds */

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

/* Rank 0: receive, and let the sender go on if it was stopped; whether it was. */
static bool receive_and_continue(segmsg_t *handle, int n, pid_t sender)
{
    struct room room = room_make(BYTES, 0);
    segmsg_request_t *request = NULL;
    bool was_stopped = false;
    int done = 0;

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
    ROOM(&room, BYTES, key_of(1, 0, n));
    return was_stopped;
}

static void a_stopped_helper_delays_its_message_and_nothing_else(void)
{
    segmsg_t *handle = open_world();
    int pid = (int) getpid(), stopped = 0;

    MPI_Bcast(&pid, 1, MPI_INT, 1, MPI_COMM_WORLD);
    is_armed = 1 == check_rank;
    for (int n = 0; n < ROUNDS && !stopped; n++) {
        check_doing("%s: message %d", promise_now, n);
        if (0 == check_rank) {
            stopped = receive_and_continue(handle, n, (pid_t) pid);
        } else {
            transmit(handle, 0, n, BYTES, key_of(1, 0, n));
        }
        MPI_Bcast(&stopped, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
    is_armed = false;
    if (!stopped) {
        promise_skip("needs processors to spare: no sender helped");
    }
    close_empty(&handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(a_stopped_helper_delays_its_message_and_nothing_else),
    };

    return PROMISES_MAIN(argc, argv, "stopped", promises);
}
