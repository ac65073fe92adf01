/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The modules that carry segment groups between hosts, one for each network interface in use (a rail):
 *
 *   btl_segmsg_net.c           opening, closing; what Open MPI calls
 *   btl_segmsg_net_peer.c      peers behind an interface, from their first message to their goodbye
 *   btl_segmsg_net_modex.c     what is published
 *   btl_segmsg_net_params.c    MCA variables
 *   btl_segmsg_net_link.c      one peer behind an interface: what is sent to it
 *   btl_segmsg_net_tell.c      control messages that are sent
 *   btl_segmsg_net_control.c   those that come: groups are formed and dissolved, partitions returned
 *   btl_segmsg_net_in_place.c  messages that are sent from the user's memory
 *   btl_segmsg_net_gather.c    sees to it that gathered messages leave
 *   btl_segmsg_net_progress.c  what arrives
 *   btl_segmsg_net_alive.c     peers from which nothing is heard
 *   btl_segmsg_net_keepalive.c  what probes need
 *   btl_segmsg_net_failure.c   links that have failed, to be said later
 *   btl_segmsg_net_loss.c      peers and interfaces that are lost
 *   btl_segmsg_net_count.c     what is counted
 *   btl_segmsg_net_rdma.c      put and get; atomics are in btl_segmsg_net_atomics.c
 *   btl_segmsg_net_operations.c  those that are under way
 *   btl_segmsg_net_register.c  memory that is registered for them
 *
 * Fragments, the queue of what waits for room, and put, get and atomics by messages are the same as
 * within a node: an endpoint with a link sends through it (mca_btl_segmsg_take and its like), one
 * without through shared memory.
 *
 * Locks. `gate` guards the interface, the sources of all its links, and what their inlets have to tell;
 * it is held for moments, and never while Open MPI is called. What has arrived is handed over by who
 * polls (mca_btl_segmsg.polling). An endpoint's lock comes before the gate.
 */
#ifndef MCA_BTL_SEGMSG_NET_TYPES_H
#define MCA_BTL_SEGMSG_NET_TYPES_H

#include "btl/btl_segmsg.h"

/* What is counted. */
typedef enum {
    SEGMSG_NET_MESSAGES, /* sent */
    SEGMSG_NET_WRITES,   /* with completion data */
    SEGMSG_NET_PARTS,    /* writes without */
    SEGMSG_NET_CONTROL,  /* control messages sent */
    SEGMSG_NET_RECALLS,
    SEGMSG_NET_DELIVERED, /* fragments */
    SEGMSG_NET_BYTES,     /* of these */
    SEGMSG_NET_STRANGE    /* what came and no process of the job has sent */
} mca_btl_segmsg_net_count_t;

#if SEGMSG_HAVE_OFI

#include "rma/source.h"
#include "rma/target.h"
#include "base/wait.h"
#include "fabric/keepalive.h"
#include "fabric/ofi.h"

#include "opal/class/opal_hash_table.h"
#include "opal/mca/rcache/base/base.h"
#include "opal/mca/rcache/rcache.h"

#include <pthread.h>

/* What a process publishes of each of its interfaces, behind its mca_btl_segmsg_modex_t. */
typedef struct {
    uint32_t wire_version;
    uint32_t name_bytes;
    uint64_t key;           /* of the registered export */
    segmsg_secret_t secret; /* control messages to this interface are signed with it */
    segmsg_geometry_t geometry;
    char provider[64];
    unsigned char name[SEGMSG_OFI_ADDRESS_BYTES];
    segmsg_keepalive_peer_t keepalive; /* see btl_segmsg_net_alive.c; ports 0: none */
} mca_btl_segmsg_net_modex_t;

struct mca_btl_segmsg_net_t;

/* A control message that could not be sent yet. */
typedef struct {
    opal_list_item_t super;
    segmsg_control_message_t message;
} mca_btl_segmsg_net_note_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_net_note_t);

struct mca_btl_segmsg_link_t;

/* A message that is sent from the user's memory, as btl_segmsg_net_in_place.c goes on. */
typedef struct {
    opal_list_item_t super; /* in net->in_place, once it is done */
    /* Goes on with it; false if it must wait. The gate is held. */
    bool (*flush)(struct mca_btl_segmsg_link_t *link);
} mca_btl_segmsg_in_place_t;

/* That nothing more can be sent to the peer, and why. */
typedef struct {
    bool is_lost;        /* nothing more can be sent, and Open MPI knows */
    bool has_left;       /* the peer has said that it leaves */
    bool has_failed;     /* Open MPI does not know yet: */
    const char *failure; /* what is wrong */
} mca_btl_segmsg_link_loss_t;

/* When a stream of messages is gathered: see btl_segmsg_net_link.c. Under the gate. */
typedef struct {
    bool is_gathering;
    uint64_t published_at; /* ticks */
    uint64_t progress_seen;
    uint32_t streak;
} mca_btl_segmsg_link_stream_t;

/* Whether the peer lives: see btl_segmsg_net_alive.c. With the progress lock held. */
typedef struct {
    uint64_t heard; /* ticks when something last came from the peer */
    segmsg_probe_t probe;
    uint64_t asked;  /* ticks when the probe began */
    uint64_t turned; /* ticks when it last turned to the other port */
    uint32_t turns;  /* how often it did */
} mca_btl_segmsg_link_alive_t;

