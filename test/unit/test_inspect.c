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
#include "tools/segmsg_find.c"
#include "tools/segmsg_inspect_json.c"
#include "tools/segmsg_inspect_text.c"
#include "tools/segmsg_words.c"
#include "tools/segmsg_snapshot.c"
#define segmsg_snapshot_read read_with_change
static bool read_with_change(const segmsg_snapshot_t *snapshot, void *to, size_t length,
                             uint64_t offset);
#include "tools/segmsg_traffic.c"
#undef segmsg_snapshot_read
#include "tools/segmsg_transfers.c"

#include "engine/lobby.h"
#include "engine/sender.h"
#include "engine/groups.h"
#include "engine/lobby_poll.h"
#include "engine/receiver.h"
#include "memory.h"
#include "unit.h"

#include <sys/wait.h>

enum { OUTPUT_BYTES = 1 << 20 };

static char directory[] = "/tmp/segmsg-inspect-XXXXXX";
static char output[OUTPUT_BYTES];

/* What the job does to its export in the middle of a look: when the program has read at `when`, `value`
 * stands at `offset`. */
static struct {
    uint64_t when; /* 0: nothing */
    uint64_t offset, value;
} change;

static bool read_with_change(const segmsg_snapshot_t *snapshot, void *to, size_t length,
                             uint64_t offset)
{
    bool was_read = segmsg_snapshot_read(snapshot, to, length, offset);
    if (change.when != 0 && change.when == offset) {
        int fd = open(snapshot->path, O_WRONLY | O_CLOEXEC);
        UNIT_CHECK(pwrite(fd, &change.value, sizeof(change.value), (off_t) change.offset)
                   == sizeof(change.value));
        close(fd);
    }
    return was_read;
}

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
         : unit_fail(__FILE__, __LINE__, "\"%s\" is not in the output:\n%.4000s", text, output))

/* How often the output holds `text`. */
static unsigned times(const char *text)
{
    unsigned count = 0;
    for (const char *at = output; (at = strstr(at, text)) != NULL; at += strlen(text)) {
        ++count;
    }
    return count;
}

#define TORN "(changed while it was read, or it is corrupt)"

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
        segmsg_growth_t growth = memory_growth(UINT32_MAX);
        segmsg_sender_init(&job->sender[s], &job->image[s], &self, &growth);
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
    for (uint32_t s = 0; s < 2; ++s) {
        segmsg_sender_destroy(&job->sender[s]);
    }
    segmsg_receiver_destroy(&job->receiver);
    memory_close(&job->memory);
}

/* ---- a job with a lobby ---- */

enum { GUESTS = 4, LOBBY = 40 };

typedef struct {
    memory_t memory;
    segmsg_receiver_t receiver;
    segmsg_export_t image[GUESTS];
    segmsg_sender_t sender[GUESTS]; /* ranks 1 to GUESTS */
    segmsg_segment_entry_t lobby;
} guests_t;

static void open_guests(guests_t *job)
{
    memory_t *memory = &job->memory;
    segmsg_export_config_t config = memory_config("64:64:20,128:8:8,4K:8:8", 16, 32);
    config.lobby = LOBBY;
    memory_open(memory, segmsg_export_bytes_for(&config, GUESTS));
    UNIT_EQUAL(segmsg_export_init(&memory->export, &config), SEGMSG_OK);
    UNIT_CHECK(segmsg_receiver_init(&job->receiver, &memory->export));
    uint32_t segment;
    UNIT_EQUAL(segmsg_common_read(&memory->export, 0, &segment, &job->lobby), SEGMSG_OK);
    for (uint32_t s = 0; s < GUESTS; ++s) {
        job->image[s] = memory_image(memory);
        segmsg_identity_t self = memory_sender(s + 1);
        segmsg_growth_t growth = {.own_after = UINT32_MAX,
                                  .own_crowd = UINT32_MAX,
                                  .grow_after = UINT32_MAX,
                                  .long_after = UINT32_MAX};
        segmsg_sender_init(&job->sender[s], &job->image[s], &self, &growth);
    }
}

