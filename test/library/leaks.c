/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * leaks: a communicator can be opened and closed any number of times, and nothing of it stays: no
 * memory, no files, no objects of MPI's. Nor after an attempt to open it that failed.
 */
#include "content.h"
#include "watched.h"

#include <dirent.h>
#include <limits.h>
#include <malloc.h>

enum { WARM = 20, ROUNDS = 20, TIMES = 5 };

static int entries(const char *folder)
{
    DIR *open = opendir(folder);
    int count = 0;

    while (open && readdir(open)) {
        count++;
    }
    if (open) {
        closedir(open);
    }
    return count;
}

/* How many places of memory are mapped and shared. */
static long shared_places(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[600], rights[5];
    long shared = 0;

    while (maps && fgets(line, sizeof(line), maps)) {
        shared += 1 == sscanf(line, "%*x-%*x %4s", rights) && 's' == rights[3];
    }
    if (maps) {
        fclose(maps);
    }
    return shared;
}

/* AddressSanitizer's own count, where the program is compiled with it. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* Bytes of memory that is this process's alone; 0 under AddressSanitizer, which keeps pages of its
 * shadow for every place where something has been. */
static long own_memory(void)
{
    FILE *sizes = fopen("/proc/self/statm", "r");
    long all = 0, resident = 0, in_files = 0;

    if (!sizes || 3 != fscanf(sizes, "%ld %ld %ld", &all, &resident, &in_files)) {
        check_report(__FILE__, __LINE__, "cannot read /proc/self/statm");
    }
    if (sizes) {
        fclose(sizes);
    }
    return __sanitizer_get_current_allocated_bytes ? 0
                                                   : (resident - in_files) * sysconf(_SC_PAGESIZE);
}

/* Bytes that were asked for of malloc and not given back, to the byte, where it can tell. */
static long allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return __sanitizer_get_current_allocated_bytes
               ? (long) __sanitizer_get_current_allocated_bytes()
               : (long) (info.uordblks + info.hblkhd);
}

struct holdings {
    long objects, files, shared, shm;
    long resident, allocated; /* bytes */
};

static struct holdings look(void)
{
    struct holdings holdings;

    MPI_Barrier(MPI_COMM_WORLD);
    holdings.objects = atomic_load(&watched.objects);
    holdings.files = entries("/proc/self/fd");
    holdings.shared = shared_places();
    holdings.resident = own_memory();
    holdings.allocated = allocated();
    /* Others' files come and go there, unless the driver has made one for this job. */
    holdings.shm = getenv("SEGMSG_TEST_OWN_SHM") ? entries("/dev/shm") : 0;
    MPI_Barrier(MPI_COMM_WORLD);
    return holdings;
}

/* A window of MPI's own as large as the library's, to see what MPI does not give back. */
static void window_round(void)
{
    MPI_Comm comm, node;
    MPI_Win win;
    char *base;

    PMPI_Comm_dup(MPI_COMM_WORLD, &comm);
    PMPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    PMPI_Win_allocate_shared(1 << 20, 1, MPI_INFO_NULL, node, &base, &win);
    PMPI_Win_lock_all(0, win);
    PMPI_Win_unlock_all(win);
    PMPI_Win_free(&win);
    PMPI_Comm_free(&node);
    PMPI_Comm_free(&comm);
}

/* Some messages of every kind, with many requests at once. */
static void message_round(void)
{
    enum { MESSAGES = 24 };
    static const size_t sizes[] = {8, 4000, 200000};
    segmsg_t *handle = open_world();
    int to = (check_rank + 1) % check_size, from = (check_rank + check_size - 1) % check_size;
    segmsg_request_t *receives[MESSAGES], *sends[MESSAGES];
    struct room rooms[MESSAGES];
    unsigned char *out = content_make(sizes[2], 1);

    for (int n = 0; n < MESSAGES; n++) {
        rooms[n] = room_make(sizes[n % 3], 0);
        SUCCEEDS(segmsg_irecv(handle, from, n, rooms[n].data, sizes[n % 3], &receives[n]));
    }
    for (int n = 0; n < MESSAGES; n++) {
        SUCCEEDS(segmsg_isend(handle, to, n, out, sizes[n % 3], &sends[n]));
    }
    SUCCEEDS(segmsg_wait_all(handle, MESSAGES, receives, NULL));
    SUCCEEDS(segmsg_wait_all(handle, MESSAGES, sends, NULL));
    for (int n = 0; n < MESSAGES; n++) {
        ROOM(&rooms[n], sizes[n % 3], 1);
    }
    free(out);
    close_empty(&handle);
}

