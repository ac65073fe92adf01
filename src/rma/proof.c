/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "rma/proof.h"

#include <string.h>

/* SipHash's state, as Aumasson and Bernstein describe it ("SipHash: a fast short-input PRF", 2012). */
typedef struct {
    uint64_t v[4];
} state_t;

static inline uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(state_t *s, unsigned rounds)
{
    while (rounds-- != 0) {
        s->v[0] += s->v[1];
        s->v[1] = rotated(s->v[1], 13) ^ s->v[0];
        s->v[0] = rotated(s->v[0], 32);
        s->v[2] += s->v[3];
        s->v[3] = rotated(s->v[3], 16) ^ s->v[2];
        s->v[0] += s->v[3];
        s->v[3] = rotated(s->v[3], 21) ^ s->v[0];
        s->v[2] += s->v[1];
        s->v[1] = rotated(s->v[1], 17) ^ s->v[2];
        s->v[2] = rotated(s->v[2], 32);
    }
}

static void absorb(state_t *s, uint64_t word)
{
    enum { ROUNDS = 2 };
    s->v[3] ^= word;
    mix(s, ROUNDS);
    s->v[0] ^= word;
}

void segmsg_proof_make(const segmsg_secret_t *secret, const void *message, size_t bytes,
                       uint64_t proof[2])
{
    enum { FINAL_ROUNDS = 4, WIDE_START = 0xee, WIDE_FIRST = 0xee, WIDE_SECOND = 0xdd };
    state_t s = {.v = {secret->word[0] ^ UINT64_C(0x736f6d6570736575),
                       secret->word[1] ^ UINT64_C(0x646f72616e646f6d) ^ WIDE_START,
                       secret->word[0] ^ UINT64_C(0x6c7967656e657261),
                       secret->word[1] ^ UINT64_C(0x7465646279746573)}};
    for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const char *) message + at, sizeof(word));
        absorb(&s, word);
    }
    absorb(&s, (uint64_t) bytes << 56);
    s.v[2] ^= WIDE_FIRST;
    mix(&s, FINAL_ROUNDS);
    proof[0] = s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
    s.v[1] ^= WIDE_SECOND;
    mix(&s, FINAL_ROUNDS);
    proof[1] = s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

bool segmsg_proof_holds(const segmsg_secret_t *secret, const void *message, size_t bytes,
                        const uint64_t proof[2])
{
    uint64_t right[2];
    segmsg_proof_make(secret, message, bytes, right);
    /* No branch between the two words: when it ends says nothing about which is wrong. */
    return ((right[0] ^ proof[0]) | (right[1] ^ proof[1])) == 0;
}

bool segmsg_replay_is_new(segmsg_replay_t *replay, uint32_t count)
{
    enum { BITS = 64, KNOWN = BITS * (SEGMSG_REPLAY_WORDS - 1) };
    int32_t ahead = (int32_t) (count - replay->newest);
    uint32_t word = count / BITS;
    if (ahead > 0) {
        /* The words between the newest count and this one come into use again. */
        uint32_t last = replay->newest / BITS;
        uint32_t words = (word - last) % (UINT32_MAX / BITS + 1); /* counts begin again some time */
        words = words < SEGMSG_REPLAY_WORDS ? words : SEGMSG_REPLAY_WORDS;
        for (uint32_t w = 1; w <= words; ++w) {
            replay->seen[(last + w) % SEGMSG_REPLAY_WORDS] = 0;
        }
        replay->newest = count;
    } else if (ahead <= -KNOWN) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << (count % BITS);
    bool is_new = (replay->seen[word % SEGMSG_REPLAY_WORDS] & bit) == 0;
    replay->seen[word % SEGMSG_REPLAY_WORDS] |= bit;
    return is_new;
}