static void close_guests(guests_t *job)
{
    for (uint32_t s = 0; s < GUESTS; ++s) {
        segmsg_sender_destroy(&job->sender[s]);
    }
    segmsg_receiver_destroy(&job->receiver);
    memory_close(&job->memory);
}

/* Delivers the next message in the lobby. */
static void deliver(guests_t *job)
{
    segmsg_reader_t *reader;
    segmsg_message_t message;
    void *user;
    UNIT_REQUIRE(segmsg_lobby_poll(&job->receiver, &reader, &message, &user)
                 == SEGMSG_POLL_MESSAGE);
    segmsg_message_return(&job->receiver, reader, &message);
}

/* Claims partitions 4 and 5 of the common segment of group 1, and goes no further. */
static void claim_run_only(guests_t *job)
{
    uint32_t segment;
    segmsg_segment_entry_t entry;
    UNIT_EQUAL(segmsg_common_read(&job->memory.export, 1, &segment, &entry), SEGMSG_OK);
    UNIT_EQUAL(memory_commit(&job->memory, entry.offset, SEGMSG_LINE), 0);
    atomic_fetch_or(&memory_view(&job->memory.export, &entry).control->claimed, 0x30);
}

/*
 * Lines 0 and 1 were delivered; then come a message of rank 1, one of rank 2 that lies in a common
 * segment, a message and the goodbye of rank 3; rank 2 moves to a ring, in which it announces a message
 * in a common segment; and behind what rank 1 has not finished yet a message of rank 4.
 */
static void open_busy_guests(guests_t *job)
{
    open_guests(job);
    segmsg_sender_t *sender = job->sender;
    send_message(&sender[0], 100, 11);
    deliver(job);
    send_message(&sender[0], 77, 12);
    send_message(&sender[1], 10000, 13);
    send_message(&sender[2], 5, 14);
    UNIT_CHECK(segmsg_sender_close(&sender[2]));
    sender[1].growth.own_after = 1;
    send_message(&sender[1], 1500, 15);
    segmsg_place_t place;
    UNIT_EQUAL(segmsg_sender_take(&sender[0], 300, &place), SEGMSG_OK);
    send_message(&sender[3], 8, 16);
    claim_run_only(job);
}

/* Every bracket that opens closes: enough to see that it is put together right. */
static void check_json(void)
{
    int depth = 0;
    for (const char *c = output; *c != '\0'; ++c) {
        depth += *c == '{' || *c == '[';
        depth -= *c == '}' || *c == ']';
        UNIT_CHECK(depth >= 0);
    }
    UNIT_EQUAL(depth, 0);
    UNIT_CHECK(!says(",}") && !says(",]") && !says("{,") && !says("[,") && !says("}{"));
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

/* As for a job that runs: its files have lost their names, and owner and peers have them open. */
static void exports_without_a_name_are_listed_once(void)
{
    job_t job;
    open_job(&job);
    char path[PATH_MAX], name[64], open_file[64], pid[16];
    snprintf(pid, sizeof(pid), "%u", (unsigned) getpid());
    snprintf(name, sizeof(name), "segmsg-%u-%s-0123456789abcdef", (unsigned) geteuid(), pid);
    make_path(path, name);
    save(&job.memory, path);
    int owner = open(path, O_RDWR | O_CLOEXEC);
    int ends[2];
    UNIT_REQUIRE(owner >= 0 && pipe(ends) == 0);
    pid_t peer = fork(); /* has it open too */
    if (peer == 0) {
        close(ends[1]);
        _exit(read(ends[0], name, 1) == 0 ? 0 : 1); /* until its parent closes */
    }
    unlink(path);
    snprintf(open_file, sizeof(open_file), "/proc/%s/fd/%d", pid, owner);
    UNIT_EQUAL(INSPECT("-d", directory), 0);
    CHECK_SAYS(open_file);
    UNIT_EQUAL(times("owner "), 1);
    UNIT_EQUAL(INSPECT("-d", directory, pid), 0);
    CHECK_SAYS(open_file);
    UNIT_EQUAL(times("owner "), 1);
    UNIT_EQUAL(INSPECT("-d", directory, "1"), 1);
    CHECK_SAYS("process 1 has no export in");
    UNIT_EQUAL(INSPECT("-d", "/", pid), 1); /* not there */
    close(ends[0]);
    close(ends[1]);
    waitpid(peer, NULL, 0);
    close(owner);
    UNIT_EQUAL(INSPECT("-d", directory), 1);
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
               "\"run_partitions\":3,\"run_common\":false}");
    CHECK_SAYS("\"partitions_used\":3,\"torn\":false,\"in_flight\":[{\"first\":0,"
               "\"partitions\":3}]");
    CHECK_SAYS("{\"file\":\"/nonexistent\",\"error\":\"No such file or directory\"}]\n");
    check_json();
    unlink(path);
    close_job(&job);
}

