/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Matching: which posted receive an arriving message goes to, and which unexpected message a new receive
 * gets. A receive names a source and a tag, each of which may be a wildcard; a message has both.
 *
 *   posted receives       a message takes the oldest receive that matches it
 *   unexpected messages   a receive takes the oldest message that matches it
 *
 * Each of the two is a list in order of age. While it is short, it is searched from its oldest entry on.
 * Once it is longer than SEGMSG_MATCH_SHORT, a hash table of queues by (source, tag) is added, and stays
 * until the list is empty again:
 *
 *   a posted receive is in one queue, whose key has its wildcards. A message can match receives of four
 *   keys, (s, t) (s, *) (*, t) (*, *): the oldest of the up to four heads is the one.
 *   an unexpected message is in three queues, (s, t) (s, *) (*, t). A receive looks at the one that has its
 *   key; one with both wildcards takes the oldest of the list.
 *
 * So each step takes a bounded number of comparisons on average, whatever the order. The queues run
 * through the entries themselves. Only the table is allocated; where there is no memory for a larger one,
 * the search becomes slower and nothing else.
 *
 * Not thread-safe. Knows nothing of the rest of the library.
 */
#ifndef SEGMSG_MATCH_H
#define SEGMSG_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Defined by the unit test, which counts the entries and queues that are looked at. */
#ifndef SEGMSG_MATCH_STEP
#define SEGMSG_MATCH_STEP() ((void) 0)
#endif

/* In a receive's key: any source, any tag. Sources and tags themselves are not negative. */
enum { SEGMSG_MATCH_ANY = -1 };

/* Entries of a list that is searched without the table. */
enum { SEGMSG_MATCH_SHORT = 16 };

typedef struct {
    int source;
    int tag;
} segmsg_match_key_t;

/* A place in a queue of entries with the same key. */
typedef struct segmsg_match_link {
    struct segmsg_match_link *next;     /* NULL: the last one */
    struct segmsg_match_link *previous; /* of the head: the last one */
    struct segmsg_match_link *chain;    /* of the head: the head of another queue in its bucket */
    segmsg_match_key_t key;
} segmsg_match_link_t;

/* What posted receives and unexpected messages have in common. */
typedef struct segmsg_match_entry {
    struct segmsg_match_entry *next, *previous; /* in order of age */
    segmsg_match_key_t key;
    uint64_t number; /* rises with age's end: the oldest has the lowest */
} segmsg_match_entry_t;

/* To be embedded in a receive; its owner sets nothing. */
typedef struct {
    segmsg_match_entry_t entry; /* first */
    segmsg_match_link_t link;
} segmsg_match_posted_t;

enum { SEGMSG_MATCH_EXACT, SEGMSG_MATCH_BY_SOURCE, SEGMSG_MATCH_BY_TAG, SEGMSG_MATCH_LINKS };

/* To be embedded in an unexpected message; likewise. */
typedef struct {
    segmsg_match_entry_t entry; /* first */
    segmsg_match_link_t link[SEGMSG_MATCH_LINKS];
} segmsg_match_unexpected_t;

/* A list, and its table if it has one. All zero: empty. */
typedef struct {
    segmsg_match_entry_t *first, *last;
    uint64_t numbers; /* given so far */
    uint32_t count;
    bool is_indexed;              /* all entries are in the table */
    uint32_t queues;              /* in the table */
    uint32_t buckets;             /* a power of two; 0: no table yet */
    segmsg_match_link_t **bucket; /* heads of queues */
    uint32_t counts[2][2];        /* posted, indexed: by [any source][any tag] */
} segmsg_match_list_t;

typedef struct {
    segmsg_match_list_t posted;
    segmsg_match_list_t unexpected;
} segmsg_match_t;

/* ---- What the table is for: slow paths of the functions below ---- */

void segmsg_match_index_posted(segmsg_match_list_t *list, segmsg_match_posted_t *receive);
void segmsg_match_unindex_posted(segmsg_match_list_t *list, const segmsg_match_posted_t *receive);
segmsg_match_posted_t *segmsg_match_find_indexed(const segmsg_match_list_t *list,
                                                 segmsg_match_key_t key);
