/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "transfer/help.h"

enum {                     /* microseconds */
       BALANCE_MOST = 200, /* gains that are remembered */
       WAIT_NATURAL = 20,  /* a wait that is no loss: the interrupts of a quiet machine */
       WAIT_MOST =
           4000, /* the most that one wait counts: this process may have computed meanwhile */
       PAUSE_FIRST = 10 * 1000,
       PAUSE_MOST = 1000 * 1000
};
enum {
    LONG_ENOUGH = 4, /* pauses; who could be asked for so long begins again with the first pause */
    PART = 2,        /* times what its part takes us: what a helper may take without loss */
    FADE = 16 /* of a slower rate one in so many is believed, so that old ones are forgotten */
};

/* All relaxed: hints. */
#define get(from)       atomic_load_explicit(from, memory_order_relaxed)
#define set(to, number) atomic_store_explicit(to, number, memory_order_relaxed)

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void segmsg_help_init(segmsg_help_t *help)
{
    set(&help->balance, 0);
    set(&help->rate, 0);
    set(&help->pause, 0);
    set(&help->pause_end, 0);
}

void segmsg_help_note_rate(segmsg_help_t *help, uint64_t bytes, uint64_t ticks)
{
    if (bytes == 0) {
        return;
    }
    uint64_t now = ticks * SEGMSG_HELP_SCALE / bytes + 1;
    uint64_t rate = get(&help->rate);
    if (rate != 0 && now > rate) {
        uint64_t slower = rate + rate / FADE + 1;
        now = now < slower ? now : slower;
    }
    set(&help->rate, now);
}

/* The next pause begins at `now`. */
static void pause_from(segmsg_help_t *help, uint64_t now, uint64_t microsecond)
{
    uint64_t last = get(&help->pause);
    bool is_first = last == 0 || now - get(&help->pause_end) > LONG_ENOUGH * last;
    uint64_t pause =
        lesser(is_first ? PAUSE_FIRST * microsecond : 2 * last, PAUSE_MOST * microsecond);
    set(&help->pause_end, now + pause);
    set(&help->pause, pause);
    set(&help->balance, 0);
}

void segmsg_help_note(segmsg_help_t *help, uint64_t bytes, uint64_t waited, uint64_t now,
                      uint64_t microsecond)
{
    uint64_t wait_most = WAIT_MOST * microsecond;
    uint64_t gained = lesser(get(&help->rate) * bytes / SEGMSG_HELP_SCALE, wait_most);
    uint64_t natural = PART * gained + WAIT_NATURAL * microsecond;
    uint64_t lost = waited < natural ? 0 : lesser(waited, wait_most);
    int64_t most = (int64_t) (BALANCE_MOST * microsecond);
    int64_t balance = get(&help->balance) + (int64_t) gained - (int64_t) lost;
    if (balance < 0) {
        pause_from(help, now, microsecond);
    } else {
        set(&help->balance, balance < most ? balance : most);
    }
}

bool segmsg_help_is_worth(const segmsg_help_t *help, uint64_t now)
{
    /* As a difference: ticks may wrap. */
    return get(&help->pause) == 0 || (int64_t) (now - get(&help->pause_end)) >= 0;
}
