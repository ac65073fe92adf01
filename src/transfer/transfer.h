/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Large transfers that two processes carry out together: what the files of this folder share. The process
 * that has the transfer to do is its initiator; the peer whose memory is the other end is the helper, and
 * is asked by one message. There are two ways (plan.h chooses):
 *
 *   cooperative copy (cooperative.h)      both copy, each what it has claimed (queue/split_work.h)
 *
 *     initiator                             helper
 *     request                          -->  claims from the back, copies to or from the initiator's memory,
 *     claims from the front, copies         reports; in its progress, some units at a time
 *     waits for what was claimed and not
 *     reported
 *
 *   chunked rendezvous (chunked.h)        the helper sends what it claims, through partitions
 *
 *     request                          -->  claims from the back, sends
 *     copies the chunk to its place    <--  chunk, any number of them
 *     nothing comes for a while: claims and
 *     copies what is left
 *
 * A helper that computes does not see the request, and loses nothing by it.
 *
 *   state of a transfer, which its initiator keeps (SEGMSG_TRANSFER_*)
 *
 *           start                    nothing left to claim
 *     FREE -------> COPYING ----------------------------------------> AWAITED -----> FREE
 *       |                `--- the helper holds nothing -----------------------------> FREE
 *       | start                    late
 *       `---------> CHUNKS ------------------> TAKEN_OVER --------------------------> FREE
 *                        `--- all have come, or the peer is gone -------------------> FREE
 *
 * Within a process: any thread may start a transfer, and owns it while it is COPYING. Everything else,
 * the helper's side and the peers' state included, belongs to the thread that holds the progress lock.
 */
#ifndef SEGMSG_TRANSFER_H
#define SEGMSG_TRANSFER_H

#include "queue/region.h"
#include "queue/split_work.h"
#include "transfer/choice.h"
#include "transfer/help.h"
#include "transfer/use.h"

/* What is kept of a peer. Begins by segmsg_transfer_peer_init. */
typedef struct {
    void *user;                    /* the adapter's own of it, for segmsg_transfer_ops_t */
    uint64_t name;                 /* as segmsg_identity_t.name, for segmsg-inspect */
    const segmsg_export_t *region; /* its receive region, which holds its records */
    segmsg_help_t help;            /* whether it is worth asking it to copy */
    _Atomic uint64_t unhelped;     /* bytes it did not help with, less those it did; relaxed */
    _Atomic uint64_t unasked;      /* bytes transferred since without asking it; relaxed */
    segmsg_choice_t choice;        /* whether chunks or the kernel's copy are faster from it */
    unsigned large_seen;  /* transfers from it that could have come in chunks, up to a limit */
    uint64_t large_began; /* when the last one of those began, ticks */
    uint64_t chunk_sent;  /* when a chunk was last sent to it, ticks */
    uint64_t chunk_came;  /* when a chunk last came from it, ticks */
} segmsg_transfer_peer_t;

/* Kept for whoever asked for a transfer, and handed back at its end. */
typedef struct {
    void (*function)(void);
    void *argument[3];
} segmsg_transfer_asker_t;

/* What is to be transferred. */
typedef struct {
    segmsg_transfer_peer_t *peer;
    void *local;
    uint64_t remote; /* address in the peer's memory */
    uint64_t bytes;
    bool is_put; /* to the peer; else from it */
    segmsg_transfer_asker_t asker;
} segmsg_transfer_want_t;

typedef enum {
    SEGMSG_TRANSFER_FREE = 0,
    SEGMSG_TRANSFER_COPYING,
    SEGMSG_TRANSFER_AWAITED,
    SEGMSG_TRANSFER_CHUNKS,
    SEGMSG_TRANSFER_TAKEN_OVER
} segmsg_transfer_state_t;

/* A transfer under way. The record of the same index in this process's region is what the helper sees. */
typedef struct {
    segmsg_transfer_want_t want;
    segmsg_joint_cut_t cut;
    segmsg_transfer_state_t state;
    uint32_t generation;  /* of the record */
    uint32_t own;         /* units that this process has claimed, from the front */
    uint32_t arrived;     /* units that have come as chunks */
    uint64_t begun;       /* ticks, as the next four */
    uint64_t own_done;    /* when this process had copied what it claimed */
    uint64_t chunk_came;  /* when a chunk last came, or `begun` */
    uint64_t taken_over;  /* when this process claimed what was left */
    uint64_t verified;    /* when the peer was last found alive, and the record sound */
    bool copied;          /* all that this process claimed was copied */
    bool is_out_of_order; /* chunks did not come one after the other from the back */
    bool has_company;     /* other transfers were under way meanwhile */
    bool is_slow;         /* the kernel would have copied much of it before the first chunk came */
} segmsg_transfer_t;

/* What an initiator asks of a helper. */
typedef struct {
    uint32_t record;     /* index in the initiator's region */
    uint32_t generation; /* of the record */
    bool is_put;         /* from the initiator to the helper */
    uint64_t bytes;
    uint64_t unit_bytes;
    uint64_t at_helper;    /* address in the helper's memory */
    uint64_t at_initiator; /* address in the initiator's; 0: send chunks */
} segmsg_transfer_request_t;

/* A unit that a helper has claimed, on its way to the initiator. */
typedef struct {
    uint32_t record;
    uint32_t generation;
    uint64_t offset; /* bytes from the start of the transfer */
    uint64_t bytes;
    const void *data;
} segmsg_transfer_chunk_t;

/* A request that waits for this process to help. */
typedef struct {
    segmsg_transfer_peer_t *peer; /* the initiator; NULL: it has left */
    segmsg_transfer_request_t request;
    segmsg_joint_cut_t cut;
    uint64_t verified; /* when the initiator was last found alive, ticks */
} segmsg_transfer_help_t;

/* What became of an attempt to help. */
typedef enum {
    SEGMSG_HELP_GIVEN,
    SEGMSG_HELP_NO_ROOM, /* for a chunk; try again later */
    SEGMSG_HELP_OVER     /* nothing is left to do for this request */
} segmsg_help_outcome_t;

/* How a transfer ended. */
typedef enum {
    SEGMSG_TRANSFER_DONE,
    SEGMSG_TRANSFER_FAILED, /* memory of the peer could not be copied; nothing is under way any more */
    SEGMSG_TRANSFER_PEER_GONE
} segmsg_transfer_end_t;

/*
 * What the engine needs of whoever uses it: the BTL or the library. Called once or a few times for a
 * transfer or a chunk of it, which take microseconds; `context` is the adapter's, `user` the peer's.
 */
typedef struct {
    /* Copies from the peer's memory, or to it, in one copy. False: failed, any part may be copied. */
    bool (*copy)(void *context, void *user, bool to_peer, void *local, uint64_t remote,
                 uint64_t bytes);
    /* Sends a request. False: there is no room for it now. */
    bool (*ask)(void *context, void *user, const segmsg_transfer_want_t *want,
                const segmsg_transfer_request_t *request);
    /* Reserves room for a message with a chunk, then claims the chunk (segmsg_helper_claim), and sends it. */
    segmsg_help_outcome_t (*send_chunk)(void *context, void *user,
                                        const segmsg_transfer_help_t *help);
    /* False: the process is known to have ended. */
    bool (*is_alive)(void *context, void *user);
    /* True: it has said goodbye, and its region may be unmapped. */
    bool (*has_left)(void *context, void *user);
    /* True if the peer can run on a processor that nobody else needs: else its help is at the expense of others. */
    bool (*has_processor)(void *context, void *user);
    /* True if the caller of progress waits, rather than tests between computations. */
    bool (*waits)(void *context);
    /* A wait is expected to follow: see whether it does. */
    void (*expects_wait)(void *context);
    /* Chunks come in a stream (+1), or no longer (-1): poll at every call. */
    void (*streams)(void *context, int change);
    /* This process copied until `now`, ticks: the time is not to be taken for the program's own. */
    void (*copied_until)(void *context, uint64_t now);
    /* A transfer has ended. */
    void (*done)(void *context, const segmsg_transfer_want_t *want, segmsg_transfer_end_t end);
    /* A record of the transfers with a peer holds what no correct process writes. */
    void (*corrupt)(void *context, void *user);
} segmsg_transfer_ops_t;

/* When to do what. */
typedef struct {
    uint64_t cooperative_from; /* bytes of the shortest transfer that both copy; 0: none */
    uint64_t used_from;      /* bytes of the shortest to a program that works on what it receives */
    uint64_t unit_bytes;     /* of a cooperative copy; a power of two */
    uint64_t help_bytes;     /* most that a helper copies in one call */
    uint64_t unhelped_bytes; /* transferred without help, after which the peer is not asked */
    uint64_t unasked_bytes;  /* until this many more were transferred */
    uint64_t chunks_from;    /* bytes of the shortest transfer that may come in chunks; 0: none */
    uint64_t chunks_to;      /* bytes of the longest */
    uint64_t chunk_bytes;    /* longest chunk that is asked for, */
    uint64_t chunk_most;     /* and longest that is sent */
    unsigned chunks_after;   /* transfers of a peer before chunks are tried */
    unsigned chunk_timeout;  /* microseconds without a chunk, then the initiator takes over */
    unsigned chunk_budget;   /* chunks that are sent in one call */
    bool chunks_always;      /* for tests: never measured, never refused */
} segmsg_transfer_config_t;

enum {
    SEGMSG_TRANSFER_HELPS =
        256 /* requests that are kept; more are dropped, and done without help */
};

/* All transfers of a process or, in the library, of a handle. */
typedef struct {
    const segmsg_transfer_ops_t *ops;
    void *context;                 /* for those */
    const segmsg_export_t *region; /* this process's, with its records */
    segmsg_transfer_config_t config;
    uint64_t microsecond;  /* ticks; 0: there is no clock, and nothing is measured */
    uint64_t verify_every; /* ticks between two looks whether a peer that is waited for lives */
    uint64_t copied_until; /* ticks; as the operation of that name was told */

    _Atomic uint32_t
        work;         /* transfers and requests that progress has to look after; relaxed: a hint */
    segmsg_use_t use; /* whether the program works on what it receives */
    _Atomic uint32_t started; /* large transfers of this process, helped or not; relaxed */

    /* The initiator's side. */
    segmsg_transfer_t transfer[SEGMSG_JOINTS];
    _Atomic uint32_t unasked[SEGMSG_JOINTS]; /* generation whose request found no room; relaxed */
    _Atomic uint32_t generations;            /* that were used; relaxed */
    _Atomic uint32_t records;                /* whether they are committed: records.c */
    _Atomic uint64_t free;                   /* bit i: transfer[i] is FREE. Acquire, release */
    _Atomic uint64_t
        waiting; /* bit i: it is AWAITED or chunked, progress looks after it. Acquire, release */

    /* The helper's side. */
    segmsg_transfer_help_t help[SEGMSG_TRANSFER_HELPS]; /* a ring */
    unsigned first_help;
    unsigned help_count;

    /* Statistics, relaxed. */
    _Atomic uint64_t asked;        /* transfers that a peer was asked to help with */
    _Atomic uint64_t helped_bytes; /* that peers have copied */
    _Atomic uint64_t chunk_bytes;  /* that came in chunks */
} segmsg_transfers_t;

/* Nothing is known of the peer yet. */
static inline void segmsg_transfer_peer_init(segmsg_transfer_peer_t *peer, void *user,
                                             uint64_t name, const segmsg_export_t *region)
{
    *peer = (segmsg_transfer_peer_t){.user = user, .name = name, .region = region};
    segmsg_help_init(&peer->help);
    segmsg_choice_init(&peer->choice);
}

/* Large transfers that this process has begun so far, to see whether one was between two moments. */
static inline uint32_t segmsg_transfers_started(const segmsg_transfers_t *transfers)
{
    /* Relaxed: a hint. */
    return atomic_load_explicit(&transfers->started, memory_order_relaxed);
}

/* Counts what progress has to look after. */
static inline void segmsg_transfers_add_work(segmsg_transfers_t *transfers, int change)
{
    /* Relaxed: a hint; what is missed now is seen the next time. */
    (void) atomic_fetch_add_explicit(&transfers->work, (uint32_t) change, memory_order_relaxed);
}

/* Copies a part of a transfer, at this process's end. False: failed. */
static inline bool segmsg_transfer_copy(const segmsg_transfers_t *transfers,
                                        const segmsg_transfer_want_t *want, uint64_t offset,
                                        uint64_t bytes)
{
    return transfers->ops->copy(transfers->context, want->peer->user, want->is_put,
                                (char *) want->local + offset, want->remote + offset, bytes);
}

#endif
