/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Open MPI reads numbers generously: "abc" and "" are 0, "1e3" is 1, and where a value does not fit, the
 * default stays. So it is the text that the user wrote which is checked here.
 */
#include "btl/btl_segmsg_variables.h"
#include "btl/btl_segmsg_report.h"

#include "base/number.h"
#include "opal/mca/base/mca_base_vari.h"

enum { PERMITTED_BYTES = 512 };

static const mca_base_var_t *find(const char *name)
{
    const mca_base_var_t *var = NULL;
    int index = mca_base_var_find("opal", "btl", "segmsg", name);
    return index >= 0 && mca_base_var_get(index, &var) == OPAL_SUCCESS ? var : NULL;
}

bool mca_btl_segmsg_variable_is_default(const char *name)
{
    const mca_base_var_t *var = find(name);
    return var != NULL && var->mbv_source == MCA_BASE_VAR_SOURCE_DEFAULT;
}

/* ---- what is permitted, in words ---- */

static void describe_range(const mca_btl_segmsg_range_t *range, char text[PERMITTED_BYTES])
{
    (void) snprintf(text, PERMITTED_BYTES, "%s%s%" PRIu64 " to %" PRIu64,
                    range->or_zero        ? "0, or "
                    : range->or_minus_one ? "-1, or "
                                          : "",
                    range->power_of_two ? "a power of two, " : "", range->low, range->high);
}

static void describe_words(const char *const *words, char text[PERMITTED_BYTES])
{
    size_t at = 0;
    text[0] = '\0';
    for (const char *const *word = words; *word != NULL && at < PERMITTED_BYTES; ++word) {
        at += (size_t) snprintf(text + at, PERMITTED_BYTES - at, "%s%s", word == words ? "" : ", ",
                                *word);
    }
}

static void describe_values(mca_base_var_enum_t *enumerator, char text[PERMITTED_BYTES])
{
    int count = 0;
    size_t at = 0;
    text[0] = '\0';
    (void) enumerator->get_count(enumerator, &count);
    for (int i = 0; i < count && at < PERMITTED_BYTES; ++i) {
        int value;
        const char *word = NULL;
        if (enumerator->get_value(enumerator, i, &value, &word) == OPAL_SUCCESS) {
            at += (size_t) snprintf(text + at, PERMITTED_BYTES - at, "%s%s", at == 0 ? "" : ", ",
                                    word);
        }
    }
}

static bool has_range(const mca_btl_segmsg_variable_t *variable)
{
    return variable->range.high != 0;
}

/* What stands in ompi_info and in messages; `var` is NULL before the variable is registered. */
static void describe(const mca_btl_segmsg_variable_t *variable, const mca_base_var_t *var,
                     char text[PERMITTED_BYTES])
{
    text[0] = '\0';
    if (var != NULL && var->mbv_enumerator != NULL) {
        describe_values(var->mbv_enumerator, text);
    } else if (variable->words != NULL) {
        describe_words(variable->words, text);
    } else if (has_range(variable)) {
        describe_range(&variable->range, text);
    }
}

/* ---- registering ---- */

static int register_as(const mca_btl_segmsg_variable_t *variable, mca_base_var_type_t type,
                       mca_base_var_enum_t *enumerator)
{
    char permitted[PERMITTED_BYTES];
    char help[2 * PERMITTED_BYTES];
    describe(variable, NULL, permitted);
    (void) snprintf(help, sizeof(help), permitted[0] == '\0' ? "%s" : "%s (%s)", variable->help,
                    permitted);
    return mca_base_component_var_register(&mca_btl_segmsg_component.btl_version, variable->name,
                                           help, type, enumerator, 0, 0, variable->level,
                                           MCA_BASE_VAR_SCOPE_READONLY, variable->storage);
}

/* Open MPI makes NULL of an empty text. */
static int register_text(const mca_btl_segmsg_variable_t *variable)
{
    char **text = variable->storage;
    *text = (char *) variable->initial.text; /* only read: Open MPI takes a copy */
    (void) register_as(variable, MCA_BASE_VAR_TYPE_STRING, NULL);
    if (*text == NULL) {
        *text = strdup(""); /* Open MPI frees it */
    }
    return *text == NULL ? OPAL_ERR_OUT_OF_RESOURCE : OPAL_SUCCESS;
}

static int register_choice(const mca_btl_segmsg_variable_t *variable)
{
    mca_base_var_enum_t *enumerator;
    *(int *) variable->storage = variable->initial.integer;
    int rc = mca_base_var_enum_create(variable->name, variable->values, &enumerator);
    if (rc == OPAL_SUCCESS) {
        (void) register_as(variable, MCA_BASE_VAR_TYPE_INT, enumerator);
        OBJ_RELEASE(enumerator);
    }
    return rc;
}

