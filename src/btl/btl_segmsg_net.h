/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The modules that carry segment groups between hosts, one for each network interface in use (a rail):
 *
 *   btl_segmsg_net.c           opening, closing; add_procs; what is published
 *   btl_segmsg_net_params.c    MCA variables
 *   btl_segmsg_net_link.c      one peer behind an interface: what is sent to it
 *   btl_segmsg_net_control.c   control messages: groups are formed and dissolved, partitions returned
 *   btl_segmsg_net_in_place.c  messages that are sent from the user's memory
 *   btl_segmsg_net_gather.c    sees to it that gathered messages leave
 *   btl_segmsg_net_progress.c  what arrives
 *   btl_segmsg_net_alive.c     peers and links that are lost
 *   btl_segmsg_net_count.c     what is counted
 *   btl_segmsg_net_rdma.c      registration, put, get and atomics
 *
 * Fragments, the queue of what waits for room, and put, get and atomics by messages are the same as
 * within a node: an endpoint with a link sends through it (mca_btl_segmsg_take and its like), one
 * without through shared memory.
 *
 * Locks. `gate` guards the interface, the sources of all its links, and what their inlets have to tell;
 * it is held for moments, and never while Open MPI is called. What has arrived is handed over by who
 * polls (mca_btl_segmsg.polling). An endpoint's lock comes before the gate.
 */
#ifndef MCA_BTL_SEGMSG_NET_H
#define MCA_BTL_SEGMSG_NET_H

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

/* The way to a peer on another host. */
typedef struct mca_btl_segmsg_link_t {
    opal_list_item_t super; /* in net->gathering, if is_gathering; under the gate */
    struct mca_btl_segmsg_net_t *net;
    mca_btl_segmsg_endpoint_t *endpoint;
    mca_btl_segmsg_net_modex_t published;
    bool is_inserted;    /* into the address vector */
    bool is_lost;        /* nothing more can be sent, and Open MPI knows */
    bool has_left;       /* the peer has said that it leaves */
    bool has_failed;     /* Open MPI does not know yet: */
    const char *failure; /* what is wrong */
    fi_addr_t address;

    /* Under the gate. */
    uint32_t told;          /* control messages sent to the peer */
    segmsg_replay_t replay; /* which of the peer's have come */
    segmsg_source_t source;
    void *memory[SEGMSG_GROUPS_MAX]; /* of the source segments */
    segmsg_ofi_region_t region[SEGMSG_GROUPS_MAX];
    size_t written; /* bytes of the write that waits which are on their way */
    struct mca_btl_segmsg_in_place_t *in_place; /* if that is sent from the user's memory */
    segmsg_inlet_t inlet;                       /* what it has to tell; the rest by who polls */
    opal_list_t notes;                          /* control messages that wait, in order */
    bool is_waiting; /* the peer wants group 0, which had no room: by who polls */
    bool has_asked;  /* for returns; since the last one came */
    uint64_t stuck;  /* ticks since when there is no room; 0: there is, or was a moment ago */
    bool answered;   /* a message came from the peer since the last write */
    bool is_gathering;

    /* When a stream of messages is gathered: see btl_segmsg_net_link.c. */
    uint64_t published_at; /* ticks */
    uint64_t progress_seen;
    uint32_t streak;

    segmsg_ofi_operation_t writes; /* what failed writes are known by */

    /* See btl_segmsg_net_alive.c; with the progress lock held. */
    uint64_t heard; /* ticks when something last came from the peer */
    segmsg_probe_t probe;
    uint64_t asked;  /* ticks when the probe began */
    uint64_t turned; /* ticks when it last turned to the other port */
    uint32_t turns;  /* how often it did */
} mca_btl_segmsg_link_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_link_t);

