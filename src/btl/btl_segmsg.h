/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The component's own types, and what its files offer one another:
 *
 *   btl_segmsg_component.c  register, open, init, close: the MCA's way in
 *   btl_segmsg_params.c     MCA variables and the checks on them
 *   btl_segmsg_modex.c      what processes tell one another at start-up
 *   btl_segmsg_endpoint.c   one peer: its image, its sender, what waits for it
 *   btl_segmsg_procs.c      add_procs, del_procs, finalize
 *   btl_segmsg_agree.c      two processes agree to use shared memory between them
 *   btl_segmsg_frag.c       alloc, free, prepare_src
 *   btl_segmsg_send.c       send, sendi
 *   btl_segmsg_pieces.c     messages in pieces, where memory is too short for one piece
 *   btl_segmsg_progress.c   polling and delivery
 *   btl_segmsg_callers.c    how many threads call progress
 *   btl_segmsg_verify.c     shared memory against what this process knows, while it waits
 *   btl_segmsg_copy.c       single copy, by the kernel or by mapping: trying it, using it
 *   btl_segmsg_rdma.c       put, get and atomics, asked of this process's peers
 *   btl_segmsg_ob1.c        how long the receive is for which ob1 gets a message
 *   btl_segmsg_transfers.c  large transfers that both processes carry out together
 *   btl_segmsg_serve.c      put, get and atomics, asked by this process's peers
 *   btl_segmsg_net*.c       the modules between hosts: see btl_segmsg_net.h
 *   btl_segmsg_pvars.c      MPI_T performance variables
 *   btl_segmsg_report.c     what users must be told; dump
 */
#ifndef MCA_BTL_SEGMSG_H
#define MCA_BTL_SEGMSG_H

#include "base/clock.h"
#include "engine/look.h"
#include "btl/btl_segmsg_compat.h"

#include "opal/class/opal_free_list.h"
#include "opal/class/opal_list.h"
#include "opal/class/opal_pointer_array.h"

#include "engine/receiver.h"
#include "engine/sender.h"
#include "base/processors.h"
#include "memory/shm.h"
#include "memory/shm_domain.h"
#include "transfer/transfer.h"

BEGIN_C_DECLS

/* ---- configuration: MCA variables ---- */

typedef enum {
    SEGMSG_COPY_AUTO = 0, /* the kernel's single copy where it works */
    SEGMSG_COPY_CMA = 1,  /* process_vm_readv/writev, and say so where it does not work */
    SEGMSG_COPY_NONE = 2  /* never */
} mca_btl_segmsg_copy_t;

typedef struct {
    char *groups; /* the geometry as text */
    segmsg_geometry_t geometry;
    segmsg_error_t geometry_error;
    uint32_t geometry_bad_group;
    char *interconnect;
    char *backing_directory;
    unsigned ring_starter;
    unsigned lobby;
    segmsg_growth_t growth;
    unsigned max_groups;
    unsigned extra_peers;
    unsigned agree_timeout; /* seconds */
    unsigned burst;
    unsigned inline_limit;
    unsigned queue_limit;
    unsigned joint_from; /* bytes, as the next four */
    unsigned joint_unit;
    unsigned joint_help;
    bool joint_crowded;
    unsigned joint_patience;
    unsigned joint_pause;
    unsigned stream_piece;
    unsigned string_from; /* bytes; 0: none */
    unsigned units_from;  /* bytes; 0: none */
    unsigned units_to;    /* bytes */
    unsigned units_after; /* messages */
    bool units_always;
    unsigned units_patience; /* microseconds */
    unsigned stream_burst;
    unsigned parts;
    unsigned nocopy_eager_limit;
    int free_list_num;
    int free_list_max;
    int free_list_inc;
    int single_copy; /* mca_btl_segmsg_copy_t */
    segmsg_cache_policy_t cache;
    unsigned look_every; /* nanoseconds */
    bool numa_bind;
    bool keep_names;
    bool report;
} mca_btl_segmsg_config_t;

/* ---- a peer ---- */

