/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What lies behind a handle of libsegmsg.
 *
 * All of a handle belongs to the one thread that calls. What it shares with other processes is what the
 * engine shares: the export.
 */
#ifndef SEGMSG_LIBRARY_H
#define SEGMSG_LIBRARY_H

#include "library/match.h"
#include "library/messages.h"
#include "library/segmsg.h"

#include "base/copy.h"
#include "engine/look.h"
#include "engine/sender.h"
#include "engine/sleep.h"
#include "engine/yield.h"
#include "copier/copier.h"
#include "memory/win.h"
#include "transfer/transfer.h"

#include <stdbool.h>

typedef struct segmsg_lib_peer segmsg_lib_peer_t;

/* A send or receive under way, whose caller waits for it. */
struct segmsg_request {
    enum {
        SEGMSG_LIB_FREE = 0,
        SEGMSG_LIB_SEND,    /* waits for room, for itself or its announcement */
        SEGMSG_LIB_SENT,    /* announced: waits for DONE or CLEAR */
        SEGMSG_LIB_STREAM,  /* CLEAR has come: data goes out as there is room */
        SEGMSG_LIB_POSTED,  /* a receive for which nothing has come */
        SEGMSG_LIB_ARRIVING /* its data arrives */
    } state;
    bool is_complete;
    bool is_detached; /* not the caller's: it fetches what nobody has asked for yet */
    segmsg_result_t result;
    segmsg_lib_name_t name;
    segmsg_lib_peer_t *peer;            /* NULL: from any source */
    segmsg_request_t *next, *previous;  /* in the list that its state puts it in */
    const unsigned char *data;          /* a send's */
    unsigned char *buffer;              /* a receive's */
    size_t bytes;                       /* a send's; of a receive: room, then what is wanted */
    size_t moved;                       /* of these */
    segmsg_lib_name_t other;            /* STREAM: the receiver's request */
    int tag;                            /* may be SEGMSG_ANY_TAG in a receive */
    segmsg_info_t info;                 /* of what was received */
    struct segmsg_lib_arrival *arrival; /* detached: for this */
    segmsg_match_posted_t match;        /* POSTED; last: not cleared with the rest */
};

typedef struct {
    segmsg_request_t *first, *last;
} segmsg_lib_list_t;

/* A message that has come before anybody asked for it. */
typedef struct segmsg_lib_arrival {
    segmsg_match_unexpected_t match;            /* first; as long as no receive has claimed it */
    struct segmsg_lib_arrival *next, *previous; /* of the same peer, in order */
    segmsg_lib_peer_t *peer;
    segmsg_lib_long_t header; /* of an EAGER message: tag and bytes */
    enum {
        SEGMSG_LIB_WHOLE,     /* `data` is the message */
        SEGMSG_LIB_ANNOUNCED, /* the sender has it */
        SEGMSG_LIB_COMING     /* it comes to `data` */
    } state;
    unsigned char *data;
    segmsg_request_t *claimant; /* COMING: the receive that gets it; NULL: none yet */
} segmsg_lib_arrival_t;

/* A message of the library's own that found no room. */
typedef struct segmsg_lib_note {
    struct segmsg_lib_note *next;
    uint32_t bytes;
    uint8_t kind;
    unsigned char data[48];
} segmsg_lib_note_t;

/* What tells a process from others that had or have its number. */
typedef struct {
    uint64_t pid_space; /* inode of the name space of process numbers; 0: unknown */
    uint64_t started;   /* clock ticks since boot */
} segmsg_lib_life_t;

/* Another process of the node, or this one. */
struct segmsg_lib_peer {
    segmsg_sender_t sender; /* first: used by every message */
    segmsg_reader_t *reader;
    segmsg_export_t image;
    segmsg_identity_t identity;
    uint64_t probe;               /* address of its segmsg_t.probe */
    const _Atomic uint32_t *word; /* not 0: it can do nothing more */
    int rank;                     /* in the communicator that was opened */
    bool wants_single_copy;
    bool is_attached;
    bool is_busy; /* something waits for room: it is in handle->busy */
    enum { SEGMSG_LIB_UNTRIED, SEGMSG_LIB_COPIES, SEGMSG_LIB_COPIES_NOT } single_copy;
    segmsg_transfer_peer_t transfers;
    segmsg_lib_life_t life;
    bool is_in_own_space;   /* its process number means it here too */
    segmsg_copier_t copier; /* of what was tried once and worked */
    int64_t stuck_since; /* nanoseconds; no shared memory for an answer or a stream; 0: there is */
    segmsg_lib_list_t sends;   /* SEND, in order */
    segmsg_lib_list_t streams; /* STREAM */
    segmsg_lib_note_t *first_note, *last_note;
    segmsg_lib_arrival_t *first_arrival, *last_arrival;
    segmsg_lib_peer_t *next_busy;
};

