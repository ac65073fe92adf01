/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What users must be told, and what they may ask for.
 */
#include "btl/net/btl_segmsg_net_count.h"
#include "btl/btl_segmsg_report.h"
#include "memory/shm_map.h"

#include "opal/util/show_help.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

/*
 * Open MPI looks for help texts where it was installed. A component in a build tree or in a home
 * folder has its text one folder above its own, since whatever lies beside it would be taken for a
 * component.
 */
void mca_btl_segmsg_find_help(void)
{
    Dl_info info;
    char folder[OPAL_PATH_MAX];
    if (dladdr(&mca_btl_segmsg_component, &info) == 0 || info.dli_fname == NULL) {
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    if (slash == NULL) {
        return;
    }
    int length =
        snprintf(folder, sizeof(folder), "%.*s/..", (int) (slash - info.dli_fname), info.dli_fname);
    if (length > 0 && (size_t) length < sizeof(folder)) {
        (void) opal_show_help_add_dir(folder);
    }
}

static void print(const char *text)
{
    fputs(text, stderr);
    fflush(stderr);
}

void mca_btl_segmsg_say(const char *topic, ...)
{
    va_list arguments;
    va_start(arguments, topic);
    char *text = opal_show_help_vstring("help-btl-segmsg.txt", topic, true, arguments);
    va_end(arguments);
    if (text != NULL) {
        print(text);
        free(text);
    }
}

/* FNV-1a, which spreads texts well enough to name files by. */
static uint64_t hash_on(uint64_t hash, const char *text)
{
    for (; *text != '\0'; ++text) {
        hash = (hash ^ (unsigned char) *text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/*
 * True for one of the processes of the job on this node that ask with this topic and key: the one that
 * makes the file of that name in the job's session directory, which the run-time removes. Where there is
 * no such directory, everybody is the first.
 */
static bool is_first(const char *topic, const char *key)
{
    char path[OPAL_PATH_MAX];
    const char *directory = opal_process_info.job_session_dir;
    if (directory == NULL) {
        return true;
    }
    uint64_t name = hash_on(hash_on(UINT64_C(0xcbf29ce484222325), topic), key);
    int length = snprintf(path, sizeof(path), "%s/segmsg-said-%016" PRIx64, directory, name);
    if (length < 0 || (size_t) length >= sizeof(path)) {
        return true;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        segmsg_compat_register_job_cleanup(path);
    }
    return fd >= 0 || errno != EEXIST;
}

void mca_btl_segmsg_say_once_a_node(const char *key, const char *topic, ...)
{
    va_list arguments;
    va_start(arguments, topic);
    char *text = opal_show_help_vstring("help-btl-segmsg.txt", topic, true, arguments);
    va_end(arguments);
    if (text != NULL && is_first(topic, key == NULL ? text : key)) {
        print(text);
    }
    free(text);
}

void mca_btl_segmsg_say_no_address_space(const char *what, uint64_t needed, uint64_t available)
{
    enum { FOR_TEXT = 1 << 20 }; /* bytes; Open MPI's reader of help texts ends a process without */
    const char *self = OPAL_NAME_PRINT(OPAL_PROC_MY_NAME);
    if (segmsg_shm_map_address_space_left() < FOR_TEXT) {
        opal_output(0, "segmsg on %s, process %s: no address space for %s (ulimit -v)",
                    opal_process_info.nodename, self, what);
        return;
    }
    mca_btl_segmsg_say_once_a_node("", "no-address-space", opal_process_info.nodename, self, what,
                                   (unsigned long) (needed >> 10),
                                   (unsigned long) (available >> 10));
}

void mca_btl_segmsg_fail(const mca_btl_segmsg_endpoint_t *endpoint, segmsg_error_t error)
{
    mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    const char *peer = endpoint == NULL || endpoint->proc == NULL
                           ? "a process on this node"
                           : OPAL_NAME_PRINT(endpoint->proc->proc_name);
    if (error == SEGMSG_ERR_NO_SPACE || error == SEGMSG_ERR_TABLE_FULL) {
        mca_btl_segmsg_say("no-space-while-running", opal_process_info.nodename, peer,
                           segmsg_error_text(error), module->config.memory.backing_directory);
    } else if (error == SEGMSG_ERR_UNMAPPED) {
        mca_btl_segmsg_say("no-address-space-while-running", opal_process_info.nodename, peer);
    } else {
        mca_btl_segmsg_say("internal-error", opal_process_info.nodename, peer,
                           segmsg_error_text(error));
    }
    if (module->error_cb != NULL) {
        module->error_cb(endpoint == NULL ? &module->super : endpoint->btl,
                         MCA_BTL_ERROR_FLAGS_FATAL, endpoint == NULL ? NULL : endpoint->proc,
                         (char *) segmsg_error_text(error));
    }
    /* There is nobody to tell, or the callback returned: messages were lost, so do not go on. */
    abort();
}

static void print_sender(const mca_btl_segmsg_endpoint_t *endpoint)
{
    const segmsg_sender_t *sender = &endpoint->sender;
    opal_output(0,
                "segmsg %s to %s: single copy %d, group 0 at %u of %u, %" PRIu64 " taken, "
                "room up to %" PRIu64 ", %" PRIu64 " times full, pending %d, jobs %d",
                OPAL_NAME_PRINT(OPAL_PROC_MY_NAME), OPAL_NAME_PRINT(endpoint->proc->proc_name),
                endpoint->copy.copiers != 0, sender->ring.at, sender->ring.count, sender->ring.head,
                sender->ring.limit, sender->full,
                (int) opal_list_get_size((opal_list_t *) &endpoint->queue.pending),
                (int) opal_list_get_size((opal_list_t *) &endpoint->queue.jobs));
    for (uint32_t g = 0; g < sender->geometry.group_count; ++g) {
        opal_output(0,
                    "segmsg   group %u (%u B x %u): %" PRIu64 " messages, %" PRIu64
                    " partitions, occupancy %016" PRIx64,
                    g, sender->geometry.group[g].partition_size,
                    sender->geometry.group[g].partition_count, sender->messages[g],
                    sender->partitions[g], sender->run[g] == NULL ? 0 : sender->run[g]->slab.taken);
    }
}

void mca_btl_segmsg_dump(mca_btl_base_module_t *btl, mca_btl_base_endpoint_t *endpoint, int verbose)
{
    mca_btl_segmsg_module_t *module = (mca_btl_segmsg_module_t *) btl;
    (void) verbose;
    mca_btl_segmsg_endpoint_t *each;
    OPAL_LIST_FOREACH (each, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
        if ((endpoint == NULL || endpoint == each) && !each->is_self) {
            print_sender(each);
        }
    }
    for (uint32_t r = 0; r < module->receiver.reader_count; ++r) {
        const segmsg_reader_t *reader = module->receiver.reader[r];
        opal_output(0,
                    "segmsg %s from %u.%u: group 0 at %u of %u, %" PRIu64
                    " consumed, next header %016" PRIx64,
                    OPAL_NAME_PRINT(OPAL_PROC_MY_NAME), (unsigned) (reader->sender.name >> 32),
                    (unsigned) reader->sender.name, reader->ring.at, reader->ring.count,
                    reader->ring.position, segmsg_ring_look(&reader->ring));
    }
}

void mca_btl_segmsg_report(void)
{
    const mca_btl_segmsg_module_t *module = &mca_btl_segmsg;
    mca_btl_segmsg_endpoint_t *endpoint;
    char line[1024];
    int at = 0;
    for (uint32_t g = 0; g < module->config.node_groups.geometry.group_count; ++g) {
        uint64_t sent = module->counts.past_messages[g];
        OPAL_LIST_FOREACH (endpoint, &module->peers.endpoints, mca_btl_segmsg_endpoint_t) {
            sent += endpoint->sender.messages[g];
        }
        at += snprintf(line + at, sizeof(line) - (size_t) at, "%s%" PRIu64 "/%" PRIu64,
                       g == 0 ? "" : ", ", sent, segmsg_receiver_messages(&module->receiver, g));
    }
    opal_output(0,
                "segmsg %s: sent/received by group: %s; fragments delivered %" PRIu64
                ", bytes %" PRIu64 "; to itself %" PRIu64,
                OPAL_NAME_PRINT(OPAL_PROC_MY_NAME), line, module->counts.delivered_fragments,
                module->counts.delivered_bytes, module->counts.self_messages);
    mca_btl_segmsg_net_report();
}
