/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * segmsg-inspect on exports in files: right ones, with known traffic in them, and any others. The
 * program is compiled in here, so that the sanitizers see it too; every run is a child process.
 */
#define main segmsg_inspect_main
#include "tools/segmsg_inspect.c"
#undef main
#include "tools/segmsg_inspect_json.c"
#include "tools/segmsg_inspect_text.c"
#include "tools/segmsg_snapshot.c"

#include "core/segmsg_receiver.h"
#include "core/segmsg_sender.h"
#include "memory.h"
#include "unit.h"

#include <sys/wait.h>

enum { OUTPUT_BYTES = 1 << 20 };

static char directory[] = "/tmp/segmsg-inspect-XXXXXX";
static char output[OUTPUT_BYTES];

/* Runs the program with the arguments, both its outputs into `output`. Returns its exit status, or
 * 128 if it crashed. */
static int inspect(const char *const *arguments)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char *argv[8] = {(char *) "segmsg-inspect"};
        int argc = 1;
        for (; arguments[argc - 1] != NULL; ++argc) {
            argv[argc] = (char *) arguments[argc - 1];
        }
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        int status = segmsg_inspect_main(argc, argv);
        fflush(NULL);
        _exit(status);
    }
    close(ends[1]);
    size_t length = 0;
    char rest[4096];
    for (ssize_t got; (got = read(ends[0], rest, sizeof(rest))) > 0;) {
        size_t room = sizeof(output) - 1 - length;
        size_t part = (size_t) got < room ? (size_t) got : room;
        memcpy(output + length, rest, part);
        length += part;
    }
    output[length] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    /* A sanitizer's report ends with an exit status like any other. */
    if (!WIFEXITED(status) || strstr(output, "Sanitizer") != NULL
        || strstr(output, "runtime error") != NULL) {
        unit_fail(__FILE__, __LINE__, "crashed:\n%.300s", output);
        return 128;
    }
    return WEXITSTATUS(status);
}

#define INSPECT(...) inspect((const char *const[]){__VA_ARGS__, NULL})

static bool says(const char *text)
{
    return strstr(output, text) != NULL;
}

#define CHECK_SAYS(text) \
    (says(text)          \
         ? (void) 0      \
         : unit_fail(__FILE__, __LINE__, "\"%s\" is not in the output:\n%.2000s", text, output))

/* Writes what is committed of an export to a sparse file. */
static void save(const memory_t *memory, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    UNIT_REQUIRE(fd >= 0);
    for (size_t page = 0; page < memory->pages; ++page) {
        if (memory->is_committed[page]) {
            UNIT_CHECK(pwrite(fd, memory->export.base + page * SEGMSG_PAGE, SEGMSG_PAGE,
                              (off_t) (page * SEGMSG_PAGE))
                       == SEGMSG_PAGE);
        }
    }
    UNIT_CHECK(ftruncate(fd, (off_t) memory->export.bytes) == 0);
    close(fd);
}

static void send_message(segmsg_sender_t *sender, size_t length, uint8_t tag)
{
    segmsg_place_t place;
    UNIT_REQUIRE(segmsg_sender_take(sender, length, &place) == SEGMSG_OK);
    memory_fill(place.data, length, tag);
    UNIT_CHECK(segmsg_sender_publish(sender, &place, tag, (uint32_t) length));
}

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image[2];
    segmsg_sender_t sender[2];
} job_t;

/* Rank 1 has sent three messages, of which the first was delivered; rank 2 has said goodbye. */
static void open_job(job_t *job)
{
    memory_open_export(&job->memory, "64:64:20,128:8:8,4K:8:8", 16, 32, 4);
    UNIT_CHECK(segmsg_receiver_init(&job->receiver, &job->memory.export));
    for (uint32_t s = 0; s < 2; ++s) {
        job->image[s] = memory_image(&job->memory);
        segmsg_identity_t self = memory_sender(s + 1);
        segmsg_sender_init(&job->sender[s], &job->image[s], &self, UINT32_MAX);
    }
    send_message(&job->sender[0], 100, 11);
    UNIT_EQUAL(segmsg_receiver_find_groups(&job->receiver), SEGMSG_OK);
    segmsg_message_t message;
    UNIT_REQUIRE(segmsg_reader_poll(&job->receiver, job->receiver.reader[0], &message)
                 == SEGMSG_POLL_MESSAGE);
    segmsg_message_return(&job->receiver, job->receiver.reader[0], &message);
    send_message(&job->sender[0], 77, 12);
    send_message(&job->sender[0], 10000, 13);
    UNIT_CHECK(segmsg_sender_close(&job->sender[1]));
    send_message(&job->sender[1], 5, 14);
    UNIT_CHECK(segmsg_sender_close(&job->sender[1]));
    uint32_t registered;
    UNIT_EQUAL(segmsg_segment_register(&job->memory.export, 1, 8, &registered), SEGMSG_OK);
}