typedef struct mca_btl_segmsg_net_t {
    mca_btl_base_module_t super; /* first: its address is what Open MPI calls the btl */
    mca_btl_base_module_error_cb_fn_t error_cb;
    uint32_t rail;
    bool is_open;
    bool sends_in_place;     /* the provider reads whatever memory it is given */
    bool has_native_atomics; /* the provider's are used; also on the own memory, then */
    uint64_t closing;        /* ticks since when goodbyes are said; 0: they are not */
    segmsg_ofi_t ofi;
    opal_mutex_t gate;
    segmsg_shm_t shm;           /* the export */
    segmsg_ofi_region_t region; /* its arena, which peers may write to */
    segmsg_secret_t secret;
    segmsg_targets_t targets;
    mca_rcache_base_module_t *rcache;
    opal_list_t endpoints;      /* under mca_btl_segmsg.lock */
    opal_hash_table_t by_name;  /* the same */
    opal_list_t gathering;      /* links with messages that wait for more; under the gate */
    volatile bool has_failures; /* of links */
    uint64_t looked;            /* ticks of the last poll, */
    uint64_t look_ticks;        /* and from one to the next, if there are peers on this node */
    uint64_t gap_ticks;         /* messages of a stream follow each other within so many */
    uint64_t checked;           /* ticks of the last look after silent peers, */
    uint64_t check_ticks;       /* and from one to the next */
    uint32_t probes;            /* links that are being probed */
    uint64_t suspected; /* ticks when something failed and nobody could be blamed; 0: nothing has */
    int suspicion;      /* what it was */
    uint64_t progress;  /* polls, all in all */

    /* One-sided; see btl_segmsg_net_rdma.c. Under the gate. */
    opal_list_t waiting;  /* operations that could not be started yet */
    opal_list_t finished; /* operations of which Open MPI is to be told */
    opal_list_t in_place; /* fragments likewise */
    void *atomics;        /* words of atomics under way */
    segmsg_ofi_region_t atomics_region;
    uint16_t *atomic_free; /* those that are free, */
    uint32_t atomics_free; /* so many */

    uint64_t delivered; /* fragments, */
    uint64_t delivered_bytes;
    uint64_t recalls;  /* groups that were asked back */
    uint32_t recalled; /* of these, those that were not given up yet */
    uint64_t refusals; /* groups that were asked for in vain */
    uint64_t strange;  /* what came and no process of the job has sent */
    uint64_t nobodys;  /* completion data that name no segment of a peer, or not by its token */
    uint64_t past_messages[SEGMSG_GROUPS_MAX]; /* sent to peers that are gone, by group */
    uint64_t past_partitions[SEGMSG_GROUPS_MAX];
    uint64_t past_full;
} mca_btl_segmsg_net_t;

extern mca_btl_segmsg_net_t *mca_btl_segmsg_net[MCA_BTL_SEGMSG_RAILS_MAX];
extern unsigned mca_btl_segmsg_nets;

/* ---- params ---- */

bool mca_btl_segmsg_net_check_params(void);
void mca_btl_segmsg_net_choose_times(void);
/* What the test parameter makes us believe of the provider. False if it cannot be read. */
bool mca_btl_segmsg_net_pretence(segmsg_ofi_pretence_t *pretence);

/* ---- opening, closing ---- */

/* Opens the interfaces; how many. Says why if there is none although one is needed. */
unsigned mca_btl_segmsg_net_open(bool mpi_threads);
void mca_btl_segmsg_net_close(void);

/* Writes what is published of the interfaces to `to`, if not NULL; how many bytes. */
size_t mca_btl_segmsg_net_publish(void *to);

/* True if `bytes` behind the descriptor hold what a peer says that it has published. */
bool mca_btl_segmsg_net_is_whole(const mca_btl_segmsg_modex_t *modex, size_t bytes);

static inline mca_btl_base_module_t *mca_btl_segmsg_net_module(unsigned rail)
{
    return &mca_btl_segmsg_net[rail]->super;
}