/* What a process publishes of itself. Followed by the descriptor of its export. */
typedef struct {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t descriptor_bytes;
    uint32_t rails;      /* mca_btl_segmsg_net_modex_t that follow the descriptor */
    uint32_t keeps_name; /* 1: btl_segmsg_keep_names is set */
    uint32_t local_rank; /* among the processes of its job on its node; UINT32_MAX: unknown */
    uint32_t reserved;
    segmsg_identity_t owner;
    uint64_t domain; /* who sees the same shared memory: segmsg_shm_domain */
    segmsg_shm_spaces_t spaces;
    uint64_t probe; /* address of a mca_btl_segmsg_probe_t, for whoever tries to read it */
} mca_btl_segmsg_modex_t;

/* What peers read and write to find out whether the kernel's single copy works. */
typedef struct {
    volatile uint64_t nonce;
    volatile uint64_t scratch;
} mca_btl_segmsg_probe_t;

typedef struct mca_btl_base_endpoint_t {
    opal_list_item_t super;             /* in mca_btl_segmsg.endpoints */
    mca_btl_base_module_t *btl;         /* of shared memory, or of a network interface */
    struct mca_btl_segmsg_link_t *link; /* the way to a peer on another host; NULL: it is here */
    opal_proc_t *proc;
    segmsg_identity_t peer;
    uint32_t users;     /* add_procs less del_procs */
    bool is_self;       /* messages to the own process are handed over directly */
    bool retired;       /* the peer has left; its export is unmapped */
    bool single_copy;   /* mca_btl_segmsg_copy works on this peer, by either of the two above */
    bool kernel_copies; /* process_vm_readv and _writev do */
    segmsg_compat_mapper_t *mapper; /* maps its memory; NULL: nothing does */
    bool same_core; /* the peer may use the processor that we may use, and no other */
    segmsg_transfer_peer_t transfers; /* large messages */
    bool pid_is_visible;              /* the kernel knows it here by the number that it says */
    uint64_t probe;                   /* address of the peer's mca_btl_segmsg_probe_t */
    segmsg_shm_t shm;                 /* the image of the peer's export */
    uint32_t agree_rank; /* index of what is said of the peer: see btl_segmsg_agree.c */

    opal_mutex_t lock;      /* guards what follows */
    segmsg_sender_t sender; /* towards the peer */
    opal_list_t pending;    /* fragments that wait for room, in order */
    size_t buffered;        /* bytes of fragments that wait in local buffers */
    unsigned places;        /* fragments that hold partitions and are not sent yet */
    bool memory_short;      /* the last place could not be had for want of memory, not of room */
    unsigned exempt;        /* short fragments that were given out although `blocked`, until it is
                                  known that they carry no message's number */
    const void *parts_of;   /* convertor of the message whose parts went last */
    unsigned parts_left;    /* how many it may still send in a row */
    opal_list_t jobs;       /* transfers that wait for fragments, in order */
    bool busy;              /* in mca_btl_segmsg.busy; guarded by mca_btl_segmsg.lock */
    /*
     * There was no room, and the queue is at its limit: the PML keeps what it could not send.
     * Until the next progress that finds the queue below its limit nothing is taken, so that the
     * PML tries again in the order in which it began: it numbers messages in 16 bits, and one that
     * overtakes 65536 others would be taken for another. Only short fragments go on: its control
     * messages (acknowledgements and the like) without a limit, since it tries one that is refused
     * again only when it is told that something else was sent; heads of messages up to a number.
     */
    bool blocked;
    opal_list_item_t busy_item;

    struct mca_btl_segmsg_partial_t *partial; /* a message that comes in pieces; by who polls */
} mca_btl_base_endpoint_t;
typedef mca_btl_base_endpoint_t mca_btl_segmsg_endpoint_t;
OBJ_CLASS_DECLARATION(mca_btl_segmsg_endpoint_t);

/* ---- a fragment on its way out ---- */

enum {
    SEGMSG_FRAG_EXEMPT = 1, /* it counts in endpoint->exempt */
    SEGMSG_FRAG_EXTRA = 2   /* it is none of the list's, which was exhausted */
};

