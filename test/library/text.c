/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * text: what the library says in words, and its version. Also before MPI is initialised and after
 * it is over.
 */
#include "promise.h"

#include <ctype.h>
#include <pthread.h>

/* Found out before MPI was there; tested where tests are. */
static struct {
    unsigned version;
    const char *text;
    char explanation[10];
    segmsg_result_t opened;
    segmsg_t *handle;
} early;

static void every_result_has_a_text_of_its_own(void)
{
    for (int a = 0; a < SEGMSG_E_COUNT; a++) {
        const char *text = segmsg_result_text((segmsg_result_t) a);

        CHECK(text && *text, "result %d has no text", a);
        for (int b = 0; b < a && text; b++) {
            CHECK(0 != strcmp(text, segmsg_result_text((segmsg_result_t) b)),
                  "results %d and %d both say: %s", a, b, text);
        }
    }
}

/* One sentence without a full stop. */
static void texts_are_sentences(void)
{
    for (int a = 0; a < SEGMSG_E_COUNT; a++) {
        const char *text = segmsg_result_text((segmsg_result_t) a);
        size_t length = strlen(text);

        CHECK(length > 3 && '.' != text[length - 1] && !strchr(text, '\n')
                  && !isspace((unsigned char) text[0])
                  && !isspace((unsigned char) text[length - 1]),
              "result %d says: %s", a, text);
    }
}

static void what_is_no_result_has_a_text_too(void)
{
    static const int none[] = {SEGMSG_E_COUNT, -1, 1000, 1 << 30};

    for (int i = 0; i < 4; i++) {
        CHECK(segmsg_result_text((segmsg_result_t) none[i]), "NULL of %d", none[i]);
    }
}

static void the_version_is_that_of_the_header(void)
{
    unsigned header = SEGMSG_VERSION_MAJOR << 16 | SEGMSG_VERSION_MINOR << 8 | SEGMSG_VERSION_PATCH;

    CHECK(segmsg_version() == header, "version %#x, of the header %#x", segmsg_version(), header);
}

static void texts_and_version_need_no_mpi(void)
{
    CHECK(early.version == segmsg_version(), "version %#x before MPI_Init", early.version);
    CHECK(early.text && 0 == strcmp(early.text, segmsg_result_text(SEGMSG_E_BUSY)),
          "another text before MPI_Init");
    CHECK('\0' == early.explanation[0], "something to explain before anything failed");
}

static void without_mpi_nothing_is_opened(void)
{
    CHECK(SEGMSG_SUCCESS != early.opened, "opened before MPI_Init");
    CHECK(NULL == early.handle, "the handle is not NULL");
}

static void fail_to_open(void)
{
    segmsg_options_t options = {.size = sizeof(options), .groups = "nonsense"};
    segmsg_t *handle;

    GIVES(SEGMSG_E_OPTIONS, segmsg_open(MPI_COMM_SELF, &options, &handle));
}

static void *explain_in_thread(void *unused)
{
    (void) unused;
    CHECK('\0' == *segmsg_explanation(), "a thread that has called nothing explains: %s",
          segmsg_explanation());
    return NULL;
}

static void explanations_are_each_threads_own(void)
{
    pthread_t thread;

    fail_to_open();
    CHECK(strstr(segmsg_explanation(), "nonsense"), "explained by: %s", segmsg_explanation());
    pthread_create(&thread, NULL, explain_in_thread, NULL);
    pthread_join(thread, NULL);
    CHECK(strstr(segmsg_explanation(), "nonsense"), "after another thread's call: %s",
          segmsg_explanation());
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(every_result_has_a_text_of_its_own), PROMISE(texts_are_sentences),
        PROMISE(what_is_no_result_has_a_text_too),   PROMISE(the_version_is_that_of_the_header),
        PROMISE(texts_and_version_need_no_mpi),      PROMISE(without_mpi_nothing_is_opened),
        PROMISE(explanations_are_each_threads_own),
    };

    early.version = segmsg_version();
    early.text = segmsg_result_text(SEGMSG_E_BUSY);
    snprintf(early.explanation, sizeof(early.explanation), "%s", segmsg_explanation());
    early.handle = (segmsg_t *) &early;
    early.opened = segmsg_open(MPI_COMM_WORLD, NULL, &early.handle);
    return PROMISES_MAIN(argc, argv, "text", promises);
}
