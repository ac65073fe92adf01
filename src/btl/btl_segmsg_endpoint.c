/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_peer.h"
#include "btl/btl_segmsg_agree.h"
#include "btl/btl_segmsg_busy.h"
#include "btl/btl_segmsg_copy.h"
#include "btl/btl_segmsg_endpoint.h"
#include "btl/btl_segmsg_frag.h"
#include "btl/btl_segmsg_modex.h"
#include "btl/btl_segmsg_report.h"
#include "btl/btl_segmsg_polling.h"
#include "btl/btl_segmsg_operations.h"
#include "btl/btl_segmsg_reassembly.h"
#include "memory/shm_map.h"
#include "transfer/initiator.h"
#include "base/wait.h"
#include "engine/groups.h"

static void endpoint_construct(mca_btl_segmsg_endpoint_t *endpoint)
{
    endpoint->btl = &mca_btl_segmsg.super;
    endpoint->link = NULL;
    endpoint->proc = NULL;
    endpoint->users = 0;
    endpoint->is_self = false;
    endpoint->copy = (mca_btl_segmsg_copy_way_t){.copiers = 0};
    endpoint->same_core = false;
    endpoint->agree_rank = UINT32_MAX;
    segmsg_transfer_peer_init(&endpoint->transfers, endpoint, 0, NULL);
    endpoint->queue.busy = false;
    endpoint->is_blocked = false;
    endpoint->queue.buffered = 0;
    endpoint->queue.exempt = 0;
    endpoint->queue.memory_short = false;
    endpoint->queue.places = 0;
    endpoint->queue.parts_of = NULL;
    endpoint->queue.parts_left = 0;
    endpoint->retired = false;
    endpoint->partial = NULL;
    memset(&endpoint->peer, 0, sizeof(endpoint->peer));
    endpoint->memory = (segmsg_memory_t){0};
    memset(&endpoint->sender, 0, sizeof(endpoint->sender));
    OBJ_CONSTRUCT(&endpoint->lock, opal_mutex_t);
    OBJ_CONSTRUCT(&endpoint->queue.pending, opal_list_t);
    OBJ_CONSTRUCT(&endpoint->queue.jobs, opal_list_t);
    OBJ_CONSTRUCT(&endpoint->queue.busy_item, opal_list_item_t);
}

/* Gives back what waiting fragments hold of the peer's segments, which others may share. */
static void leave_places(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_frag_t *frag;
    OPAL_LIST_FOREACH (frag, &endpoint->queue.pending, mca_btl_segmsg_frag_t) {
        if (frag->place.data != NULL) {
            mca_btl_segmsg_frag_leave_place(frag);
        }
    }
}

static void drop_pending(mca_btl_segmsg_endpoint_t *endpoint)
{
    opal_list_item_t *item;
    while ((item = opal_list_remove_first(&endpoint->queue.pending)) != NULL) {
        mca_btl_segmsg_frag_t *frag = (mca_btl_segmsg_frag_t *) item;
        frag->place.data = NULL; /* the image is gone */
        mca_btl_segmsg_free(&mca_btl_segmsg.super, &frag->base);
    }
}

/*
 * Tells the peer that nothing more comes, so that it can give our groups to others. The ring is
 * empty as a rule by now; a peer that does not empty it has gone or is stuck, and is not waited for. It
 * may need the processor to empty it; beside other work, each yield may take a time slice.
 */
static void say_goodbye(mca_btl_segmsg_endpoint_t *endpoint)
{
    enum { MOST = 20 * 1000 * 1000 /* ns */ };
    segmsg_deadline_t deadline = segmsg_deadline_in(MOST);
    while (!segmsg_sender_close(&endpoint->sender) && !segmsg_deadline_is_over(&deadline)) {
        segmsg_deadline_rest(&deadline);
    }
}

static void endpoint_destruct(mca_btl_segmsg_endpoint_t *endpoint)
{
    if (endpoint->memory.export.base != NULL) {
        leave_places(endpoint);
        say_goodbye(endpoint);
    }
    if (endpoint->proc != NULL) { /* it was in use */
        mca_btl_segmsg_rdma_cancel(endpoint);
        drop_pending(endpoint);
        mca_btl_segmsg_drop_partial(endpoint);
        OBJ_RELEASE(endpoint->proc);
    }
    mca_btl_segmsg_link_free(endpoint);
    mca_btl_segmsg_copy_forget(endpoint);
    segmsg_sender_destroy(&endpoint->sender);
    segmsg_memory_close(&endpoint->memory);
    OBJ_DESTRUCT(&endpoint->queue.busy_item);
    OBJ_DESTRUCT(&endpoint->queue.jobs);
    OBJ_DESTRUCT(&endpoint->queue.pending);
    OBJ_DESTRUCT(&endpoint->lock);
}

OBJ_CLASS_INSTANCE(mca_btl_segmsg_endpoint_t, opal_list_item_t, endpoint_construct,
                   endpoint_destruct);

