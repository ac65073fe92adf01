/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "unit.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_PRINTED = 10, VALGRIND_SLOWDOWN = 50 };

#if defined(__SANITIZE_THREAD__)
enum { SANITIZER_SLOWDOWN = 20 };
#elif defined(__SANITIZE_ADDRESS__)
enum { SANITIZER_SLOWDOWN = 10 };
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
enum { SANITIZER_SLOWDOWN = 20 };
#elif __has_feature(address_sanitizer)
enum { SANITIZER_SLOWDOWN = 10 };
#else
enum { SANITIZER_SLOWDOWN = 1 };
#endif
#else
enum { SANITIZER_SLOWDOWN = 1 };
#endif

static const char *running = "";
static atomic_uint failures; /* of the running case */
static uint64_t seed;
static uint64_t scale = 1;

void unit_fail(const char *file, int line, const char *format, ...)
{
    if (atomic_fetch_add(&failures, 1) >= FAILURES_PRINTED) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, running, text);
}

bool unit_has_failed(void)
{
    return atomic_load(&failures) != 0;
}

bool unit_is_emulated(void)
{
    const char *value = getenv("UNIT_EMULATED");
    bool is_emulated = value != NULL && *value != 0;
    if (is_emulated) {
        fprintf(stderr, "# not under an emulator: nothing tested here\n");
    }
    return is_emulated;
}

void unit_child_exit(void)
{
    fflush(NULL);
    _exit(unit_has_failed() ? 1 : 0);
}

void unit_child_wait(int pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        unit_fail(__FILE__, __LINE__, "the child process failed");
    }
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 0);
}

static bool is_under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

uint64_t unit_repetitions(uint64_t quick)
{
    uint64_t slowdown = is_under_valgrind() ? VALGRIND_SLOWDOWN : SANITIZER_SLOWDOWN;
    uint64_t repetitions = quick * scale / slowdown;
    return repetitions == 0 ? 1 : repetitions;
}

unit_random_t unit_random(uint64_t stream)
{
    uint64_t hash = seed ^ stream * UINT64_C(0xd6e8feb86659fd93);
    for (const char *c = running; *c != '\0'; ++c) {
        hash = (hash ^ (unsigned char) *c) * UINT64_C(0x100000001b3);
    }
    unit_random_t random = {hash};
    (void) unit_next(&random);
    return random;
}

static void hung(int signal)
{
    static const char text[] = ": hung\n";
    (void) signal;
    (void) !write(STDERR_FILENO, running, strlen(running));
    (void) !write(STDERR_FILENO, text, sizeof(text) - 1);
    abort();
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int a = 1; a < argc; ++a) {
        if (strcmp(argv[a], name) == 0) {
            return true;
        }
    }
    return argc == 1;
}

static bool run_case(const unit_case_t *test)
{
    running = test->name;
    atomic_store(&failures, 0);
    alarm((unsigned) (from_environment("SEGMSG_TEST_TIMEOUT", 300) * scale));
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    test->run();
    clock_gettime(CLOCK_MONOTONIC, &end);
    alarm(0);
    bool passed = !unit_has_failed();
    printf("%s  %s  (%.2f s)\n", passed ? "ok    " : "FAILED", test->name,
           (double) (end.tv_sec - begin.tv_sec) + (double) (end.tv_nsec - begin.tv_nsec) / 1e9);
    fflush(stdout);
    return passed;
}

int unit_main(int argc, char **argv, const unit_case_t *cases, size_t count)
{
    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        for (size_t c = 0; c < count; ++c) {
            puts(cases[c].name);
        }
        return 0;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = from_environment("SEGMSG_TEST_SEED", (uint64_t) now.tv_nsec ^ (uint64_t) getpid() << 32);
    scale = from_environment("SEGMSG_TEST_SCALE", 1);
    signal(SIGALRM, hung);
    printf("SEGMSG_TEST_SEED=%llu\n", (unsigned long long) seed);
    fflush(stdout);

    unsigned passed = 0;
    unsigned failed = 0;
    for (size_t c = 0; c < count; ++c) {
        if (is_wanted(cases[c].name, argc, argv)) {
            *(run_case(&cases[c]) ? &passed : &failed) += 1;
        }
    }
    if (passed + failed == 0) {
        fprintf(stderr, "no such case; -l lists them\n");
        failed = 1;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