/* Closed with messages left over, which have to be freed too. */
static void left_over_round(void)
{
    segmsg_t *handle = open_world();
    unsigned handled;

    for (int n = 0; n < 10; n++) {
        transmit(handle, (check_rank + 1) % check_size, n, segmsg_eager_limit(handle), 0);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    SUCCEEDS(segmsg_poll(handle, NULL, NULL, &handled));
    check_doing("%s: segmsg_close", promise_now);
    GIVES(SEGMSG_E_LEFT_OVER, segmsg_close(&handle));
}

static void failed_round(void)
{
    segmsg_options_t options = {.size = sizeof(options), .groups = "nonsense"};
    segmsg_t *handle;

    GIVES(SEGMSG_E_OPTIONS,
          segmsg_open(MPI_COMM_WORLD, check_rank == check_size - 1 ? &options : NULL, &handle));
}

static void failed_window_round(void)
{
    segmsg_t *handle;

    watched.name = "MPI_Win_allocate_shared";
    watched.skip = 0;
    GIVES(SEGMSG_E_MPI, segmsg_open(MPI_COMM_WORLD, NULL, &handle));
    watched.name = NULL;
}

/* Bytes per round by which memory grows. */
struct growth {
    long resident, allocated;
};

static long least(long a, long b)
{
    return a < b ? a : b;
}

/* After some rounds; *before and *after are what was held then and in the end. Measured several times,
 * of which the least counts: a leak grows all the time, what is kept for later does not. */
static struct growth grow(void (*round)(void), struct holdings *before, struct holdings *after)
{
    struct growth growth = {LONG_MAX, LONG_MAX};

    for (int n = 0; n < WARM; n++) {
        round();
    }
    *before = *after = look();
    for (int time = 0; time < TIMES; time++) {
        struct holdings since = *after;

        for (int n = 0; n < ROUNDS; n++) {
            check_doing("%s: round %d", promise_now, n);
            round();
        }
        *after = look();
        growth.resident = least(growth.resident, (after->resident - since.resident) / ROUNDS);
        growth.allocated = least(growth.allocated, (after->allocated - since.allocated) / ROUNDS);
    }
    return growth;
}

static void repeat(void (*round)(void))
{
    struct holdings before, after;
    struct growth mpis = grow(window_round, &before, &after), ours = grow(round, &before, &after);

    CHECK(after.objects == before.objects, "%ld objects of MPI's are left",
          after.objects - before.objects);
    CHECK(after.files <= before.files, "%ld more files are open", after.files - before.files);
    CHECK(after.shared <= before.shared + 1, "%ld more places of shared memory are mapped",
          after.shared - before.shared);
    CHECK(after.shm <= before.shm, "%ld more files in /dev/shm", after.shm - before.shm);
    CHECK(ours.resident < 4096 + 2 * labs(mpis.resident),
          "%ld bytes of memory are lost each time; windows of MPI's take %ld", ours.resident,
          mpis.resident);
    CHECK(ours.allocated < 300 + 2 * labs(mpis.allocated),
          "%ld bytes of malloc's are lost each time; windows of MPI's take %ld", ours.allocated,
          mpis.allocated);
    fprintf(stderr, "%s: resident %ld %ld alloc %ld %ld\n", promise_now, ours.resident,
            mpis.resident, ours.allocated, mpis.allocated);
}

static void opening_and_closing_leaves_nothing(void)
{
    repeat(message_round);
}

static void closing_with_messages_leaves_nothing(void)
{
    repeat(left_over_round);
}

static void opening_that_fails_leaves_nothing(void)
{
    repeat(failed_round);
}

static void opening_without_a_window_leaves_nothing(void)
{
    repeat(failed_window_round);
}

/* Traffic in one handle does not take more and more memory either. */
static segmsg_t *open_handle;

static void traffic_round(void)
{
    enum { MESSAGES = 100 };
    int to = (check_rank + 1) % check_size, from = (check_rank + check_size - 1) % check_size;
    segmsg_request_t *requests[MESSAGES];
    unsigned char *out = content_make(100000, 1);

    for (int n = 0; n < MESSAGES; n++) {
        SUCCEEDS(
            segmsg_isend(open_handle, to, n, out, n % 10 ? (size_t) n * 70 : 100000, &requests[n]));
    }
    for (int n = MESSAGES - 1; n >= 0; n--) {
        receive(open_handle, from, n, n % 10 ? (size_t) n * 70 : 100000, 1);
    }
    SUCCEEDS(segmsg_wait_all(open_handle, MESSAGES, requests, NULL));
    free(out);
}

static void traffic_leaves_nothing(void)
{
    open_handle = open_world();
    repeat(traffic_round);
    close_empty(&open_handle);
}

int main(int argc, char **argv)
{
    static const struct promise promises[] = {
        PROMISE(opening_and_closing_leaves_nothing),
        PROMISE(closing_with_messages_leaves_nothing),
        PROMISE(opening_that_fails_leaves_nothing),
        PROMISE(opening_without_a_window_leaves_nothing),
        PROMISE(traffic_leaves_nothing),
    };

    return PROMISES_MAIN(argc, argv, "leaks", promises);
}
