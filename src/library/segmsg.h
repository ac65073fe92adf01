/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * libsegmsg: messages between the processes of a node through segment groups, for any MPI-3 program.
 *
 *     segmsg_t *node;
 *     if (segmsg_open(MPI_COMM_WORLD, NULL, &node) == SEGMSG_SUCCESS) {
 *         if (rank == 0 && segmsg_is_reachable(node, 1)) {
 *             segmsg_send(node, 1, tag, data, bytes);
 *         } else if (rank == 1 && segmsg_is_reachable(node, 0)) {
 *             segmsg_recv(node, 0, tag, buffer, sizeof(buffer), NULL);
 *         }
 *         segmsg_close(&node);
 *     }
 *
 * Processes. A communicator is opened by all its processes together. Each is named by its rank in that
 * communicator. Those that share memory with the caller are reachable, the caller itself among them;
 * for the others there is MPI.
 *
 * Messages. A message has a tag, 0 or more, and any length in bytes, 0 included. Messages from one
 * process to another arrive in the order in which they were begun to be sent, each exactly once: two
 * that match the same receive are received in that order, and a handler sees them in that order. Messages
 * of this library and of MPI have nothing to do with each other, nor have those of two opened handles.
 *
 * Progress. Messages move when their processes are in this library, with the same handle: a process that
 * waits in any blocking function serves all its peers of that handle; one that computes serves nobody.
 * Up to the eager limit (segmsg_options_t) a message goes out without its receiver; beyond it, it goes
 * when it is received, as with MPI's standard mode. Only segmsg_poll and segmsg_poll_wait call a handler.
 *
 * Memory. A message that comes before anybody asked for it is kept in memory of its receiver, as many as
 * come: who sends much more than its receiver takes should wait for answers now and then. A process that
 * has no memory left for that, or for ten seconds no shared memory for an answer to a peer, or finds shared
 * memory corrupt, can only close the handle; its peers get PEER. So do those that wait, or look again and
 * again, when the process of a peer of the node has ended, within about a second.
 *
 * Lengths. No length may be larger than PTRDIFF_MAX: ARGUMENT.
 *
 * Ownership. What is sent belongs to the library until the send is complete; what is received into, until
 * the receive is. What a handler sees is gone when the handler returns.
 *
 * Threads. One thread at a time per handle; several handles may be used by several threads, if MPI was
 * initialised for that (opening and closing call MPI).
 *
 * MPI is called to open and to close, and not in between.
 */
#ifndef SEGMSG_SEGMSG_H
#define SEGMSG_SEGMSG_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SEGMSG_API __attribute__((visibility("default")))
#else
#define SEGMSG_API
#endif

/* Version of this header, by semantic versioning: programs that were built for a version run with every
 * later one of the same major number. */
#define SEGMSG_VERSION_MAJOR 1
#define SEGMSG_VERSION_MINOR 0
#define SEGMSG_VERSION_PATCH 0

/* Version of the library that runs, as major << 16 | minor << 8 | patch. */
SEGMSG_API unsigned segmsg_version(void);

/* What a call has come to. */
typedef enum {
    SEGMSG_SUCCESS = 0,
    SEGMSG_E_ARGUMENT,    /* an argument that is NULL, negative or otherwise none */
    SEGMSG_E_UNREACHABLE, /* a rank that is none, or that shares no memory with the caller */
    SEGMSG_E_TRUNCATED, /* a message longer than the memory it was received into: the rest is lost */
    SEGMSG_E_BUSY,      /* not now: no room for a reservation; or requests are pending */
    SEGMSG_E_MEMORY,    /* no memory: not enough shared memory, or malloc failed */
    SEGMSG_E_OPTIONS,   /* an option out of its range */
    SEGMSG_E_MODEL,     /* windows of this MPI have separate public and private copies */
    SEGMSG_E_MPI,       /* an MPI function failed */
    SEGMSG_E_CORRUPT,   /* a peer has written what no correct peer writes */
    SEGMSG_E_PEER,      /* another process of the handle can go on no more, or has ended */
    SEGMSG_E_NESTED,    /* a call from within a handler that may not be made there */
    SEGMSG_E_LEFT_OVER, /* closed, but messages that had arrived were never received */
    SEGMSG_E_COUNT
} segmsg_result_t;

/* The text of a result: one sentence without a full stop, never NULL, never to be freed. */
SEGMSG_API const char *segmsg_result_text(segmsg_result_t result);

/*
 * What the last call of this thread that failed in a way that needs more words has to say: what is wrong,
 * where, and what to do. "" if there is nothing to add. Valid until the next call of this thread.
 */