typedef struct {
    mca_btl_base_descriptor_t base;
    mca_btl_base_segment_t segment; /* the message: in partitions, or in a local buffer; */
    mca_btl_base_segment_t tail;    /* or its header there, and this where the user has it */
    mca_btl_segmsg_endpoint_t *endpoint;
    segmsg_place_t place; /* where it lies; place.data is NULL if in a local buffer */
    /* Local buffer of a message longer than the built-in one: of module->buffers, or else of malloc's; or
     * both NULL. */
    opal_free_list_item_t *buffer;
    void *heap;
    size_t charge;      /* bytes by which it counts in endpoint->buffered */
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

typedef struct {
    mca_btl_base_module_t super;
    mca_btl_base_module_error_cb_fn_t error_cb;
    mca_btl_segmsg_config_t config;
    bool initialised;    /* the export exists */
    bool declined;       /* something is wrong: reaches nobody */
    bool self_is_served; /* another BTL loops back */
    bool serves_shm;     /* peers on this node are reached through shared memory */

    segmsg_identity_t self;
    uint64_t domain;            /* segmsg_shm_domain of the backing directory */
    segmsg_shm_spaces_t spaces; /* of this process */
    mca_btl_segmsg_probe_t probe;
    segmsg_shm_t shm; /* this process's export */
    segmsg_receiver_t receiver;
    atomic_flag polling;     /* held by the thread that polls, if there are threads */
    uint64_t looked_in_vain; /* when progress last found nothing, in ticks; 0: it found something */
    uint64_t look_ticks;     /* ticks before it looks again */
    uint64_t called;         /* when progress was last called, in ticks */
    uint64_t row_ticks;      /* who calls again within so many does nothing else; 0: no clock */
    unsigned calls_in_a_row; /* such calls, up to now */
    unsigned apart;          /* calls in a row so far apart that each looks */
    unsigned unclocked;      /* calls that go without the clock, from now on, */
    unsigned unclocked_most; /* and the next time */
    _Atomic uint32_t
        under_way; /* operations: answers come in a stream, and are looked for at once */
    segmsg_processors_t processors; /* that the processes on the node may use */
    long processor_count;           /* of these */
    _Atomic unsigned callers;       /* threads of this process that call progress; 0: no threads */
    /* By who polls. */
    bool delivers; /* a message, to the PML */
    bool
        watches; /* something was begun for which a waiter would stay; what becomes of the row of calls? */
    unsigned
        habit; /* up by 1 when such a row became a wait, down by 2 when not; below half, no waiter is seen */
    unsigned denied; /* how often that was said since */
    segmsg_clock_moment_t start;
    segmsg_look_t look;
    segmsg_transfers_t transfers; /* large messages that both processes carry out together */
    uint64_t stuck_since;         /* when the lobby was first found stuck, in ticks; 0: it is not */
    uint64_t stuck_at;            /* where, as segmsg_lobby_t.position */

    opal_mutex_t lock;     /* guards the two lists */
    opal_list_t endpoints; /* every peer */
    opal_list_t busy;      /* peers with something pending, by busy_item */
    volatile bool any_busy;

    opal_free_list_t frags;
    opal_free_list_t buffers;        /* for messages up to the eager limit that wait */
    size_t buffer_bytes;             /* what each of those holds */
    opal_pointer_array_t operations; /* put, get and atomics under way, by the index peers echo */

    /* Fragments handed to the PML and others, and their bytes; under `polling`. */
    uint64_t delivered_fragments;
    uint64_t delivered_bytes;
    uint64_t self_messages;
    /* Sent to peers that are gone, by group; under `lock`. */
    uint64_t past_messages[SEGMSG_GROUPS_MAX];
    uint64_t past_partitions[SEGMSG_GROUPS_MAX];
} mca_btl_segmsg_module_t;

/* The one module. Its address is what Open MPI calls the btl. */
extern mca_btl_segmsg_module_t mca_btl_segmsg;

OPAL_DECLSPEC extern mca_btl_base_component_t mca_btl_segmsg_component;

/* A process in one word, as identities carry it. */
static inline uint64_t mca_btl_segmsg_name_of(const opal_proc_t *proc)
{
    return (uint64_t) proc->proc_name.jobid << 32 | (uint32_t) proc->proc_name.vpid;
}

/* ---- params ---- */

/* Registers all MCA variables and sets the module's sizes from them. */
int mca_btl_segmsg_register_params(void);

/* Checks every value; says what is wrong, once, and returns false if segmsg must decline. */
bool mca_btl_segmsg_check_params(void);

/* Sets the eager limit anew when peers have come: it is a larger one if the kernel's single copy
 * works with none of them. */
void mca_btl_segmsg_choose_eager_limit(void);

/* True if the user wants that interconnect ("shm", "ofi"). */
bool mca_btl_segmsg_uses(const char *interconnect);

/* ---- callers ---- */

/* Counts the calling thread among those that call progress, until it ends. */
void mca_btl_segmsg_callers_count(void);

/* Threads that end from now on are not heard of any more; before the component is unloaded. */
void mca_btl_segmsg_callers_close(void);

/* ---- modex ---- */

int mca_btl_segmsg_modex_send(void);

/* What `proc` published; to be freed. NULL if it published nothing that we understand. */
mca_btl_segmsg_modex_t *mca_btl_segmsg_modex_recv(opal_proc_t *proc);

/* ---- endpoints ---- */

/* The endpoint of `proc`, made if need be; NULL if the process cannot be reached through segmsg. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_get(opal_proc_t *proc);

/* The endpoint of whoever `identity` names, made if need be; NULL if there is no way back. */
mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_of(const segmsg_identity_t *identity);

void mca_btl_segmsg_endpoint_release(mca_btl_segmsg_endpoint_t *endpoint);

/* The peer has said goodbye: unmaps its export. By who polls. */
void mca_btl_segmsg_endpoint_retire(mca_btl_segmsg_endpoint_t *endpoint);

/* Puts the endpoint among those that progress looks after. Its lock is held. */
void mca_btl_segmsg_endpoint_set_busy(mca_btl_segmsg_endpoint_t *endpoint);

/* Refuses what the PML can keep, until the queue is short. The endpoint's lock is held. */
void mca_btl_segmsg_endpoint_block(mca_btl_segmsg_endpoint_t *endpoint);

/* Takes messages again if the queue has become short enough. The endpoint's lock is held. */
void mca_btl_segmsg_endpoint_unblock(mca_btl_segmsg_endpoint_t *endpoint);

/* ---- agreement ---- */

/* This process's rank among those of its job on the node; UINT32_MAX: unknown. */
uint32_t mca_btl_segmsg_agree_rank(void);

/* Says whether the peer of `modex` is reached through shared memory. */
void mca_btl_segmsg_agree_say(mca_btl_segmsg_endpoint_t *endpoint,
                              const mca_btl_segmsg_modex_t *modex, bool reached);

/* Waits until the peer has said the same of this process, at most until agree_timeout seconds after
 * `start`. False if it does not reach us; true also of one that says nothing. */
bool mca_btl_segmsg_agree(const mca_btl_segmsg_endpoint_t *endpoint, const struct timespec *start);

/* ---- procs ---- */

int mca_btl_segmsg_add_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers, opal_bitmap_t *reachable);
int mca_btl_segmsg_del_procs(mca_btl_base_module_t *btl, size_t count, opal_proc_t **procs,
                             mca_btl_base_endpoint_t **peers);
