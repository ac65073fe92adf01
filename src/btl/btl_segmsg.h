/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The component's own types. Each file of the component says in a header of its own what it offers.
 */
#ifndef MCA_BTL_SEGMSG_H
#define MCA_BTL_SEGMSG_H

#include "base/clock.h"
#include "engine/look.h"
#include "engine/sleep.h"
#include "engine/yield.h"
#include "btl/btl_segmsg_compat.h"
#include "btl/btl_segmsg_config.h"

#include "opal/class/opal_free_list.h"
#include "opal/class/opal_list.h"
#include "opal/class/opal_pointer_array.h"

#include "engine/receiver.h"
#include "engine/sender.h"
#include "base/processors.h"
#include "copier/copier.h"
#include "memory/memory.h"
#include "memory/shm_domain.h"
#include "transfer/transfer.h"

BEGIN_C_DECLS

/* ---- a peer ---- */

/* What a process publishes of itself. Followed by the descriptor of its export. */
typedef struct {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t descriptor_bytes;
    uint32_t rails;      /* mca_btl_segmsg_net_modex_t that follow the descriptor */
    uint32_t keeps_name; /* 1: btl_segmsg_keep_names is set */
    uint32_t local_rank; /* among the processes of its job on its node; UINT32_MAX: unknown */
    uint32_t refuses; /* of MCA_BTL_FLAGS_*: put, get, atomics that btl_segmsg_flags leaves out */
    segmsg_identity_t owner;
    uint64_t domain; /* who sees the same memory: segmsg_memory_kind_t.domain */
    segmsg_shm_spaces_t spaces;
    uint64_t probe; /* address of own.probe, for whoever tries to read it */
} mca_btl_segmsg_modex_t;

enum { MCA_BTL_SEGMSG_COPIERS = 2 }; /* kinds */

/* How a peer's memory is copied in one go: btl_segmsg_copy.c. */
typedef struct {
    segmsg_copier_t copier[MCA_BTL_SEGMSG_COPIERS]; /* those that work, the best first */
    unsigned copiers;                               /* 0: it is not */
    bool pid_is_proved;  /* the process that has its number here is the peer */
    bool pid_is_visible; /* the kernel knows it here by the number that it says */
} mca_btl_segmsg_copy_way_t;

/* What waits for a peer; under its lock. */
typedef struct {
    opal_list_t pending;  /* fragments that wait for room, in order */
    size_t buffered;      /* bytes of fragments that wait in local buffers */
    unsigned places;      /* fragments that hold partitions and are not sent yet */
    bool memory_short;    /* the last place could not be had for want of memory, not of room */
    unsigned exempt;      /* short fragments that were given out although `blocked`, until it is
                            known that they carry no message's number */
    const void *parts_of; /* convertor of the message whose parts went last */
    unsigned parts_left;  /* how many it may still send in a row */
    opal_list_t jobs;     /* transfers that wait for fragments, in order */
    bool busy;            /* in mca_btl_segmsg.peers.busy; guarded by mca_btl_segmsg.lock */
    opal_list_item_t busy_item;
} mca_btl_segmsg_queue_t;

typedef struct mca_btl_base_endpoint_t {
    opal_list_item_t super;             /* in mca_btl_segmsg.peers.endpoints */
    mca_btl_base_module_t *btl;         /* of shared memory, or of a network interface */
    struct mca_btl_segmsg_link_t *link; /* the way to a peer on another host; NULL: it is here */
    opal_proc_t *proc;
    segmsg_identity_t peer;
    uint32_t users; /* add_procs less del_procs */
    union {
        uint16_t is_special; /* not 0: one of these is set */
        struct {
            bool is_self; /* messages to the own process are handed over directly */
            /*
             * There was no room, and the queue is at its limit: the PML keeps what it could not send.
             * Until the next progress that finds the queue below its limit nothing is taken, so that the
             * PML tries again in the order in which it began: it numbers messages in 16 bits, and one that
             * overtakes 65536 others would be taken for another. Only short fragments go on: its control
             * messages (acknowledgements and the like) without a limit, since it tries one that is refused
             * again only when it is told that something else was sent; heads of messages up to a number.
             */
            bool is_blocked;
        };
    };
    bool retired;   /* the peer has left; its export is unmapped */
    bool same_core; /* the peer may use the processor that we may use, and no other */
    mca_btl_segmsg_copy_way_t copy;
    segmsg_transfer_peer_t transfers; /* large messages */
    segmsg_memory_t memory;           /* the image of the peer's export */
    uint32_t agree_rank; /* index of what is said of the peer: see btl_segmsg_agree.c */

    opal_mutex_t lock;      /* guards sender and queue */
    segmsg_sender_t sender; /* towards the peer */
    mca_btl_segmsg_queue_t queue;

    struct mca_btl_segmsg_partial_t *partial; /* a message that comes in pieces; by who polls */
} mca_btl_base_endpoint_t;
typedef mca_btl_base_endpoint_t mca_btl_segmsg_endpoint_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_endpoint_t);