static void common_segments_and_guests_are_listed(void)
{
    guests_t job;
    open_busy_guests(&job);
    char path[PATH_MAX];
    make_path(path, "guests");
    save(&job.memory, path);

    UNIT_EQUAL(INSPECT(path), 0);
    CHECK_SAYS("    0  common         0        64     40     19      -");
    CHECK_SAYS("    3  paired         0        64     16      7      3");
    CHECK_SAYS("    0  lobby, segment 0, 40 partitions of 64 bytes: 1 messages, 100 bytes, 2 part");
    CHECK_SAYS("    2  segment 2, 8 partitions of 4096 bytes: 0 messages");
    CHECK_SAYS("    0  1.1 -> 1.7  guest in the lobby, segment 0\n");
    CHECK_SAYS("1.2 -> 1.7  segment 3, 16 partitions of 64 bytes: 0 messages");
    UNIT_EQUAL(times("100 bytes"), 1);
    UNIT_EQUAL(times("guest in"), 4); /* the receiver has not read that two of them left */
    UNIT_CHECK(!says("tag"));

    UNIT_EQUAL(INSPECT("-m", path), 0);
    UNIT_CHECK(!says("tag  11")); /* delivered */
    CHECK_SAYS("11 of 40 partitions in use");
    CHECK_SAYS("line     2  message  from 1.1  tag  12        77 bytes in 2 partitions");
    CHECK_SAYS("line     4  run      from 1.2  tag  13     10000 bytes in common segment 2, "
               "partitions 0 to 2\n");
    CHECK_SAYS("line     5  message  from 1.3  tag  14");
    CHECK_SAYS("line     6  close    from 1.3\n");
    CHECK_SAYS("line     7  writing  claimed and not published; what stands behind it, 6 lines");
    UNIT_CHECK(!says("tag  16")); /* nobody knows where it begins */
    CHECK_SAYS("2 of 8 partitions in use");
    CHECK_SAYS("[....++..]");
    CHECK_SAYS("[####....]");
    CHECK_SAYS(
        "line     0  run      tag  15      1500 bytes in common segment 2, partitions 3 to 3");
    CHECK_SAYS("begins when the lobby was read up to line 5\n");
    UNIT_EQUAL(times("begins"), 1);
    UNIT_CHECK(!says(TORN));
    unlink(path);
    close_guests(&job);
}

static void json_says_the_same_of_guests(void)
{
    guests_t job;
    open_busy_guests(&job);
    char path[PATH_MAX];
    make_path(path, "guests");
    save(&job.memory, path);
    UNIT_EQUAL(INSPECT("-j", path), 0);
    CHECK_SAYS("{\"index\":0,\"state\":\"common\",\"group\":0,\"partition_size\":64");
    CHECK_SAYS(
        "\"common\":[{\"segment\":0,\"messages\":1,\"bytes\":100,\"partitions\":2,\"group\":0");
    CHECK_SAYS("\"pid\":1},\"segment\":0,\"guest\":true,\"group\":0,\"partition_size\":64");
    CHECK_SAYS("\"pid\":2},\"segment\":3,\"guest\":false,\"after\":5,\"messages\":0");
    UNIT_EQUAL(times("\"messages\":1,"), 1);
    UNIT_CHECK(!says("in_flight"));

    UNIT_EQUAL(INSPECT("-j", "-m", path), 0);
    CHECK_SAYS(
        "\"partitions_used\":11,\"consumed\":2,\"claimed\":13,\"torn\":false,\"in_flight\":[{"
        "\"first\":2,\"partitions\":2,"
        "\"kind\":\"message\",\"tag\":12,\"length\":77,\"group_entry\":0,\"sender\":{\"job\":1,"
        "\"rank\":1,\"pid\":1}}");
    CHECK_SAYS("\"run_segment\":2,\"run_first\":0,\"run_partitions\":3,\"run_common\":true,"
               "\"group_entry\":1,\"sender\":{\"job\":1,\"rank\":2");
    CHECK_SAYS("{\"first\":7,\"partitions\":6,\"kind\":\"writing\"}]}");
    CHECK_SAYS("\"partitions_used\":2,\"torn\":false,\"in_flight\":[]}");
    CHECK_SAYS("\"run_first\":3,\"run_partitions\":1,\"run_common\":true}]");
    check_json();
    unlink(path);
    close_guests(&job);
}