int mca_btl_segmsg_finalize(mca_btl_base_module_t *btl);

/* True if the node has more processes of the job, or threads of theirs in MPI, than processors that they may
 * use: whoever helps another one then takes the processor from somebody. */
bool mca_btl_segmsg_is_crowded(void);

/* Converts times to ticks, better as time goes by. */
void mca_btl_segmsg_choose_times(void);

/* ---- fragments ---- */

/* A fragment of `size` bytes that lies in partitions or is short; NULL if there is no room now. */
mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_place(mca_btl_segmsg_endpoint_t *endpoint,
                                                      uint8_t order, size_t size, uint32_t flags);

/* A fragment of `size` bytes in a local buffer, to wait in the queue for room; NULL if the queue is
 * at its limit. */
mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_buffer(mca_btl_segmsg_endpoint_t *endpoint,
                                                       uint8_t order, size_t size, uint32_t flags);

/* A short fragment, of at most btl_segmsg_inline_limit bytes, for a control message of the PML. It is not
 * refused whatever waits, unless memory is exhausted: there are no more of them than the PML has
 * requests. */
mca_btl_base_descriptor_t *mca_btl_segmsg_alloc_control(mca_btl_segmsg_endpoint_t *endpoint,
                                                        uint8_t order, size_t size, uint32_t flags);