/* ---- a fragment on its way out ---- */

enum {
    SEGMSG_FRAG_EXEMPT = 1, /* it counts in endpoint->queue.exempt */
    SEGMSG_FRAG_EXTRA = 2   /* it is none of the list's, which was exhausted */
};

typedef struct {
    mca_btl_base_descriptor_t base;
    mca_btl_base_segment_t segment; /* the message: in partitions, or in a local buffer; */
    mca_btl_base_segment_t tail;    /* or its header there, and this where the user has it */
    mca_btl_segmsg_endpoint_t *endpoint;
    segmsg_place_t place; /* where it lies; place.data is NULL if in a local buffer */
    /* Local buffer of a message longer than the built-in one: of module->pools.buffers, or else of malloc's; or
     * both NULL. */
    opal_free_list_item_t *buffer;
    void *heap;
    size_t charge;      /* bytes by which it counts in endpoint->queue.buffered */
    uint8_t apart;      /* how it differs from others, of the two above */
    size_t pieces_sent; /* bytes of it that went out in pieces: see btl_segmsg_pieces.c */
    uint8_t tag;
} mca_btl_segmsg_frag_t;
_Static_assert(offsetof(mca_btl_segmsg_frag_t, tail)
                   == offsetof(mca_btl_segmsg_frag_t, segment) + sizeof(mca_btl_base_segment_t),
               "an array of two to Open MPI");
OBJ_CLASS_DECLARATION(mca_btl_segmsg_frag_t);

/* ---- the module ---- */

enum { MCA_BTL_SEGMSG_HABIT_MAX = 8 }; /* of habit, below */

/* What progress knows of how it is called: btl_segmsg_progress.c, btl_segmsg_wait.c. By who polls. */
typedef struct {
    uint64_t looked_in_vain; /* when progress last found nothing, in ticks; 0: it found something */
    uint64_t look_ticks;     /* ticks before it looks again */
    uint64_t called;         /* when progress was last called, in ticks */
    uint64_t away;      /* ticks since the last long message that the program was not in progress */
    uint64_t row_ticks; /* who calls again within so many does nothing else; 0: no clock */
    unsigned calls_in_a_row; /* such calls, up to now */
    unsigned apart;          /* calls in a row so far apart that each looks */
    uint8_t samples;    /* of calls in a row, between which nothing was delivered, up to a number */
    uint8_t turn;       /* calls of the last turn that went without the clock */
    uint32_t delivered; /* counts.delivered_fragments at the last sample */
    unsigned unclocked_most; /* calls that go without the clock the next time */
    bool delivers;           /* a message, to the PML */
    uint8_t
        use_calls; /* of those that find something, that are to be followed by one with the clock */
    bool watches;  /* something was begun for which a waiter would stay: does it? */
    unsigned habit;  /* up by 1 when it did, down by 2 when not; below half, no waiter is seen */
    unsigned denied; /* how often that was said since */
} mca_btl_segmsg_wait_t;

/* When who waits yields the processor: btl_segmsg_yield.c. By who polls. */
typedef struct {
    segmsg_yield_t yield;
    bool is_auto;       /* it is found out whether others need it */
    unsigned callers;   /* node.callers when that was last chosen */
    unsigned vain;      /* calls, or microseconds of calls, that found nothing */
    int64_t since;      /* segmsg_yield_processor's */
    uint64_t delivered; /* counts.delivered_fragments when that was last looked at */
    uint64_t ended;     /* when the last call ended after which it may yield, ticks */
    bool is_itself;     /* it is this component that yields, and not Open MPI */
} mca_btl_segmsg_patience_t;

/* When who waits sleeps: btl_segmsg_sleep.c. By who polls. */
typedef struct {
    segmsg_sleep_t sleep;
    uint64_t heard;     /* counts.delivered_fragments when that was last looked at for this */
    unsigned calls;     /* in vain since the clocks were last looked at */
    unsigned more;      /* calls in vain until it sleeps, once that is due */
    bool is_due;        /* this wait has lasted for so long that it sleeps */
    int64_t began;      /* when this wait was first found to be one, nanoseconds; 0: not yet */
    int64_t spent;      /* processor time of the thread then, nanoseconds, */
    int64_t used;       /* and when that was last looked at, */
    long blocked;       /* and how often the thread had been blocked in the kernel */
    const void *thread; /* whose these are */
    const void *frame;  /* of the stack, where it was seen that whoever called progress blocks, */
    unsigned sleeps;    /* and how often it has slept there since */
    /* The PML was refused something, which it keeps and offers again whenever it is called. By any thread. */
    _Atomic bool refused;
} mca_btl_segmsg_sleeper_t;

