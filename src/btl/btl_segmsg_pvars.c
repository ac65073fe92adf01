/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Performance variables, for MPI_T and for tests: what went through which group.
 */
#include "btl/net/btl_segmsg_net_count.h"
#include "btl/btl_segmsg_pvars.h"

#include "opal/mca/base/mca_base_pvar.h"

/* Elements of a variable that has one a group; at least one, also where no groups could be read. */
static uint32_t groups_shown(void)
{
    uint32_t groups = mca_btl_segmsg.config.node_groups.geometry.group_count;
    uint32_t between_hosts = mca_btl_segmsg_net_groups();
    groups = between_hosts > groups ? between_hosts : groups;
    return groups == 0 ? 1 : groups;
}

typedef uint64_t (*group_count_fn_t)(const segmsg_sender_t *sender, uint32_t group);

static uint64_t count_messages(const segmsg_sender_t *sender, uint32_t group)
{
    return sender->messages[group];
}

static uint64_t count_partitions(const segmsg_sender_t *sender, uint32_t group)
{
    return sender->partitions[group];
}

/* Sums over all peers, by group, beginning with those that are gone. */
static void sum_sent(group_count_fn_t count, const uint64_t *past, unsigned long long *by_group)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    uint32_t groups = groups_shown();
    for (uint32_t g = 0; g < groups; ++g) {
        by_group[g] = past[g];
    }
    if (!module->initialised) {
        return; /* MPI_T may ask before MPI_Init and after MPI_Finalize */
    }
    OPAL_THREAD_LOCK(&module->lock);
    mca_btl_segmsg_endpoint_t *endpoint;
    OPAL_LIST_FOREACH (endpoint, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
        for (uint32_t g = 0; g < groups; ++g) {
            by_group[g] += count(&endpoint->sender, g);
        }
    }
    mca_btl_segmsg_net_add_sent(by_group, count == count_partitions);
    OPAL_THREAD_UNLOCK(&module->lock);
}

static void sum_received(unsigned long long *by_group)
{
    const mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    uint32_t groups = groups_shown();
    for (uint32_t g = 0; g < groups; ++g) {
        by_group[g] = module->initialised ? segmsg_receiver_messages(&module->receiver, g) : 0;
    }
    mca_btl_segmsg_net_add_received(by_group);
}

static int read_sent_messages(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    sum_sent(count_messages, mca_btl_segmsg.counts.past_messages, value);
    return OPAL_SUCCESS;
}

static int read_sent_partitions(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    sum_sent(count_partitions, mca_btl_segmsg.counts.past_partitions, value);
    return OPAL_SUCCESS;
}

static int read_received_messages(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    sum_received(value);
    return OPAL_SUCCESS;
}

static int read_sent_fragments(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    unsigned long long by_group[SEGMSG_GROUPS_MAX] = {0};
    sum_sent(count_messages, mca_btl_segmsg.counts.past_messages, by_group);
    unsigned long long *sum = value;
    *sum = 0;
    for (uint32_t g = 0; g < groups_shown(); ++g) {
        *sum += by_group[g];
    }
    return OPAL_SUCCESS;
}

static int read_delivered_fragments(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value =
        mca_btl_segmsg.counts.delivered_fragments + mca_btl_segmsg_net_count(SEGMSG_NET_DELIVERED);
    return OPAL_SUCCESS;
}

static int read_delivered_bytes(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value =
        mca_btl_segmsg.counts.delivered_bytes + mca_btl_segmsg_net_count(SEGMSG_NET_BYTES);
    return OPAL_SUCCESS;
}

static int read_cooperative_transfers(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value =
        atomic_load_explicit(&mca_btl_segmsg.transfers.asked, memory_order_relaxed);
    return OPAL_SUCCESS;
}

static int read_cooperative_helped_bytes(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value =
        atomic_load_explicit(&mca_btl_segmsg.transfers.helped_bytes, memory_order_relaxed);
    return OPAL_SUCCESS;
}

static int read_chunked_bytes(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value =
        atomic_load_explicit(&mca_btl_segmsg.transfers.chunk_bytes, memory_order_relaxed);
    return OPAL_SUCCESS;
}

static int read_sleeps(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg.node.sleeper.sleep.times;
    return OPAL_SUCCESS;
}

static int read_sleeps_woken(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg.node.sleeper.sleep.rung;
    return OPAL_SUCCESS;
}

