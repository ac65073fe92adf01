/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "btl/btl_segmsg_welcome.h"
#include "btl/btl_segmsg_endpoint.h"
#include "btl/btl_segmsg_report.h"

#include "engine/groups.h"

void mca_btl_segmsg_find_user(segmsg_reader_t *reader)
{
    mca_btl_segmsg_endpoint_t *endpoint = mca_btl_segmsg_endpoint_of(&reader->sender);
    reader->user = endpoint;
    if (endpoint != NULL && !opal_using_threads()) {
        segmsg_sender_set_back(&endpoint->sender, &reader->ring);
        mca_btl_segmsg.peers.have_backs = true;
    }
}

void mca_btl_segmsg_welcome(void *context)
{
    mca_btl_segmsg_module_t *module = context;
    module->receiver.has_newcomers = false;
    segmsg_error_t error = segmsg_receiver_find_groups(&module->receiver);
    if (OPAL_UNLIKELY(error != SEGMSG_OK)) {
        const segmsg_reader_t *suspect = module->receiver.suspect;
        mca_btl_segmsg_fail(suspect == NULL ? NULL : suspect->user, error);
    }
    for (uint32_t r = 0; r < module->receiver.reader_count; ++r) {
        segmsg_reader_t *reader = module->receiver.reader[r];
        if (reader->user == NULL) {
            mca_btl_segmsg_find_user(reader);
        }
    }
}