int mca_btl_segmsg_variable_register(const mca_btl_segmsg_variable_t *variable)
{
    /* Open MPI's verdict on what the user gave does not count: it is looked at later. */
    switch (variable->type) {
    case MCA_BTL_SEGMSG_UNSIGNED:
        *(unsigned *) variable->storage = variable->initial.number;
        (void) register_as(variable, MCA_BASE_VAR_TYPE_UNSIGNED_INT, NULL);
        break;
    case MCA_BTL_SEGMSG_INT:
        *(int *) variable->storage = variable->initial.integer;
        (void) register_as(variable, MCA_BASE_VAR_TYPE_INT, NULL);
        break;
    case MCA_BTL_SEGMSG_BOOL:
        *(bool *) variable->storage = variable->initial.flag;
        (void) register_as(variable, MCA_BASE_VAR_TYPE_BOOL, NULL);
        break;
    case MCA_BTL_SEGMSG_CHOICE:
        return register_choice(variable);
    case MCA_BTL_SEGMSG_WORD:
    case MCA_BTL_SEGMSG_TEXT:
        return register_text(variable);
    case MCA_BTL_SEGMSG_COMMON:
        break;
    }
    return OPAL_SUCCESS;
}

/* ---- what the user gave ---- */

/* As Open MPI does, the longer name is looked for first. */
static const char *environment_text(const mca_base_var_t *var)
{
    const char *const names[] = {var->mbv_long_name, var->mbv_full_name};
    const char *text = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && text == NULL; ++i) {
        char *variable = NULL;
        if (names[i] != NULL && mca_base_var_env_name(names[i], &variable) == OPAL_SUCCESS) {
            text = getenv(variable);
            free(variable);
        }
    }
    return text;
}

/* The value as the user wrote it; NULL: there is none. Files of parameters say "NAME =" for an empty one. */
static const char *written(const mca_base_var_t *var)
{
    if (var->mbv_source == MCA_BASE_VAR_SOURCE_DEFAULT) {
        return NULL;
    }
    const mca_base_var_file_value_t *line = var->mbv_file_value;
    if (line != NULL) {
        return line->mbvfv_value == NULL ? "" : line->mbvfv_value;
    }
    return environment_text(var);
}

static void describe_source(const mca_base_var_t *var, char *text, size_t bytes)
{
    const mca_base_var_file_value_t *line = var->mbv_file_value;
    if (line != NULL) {
        (void) snprintf(text, bytes, "%s, line %d", line->mbvfv_file, line->mbvfv_lineno);
    } else if (var->mbv_source_file != NULL) {
        (void) snprintf(text, bytes, "%s", var->mbv_source_file);
    } else {
        (void) snprintf(text, bytes, "the command line or the environment");
    }
}

bool mca_btl_segmsg_variable_refuse(const char *name, const char *permitted)
{
    const mca_base_var_t *var = find(name);
    const char *text = var == NULL ? NULL : written(var);
    char source[OPAL_PATH_MAX + 32] = "its default";
    if (text != NULL) {
        describe_source(var, source, sizeof(source));
    }
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("bad-value", opal_process_info.nodename, name,
                                   text == NULL ? "" : text, source, permitted);
    return false;
}

/* ---- checking ---- */

static bool number_is_permitted(const mca_btl_segmsg_range_t *range, const char *text)
{
    bool is_negative;
    uint64_t number;
    if (!segmsg_number_parse(text, 0, &is_negative, &number)) {
        return false;
    }
    if (is_negative) {
        return range->or_minus_one && number == 1;
    }
    return (range->or_zero && number == 0)
           || (number >= range->low && number <= range->high
               && (!range->power_of_two || (number & (number - 1)) == 0));
}

static bool word_is_permitted(const char *const *words, const char *text)
{
    while (*words != NULL && strcmp(text, *words) != 0) {
        ++words;
    }
    return *words != NULL;
}

/* Open MPI takes nothing for 0, reduces numbers to an int, and any number but 0 for true. */
static bool value_is_permitted(mca_base_var_enum_t *enumerator, const char *text, bool is_bool)
{
    int value;
    bool is_negative;
    uint64_t number;
    if (text[strspn(text, " \t\n\v\f\r")] == '\0'
        || enumerator->value_from_string(enumerator, text, &value) != OPAL_SUCCESS) {
        return false;
    }
    return !segmsg_number_parse(text, 0, &is_negative, &number)
           || (!is_negative && number == (uint64_t) value && (!is_bool || number <= 1));
}

static bool is_permitted(const mca_btl_segmsg_variable_t *variable, const mca_base_var_t *var,
                         const char *text)
{
    if (var->mbv_enumerator != NULL) {
        return value_is_permitted(var->mbv_enumerator, text,
                                  var->mbv_type == MCA_BASE_VAR_TYPE_BOOL);
    }
    if (variable->words != NULL) {
        return word_is_permitted(variable->words, text);
    }
    return !has_range(variable) || number_is_permitted(&variable->range, text);
}

bool mca_btl_segmsg_variable_check(const mca_btl_segmsg_variable_t *variable)
{
    const mca_base_var_t *var = find(variable->name);
    const char *text = var == NULL ? NULL : written(var);
    if (text == NULL || is_permitted(variable, var, text)) {
        return true;
    }
    char permitted[PERMITTED_BYTES];
    describe(variable, var, permitted);
    return mca_btl_segmsg_variable_refuse(variable->name, permitted);
}
