/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What lies behind a handle of libsegmsg, and which message of the engine carries what.
 *
 *   sender                                          receiver
 *   EAGER, tag and data                        -->  copied to where it was asked for, or seen in place
 *
 *   LONG, tag, length and where it lies        -->  keeps it until somebody asks for it; then either
 *                                                   copies it (the kernel does):
 *   helps to copy, if it waits                 <--  JOIN, if it is long (queue/split_work.h)
 *                                              <--  DONE
 *                                                   or, where the kernel does not:
 *                                              <--  CLEAR
 *   DATA, offset and data, one or more         -->  copied to their places
 *
 * All of a handle belongs to the one thread that calls. What it shares with other processes is what the
 * engine shares: the export.
 */
#ifndef SEGMSG_LIBRARY_H
#define SEGMSG_LIBRARY_H

#include "library/match.h"
#include "library/segmsg.h"

#include "base/copy.h"
#include "transfer/help.h"
#include "queue/split_work.h"
#include "engine/look.h"
#include "engine/sender.h"
#include "memory/win.h"

#include <stdbool.h>

/* Kinds of messages: their tag in the engine. */
typedef enum {
    SEGMSG_LIB_EAGER = 1,
    SEGMSG_LIB_LONG,
    SEGMSG_LIB_JOIN,
    SEGMSG_LIB_DONE,
    SEGMSG_LIB_CLEAR,
    SEGMSG_LIB_DATA,
    SEGMSG_LIB_NOTHING /* a reservation in a shared segment that was cancelled */
} segmsg_lib_kind_t;

/* Names a request to the peer, which gives it back. Indices are used again, generations are not. */
typedef struct {
    uint32_t index;
    uint32_t generation;
} segmsg_lib_name_t;

/* At the head of an EAGER message; the data follows, aligned as this is. */
typedef struct {
    uint32_t tag;
    uint32_t reserved;
} segmsg_lib_eager_t;
enum { SEGMSG_LIB_EAGER_BYTES = sizeof(segmsg_lib_eager_t) };
_Static_assert(SEGMSG_LIB_EAGER_BYTES == 8, "8-byte alignment of the data");

typedef struct {
    uint32_t tag;
    uint32_t
        is_urgent; /* it would have been EAGER, had there been memory: not to wait for a receive */
    segmsg_lib_name_t send; /* the sender's request */
    uint64_t bytes;
    uint64_t address; /* in the sender's memory */
} segmsg_lib_long_t;

/* DONE, CLEAR. */
typedef struct {
    segmsg_lib_name_t send;    /* as in LONG */
    segmsg_lib_name_t receive; /* CLEAR: the receiver's request */
    uint64_t bytes;            /* CLEAR: how many are wanted, from the start on */
} segmsg_lib_answer_t;

typedef struct {
    segmsg_lib_name_t send; /* as in LONG */
    uint64_t bytes;         /* of the transfer */
    uint64_t unit_bytes;    /* as in segmsg_joint_cut_t */
    uint64_t address;       /* in the receiver's memory */
    uint32_t generation;    /* of the record in the receiver's export */
    uint32_t reserved;
} segmsg_lib_join_t;

typedef struct {
    segmsg_lib_name_t receive; /* as in CLEAR */
    uint64_t offset;
} segmsg_lib_data_t;

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
    uint64_t probe;               /* where its identity lies in its memory */
    const _Atomic uint32_t *word; /* not 0: it can do nothing more */
    int rank;                     /* in the communicator that was opened */
    bool wants_single_copy;
    bool is_attached;
    bool is_busy; /* something waits for room: it is in handle->busy */
    enum { SEGMSG_LIB_UNTRIED, SEGMSG_LIB_COPIES, SEGMSG_LIB_COPIES_NOT } single_copy;
    segmsg_help_t help; /* what its help with long messages was worth */
    unsigned unhelped;  /* transfers in a row with which it did not help */
    segmsg_lib_life_t life;
    bool is_in_own_space; /* its process number means it here too */
    bool is_readable;     /* the kernel has once copied from it */
    int64_t stuck_since;  /* nanoseconds; no shared memory for an answer or a stream; 0: there is */
    segmsg_lib_list_t sends;   /* SEND, in order */
    segmsg_lib_list_t streams; /* STREAM */
    segmsg_lib_note_t *first_note, *last_note;
    segmsg_lib_arrival_t *first_arrival, *last_arrival;
    segmsg_lib_peer_t *next_busy;
};

