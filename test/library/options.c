/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * options: what segmsg_open makes of its options, good ones and bad ones, in all processes or in one.
 */
#include "opening.h"

#define OPTIONS(...)                                  \
    (segmsg_options_t)                                \
    {                                                 \
        .size = sizeof(segmsg_options_t), __VA_ARGS__ \
    }

/* In all processes, and in one of them. */
static void refuse_options(const segmsg_options_t *options, const char *word)
{
    refuse(options, word, true);
    refuse(options, word, false);
}

static void groups_that_cannot_be_used_are_refused(void)
{
    static const char *const groups[] = {
        "garbage",
        "64",
        "64:64",
        "64:64:8", /* only one */
        "64:64:8,",
        ",64:64:8,1K:8:4",
        "64:64:8,1000:8:4",
        "65:64:8,1K:8:4", /* no power of two */
        "64:64:8,1K:8:4,512:8:4",
        "64:64:8,64:8:4", /* not rising */
        "64:64:60,1K:8:4",
        "64:64:8,1K:8:9", /* a span that is too large */
        "64:64:8,1K:8:0",
        "64:0:0,1K:8:4",
        "64:64:8,1K:65:4",
        "64:64:8,1K:-8:4",
        "64:64:8 1K:8:4",
        "64:64:8,1K:8:4;",
        "64:64:8,128:1:1,256:1:1,512:1:1,1K:1:1,2K:1:1,4K:1:1,8K:1:1,16K:1:1", /* nine */
        "64:64:2,128:1:1", /* carry hardly anything */
        "64:99999999999999999999:8,1K:8:4",
    };

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        segmsg_options_t options = OPTIONS(.groups = groups[i]);

        refuse_options(&options, "groups");
    }
}

static void an_eager_limit_that_does_not_fit_is_refused(void)
{
    /* Together these carry 4096 bytes at most in one message. */
    const char *groups = "64:64:8,1K:8:4";
    const size_t limits[] = {4096 - 7, 4096, 1 << 20, (size_t) -1, (size_t) -8};

    for (int i = 0; i < 5; i++) {
        segmsg_options_t options = OPTIONS(.groups = groups, .eager_limit = limits[i]);

        refuse_options(&options, "eager");
    }
}

static void another_single_copy_is_refused(void)
{
    segmsg_options_t options = OPTIONS(.single_copy = (segmsg_single_copy_t) 3);

    refuse_options(&options, "single_copy");
    options.single_copy = (segmsg_single_copy_t) 77;
    refuse_options(&options, "single_copy");
}

static void another_way_to_wait_is_refused(void)
{
    segmsg_options_t options = OPTIONS(.wait = (segmsg_how_to_wait_t) 5);

    refuse_options(&options, "wait");
    options.wait = (segmsg_how_to_wait_t) -1;
    refuse_options(&options, "wait");
}

/* A structure that no version has. */
static void options_without_their_size_are_refused(void)
{
    const size_t sizes[] = {0, 1, 7};

    for (int i = 0; i < 3; i++) {
        segmsg_options_t options = {.size = sizes[i]};
        segmsg_t *handle = (segmsg_t *) &options;
        segmsg_result_t result = segmsg_open(MPI_COMM_WORLD, &options, &handle);

        CHECK(SEGMSG_E_ARGUMENT == result || SEGMSG_E_OPTIONS == result, "size %zu gave \"%s\"",
              sizes[i], segmsg_result_text(result));
        CHECK(NULL == handle, "the handle is not NULL");
    }
}

static void after_a_refusal_it_can_be_opened(void)
{
    segmsg_options_t options = OPTIONS(.groups = "64");
    segmsg_t *handle;

    refuse_options(&options, "groups");
    handle = open_world();
    CHECK('\0' == *segmsg_explanation(), "explained though it went well: %s", segmsg_explanation());
    check_carries(handle, segmsg_eager_limit(handle));
    close_empty(&handle);
}

/* Each good list gives just those groups. */
static void groups_are_as_they_are_asked_for(void)
{
    static const struct {
        const char *groups;
        uint32_t count;
        uint64_t bytes[8];
    } lists[] = {
        {"64:64:8,1K:4:1", 2, {64, 1024}},
        {"64:1023:400,128:64:64,1K:64:64,4K:64:64", 4, {64, 128, 1024, 4096}},
        {"64:64:8,128:2:1,256:2:1,512:2:1,1024:2:1,2K:2:1,4K:2:2,1M:1:1",
         8,
         {64, 128, 256, 512, 1024, 2048, 4096, 1 << 20}},
        {"64:8:1,2048:1:1", 2, {64, 2048}},
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        segmsg_options_t options = OPTIONS(.groups = lists[i].groups);
        segmsg_t *handle = open_on(MPI_COMM_WORLD, &options);
        segmsg_statistics_t statistics = statistics_of(handle);

        CHECK(statistics.groups == lists[i].count, "%u groups of %s", statistics.groups,
              lists[i].groups);
        for (uint32_t g = 0; g < lists[i].count; g++) {
            CHECK(statistics.partition_bytes[g] == lists[i].bytes[g], "group %u of %s: %d bytes", g,
                  lists[i].groups, (int) statistics.partition_bytes[g]);
        }
        check_carries(handle, segmsg_eager_limit(handle));
        close_empty(&handle);
    }
}