/* The way to a peer on another host. */
typedef struct mca_btl_segmsg_link_t {
    opal_list_item_t super; /* in net->gathering, if stream.is_gathering; under the gate */
    struct mca_btl_segmsg_net_t *net;
    mca_btl_segmsg_endpoint_t *endpoint;
    mca_btl_segmsg_net_modex_t published;
    bool is_inserted; /* into the address vector */
    fi_addr_t address;
    mca_btl_segmsg_link_loss_t loss;

    /* Under the gate. */
    uint32_t told;          /* control messages sent to the peer */
    segmsg_replay_t replay; /* which of the peer's have come */
    segmsg_source_t source;
    void *memory[SEGMSG_GROUPS_MAX]; /* of the source segments */
    segmsg_ofi_region_t region[SEGMSG_GROUPS_MAX];
    size_t written;                      /* bytes of the write that waits which are on their way */
    mca_btl_segmsg_in_place_t *in_place; /* if that is sent from the user's memory */
    segmsg_inlet_t inlet;                /* what it has to tell; the rest by who polls */
    opal_list_t notes;                   /* control messages that wait, in order */
    bool is_waiting; /* the peer wants group 0, which had no room: by who polls */
    bool has_asked;  /* for returns; since the last one came */
    uint64_t stuck;  /* ticks since when there is no room; 0: there is, or was a moment ago */
    bool answered;   /* a message came from the peer since the last write */

    mca_btl_segmsg_link_stream_t stream;
    segmsg_ofi_operation_t writes; /* what failed writes are known by */

    mca_btl_segmsg_link_alive_t alive;
} mca_btl_segmsg_link_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_link_t);

/* When what is looked at; ticks. By who polls. */
typedef struct {
    uint64_t looked;      /* the last poll, */
    uint64_t look_ticks;  /* and from one to the next, if there are peers on this node */
    uint64_t gap_ticks;   /* messages of a stream follow each other within so many */
    uint64_t checked;     /* the last look after silent peers, */
    uint64_t check_ticks; /* and from one to the next */
    uint64_t progress;    /* polls, all in all */
} mca_btl_segmsg_net_times_t;

/* Peers from which nothing is heard. */
typedef struct {
    uint32_t probes;    /* links that are being probed */
    uint64_t suspected; /* ticks when something failed and nobody could be blamed; 0: nothing has */
    int suspicion;      /* what it was */
} mca_btl_segmsg_net_silence_t;

/* One-sided; see btl_segmsg_net_operations.c. Under the gate. */
typedef struct {
    mca_rcache_base_module_t *rcache;
    opal_list_t waiting;  /* operations that could not be started yet */
    opal_list_t finished; /* operations of which Open MPI is to be told */
    void *atomics;        /* words of atomics under way */
    segmsg_ofi_region_t atomics_region;
    uint16_t *atomic_free; /* those that are free, */
    uint32_t atomics_free; /* so many */
} mca_btl_segmsg_net_onesided_t;

typedef struct {
    uint64_t delivered; /* fragments, */
    uint64_t delivered_bytes;
    uint64_t recalls;  /* groups that were asked back */
    uint64_t refusals; /* groups that were asked for in vain */
    uint64_t strange;  /* what came and no process of the job has sent */
    uint64_t nobodys;  /* completion data that name no segment of a peer, or not by its token */
    uint64_t past_messages[SEGMSG_GROUPS_MAX]; /* sent to peers that are gone, by group */
    uint64_t past_partitions[SEGMSG_GROUPS_MAX];
    uint64_t past_full;
} mca_btl_segmsg_net_counts_t;

typedef struct mca_btl_segmsg_net_t {
    mca_btl_base_module_t super; /* first: its address is what Open MPI calls the btl */
    mca_btl_base_module_error_cb_fn_t error_cb;
    uint32_t rail;
    bool is_open;
    bool sends_in_place;       /* the provider reads whatever memory it is given */
    bool has_native_atomics;   /* the provider's are used; also on the own memory, then */
    segmsg_deadline_t closing; /* of the goodbyes to all peers; none while none are said */
    segmsg_ofi_t ofi;
    opal_mutex_t gate;
    segmsg_memory_t memory;     /* the export */
    segmsg_ofi_region_t region; /* its arena, which peers may write to */
    segmsg_secret_t secret;
    segmsg_targets_t targets;
    opal_list_t endpoints;      /* under mca_btl_segmsg.lock */
    opal_hash_table_t by_name;  /* the same */
    opal_list_t gathering;      /* links with messages that wait for more; under the gate */
    volatile bool has_failures; /* of links */
    mca_btl_segmsg_net_times_t times;
    mca_btl_segmsg_net_silence_t silence;
    mca_btl_segmsg_net_onesided_t onesided;
    opal_list_t in_place; /* fragments that were sent from the user's memory; under the gate */
    uint32_t recalled;    /* groups that were asked back and not given up yet */
    mca_btl_segmsg_net_counts_t counts;
} mca_btl_segmsg_net_t;

extern mca_btl_segmsg_net_t *mca_btl_segmsg_net[MCA_BTL_SEGMSG_RAILS_MAX];
extern unsigned mca_btl_segmsg_nets;

static inline bool mca_btl_segmsg_link_is_lost(const mca_btl_segmsg_link_t *link)
{
    return link->loss.is_lost;
}
static inline bool mca_btl_segmsg_link_has_left(const mca_btl_segmsg_link_t *link)
{
    return link->loss.has_left;
}
static inline mca_btl_base_module_t *mca_btl_segmsg_net_module(unsigned rail)
{
    return &mca_btl_segmsg_net[rail]->super;
}

#else

/* Without libfabric there are no such modules. */
enum { mca_btl_segmsg_nets = 0 };

static inline bool mca_btl_segmsg_link_is_lost(const struct mca_btl_segmsg_link_t *link)
{
    (void) link;
    return false;
}
static inline bool mca_btl_segmsg_link_has_left(const struct mca_btl_segmsg_link_t *link)
{
    (void) link;
    return false;
}
static inline mca_btl_base_module_t *mca_btl_segmsg_net_module(unsigned rail)
{
    (void) rail;
    return NULL;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
