/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/net/btl_segmsg_net_modex.h"
#include "btl/btl_segmsg_agree.h"
#include "btl/btl_segmsg_modex.h"
#include "btl/btl_segmsg_report.h"

/* What a process may leave out. */
enum { OPERATIONS = MCA_BTL_FLAGS_RDMA | MCA_BTL_FLAGS_ATOMIC_OPS | MCA_BTL_FLAGS_ATOMIC_FOPS };

int mca_btl_segmsg_modex_send(void)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    size_t descriptor_bytes = module->own.kind->describe(&module->memory, NULL);
    size_t bytes =
        sizeof(mca_btl_segmsg_modex_t) + descriptor_bytes + mca_btl_segmsg_net_publish(NULL);
    mca_btl_segmsg_modex_t *modex = calloc(1, bytes);
    if (modex == NULL) {
        return OPAL_ERR_OUT_OF_RESOURCE;
    }
    modex->magic = SEGMSG_MAGIC;
    modex->layout_version = SEGMSG_LAYOUT_VERSION;
    modex->descriptor_bytes = (uint32_t) descriptor_bytes;
    modex->local_rank = mca_btl_segmsg_agree_rank();
    modex->owner = module->self;
    modex->domain = module->own.domain =
        module->own.kind->domain(module->config.memory.backing_directory);
    modex->probe = (uint64_t) (uintptr_t) &module->own.probe;
    modex->spaces = module->own.spaces = segmsg_shm_spaces();
    modex->keeps_name = module->config.memory.keep_names;
    modex->refuses = OPERATIONS & ~module->super.btl_flags;
    (void) module->own.kind->describe(&module->memory, modex + 1);
    modex->rails = mca_btl_segmsg_nets;
    (void) mca_btl_segmsg_net_publish((char *) (modex + 1) + descriptor_bytes);
    int rc;
    OPAL_MODEX_SEND(rc, SEGMSG_MODEX_SCOPE, &mca_btl_segmsg_component.btl_version, modex, bytes);
    free(modex);
    return rc;
}

mca_btl_segmsg_modex_t *mca_btl_segmsg_modex_recv(opal_proc_t *proc)
{
    mca_btl_segmsg_modex_t *modex = NULL;
    size_t bytes = 0;
    int rc;
    OPAL_MODEX_RECV(rc, &mca_btl_segmsg_component.btl_version, &proc->proc_name,
                    (void **) (void *) &modex, &bytes);
    if (rc != OPAL_SUCCESS || modex == NULL) {
        return NULL; /* the peer's segmsg declined, or it has none */
    }
    if (bytes < sizeof(*modex) || modex->magic != SEGMSG_MAGIC
        || modex->layout_version != SEGMSG_LAYOUT_VERSION
        || modex->descriptor_bytes > bytes - sizeof(*modex)
        || !mca_btl_segmsg_net_is_whole(modex, bytes - sizeof(*modex) - modex->descriptor_bytes)) {
        mca_btl_segmsg_say("other-build", opal_process_info.nodename,
                           OPAL_NAME_PRINT(proc->proc_name));
        free(modex);
        return NULL;
    }
    return modex;
}

void mca_btl_segmsg_modex_narrow(mca_btl_base_module_t *btl, const mca_btl_segmsg_modex_t *modex)
{
    btl->btl_flags &= ~(modex->refuses & OPERATIONS);
}
