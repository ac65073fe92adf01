/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * environment: SEGMSG_GROUPS, SEGMSG_EAGER_LIMIT, SEGMSG_MEMORY, SEGMSG_SINGLE_COPY and SEGMSG_WAIT say what the
 * program does not.
 */
#include "opening.h"

/* Set one variable, in all ranks or in the last one. */
static void set(const char *name, const char *value, bool all)
{
    environment_clear();
    if (all || check_rank == check_size - 1) {
        setenv(name, value, 1);
    }
}

/* A value that cannot be used is refused, and the variable is named. */
static void refuse_value(const char *name, const char *value)
{
    for (int all = 0; all < 2; all++) {
        segmsg_t *handle = (segmsg_t *) &handle;
        const char *why;

        set(name, value, all);
        check_doing("%s: segmsg_open, %s=%s", promise_now, name, value);
        GIVES(SEGMSG_E_OPTIONS, segmsg_open(MPI_COMM_WORLD, NULL, &handle));
        CHECK(NULL == handle, "the handle is not NULL");
        why = segmsg_explanation();
        CHECK(*why, "%s=%s is wrong here or elsewhere, and no explanation", name, value);
        if (getenv(name)) {
            CHECK(names(why, name), "%s=%s is explained without its name: %s", name, value, why);
        }
    }
    environment_clear();
}

static void groups_are_taken_from_the_environment(void)
{
    segmsg_t *handle;
    segmsg_statistics_t statistics;

    set("SEGMSG_GROUPS", "64:100:20,512:4:4,32K:3:2", true);
    handle = open_world();
    statistics = statistics_of(handle);
    CHECK(3 == statistics.groups && 64 == statistics.partition_bytes[0]
              && 512 == statistics.partition_bytes[1] && 32768 == statistics.partition_bytes[2],
          "%u groups, partitions of %d and %d bytes", statistics.groups,
          (int) statistics.partition_bytes[1], (int) statistics.partition_bytes[2]);
    check_carries(handle, segmsg_eager_limit(handle));
    close_empty(&handle);
    refuse_value("SEGMSG_GROUPS", "64:100:20,500:4:4");
    refuse_value("SEGMSG_GROUPS", "many");
}

static void the_eager_limit_is_taken_from_the_environment(void)
{
    segmsg_t *handle;

    set("SEGMSG_EAGER_LIMIT", "777", true);
    handle = open_world();
    CHECK(777 == segmsg_eager_limit(handle), "eager limit %zu", segmsg_eager_limit(handle));
    check_carries(handle, 777);
    close_empty(&handle);
    refuse_value("SEGMSG_EAGER_LIMIT", "long");
    refuse_value("SEGMSG_EAGER_LIMIT", "-1");
    refuse_value("SEGMSG_EAGER_LIMIT", "100 bytes");
    refuse_value("SEGMSG_EAGER_LIMIT", "99999999999999999999999");
    refuse_value("SEGMSG_EAGER_LIMIT", "1000000000");
}

static void memory_is_taken_from_the_environment(void)
{
    segmsg_t *handle;
    uint64_t usual, memory;
    char less[40];

    environment_clear();
    handle = open_world();
    usual = statistics_of(handle).memory;
    close_empty(&handle);
    snprintf(less, sizeof(less), "%llu", (unsigned long long) usual * 3 / 4);
    set("SEGMSG_MEMORY", less, true);
    handle = open_world();
    memory = statistics_of(handle).memory;
    CHECK(memory > 0 && memory <= usual * 3 / 4, "of %s bytes it took %llu", less,
          (unsigned long long) memory);
    check_carries(handle, segmsg_eager_limit(handle));
    close_empty(&handle);
    refuse_value("SEGMSG_MEMORY", "lots");
    refuse_value("SEGMSG_MEMORY", "-5");
    refuse_value("SEGMSG_MEMORY", " -5");
    refuse_value("SEGMSG_MEMORY", "1e9");
    refuse_value("SEGMSG_MEMORY", "64MB");
    refuse_value("SEGMSG_MEMORY", "18446744073709551616");
    refuse_value("SEGMSG_MEMORY", "1");
}

/* How many long messages each way brought to this rank. */
static void count_ways(segmsg_t *handle, uint64_t *single_copies, uint64_t *streamed)
{
    check_carries(handle, segmsg_eager_limit(handle));
    *single_copies = statistics_of(handle).single_copies;
    *streamed = statistics_of(handle).streamed;
}

