/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Address space follows use: what a process maps of a receive region, its own and that of another, and
 * what becomes of messages when it may map no more. The region is a real file; what is mapped of it is what
 * the kernel says.
 */
#include "engine/lobby.h"
#include "engine/groups.h"
#include "engine/lobby_poll.h"
#include "engine/receiver.h"
#include "queue/verdict.h"
#include "memory/commit.h"
#include "memory/shm_map.h"
#include "memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PEERS = 4, LOBBY = 64 };

/* A process's view of a region. */
typedef struct {
    segmsg_shm_map_t map;
    segmsg_export_t export;
    unsigned asked; /* times that a segment was to be mapped */
} side_t;

typedef struct {
    int fd;
    segmsg_export_config_t config;
    side_t owner;
    side_t peer;
    segmsg_receiver_t receiver;
    segmsg_sender_t sender;
} region_t;

static int side_commit(void *context, size_t offset, size_t length)
{
    side_t *side = context;
    return segmsg_commit_pages(segmsg_shm_map_find(&side->map, offset, length), side->map.fd,
                               offset, length);
}

static unsigned char *side_map(void *context, size_t offset, size_t length)
{
    side_t *side = context;
    ++side->asked;
    return segmsg_shm_map_segment(&side->map, offset, length);
}

static bool side_open(side_t *side, int fd, size_t bytes, size_t at_once,
                      segmsg_shm_map_mode_t mode, bool is_peers)
{
    *side = (side_t){0};
    if (segmsg_shm_map_open(&side->map, fd, bytes, at_once, mode, is_peers) != 0) {
        return false;
    }
    side->export = (segmsg_export_t){.base = side->map.base,
                                     .bytes = bytes,
                                     .commit = side_commit,
                                     .map = side_map,
                                     .commit_context = side};
    return true;
}

/* Bytes of the file that this process has mapped. */
static size_t mapped_bytes(int fd)
{
    struct stat st;
    UNIT_CHECK(fstat(fd, &st) == 0);
    size_t sum = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t from;
        uintptr_t to;
        unsigned long inode;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %lu", &from, &to, &inode) == 3
            && inode == st.st_ino) {
            sum += to - from;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return sum;
}

static size_t segment_bytes(const region_t *region, uint32_t group, uint32_t count)
{
    size_t bytes =
        segmsg_segment_bytes(group, region->config.geometry.group[group].partition_size, count);
    return (bytes + SEGMSG_PAGE - 1) / SEGMSG_PAGE * SEGMSG_PAGE;
}

static size_t full_bytes(const region_t *region, uint32_t group)
{
    return segment_bytes(region, group, region->config.geometry.group[group].partition_count);
}

/* A region with a lobby, mapped by its owner and by one peer, which are the same process here. */
static bool open_region(region_t *region, segmsg_shm_map_mode_t mode, const segmsg_growth_t *growth)
{
    memset(region, 0, sizeof(*region));
    region->config = memory_config("64:1023:260,1K:64:7,8K:64:9", 63, 64);
    region->config.lobby = LOBBY;
    size_t bytes = segmsg_export_bytes_for(&region->config, PEERS);
    size_t at_once = segmsg_export_bytes_at_once(&region->config);
    segmsg_identity_t self = memory_sender(1);
    segmsg_shm_map_set_limit(UINT64_MAX);
    region->fd = memfd_create("segmsg-test", MFD_CLOEXEC);
    bool is_open =
        region->fd >= 0 && ftruncate(region->fd, (off_t) bytes) == 0
        && side_open(&region->owner, region->fd, bytes, at_once, mode, false)
        && segmsg_export_init(&region->owner.export, &region->config) == SEGMSG_OK
        && segmsg_receiver_init(&region->receiver, &region->owner.export)
        && side_open(&region->peer, region->fd, bytes, at_once, SEGMSG_SHM_MAP_SEGMENTS, true)
        && segmsg_export_check(&region->peer.export) == SEGMSG_OK;
    UNIT_CHECK(is_open);
    if (is_open) {
        segmsg_sender_init(&region->sender, &region->peer.export, &self, growth);
    }
    return is_open;
}

