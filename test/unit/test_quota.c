/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What control groups leave a process, as the kernel's files say it: both versions, groups in groups, containers that
 * know their own group by another name, and files that say nothing or nonsense.
 */
#include "base/quota.h"
#include "unit.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[] = "/tmp/segmsg-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", place, name);
    for (char *slash = path + sizeof(place); (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        (void) mkdir(path, 0700);
    }
    FILE *file = fopen(path, "w");
    UNIT_REQUIRE(file != NULL);
    UNIT_CHECK(fputs(text, file) >= 0);
    UNIT_CHECK(fclose(file) == 0);
}

/* Begins with an empty folder; false if there is none. */
static bool begin(void)
{
    memcpy(place + sizeof(place) - 7, "XXXXXX", 6);
    bool begun = mkdtemp(place) != NULL;
    UNIT_CHECK(begun);
    return begun;
}

static void end(void)
{
    char command[sizeof(place) + 32];
    snprintf(command, sizeof(command), "rm -rf %s", place);
    UNIT_CHECK(system(command) == 0);
}

/* The hierarchies that are mounted: `format` with the folder in the place of each %s. */
static void write_mounts(const char *format)
{
    char text[4 * PATH_MAX];
    snprintf(text, sizeof(text), format, place, place);
    write_file("proc/mountinfo", text);
}

#define SECOND "30 24 0:26 / %s/two rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define FIRST                                            \
    "30 24 0:26 / %s/one rw - cgroup cgroup rw,memory\n" \
    "31 24 0:27 / %s/one rw shared:7 - cgroup cgroup rw,cpu,cpuacct\n"

static unsigned long quota(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/proc", place);
    return segmsg_quota(path);
}

static void the_limit_of_version_2_is_found(void)
{
    UNIT_REQUIRE(begin());
    write_mounts(SECOND);
    write_file("proc/cgroup", "0::/a/b\n");
    UNIT_EQUAL(quota(), 0);
    write_file("two/a/b/cpu.max", "max 100000\n");
    UNIT_EQUAL(quota(), 0);
    write_file("two/a/b/cpu.max", "150000 100000\n");
    UNIT_EQUAL(quota(), 150);
    write_file("two/a/b/cpu.max", "500 100000\n");
    UNIT_EQUAL(quota(), 1);
    end();
}

static void the_least_of_all_groups_around_counts(void)
{
    UNIT_REQUIRE(begin());
    write_mounts(SECOND);
    write_file("proc/cgroup", "0::/a/b/c\n");
    write_file("two/a/b/c/cpu.max", "400000 100000\n");
    write_file("two/a/b/cpu.max", "max 100000\n");
    write_file("two/a/cpu.max", "100000 100000\n");
    UNIT_EQUAL(quota(), 100);
    write_file("two/cpu.max", "50000 100000\n");
    UNIT_EQUAL(quota(), 50);
    end();
}

static void the_limit_of_version_1_is_found(void)
{
    UNIT_REQUIRE(begin());
    write_mounts(FIRST);
    write_file("proc/cgroup", "9:memory:/m\n4:cpuacct,cpu:/a\n3:cpuset:/s\n0::/x\n");
    write_file("one/a/cpu.cfs_quota_us", "-1\n");
    write_file("one/a/cpu.cfs_period_us", "100000\n");
    UNIT_EQUAL(quota(), 0);
    write_file("one/a/cpu.cfs_quota_us", "50000\n");
    UNIT_EQUAL(quota(), 50);
    write_file("one/a/cpu.cfs_period_us", "50000\n");
    UNIT_EQUAL(quota(), 100);
    write_file("one/s/cpu.cfs_quota_us", "1000\n"); /* another hierarchy's group */
    write_file("one/s/cpu.cfs_period_us", "100000\n");
    UNIT_EQUAL(quota(), 100);
    end();
}

/* A container sees the host's name of its group, or one outside of what it sees; its own group is mounted. */
static void a_container_finds_its_own(void)
{
    UNIT_REQUIRE(begin());
    write_mounts("30 24 0:26 /docker/1234 %s/two ro - cgroup2 cgroup2 rw\n");
    write_file("proc/cgroup", "0::/docker/1234\n");
    write_file("two/cpu.max", "200000 100000\n");
    UNIT_EQUAL(quota(), 200);
    write_file("proc/cgroup", "0::/docker/1234/job\n");
    write_file("two/job/cpu.max", "100000 100000\n");
    UNIT_EQUAL(quota(), 100);
    write_file("proc/cgroup", "0::/docker/12345\n");
    UNIT_EQUAL(quota(), 200);
    write_file("proc/cgroup", "0::/../other\n");
    UNIT_EQUAL(quota(), 200);
    end();
}

static void what_says_nothing_is_no_limit(void)
{
    UNIT_REQUIRE(begin());
    UNIT_EQUAL(quota(), 0);
    write_file("proc/cgroup", "nonsense\n:\n0:\n0::\n");
    write_mounts("- cgroup2\n1 2 3 - cgroup2 x\n" SECOND);
    UNIT_EQUAL(quota(), 0);
    write_file("proc/cgroup", "0::/a\n");
    static const char *const texts[] = {"",    "\n",        "max",      "100000",
                                        "x y", "-5 100000", "100000 0", "100000 -1"};
    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); ++t) {
        write_file("two/a/cpu.max", texts[t]);
        UNIT_EQUAL(quota(), 0);
    }
    write_file("two/a/cpu.max", "9223372036854775807 100000\n"); /* more than any machine has */
    UNIT_CHECK(quota() == 0 || quota() > 1000000);
    end();
}

/* Whatever this machine's files say. */
static void this_process_has_some_limit_or_none(void)
{
    unsigned long found = segmsg_quota("/proc/self");
    UNIT_CHECK(found < 100UL * 1000000);
}

static const unit_case_t cases[] = {
    UNIT_CASE(the_limit_of_version_2_is_found), UNIT_CASE(the_least_of_all_groups_around_counts),
    UNIT_CASE(the_limit_of_version_1_is_found), UNIT_CASE(a_container_finds_its_own),
    UNIT_CASE(what_says_nothing_is_no_limit),   UNIT_CASE(this_process_has_some_limit_or_none),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