/* One with a partner that has done some of its share, one to a partner that has not come yet, one that
 * is over, and one in which nothing makes sense. */
static void open_transfers(memory_t *memory)
{
    const segmsg_joint_cut_t cut = {.bytes = 100000, .unit_bytes = 4096};
    segmsg_export_t *export = &memory->export;
    UNIT_CHECK(export->commit(export->commit_context, export->shape.joints, SEGMSG_PAGE) == 0);
    for (uint32_t index = 3; index <= 6; ++index) {
        segmsg_joint_t *joint = segmsg_export_joint(export, index);
        segmsg_joint_describe(joint, &cut, UINT64_C(0x100000000) + index, index == 4);
        segmsg_joint_start(joint, index, segmsg_joint_units(&cut));
    }
    segmsg_joint_t *joint = segmsg_export_joint(export, 3);
    (void) segmsg_joint_claim(joint, 3, &cut, SEGMSG_JOINT_UNITS_MAX, SEGMSG_JOINT_FRONT);
    segmsg_joint_piece_t last = segmsg_joint_claim(joint, 3, &cut, 2, SEGMSG_JOINT_BACK);
    segmsg_joint_report(joint, last.units, true);
    (void) segmsg_joint_claim(joint, 3, &cut, 1, SEGMSG_JOINT_BACK);
    segmsg_joint_describe(segmsg_export_joint(export, 5), &(segmsg_joint_cut_t){0}, 0, false);
    atomic_store_explicit(&segmsg_export_joint(export, 6)->unit_bytes, 1, memory_order_relaxed);
}

static void large_transfers_are_listed(void)
{
    job_t job;
    open_job(&job);
    open_transfers(&job.memory);
    char path[PATH_MAX];
    make_path(path, "transfers");
    save(&job.memory, path);
    UNIT_EQUAL(INSPECT(path), 0);
    UNIT_CHECK(!says("transfers ("));
    UNIT_EQUAL(INSPECT("-m", path), 0);
    /* 25 units; the last has 1696 bytes. The owner has 13, its partner 3, of which 2 are done. */
    CHECK_SAYS(
        "    3  1.7 <- 1.3  100000 bytes: 53248 by the owner, 9888 by its partner (5792 done), "
        "36864 by nobody yet");
    CHECK_SAYS(
        "    4  1.7 -> 1.4  100000 bytes: 0 by the owner, 0 by its partner (0 done), 100000 by");
    UNIT_EQUAL(times(" by the owner"), 2);
    UNIT_EQUAL(INSPECT("-j", "-m", path), 0);
    CHECK_SAYS(
        "\"transfers\":[{\"index\":3,\"partner\":{\"job\":1,\"rank\":3},\"put\":false,"
        "\"bytes\":100000,\"by_owner\":53248,\"by_partner\":9888,\"by_partner_done\":5792},");
    check_json();
    unlink(path);
    close_job(&job);
}