SEGMSG_API const char *segmsg_explanation(void);

/* An opened communicator. */
typedef struct segmsg segmsg_t;

/* Whether large messages are copied by the kernel from one process to the other. */
typedef enum {
    SEGMSG_SINGLE_COPY_DEFAULT = 0, /* as the environment says, or else AUTO */
    SEGMSG_SINGLE_COPY_AUTO = 1,    /* where the kernel permits it */
    SEGMSG_SINGLE_COPY_NONE = 2     /* never: through the segments */
} segmsg_single_copy_t;

/* How a process waits in a call. */
typedef enum {
    SEGMSG_WAIT_DEFAULT = 0, /* as the environment says, or else AUTO */
    SEGMSG_WAIT_AUTO =
        1, /* yields its processor where it is seen that others need it, and sleeps where
                                a control group limits the processor time */
    SEGMSG_WAIT_SPIN = 2,  /* never yields it */
    SEGMSG_WAIT_YIELD = 3, /* yields it whenever nothing is found */
    SEGMSG_WAIT_BLOCK = 4  /* sleeps after 50 microseconds, until a message comes */
} segmsg_how_to_wait_t;

/*
 * How to open. What is 0 or NULL is taken from the environment variable that is named, or else from the
 * default. All processes of a node should say the same. Set `size` to sizeof(segmsg_options_t):
 * it tells the library which version of this structure it sees.
 */
typedef struct {
    size_t size; /* bytes of this structure */
    /* SEGMSG_GROUPS. The segment groups of a pair of processes, by rising partition size, each as
     * SIZE:COUNT:SPAN (partition size in bytes, a power of two; partitions; most partitions of one
     * message). 2 to 8 groups. */
    const char *groups;
    /* SEGMSG_EAGER_LIMIT. Longest message in bytes that goes out without its receiver; at most what the
     * groups carry in one message, less 8 bytes. */
    size_t eager_limit;
    /* SEGMSG_MEMORY. Most bytes of shared memory that one process sets aside for what it receives. It is
     * address space: pages are taken as they come into use. */
    size_t memory;
    /* SEGMSG_SINGLE_COPY: "auto" or "none"; a pair copies if both say "auto". Opening then permits the
     * processes of the user to trace this one (prctl, PR_SET_PTRACER), where the kernel wants that said. */
    segmsg_single_copy_t single_copy;
    /* SEGMSG_WAIT: "auto", "spin", "yield" or "block". */
    segmsg_how_to_wait_t wait;
} segmsg_options_t;

/*
 * An MPI_Comm is a pointer in one MPI and a number in another. The symbol of the one function that
 * takes it says whose it is: a program that finds the library of another MPI is ended by the loader,
 * since that symbol is undefined.
 */
#if defined(OPEN_MPI)
#define segmsg_open segmsg_open_openmpi
#elif defined(MPICH_NAME) || defined(MPICH_VERSION) /* and those that share its ABI */
#define segmsg_open segmsg_open_mpich
#endif

/*
 * Opens a communicator. Collective over `comm`, which is not used after the call. `options` may be NULL.
 * *opened receives the handle; close it with segmsg_close. If it fails in one process it fails in all,
 * *opened is NULL, and nothing is left behind. MPI must be initialised, and at least MPI 3.0.
 * Errors: ARGUMENT, OPTIONS, MEMORY, MODEL, MPI, CORRUPT (processes run different versions).
 */
SEGMSG_API segmsg_result_t segmsg_open(MPI_Comm comm, const segmsg_options_t *options,
                                       segmsg_t **opened);

/*
 * Closes a handle. Collective over the communicator it was opened on. End all requests before, or take them
 * back (segmsg_withdraw): if any process has some, or a reservation, all processes get BUSY and the handle
 * stays open. After any other result *handle is NULL. Errors: ARGUMENT, NESTED, BUSY, MPI; LEFT_OVER if
 * messages had come to the caller that nobody asked for; what else has ended the use of the handle (MEMORY,
 * CORRUPT, PEER), in this process or in another. Where a process of the node has ended, it waits for nobody,
 * and leaves to MPI what can only be freed by all.
 */
SEGMSG_API segmsg_result_t segmsg_close(segmsg_t **handle);

/* The caller's rank in the communicator that was opened, and how many processes it has. */
SEGMSG_API int segmsg_rank(const segmsg_t *handle);
SEGMSG_API int segmsg_size(const segmsg_t *handle);

