/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * From here to steps_end.h every access to a word that is shared is a step (steps.h).
 */
#pragma push_macro("atomic_load_explicit")
#pragma push_macro("atomic_store_explicit")
#pragma push_macro("atomic_fetch_and_explicit")
#pragma push_macro("atomic_compare_exchange_weak_explicit")
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_and_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_load_explicit(object, order) \
    _Generic((object), _Atomic uint16_t *: step_load_entry, const _Atomic uint16_t *: step_load_entry, \
             default: step_load)(object, order)
#define atomic_store_explicit(object, value, order) \
    _Generic((object), _Atomic uint16_t *: step_store_entry, default: step_store)(object, value, order)
#define atomic_fetch_and_explicit             step_and
#define atomic_compare_exchange_weak_explicit step_swap
