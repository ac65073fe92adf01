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

enum { PERMITTED_BYTES = 512, WORDS_MAX = 7 };

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

/* Both names: ompi_info lists the old one as a synonym. What the user gave is looked at later. */
static void register_as(const mca_btl_segmsg_variable_t *variable, mca_base_var_type_t type,
                        mca_base_var_enum_t *enumerator)
{
    char permitted[PERMITTED_BYTES];
    char help[2 * PERMITTED_BYTES];
    describe(variable, NULL, permitted);
    (void) snprintf(help, sizeof(help),
                    permitted[0] == '\0' || enumerator != NULL ? "%s" : "%s (%s)", variable->help,
                    permitted);
    int index =
        mca_base_component_var_register(&mca_btl_segmsg_component.btl_version, variable->name, help,
                                        type, enumerator, 0, 0, variable->level,
                                        MCA_BASE_VAR_SCOPE_READONLY, variable->storage);
    if (variable->old_name != NULL) {
        (void) mca_base_var_register_synonym(index, "opal", "btl", "segmsg", variable->old_name,
                                             MCA_BASE_VAR_SYN_FLAG_INTERNAL);
    }
}

static int make_enumerator(const mca_btl_segmsg_variable_t *variable,
                           mca_base_var_enum_t **enumerator)
{
    mca_base_var_enum_value_t values[WORDS_MAX + 1] = {{0}};
    for (int i = 0; i < WORDS_MAX && variable->words[i] != NULL; ++i) {
        values[i] = (mca_base_var_enum_value_t){.value = i, .string = variable->words[i]};
    }
    return mca_base_var_enum_create(variable->name, values, enumerator);
}

bool mca_btl_segmsg_variable_register(const mca_btl_segmsg_variable_t *variable)
{
    static const struct {
        mca_base_var_type_t type;
        size_t bytes;
    } types[] = {[MCA_BTL_SEGMSG_UNSIGNED] = {MCA_BASE_VAR_TYPE_UNSIGNED_INT, sizeof(unsigned)},
                 [MCA_BTL_SEGMSG_INT] = {MCA_BASE_VAR_TYPE_INT, sizeof(int)},
                 [MCA_BTL_SEGMSG_BOOL] = {MCA_BASE_VAR_TYPE_BOOL, sizeof(bool)},
                 [MCA_BTL_SEGMSG_CHOICE] = {MCA_BASE_VAR_TYPE_INT, sizeof(int)},
                 [MCA_BTL_SEGMSG_TEXT] = {MCA_BASE_VAR_TYPE_STRING, sizeof(char *)}};
    char **text = variable->type == MCA_BTL_SEGMSG_TEXT ? variable->storage : NULL;
    mca_base_var_enum_t *enumerator = NULL;
    if (variable->type == MCA_BTL_SEGMSG_COMMON) {
        return true;
    }
    if (variable->type == MCA_BTL_SEGMSG_CHOICE
        && make_enumerator(variable, &enumerator) != OPAL_SUCCESS) {
        return false;
    }
    memcpy(variable->storage, &variable->initial, types[variable->type].bytes);
    register_as(variable, types[variable->type].type, enumerator);
    if (enumerator != NULL) {
        OBJ_RELEASE(enumerator);
    }
    if (text != NULL && *text == NULL) {
        *text = strdup(""); /* Open MPI makes NULL of an empty text; it frees this one */
    }
    return text == NULL || *text != NULL;
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

/* What the user gave. */
typedef struct {
    const char *text;                      /* as it was written; NULL: nothing */
    const char *name;                      /* that was used for it, behind btl_segmsg_ */
    const mca_base_var_file_value_t *line; /* of a file of parameters; NULL: no such has it */
} written_t;

/* The names of a variable by rising index, and NULL behind the last: older names come first, since Open MPI takes
 * their value where one is given under several. */
static const mca_base_var_t *name_at(const mca_base_var_t *var, size_t index)
{
    const mca_base_var_t *synonym = NULL;
    const int *synonyms = (const int *) var->mbv_synonyms.array_items;
    if (index >= var->mbv_synonyms.array_size) {
        return index == var->mbv_synonyms.array_size ? var : NULL;
    }
    return mca_base_var_get(synonyms[index], &synonym) == OPAL_SUCCESS ? synonym : NULL;
}

/* Files of parameters say "NAME =" for an empty value. */
static written_t written_as(const mca_base_var_t *name, const mca_base_var_file_value_t *line)
{
    if (line == NULL
        || (strcmp(line->mbvfv_var, name->mbv_full_name) != 0
            && strcmp(line->mbvfv_var, name->mbv_long_name) != 0)) {
        return (written_t){environment_text(name), name->mbv_variable_name, NULL};
    }
    return (written_t){line->mbvfv_value == NULL ? "" : line->mbvfv_value, name->mbv_variable_name,
                       line};
}

static written_t written(const mca_base_var_t *var)
{
    written_t given = {0};
    const mca_base_var_t *name;
    if (var != NULL && var->mbv_source != MCA_BASE_VAR_SOURCE_DEFAULT) {
        for (size_t i = 0; given.text == NULL && (name = name_at(var, i)) != NULL; ++i) {
            given = written_as(name, var->mbv_file_value);
        }
    }
    return given;
}

static void describe_source(const mca_base_var_t *var, const written_t *given, char *text,
                            size_t bytes)
{
    if (given->text == NULL) {
        (void) snprintf(text, bytes, "its default");
    } else if (given->line != NULL) {
        (void) snprintf(text, bytes, "%s, line %d", given->line->mbvfv_file,
                        given->line->mbvfv_lineno);
    } else if (var->mbv_source_file != NULL) {
        (void) snprintf(text, bytes, "%s", var->mbv_source_file);
    } else {
        (void) snprintf(text, bytes, "the command line or the environment");
    }
}

bool mca_btl_segmsg_variable_refuse(const char *name, const char *permitted)
{
    const mca_base_var_t *var = find(name);
    written_t given = written(var);
    char source[OPAL_PATH_MAX + 32];
    describe_source(var, &given, source, sizeof(source));
    MCA_BTL_SEGMSG_SAY_ONCE_A_NODE("bad-value", opal_process_info.nodename,
                                   given.text == NULL ? name : given.name,
                                   given.text == NULL ? "" : given.text, source, permitted);
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
    written_t given = written(var);
    if (given.text == NULL || is_permitted(variable, var, given.text)) {
        return true;
    }
    char permitted[PERMITTED_BYTES];
    describe(variable, var, permitted);
    return mca_btl_segmsg_variable_refuse(variable->name, permitted);
}
