/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Guests and their receiver in one thread, doing what they may in random order: sending, keeping
 * places, getting rings of their own, leaving and coming back, while messages are unread or out, and
 * while memory is short. What must come next from each is known at every moment.
 */
#include "hall.h"

enum { KEPT_MAX = 3 };

/* Places that a guest has taken and not published. */
typedef struct {
    segmsg_place_t place[KEPT_MAX];
    uint32_t length[KEPT_MAX];
    uint32_t count;
} kept_t;

typedef struct {
    hall_t *hall;
    kept_t kept[HALL_GUESTS];
    unit_random_t random;
} model_t;

static size_t random_length(model_t *model)
{
    const segmsg_geometry_t *geometry = &model->hall->memory.config.geometry;
    uint32_t group = (uint32_t) unit_below(&model->random, geometry->group_count);
    size_t most = segmsg_group_capacity(geometry, group);
    switch (unit_below(&model->random, 8)) {
    case 0:
        return most;
    case 1:
        return unit_below(&model->random, most + 1);
    case 2:
        return unit_below(&model->random, HALL_LOBBY_CAPACITY + 2);
    default:
        return unit_below(&model->random, 200);
    }
}

static bool is_error_for_now(segmsg_error_t error)
{
    return error == SEGMSG_OK || error == SEGMSG_ERR_FULL;
}

static void keep(model_t *model, uint32_t g)
{
    kept_t *kept = &model->kept[g];
    if (kept->count == KEPT_MAX) {
        return;
    }
    size_t length = random_length(model);
    segmsg_error_t error = segmsg_sender_take_lasting(&model->hall->guest[g].sender, length,
                                                      &kept->place[kept->count]);
    UNIT_CHECK(is_error_for_now(error) || error == SEGMSG_ERR_TOO_LARGE);
    if (error == SEGMSG_OK) {
        kept->length[kept->count++] = (uint32_t) length;
    }
}

/* Publishes a place that was kept, if it can be now, or gives it back. */
static void finish(model_t *model, uint32_t g, bool publish)
{
    kept_t *kept = &model->kept[g];
    hall_guest_t *guest = &model->hall->guest[g];
    if (kept->count == 0) {
        return;
    }
    uint32_t any = (uint32_t) unit_below(&model->random, kept->count);
    if (publish && guest->count < HALL_QUEUE - 1) {
        hall_fill(guest, &kept->place[any], kept->length[any]);
        if (!hall_publish(guest, &kept->place[any], kept->length[any])) {
            return;
        }
    } else {
        segmsg_sender_give_back(&guest->sender, &kept->place[any]);
    }
    kept->place[any] = kept->place[--kept->count];
    kept->length[any] = kept->length[kept->count];
}

static void leave(model_t *model, uint32_t g)
{
    while (model->kept[g].count != 0) {
        finish(model, g, false);
    }
    (void) hall_leave(model->hall, g);
}

static void sender_step(model_t *model)
{
    hall_t *hall = model->hall;
    uint32_t g = (uint32_t) unit_below(&model->random, hall->guests);
    uint64_t dice = unit_below(&model->random, 100);
    if (dice < 80) {
        segmsg_error_t error = hall_send(hall, g, random_length(model));
        UNIT_CHECK(is_error_for_now(error));
    } else if (dice < 90) {
        keep(model, g);
    } else if (dice < 98) {
        finish(model, g, dice < 96);
    } else {
        leave(model, g);
    }
}

static void receiver_step(model_t *model)
{
    hall_t *hall = model->hall;
    if (unit_below(&model->random, 2) == 0) {
        (void) hall_poll(hall, unit_below(&model->random, 2) == 0);
    } else if (hall->outs != 0) {
        hall_return(hall, (uint32_t) unit_below(&model->random, hall->outs));
    }
}

static void run_model(const char *list, uint32_t lobby, uint32_t guests,
                      const segmsg_growth_t *growth, uint64_t steps)
{
    segmsg_export_config_t config = hall_config(list, 8, lobby);
    config.groups_max = 200;
    model_t model = {.hall = hall_open(&config, guests, growth), .random = unit_random(guests)};
    hall_t *hall = model.hall;
    unsigned eagerness = 50; /* of the receiver, of 100 */
    for (uint64_t step = 0; step < steps && !unit_has_failed(); ++step) {
        if (step % 256 == 0) {
            eagerness = 20 + (unsigned) unit_below(&model.random, 70);
        }
        unit_below(&model.random, 100) < eagerness ? receiver_step(&model) : sender_step(&model);
        if (unit_below(&model.random, 1000) == 0) {
            hall_drain(hall);
        }
    }
    for (uint32_t g = 0; g < guests; ++g) {
        while (model.kept[g].count != 0) {
            finish(&model, g, false);
        }
    }
    hall_empty(hall);
    UNIT_CHECK(hall->messages != 0);
    if (steps > 1000 && !unit_has_failed()) {
        UNIT_CHECK(hall->closed != 0 && hall->through_lobby + hall->through_ring != 0);
        UNIT_CHECK(hall->through_common + hall->through_own != 0);
    }
    hall_close(hall);
}