/* 1 if `rank` shares memory with the caller (the caller itself does), else 0. */
SEGMSG_API int segmsg_is_reachable(const segmsg_t *handle, int rank);

/* Writes the ranks that can be reached, rising, the caller's among them, to `ranks`, at most `room` of
 * them. Returns how many there are. `ranks` may be NULL: then they are only counted. */
SEGMSG_API int segmsg_reachable(const segmsg_t *handle, int *ranks, int room);

/* Longest message in bytes that goes out without its receiver, and that a handler sees in place. */
SEGMSG_API size_t segmsg_eager_limit(const segmsg_t *handle);

/* ---- Sending ---- */

/* Under way; made by segmsg_isend and segmsg_irecv, ended by segmsg_test and segmsg_wait. */
typedef struct segmsg_request segmsg_request_t;

/* Where a message came from, and what it is. */
typedef struct {
    int source;   /* rank */
    int tag;      /* 0 or more */
    size_t bytes; /* its length, also if it was truncated */
} segmsg_info_t;

/*
 * Sends a message and returns when `data` may be used again: at once as a rule up to the eager limit,
 * beyond it when it has been received. `data` may be NULL if bytes is 0.
 * Errors: ARGUMENT, UNREACHABLE, MEMORY, CORRUPT, NESTED.
 */
SEGMSG_API segmsg_result_t segmsg_send(segmsg_t *handle, int to, int tag, const void *data,
                                       size_t bytes);

/* Begins to send. *request receives what to wait for, or NULL if the send is complete already. May be
 * called from a handler. Errors: as segmsg_send, but for NESTED. */
SEGMSG_API segmsg_result_t segmsg_isend(segmsg_t *handle, int to, int tag, const void *data,
                                        size_t bytes, segmsg_request_t **request);

/*
 * Takes room for a message of `bytes` bytes, at most the eager limit, in the receiver's memory. *place
 * receives where: write the message there, aligned to 8 bytes, and publish it, with as many bytes or
 * fewer; or cancel it. One reservation at a time per handle; whatever else sends, receives or waits
 * returns BUSY meanwhile, and the caller should not take long. Saves a copy where the message has to be
 * made anyway. Errors: ARGUMENT (also: longer than the eager limit, or nothing is reserved), UNREACHABLE,
 * MEMORY, CORRUPT, NESTED; BUSY if there is no room now (segmsg_poll, then try again) or something is
 * reserved.
 */
SEGMSG_API segmsg_result_t segmsg_reserve(segmsg_t *handle, int to, size_t bytes, void **place);
SEGMSG_API segmsg_result_t segmsg_publish(segmsg_t *handle, int tag, size_t bytes);
SEGMSG_API segmsg_result_t segmsg_cancel(segmsg_t *handle);

/* ---- Receiving ---- */

/* No rank and no tag, nor any of the special ranks of an MPI: MPI_PROC_NULL is UNREACHABLE here. */
#define SEGMSG_ANY_SOURCE (-2000000001)
#define SEGMSG_ANY_TAG    (-2000000002)

/*
 * Sees a message. `data`, aligned to 8 bytes, is where it lies: up to the eager limit in the
 * segment into which its sender copied it, unless it had to be kept. In a handler segmsg_isend,
 * segmsg_irecv and what only asks (segmsg_rank, segmsg_statistics, ...) may be called; the others return
 * NESTED.
 */
typedef void (*segmsg_handler_t)(void *context, const segmsg_info_t *message, const void *data);

/*
 * Looks for messages and moves what is under way; never waits. Messages that a pending segmsg_irecv
 * matches go there. The others go to `handler`, those that were kept for want of one first; or, if it is
 * NULL, are kept. *handled, if not NULL, receives how many the handler saw.
 * Errors: ARGUMENT, MEMORY, CORRUPT, NESTED.
 */
SEGMSG_API segmsg_result_t segmsg_poll(segmsg_t *handle, segmsg_handler_t handler, void *context,
                                       unsigned *handled);

/*
 * The same, but waits until the handler has seen a message or a request of the caller's is complete; it
 * returns at once while there is one that is complete and was not ended by segmsg_test or segmsg_wait. Without
 * a handler and without a request it returns ARGUMENT. Gives the processor to others now and then, if it
 * takes long. Errors besides: as segmsg_poll.
 */
SEGMSG_API segmsg_result_t segmsg_poll_wait(segmsg_t *handle, segmsg_handler_t handler,
                                            void *context, unsigned *handled);