/* What stands against closing, in any process. */
typedef struct {
    int is_pending;   /* something of the caller's */
    int is_under_way; /* something of the library's, which ends by itself */
    int is_broken;    /* but where one can go on no more, nothing ends: all close */
} segmsg_lib_vote_t;

/* The processes of the communicator that was opened, and those of the node. */
typedef struct {
    int rank; /* in `comm` */
    int size;
    int node_rank;
    int node_size;
    int first;         /* lowest rank that is reachable */
    int span;          /* ranks from there to the highest one */
    int *node_rank_of; /* by rank - first; -1: unreachable */
    MPI_Comm comm;     /* MPI_COMM_NULL: MPI_Finalize was called */
    MPI_Comm node;
    struct segmsg_lib_watch *watch; /* what tells of MPI_Finalize: an attribute of MPI_COMM_SELF, */
    int key;                        /* and its key */
} segmsg_lib_ranks_t;

typedef struct {
    segmsg_lib_peer_t *peer; /* NULL: there is no reservation */
    segmsg_place_t place;
    bool is_own; /* it is memory of this process: there was none at the receiver */
    size_t bytes;
} segmsg_lib_reservation_t;

typedef struct {
    segmsg_request_t **request; /* by index */
    uint32_t count;             /* that exist */
    uint32_t room;
    segmsg_request_t *free;
    uint32_t pending;  /* in use by the caller */
    uint32_t unended;  /* complete, of these */
    uint32_t detached; /* in use by the library */
    uint32_t generation;
} segmsg_lib_requests_t;

/* Of the call that shows messages to a handler. */
typedef struct {
    segmsg_handler_t function; /* NULL: there is no such call */
    void *context;
    unsigned handled; /* messages */
    bool is_running;
} segmsg_lib_handler_t;

/* How calls wait. */
typedef struct {
    unsigned depth;      /* of blocking calls: who waits has time to help */
    unsigned idle_polls; /* calls that do not wait, in a row, that found nothing */
    segmsg_yield_t yield;
    segmsg_sleep_t sleep;
    bool is_away;  /* the program has not called since a transfer ended */
    uint64_t away; /* ticks that it was, since the last transfer began */
} segmsg_lib_waits_t;

/* A long message was copied, or could not be. `send`: the sender's request. */
typedef void (*segmsg_lib_copied_fn_t)(segmsg_t *handle, segmsg_request_t *request,
                                       segmsg_lib_name_t send, bool copied);

struct segmsg {
    segmsg_receiver_t receiver;
    segmsg_look_t look;
    segmsg_lib_peer_t *peers; /* by rank in the node */
    segmsg_match_t match;
    segmsg_lib_peer_t *busy; /* those for which something waits */
    segmsg_result_t broken;  /* nothing goes any more, for this reason */
    size_t eager_limit;
    size_t piece;  /* bytes of a streamed message that go at a time */
    uint32_t kept; /* messages that lie about */
    bool wants_single_copy;
    segmsg_lib_waits_t waits;
    segmsg_lib_handler_t handler;
    segmsg_lib_reservation_t reserved;
    segmsg_lib_requests_t requests;
    segmsg_transfers_t transfers; /* long messages that both processes carry out together */
    segmsg_lib_copied_fn_t copied;
    segmsg_lib_vote_t vote[2];     /* own, and of all; MPI's as long as a vote is under way */
    const segmsg_lib_peer_t *gone; /* its process is no more: no collective call of MPI can end */
    int64_t alive_at;              /* nanoseconds; when all were last looked at */
    segmsg_lib_ranks_t ranks;
    segmsg_win_t win;
    segmsg_identity_t self;
    segmsg_copier_probe_t probe;
    segmsg_statistics_t statistics; /* what the engine does not count */
};

/* The peer of a rank, or NULL if it cannot be reached. */
static inline segmsg_lib_peer_t *segmsg_lib_peer_of(const segmsg_t *handle, int rank)
{
    unsigned at = (unsigned) rank - (unsigned) handle->ranks.first;
    if (__builtin_expect(rank < 0 || at >= (unsigned) handle->ranks.span, 0)) {
        return NULL;
    }
    int node_rank = handle->ranks.node_rank_of[at];
    return node_rank < 0 ? NULL : &handle->peers[node_rank];
}

/* True if there can be so many bytes at `memory`: at most as many as an object can have. */
static inline bool segmsg_lib_is_memory(const void *memory, size_t bytes)
{
    return bytes <= (memory == NULL ? 0 : (size_t) PTRDIFF_MAX);
}

static inline bool segmsg_lib_is_self(const segmsg_t *handle, const segmsg_lib_peer_t *peer)
{
    return peer == &handle->peers[handle->ranks.node_rank];
}

#endif
