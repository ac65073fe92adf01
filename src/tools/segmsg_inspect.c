/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * segmsg-inspect: lists the exports of running jobs with their tables, and what is on its way.
 */
#include "tools/segmsg_find.h"
#include "tools/segmsg_inspect_json.h"
#include "tools/segmsg_inspect_text.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, WATCH_MAX = 86400 };

typedef struct {
    const char *directory;
    bool with_messages;
    bool as_json;
    unsigned watch; /* seconds between two looks; 0: one look */
    char **names;   /* pids and files; name_count of them */
    int name_count;
} options_t;

/* What one look at everything came to. */
typedef struct {
    unsigned shown;
    unsigned failed;
} outcome_t;

static void show_usage(FILE *to)
{
    fprintf(to,
            "usage: segmsg-inspect [-m] [-j] [-w SECONDS] [-d DIRECTORY] [PID | FILE]...\n"
            "\n"
            "Lists the exports of segmsg, with their segment and segment-group tables, while the\n"
            "job runs: those of the processes PID, those in FILE, or all of this user's.\n"
            "\n"
            "  -m, --messages             also what is on its way in each group\n"
            "  -j, --json                 JSON, one array a line\n"
            "  -w, --watch SECONDS        again every SECONDS\n"
            "  -d, --directory DIRECTORY  where the exports are (default /dev/shm)\n"
            "  -h, --help                 this text\n");
}

static bool parse_number(const char *text, unsigned long most, unsigned long *number)
{
    char *end;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *number <= most;
}

static void show(const char *path, const options_t *options, outcome_t *outcome)
{
    segmsg_snapshot_t snapshot;
    char error[SEGMSG_SNAPSHOT_ERROR_BYTES];
    bool is_open = segmsg_snapshot_open(&snapshot, path, error);
    if (options->as_json) {
        printf("%s", outcome->shown + outcome->failed == 0 ? "" : ",");
        is_open ? segmsg_inspect_json(&snapshot, options->with_messages)
                : segmsg_inspect_json_error(path, error);
    } else if (is_open) {
        segmsg_inspect_text(&snapshot, options->with_messages);
    } else {
        fprintf(stderr, "segmsg-inspect: %s: %s\n", path, error);
    }
    if (is_open) {
        ++outcome->shown;
        segmsg_snapshot_close(&snapshot);
    } else {
        ++outcome->failed;
    }
}

/* Shows the exports in the directory: of `pid`, or of all this user's processes if it is 0. */
static void show_directory(unsigned long pid, const options_t *options, outcome_t *outcome)
{
    segmsg_found_t found;
    if (!segmsg_find_exports(&found, options->directory, pid)) {
        fprintf(stderr, "segmsg-inspect: %s: %s\n", options->directory, strerror(errno));
        ++outcome->failed;
        return;
    }
    for (unsigned f = 0; f < found.count; ++f) {
        show(found.path[f], options, outcome);
    }
    if (found.count == 0) {
        if (pid != 0) {
            fprintf(stderr, "segmsg-inspect: process %lu has no export in %s\n", pid,
                    options->directory);
        } else {
            fprintf(stderr, "segmsg-inspect: no export in %s\n", options->directory);
        }
    }
    segmsg_find_free(&found);
}

static outcome_t look(const options_t *options)
{
    outcome_t outcome = {0};
    printf("%s", options->as_json ? "[" : "");
    if (options->name_count == 0) {
        show_directory(0, options, &outcome);
    }
    for (int n = 0; n < options->name_count; ++n) {
        unsigned long pid;
        if (parse_number(options->names[n], INT_MAX, &pid) && pid != 0) {
            show_directory(pid, options, &outcome);
        } else {
            show(options->names[n], options, &outcome);
        }
    }
    printf("%s", options->as_json ? "]\n" : "");
    fflush(stdout);
    return outcome;
}

/* Returns -1 if the program shall go on, or its exit status. */
static int parse_options(int argc, char **argv, options_t *options)
{
    static const struct option names[] = {{"messages", no_argument, NULL, 'm'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"watch", required_argument, NULL, 'w'},
                                          {"directory", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "mjw:d:h", names, NULL)) != -1;) {
        unsigned long number;
        switch (option) {
        case 'm':
            options->with_messages = true;
            break;
        case 'j':
            options->as_json = true;
            break;
        case 'w':
            if (!parse_number(optarg, WATCH_MAX, &number) || number == 0) {
                fprintf(stderr,
                        "segmsg-inspect: --watch takes whole seconds, from 1 to %d, not \"%s\"\n",
                        WATCH_MAX, optarg);
                return EXIT_USAGE;
            }
            options->watch = (unsigned) number;
            break;
        case 'd':
            options->directory = optarg;
            break;
        case 'h':
            show_usage(stdout);
            return EXIT_SUCCESS;
        default:
            show_usage(stderr);
            return EXIT_USAGE;
        }
    }
    options->names = argv + optind;
    options->name_count = argc - optind;
    return -1;
}

int main(int argc, char **argv)
{
    options_t options = {.directory = "/dev/shm"};
    int status = parse_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    outcome_t outcome = look(&options);
    while (options.watch != 0 && !ferror(stdout)) {
        sleep(options.watch);
        outcome = look(&options);
    }
    return outcome.shown != 0 && outcome.failed == 0 && !ferror(stdout) ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
}