void segmsg_match_index_kept(segmsg_match_list_t *list, segmsg_match_unexpected_t *message);
void segmsg_match_unindex_kept(segmsg_match_list_t *list, const segmsg_match_unexpected_t *message);

/* True if a receive's key, which may have wildcards, matches a message's. */
static inline bool segmsg_match_matches(segmsg_match_key_t receive, segmsg_match_key_t message)
{
    SEGMSG_MATCH_STEP();
    return (receive.source == SEGMSG_MATCH_ANY || receive.source == message.source)
           && (receive.tag == SEGMSG_MATCH_ANY || receive.tag == message.tag);
}

static inline void segmsg_match_append(segmsg_match_list_t *list, segmsg_match_entry_t *entry,
                                       int source, int tag)
{
    entry->next = NULL;
    entry->previous = list->last;
    entry->key.source = source < 0 ? SEGMSG_MATCH_ANY : source;
    entry->key.tag = tag < 0 ? SEGMSG_MATCH_ANY : tag;
    entry->number = ++list->numbers;
    *(list->last == NULL ? &list->first : &list->last->next) = entry;
    list->last = entry;
    ++list->count;
}

static inline void segmsg_match_take_out(segmsg_match_list_t *list,
                                         const segmsg_match_entry_t *entry)
{
    *(entry->previous == NULL ? &list->first : &entry->previous->next) = entry->next;
    *(entry->next == NULL ? &list->last : &entry->next->previous) = entry->previous;
    --list->count;
    list->is_indexed = list->is_indexed && list->count != 0;
}

/* ---- Posted receives ---- */

/* Appends a receive to the posted ones. A negative source or tag: any. */
static inline void segmsg_match_post(segmsg_match_t *match, segmsg_match_posted_t *receive,
                                     int source, int tag)
{
    segmsg_match_list_t *list = &match->posted;
    segmsg_match_append(list, &receive->entry, source, tag);
    if (__builtin_expect(list->is_indexed || list->count > SEGMSG_MATCH_SHORT, 0)) {
        segmsg_match_index_posted(list, receive);
    }
}

/* Takes out a receive that is posted. */
static inline void segmsg_match_unpost(segmsg_match_t *match, segmsg_match_posted_t *receive)
{
    segmsg_match_list_t *list = &match->posted;
    if (__builtin_expect(list->is_indexed, 0)) {
        segmsg_match_unindex_posted(list, receive);
    }
    segmsg_match_take_out(list, &receive->entry);
}

/* The oldest posted receive that a message of `source` with `tag` matches, still posted; NULL: none. */
static inline segmsg_match_posted_t *segmsg_match_find_posted(const segmsg_match_t *match,
                                                              int source, int tag)
{
    const segmsg_match_list_t *list = &match->posted;
    const segmsg_match_key_t key = {source, tag};
    if (__builtin_expect(list->is_indexed, 0)) {
        return segmsg_match_find_indexed(list, key);
    }
    segmsg_match_entry_t *entry = list->first;
    while (entry != NULL && !segmsg_match_matches(entry->key, key)) {
        entry = entry->next;
    }
    return (segmsg_match_posted_t *) entry;
}

/* ---- Unexpected messages ---- */

/* Appends a message to the unexpected ones. The table is made by the search that it is for: with a handler
 * there is none. */
static inline void segmsg_match_keep(segmsg_match_t *match, segmsg_match_unexpected_t *message,
                                     int source, int tag)
{
    segmsg_match_list_t *list = &match->unexpected;
    segmsg_match_append(list, &message->entry, source, tag);
    if (__builtin_expect(list->is_indexed, 0)) {
        segmsg_match_index_kept(list, message);
    }
}

/* Takes out an unexpected message. */
static inline void segmsg_match_unkeep(segmsg_match_t *match, segmsg_match_unexpected_t *message)
{
    segmsg_match_list_t *list = &match->unexpected;
    if (__builtin_expect(list->is_indexed, 0)) {
        segmsg_match_unindex_kept(list, message);
    }
    segmsg_match_take_out(list, &message->entry);
}

/* The oldest unexpected message that matches a receive, still unexpected; NULL: none. */
segmsg_match_unexpected_t *segmsg_match_find_kept(segmsg_match_t *match, int source, int tag);

/* Frees the tables. The entries are their owners'. */
void segmsg_match_destroy(segmsg_match_t *match);

#endif
