/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * From here to steps_end.h every access to a word that is shared is a step (steps.h).
 */
#pragma push_macro("atomic_load_explicit")
#pragma push_macro("atomic_store_explicit")
#pragma push_macro("atomic_compare_exchange_weak_explicit")
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_load_explicit                  step_load
#define atomic_store_explicit                 step_store
#define atomic_compare_exchange_weak_explicit step_swap
