/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "library/match.h"

#include <stddef.h>
#include <stdlib.h>

/* What a link, the first one of several, is part of. */
#define CONTAINER(first_link, type) \
    ((type *) (void *) ((char *) (first_link) -offsetof(type, link)))

enum { BUCKETS_FIRST = 64 };
static const uint32_t buckets_most = UINT32_C(1) << 31;

static bool is_key(const segmsg_match_key_t *a, segmsg_match_key_t b)
{
    SEGMSG_MATCH_STEP();
    return a->tag == b.tag && a->source == b.source;
}

/* ---- The table of queues ---- */

static segmsg_match_link_t **bucket_of(const segmsg_match_list_t *list, segmsg_match_key_t key)
{
    /* Multiplicative hashing by the golden ratio: keys that follow each other spread evenly. The upper half
     * depends on all bits of both. */
    uint64_t word = (uint64_t) (uint32_t) key.source << 32 | (uint32_t) key.tag;
    word ^= word >> 29;
    word *= UINT64_C(0x9e3779b97f4a7c15);
    return &list->bucket[(word >> 32) & (list->buckets - 1)];
}

static segmsg_match_link_t *head_of(const segmsg_match_list_t *list, segmsg_match_key_t key)
{
    segmsg_match_link_t *head = *bucket_of(list, key);
    while (head != NULL && !is_key(&head->key, key)) {
        head = head->chain;
    }
    return head;
}

static void push_head(segmsg_match_list_t *list, segmsg_match_link_t *head)
{
    segmsg_match_link_t **bucket = bucket_of(list, head->key);
    head->chain = *bucket;
    *bucket = head;
}

/* Moves all queues to a table of twice the size. If there is no memory, their chains become longer. */
static bool grow(segmsg_match_list_t *list)
{
    if (list->buckets >= buckets_most) {
        return list->buckets != 0;
    }
    segmsg_match_list_t larger = *list;
    larger.buckets = list->buckets == 0 ? BUCKETS_FIRST : 2 * list->buckets;
    larger.bucket = calloc(larger.buckets, sizeof(segmsg_match_link_t *));
    if (larger.bucket == NULL) {
        return list->buckets != 0;
    }
    for (uint32_t b = 0; b < list->buckets; ++b) {
        for (segmsg_match_link_t *head = list->bucket[b], *chain; head != NULL; head = chain) {
            chain = head->chain;
            push_head(&larger, head);
        }
    }
    free(list->bucket);
    *list = larger;
    return true;
}

static void enqueue(segmsg_match_list_t *list, segmsg_match_link_t *link, segmsg_match_key_t key)
{
    segmsg_match_link_t *head = head_of(list, key);
    link->key = key;
    link->next = NULL;
    if (head != NULL) {
        link->previous = head->previous;
        link->previous->next = link;
        head->previous = link;
        return;
    }
    link->previous = link;
    if (list->queues >= list->buckets) {
        (void) grow(list);
    }
    push_head(list, link);
    ++list->queues;
}

/* Puts the next entry of a queue, or nothing, in the place of its head. */
static void replace_head(segmsg_match_list_t *list, const segmsg_match_link_t *head)
{
    segmsg_match_link_t **at = bucket_of(list, head->key);
    while (*at != head) {
        SEGMSG_MATCH_STEP();
        at = &(*at)->chain;
    }
    segmsg_match_link_t *next = head->next;
    if (next == NULL) {
        *at = head->chain;
        --list->queues;
        return;
    }
    next->previous = head->previous;
    next->chain = head->chain;
    *at = next;
}

static void dequeue(segmsg_match_list_t *list, const segmsg_match_link_t *link)
{
    if (link->previous->next == NULL) { /* the last one: this is the head */
        replace_head(list, link);
        return;
    }
    link->previous->next = link->next;
    segmsg_match_link_t *behind = link->next;
    if (behind == NULL) { /* the head names the last one */
        behind = head_of(list, link->key);
    }
    behind->previous = link->previous;
}

/* ---- Posted receives ---- */

static void enqueue_posted(segmsg_match_list_t *list, segmsg_match_posted_t *receive)
{
    segmsg_match_key_t key = receive->entry.key;
    ++list->counts[key.source == SEGMSG_MATCH_ANY][key.tag == SEGMSG_MATCH_ANY];
    enqueue(list, &receive->link, key);
}

static void index_posted(segmsg_match_list_t *list)
{
    if (list->buckets == 0 && !grow(list)) {
        return; /* no memory: the list is searched */
    }
    for (segmsg_match_entry_t *entry = list->first; entry != NULL; entry = entry->next) {
        enqueue_posted(list, (segmsg_match_posted_t *) entry);
    }
    list->is_indexed = true;
}