/* What a peer has published of interface `rail`; NULL if it has none. */
const mca_btl_segmsg_net_modex_t *mca_btl_segmsg_net_published(const mca_btl_segmsg_modex_t *modex,
                                                               uint32_t rail);

/* ---- links ---- */

/* Frees the link of an endpoint, if it has one. */
void mca_btl_segmsg_link_free(mca_btl_segmsg_endpoint_t *endpoint);

/* The endpoint of `proc` on an interface, made if need be; NULL if it cannot be reached there. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_net_endpoint_get(mca_btl_segmsg_net_t *net,
                                                           opal_proc_t *proc);
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_net_endpoint_of(mca_btl_segmsg_net_t *net, uint64_t name);
void mca_btl_segmsg_net_endpoint_release(mca_btl_segmsg_endpoint_t *endpoint);

/* True if `size` bytes of a message should be sent from where the user has them. */
bool mca_btl_segmsg_link_sends_in_place(const mca_btl_segmsg_link_t *link, size_t size);
/* Publishes such a fragment; mca_btl_segmsg_frag_done will be called. False if it must wait. */
bool mca_btl_segmsg_link_publish_in_place(mca_btl_segmsg_link_t *link, mca_btl_segmsg_frag_t *frag,
                                          uint32_t length);
/* Tells Open MPI of the fragments that are done. By who polls. */
int mca_btl_segmsg_net_in_place_progress(mca_btl_segmsg_net_t *net);

static inline bool mca_btl_segmsg_link_is_lost(const mca_btl_segmsg_link_t *link)
{
    return link->is_lost;
}
static inline bool mca_btl_segmsg_link_has_left(const mca_btl_segmsg_link_t *link)
{
    return link->has_left;
}

/* As their namesakes for shared memory. The endpoint's lock is held. */
segmsg_error_t mca_btl_segmsg_link_take(mca_btl_segmsg_link_t *link, size_t length,
                                        segmsg_place_t *place);
bool mca_btl_segmsg_link_publish(mca_btl_segmsg_link_t *link, const segmsg_place_t *place,
                                 uint8_t tag, uint32_t length);
void mca_btl_segmsg_link_give_back(mca_btl_segmsg_link_t *link, const segmsg_place_t *place);
size_t mca_btl_segmsg_link_sure_capacity(mca_btl_segmsg_link_t *link);

/* Adds a message to those that wait to be sent; a return word rides along if one is due. The gate is
 * held. */
void mca_btl_segmsg_link_add(mca_btl_segmsg_link_t *link, const segmsg_place_t *place, uint8_t tag,
                             uint32_t length);

/* Goes on with what waits: control messages, the write that was gathered. Returns how much was done;
 * *more: something still waits. */
int mca_btl_segmsg_link_serve(mca_btl_segmsg_link_t *link, bool *more);

/* Sends the write that waits, if there is one. False if it must go on waiting. The gate is held. */
bool mca_btl_segmsg_link_flush(mca_btl_segmsg_link_t *link);

/* Longest part of a write in bytes. */
size_t mca_btl_segmsg_link_part(const mca_btl_segmsg_link_t *link);
/* Goes on with a message in the user's memory. The gate is held. */
bool mca_btl_segmsg_link_flush_in_place(mca_btl_segmsg_link_t *link);

/* Makes the peer reachable. The gate is held. 0 or an error. */
int mca_btl_segmsg_link_insert(mca_btl_segmsg_link_t *link);

/* Nothing more can be sent to the peer. */
void mca_btl_segmsg_link_lost(mca_btl_segmsg_link_t *link, const char *why);
/* The same, to be said as soon as who polls comes by: from where Open MPI cannot be called. The gate is
 * held. `error` is libfabric's, or the engine's. */
void mca_btl_segmsg_link_failed(mca_btl_segmsg_link_t *link, int error);
void mca_btl_segmsg_link_broken(mca_btl_segmsg_link_t *link, segmsg_error_t error);