/* Everything is unmapped again, and counted down. */
static void close_region(region_t *region)
{
    segmsg_sender_destroy(&region->sender);
    segmsg_receiver_destroy(&region->receiver);
    segmsg_shm_map_close(&region->peer.map);
    segmsg_shm_map_close(&region->owner.map);
    UNIT_EQUAL(mapped_bytes(region->fd), 0);
    UNIT_EQUAL(segmsg_shm_map_peers_bytes(), 0);
    segmsg_shm_map_set_limit(UINT64_MAX);
    close(region->fd);
}

static segmsg_error_t send_one(region_t *region, uint32_t length, uint64_t number)
{
    segmsg_place_t place;
    segmsg_error_t error = segmsg_sender_take(&region->sender, length, &place);
    if (error == SEGMSG_OK) {
        memory_fill(place.data, length, number);
        UNIT_CHECK(segmsg_sender_publish(&region->sender, &place, 1, length));
    }
    return error;
}

/* Takes the next message, from the lobby or from the sender's own ring. */
static void receive_one(region_t *region, uint32_t length, uint64_t number)
{
    segmsg_receiver_t *receiver = &region->receiver;
    segmsg_reader_t *reader = NULL;
    segmsg_message_t message;
    void *user;
    if (segmsg_receiver_has_new_groups(receiver)) {
        UNIT_EQUAL(segmsg_receiver_find_groups(receiver), SEGMSG_OK);
    }
    segmsg_poll_t found = segmsg_lobby_poll(receiver, &reader, &message, &user);
    if (found == SEGMSG_POLL_NONE && receiver->reader_count != 0) {
        reader = receiver->reader[0];
        found = segmsg_reader_poll(receiver, reader, &message);
    }
    UNIT_EQUAL(found, SEGMSG_POLL_MESSAGE);
    UNIT_REQUIRE(found == SEGMSG_POLL_MESSAGE);
    UNIT_EQUAL(message.length, length);
    UNIT_CHECK(memory_holds(message.data, length, number));
    segmsg_message_return(receiver, reader, &message);
}

static void exchange(region_t *region, uint32_t length, uint64_t number)
{
    UNIT_EQUAL(send_one(region, length, number), SEGMSG_OK);
    receive_one(region, length, number);
}

static void a_region_is_mapped_to_the_end_of_its_lobby(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_after = UINT32_MAX, .long_after = UINT32_MAX};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    size_t at_once = region.owner.export.shape.at_once;
    UNIT_EQUAL(at_once, region.owner.export.shape.arena + segment_bytes(&region, 0, LOBBY));
    UNIT_CHECK(at_once < region.owner.export.bytes / 4);
    for (uint64_t m = 0; m < 1000; ++m) {
        exchange(&region, 100, m);
    }
    UNIT_EQUAL(mapped_bytes(region.fd), 2 * at_once);
    UNIT_EQUAL(region.owner.asked + region.peer.asked, 0);
    close_region(&region);
}

/* On both sides, and each once, however many messages there are. */
static void a_segment_is_mapped_when_it_is_first_used(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_after = 8,
                                    .own_crowd = 8,
                                    .grow_after = 16,
                                    .long_after = 4};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    size_t expected = 2 * region.owner.export.shape.at_once;

    exchange(&region, 5000, 1); /* through the common segment of the guests */
    expected += 2 * full_bytes(&region, 1);
    UNIT_EQUAL(mapped_bytes(region.fd), expected);
    exchange(&region, 20000, 2);
    expected += 2 * full_bytes(&region, 2);
    UNIT_EQUAL(mapped_bytes(region.fd), expected);
    for (uint64_t m = 0; m < 500; ++m) {
        exchange(&region, 20000, m);
    }
    /* The sender has its own ring by now, and a segment of its own for that size. */
    expected += 2 * (segment_bytes(&region, 0, 63) + full_bytes(&region, 2));
    UNIT_EQUAL(mapped_bytes(region.fd), expected);
    uint64_t sent = 0;
    while (send_one(&region, 100, sent) == SEGMSG_OK && sent < 200) {
        ++sent;
    }
    for (uint64_t m = 0; m < sent; ++m) {
        receive_one(&region, 100, m);
    }
    expected += 2 * full_bytes(&region, 0);
    UNIT_EQUAL(mapped_bytes(region.fd), expected);
    close_region(&region);
}