/* A cooperative copy whose own part is done, and that waits for the sender's. */
typedef struct {
    segmsg_request_t *request; /* the receive; NULL: there is none */
    segmsg_lib_name_t send;    /* as in LONG */
    uint64_t from;             /* in the sender's memory */
    uint64_t bytes;
    uint64_t own_bytes;       /* copied here, from the start on */
    uint32_t units;           /* of the transfer */
    uint32_t others;          /* of these, that the sender has claimed */
    bool copied;              /* all that was to be copied here was */
    uint64_t begun, own_done; /* nanoseconds */
} segmsg_lib_joint_t;

/* What stands against closing, in any process. */
typedef struct {
    int is_pending;   /* something of the caller's */
    int is_under_way; /* something of the library's, which ends by itself */
    int is_broken;    /* but where one can go on no more, nothing ends: all close */
} segmsg_lib_vote_t;

struct segmsg {
    segmsg_receiver_t receiver;
    segmsg_look_t look;
    segmsg_lib_peer_t *peers; /* by rank in the node */
    segmsg_match_t match;
    segmsg_lib_peer_t *busy; /* those for which something waits */
    segmsg_result_t broken;  /* nothing goes any more, for this reason */
    size_t eager_limit;
    size_t piece;    /* bytes of a streamed message that go at a time */
    uint32_t kept;   /* messages that lie about */
    bool is_crowded; /* the node has more processes than this one may run on processors */
    bool in_handler;
    bool wants_single_copy;
    unsigned waiting; /* depth of blocking calls: who waits has time to help */
    segmsg_handler_t handler;
    void *handler_context;
    unsigned handled;
    unsigned
        waits_contended; /* waits to come that give the processor away soon: somebody needs it */

    /* The reservation. */
    segmsg_lib_peer_t *reserved;
    segmsg_place_t place;
    bool place_is_own; /* it is memory of this process: there was none at the receiver */
    size_t reserved_bytes;

    /* Requests, by index. */
    segmsg_request_t **request;
    uint32_t request_count; /* that exist */
    uint32_t request_room;
    segmsg_request_t *free_requests;
    uint32_t pending;  /* in use by the caller */
    uint32_t unended;  /* complete, of these */
    uint32_t detached; /* in use by the library */
    uint32_t generation;
    uint32_t joint_generation;
    segmsg_lib_joint_t joint;

    segmsg_lib_vote_t vote[2];     /* own, and of all; MPI's as long as a vote is under way */
    const segmsg_lib_peer_t *gone; /* its process is no more: no collective call of MPI can end */
    int64_t alive_at;              /* nanoseconds; when all were last looked at */
    unsigned idle_polls;           /* calls that do not wait, in a row, that found nothing */
    int64_t offer_after; /* nanoseconds of waiting before the processor is offered; 0: as usual */

    int rank; /* in `comm` */
    int size;
    int node_rank;
    int node_size;
    int first_rank;    /* lowest rank that is reachable */
    int rank_span;     /* ranks from there to the highest one */
    int *node_rank_of; /* by rank - first_rank; -1: unreachable */
    MPI_Comm comm;
    MPI_Comm node;
    segmsg_win_t win;
    segmsg_identity_t self;
    segmsg_statistics_t statistics; /* what the engine does not count */
};

/* The peer of a rank, or NULL if it cannot be reached. */
static inline segmsg_lib_peer_t *segmsg_lib_peer_of(const segmsg_t *handle, int rank)
{
    unsigned at = (unsigned) rank - (unsigned) handle->first_rank;
    if (__builtin_expect(rank < 0 || at >= (unsigned) handle->rank_span, 0)) {
        return NULL;
    }
    int node_rank = handle->node_rank_of[at];
    return node_rank < 0 ? NULL : &handle->peers[node_rank];
}

/* True if there can be so many bytes at `memory`: at most as many as an object can have. */
static inline bool segmsg_lib_is_memory(const void *memory, size_t bytes)
{
    return bytes <= (memory == NULL ? 0 : (size_t) PTRDIFF_MAX);
}

static inline bool segmsg_lib_is_self(const segmsg_t *handle, const segmsg_lib_peer_t *peer)
{
    return peer == &handle->peers[handle->node_rank];
}

/* ---- options.c ---- */

typedef struct {
    segmsg_geometry_t geometry;
    bool groups_are_given;
    size_t eager_limit;
    uint64_t memory;
    bool single_copy;
} segmsg_lib_config_t;

/* Reads options and environment. Returns SEGMSG_SUCCESS, or SEGMSG_E_OPTIONS or SEGMSG_E_ARGUMENT, and
 * explains. */