static mca_btl_segmsg_endpoint_t *find(uint64_t name)
{
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_LIST_FOREACH (endpoint, &mca_btl_segmsg.peers.endpoints, mca_btl_segmsg_endpoint_t) {
        if (endpoint->peer.name == name && !endpoint->retired) {
            return endpoint;
        }
    }
    return NULL;
}

/* Finds out which processors the peer may use. Where the kernel copies, its process number has been proved. */
static void place_peer(mca_btl_segmsg_endpoint_t *endpoint, pid_t pid)
{
    endpoint->same_core = segmsg_compat_on_same_core(endpoint->proc);
    if (endpoint->copy.pid_is_proved) {
        endpoint->same_core = endpoint->same_core || segmsg_processors_share_one(pid);
        segmsg_processors_add(&mca_btl_segmsg.node.processors, pid);
    } else {
        segmsg_processors_add_unknown(&mca_btl_segmsg.node.processors);
    }
}

/* True if the peer started together with this process: each then opens the other's file by its name. */
static bool is_of_own_job(const mca_btl_segmsg_modex_t *modex)
{
    return modex->owner.name >> 32 == mca_btl_segmsg.self.name >> 32;
}

/*
 * True if both processes can open the other one's file, or neither can. Those of two jobs know the
 * names, but these may be gone: they then do it through /proc.
 */
static bool can_open_files(const mca_btl_segmsg_modex_t *modex)
{
    const mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    return is_of_own_job(modex) || segmsg_shm_spaces_share_files(module->own.spaces, modex->spaces)
           || (module->config.memory.keep_names && modex->keeps_name != 0);
}

/* A process that may map too little says so, of the first peer that it does not reach. */
static void say_why_unmapped(const mca_btl_segmsg_endpoint_t *endpoint)
{
    static bool told;
    if (endpoint->memory.short_of_addresses != 0 && !told) {
        told = true;
        mca_btl_segmsg_say_no_address_space("the receive region of another process",
                                            endpoint->memory.short_of_addresses,
                                            segmsg_shm_map_address_space_left());
    }
}

/* Maps the peer's export and gets ready to send; false if the peer cannot be reached. */
static bool connect_to(mca_btl_segmsg_endpoint_t *endpoint, const mca_btl_segmsg_modex_t *modex)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    if (!module->serves_shm || module->own.domain == 0 || modex->domain != module->own.domain) {
        return false; /* another machine, or another view of the shared memory */
    }
    if (!can_open_files(modex)) {
        return false; /* another job's, in another container */
    }
    const segmsg_memory_owner_t from = {
        .owner = modex->owner,
        .counts = is_of_own_job(modex),
        .via_proc = segmsg_shm_spaces_share_files(module->own.spaces, modex->spaces),
    };
    segmsg_error_t error = segmsg_memory_attach(&endpoint->memory, module->own.kind, modex + 1,
                                                modex->descriptor_bytes, &from);
    if (error == SEGMSG_ERR_LAYOUT) {
        mca_btl_segmsg_say("other-build", opal_process_info.nodename,
                           OPAL_NAME_PRINT(endpoint->proc->proc_name));
    }
    if (error != SEGMSG_OK) {
        say_why_unmapped(endpoint);
        return false;
    }
    segmsg_transfer_peer_init(&endpoint->transfers, endpoint, modex->owner.name,
                              &endpoint->memory.export);
    mca_btl_segmsg_modex_narrow(&module->super, modex);
    mca_btl_segmsg_copy_try(endpoint, modex);
    place_peer(endpoint, (pid_t) modex->owner.pid);
    static bool told; /* by each process, of the first such peer */
    if (endpoint->copy.copiers == 0 && module->config.copy.single_copy == SEGMSG_COPY_CMA
        && !told) {
        told = true;
        mca_btl_segmsg_say("no-single-copy", opal_process_info.nodename,
                           OPAL_NAME_PRINT(endpoint->proc->proc_name));
    }
    opal_output_verbose(
        20, opal_btl_base_framework.framework_output,
        "segmsg: peer %s: shared memory, single copy by the kernel: %s, by mapping: %s",
        OPAL_NAME_PRINT(endpoint->proc->proc_name), endpoint->copy.pid_is_proved ? "yes" : "no",
        endpoint->copy.copiers > endpoint->copy.pid_is_proved ? "yes" : "no");
    segmsg_sender_init(&endpoint->sender, &endpoint->memory.export, &module->self,
                       &module->config.growth);
    segmsg_sender_set_cache(&endpoint->sender, &module->config.cache);
    return true;
}