/* The sender goes on with what it has, and seldom asks again. */
static void a_segment_that_cannot_be_mapped_leaves_its_messages_to_others(void)
{
    enum { MESSAGES = 4000 };
    region_t region;
    const segmsg_growth_t growth = {.own_after = 8,
                                    .own_crowd = 8,
                                    .grow_after = 16,
                                    .long_after = 4};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    /* Enough for a starter and for a full ring, or for group 1, not for group 2. */
    segmsg_shm_map_set_limit(2 * full_bytes(&region, 1));
    unsigned refused = 0;
    for (uint64_t m = 0; m < MESSAGES; ++m) {
        exchange(&region, 100, m);
        segmsg_error_t error = send_one(&region, 20000, m);
        UNIT_CHECK(error == SEGMSG_ERR_NO_SPACE || error == SEGMSG_ERR_TOO_LARGE);
        refused += error != SEGMSG_OK;
        exchange(&region, 5000, m);
    }
    UNIT_EQUAL(refused, MESSAGES);
    UNIT_CHECK(region.peer.asked < MESSAGES / 50);
    UNIT_CHECK(segmsg_shm_map_peers_bytes() <= 2 * full_bytes(&region, 1));
    /* With address space again, they go there. */
    segmsg_shm_map_set_limit(UINT64_MAX);
    segmsg_error_t error = SEGMSG_ERR_NO_SPACE;
    for (uint64_t m = 0; m < 3 * SEGMSG_ASK_AGAIN && error != SEGMSG_OK; ++m) {
        error = send_one(&region, 20000, m);
        if (error == SEGMSG_OK) {
            receive_one(&region, 20000, m);
        }
    }
    UNIT_EQUAL(error, SEGMSG_OK);
    close_region(&region);
}

/* Without any address space for segments, the lobby still carries what is short. */
static void without_address_space_for_segments_short_messages_go_on(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_after = 8,
                                    .own_crowd = 8,
                                    .grow_after = 16,
                                    .long_after = 4};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    segmsg_shm_map_set_limit(SEGMSG_PAGE - 1);
    for (uint64_t m = 0; m < 3000; ++m) {
        exchange(&region, 100, m);
        UNIT_CHECK(send_one(&region, 5000, m) != SEGMSG_OK);
    }
    UNIT_EQUAL(mapped_bytes(region.fd), 2 * region.owner.export.shape.at_once);
    close_region(&region);
}

/* The receiver says so, and does not take it for a sender's nonsense. */
static void a_segment_that_the_owner_cannot_map_is_an_error_of_its_own(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_after = UINT32_MAX, .long_after = UINT32_MAX};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    exchange(&region, 100, 0);
    UNIT_EQUAL(send_one(&region, 5000, 1), SEGMSG_OK);
    int fd = region.owner.map.fd;
    region.owner.map.fd = -1; /* no mmap works */
    segmsg_reader_t *reader;
    segmsg_message_t message;
    void *user;
    UNIT_EQUAL(segmsg_lobby_poll(&region.receiver, &reader, &message, &user), SEGMSG_POLL_CORRUPT);
    UNIT_CHECK(region.receiver.is_short_of_addresses);
    region.owner.map.fd = fd;
    region.receiver.is_short_of_addresses = false;
    receive_one(&region, 5000, 1);
    UNIT_CHECK(!region.receiver.is_short_of_addresses);
    /* A group of the sender's own likewise. */
    region.sender.growth = (segmsg_growth_t){.own_crowd = 8};
    UNIT_EQUAL(send_one(&region, 100, 2), SEGMSG_OK);
    region.owner.map.fd = -1;
    UNIT_EQUAL(segmsg_receiver_find_groups(&region.receiver), SEGMSG_ERR_UNMAPPED);
    UNIT_CHECK(region.receiver.is_short_of_addresses);
    region.owner.map.fd = fd;
    close_region(&region);
}

/* In a process that may map nothing any more: what was reserved can be mapped all the same. */
static void child_maps_what_was_reserved(region_t *region)
{
    const segmsg_export_shape_t *shape = &region->owner.export.shape;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY / 2, .rlim_max = RLIM_INFINITY};
    size_t length = full_bytes(region, 1);
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        _exit(1);
    }
    limit.rlim_cur -= segmsg_shm_map_address_space_left();
    if (setrlimit(RLIMIT_AS, &limit) != 0 || segmsg_shm_map_address_space_left() != 0
        || segmsg_shm_map_segment(&region->peer.map, shape->at_once, length) != NULL) {
        _exit(2);
    }
    for (size_t offset = shape->at_once; offset + length <= shape->export_bytes; offset += length) {
        unsigned char *at = segmsg_shm_map_segment(&region->owner.map, offset, length);
        if (at != region->owner.map.base + offset) {
            _exit(3);
        }
        at[0] = at[length - 1] = 77;
    }
    _exit(0);
}