static const char *const LARGE = "64:128:31,1K:8:8,8K:8:8";
static const char *const SMALL = "64:64:20,128:4:3,1K:2:2";

/* It never gets anything of its own. */
static void one_guest_agrees_with_the_model(void)
{
    segmsg_growth_t growth = {.own_after = UINT32_MAX, .long_after = UINT32_MAX};
    run_model(LARGE, 64, 1, &growth, unit_repetitions(40000));
    run_model(SMALL, 40, 1, &growth, unit_repetitions(40000));
}

static void guests_agree_with_the_model(void)
{
    segmsg_growth_t growth = {.own_after = UINT32_MAX, .long_after = UINT32_MAX};
    run_model(LARGE, 100, HALL_GUESTS, &growth, unit_repetitions(40000));
    run_model(SMALL, 33, HALL_GUESTS, &growth, unit_repetitions(40000));
}

static void guests_that_get_their_own_agree_with_the_model(void)
{
    unit_random_t random = unit_random(1);
    for (uint64_t round = 0; round < unit_repetitions(60) && !unit_has_failed(); ++round) {
        segmsg_growth_t growth = {.own_after = (uint32_t) unit_below(&random, 20),
                                  .own_crowd = (uint32_t) unit_below(&random, 8),
                                  .grow_after = (uint32_t) unit_below(&random, 60),
                                  .long_after = (uint32_t) unit_below(&random, 10)};
        run_model(round % 2 ? SMALL : LARGE, 32 + (uint32_t) unit_below(&random, 33),
                  1 + (uint32_t) unit_below(&random, HALL_GUESTS), &growth, 1500);
    }
}

/* Space ends after any number of pages: errors come back, what stands goes on working, and who comes
 * when there is space again gets everything. */
static void guests_survive_memory_that_is_short(void)
{
    static const size_t lengths[] = {0, 100, 1000, 1200, 2000, 16384, 3, 65536};
    segmsg_growth_t growth = {.own_after = 12, .own_crowd = 8, .grow_after = 20, .long_after = 4};
    uint64_t refused = 0;
    for (size_t pages = 0; pages < 60 && !unit_has_failed(); ++pages) {
        segmsg_export_config_t config = hall_config(LARGE, 8, 64);
        hall_t *hall = hall_open(&config, 3, &growth);
        atomic_store(hall->memory.left, pages);
        for (uint32_t m = 0; m < 300 && !unit_has_failed(); ++m) {
            uint32_t g = m % 3;
            const segmsg_sender_t *sender = &hall->guest[g].sender;
            size_t length = lengths[m / 3 % 8];
            segmsg_error_t error = hall_send(hall, g, length);
            UNIT_CHECK(is_error_for_now(error) || error == SEGMSG_ERR_NO_SPACE
                       || error == SEGMSG_ERR_TABLE_FULL);
            refused += error == SEGMSG_ERR_NO_SPACE;
            if (m % 8 == 7) {
                hall_drain(hall);
            }
            /* Short ones always pass; what is short may have changed by the first attempt. */
            if (error != SEGMSG_OK && length < segmsg_sender_sure_capacity(sender)) {
                hall_drain(hall);
                error = hall_send(hall, g, length);
                UNIT_CHECK(error == SEGMSG_OK || length >= segmsg_sender_sure_capacity(sender));
            }
        }
        hall_drain(hall);
        atomic_store(hall->memory.left, 10000);
        for (uint32_t g = 0; g < 3 && !unit_has_failed(); ++g) {
            UNIT_CHECK(hall_leave(hall, g));
            hall_drain(hall);
            for (uint32_t m = 0; m < 80; ++m) {
                UNIT_EQUAL(hall_send(hall, g, lengths[m % 8]), SEGMSG_OK);
                hall_drain(hall);
            }
        }
        hall_empty(hall);
        hall_close(hall);
    }
    UNIT_CHECK(refused != 0);
}

static const unit_case_t cases[] = {
    UNIT_CASE(one_guest_agrees_with_the_model),
    UNIT_CASE(guests_agree_with_the_model),
    UNIT_CASE(guests_that_get_their_own_agree_with_the_model),
    UNIT_CASE(guests_survive_memory_that_is_short),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