/* Who shares the processors of the node. */
typedef struct {
    segmsg_processors_t processors; /* that the processes on the node may use */
    long processor_count;           /* of these */
    unsigned long processes;        /* whose these are: peers that are reached, and this one */
    bool has_others;                /* there are processes that other transports serve */
    _Atomic unsigned callers;       /* threads of this process that call progress; 0: no threads */
    mca_btl_segmsg_patience_t patience;
    mca_btl_segmsg_sleeper_t sleeper;
} mca_btl_segmsg_node_t;

/* The peers; under the module's lock. */
typedef struct {
    opal_list_t endpoints; /* every peer */
    opal_list_t busy;      /* those with something pending, by busy_item */
    bool have_backs; /* their senders look at what is polled: without threads only. By who polls */
} mca_btl_segmsg_peers_t;

/* All that a call looks at which goes without the clock and has nothing to do: a line. */
typedef struct {
    _Alignas(SEGMSG_LINE) segmsg_watch_t watch; /* by who polls, as the next */
    union {
        uint64_t is_special; /* not 0: one of these is not */
        struct {
            union {
                uint32_t without_clock; /* likewise */
                struct {
                    uint16_t unclocked; /* calls that go without the clock, from now on */
                    uint8_t left;       /* calls of a turn that are to come */
                };
            };
            bool yields; /* the processor, after some calls that find nothing: btl_segmsg_yield.c */
        };
    };
    /* Operations: answers come in a stream, and are looked for at once. */
    _Atomic uint32_t under_way;
    uint8_t between;        /* calls of a turn that go by between two that look: 0, 1, 3 */
    volatile bool any_busy; /* peers.busy is not empty; under the module's lock */
} mca_btl_segmsg_idle_t;
_Static_assert(sizeof(mca_btl_segmsg_idle_t) == SEGMSG_LINE, "a line");

/* What this process publishes of itself, besides its export. */
typedef struct {
    const segmsg_memory_kind_t *kind; /* of its export, and of its images of others */
    uint64_t domain;                  /* of the backing directory: segmsg_memory_kind_t.domain */
    segmsg_shm_spaces_t spaces;       /* of this process */
    segmsg_copier_probe_t probe;
} mca_btl_segmsg_own_t;

/* Where descriptors and their memory come from. */
typedef struct {
    opal_free_list_t frags;
    opal_free_list_t buffers; /* for messages up to the usual eager limit that wait */
    size_t buffer_bytes;      /* what each of those holds */
} mca_btl_segmsg_pools_t;

/* What is counted. */
typedef struct {
    /* Fragments handed to the PML and others, and their bytes; by who polls. */
    uint64_t delivered_fragments;
    uint64_t delivered_bytes;
    uint64_t self_messages;
    /* Sent to peers that are gone, by group; under the module's lock. */
    uint64_t past_messages[SEGMSG_GROUPS_MAX];
    uint64_t past_partitions[SEGMSG_GROUPS_MAX];
} mca_btl_segmsg_counts_t;

/* When and where the lobby was first found stuck: btl_segmsg_verify.c. */
typedef struct {
    uint64_t since; /* ticks; 0: it is not */
    uint64_t at;    /* as segmsg_lobby_t.position */
} mca_btl_segmsg_stuck_t;

typedef struct {
    mca_btl_base_module_t super;
    mca_btl_base_module_error_cb_fn_t error_cb;
    mca_btl_segmsg_config_t config;
    bool initialised;    /* the export exists */
    bool declined;       /* something is wrong: reaches nobody */
    bool self_is_served; /* another BTL loops back */
    bool serves_shm;     /* peers on this node are reached through shared memory */

    segmsg_identity_t self;
    mca_btl_segmsg_own_t own;
    segmsg_memory_t memory; /* this process's export */
    segmsg_receiver_t receiver;
    atomic_flag polling; /* held by the thread that polls, if there are threads */
    mca_btl_segmsg_wait_t wait;
    mca_btl_segmsg_idle_t idle;
    mca_btl_segmsg_node_t node;
    segmsg_clock_moment_t start;
    segmsg_look_t look;
    segmsg_transfers_t transfers; /* large messages that both processes carry out together */
    mca_btl_segmsg_stuck_t stuck;
    opal_mutex_t lock; /* guards peers, and what was counted of those that are gone */
    mca_btl_segmsg_peers_t peers;
    mca_btl_segmsg_pools_t pools;
    opal_pointer_array_t operations; /* put, get and atomics under way, by the index peers echo */
    mca_btl_segmsg_counts_t counts;
} mca_btl_segmsg_module_t;

/* The one module. Its address is what Open MPI calls the btl. */
extern mca_btl_segmsg_module_t mca_btl_segmsg;

OPAL_DECLSPEC extern mca_btl_base_component_t mca_btl_segmsg_component;

/* A process in one word, as identities carry it. */
static inline uint64_t mca_btl_segmsg_name_of(const opal_proc_t *proc)
{
    return (uint64_t) proc->proc_name.jobid << 32 | (uint32_t) proc->proc_name.vpid;
}

END_C_DECLS

#endif
