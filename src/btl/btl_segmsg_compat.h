/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Everything in which Open MPI 4.1 and 5.0 (and later) differ for this component, and nothing else:
 * no other file looks at Open MPI's version.
 */
#ifndef MCA_BTL_SEGMSG_COMPAT_H
#define MCA_BTL_SEGMSG_COMPAT_H

#include "opal_config.h"
#include "opal/datatype/opal_convertor.h"
#include "opal/mca/btl/base/base.h"
#include "opal/mca/btl/base/btl_base_error.h"
#include "opal/mca/btl/btl.h"
#include "opal/mca/hwloc/base/base.h"
#include "opal/sys/atomic.h"
#include "opal/util/proc.h"

#if OPAL_MAJOR_VERSION >= 5
#include "opal/mca/pmix/pmix-internal.h"
#include "opal/mca/smsc/smsc.h"
#include "opal/mca/threads/mutex.h"
#define SEGMSG_MODEX_SCOPE PMIX_GLOBAL
#else
#include "opal/mca/pmix/pmix.h"
#include "opal/threads/mutex.h"
#define SEGMSG_MODEX_SCOPE OPAL_PMIX_GLOBAL
#endif

/*
 * Who maps the memory of a peer. 5.0 has a framework for that, smsc, with a component for XPMEM; 4.1 has
 * none. Its components that do not map are not used: process_vm_readv is called directly, in 4.1 as
 * in 5.0.
 */
#if OPAL_MAJOR_VERSION >= 5
typedef mca_smsc_endpoint_t segmsg_compat_mapper_t;

/* What maps the memory of `proc`, or NULL. */
static inline segmsg_compat_mapper_t *segmsg_compat_mapper_get(opal_proc_t *proc)
{
    return mca_smsc_base_has_feature(MCA_SMSC_FEATURE_CAN_MAP) ? MCA_SMSC_CALL(get_endpoint, proc)
                                                               : NULL;
}

static inline void segmsg_compat_mapper_return(segmsg_compat_mapper_t *mapper)
{
    MCA_SMSC_CALL(return_endpoint, mapper);
}

/* Maps `size` bytes of the peer's memory; *local is where. NULL if that cannot be. */
static inline void *segmsg_compat_map(segmsg_compat_mapper_t *mapper, uint64_t remote, size_t size,
                                      void **local)
{
    return MCA_SMSC_CALL(map_peer_region, mapper, 0, (void *) (uintptr_t) remote, size, local);
}

/* A mapping is not needed any more; it is kept for the next time. */
static inline void segmsg_compat_unmap(void *mapping)
{
    MCA_SMSC_CALL(unmap_peer_region, mapping);
}
#else
typedef void segmsg_compat_mapper_t;

static inline segmsg_compat_mapper_t *segmsg_compat_mapper_get(opal_proc_t *proc)
{
    (void) proc;
    return NULL;
}

static inline void segmsg_compat_mapper_return(segmsg_compat_mapper_t *mapper)
{
    (void) mapper;
}

static inline void *segmsg_compat_map(segmsg_compat_mapper_t *mapper, uint64_t remote, size_t size,
                                      void **local)
{
    (void) mapper, (void) remote, (void) size, (void) local;
    return NULL;
}

static inline void segmsg_compat_unmap(void *mapping)
{
    (void) mapping;
}
#endif

/* What opal's atomic operations work on. */
#if OPAL_MAJOR_VERSION >= 5
typedef opal_atomic_int32_t segmsg_compat_int32_t;
typedef opal_atomic_int64_t segmsg_compat_int64_t;
#else
typedef volatile int32_t segmsg_compat_int32_t;
typedef volatile int64_t segmsg_compat_int64_t;
#endif

/* Flags for put, get and atomics that have reached the target when they complete here. */
#ifdef MCA_BTL_FLAGS_RDMA_REMOTE_COMPLETION
#define SEGMSG_FLAGS_REMOTE_COMPLETION MCA_BTL_FLAGS_RDMA_REMOTE_COMPLETION
#else
#define SEGMSG_FLAGS_REMOTE_COMPLETION 0
#endif

/*
 * 4.1's osc/rdma asks for a compare and swap at an address of its own address space when the window
 * is in memory that the processes of the node share (ompi_osc_rdma_cas_atomic does not look whether
 * the base is local). Refused, it takes the window's lock and does it there, or by get and put.
 */
#if OPAL_MAJOR_VERSION >= 5
#define SEGMSG_OFFERS_CSWAP 1
#else
#define SEGMSG_OFFERS_CSWAP 0
#endif