mca_btl_base_descriptor_t *mca_btl_segmsg_alloc(mca_btl_base_module_t *btl,
                                                mca_btl_base_endpoint_t *endpoint, uint8_t order,
                                                size_t size, uint32_t flags);
int mca_btl_segmsg_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *descriptor);
/* Gives the partitions of an unsent fragment back. The endpoint's lock is held. */
void mca_btl_segmsg_frag_leave_place(mca_btl_segmsg_frag_t *frag);

mca_btl_base_descriptor_t *mca_btl_segmsg_prepare_src(mca_btl_base_module_t *btl,
                                                      mca_btl_base_endpoint_t *endpoint,
                                                      opal_convertor_t *convertor, uint8_t order,
                                                      size_t reserve, size_t *size, uint32_t flags);

/* Packs `size` bytes of the convertor's data, which do not lie in one piece, to `to`; the bytes packed.
 * A step of them is packed while the lines for the next one are on their way here. */
size_t mca_btl_segmsg_pack_pieces(opal_convertor_t *convertor, void *to, size_t size);

/* Copies `size` bytes of the convertor's data, contiguous or not, to `to`; the bytes packed. */
static inline size_t mca_btl_segmsg_pack(opal_convertor_t *convertor, void *to, size_t size)
{
    if (OPAL_UNLIKELY(segmsg_compat_needs_pack(convertor))) {
        return mca_btl_segmsg_pack_pieces(convertor, to, size);
    }
    void *from;
    opal_convertor_get_current_pointer(convertor, &from);
    memcpy(to, from, size);
    return size;
}

/* ---- sending ---- */

int mca_btl_segmsg_send(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                        mca_btl_base_descriptor_t *descriptor, mca_btl_base_tag_t tag);
int mca_btl_segmsg_sendi(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         opal_convertor_t *convertor, void *header, size_t header_size,
                         size_t payload_size, uint8_t order, uint32_t flags, mca_btl_base_tag_t tag,
                         mca_btl_base_descriptor_t **descriptor);

/*
 * How many callbacks that say that something was sent are running, one in another. The PML sends what it
 * has kept out of such a callback, and that is then sent at once; so they nest as deep as it has kept
 * messages, unless somebody refuses.
 */
extern _Thread_local unsigned mca_btl_segmsg_completions;

/* Ends what is pending for a peer that is lost: its owners are told that it failed. */
void mca_btl_segmsg_fail_pending(mca_btl_segmsg_endpoint_t *endpoint);

/* A fragment whose sending has taken its time is done. By who polls. */
void mca_btl_segmsg_frag_done(mca_btl_segmsg_frag_t *frag, int status);

/* Publishes what is pending for `endpoint`, as much as there is room for. Returns how many. */
int mca_btl_segmsg_send_pending(mca_btl_segmsg_endpoint_t *endpoint);

/* ---- pieces ---- */

/* Tag of a piece; never handed to Open MPI. */
#define MCA_BTL_SEGMSG_PIECE_TAG (MCA_BTL_TAG_BTL + 14)

/* Publishes what is left of a fragment piece by piece; false if there is no room for all of it now.
 * The endpoint's lock is held. */
bool mca_btl_segmsg_publish_pieces(mca_btl_segmsg_endpoint_t *endpoint,
                                   mca_btl_segmsg_frag_t *frag);

/* A piece has come. */
void mca_btl_segmsg_receive_piece(mca_btl_segmsg_endpoint_t *endpoint, const void *data,
                                  size_t size);

/* Drops what has come of a message whose sender goes. */
void mca_btl_segmsg_drop_partial(mca_btl_segmsg_endpoint_t *endpoint);

/* ---- progress ---- */

int mca_btl_segmsg_progress(void);

/* Hands a message to whoever registered for its tag, as one fragment. By who polls. */
void mca_btl_segmsg_deliver(mca_btl_segmsg_endpoint_t *endpoint, uint8_t tag, void *data,
                            size_t size);

/* Keeps other threads from polling, for whoever changes what polling uses. Nests. */
void mca_btl_segmsg_polling_stop(void);
void mca_btl_segmsg_polling_resume(void);

/* ---- single copy ---- */

/* Lets peers read and write this process, as far as it can be allowed. */
void mca_btl_segmsg_copy_init(void);