/*
 * Receives the first message that comes from `from` (or SEGMSG_ANY_SOURCE) with tag `tag` (or
 * SEGMSG_ANY_TAG) and waits for it. At most `room` bytes of it go to `buffer`. *info, if not NULL,
 * receives what it was. Others that come meanwhile are kept.
 * Errors: ARGUMENT, UNREACHABLE, TRUNCATED, MEMORY, CORRUPT, NESTED.
 */
SEGMSG_API segmsg_result_t segmsg_recv(segmsg_t *handle, int from, int tag, void *buffer,
                                       size_t room, segmsg_info_t *info);

/* Begins to receive; receives that match the same message get it in the order in which they were begun.
 * May be called from a handler. Errors: ARGUMENT, UNREACHABLE, MEMORY. */
SEGMSG_API segmsg_result_t segmsg_irecv(segmsg_t *handle, int from, int tag, void *buffer,
                                        size_t room, segmsg_request_t **request);

/* Looks whether a message that matches has come, which is then kept: *found receives 1 or 0, *info
 * what it is. Errors: as segmsg_recv, but for TRUNCATED. */
SEGMSG_API segmsg_result_t segmsg_probe(segmsg_t *handle, int from, int tag, int *found,
                                        segmsg_info_t *info);

/* ---- Waiting ---- */

/*
 * Looks whether a request is complete: *complete receives 1 or 0. If it is, it is freed, *request is set
 * to NULL, *info (may be NULL) receives what was received (of a send: zeros), and the result is the
 * request's: SUCCESS, TRUNCATED, MEMORY or CORRUPT. A request that is NULL is complete. Moves what
 * is under way as segmsg_poll does without a handler. Errors besides: ARGUMENT, NESTED.
 */
SEGMSG_API segmsg_result_t segmsg_test(segmsg_t *handle, segmsg_request_t **request, int *complete,
                                       segmsg_info_t *info);

/* The same, but waits until it is complete. */
SEGMSG_API segmsg_result_t segmsg_wait(segmsg_t *handle, segmsg_request_t **request,
                                       segmsg_info_t *info);

/* Waits for all of `count` requests. `infos`, if not NULL, has room for as many. Returns the first result
 * that is none of success; all requests are ended then, unless it is ARGUMENT, NESTED or BUSY. */
SEGMSG_API segmsg_result_t segmsg_wait_all(segmsg_t *handle, int count, segmsg_request_t **requests,
                                           segmsg_info_t *infos);

/*
 * Takes a request back: a receive for which nothing has come, or a send of which nothing has gone out. It
 * is freed, *request is set to NULL, and its memory is the caller's again. BUSY if it is too late: wait for it.
 * Errors besides: ARGUMENT.
 */
SEGMSG_API segmsg_result_t segmsg_withdraw(segmsg_t *handle, segmsg_request_t **request);

/* ---- Looking ---- */

enum { SEGMSG_STATISTICS_GROUPS = 8 };

/* What has passed through a handle since it was opened. Set `size` before the call. */
typedef struct {
    size_t size; /* bytes of this structure, as in segmsg_options_t */
    uint32_t groups;
    uint32_t reserved;
    uint64_t partition_bytes[SEGMSG_STATISTICS_GROUPS]; /* of group i: size of a partition */
    uint64_t sent_messages[SEGMSG_STATISTICS_GROUPS];   /* through group i */
    uint64_t sent_partitions[SEGMSG_STATISTICS_GROUPS];
    uint64_t received_messages[SEGMSG_STATISTICS_GROUPS];
    uint64_t messages_sent;     /* by the program; the library's own count above, not here */
    uint64_t bytes_sent;        /* of these */
    uint64_t messages_received; /* matched, or seen by a handler */
    uint64_t bytes_received;    /* of these */
    uint64_t in_place;          /* messages that a handler saw in place */
    uint64_t kept;              /* messages that came before anybody asked for them */
    uint64_t full;              /* times that a message found no room and had to wait */
    uint64_t single_copies;     /* large messages received by the kernel's copy */
    uint64_t helped_bytes;      /* bytes of these that their senders copied */
    uint64_t streamed;          /* large messages received through the segments */
    uint64_t memory;            /* bytes of shared memory set aside by this process */
    uint64_t
        chunk_bytes; /* bytes of large messages that came in chunks, through the segments, although the
                             kernel may copy: it was measured to be faster. In single_copies, too */
} segmsg_statistics_t;

/* Fills in *statistics, as much of it as statistics->size says. Errors: ARGUMENT. */
SEGMSG_API segmsg_result_t segmsg_statistics(const segmsg_t *handle,
                                             segmsg_statistics_t *statistics);

#ifdef __cplusplus
}
#endif

#endif
