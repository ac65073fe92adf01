/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of the shared-memory interconnect that need no Open MPI: committing pages before they
 * are touched, and choosing the NUMA nodes to bind to.
 */
#include "memory/commit.h"
#include "memory/numa.h"
#include "base/processors.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 64, BYTES = PAGES * 4096 };

typedef struct {
    char path[256];
    int fd;
    unsigned char *base;
} object_t;

/* A sparse file of BYTES bytes in `directory`, mapped. */
static bool open_object(object_t *object, const char *directory)
{
    snprintf(object->path, sizeof(object->path), "%s/segmsg-test-XXXXXX", directory);
    object->fd = mkstemp(object->path);
    if (object->fd < 0 || ftruncate(object->fd, BYTES) != 0) {
        return false;
    }
    object->base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, object->fd, 0);
    return object->base != MAP_FAILED;
}

static void close_object(object_t *object)
{
    munmap(object->base, BYTES);
    close(object->fd);
    unlink(object->path);
}

static long committed_bytes(const object_t *object)
{
    struct stat st;
    return fstat(object->fd, &st) == 0 ? (long) st.st_blocks * 512 : -1;
}

static void commit_takes_just_the_pages_asked_for(void)
{
    object_t object;
    UNIT_REQUIRE(open_object(&object, "/dev/shm"));
    UNIT_CHECK(committed_bytes(&object) == 0);
    UNIT_CHECK(segmsg_commit_pages(object.base + 3 * 4096 + 100, object.fd, 3 * 4096 + 100, 4096)
               == 0);
    UNIT_CHECK(committed_bytes(&object) == 2 * 4096);
    UNIT_CHECK(segmsg_commit_pages(object.base + 3 * 4096 + 100, object.fd, 3 * 4096 + 100, 4096)
               == 0);
    UNIT_CHECK(committed_bytes(&object) == 2 * 4096);
    close_object(&object);
}

static void commit_keeps_what_was_written(void)
{
    object_t object;
    UNIT_REQUIRE(open_object(&object, "/dev/shm"));
    object.base[4096] = 77;
    UNIT_CHECK(segmsg_commit_pages(object.base, object.fd, 0, BYTES) == 0);
    UNIT_CHECK(object.base[4096] == 77);
    close_object(&object);
}

static void commit_on_a_full_file_system_is_an_error_and_no_signal(void)
{
    char directory[] = "/tmp/segmsg-full-XXXXXX";
    UNIT_REQUIRE(mkdtemp(directory) != NULL);
    if (mount("tmpfs", directory, "tmpfs", 0, "size=64k") != 0) {
        fprintf(stderr, "# not permitted to mount a file system: nothing tested here\n");
        rmdir(directory);
        return;
    }
    object_t object;
    UNIT_REQUIRE(open_object(&object, directory));
    UNIT_CHECK(segmsg_commit_pages(object.base, object.fd, 0, 4 * 4096) == 0);
    UNIT_CHECK(segmsg_commit_pages(object.base, object.fd, 0, BYTES) == ENOSPC);
    close_object(&object);
    UNIT_CHECK(umount(directory) == 0);
    rmdir(directory);
}

/* A made-up machine. */
static hwloc_topology_t synthetic(const char *description)
{
    hwloc_topology_t topology;
    UNIT_CHECK(hwloc_topology_init(&topology) == 0);
    UNIT_CHECK(hwloc_topology_set_synthetic(topology, description) == 0);
    UNIT_CHECK(hwloc_topology_load(topology) == 0);
    return topology;
}

static bool local_nodes(hwloc_topology_t topology, const char *cpus, const char *expected)
{
    hwloc_bitmap_t cpuset = hwloc_bitmap_alloc();
    hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
    hwloc_bitmap_t wanted = hwloc_bitmap_alloc();
    hwloc_bitmap_list_sscanf(cpuset, cpus);
    hwloc_bitmap_list_sscanf(wanted, expected);
    bool binds = segmsg_numa_local_nodes(topology, cpuset, nodes);
    UNIT_CHECK(hwloc_bitmap_isequal(nodes, wanted));
    hwloc_bitmap_free(cpuset);
    hwloc_bitmap_free(nodes);
    hwloc_bitmap_free(wanted);
    return binds;
}