static int read_ofi_messages(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg_net_count(SEGMSG_NET_MESSAGES);
    return OPAL_SUCCESS;
}

static int read_ofi_writes(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg_net_count(SEGMSG_NET_WRITES);
    return OPAL_SUCCESS;
}

static int read_ofi_parts(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg_net_count(SEGMSG_NET_PARTS);
    return OPAL_SUCCESS;
}

static int read_ofi_control(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg_net_count(SEGMSG_NET_CONTROL);
    return OPAL_SUCCESS;
}

static int read_ofi_recalls(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg_net_count(SEGMSG_NET_RECALLS);
    return OPAL_SUCCESS;
}

static int read_ofi_refused(const mca_base_pvar_t *pvar, void *value, void *object)
{
    (void) pvar, (void) object;
    *(unsigned long long *) value = mca_btl_segmsg_net_count(SEGMSG_NET_STRANGE);
    return OPAL_SUCCESS;
}

static int one_a_group(mca_base_pvar_t *pvar, mca_base_pvar_event_t event, void *object, int *count)
{
    (void) pvar, (void) object;
    if (event == MCA_BASE_PVAR_HANDLE_BIND) {
        *count = (int) groups_shown();
    }
    return OPAL_SUCCESS;
}

static int just_one(mca_base_pvar_t *pvar, mca_base_pvar_event_t event, void *object, int *count)
{
    (void) pvar, (void) object;
    if (event == MCA_BASE_PVAR_HANDLE_BIND) {
        *count = 1;
    }
    return OPAL_SUCCESS;
}

void mca_btl_segmsg_register_pvars(void)
{
    const struct {
        const char *name;
        const char *help;
        mca_base_get_value_fn_t read;
        mca_base_notify_fn_t count;
    } pvars[] = {
        {"sent_messages", "Messages sent through each segment group", read_sent_messages,
         one_a_group},
        {"sent_partitions", "Partitions that they took", read_sent_partitions, one_a_group},
        {"received_messages", "Messages received from each segment group", read_received_messages,
         one_a_group},
        {"sent_fragments", "Messages sent through all groups", read_sent_fragments, just_one},
        {"delivered_fragments", "Fragments handed to the PML and other users of the transport",
         read_delivered_fragments, just_one},
        {"delivered_bytes", "Bytes of these fragments, headers included", read_delivered_bytes,
         just_one},
        {"cooperative_transfers",
         "Large transfers of this process with which a peer was asked to help",
         read_cooperative_transfers, just_one},
        {"chunked_bytes", "Bytes of these that came through segments", read_chunked_bytes,
         just_one},
        {"cooperative_helped_bytes", "Bytes of these that peers have copied",
         read_cooperative_helped_bytes, just_one},
        {"sleeps", "Times that the process slept while it waited", read_sleeps, just_one},
        {"sleeps_woken", "Of these, that a message ended", read_sleeps_woken, just_one},
        {"ofi_messages", "Messages to peers on other hosts", read_ofi_messages, just_one},
        {"ofi_writes", "RMA writes that carried them, each with completion data", read_ofi_writes,
         just_one},
        {"ofi_parts", "Further RMA writes, of the first parts of long messages", read_ofi_parts,
         just_one},
        {"ofi_control", "Control messages to peers on other hosts", read_ofi_control, just_one},
        {"ofi_recalls", "Groups that senders on other hosts were asked to give up",
         read_ofi_recalls, just_one},
        {"ofi_refused",
         "Messages, completions and errors from the network that belong to no process of the "
         "job, or to one that has left, and were dropped",
         read_ofi_refused, just_one},
    };
    for (size_t i = 0; i < sizeof(pvars) / sizeof(*pvars); ++i) {
        (void) mca_base_component_pvar_register(&mca_btl_segmsg_component.btl_version,
                                                pvars[i].name, pvars[i].help, OPAL_INFO_LVL_4,
                                                MCA_BASE_PVAR_CLASS_COUNTER,
                                                MCA_BASE_VAR_TYPE_UNSIGNED_LONG_LONG, NULL,
                                                MCA_BASE_VAR_BIND_NO_OBJECT,
                                                MCA_BASE_PVAR_FLAG_READONLY
                                                    | MCA_BASE_PVAR_FLAG_CONTINUOUS,
                                                pvars[i].read, NULL, pvars[i].count, NULL);
    }
}
