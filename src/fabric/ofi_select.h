/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Which of libfabric's providers, and which of its interfaces: by what they can do.
 */
#ifndef SEGMSG_OFI_SELECT_H
#define SEGMSG_OFI_SELECT_H

#if SEGMSG_HAVE_OFI

#include <rdma/fabric.h>

#include <stdbool.h>
#include <stddef.h>

/* What a test makes this layer believe of the provider; none by default. */
typedef struct {
    bool local;         /* it wants local memory to be registered (FI_MR_LOCAL) */
    bool unordered;     /* writes may overtake one another */
    bool no_inject;     /* nothing can be injected */
    bool short_data;    /* completion data of 4 bytes */
    bool no_atomics;    /* it has no atomics */
    bool shuffle;       /* completions are handed out in another order than they came in */
    size_t max_message; /* longest message in bytes; 0: as the provider says */
} segmsg_ofi_pretence_t;

/* What the user wants of providers: lists of names or beginnings of names, comma separated or NULL. */
typedef struct {
    const char *include;
    const char *exclude;
    const char *domains; /* domains (network interfaces) to use */
    unsigned rails;      /* most interfaces to use */
    bool atomics;        /* they should have atomics, if they can */
    bool threads;        /* several threads call, each by itself */
    bool job_spans;      /* peers are on other hosts: loopback interfaces do not reach them */
    size_t data_bytes;   /* of completion data, at least, */
    size_t token_bytes;  /* and if it is to carry a token */
    size_t message_min;  /* longest message in bytes, at least */
    segmsg_ofi_pretence_t pretence;
} segmsg_ofi_wish_t;

/*
 * Lists the interfaces to use, at most wish->rails, best first: *infos, to be freed with
 * segmsg_ofi_free_infos. Returns how many; if 0, *why says (to be freed) what each provider lacks, or
 * what is wrong with libfabric itself.
 */
unsigned segmsg_ofi_select(const segmsg_ofi_wish_t *wish, struct fi_info ***infos, char **why);
void segmsg_ofi_free_infos(struct fi_info **infos, unsigned count);

#endif /* SEGMSG_HAVE_OFI */
#endif
