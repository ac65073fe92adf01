/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a pair of processes uses shared memory is for both to say. One may fail to map the other's
 * receive region while the other maps the first one's: with a limit of address space of its own, or
 * another value of a parameter. If only one of them then left the pair to another BTL, each would send
 * what the other one cannot answer. So every process says of each process of its job on the node whether
 * it reaches it (queue/verdict.h), and then looks what that one says.
 *
 * In MPI_Init all processes of a job add all processes of their node in one call, so the answer comes.
 * Nothing like that is so of processes of other jobs (MPI_Comm_spawn, connect/accept), or of those that
 * are added one by one: nobody knows when the peer will add us, or whether. Those are not waited for.
 */
#include "btl/btl_segmsg_agree.h"

#include "queue/verdict.h"

uint32_t mca_btl_segmsg_agree_rank(void)
{
    uint32_t rank = (uint32_t) opal_process_info.my_local_rank;
    return rank <= segmsg_compat_local_peers() ? rank : UINT32_MAX; /* the run-time knows none */
}

/* The rank on the node of a process of the own job that is there with us; SEGMSG_VERDICTS: it has none. */
static uint32_t rank_of(const mca_btl_segmsg_modex_t *modex)
{
    uint32_t own = mca_btl_segmsg_agree_rank();
    bool is_of_job = modex->owner.name >> 32 == mca_btl_segmsg.self.name >> 32;
    /* A run-time that gives two processes the same rank knows none. */
    return is_of_job && own < SEGMSG_VERDICTS && modex->local_rank < SEGMSG_VERDICTS
                   && modex->local_rank != own
               ? modex->local_rank
               : SEGMSG_VERDICTS;
}

void mca_btl_segmsg_agree_say(mca_btl_segmsg_endpoint_t *endpoint,
                              const mca_btl_segmsg_modex_t *modex, bool reached)
{
    endpoint->agree_rank = rank_of(modex);
    segmsg_verdict_say(&mca_btl_segmsg.memory.export, endpoint->agree_rank,
                       reached ? SEGMSG_VERDICT_REACHED : SEGMSG_VERDICT_REFUSED);
}

bool mca_btl_segmsg_agree(const mca_btl_segmsg_endpoint_t *endpoint, segmsg_deadline_t *deadline)
{
    if (endpoint->is_self || endpoint->agree_rank >= SEGMSG_VERDICTS) {
        return true;
    }
    deadline->rests = 0; /* this one may be about to say it */
    for (;;) {
        segmsg_verdict_t verdict =
            segmsg_verdict_of(&endpoint->memory.export, mca_btl_segmsg_agree_rank());
        /* The clock is looked at where there is nothing to do but wait. */
        if (verdict != SEGMSG_VERDICT_NONE || segmsg_deadline_is_over(deadline)) {
            opal_output_verbose(20, opal_btl_base_framework.framework_output, "segmsg: peer %s: %s",
                                OPAL_NAME_PRINT(endpoint->proc->proc_name),
                                verdict == SEGMSG_VERDICT_REACHED ? "reaches us"
                                : verdict == SEGMSG_VERDICT_REFUSED
                                    ? "does not reach us"
                                    : "has not said whether it reaches us");
            return verdict != SEGMSG_VERDICT_REFUSED;
        }
        segmsg_deadline_rest(deadline);
    }
}
