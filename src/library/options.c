/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Options: what the program says, or else the environment, or else the defaults.
 */
#include "library/options.h"

#include "library/text.h"
#include "engine/defaults.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum { EAGER_MIN = 64 };                      /* bytes */
#define EAGER_DEFAULT  ((size_t) 8 * 1024)    /* bytes */
#define MEMORY_MIN     ((uint64_t) 64 << 10)  /* bytes */
#define MEMORY_DEFAULT ((uint64_t) 256 << 20) /* bytes, of address space */

/* `given`, or if it is 0 what the environment says, or 0. */
static segmsg_result_t bytes_of(const char *variable, size_t given, uint64_t *bytes)
{
    const char *text = getenv(variable);
    *bytes = given;
    bool is_negative = false;
    if (given == 0 && text != NULL && text[0] != '\0'
        && (!segmsg_number_parse(text, 10, &is_negative, bytes) || is_negative || *bytes == 0)) {
        segmsg_lib_explain("%s=\"%s\" is no number of bytes (digits, then perhaps K, M or G)",
                           variable, text);
        return SEGMSG_E_OPTIONS;
    }
    return SEGMSG_SUCCESS;
}

static segmsg_result_t read_groups(const char *given, segmsg_lib_config_t *config)
{
    const char *text = given != NULL ? given : getenv("SEGMSG_GROUPS");
    config->groups_are_given = text != NULL && text[0] != '\0';
    if (!config->groups_are_given) {
        text = segmsg_default_groups(false);
    }
    uint32_t bad_group = 0;
    segmsg_error_t error = segmsg_geometry_parse(text, &config->geometry, &bad_group);
    if (error == SEGMSG_OK) {
        return SEGMSG_SUCCESS;
    }
    segmsg_lib_explain(
        "%s \"%s\" cannot be used: group %u: %s. Write SIZE:COUNT:SPAN,... by rising "
        "partition size, or nothing",
        given != NULL ? "The segment groups" : "The segment groups of SEGMSG_GROUPS", text,
        (unsigned) bad_group, segmsg_error_text(error));
    return SEGMSG_E_OPTIONS;
}

static segmsg_result_t read_eager_limit(size_t given, segmsg_lib_config_t *config)
{
    uint64_t limit;
    size_t most = segmsg_geometry_capacity(&config->geometry) - SEGMSG_LIB_EAGER_BYTES;
    segmsg_result_t result = bytes_of("SEGMSG_EAGER_LIMIT", given, &limit);
    if (result == SEGMSG_SUCCESS && limit != 0 && (limit < EAGER_MIN || limit > most)) {
        segmsg_lib_explain(
            "%s%llu: an eager limit is %u to %zu bytes, which is what the largest segment "
            "group carries in a message",
            given != 0 ? "options->eager_limit is " : "SEGMSG_EAGER_LIMIT is ",
            (unsigned long long) limit, (unsigned) EAGER_MIN, most);
        result = SEGMSG_E_OPTIONS;
    }
    config->eager_limit = limit != 0 ? (size_t) limit : EAGER_DEFAULT < most ? EAGER_DEFAULT : most;
    return result;
}

static segmsg_result_t read_memory(size_t given, segmsg_lib_config_t *config)
{
    segmsg_result_t result = bytes_of("SEGMSG_MEMORY", given, &config->memory);
    if (result == SEGMSG_SUCCESS && config->memory != 0 && config->memory < MEMORY_MIN) {
        segmsg_lib_explain("%s%llu bytes of shared memory, which are too few: %llu at least",
                           given != 0 ? "options->memory is " : "SEGMSG_MEMORY is ",
                           (unsigned long long) config->memory, (unsigned long long) MEMORY_MIN);
        result = SEGMSG_E_OPTIONS;
    }
    config->memory = config->memory != 0 ? config->memory : MEMORY_DEFAULT;
    return result;
}

static segmsg_result_t read_single_copy(segmsg_single_copy_t given, segmsg_lib_config_t *config)
{
    const char *text = getenv("SEGMSG_SINGLE_COPY");
    bool is_given = given == SEGMSG_SINGLE_COPY_AUTO || given == SEGMSG_SINGLE_COPY_NONE;
    config->single_copy = given != SEGMSG_SINGLE_COPY_NONE;
    if (!is_given && given != SEGMSG_SINGLE_COPY_DEFAULT) {
        segmsg_lib_explain("%d is no choice for the single copy", (int) given);
        return SEGMSG_E_OPTIONS;
    }
    if (is_given || text == NULL || text[0] == '\0' || strcmp(text, "auto") == 0) {
        return SEGMSG_SUCCESS;
    }
    config->single_copy = false;
    if (strcmp(text, "none") != 0) {
        segmsg_lib_explain("SEGMSG_SINGLE_COPY=\"%s\" is neither \"auto\" nor \"none\"", text);
        return SEGMSG_E_OPTIONS;
    }
    return SEGMSG_SUCCESS;
}

static segmsg_result_t read_wait(segmsg_how_to_wait_t given, segmsg_lib_config_t *config)
{
    static const char *const words[] = {[SEGMSG_WAIT_AUTO] = "auto",
                                        [SEGMSG_WAIT_SPIN] = "spin",
                                        [SEGMSG_WAIT_YIELD] = "yield",
                                        [SEGMSG_WAIT_BLOCK] = "block"};
    if ((unsigned) given > SEGMSG_WAIT_BLOCK) {
        segmsg_lib_explain("options->wait is %d: that is no way to wait", (int) given);
        return SEGMSG_E_OPTIONS;
    }
    const char *text = getenv("SEGMSG_WAIT");
    config->wait = given != SEGMSG_WAIT_DEFAULT ? given : SEGMSG_WAIT_AUTO;
    if (given != SEGMSG_WAIT_DEFAULT || text == NULL || text[0] == '\0') {
        return SEGMSG_SUCCESS;
    }
    for (int how = SEGMSG_WAIT_AUTO; how <= SEGMSG_WAIT_BLOCK; ++how) {
        if (strcmp(text, words[how]) == 0) {
            config->wait = (segmsg_how_to_wait_t) how;
            return SEGMSG_SUCCESS;
        }
    }
    segmsg_lib_explain("SEGMSG_WAIT=\"%s\" is none of \"auto\", \"spin\", \"yield\" and \"block\"",
                       text);
    return SEGMSG_E_OPTIONS;
}

segmsg_result_t segmsg_lib_configure(const segmsg_options_t *options, segmsg_lib_config_t *config)
{
    segmsg_options_t given = {0};
    if (options != NULL) {
        /* A program that was built for another version knows fewer options, or more. */
        if (options->size < sizeof(options->size)) {
            segmsg_lib_explain("options->size is %zu: set it to sizeof(segmsg_options_t)",
                               options->size);
            return SEGMSG_E_ARGUMENT;
        }
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
    }
    *config = (segmsg_lib_config_t){0};
    segmsg_result_t result = read_groups(given.groups, config);
    if (result == SEGMSG_SUCCESS) {
        result = read_eager_limit(given.eager_limit, config);
    }
    if (result == SEGMSG_SUCCESS) {
        result = read_memory(given.memory, config);
    }
    if (result == SEGMSG_SUCCESS) {
        result = read_single_copy(given.single_copy, config);
    }
    return result == SEGMSG_SUCCESS ? read_wait(given.wait, config) : result;
}