static void the_lobby_is_read_around_its_end(void)
{
    guests_t job;
    open_guests(&job);
    char path[PATH_MAX];
    make_path(path, "wrapped");
    for (uint32_t m = 0; m < LOBBY - 2; ++m) {
        send_message(&job.sender[m % 2], 20, 1);
        deliver(&job);
    }
    send_message(&job.sender[1], 150, 33);
    send_message(&job.sender[0], 20, 34);
    save(&job.memory, path);
    UNIT_EQUAL(INSPECT("-m", path), 0);
    CHECK_SAYS("6 of 40 partitions in use");
    CHECK_SAYS("line    38  wrap     from 1.2\n");
    CHECK_SAYS("line     0  message  from 1.2  tag  33       150 bytes in 3 partitions");
    CHECK_SAYS("line     3  message  from 1.1  tag  34");
    UNIT_CHECK(!says(TORN));

    /* The last line is consumed when we find nothing there: it is not being written. */
    atomic_store(&memory_view(&job.memory.export, &job.lobby).control->claimed, LOBBY + 5);
    save(&job.memory, path);
    UNIT_EQUAL(INSPECT("-m", path), 0);
    CHECK_SAYS("line     4  writing");
    change.when = job.lobby.offset + segmsg_partitions_offset(0, LOBBY) + 4 * SEGMSG_LINE;
    change.offset = job.lobby.offset;
    change.value = LOBBY + 5;
    UNIT_EQUAL(INSPECT("-m", path), 0);
    CHECK_SAYS("line     3  message  from 1.1  tag  34");
    UNIT_CHECK(!says("writing"));
    CHECK_SAYS(TORN);
    change.when = 0;
    unlink(path);
    close_guests(&job);
}

/* With `value`, `width` bytes of it, in place of what stands at `field` the program says `expected`. */
static void wrong_value_shows(guests_t *job, void *field, uint64_t value, size_t width,
                              const char *expected)
{
    char path[PATH_MAX];
    uint64_t right = 0;
    make_path(path, "wrong");
    memcpy(&right, field, width);
    memcpy(field, &value, width);
    save(&job->memory, path);
    memcpy(field, &right, width);
    UNIT_EQUAL(INSPECT("-m", "-j", path), 0);
    check_json();
    UNIT_EQUAL(INSPECT("-m", path), 0);
    CHECK_SAYS(expected);
    unlink(path);
}