segmsg_result_t segmsg_lib_configure(const segmsg_options_t *options, segmsg_lib_config_t *config);

/* ---- wait.c ---- */

/* The handle can do nothing more, for this reason; the other processes learn of it. */
void segmsg_lib_break(segmsg_t *handle, segmsg_result_t result);
/* Looks whether another process can do nothing more, and if so breaks the handle. */
void segmsg_lib_look_for_broken(segmsg_t *handle);

/* ---- alive.c ---- */

/* Nanoseconds since some time. */
int64_t segmsg_lib_nanoseconds(void);
/* What tells this process from others. */
segmsg_lib_life_t segmsg_lib_own_life(void);
/* False if the process of a peer is known to have ended. */
bool segmsg_lib_is_alive(const segmsg_lib_peer_t *peer);
/* Looks a few times a second whether the process of any peer has ended, and if so breaks the handle. */
void segmsg_lib_look_for_gone(segmsg_t *handle);

/* ---- text.c ---- */

/* What segmsg_explanation() says from now on. */
void segmsg_lib_explain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* That there is nothing to explain. */
void segmsg_lib_explain_not(void);

/* `result`, of which there is nothing more to say. */
static inline segmsg_result_t segmsg_lib_plain(segmsg_result_t result)
{
    segmsg_lib_explain_not();
    return result;
}

/* ---- requests.c ---- */

/* A request with a name; NULL if there is no memory. */
segmsg_request_t *segmsg_lib_request_new(segmsg_t *handle, bool is_detached);
/* True if `request` is one of the handle's that was not ended. */
bool segmsg_lib_request_is_valid(const segmsg_t *handle, const segmsg_request_t *request);
void segmsg_lib_request_free(segmsg_t *handle, segmsg_request_t *request);
/* The request of that name, or NULL. */
segmsg_request_t *segmsg_lib_request_find(const segmsg_t *handle, segmsg_lib_name_t name);
/* Frees all there are. */
void segmsg_lib_requests_destroy(segmsg_t *handle);
void segmsg_lib_list_append(segmsg_lib_list_t *list, segmsg_request_t *request);
void segmsg_lib_list_remove(segmsg_lib_list_t *list, segmsg_request_t *request);

/* ---- open.c ---- */

/* Explains that an MPI function failed; returns SEGMSG_E_MPI. */
segmsg_result_t segmsg_lib_mpi_failed(const char *function, int error);
/* Frees all that a handle has. */
void segmsg_lib_destroy(segmsg_t *handle);

/* ---- plan.c ---- */

/* What each process of the node may have of shared memory: the same for all, whatever they see.
 * Collective over the node. */
segmsg_result_t segmsg_lib_find_room(const segmsg_t *handle, uint64_t *room);
/*
 * The export's size in bytes and its shape, with `room` bytes of shared memory. Where there is little, as in
 * many containers, the largest of the default groups are done without; those that the user has named are
 * not. Returns SEGMSG_SUCCESS, or SEGMSG_E_MEMORY and explains.
 */
segmsg_result_t segmsg_lib_plan(const segmsg_t *handle, segmsg_lib_config_t *config, uint64_t room,
                                segmsg_export_config_t *export, uint64_t *bytes);

/* ---- send.c ---- */

/* Gets ready to send to a peer: checks the head of its export. */
segmsg_result_t segmsg_lib_attach(segmsg_t *handle, segmsg_lib_peer_t *peer);
void segmsg_lib_count_sent(segmsg_t *handle, size_t bytes);
/* Sends a message to another process, and waits until it is gone. */
segmsg_result_t segmsg_lib_send_and_wait(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag,
                                         const void *data, size_t bytes);
/* What is wrong with the arguments of a send; *peer receives whom they name. */
SEGMSG_INLINE segmsg_result_t segmsg_lib_check_send(segmsg_t *handle, int to, int tag,
                                                    const void *data, size_t bytes,
                                                    segmsg_lib_peer_t **peer)
{
    if (__builtin_expect(handle == NULL || tag < 0 || !segmsg_lib_is_memory(data, bytes), 0)) {
        return segmsg_lib_plain(SEGMSG_E_ARGUMENT);
    }
    if (__builtin_expect(handle->broken != SEGMSG_SUCCESS || handle->reserved != NULL, 0)) {
        return handle->broken != SEGMSG_SUCCESS ? handle->broken : segmsg_lib_plain(SEGMSG_E_BUSY);
    }
    *peer = segmsg_lib_peer_of(handle, to);
    return *peer == NULL ? segmsg_lib_plain(SEGMSG_E_UNREACHABLE)
                         : segmsg_lib_attach(handle, *peer);
}