/* Hands a message to whoever registered for `tag`: the PML, mostly. */
static inline void segmsg_compat_deliver(mca_btl_base_module_t *btl,
                                         struct mca_btl_base_endpoint_t *endpoint,
                                         mca_btl_base_tag_t tag, mca_btl_base_segment_t *segments,
                                         size_t count)
{
    const mca_btl_active_message_callback_t *callback = &mca_btl_base_active_message_trigger[tag];
#if OPAL_MAJOR_VERSION >= 5
    const mca_btl_base_receive_descriptor_t descriptor = {.endpoint = endpoint,
                                                          .des_segments = segments,
                                                          .des_segment_count = count,
                                                          .tag = tag,
                                                          .cbdata = callback->cbdata};
    callback->cbfunc(btl, &descriptor);
#else
    (void) endpoint;
    /* What a receiver looks at; the rest, some 100 bytes, is not worth clearing at every message. */
    mca_btl_base_descriptor_t descriptor;
    descriptor.des_segments = segments;
    descriptor.des_segment_count = count;
    descriptor.des_flags = 0;
    descriptor.order = MCA_BTL_NO_ORDER;
    callback->cbfunc(btl, tag, &descriptor, callback->cbdata);
#endif
}

/* True if somebody registered for `tag`. */
static inline bool segmsg_compat_tag_known(unsigned tag)
{
    return tag < MCA_BTL_TAG_MAX && mca_btl_base_active_message_trigger[tag].cbfunc != NULL;
}

/* True if only the convertor may read the data: not contiguous, or in an accelerator's memory. */
static inline bool segmsg_compat_needs_pack(const opal_convertor_t *convertor)
{
#if OPAL_MAJOR_VERSION >= 5
    return opal_convertor_need_buffers(convertor) || opal_convertor_on_device(convertor);
#else
    return opal_convertor_need_buffers(convertor);
#endif
}

/* True if the data is in an accelerator's memory. */
static inline bool segmsg_compat_on_device(const opal_convertor_t *convertor)
{
#if OPAL_MAJOR_VERSION >= 5
    return opal_convertor_on_device(convertor);
#else
    return (convertor->flags & (CONVERTOR_CUDA | CONVERTOR_CUDA_UNIFIED)) != 0;
#endif
}

/* Has the run-time remove `path` when the process is over, or the whole job, however it ended. */
static inline void segmsg_compat_register_cleanup_at(char *path, bool at_end_of_job)
{
#if OPAL_MAJOR_VERSION >= 5
    opal_pmix_register_cleanup(path, false, false, at_end_of_job);
#else
    if (opal_pmix.register_cleanup != NULL) {
        opal_pmix.register_cleanup(path, false, false, at_end_of_job);
    }
#endif
}

static inline void segmsg_compat_register_cleanup(char *path)
{
    segmsg_compat_register_cleanup_at(path, false);
}

static inline void segmsg_compat_register_job_cleanup(char *path)
{
    segmsg_compat_register_cleanup_at(path, true);
}

/* The topology, or NULL if the run-time gave us none. */
static inline hwloc_topology_t segmsg_compat_topology(void)
{
    return opal_hwloc_base_get_topology() == OPAL_SUCCESS ? opal_hwloc_topology : NULL;
}

/* True if this process and `proc` are bound to the same core. */
static inline bool segmsg_compat_on_same_core(const opal_proc_t *proc)
{
    return OPAL_PROC_ON_LOCAL_CORE(proc->proc_flags);
}

static inline uint32_t segmsg_compat_local_peers(void)
{
    return (uint32_t) opal_process_info.num_local_peers;
}

/* Processes for which there is room on all hosts that the run-time has; 0: unknown. */
static inline uint32_t segmsg_compat_universe_size(void)
{
    const opal_process_name_t job = {.jobid = OPAL_PROC_MY_NAME.jobid, .vpid = OPAL_VPID_WILDCARD};
    uint32_t size = 0;
    uint32_t *at = &size;
    int rc;
#if OPAL_MAJOR_VERSION >= 5
    OPAL_MODEX_RECV_VALUE_OPTIONAL(rc, PMIX_UNIV_SIZE, &job, &at, PMIX_UINT32);
#else
    OPAL_MODEX_RECV_VALUE_OPTIONAL(rc, OPAL_PMIX_UNIV_SIZE, &job, &at, OPAL_UINT32);
#endif
    return rc == OPAL_SUCCESS ? size : 0;
}

/* Processes of the own job, on all hosts. */
static inline uint32_t segmsg_compat_job_size(void)
{
#if OPAL_MAJOR_VERSION >= 5
    return (uint32_t) opal_process_info.num_procs;
#else
    const opal_process_name_t job = {.jobid = OPAL_PROC_MY_NAME.jobid, .vpid = OPAL_VPID_WILDCARD};
    uint32_t size = 0;
    uint32_t *at = &size;
    int rc;
    OPAL_MODEX_RECV_VALUE_OPTIONAL(rc, OPAL_PMIX_JOB_SIZE, &job, &at, OPAL_UINT32);
    return rc == OPAL_SUCCESS ? size : segmsg_compat_local_peers() + 1;
#endif
}

#endif