/* Nothing more can be sent to anybody. */
void mca_btl_segmsg_net_lost(mca_btl_segmsg_net_t *net, const char *why);

int mca_btl_segmsg_net_sendi(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                             opal_convertor_t *convertor, void *header, size_t header_size,
                             size_t payload_size, uint8_t order, uint32_t flags,
                             mca_btl_base_tag_t tag, mca_btl_base_descriptor_t **descriptor);

/* ---- control ---- */

/* Sends a control message, now or later. The gate is held. */
void mca_btl_segmsg_link_tell(mca_btl_segmsg_link_t *link, segmsg_control_message_t *message);
/* Sends those that wait; false if some still do. The gate is held. */
bool mca_btl_segmsg_link_tell_waiting(mca_btl_segmsg_link_t *link);
/* Asks the peer for the groups that the source wants; and if it is stuck, for partitions. The gate is
 * held. */
void mca_btl_segmsg_link_ask(mca_btl_segmsg_link_t *link, bool is_stuck);
/* Tells what is urgent of what was returned. The gate is held. */
void mca_btl_segmsg_link_return(mca_btl_segmsg_link_t *link);
/* Frees the memory of groups that were recalled and are empty, and says so. The gate is held. */
void mca_btl_segmsg_link_release_recalled(mca_btl_segmsg_link_t *link);
/* The peer has given partitions back. The gate is held. */
void mca_btl_segmsg_link_returned(mca_btl_segmsg_link_t *link, const segmsg_return_t *what);
/* A control message has come. By who polls. */
void mca_btl_segmsg_net_heard(mca_btl_segmsg_net_t *net, const segmsg_control_message_t *message);
/* True if a process of the job has sent the message to this interface; it may be known before that, so
 * that nothing of the message is used. */
bool mca_btl_segmsg_net_is_proven(mca_btl_segmsg_net_t *net,
                                  const segmsg_control_message_t *message);
/* So much has come that no process of the job has sent: it is counted, and the first is told of. */
void mca_btl_segmsg_net_strange(mca_btl_segmsg_net_t *net, uint64_t count);

/* ---- progress ---- */

/* Polls the interfaces, as often as it pays. */
int mca_btl_segmsg_net_progress(mca_btl_segmsg_module_t *module);

/* Counters, summed over the interfaces; 0 where there are none. */
uint64_t mca_btl_segmsg_net_count(mca_btl_segmsg_net_count_t what);
/* Groups of the geometry between hosts. */
uint32_t mca_btl_segmsg_net_groups(void);
/* Add what was sent, in messages or partitions, and received, by group. */
void mca_btl_segmsg_net_add_sent(unsigned long long *by_group, bool partitions);
void mca_btl_segmsg_net_add_received(unsigned long long *by_group);

/* Statistics line of each interface on standard error. */
void mca_btl_segmsg_net_report(void);

/* ---- threads ---- */

/* Starts a thread in which no signal is handled: signals are the program's. */
bool mca_btl_segmsg_net_start_thread(pthread_t *thread, void *(*run)(void *) );

/* ---- is it alive? ---- */

void mca_btl_segmsg_net_alive_open(void);
void mca_btl_segmsg_net_alive_close(void);
void mca_btl_segmsg_net_alive_publish(mca_btl_segmsg_net_t *net, mca_btl_segmsg_net_modex_t *modex);
/* Something has failed that cannot be laid to a peer. By who polls, as the next one. */
void mca_btl_segmsg_net_alive_suspect(mca_btl_segmsg_net_t *net, int error);
/* Looks after peers from which nothing has come for long. */
void mca_btl_segmsg_net_alive_check(mca_btl_segmsg_net_t *net, uint64_t now);
void mca_btl_segmsg_net_alive_forget(mca_btl_segmsg_link_t *link);

/* ---- one-sided ---- */