/* Sends a message of the library's own, now or when there is room. */
void segmsg_lib_note(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                     const void *data, uint32_t bytes);
/* The same, but now or never. */
bool segmsg_lib_note_now(segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind, const void *data,
                         uint32_t bytes);
/* Goes on with what waits for room. Returns how many messages went out. */
int segmsg_lib_serve_busy(segmsg_t *handle);
void segmsg_lib_set_busy(segmsg_t *handle, segmsg_lib_peer_t *peer);
/* True if anything waits for room, of any peer. */
bool segmsg_lib_has_unsent(const segmsg_t *handle);
void segmsg_lib_peer_destroy(segmsg_lib_peer_t *peer);

/* ---- arrive.c ---- */

/* What segmsg_look does with a message, and with what else it finds. */
extern const segmsg_look_ops_t segmsg_lib_look_ops;

/* Nothing more can be sent to a peer whose memory holds what no correct process writes: says so. */
void segmsg_lib_check_sender(segmsg_t *handle, const segmsg_lib_peer_t *peer);
/* A message has come from `peer`: gives it to whoever asked for it, or keeps it. False if there is no
 * memory to keep it in. */
bool segmsg_lib_arrive(segmsg_t *handle, segmsg_lib_peer_t *peer, int tag, const void *data,
                       size_t bytes);
/* Does what a message of the engine says; false if no correct peer has sent it. */
bool segmsg_lib_dispatch(segmsg_t *handle, segmsg_lib_peer_t *peer,
                         const segmsg_message_t *message);
/* Breaks the handle, since there is nonsense in shared memory; of `reader`'s sender, if that is known. */
void segmsg_lib_corrupt(void *handle, segmsg_reader_t *reader);
/* Shows the handler what is kept. */
void segmsg_lib_show_kept(segmsg_t *handle);

/* ---- keep.c ---- */

/* Keeps a message, or with `data` == NULL the announcement of one. NULL if there is no memory. */
segmsg_lib_arrival_t *segmsg_lib_keep(segmsg_t *handle, segmsg_lib_peer_t *peer,
                                      const segmsg_lib_long_t *header, const void *data);