static void close_job(job_t *job)
{
    segmsg_receiver_destroy(&job->receiver);
    memory_close(&job->memory);
}

static void make_path(char path[PATH_MAX], const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", directory, name);
}

static void tables_and_messages_are_listed(void)
{
    job_t job;
    open_job(&job);
    char path[PATH_MAX], name[64];
    snprintf(name, sizeof(name), "segmsg-%u-4711-0badcafe", (unsigned) geteuid());
    make_path(path, name);
    save(&job.memory, path);

    UNIT_EQUAL(INSPECT("-d", directory), 0);
    CHECK_SAYS(path);
    CHECK_SAYS("owner     1.7, pid 4711");
    CHECK_SAYS("64:64:20 128:8:8 4096:8:8, first ring 16");
    CHECK_SAYS("segments  4 of 32");
    CHECK_SAYS("    0  paired         0        64     16      7      0");
    CHECK_SAYS("    3  registered     1       128      8      8      -");
    CHECK_SAYS("1.1 -> 1.7  segment 0, 16 partitions of 64 bytes: 1 messages, 100 bytes, 2 part");
    CHECK_SAYS("1.2 -> 1.7  segment 2");
    UNIT_CHECK(!says("tag"));

    UNIT_EQUAL(INSPECT("-m", path), 0);
    UNIT_CHECK(!says("tag  11")); /* delivered */
    CHECK_SAYS("line     2  message  tag  12        77 bytes in 2 partitions");
    CHECK_SAYS("line     4  run      tag  13     10000 bytes in segment 1, partitions 0 to 2");
    CHECK_SAYS("[###.....]");
    CHECK_SAYS("partitions 0 to 2\n");
    CHECK_SAYS("close");
    CHECK_SAYS("3 of 16 partitions in use");

    UNIT_EQUAL(INSPECT("-d", directory, "4711"), 0);
    CHECK_SAYS(path);
    UNIT_EQUAL(INSPECT("-d", directory, "4712"), 1);
    CHECK_SAYS("process 4712 has no export in");
    unlink(path);
    UNIT_EQUAL(INSPECT("-d", directory), 1);
    CHECK_SAYS("no export in");
    close_job(&job);
}

static void json_says_the_same(void)
{
    job_t job;
    open_job(&job);
    char path[PATH_MAX];
    make_path(path, "a \"quoted\"\\\x01 name");
    save(&job.memory, path);
    UNIT_EQUAL(INSPECT("--json", "-m", path, "/nonexistent"), 1);
    CHECK_SAYS("/a \\\"quoted\\\"\\\\\\u0001 name\"");
    CHECK_SAYS("\"owner\":{\"job\":1,\"rank\":7,\"pid\":4711}");
    CHECK_SAYS("{\"partition_size\":64,\"partition_count\":64,\"span_factor\":20}");
    CHECK_SAYS("{\"first\":2,\"partitions\":2,\"kind\":\"message\",\"tag\":12,\"length\":77}");
    CHECK_SAYS("\"kind\":\"run\",\"tag\":13,\"length\":10000,\"run_segment\":1,\"run_first\":0,"
               "\"run_partitions\":3}");
    CHECK_SAYS("\"partitions_used\":3,\"torn\":false,\"in_flight\":[{\"first\":0,"
               "\"partitions\":3}]");
    CHECK_SAYS("{\"file\":\"/nonexistent\",\"error\":\"No such file or directory\"}]\n");
    /* Every bracket that opens closes: enough to see that it is put together right. */
    int depth = 0;
    for (const char *c = output; *c != '\0'; ++c) {
        depth += *c == '{' || *c == '[';
        depth -= *c == '}' || *c == ']';
        UNIT_CHECK(depth >= 0);
    }
    UNIT_EQUAL(depth, 0);
    UNIT_CHECK(!says(",}") && !says(",]") && !says("{,") && !says("[,"));
    unlink(path);
    close_job(&job);
}

static void looking_commits_nothing(void)
{
    job_t job;
    open_job(&job);
    char path[PATH_MAX];
    make_path(path, "sparse");
    save(&job.memory, path);
    struct stat before, after;
    UNIT_CHECK(stat(path, &before) == 0);
    UNIT_EQUAL(INSPECT("-m", path), 0);
    UNIT_CHECK(stat(path, &after) == 0);
    UNIT_EQUAL(after.st_size, before.st_size);
    UNIT_EQUAL(after.st_blocks, before.st_blocks);
    UNIT_CHECK((size_t) before.st_blocks * 512 < job.memory.export.bytes);
    unlink(path);
    close_job(&job);
}