static void what_was_reserved_can_be_mapped_whatever_the_limit(void)
{
    if (unit_is_emulated()) {
        return;
    }
    region_t region;
    const segmsg_growth_t growth = {.own_crowd = 8};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_RESERVED, &growth));
    /* Room to note all of them, which is no address space of the region. */
    region.owner.map.pieces_room = 64;
    region.owner.map.piece = calloc(region.owner.map.pieces_room, sizeof(*region.owner.map.piece));
    region.peer.map.pieces_room = 8;
    region.peer.map.piece = calloc(region.peer.map.pieces_room, sizeof(*region.peer.map.piece));
    pid_t child = fork();
    if (child == 0) {
        child_maps_what_was_reserved(&region);
    }
    int status = -1;
    UNIT_CHECK(waitpid(child, &status, 0) == child);
    UNIT_CHECK(WIFEXITED(status));
    UNIT_EQUAL(WEXITSTATUS(status), 0);
    close_region(&region);
}

static void nothing_outside_a_region_is_mapped(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_crowd = 8};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    segmsg_shm_map_t *map = &region.peer.map;
    const size_t bytes = map->bytes;
    const struct {
        size_t offset;
        size_t length;
    } wrong[] = {
        {bytes, 1},
        {bytes - SEGMSG_PAGE, SEGMSG_PAGE + 1},
        {SIZE_MAX, 1},
        {SIZE_MAX - SEGMSG_PAGE + 1, SEGMSG_PAGE},
        {map->at_once, SIZE_MAX},
        {map->at_once, SIZE_MAX - map->at_once + 1},
    };
    for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); ++w) {
        UNIT_CHECK(segmsg_shm_map_segment(map, wrong[w].offset, wrong[w].length) == NULL);
    }
    UNIT_EQUAL(mapped_bytes(region.fd), 2 * map->at_once);
    /* Whoever writes ever other segments into the table does not have ever more mapped. */
    unit_random_t random = unit_random(1);
    for (int i = 0; i < 20000; ++i) {
        size_t page = unit_below(&random, bytes / SEGMSG_PAGE);
        size_t length = 1 + unit_below(&random, bytes - page * SEGMSG_PAGE);
        (void) segmsg_shm_map_segment(map, page * SEGMSG_PAGE, length);
    }
    UNIT_CHECK(map->pieces <= bytes / SEGMSG_PAGE);
    close_region(&region);
}

static void parts_are_visited_one_after_the_other(void *context, void *at, size_t length)
{
    *(size_t *) context += length;
    UNIT_CHECK(at != NULL && length != 0);
}

static void all_of_a_region_is_visited_and_nothing_stays_mapped(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_crowd = 8};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    size_t visited = 0;
    size_t before = mapped_bytes(region.fd);
    segmsg_shm_map_visit(&region.owner.map, parts_are_visited_one_after_the_other, &visited);
    UNIT_EQUAL(visited, region.owner.map.bytes);
    UNIT_EQUAL(mapped_bytes(region.fd), before);
    close_region(&region);
}

/* A quarter of those that the process may have, and none of the low ones, which are the application's. */
static void few_descriptors_are_kept_where_there_are_few(void)
{
    struct rlimit before;
    UNIT_CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit few = {.rlim_cur = 40, .rlim_max = before.rlim_max};
    UNIT_CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    int kept[40];
    int count = 0;
    for (; count < 40; ++count) {
        int fd = memfd_create("segmsg-test", MFD_CLOEXEC);
        kept[count] = segmsg_shm_map_keep(fd);
        if (kept[count] < 0) {
            UNIT_CHECK(close(fd) == 0); /* it stays open then */
            break;
        }
        UNIT_CHECK(kept[count] >= 20);
        UNIT_CHECK((fcntl(kept[count], F_GETFD) & FD_CLOEXEC) != 0);
        UNIT_CHECK(fcntl(fd, F_GETFD) < 0);
    }
    UNIT_EQUAL(count, 10);
    while (count != 0) {
        segmsg_shm_map_release(kept[--count]);
    }
    int fd = memfd_create("segmsg-test", MFD_CLOEXEC);
    kept[0] = segmsg_shm_map_keep(fd);
    UNIT_CHECK(kept[0] >= 20);
    segmsg_shm_map_release(kept[0]);
    UNIT_CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

/* Descriptors that the kernel's table of this process has room for. */
static unsigned long descriptor_table(void)
{
    char line[128];
    unsigned long size = 0;
    FILE *file = fopen("/proc/self/status", "re");
    UNIT_CHECK(file != NULL);
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        sscanf(line, "FDSize: %lu", &size);
    }
    UNIT_CHECK(file != NULL && fclose(file) == 0);
    return size;
}