static void numa_binds_to_the_node_of_the_receiver(void)
{
    hwloc_topology_t topology = synthetic("numa:4 core:2 pu:1");
    UNIT_CHECK(local_nodes(topology, "0", "0"));
    UNIT_CHECK(local_nodes(topology, "5", "2"));
    UNIT_CHECK(local_nodes(topology, "3-4", "1-2"));
    hwloc_topology_destroy(topology);
}

static void numa_does_not_bind_who_may_run_everywhere(void)
{
    hwloc_topology_t topology = synthetic("numa:4 core:2 pu:1");
    UNIT_CHECK(!local_nodes(topology, "0-7", "0-3"));
    hwloc_topology_destroy(topology);
}

static void numa_does_nothing_on_one_node(void)
{
    hwloc_topology_t topology = synthetic("numa:1 core:4 pu:1");
    UNIT_CHECK(!local_nodes(topology, "2", "0"));
    hwloc_topology_destroy(topology);
}

static void numa_without_a_topology_is_no_error(void)
{
    static unsigned char memory[4096];
    UNIT_CHECK(!segmsg_numa_bind_local(NULL, memory, sizeof(memory)));
}

static void numa_binds_nothing_on_a_machine_that_is_not_this_one(void)
{
    /* hwloc refuses to bind on a synthetic topology; that must be survived. */
    static unsigned char memory[4096];
    hwloc_topology_t topology = synthetic("numa:2 core:2 pu:1");
    (void) segmsg_numa_bind_local(topology, memory, sizeof(memory));
    hwloc_topology_destroy(topology);
}

/* Binds a child to one processor, and sees how many the two may use together. */
static void processors_are_those_of_the_affinity_masks(void)
{
    cpu_set_t own;
    cpu_set_t one;
    UNIT_REQUIRE(sched_getaffinity(0, sizeof(own), &own) == 0);
    int first = 0;
    while (!CPU_ISSET(first, &own)) {
        ++first;
    }
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    UNIT_CHECK(sched_setaffinity(child, sizeof(one), &one) == 0);

    segmsg_processors_t processors;
    segmsg_processors_init(&processors);
    segmsg_processors_add(&processors, child);
    UNIT_CHECK(segmsg_processors_count(&processors) == 1);
    UNIT_CHECK(segmsg_processors_share_one(child) == (CPU_COUNT(&own) == 1));
    segmsg_processors_add(&processors, 0);
    UNIT_CHECK(segmsg_processors_count(&processors) == CPU_COUNT(&own));

    UNIT_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
    UNIT_CHECK(segmsg_processors_share_one(child));
    UNIT_CHECK(sched_setaffinity(0, sizeof(own), &own) == 0);

    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* Of a process that has gone nothing is known: all of the machine's. */
    segmsg_processors_init(&processors);
    segmsg_processors_add(&processors, child);
    UNIT_CHECK(segmsg_processors_count(&processors) == sysconf(_SC_NPROCESSORS_ONLN));
    UNIT_CHECK(!segmsg_processors_share_one(child));
}

static const unit_case_t cases[] = {
    UNIT_CASE(commit_takes_just_the_pages_asked_for),
    UNIT_CASE(commit_keeps_what_was_written),
    UNIT_CASE(commit_on_a_full_file_system_is_an_error_and_no_signal),
    UNIT_CASE(numa_binds_to_the_node_of_the_receiver),
    UNIT_CASE(numa_does_not_bind_who_may_run_everywhere),
    UNIT_CASE(numa_does_nothing_on_one_node),
    UNIT_CASE(numa_without_a_topology_is_no_error),
    UNIT_CASE(numa_binds_nothing_on_a_machine_that_is_not_this_one),
    UNIT_CASE(processors_are_those_of_the_affinity_masks),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
