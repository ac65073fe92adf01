/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The interconnect between hosts against a stranger: two endpoints of libfabric's TCP provider on the
 * loopback interface, of which one is the victim. Where there is no such provider nothing is tested.
 */
#include "unit.h"

#if SEGMSG_HAVE_OFI

#include "fabric/ofi.h"
#include "rma/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BYTES = 4096, PATIENCE_S = 20 };

typedef struct {
    segmsg_ofi_t ofi;
    fi_addr_t other; /* the address of the other one */
} side_t;

typedef struct {
    side_t victim, stranger, peer;
} scene_t;

static bool open_side(side_t *side)
{
    const segmsg_ofi_wish_t wish = {.include = "tcp;ofi_rxm",
                                    .domains = "lo",
                                    .rails = 1,
                                    .data_bytes = SEGMSG_WIRE_DATA_BYTES,
                                    .token_bytes = SEGMSG_WIRE_TOKEN_BYTES,
                                    .message_min = SEGMSG_CAPACITY_MIN,
                                    .threads = false};
    struct fi_info **infos;
    char *why;
    const char *step = "";
    unsigned count = segmsg_ofi_select(&wish, &infos, &why);
    if (count == 0) {
        printf("# no provider: %s\n", why);
        free(why);
        return false;
    }
    int rc = segmsg_ofi_open(&side->ofi, infos[0], &wish, &step);
    segmsg_ofi_free_infos(infos, count);
    UNIT_EQUAL(rc, 0);
    return rc == 0;
}

static void know(side_t *side, side_t *other)
{
    unsigned char name[SEGMSG_OFI_ADDRESS_BYTES];
    size_t bytes = sizeof(name);
    UNIT_EQUAL(segmsg_ofi_name(&other->ofi, name, &bytes), 0);
    UNIT_EQUAL(segmsg_ofi_insert(&side->ofi, name, &side->other), 0);
}

static bool open_scene(scene_t *scene)
{
    memset(scene, 0, sizeof(*scene));
    if (!open_side(&scene->victim) || !open_side(&scene->stranger) || !open_side(&scene->peer)) {
        return false;
    }
    know(&scene->peer, &scene->victim);
    know(&scene->stranger, &scene->victim);
    return true;
}

static void close_scene(scene_t *scene)
{
    segmsg_ofi_close(&scene->stranger.ofi);
    segmsg_ofi_close(&scene->peer.ofi);
    segmsg_ofi_close(&scene->victim.ofi);
}

/* What the victim has heard. */
typedef struct {
    unsigned told, arrived;
} heard_t;

static void turn(scene_t *scene, heard_t *heard)
{
    segmsg_ofi_t *stranger = &scene->stranger.ofi;
    (void) (stranger->ep != NULL && segmsg_ofi_poll(stranger));
    (void) segmsg_ofi_poll(&scene->peer.ofi);
    (void) segmsg_ofi_poll(&scene->victim.ofi);
    segmsg_ofi_event_t event;
    while (segmsg_ofi_next(&scene->victim.ofi, &event)) {
        heard->told += event.kind == SEGMSG_OFI_TOLD;
        heard->arrived += event.kind == SEGMSG_OFI_ARRIVED;
        if (event.kind == SEGMSG_OFI_TOLD) {
            segmsg_ofi_heard(&scene->victim.ofi, event.slot);
        }
    }
    while (segmsg_ofi_next(stranger, &event)) {
    }
}

static int outcome; /* of an operation; 1: there is none yet */

static void done(segmsg_ofi_operation_t *operation, int error)
{
    (void) operation;
    outcome = error;
}

/* True if the stranger can read, or write, there. It comes anew each time: what is refused may end the
 * connection. */
static bool reaches(scene_t *scene, bool is_read, uint64_t address, uint64_t key)
{
    static unsigned char bytes[16];
    static segmsg_ofi_operation_t operation = {.done = done};
    side_t *side = &scene->stranger;
    heard_t heard = {0};
    segmsg_ofi_close(&side->ofi);
    if (!open_side(side)) {
        return false;
    }
    know(side, &scene->victim);
    outcome = 1;
    time_t start = time(NULL);
    int rc = -FI_EAGAIN;
    while (rc == -FI_EAGAIN && time(NULL) - start < PATIENCE_S) {
        rc = is_read ? segmsg_ofi_get(&side->ofi, side->other, bytes, sizeof(bytes), NULL, address,
                                      key, &operation)
                     : segmsg_ofi_put(&side->ofi, side->other, bytes, sizeof(bytes), NULL, address,
                                      key, &operation);
        turn(scene, &heard);
    }
    UNIT_EQUAL(rc, 0);
    while (rc == 0 && outcome == 1 && time(NULL) - start < PATIENCE_S) {
        turn(scene, &heard);
    }
    UNIT_CHECK(outcome != 1);
    return outcome == 0;
}