void segmsg_match_index_posted(segmsg_match_list_t *list, segmsg_match_posted_t *receive)
{
    if (list->is_indexed) {
        enqueue_posted(list, receive);
    } else {
        index_posted(list);
    }
}

void segmsg_match_unindex_posted(segmsg_match_list_t *list, const segmsg_match_posted_t *receive)
{
    segmsg_match_key_t key = receive->entry.key;
    --list->counts[key.source == SEGMSG_MATCH_ANY][key.tag == SEGMSG_MATCH_ANY];
    dequeue(list, &receive->link);
}

/* The oldest receive with a key, or `best` if that is older. */
static segmsg_match_posted_t *older(const segmsg_match_list_t *list, segmsg_match_key_t key,
                                    segmsg_match_posted_t *best)
{
    if (list->counts[key.source == SEGMSG_MATCH_ANY][key.tag == SEGMSG_MATCH_ANY] == 0) {
        return best;
    }
    segmsg_match_link_t *head = head_of(list, key);
    if (head == NULL) {
        return best;
    }
    segmsg_match_posted_t *receive = CONTAINER(head, segmsg_match_posted_t);
    return best == NULL || receive->entry.number < best->entry.number ? receive : best;
}

segmsg_match_posted_t *segmsg_match_find_indexed(const segmsg_match_list_t *list,
                                                 segmsg_match_key_t key)
{
    const segmsg_match_key_t any_tag = {key.source, SEGMSG_MATCH_ANY};
    const segmsg_match_key_t any_source = {SEGMSG_MATCH_ANY, key.tag};
    const segmsg_match_key_t any = {SEGMSG_MATCH_ANY, SEGMSG_MATCH_ANY};
    segmsg_match_posted_t *best = older(list, key, NULL);
    best = older(list, any_tag, best);
    best = older(list, any_source, best);
    return older(list, any, best);
}

/* ---- Unexpected messages ---- */

static segmsg_match_key_t link_key(segmsg_match_key_t key, int link)
{
    return (segmsg_match_key_t){
        .source = link == SEGMSG_MATCH_BY_TAG ? SEGMSG_MATCH_ANY : key.source,
        .tag = link == SEGMSG_MATCH_BY_SOURCE ? SEGMSG_MATCH_ANY : key.tag,
    };
}

void segmsg_match_index_kept(segmsg_match_list_t *list, segmsg_match_unexpected_t *message)
{
    for (int link = 0; link < SEGMSG_MATCH_LINKS; ++link) {
        enqueue(list, &message->link[link], link_key(message->entry.key, link));
    }
}

static void index_unexpected(segmsg_match_list_t *list)
{
    if (list->buckets == 0 && !grow(list)) {
        return; /* no memory: the list is searched */
    }
    for (segmsg_match_entry_t *entry = list->first; entry != NULL; entry = entry->next) {
        segmsg_match_index_kept(list, (segmsg_match_unexpected_t *) entry);
    }
    list->is_indexed = true;
}

void segmsg_match_unindex_kept(segmsg_match_list_t *list, const segmsg_match_unexpected_t *message)
{
    for (int link = 0; link < SEGMSG_MATCH_LINKS; ++link) {
        dequeue(list, &message->link[link]);
    }
}

static segmsg_match_unexpected_t *find_kept_indexed(const segmsg_match_list_t *list,
                                                    segmsg_match_key_t key)
{
    int link = key.source == SEGMSG_MATCH_ANY ? SEGMSG_MATCH_BY_TAG
               : key.tag == SEGMSG_MATCH_ANY  ? SEGMSG_MATCH_BY_SOURCE
                                              : SEGMSG_MATCH_EXACT;
    segmsg_match_link_t *head = head_of(list, key);
    return head == NULL ? NULL : CONTAINER(head - link, segmsg_match_unexpected_t);
}

segmsg_match_unexpected_t *segmsg_match_find_kept(segmsg_match_t *match, int source, int tag)
{
    segmsg_match_list_t *list = &match->unexpected;
    const segmsg_match_key_t key = {.source = source < 0 ? SEGMSG_MATCH_ANY : source,
                                    .tag = tag < 0 ? SEGMSG_MATCH_ANY : tag};
    if (key.source == SEGMSG_MATCH_ANY && key.tag == SEGMSG_MATCH_ANY) {
        return (segmsg_match_unexpected_t *) list->first;
    }
    if (list->count > SEGMSG_MATCH_SHORT && !list->is_indexed) {
        index_unexpected(list);
    }
    if (list->is_indexed) {
        return find_kept_indexed(list, key);
    }
    segmsg_match_entry_t *entry = list->first;
    while (entry != NULL && !segmsg_match_matches(key, entry->key)) {
        entry = entry->next;
    }
    return (segmsg_match_unexpected_t *) entry;
}

void segmsg_match_destroy(segmsg_match_t *match)
{
    free(match->posted.bucket);
    free(match->unexpected.bucket);
}
