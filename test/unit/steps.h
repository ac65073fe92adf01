/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs the engine's own functions one shared access at a time. A step of a function is its next access: it
 * is called anew, is told again what it saw before, makes one access more, and is left at the one after
 * that. So all of a state is data, which can be kept, compared and returned to (orders.h).
 *
 * A header whose accesses are to be steps is included between push and pop of the macros below, after all
 * other headers of the engine; test_ring_orders.c shows it.
 */
#ifndef SEGMSG_TEST_STEPS_H
#define SEGMSG_TEST_STEPS_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Accesses of a call. */
#ifndef STEPS_OF_A_CALL
#define STEPS_OF_A_CALL 12
#endif
enum { STEPS_MOST = STEPS_OF_A_CALL };

typedef _Atomic uint64_t step_word_t;

typedef struct {
    uint64_t value; /* seen by an access */
    bool swapped;   /* it was a swap, and succeeded */
} step_access_t;

/* A call under way. */
typedef struct {
    uint8_t accesses; /* that are made */
    uint8_t misses;   /* of these, swaps that failed for no reason */
    step_access_t access[STEPS_MOST];
} step_call_t;

/* What does not hold, if something does not. */
static const char *violated;

static struct {
    step_call_t *call;
    uint32_t next; /* access of the call */
    bool moved;    /* it has made its access */
    bool misses;   /* its swap is to fail for no reason */
    jmp_buf left;
} running;

/* The next access of the call; *is_new if it is to be made now. */
static inline step_access_t *step_next(bool *is_new)
{
    step_call_t *call = running.call;
    *is_new = running.next == call->accesses;
    if (*is_new) {
        if (running.moved) {
            longjmp(running.left, 1);
        }
        running.moved = true;
        if (++call->accesses == STEPS_MOST) {
            violated = "a call ends";
            longjmp(running.left, 1);
        }
    }
    return &call->access[running.next++];
}

static inline uint64_t step_load(const step_word_t *word, memory_order order)
{
    (void) order;
    bool is_new;
    step_access_t *access = step_next(&is_new);
    if (is_new) {
        access->value = atomic_load(word);
    }
    return access->value;
}

static inline void step_store(step_word_t *word, uint64_t value, memory_order order)
{
    (void) order;
    bool is_new;
    (void) step_next(&is_new);
    if (is_new) {
        atomic_store(word, value);
    }
}

static inline uint64_t step_add(step_word_t *word, uint64_t value, memory_order order)
{
    (void) order;
    bool is_new;
    step_access_t *access = step_next(&is_new);
    if (is_new) {
        access->value = atomic_fetch_add(word, value);
    }
    return access->value;
}

static inline uint64_t step_and(step_word_t *word, uint64_t value, memory_order order)
{
    (void) order;
    bool is_new;
    step_access_t *access = step_next(&is_new);
    if (is_new) {
        access->value = atomic_fetch_and(word, value);
    }
    return access->value;
}

/* The same of entries of a directory. */
static inline uint16_t step_load_entry(const _Atomic uint16_t *entry, memory_order order)
{
    (void) order;
    bool is_new;
    step_access_t *access = step_next(&is_new);
    if (is_new) {
        access->value = atomic_load(entry);
    }
    return (uint16_t) access->value;
}

static inline void step_store_entry(_Atomic uint16_t *entry, uint16_t value, memory_order order)
{
    (void) order;
    bool is_new;
    (void) step_next(&is_new);
    if (is_new) {
        atomic_store(entry, value);
    }
}

static inline bool step_swap(step_word_t *word, uint64_t *expected, uint64_t next,
                             memory_order success, memory_order failure)
{
    (void) success, (void) failure;
    bool is_new;
    step_access_t *access = step_next(&is_new);
    if (is_new) {
        access->value = *expected;
        if (running.misses) {
            running.misses = false;
            ++running.call->misses;
            access->value = atomic_load(word);
        } else {
            access->swapped = atomic_compare_exchange_strong(word, &access->value, next);
        }
    }
    *expected = access->value;
    return access->swapped;
}

/* Makes the next access of `call`, which is one of `function`; true if that was the last. */
static inline bool step_call(step_call_t *call, void (*function)(void *), void *context)
{
    running.call = call;
    running.next = 0;
    running.moved = false;
    if (setjmp(running.left) != 0) {
        return false;
    }
    function(context);
    memset(call, 0, sizeof(*call));
    return true;
}

#endif