static void the_eager_limit_is_as_it_is_asked_for(void)
{
    static const size_t limits[] = {64, 65, 71, 100, 1000, 4087, 4088};

    for (int i = 0; i < 7; i++) {
        segmsg_options_t options = OPTIONS(.groups = "64:64:8,1K:8:4", .eager_limit = limits[i]);
        segmsg_t *handle = open_on(MPI_COMM_WORLD, &options);

        CHECK(segmsg_eager_limit(handle) == limits[i], "the eager limit is %zu, not %zu",
              segmsg_eager_limit(handle), limits[i]);
        if (0 != check_rank) { /* goes out without its receiver */
            transmit(handle, 0, 50, limits[i], key_of(check_rank, 0, 50));
        }
        MPI_Barrier(MPI_COMM_WORLD);
        for (int from = 1; from < check_size && 0 == check_rank; from++) {
            receive(handle, from, 50, limits[i], key_of(from, 0, 50));
        }
        check_carries(handle, segmsg_eager_limit(handle));
        close_empty(&handle);
    }
}

/* Whoever asks for small groups, and for no limit, gets one that fits. */
static void the_eager_limit_follows_the_groups(void)
{
    segmsg_options_t options = OPTIONS(.groups = "64:64:8,1K:4:1");
    segmsg_t *handle = open_on(MPI_COMM_WORLD, &options);

    CHECK(segmsg_eager_limit(handle) <= 1016, "eager limit %zu", segmsg_eager_limit(handle));
    check_carries(handle, segmsg_eager_limit(handle));
    close_empty(&handle);
}

/* From plenty to hardly anything: it works within that much, or fails in all processes. */
static void no_more_memory_is_set_aside_than_asked_for(void)
{
    int opened = 0, refused = 0;

    for (size_t memory = (size_t) 1 << 26; memory >= 1; memory /= memory > 4096 ? 2 : 64) {
        segmsg_options_t options = OPTIONS(.memory = memory);
        segmsg_t *handle = NULL;
        segmsg_result_t result;
        char what[40];

        snprintf(what, sizeof(what), "%zu bytes of memory", memory);
        check_doing("%s: %s", promise_now, what);
        result = segmsg_open(MPI_COMM_WORLD, &options, &handle);
        if (agreed(what, result, handle)) {
            CHECK(statistics_of(handle).memory <= memory, "of %zu bytes it took %zu", memory,
                  (size_t) statistics_of(handle).memory);
            check_carries(handle, segmsg_eager_limit(handle));
            close_empty(&handle);
            opened++;
        } else {
            CHECK(SEGMSG_E_MEMORY == result || SEGMSG_E_OPTIONS == result, "%s gave \"%s\"", what,
                  segmsg_result_text(result));
            CHECK(names(segmsg_explanation(), "memory"), "%s: explained by \"%s\"", what,
                  segmsg_explanation());
            refused++;
        }
    }
    CHECK(opened > 0 && refused > 0, "opened %d times, refused %d times", opened, refused);
}

/* Options of which each rank has its own; `what` says in which they differ. */
static segmsg_options_t own_options(int what)
{
    static const char *const groups[] = {"64:64:8,1K:8:4", NULL, "64:512:100,256:16:8,8K:4:2",
                                         "64:1023:300,64K:8:4"};
    int kind = check_rank % 4;
    segmsg_options_t options = OPTIONS(.groups = NULL);

    if (0 == what || 4 == what) {
        options.groups = groups[kind];
    }
    if (1 == what || 4 == what) {
        options.eager_limit = 100 + 300 * (size_t) kind;
    }
    if (2 == what || 4 == what) {
        options.single_copy = kind % 2 ? SEGMSG_SINGLE_COPY_NONE : SEGMSG_SINGLE_COPY_AUTO;
    }
    if (3 == what || 4 == what) {
        options.memory = kind % 2 ? (size_t) 8 << 20 : 0;
    }
    if (4 == what) {
        options.wait = (segmsg_how_to_wait_t) (1 + kind);
    }
    return options;
}

/* All should say the same. Where they do not, it works, or fails in all. */
static void different_options_do_no_harm(void)
{
    for (int what = 0; what < 5; what++) {
        segmsg_options_t options = own_options(what);
        segmsg_t *handle = NULL;
        segmsg_result_t result;

        check_doing("%s: kind %d", promise_now, what);
        result = segmsg_open(MPI_COMM_WORLD, &options, &handle);
        if (agreed("what is different", result, handle)) {
            check_carries(handle, 2000);
            close_empty(&handle);
        } else {
            GIVES(SEGMSG_E_OPTIONS, result);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(groups_that_cannot_be_used_are_refused),
        PROMISE(an_eager_limit_that_does_not_fit_is_refused),
        PROMISE(another_single_copy_is_refused),
        PROMISE(another_way_to_wait_is_refused),
        PROMISE(options_without_their_size_are_refused),
        PROMISE(after_a_refusal_it_can_be_opened),
        PROMISE(groups_are_as_they_are_asked_for),
        PROMISE(the_eager_limit_is_as_it_is_asked_for),
        PROMISE(the_eager_limit_follows_the_groups),
        PROMISE(no_more_memory_is_set_aside_than_asked_for),
        PROMISE(different_options_do_no_harm),
    };

    environment_clear();
    return PROMISES_MAIN(argc, argv, "options", promises);
}