static void keys_cannot_be_guessed(void)
{
    enum { REGIONS = 1000 };
    static segmsg_ofi_region_t region[REGIONS];
    static unsigned char memory[BYTES];
    unsigned ones[64] = {0};
    side_t side;
    if (!open_side(&side)) {
        return;
    }
    for (int i = 0; i < REGIONS; ++i) {
        UNIT_REQUIRE(segmsg_ofi_register(&side.ofi, memory, BYTES, FI_REMOTE_READ, &region[i])
                     == 0);
        for (int bit = 0; bit < 64; ++bit) {
            ones[bit] += (unsigned) (region[i].key >> bit) & 1;
        }
    }
    for (int bit = 0; bit < 64; ++bit) {
        UNIT_CHECK(ones[bit] > REGIONS * 2 / 5 && ones[bit] < REGIONS * 3 / 5); /* 6 sigma */
    }
    for (int i = 0; i < REGIONS; ++i) {
        segmsg_ofi_deregister(&region[i]);
    }
    segmsg_ofi_close(&side.ofi);
}

static void memory_for_local_use_has_no_key(void)
{
    static unsigned char memory[BYTES];
    side_t side;
    segmsg_ofi_region_t region;
    if (!open_side(&side)) {
        return;
    }
    UNIT_EQUAL(segmsg_ofi_register(&side.ofi, memory, BYTES, FI_SEND | FI_RECV | FI_READ | FI_WRITE,
                                   &region),
               0);
    UNIT_CHECK(region.mr == NULL && region.key == 0);
    segmsg_ofi_close(&side.ofi);
}

static void memory_can_be_reached_as_asked_and_no_longer(void)
{
    static unsigned char memory[3 * BYTES];
    scene_t scene;
    if (!open_scene(&scene)) {
        return;
    }
    for (int is_read = 0; is_read < 2; ++is_read) {
        segmsg_ofi_region_t region;
        UNIT_REQUIRE(segmsg_ofi_register(&scene.victim.ofi, memory + BYTES, BYTES,
                                         is_read ? FI_REMOTE_READ : FI_REMOTE_WRITE, &region)
                     == 0);
        uint64_t at = (uint64_t) (uintptr_t) (memory + BYTES) - region.base;
        UNIT_CHECK(reaches(&scene, is_read, at, region.key));
        UNIT_CHECK(reaches(&scene, is_read, at + BYTES - 16, region.key));
        UNIT_CHECK(!reaches(&scene, !is_read, at, region.key));
        UNIT_CHECK(!reaches(&scene, is_read, at + BYTES - 15, region.key));
        UNIT_CHECK(!reaches(&scene, is_read, at - 1, region.key));
        UNIT_CHECK(!reaches(&scene, is_read, at, region.key + 1));
        UNIT_CHECK(reaches(&scene, is_read, at, region.key));
        uint64_t key = region.key;
        segmsg_ofi_deregister(&region);
        UNIT_CHECK(!reaches(&scene, is_read, at, key));
    }
    UNIT_EQUAL(scene.victim.ofi.failure, 0);
    close_scene(&scene);
}

/* Sends something that is no control message. */
static int send_strange(side_t *side, const void *bytes, unsigned number)
{
    static const size_t length[] = {0, 1, 63, 65, 1000, 8000};
    enum { LENGTHS = sizeof(length) / sizeof(*length) };
    unsigned what = number % (LENGTHS + 1);
    return what < LENGTHS
               ? (int) fi_inject(side->ofi.ep, bytes, length[what], side->other)
               : (int) fi_injectdata(side->ofi.ep, bytes, SEGMSG_OFI_CONTROL_BYTES, 7, side->other);
}

/* One such message arrives. It may take several: a message that is too long ends the connection. */
static void deliver_strange(scene_t *scene, unsigned number, heard_t *heard)
{
    static unsigned char bytes[8192];
    uint64_t before = scene->victim.ofi.counts.strange;
    time_t start = time(NULL);
    while (scene->victim.ofi.counts.strange == before && time(NULL) - start < PATIENCE_S) {
        (void) send_strange(&scene->stranger, bytes, number);
        for (int i = 0; i < 1000 && scene->victim.ofi.counts.strange == before; ++i) {
            turn(scene, heard);
        }
    }
    UNIT_CHECK(scene->victim.ofi.counts.strange > before);
}

/* The peer tells the victim something, as soon as the provider takes it. */
static bool tell(scene_t *scene, const void *bytes, heard_t *heard)
{
    time_t start = time(NULL);
    while (segmsg_ofi_tell(&scene->peer.ofi, scene->peer.other, bytes) != 0) {
        if (time(NULL) - start >= PATIENCE_S) {
            return false;
        }
        turn(scene, heard);
    }
    return true;
}

