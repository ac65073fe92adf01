/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The proof that a control message between hosts comes from a process of the job.
 *
 * Each process draws a secret for each of its network interfaces and publishes it by the modex, which
 * only processes of the job can read. Whoever sends to it signs the message with that secret: a SipHash-2-4 of
 * 128 bits over all of the message but the proof. Unlike a token, a proof says nothing to a stranger
 * whom the network hands the message by mistake: neither the secret nor the proof of another message.
 * A message that is sent a second time is told by its count.
 */
#ifndef SEGMSG_PROOF_H
#define SEGMSG_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEGMSG_PROOF_BYTES = 16 };

typedef struct {
    uint64_t word[2];
} segmsg_secret_t;

/* SipHash-2-4 with 128 bits of result, of `bytes` bytes (a multiple of 8). */
void segmsg_proof_make(const segmsg_secret_t *secret, const void *message, size_t bytes,
                       uint64_t proof[2]);

/* True if `proof` is that of the message. The time it takes does not depend on where it is wrong. */
bool segmsg_proof_holds(const segmsg_secret_t *secret, const void *message, size_t bytes,
                        const uint64_t proof[2]);

enum { SEGMSG_REPLAY_WORDS = 16 }; /* 64 counts each; a power of 2 */

/* Which counts of one sender's messages have come: those of the newest 960. All zero at first. */
typedef struct {
    uint32_t newest;
    /* Bit count % 64 of word count / 64 % SEGMSG_REPLAY_WORDS. */
    uint64_t seen[SEGMSG_REPLAY_WORDS];
} segmsg_replay_t;

/* Takes note of a count, which begin with 1 and may come in another order. False if it has come before,
 * or is so old that nobody knows. */
bool segmsg_replay_is_new(segmsg_replay_t *replay, uint32_t count);

#endif