bool mca_btl_segmsg_net_rdma_open(mca_btl_segmsg_net_t *net);
void mca_btl_segmsg_net_rdma_close(mca_btl_segmsg_net_t *net);
void mca_btl_segmsg_net_rdma_set_module(mca_btl_segmsg_net_t *net);
/* Starts operations that wait, and tells Open MPI of those that are done. By who polls. */
int mca_btl_segmsg_net_rdma_progress(mca_btl_segmsg_net_t *net);
/* Ends operations with a peer that have not begun. */
void mca_btl_segmsg_net_rdma_cancel(mca_btl_segmsg_net_t *net, mca_btl_segmsg_endpoint_t *endpoint);

#else

/* Without libfabric there are no such modules. */
enum { mca_btl_segmsg_nets = 0 };

static inline bool mca_btl_segmsg_net_check_params(void)
{
    return true;
}
static inline void mca_btl_segmsg_net_choose_times(void)
{
}
static inline uint64_t mca_btl_segmsg_net_count(mca_btl_segmsg_net_count_t what)
{
    (void) what;
    return 0;
}
static inline uint32_t mca_btl_segmsg_net_groups(void)
{
    return 0;
}
static inline void mca_btl_segmsg_net_add_sent(unsigned long long *by_group, bool partitions)
{
    (void) by_group, (void) partitions;
}
static inline void mca_btl_segmsg_net_add_received(unsigned long long *by_group)
{
    (void) by_group;
}
static inline void mca_btl_segmsg_net_report(void)
{
}
static inline unsigned mca_btl_segmsg_net_open(bool mpi_threads)
{
    (void) mpi_threads;
    return 0;
}
static inline void mca_btl_segmsg_net_close(void)
{
}
static inline size_t mca_btl_segmsg_net_publish(void *to)
{
    (void) to;
    return 0;
}
static inline bool mca_btl_segmsg_net_is_whole(const mca_btl_segmsg_modex_t *modex, size_t bytes)
{
    (void) modex, (void) bytes;
    return true;
}
static inline mca_btl_base_module_t *mca_btl_segmsg_net_module(unsigned rail)
{
    (void) rail;
    return NULL;
}
static inline void mca_btl_segmsg_link_free(mca_btl_segmsg_endpoint_t *endpoint)
{
    (void) endpoint;
}
static inline bool mca_btl_segmsg_link_sends_in_place(const struct mca_btl_segmsg_link_t *link,
                                                      size_t size)
{
    (void) link, (void) size;
    return false;
}
static inline bool mca_btl_segmsg_link_publish_in_place(struct mca_btl_segmsg_link_t *link,
                                                        mca_btl_segmsg_frag_t *frag,
                                                        uint32_t length)
{
    (void) link, (void) frag, (void) length;
    return false;
}
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
static inline segmsg_error_t mca_btl_segmsg_link_take(struct mca_btl_segmsg_link_t *link,
                                                      size_t length, segmsg_place_t *place)
{
    (void) link, (void) length, (void) place;
    return SEGMSG_ERR_TOO_LARGE;
}
static inline bool mca_btl_segmsg_link_publish(struct mca_btl_segmsg_link_t *link,
                                               const segmsg_place_t *place, uint8_t tag,
                                               uint32_t length)
{
    (void) link, (void) place, (void) tag, (void) length;
    return false;
}
static inline void mca_btl_segmsg_link_give_back(struct mca_btl_segmsg_link_t *link,
                                                 const segmsg_place_t *place)
{
    (void) link, (void) place;
}
static inline size_t mca_btl_segmsg_link_sure_capacity(struct mca_btl_segmsg_link_t *link)
{
    (void) link;
    return 0;
}
static inline int mca_btl_segmsg_link_serve(struct mca_btl_segmsg_link_t *link, bool *more)
{
    (void) link, (void) more;
    return 0;
}
static inline int mca_btl_segmsg_net_progress(mca_btl_segmsg_module_t *module)
{
    (void) module;
    return 0;
}

#endif /* SEGMSG_HAVE_OFI */

#endif
