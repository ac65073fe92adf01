/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * queue/split_work.h with every access to a record in the test's hands, so that a test can do
 * something between any two of them. It defines the four functions below, and includes this before
 * anything else of the engine.
 */
#ifndef SEGMSG_TEST_JOINT_ACCESS_H
#define SEGMSG_TEST_JOINT_ACCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t joint_word_t;

static inline uint64_t joint_access_load(joint_word_t *word, memory_order order);
static inline void joint_access_store(joint_word_t *word, uint64_t value, memory_order order);
static inline uint64_t joint_access_add(joint_word_t *word, uint64_t value, memory_order order);
static inline bool joint_access_swap(joint_word_t *word, uint64_t *expected, uint64_t next,
                                     memory_order success, memory_order failure);

/* The engine's other headers with the accesses as they are. */
#include "engine/sender.h"
#include "memory.h"
#include "unit.h"

#pragma push_macro("atomic_load_explicit")
#pragma push_macro("atomic_store_explicit")
#pragma push_macro("atomic_fetch_add_explicit")
#pragma push_macro("atomic_compare_exchange_weak_explicit")
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_add_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_load_explicit                  joint_access_load
#define atomic_store_explicit                 joint_access_store
#define atomic_fetch_add_explicit             joint_access_add
#define atomic_compare_exchange_weak_explicit joint_access_swap
#include "queue/split_work.h"
#pragma pop_macro("atomic_load_explicit")
#pragma pop_macro("atomic_store_explicit")
#pragma pop_macro("atomic_fetch_add_explicit")
#pragma pop_macro("atomic_compare_exchange_weak_explicit")

#endif
