/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The eager limit follows what the program does with its data (transfer/use.h). A message of some 10 KB that is
 * sent after a rendezvous is copied once, by the receiver, who fetches it line by line out of the sender's cache if
 * the sender has just written it; one that is sent at once is copied twice, each time by who has the data in the own
 * cache. The latter is faster where the program writes what it sends and reads what it receives, the former where it
 * does neither, as in a ping-pong.
 */
#ifndef MCA_BTL_SEGMSG_EAGER_H
#define MCA_BTL_SEGMSG_EAGER_H

#include "btl/btl_segmsg.h"

/* Chooses the limits anew, when peers have come: others where the kernel's copy works with none. */
void mca_btl_segmsg_choose_eager_limit(void);

/* A message of `bytes` bytes comes, at least SEGMSG_USE_FROM. By any thread; noted by who polls. */
void mca_btl_segmsg_eager_note(size_t bytes);

/* The same, of one that is got, by progress or by the program, which has received it only now. */
void mca_btl_segmsg_eager_note_get(size_t bytes);

/* A send that began at `begun`, ticks, has ended: that was not the program's computing. By any thread. */
void mca_btl_segmsg_eager_sent(uint64_t begun);

#endif