static void what_no_guest_writes_is_said_to_be_wrong(void)
{
    guests_t job;
    open_busy_guests(&job);
    const segmsg_export_t *export = &job.memory.export;
    segmsg_control_t *lobby = memory_view(export, &job.lobby).control;
    segmsg_line_t *line = (void *) memory_view(export, &job.lobby).partition;
    segmsg_segment_entry_t run;
    UNIT_EQUAL(segmsg_segment_read(export, 2, &run), SEGMSG_OK);
    const char *corrupt = segmsg_error_text(SEGMSG_ERR_CORRUPT);

    wrong_value_shows(&job, &lobby->claimed, 1, 8, TORN);         /* less than consumed */
    wrong_value_shows(&job, &lobby->claimed, LOBBY + 3, 8, TORN); /* more than there is */
    wrong_value_shows(&job, &lobby->claimed, 3, 8, TORN);         /* ends within a message */
    wrong_value_shows(&job, &line[4].header, 6, 1, TORN);         /* no such kind */
    wrong_value_shows(&job, &line[4].header, 4, 1, TORN);         /* none in the lobby: SWITCH */
    wrong_value_shows(&job, &line[2].header, 1, 4, TORN);         /* takes no line */
    wrong_value_shows(&job, (unsigned char *) &line[2].header + 4, 113, 4, TORN); /* too long */
    wrong_value_shows(&job, &line[4].header, 0, 4, TORN); /* nothing, and yet a length */
    wrong_value_shows(&job, &line[2].lobby.guest, 999, 4, "from unknown group 999  tag  12");
    wrong_value_shows(&job, &line[2].lobby.guest, 3, 4, "message  from unknown group 3  tag  12");
    wrong_value_shows(&job, &line[2].lobby.guest, UINT32_MAX, 4, "unknown group 4294967295");
    wrong_value_shows(&job, &line[4].lobby.segment, 3, 4, "bytes in segment 3");
    wrong_value_shows(&job, &line[4].lobby.segment, UINT32_MAX, 4, "bytes in segment 4294967295");
    wrong_value_shows(&job, &memory_view(export, &run).control->claimed, 0x10f, 8, TORN);
    wrong_value_shows(&job, &memory_view(export, &run).control->claimed, 0x7, 8, TORN);

    /* Tables that contradict themselves. */
    segmsg_group_entry_t *guest = segmsg_export_group(export, 0);
    char text[64];
    snprintf(text, sizeof(text), "1.1 -> 1.7  (%s)", corrupt);
    wrong_value_shows(&job, &guest->segment, 1, 4, text);
    wrong_value_shows(&job, &guest->group, 1, 4, text);
    wrong_value_shows(&job, &guest->group, UINT64_C(1) << 32 | 1, 8, text); /* no lobby */
    snprintf(text, sizeof(text), "lobby, segment 3 (%s)", corrupt);
    wrong_value_shows(&job, &segmsg_export_head(export)->common[0], 4, 4, text);
    wrong_value_shows(&job, &segmsg_export_head(export)->common[1], 0, 4, "[####....]");
    close_guests(&job);
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

/* Writes values over head, tables and the first `arena_bytes` of the arena. */
static void survive_any_content(const memory_t *memory, uint64_t arena_bytes)
{
    unit_random_t random = unit_random(arena_bytes);
    char path[PATH_MAX];
    make_path(path, "any");
    save(memory, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    UNIT_REQUIRE(fd >= 0);
    uint64_t arena = segmsg_export_head(&memory->export)->arena;
    for (uint64_t round = 0; round < unit_repetitions(1000) && !unit_has_failed(); ++round) {
        if (round % 20 == 0) {
            save(memory, path);
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
            at = 2 * SEGMSG_PAGE + unit_below(&random, 5 * sizeof(segmsg_group_entry_t));
            break;
        default:
            at = arena + unit_below(&random, arena_bytes);
            break;
        }
        size_t width = (size_t) 1 << unit_below(&random, 4);
        UNIT_CHECK(pwrite(fd, &value, width, (off_t) at) == (ssize_t) width);
        UNIT_CHECK(round % 2 == 0 ? INSPECT("-m", path) <= 1 : INSPECT("-m", "-j", path) <= 1);
    }
    close(fd);
    unlink(path);
}

static void any_content_is_survived(void)
{
    job_t job;
    open_job(&job);
    survive_any_content(&job.memory, 3 * SEGMSG_PAGE);
    close_job(&job);
}

static void any_content_of_common_segments_is_survived(void)
{
    guests_t job;
    open_busy_guests(&job);
    survive_any_content(&job.memory, 3 * SEGMSG_PAGE);
    /* All of the lobby at once: its control line, its lines. */
    unit_random_t random = unit_random(1);
    unsigned char *lobby = job.memory.export.base + job.lobby.offset;
    char path[PATH_MAX];
    make_path(path, "any");
    for (uint64_t round = 0; round < unit_repetitions(200) && !unit_has_failed(); ++round) {
        for (uint64_t i = round % 2 * sizeof(segmsg_control_t); i < job.lobby.bytes; i += 8) {
            uint64_t value = unit_below(&random, 2) ? unit_next(&random) : unit_below(&random, 6);
            value &= i < 16 ? 0xf : UINT64_MAX; /* more is not looked at */
            memcpy(lobby + i, &value, 8);
        }
        save(&job.memory, path);
        UNIT_CHECK(round % 2 == 0 ? INSPECT("-m", path) <= 1 : INSPECT("-m", "-j", path) <= 1);
    }
    unlink(path);
    close_guests(&job);
}

static const unit_case_t cases[] = {
    UNIT_CASE(tables_and_messages_are_listed),
    UNIT_CASE(exports_without_a_name_are_listed_once),
    UNIT_CASE(json_says_the_same),
    UNIT_CASE(common_segments_and_guests_are_listed),
    UNIT_CASE(json_says_the_same_of_guests),
    UNIT_CASE(large_transfers_are_listed),
    UNIT_CASE(the_lobby_is_read_around_its_end),
    UNIT_CASE(what_no_guest_writes_is_said_to_be_wrong),
    UNIT_CASE(looking_commits_nothing),
    UNIT_CASE(other_files_are_told_from_exports),
    UNIT_CASE(a_file_cut_short_is_an_error_and_no_more),
    UNIT_CASE(any_content_is_survived),
    UNIT_CASE(any_content_of_common_segments_is_survived),
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