segmsg_info_t segmsg_lib_arrival_info(const segmsg_lib_arrival_t *arrival);
/* Takes an arrival out of all lists; its data and itself are the caller's then. */
void segmsg_lib_unkeep(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* Takes it out, and frees it. */
void segmsg_lib_drop(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* Lets a long message come that nobody has asked for. */
void segmsg_lib_fetch(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* It is there. */
void segmsg_lib_arrival_whole(segmsg_t *handle, segmsg_lib_arrival_t *arrival);
/* The first message that is kept and is nobody's, from `peer` or if that is NULL from anybody, with `tag` or
 * with any; NULL if there is none. */
segmsg_lib_arrival_t *segmsg_lib_find_kept(segmsg_t *handle, const segmsg_lib_peer_t *peer,
                                           int tag);
/* Gives it to a receive. */
void segmsg_lib_receive_kept(segmsg_t *handle, segmsg_request_t *request,
                             segmsg_lib_arrival_t *arrival);
/* Copies a message to where it was asked for. */
void segmsg_lib_receive_copy(segmsg_t *handle, segmsg_request_t *request, const segmsg_info_t *info,
                             const void *data);
/* Ends a receive with what it has. */
void segmsg_lib_receive_end(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result);

/* Copies the data of a message. */
SEGMSG_INLINE void segmsg_lib_copy_out(void *to, const void *from, size_t bytes)
{
    if (bytes <= SEGMSG_LINE) {
        segmsg_copy_short(to, from, bytes);
    } else {
        memcpy(to, from, bytes);
    }
}

/* ---- wait.c ---- */

/* A request has come to its end. */
void segmsg_lib_complete(segmsg_t *handle, segmsg_request_t *request, segmsg_result_t result);
/* One look at everybody, and whatever is under way. Returns how much there was to do. */
int segmsg_lib_progress(segmsg_t *handle);
/* The same without a look at `reader`, which the caller looks at. */
int segmsg_lib_progress_but(segmsg_t *handle, const segmsg_reader_t *reader);

/* How somebody waits. */
typedef struct {
    unsigned looks; /* at the one who is waited for, between two looks at all */
    unsigned most;  /* looks in vain at all before the processor is offered to others */
    unsigned idle;  /* such looks so far */
    unsigned taken; /* messages of the one who is waited for, so far */
    int64_t since;  /* nanoseconds; when the first offer was held back; 0: none was */
} segmsg_patience_t;
segmsg_patience_t segmsg_lib_patience(segmsg_t *handle);
/* Progress for a call that does not wait: notices after many of them that nothing can come any more. */
void segmsg_lib_poll_progress(segmsg_t *handle);
/* Offers the processor to others, if that has paid. */
void segmsg_lib_offer_processor(segmsg_t *handle, segmsg_patience_t *patience);
/* To be called after every look at all, with how much it found. */
void segmsg_lib_lose_patience(segmsg_t *handle, segmsg_patience_t *patience, int found);

/* What becomes of a request that will never be complete. */
void segmsg_lib_abandon(segmsg_t *handle, segmsg_request_t *request);

/* Waits for the next message of `reader`, as long as `patience` says, and takes it; if there is none, or
 * `reader` is NULL, and now and then, looks at all. */
void segmsg_lib_wait_for(segmsg_t *handle, segmsg_patience_t *patience, segmsg_reader_t *reader);

/* Looks for the next message of a sender, nowhere else, as long as `patience` says. A message of some
 * lines is found sooner by a third of its time if nothing else is done meanwhile. */
static inline bool segmsg_lib_stare(const segmsg_reader_t *reader,
                                    const segmsg_patience_t *patience)
{
    for (unsigned look = 0; look < patience->looks; ++look) {
        if (segmsg_ring_has_something(&reader->ring)) {
            return true;
        }
    }
    return false;
}

/* Ends a request that is complete. */
segmsg_result_t segmsg_lib_request_end(segmsg_t *handle, segmsg_request_t *request,
                                       segmsg_info_t *info);
/* Goes on until the request is complete or the handle is broken. */
void segmsg_lib_await(segmsg_t *handle, const segmsg_request_t *request);

/* ---- large.c ---- */

/* Receives a long message whose announcement is `header` into `request`, which has its buffer. */
void segmsg_lib_long_receive(segmsg_t *handle, segmsg_lib_peer_t *peer,
                             const segmsg_lib_long_t *header, segmsg_request_t *request);
/* Messages of the library's own. False if they are nonsense. */
bool segmsg_lib_join_asked(segmsg_t *handle, segmsg_lib_peer_t *peer,
                           const segmsg_lib_join_t *join);
bool segmsg_lib_answered(segmsg_t *handle, segmsg_lib_peer_t *peer, segmsg_lib_kind_t kind,
                         const segmsg_lib_answer_t *answer);
bool segmsg_lib_data_came(segmsg_t *handle, segmsg_lib_peer_t *peer, const unsigned char *message,
                          uint32_t bytes);
/* Ends the receive of a long message that was copied by the kernel; or lets it be streamed, if it could not
 * be. */
void segmsg_lib_long_end(segmsg_t *handle, segmsg_request_t *request, segmsg_lib_name_t send,
                         bool copied);
/* True if a stream or an answer to a peer waits for shared memory that it never had. */
bool segmsg_lib_is_short_of_memory(const segmsg_lib_peer_t *peer);
/* Sends what there is room for of a peer's streams. */
int segmsg_lib_serve_streams(segmsg_t *handle, segmsg_lib_peer_t *peer);

/* ---- joint.c ---- */

typedef enum {
    SEGMSG_LIB_COPY_DONE,
    SEGMSG_LIB_COPY_FAILED, /* the kernel refused */
    SEGMSG_LIB_COPY_WAITS   /* for the sender; progress ends it with segmsg_lib_long_end */
} segmsg_lib_copied_t;
/* True if the sender is to be asked to copy a part of so many bytes. */
bool segmsg_lib_joint_may_begin(const segmsg_t *handle, segmsg_lib_peer_t *peer, uint64_t bytes);
/* Copies the first `bytes` bytes of a message together with its sender. */
segmsg_lib_copied_t segmsg_lib_joint_copy(segmsg_t *handle, segmsg_request_t *request,
                                          const segmsg_lib_long_t *header, uint64_t bytes);
/* Goes on with the transfer that waits for its sender. Returns how much there was to do. */
int segmsg_lib_joint_look(segmsg_t *handle);
/* Gives that transfer up. Returns when its sender writes no more, since the buffer is the caller's then. */
void segmsg_lib_joint_abandon(segmsg_t *handle);

#endif
