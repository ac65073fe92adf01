/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is told to a peer by control messages, and what proves theirs: see btl_segmsg_net_control.c.
 */
#ifndef MCA_BTL_SEGMSG_NET_TELL_H
#define MCA_BTL_SEGMSG_NET_TELL_H

#include "btl/net/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

/* Makes the peer reachable. The gate is held. 0 or an error. */
int mca_btl_segmsg_link_insert(mca_btl_segmsg_link_t *link);

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

/* Frees the memory of a group's source segment. The gate is held. */
void mca_btl_segmsg_link_free_source(mca_btl_segmsg_link_t *link, uint32_t group);

/* So much has come that no process of the job has sent: it is counted, and the first is told of. */
void mca_btl_segmsg_net_strange(mca_btl_segmsg_net_t *net, uint64_t count);

/* True if a process of the job has sent the message to this interface; it may be known before that, so
 * that nothing of the message is used. */
bool mca_btl_segmsg_net_is_proven(mca_btl_segmsg_net_t *net,
                                  const segmsg_control_message_t *message);

#endif /* SEGMSG_HAVE_OFI */

#endif