/* For a table that grows, a process of several threads waits for 15 ms. */
static void the_first_descriptors_that_are_kept_fit_into_the_table(void)
{
    enum { FEW = 8 };
    int kept[FEW];
    unsigned long size = descriptor_table();
    UNIT_CHECK(size >= 64);
    for (int i = 0; i < FEW; ++i) {
        kept[i] = segmsg_shm_map_keep(memfd_create("segmsg-test", MFD_CLOEXEC));
        UNIT_CHECK(kept[i] >= (int) (size / 2));
    }
    UNIT_EQUAL(descriptor_table(), size);
    for (int i = 0; i < FEW; ++i) {
        segmsg_shm_map_release(kept[i]);
    }
}

static void a_verdict_says_what_was_said_of_that_process_alone(void)
{
    region_t region;
    const segmsg_growth_t growth = {.own_crowd = 8};
    UNIT_REQUIRE(open_region(&region, SEGMSG_SHM_MAP_SEGMENTS, &growth));
    for (uint32_t r = 0; r < SEGMSG_VERDICTS; ++r) {
        UNIT_EQUAL(segmsg_verdict_of(&region.peer.export, r), SEGMSG_VERDICT_NONE);
        segmsg_verdict_say(&region.owner.export, r,
                           r % 3 == 0 ? SEGMSG_VERDICT_REFUSED : SEGMSG_VERDICT_REACHED);
    }
    for (uint32_t r = 0; r < SEGMSG_VERDICTS; ++r) {
        UNIT_EQUAL(segmsg_verdict_of(&region.peer.export, r),
                   r % 3 == 0 ? SEGMSG_VERDICT_REFUSED : SEGMSG_VERDICT_REACHED);
    }
    /* What nobody can be told of is not waited for, and writes nowhere. */
    segmsg_verdict_say(&region.owner.export, SEGMSG_VERDICTS, SEGMSG_VERDICT_REFUSED);
    segmsg_verdict_say(&region.owner.export, UINT32_MAX, SEGMSG_VERDICT_REFUSED);
    UNIT_EQUAL(segmsg_verdict_of(&region.peer.export, SEGMSG_VERDICTS), SEGMSG_VERDICT_REACHED);
    UNIT_EQUAL(segmsg_verdict_of(&region.peer.export, UINT32_MAX), SEGMSG_VERDICT_REACHED);
    /* A process of which both was said is refused: two had the same rank. */
    segmsg_verdict_say(&region.owner.export, 1, SEGMSG_VERDICT_REFUSED);
    UNIT_EQUAL(segmsg_verdict_of(&region.peer.export, 1), SEGMSG_VERDICT_REFUSED);
    close_region(&region);
}

static const unit_case_t cases[] = {
    UNIT_CASE(a_region_is_mapped_to_the_end_of_its_lobby),
    UNIT_CASE(a_segment_is_mapped_when_it_is_first_used),
    UNIT_CASE(a_segment_that_cannot_be_mapped_leaves_its_messages_to_others),
    UNIT_CASE(without_address_space_for_segments_short_messages_go_on),
    UNIT_CASE(a_segment_that_the_owner_cannot_map_is_an_error_of_its_own),
    UNIT_CASE(what_was_reserved_can_be_mapped_whatever_the_limit),
    UNIT_CASE(nothing_outside_a_region_is_mapped),
    UNIT_CASE(all_of_a_region_is_visited_and_nothing_stays_mapped),
    UNIT_CASE(the_first_descriptors_that_are_kept_fit_into_the_table),
    UNIT_CASE(few_descriptors_are_kept_where_there_are_few),
    UNIT_CASE(a_verdict_says_what_was_said_of_that_process_alone),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