/* Tries whether this process can read and write the memory of a peer, which `modex` describes; in
 * the other direction the peer does. */
void mca_btl_segmsg_copy_try(mca_btl_segmsg_endpoint_t *endpoint,
                             const mca_btl_segmsg_modex_t *modex);

/* Gives back what that took. */
void mca_btl_segmsg_copy_forget(mca_btl_segmsg_endpoint_t *endpoint);

/* True unless the peer, of which copies were possible, is no more. */
bool mca_btl_segmsg_copy_is_alive(const mca_btl_segmsg_endpoint_t *endpoint);

/* Copies from the peer, or to it; false if that failed (all or part may have been copied). */
bool mca_btl_segmsg_copy(const mca_btl_segmsg_endpoint_t *endpoint, bool to_peer, void *local,
                         uint64_t remote, size_t size);

/* ---- one-sided ---- */

/* Tag of segmsg's own requests and answers; never handed to Open MPI. */
#define MCA_BTL_SEGMSG_TAG (MCA_BTL_TAG_BTL + 13)

int mca_btl_segmsg_put(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                       void *local_address, uint64_t remote_address,
                       mca_btl_base_registration_handle_t *local_handle,
                       mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags,
                       int order, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                       void *cbdata);
int mca_btl_segmsg_get(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                       void *local_address, uint64_t remote_address,
                       mca_btl_base_registration_handle_t *local_handle,
                       mca_btl_base_registration_handle_t *remote_handle, size_t size, int flags,
                       int order, mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                       void *cbdata);
int mca_btl_segmsg_atomic_op(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                             uint64_t remote_address,
                             mca_btl_base_registration_handle_t *remote_handle,
                             mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                             mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                             void *cbdata);
int mca_btl_segmsg_atomic_fop(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                              void *local_address, uint64_t remote_address,
                              mca_btl_base_registration_handle_t *local_handle,
                              mca_btl_base_registration_handle_t *remote_handle,
                              mca_btl_base_atomic_op_t op, uint64_t operand, int flags, int order,
                              mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                              void *cbdata);
int mca_btl_segmsg_atomic_cswap(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                                void *local_address, uint64_t remote_address,
                                mca_btl_base_registration_handle_t *local_handle,
                                mca_btl_base_registration_handle_t *remote_handle, uint64_t compare,
                                uint64_t value, int flags, int order,
                                mca_btl_base_rdma_completion_fn_t cbfunc, void *cbcontext,
                                void *cbdata);

/* ---- verify ---- */

/* Compares what lies in shared memory with what the module at `context` knows; does not return if something
 * else wrote there. With `polling` held, while nothing comes. */
void mca_btl_segmsg_verify(void *context);

/* ---- pvars, report ---- */

void mca_btl_segmsg_register_pvars(void);
void mca_btl_segmsg_dump(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint,
                         int verbose);

/*
 * Shows the help text `topic`, filled in. Open MPI renders it, but it is printed here and not passed
 * on to mpirun: 4.1's mpirun with an external PMIx frees such messages while they are in flight and
 * loses every third one.
 */
void mca_btl_segmsg_say(const char *topic, ...);

/*
 * The same, said by one process of those of the job on this node that have it to say: the first. Texts are
 * alike that have the topic and the key in common; without a key (NULL), those that are equal.
 */
void mca_btl_segmsg_say_once_a_node(const char *key, const char *topic, ...);
#define MCA_BTL_SEGMSG_SAY_ONCE_A_NODE(...) mca_btl_segmsg_say_once_a_node(NULL, __VA_ARGS__)

/* Says that the process may map too little for `what`: bytes needed, and bytes left for it. */
void mca_btl_segmsg_say_no_address_space(const char *what, uint64_t needed, uint64_t available);

/* Makes the help texts findable wherever the component was loaded from. */
void mca_btl_segmsg_find_help(void);

/* Nothing more can be sent to `endpoint`, or nothing more received: says why and tells the PML. */
void mca_btl_segmsg_fail(const mca_btl_segmsg_endpoint_t *endpoint, segmsg_error_t error)
    __attribute__((noreturn));

/* Statistics line on standard error, if asked for. */
void mca_btl_segmsg_report(void);

END_C_DECLS

#endif