static void the_single_copy_is_taken_from_the_environment(void)
{
    segmsg_t *handle;
    uint64_t single_copies, streamed;

    set("SEGMSG_SINGLE_COPY", "none", true);
    handle = open_world();
    count_ways(handle, &single_copies, &streamed);
    CHECK(0 == single_copies, "%d single copies", (int) single_copies);
    CHECK(check_size == 1 || streamed > 0, "no long message was streamed");
    close_empty(&handle);
    set("SEGMSG_SINGLE_COPY", "auto", true);
    handle = open_world();
    count_ways(handle, &single_copies, &streamed);
    CHECK(check_size == 1 || single_copies + streamed > 0, "no long message was received");
    close_empty(&handle);
    refuse_value("SEGMSG_SINGLE_COPY", "perhaps");
    refuse_value("SEGMSG_SINGLE_COPY", "NONE ");
}

/* How it waits cannot be seen from here, but that it works. */
static void the_way_to_wait_is_taken_from_the_environment(void)
{
    static const char *const ways[] = {"auto", "spin", "yield", "block", ""};

    for (int i = 0; i < 5; i++) {
        segmsg_t *handle;

        set("SEGMSG_WAIT", ways[i], true);
        handle = open_world();
        check_carries(handle, segmsg_eager_limit(handle));
        close_empty(&handle);
    }
    refuse_value("SEGMSG_WAIT", "block!");
    refuse_value("SEGMSG_WAIT", "SPIN");
}

/* What the program says goes first, and then the environment is not even read. */
static void options_come_before_the_environment(void)
{
    segmsg_options_t options = {.size = sizeof(options),
                                .groups = "64:64:8,1K:8:4",
                                .eager_limit = 999,
                                .memory = 3000000,
                                .single_copy = SEGMSG_SINGLE_COPY_NONE};
    static const char *const values[][4] = {{"64:64:8,2K:8:4,4K:4:4", "500", "5000000", "auto"},
                                            {"nonsense", "nonsense", "nonsense", "nonsense"}};

    for (int i = 0; i < 2; i++) {
        segmsg_t *handle;
        segmsg_statistics_t statistics;

        environment_clear();
        setenv("SEGMSG_GROUPS", values[i][0], 1);
        setenv("SEGMSG_EAGER_LIMIT", values[i][1], 1);
        setenv("SEGMSG_MEMORY", values[i][2], 1);
        setenv("SEGMSG_SINGLE_COPY", values[i][3], 1);
        handle = open_on(MPI_COMM_WORLD, &options);
        check_carries(handle, 999);
        statistics = statistics_of(handle);
        CHECK(2 == statistics.groups && 1024 == statistics.partition_bytes[1], "%u groups",
              statistics.groups);
        CHECK(999 == segmsg_eager_limit(handle), "eager limit %zu", segmsg_eager_limit(handle));
        CHECK(statistics.memory <= 3000000, "memory %d", (int) statistics.memory);
        CHECK(0 == statistics.single_copies, "%d single copies", (int) statistics.single_copies);
        close_empty(&handle);
    }
    environment_clear();
}

/* An option that is 0 or NULL is not said. */
static void what_options_leave_open_is_taken_from_the_environment(void)
{
    segmsg_options_t options = {.size = sizeof(options), .groups = "64:64:8,1K:8:4"};
    segmsg_t *handle;

    set("SEGMSG_EAGER_LIMIT", "640", true);
    handle = open_on(MPI_COMM_WORLD, &options);
    CHECK(640 == segmsg_eager_limit(handle), "eager limit %zu", segmsg_eager_limit(handle));
    CHECK(2 == statistics_of(handle).groups, "%u groups", statistics_of(handle).groups);
    close_empty(&handle);
    environment_clear();
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(groups_are_taken_from_the_environment),
        PROMISE(the_eager_limit_is_taken_from_the_environment),
        PROMISE(memory_is_taken_from_the_environment),
        PROMISE(the_single_copy_is_taken_from_the_environment),
        PROMISE(the_way_to_wait_is_taken_from_the_environment),
        PROMISE(options_come_before_the_environment),
        PROMISE(what_options_leave_open_is_taken_from_the_environment),
    };

    return PROMISES_MAIN(argc, argv, "environment", promises);
}