static void other_files_are_told_from_exports(void)
{
    char path[PATH_MAX];
    make_path(path, "other");
    UNIT_EQUAL(INSPECT(path), 1);
    CHECK_SAYS("No such file or directory");
    UNIT_EQUAL(INSPECT(directory), 1);
    CHECK_SAYS("not a regular file");
    UNIT_EQUAL(INSPECT("/dev/zero"), 1);
    CHECK_SAYS("not a regular file");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    UNIT_REQUIRE(fd >= 0);
    UNIT_EQUAL(INSPECT(path), 1);
    CHECK_SAYS("only 0 bytes");
    UNIT_CHECK(ftruncate(fd, 1 << 20) == 0);
    UNIT_EQUAL(INSPECT(path), 1);
    CHECK_SAYS("not laid out, or not yet");
    UNIT_CHECK(pwrite(fd, "something else", 14, SEGMSG_HEAD_OFFSET) == 14);
    UNIT_EQUAL(INSPECT(path), 1);
    CHECK_SAYS("no export of segmsg");
    close(fd);
    unlink(path);
    UNIT_EQUAL(INSPECT("-d", "/nonexistent"), 1);
    CHECK_SAYS("/nonexistent: No such file");
    UNIT_EQUAL(INSPECT("-w", "0"), 2);
    CHECK_SAYS("whole seconds");
    UNIT_EQUAL(INSPECT("-w", "soon"), 2);
    UNIT_EQUAL(INSPECT("--bogus"), 2);
    CHECK_SAYS("usage:");
    UNIT_EQUAL(INSPECT("--help"), 0);
}

static void a_file_cut_short_is_an_error_and_no_more(void)
{
    job_t job;
    open_job(&job);
    char path[PATH_MAX];
    make_path(path, "short");
    for (size_t bytes = 0; bytes < job.memory.export.bytes; bytes += bytes / 3 + 1000) {
        save(&job.memory, path);
        UNIT_CHECK(truncate(path, (off_t) bytes) == 0);
        UNIT_EQUAL(INSPECT("-m", path), 1);
        /* And where the head agrees: what lies behind the end is said to be missing. */
        save(&job.memory, path);
        segmsg_head_t *head = segmsg_export_head(&job.memory.export);
        uint64_t whole = head->export_bytes;
        head->export_bytes = bytes;
        save(&job.memory, path);
        head->export_bytes = whole;
        UNIT_CHECK(truncate(path, (off_t) bytes) == 0);
        UNIT_CHECK(INSPECT("-m", path) <= 1);
    }
    unlink(path);
    close_job(&job);
}

static void any_content_is_survived(void)
{
    unit_random_t random = unit_random(0);
    job_t job;
    open_job(&job);
    char path[PATH_MAX];
    make_path(path, "any");
    save(&job.memory, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    UNIT_REQUIRE(fd >= 0);
    uint64_t arena = segmsg_export_head(&job.memory.export)->arena;
    for (uint64_t round = 0; round < unit_repetitions(1000) && !unit_has_failed(); ++round) {
        if (round % 20 == 0) {
            save(&job.memory, path);
        }
        uint64_t value = unit_below(&random, 2) ? unit_next(&random) : unit_below(&random, 70);
        uint64_t at;
        switch (unit_below(&random, 4)) {
        case 0:
            at = SEGMSG_HEAD_OFFSET + 16 + unit_below(&random, sizeof(segmsg_head_t) - 16);
            break;
        case 1:
            at = SEGMSG_PAGE + unit_below(&random, 5 * sizeof(segmsg_segment_entry_t));
            break;
        case 2:
            at = 2 * SEGMSG_PAGE + unit_below(&random, 4 * sizeof(segmsg_group_entry_t));
            break;
        default:
            at = arena + unit_below(&random, 3 * SEGMSG_PAGE);
            break;
        }
        size_t width = (size_t) 1 << unit_below(&random, 4);
        UNIT_CHECK(pwrite(fd, &value, width, (off_t) at) == (ssize_t) width);
        UNIT_CHECK(round % 2 == 0 ? INSPECT("-m", path) <= 1 : INSPECT("-m", "-j", path) <= 1);
    }
    close(fd);
    unlink(path);
    close_job(&job);
}

static const unit_case_t cases[] = {
    UNIT_CASE(tables_and_messages_are_listed),
    UNIT_CASE(json_says_the_same),
    UNIT_CASE(looking_commits_nothing),
    UNIT_CASE(other_files_are_told_from_exports),
    UNIT_CASE(a_file_cut_short_is_an_error_and_no_more),
    UNIT_CASE(any_content_is_survived),
};

int main(int argc, char **argv)
{
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    int status = UNIT_MAIN(argc, argv, cases);
    (void) rmdir(directory);
    return status;
}