static mca_btl_segmsg_endpoint_t *make(opal_proc_t *proc)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_endpoint_t *endpoint = OBJ_NEW(mca_btl_segmsg_endpoint_t);
    if (endpoint == NULL) {
        return NULL;
    }
    endpoint->proc = proc;
    endpoint->peer.name = mca_btl_segmsg_name_of(proc);
    endpoint->is_self = endpoint->peer.name == module->self.name;
    if (endpoint->is_self) {
        endpoint->peer = module->self;
    } else {
        mca_btl_segmsg_modex_t *modex = mca_btl_segmsg_modex_recv(proc);
        bool connected = modex != NULL && connect_to(endpoint, modex);
        if (modex != NULL) {
            mca_btl_segmsg_agree_say(endpoint, modex, connected);
        }
        if (connected) {
            endpoint->peer = modex->owner;
        }
        free(modex);
        if (!connected) {
            endpoint->proc = NULL;
            /* The analyzer does not know that the last reference frees. */
            OBJ_RELEASE(endpoint); /* NOLINT(clang-analyzer-unix.Malloc) */
            return NULL;
        }
    }
    OBJ_RETAIN(proc);
    opal_list_append(&module->peers.endpoints, &endpoint->super);
    module->receiver.has_newcomers =
        true; /* messages may have come from the peer before we knew it */
    return endpoint;
}

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_get(opal_proc_t *proc)
{
    OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
    mca_btl_segmsg_endpoint_t *endpoint = find(mca_btl_segmsg_name_of(proc));
    if (endpoint == NULL) {
        endpoint = make(proc);
    }
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
    return endpoint;
}

mca_btl_segmsg_endpoint_t *mca_btl_segmsg_endpoint_of(const segmsg_identity_t *identity)
{
    opal_process_name_t name = {.jobid = (opal_jobid_t) (identity->name >> 32),
                                .vpid = (opal_vpid_t) (identity->name & UINT32_MAX)};
    OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
    mca_btl_segmsg_endpoint_t *endpoint = find(identity->name);
    OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
    if (endpoint == NULL) {
        opal_proc_t *proc = opal_proc_for_name(name);
        endpoint = proc == NULL ? NULL : mca_btl_segmsg_endpoint_get(proc);
    }
    if (OPAL_UNLIKELY(endpoint != NULL && endpoint->peer.nonce != identity->nonce)) {
        mca_btl_segmsg_fail(endpoint, SEGMSG_ERR_CORRUPT); /* nobody has said so in the modex */
    }
    return endpoint;
}

/* Keeps what was sent to a peer that goes. The module's lock is held. */
static void remember_counts(mca_btl_segmsg_endpoint_t *endpoint)
{
    for (uint32_t g = 0; g < SEGMSG_GROUPS_MAX; ++g) {
        mca_btl_segmsg.counts.past_messages[g] += endpoint->sender.messages[g];
        mca_btl_segmsg.counts.past_partitions[g] += endpoint->sender.partitions[g];
        endpoint->sender.messages[g] = 0;
        endpoint->sender.partitions[g] = 0;
    }
}

/*
 * Open MPI deletes processes only when it ends. Peers of other jobs come and go before that, and
 * their memory would stay mapped, unseen in the file system.
 */
void mca_btl_segmsg_endpoint_retire(mca_btl_segmsg_endpoint_t *endpoint)
{
    OPAL_THREAD_LOCK(&endpoint->lock); /* always before the module's */
    segmsg_sender_set_back(&endpoint->sender, NULL);
    if (endpoint->queue.places == 0 && opal_list_is_empty(&endpoint->queue.pending)
        && opal_list_is_empty(&endpoint->queue.jobs)) {
        say_goodbye(endpoint);
        OPAL_THREAD_LOCK(&mca_btl_segmsg.lock);
        remember_counts(endpoint);
        OPAL_THREAD_UNLOCK(&mca_btl_segmsg.lock);
        endpoint->retired = true;
        endpoint->is_blocked = true;
        mca_btl_segmsg_copy_forget(endpoint);
        segmsg_memory_close(&endpoint->memory);
    }
    OPAL_THREAD_UNLOCK(&endpoint->lock);
}

void mca_btl_segmsg_endpoint_release(mca_btl_segmsg_endpoint_t *endpoint)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_polling_stop();
    segmsg_reader_t *reader = segmsg_receiver_reader_of(&module->receiver, endpoint->peer.name);
    if (reader != NULL) {
        reader->user = NULL;
    }
    OPAL_THREAD_LOCK(&module->lock);
    mca_btl_segmsg_endpoint_clear_busy(endpoint);
    opal_list_remove_item(&module->peers.endpoints, &endpoint->super);
    remember_counts(endpoint);
    OPAL_THREAD_UNLOCK(&module->lock);
    segmsg_transfers_forget(&module->transfers, &endpoint->transfers);
    OBJ_RELEASE(endpoint);
    mca_btl_segmsg_polling_resume();
}

void mca_btl_segmsg_endpoint_forget_backs(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_THREAD_LOCK(&module->lock);
    OPAL_LIST_FOREACH (endpoint, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
        segmsg_sender_set_back(&endpoint->sender, NULL);
    }
    OPAL_THREAD_UNLOCK(&module->lock);
    module->peers.have_backs = false;
}