/* More of them than receives are posted; what peers tell is heard as before. */
static void strange_messages_use_nothing_up(void)
{
    enum { STRANGE = 400, EVERY = 4 };
    static const unsigned char bytes[SEGMSG_OFI_CONTROL_BYTES];
    scene_t scene;
    heard_t heard = {0};
    unsigned told = 0;
    if (!open_scene(&scene)) {
        return;
    }
    for (unsigned i = 0; i < STRANGE && !unit_has_failed(); ++i) {
        deliver_strange(&scene, i, &heard);
        told += i % EVERY == 0 && tell(&scene, bytes, &heard);
    }
    time_t start = time(NULL);
    while (heard.told < told && time(NULL) - start < PATIENCE_S) {
        turn(&scene, &heard);
    }
    UNIT_EQUAL(told, STRANGE / EVERY);
    UNIT_EQUAL(heard.told, told);
    UNIT_EQUAL(heard.arrived, 0);
    UNIT_EQUAL(scene.victim.ofi.failure, 0);
    close_scene(&scene);
}

/* Announces messages that are too long to come at once: the provider fetches them, if they are there. */
static void announce(scene_t *scene, unsigned count, heard_t *heard)
{
    static unsigned char bytes[1 << 18];
    deliver_strange(scene, 0, heard); /* there is a connection */
    time_t start = time(NULL);
    for (unsigned i = 0; i < count && time(NULL) - start < PATIENCE_S;) {
        i +=
            fi_send(scene->stranger.ofi.ep, bytes, sizeof(bytes), NULL, scene->stranger.other, NULL)
            == 0;
    }
}

/* More long messages are announced than receives are posted, and the sender ends before it has sent
 * them; what peers tell is heard as before. */
static void announced_messages_that_never_come_use_nothing_up(void)
{
    enum { ANNOUNCED = 200, TOLD = 100, TURNS = 20000 };
    static const unsigned char bytes[SEGMSG_OFI_CONTROL_BYTES];
    scene_t scene;
    heard_t heard = {0};
    unsigned told = 0;
    if (!open_scene(&scene)) {
        return;
    }
    announce(&scene, ANNOUNCED, &heard);
    for (int i = 0; i < TURNS; ++i) {
        (void) segmsg_ofi_poll(&scene.victim.ofi); /* it asks for them, and nobody answers */
    }
    segmsg_ofi_close(&scene.stranger.ofi);
    time_t start = time(NULL);
    while (heard.told < TOLD && time(NULL) - start < PATIENCE_S) {
        told += told < TOLD && tell(&scene, bytes, &heard);
        turn(&scene, &heard);
    }
    UNIT_EQUAL(heard.told, TOLD);
    UNIT_EQUAL(scene.victim.ofi.failure, 0);
    close_scene(&scene);
}

/* Whoever reaches the port can begin a write, a read or a message, and break it off. */
static void what_others_break_off_is_no_failure_of_ours(void)
{
    static const uint64_t of_others[] = {FI_RMA | FI_REMOTE_WRITE,
                                         FI_REMOTE_WRITE | FI_REMOTE_CQ_DATA,
                                         FI_RMA | FI_REMOTE_READ, FI_ATOMIC | FI_REMOTE_WRITE,
                                         FI_MSG | FI_RECV};
    static const uint64_t of_ours[] = {FI_RMA | FI_WRITE, FI_RMA | FI_READ, FI_MSG | FI_SEND,
                                       FI_ATOMIC | FI_WRITE};
    for (unsigned names_failures = 0; names_failures < 2; ++names_failures) {
        const segmsg_ofi_t ofi = {.names_failures = names_failures != 0};
        for (size_t i = 0; i < sizeof(of_others) / sizeof(*of_others); ++i) {
            UNIT_CHECK(!segmsg_ofi_is_ours(&ofi, of_others[i]));
        }
        for (size_t i = 0; i < sizeof(of_ours) / sizeof(*of_ours); ++i) {
            UNIT_CHECK(segmsg_ofi_is_ours(&ofi, of_ours[i]));
        }
        UNIT_EQUAL(segmsg_ofi_is_ours(&ofi, 0), names_failures == 0);
    }
}

static const unit_case_t cases[] = {
    UNIT_CASE(keys_cannot_be_guessed),
    UNIT_CASE(memory_for_local_use_has_no_key),
    UNIT_CASE(memory_can_be_reached_as_asked_and_no_longer),
    UNIT_CASE(strange_messages_use_nothing_up),
    UNIT_CASE(announced_messages_that_never_come_use_nothing_up),
    UNIT_CASE(what_others_break_off_is_no_failure_of_ours),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}

#else

int main(int argc, char **argv)
{
    (void) argc, (void) argv;
    return 0;
}

#endif
