/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * parameters: ranks whose segmsg has parameters of its own, good ones and bad ones, exchange data with all
 * others, and it is right. Each says whether segmsg carried something of it.
 *
 *   parameters FILE     each line of FILE: rank, name, value, with a tab between; the rank puts it into its
 *                       environment before MPI_Init
 *   parameters --cvars  tries to write each of segmsg's MPI_T control variables, before and after MPI_Init
 */
#include "variables.h"

static void take_parameters(const char *path)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    FILE *file = fopen(path, "r");
    char line[4096];

    if (NULL == file || NULL == rank) {
        fprintf(stderr, "parameters: cannot read %s, or not under mpirun\n", path);
        exit(2);
    }
    while (NULL != fgets(line, sizeof(line), file)) {
        char name[256];
        char *value;

        line[strcspn(line, "\n")] = '\0';
        value = strchr(line, '\t');
        *value++ = '\0';
        if (0 == strcmp(line, rank)) {
            char *text = strchr(value, '\t');

            *text++ = '\0';
            snprintf(name, sizeof(name), "OMPI_MCA_%s", value);
            setenv(name, text, 1);
        }
    }
    fclose(file);
}

/* Reads each control variable, and writes to it what it has: that must do no harm, whatever is returned. */
static int write_cvars(void)
{
    int number, written = 0, seen = 0;

    MPI_T_cvar_get_num(&number);
    for (int i = 0; i < number; i++) {
        char name[256], value[8192];
        int length = sizeof(name), verbosity, bind, scope, count;
        MPI_Datatype type;
        MPI_T_enum values;
        MPI_T_cvar_handle handle;

        if (MPI_SUCCESS
                != MPI_T_cvar_get_info(i, name, &length, &verbosity, &type, &values, NULL, NULL,
                                       &bind, &scope)
            || 0 != strncmp(name, "btl_segmsg_", 11)
            || MPI_SUCCESS != MPI_T_cvar_handle_alloc(i, NULL, &handle, &count)) {
            continue;
        }
        seen++;
        memset(value, 0, sizeof(value));
        if (count < (int) sizeof(value) / 8) {
            CHECK(MPI_SUCCESS == MPI_T_cvar_read(handle, value), "%s cannot be read", name);
            memset(value, MPI_CHAR == type ? 'x' : 0xff, 4);
            written += MPI_SUCCESS == MPI_T_cvar_write(handle, value);
        }
        MPI_T_cvar_handle_free(&handle);
    }
    CHECK(seen > 50, "only %d control variables", seen);
    return written;
}

static void exchange(size_t bytes)
{
    unsigned char *out = malloc(bytes + 1), *in = malloc(bytes + 1);

    for (int distance = 1; distance < check_size; distance++) {
        int to = (check_rank + distance) % check_size;
        int from = (check_rank + check_size - distance) % check_size;
        size_t wrong = 0;

        check_doing("%zu bytes to %d, from %d", bytes, to, from);
        for (size_t i = 0; i < bytes; i++) {
            out[i] =
                (unsigned char) check_mix((uint64_t) i << 20 ^ (uint64_t) check_rank << 10 ^ bytes);
            in[i] = 0;
        }
        MPI_Sendrecv(out, (int) bytes, MPI_BYTE, to, 7, in, (int) bytes, MPI_BYTE, from, 7,
                     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        for (size_t i = 0; i < bytes; i++) {
            wrong +=
                in[i]
                != (unsigned char) check_mix((uint64_t) i << 20 ^ (uint64_t) from << 10 ^ bytes);
        }
        CHECK(0 == wrong, "%zu of %zu bytes from %d are wrong", wrong, bytes, from);
    }
    free(out);
    free(in);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {0, 100, 5000, 100000};
    unsigned long long sent[MOST_GROUPS] = {0};
    bool wants_cvars = argc > 1 && 0 == strcmp(argv[1], "--cvars");
    struct variable variable;
    int level, written = 0;

    if (!wants_cvars && argc > 1) {
        take_parameters(argv[1]);
    }
    MPI_T_init_thread(MPI_THREAD_SINGLE, &level);
    if (wants_cvars) {
        written += write_cvars();
    }
    check_start(&argc, &argv, "parameters", MPI_THREAD_SINGLE);
    if (wants_cvars) {
        written += write_cvars();
        CHECK(0 == written, "%d writes were taken", written);
    }
    MPI_T_pvar_session_create(&session);
    if (variable_open(&variable, "btl_segmsg_sent_fragments")) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            exchange(sizes[i]);
        }
        MPI_T_pvar_read(session, variable.handle, sent);
        printf("parameters: rank %d %s segmsg\n", check_rank, 0 != sent[0] ? "uses" : "declines");
        fflush(stdout);
    }
    MPI_T_pvar_session_free(&session);
    return check_finish();
}
