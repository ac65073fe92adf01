/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Control messages: groups are formed and dissolved, partitions returned.
 */
#ifndef MCA_BTL_SEGMSG_NET_CONTROL_H
#define MCA_BTL_SEGMSG_NET_CONTROL_H

#include "btl/btl_segmsg_net_types.h"

#if SEGMSG_HAVE_OFI

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

#endif /* SEGMSG_HAVE_OFI */

#endif
