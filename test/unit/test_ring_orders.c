/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Both ends of the ordered ring in every order in which they can take their steps: each access to a header
 * or to the credits, each line that is written or read. Messages come whole and in order, no line is
 * written while it is read, credits are never more than was returned, and all messages arrive.
 */
#include "queue/layout.h"
#include "steps.h"

#include "steps_begin.h"
#include "queue/spsc_ring.h"
#include "steps_end.h"

enum {
    LINES = 8,
    MESSAGES_MOST = 8,
    OUT_MOST = 2,   /* messages in use at a time */
    DESCRIPTOR = 0, /* as a length in lines: the message is announced */
    SENDER = 0,
    RECEIVER = 1,
    CHOICES = 2
};

typedef enum {
    SENDER_RESERVE,
    SENDER_VERIFY,
    SENDER_WRITE,
    SENDER_PUBLISH,
    SENDER_AHEAD,
    SENDER_OVER,
    RECEIVER_LOOK,
    RECEIVER_READ,
    RECEIVER_RETURN,
    RECEIVER_VERIFY,
    RECEIVER_WRAP
} place_t;

/* What stands in a line, as far as it matters: the first words of it. */
typedef struct {
    uint64_t header, announcement, stamp;
} line_t;

typedef struct {
    uint32_t first, lines;
} out_t;

typedef struct {
    line_t line[LINES];
    uint64_t word; /* the credits */
    segmsg_ring_writer_t writer;
    segmsg_ring_reader_t reader;
    step_call_t call[2];
    out_t out[OUT_MOST]; /* messages in use, oldest first */
    uint32_t out_number; /* of the oldest of them */
    uint32_t outs;
    uint32_t at[2]; /* place_t */
    uint32_t sent;  /* messages */
    uint32_t taken; /* messages */
    uint32_t done;  /* lines of a message that were written, or read */
    uint32_t read;
    uint64_t header; /* that the receiver has seen */
} state_t;

#include "orders.h"

typedef struct {
    uint32_t window, spare;
    uint32_t
        keeps_on; /* beyond the window, as a stream does: 1, 2: with messages of even, of odd length; 3: all */
    uint32_t messages;
    uint32_t lines[MESSAGES_MOST];
    uint32_t more[MESSAGES_MOST]; /* lines that are reserved and written, and not published */
} scene_t;

static scene_t scene;
static struct {
    uint64_t full, wraps, whole, descriptors, two_out;
} seen;

/* The segment. Functions run on it, and on copies of both ends, as state_t says they are. */
static segmsg_line_t segment[LINES];
static segmsg_control_t control;
static segmsg_ring_writer_t writer;
static segmsg_ring_reader_t reader;
static struct {
    bool yes;
    void *data;
    uint64_t header;
} result;

static uint64_t stamp_of(uint32_t message)
{
    return 100 + message;
}

static uint32_t lines_of(uint32_t message)
{
    return scene.lines[message] == DESCRIPTOR ? 1 : scene.lines[message];
}

static uint32_t lines_reserved(uint32_t message)
{
    return lines_of(message) + scene.more[message];
}

static uint64_t header_of(uint32_t message)
{
    uint32_t lines = lines_of(message);
    return scene.lines[message] == DESCRIPTOR
               ? segmsg_header_make(SEGMSG_KIND_RUN, (uint8_t) message, 1, 777)
               : segmsg_header_make(SEGMSG_KIND_MESSAGE, (uint8_t) message, lines,
                                    lines * SEGMSG_LINE - SEGMSG_HEADER_BYTES);
}

static uint64_t announcement_of(uint32_t message)
{
    return (uint64_t) 1 << 48 | (uint64_t) 2 << 32 | (message + 5);
}

static bool prefers_window(uint32_t lines)
{
    switch (scene.keeps_on) {
    case 0:
        return true;
    case 1:
        return lines % 2 != 0;
    case 2:
        return lines % 2 == 0;
    default:
        return false;
    }
}

/* The calls that consist of steps. */
static void reserve(void *context)
{
    uint32_t lines = *(const uint32_t *) context;
    result.data = segmsg_ring_fits(&writer, lines)
                      ? segmsg_ring_reserve(&writer, lines)
                      : segmsg_ring_reserve_round(&writer, lines, prefers_window(lines));
}
static void reserve_descriptor(void *context)
{
    (void) context;
    result.data = segmsg_ring_has_room(&writer, 1) ? writer.line[writer.at].bytes : NULL;
}
static void verify_writer(void *context)
{
    (void) context;
    segmsg_ring_read_credits(&writer);
    result.yes = segmsg_ring_is_whole(&writer);
}
static void publish(void *context)
{
    segmsg_ring_publish(&writer, lines_of(*(const uint32_t *) context),
                        header_of(*(const uint32_t *) context));
}
static void announce(void *context)
{
    uint32_t message = *(const uint32_t *) context;
    segmsg_ring_announce(&writer, message + 5, 2, 1, header_of(message));
}
static void clear_ahead(void *context)
{
    segmsg_ring_clear_ahead(&writer, lines_of(*(const uint32_t *) context));
}
static void look(void *context)
{
    (void) context;
    result.header = segmsg_ring_look(&reader);
}
static void give_back(void *context)
{
    (void) context;
    segmsg_ring_return(&reader);
}
static void follow_wrap(void *context)
{
    result.yes = segmsg_ring_follow_wrap(&reader, *(const uint32_t *) context);
}
static void verify_reader(void *context)
{
    (void) context;
    result.yes = segmsg_ring_credits_stand(&reader);
}

/* Makes the next access of a call of either end; true if that was the last. */
static bool ring_call(state_t *state, uint32_t who, void (*function)(void *), uint32_t argument)
{
    for (uint32_t l = 0; l < LINES; ++l) {
        memcpy(&segment[l], &state->line[l], sizeof(line_t));
    }
    atomic_store(&control.word, state->word);
    memcpy(&writer, &state->writer, sizeof(writer));
    memcpy(&reader, &state->reader, sizeof(reader));
    bool returned = step_call(&state->call[who], function, &argument);
    for (uint32_t l = 0; l < LINES; ++l) {
        memcpy(&state->line[l], &segment[l], sizeof(line_t));
    }
    state->word = atomic_load(&control.word);
    if (returned && who == SENDER) {
        memcpy(&state->writer, &writer, sizeof(writer));
    } else if (returned) {
        memcpy(&state->reader, &reader, sizeof(reader));
    }
    if (writer.is_corrupt) {
        violated = "the credits are what a receiver gives";
    }
    return returned;
}

/* True if a line is one of a message that the receiver has not returned. */
static bool is_in_use(const state_t *state, uint32_t line)
{
    bool is = false;
    for (uint32_t o = 0; o < state->outs; ++o) {
        is |= line >= state->out[o].first && line < state->out[o].first + state->out[o].lines;
    }
    return is;
}

/* Writes the next line of the message that was reserved; what it says looks like headers. */
static void write_line(state_t *state)
{
    uint32_t line = state->writer.at + state->done;
    if (is_in_use(state, line)) {
        violated = "no line is written that is in use";
    }
    if (state->done != 0) {
        state->line[line].header = segmsg_header_make(SEGMSG_KIND_MESSAGE, 99, 1, 8);
    }
    state->line[line].announcement = stamp_of(state->sent);
    state->line[line].stamp = stamp_of(state->sent);
    ++state->done;
}

static bool sender_step(state_t *state, uint32_t choice)
{
    uint32_t message = state->sent;
    uint32_t *at = &state->at[SENDER];
    if (*at == SENDER_OVER) { /* there is no such message */
        return false;
    }
    bool is_descriptor = scene.lines[message] == DESCRIPTOR;
    switch (*at) {
    case SENDER_RESERVE:
        if (choice == 1) { /* it waits, and compares */
            *at = SENDER_VERIFY;
            return state->call[SENDER].accesses == 0;
        }
        if (ring_call(state, SENDER, is_descriptor ? reserve_descriptor : reserve,
                      lines_reserved(message))) {
            seen.full += result.data == NULL;
            if (result.data != NULL) {
                *at = is_descriptor ? SENDER_PUBLISH : SENDER_WRITE;
            }
        }
        return choice == 0;
    case SENDER_VERIFY:
        if (ring_call(state, SENDER, verify_writer, 0)) {
            seen.whole += result.yes;
            violated = result.yes ? violated : "the first line not returned has its header";
            *at = SENDER_RESERVE;
        }
        return choice == 0;
    case SENDER_WRITE:
        write_line(state);
        if (state->done == lines_reserved(message)) {
            state->done = 0;
            *at = SENDER_PUBLISH;
        }
        return choice == 0;
    case SENDER_PUBLISH:
        if (ring_call(state, SENDER, is_descriptor ? announce : publish, message)) {
            *at = SENDER_AHEAD;
        }
        return choice == 0;
    case SENDER_AHEAD:
        if (ring_call(state, SENDER, clear_ahead, message)) {
            ++state->sent;
            *at = state->sent == scene.messages ? SENDER_OVER : SENDER_RESERVE;
        }
        return choice == 0;
    default:
        return false;
    }
}

/* Reads the next line of a message that has come. */
static void read_line(state_t *state)
{
    uint32_t line = state->reader.at + state->read;
    uint64_t stamp = stamp_of(state->taken);
    bool is_right = scene.lines[state->taken] == DESCRIPTOR
                        ? state->line[line].announcement == announcement_of(state->taken)
                        : state->line[line].stamp == stamp;
    if (!is_right) {
        violated = "a message is whole when its header is there";
    }
    ++state->read;
}

/* The receiver has a message, which stays in use. */
static void take(state_t *state)
{
    uint32_t lines = lines_of(state->taken);
    state->out[state->outs++] = (out_t){state->reader.at, lines};
    seen.two_out += state->outs == 2;
    seen.descriptors += scene.lines[state->taken] == DESCRIPTOR;
    segmsg_ring_take(&state->reader, lines);
    ++state->taken;
    state->read = 0;
    state->header = 0;
}

/* What stands at the reader's position. */
static void see_header(state_t *state)
{
    uint64_t header = result.header;
    state->header = header;
    if (segmsg_header_kind(header) == SEGMSG_KIND_WRAP) {
        state->at[RECEIVER] = RECEIVER_WRAP;
    } else if (header != 0) {
        if (state->taken == scene.messages || header != header_of(state->taken)
            || !SEGMSG_RING_IS_OTHER(&state->reader, header, segmsg_header_span(header),
                                     segmsg_header_length(header))
                   != (scene.lines[state->taken] != DESCRIPTOR)) {
            violated = "headers come in order, and nothing else is taken for one";
            return;
        }
        state->at[RECEIVER] = RECEIVER_READ;
    }
}

static bool receiver_step(state_t *state, uint32_t choice)
{
    uint32_t *at = &state->at[RECEIVER];
    switch (*at) {
    case RECEIVER_LOOK:
        if (choice == 1) {
            *at = state->outs != 0 ? RECEIVER_RETURN : RECEIVER_VERIFY;
            return true;
        }
        if (state->outs == OUT_MOST) {
            return false;
        }
        if (ring_call(state, RECEIVER, look, 0)) {
            see_header(state);
        }
        return true;
    case RECEIVER_READ:
        read_line(state);
        if (state->read == lines_of(state->taken)) {
            take(state);
            *at = RECEIVER_LOOK;
        }
        return choice == 0;
    case RECEIVER_RETURN: /* the newer one first, or the older one */
        if (ring_call(state, RECEIVER, give_back, 0)) {
            --state->outs;
            if (choice == 1 && state->outs == 1) {
                state->out[0] = state->out[1];
            }
            state->out[state->outs] = (out_t){0};
            *at = RECEIVER_LOOK;
            return true;
        }
        return choice == 0;
    case RECEIVER_VERIFY:
        if (ring_call(state, RECEIVER, verify_reader, 0)) {
            violated = result.yes ? violated : "the receiver's credits stand";
            *at = RECEIVER_LOOK;
        }
        return choice == 0;
    case RECEIVER_WRAP:
        if (ring_call(state, RECEIVER, follow_wrap, segmsg_header_span(state->header))) {
            violated = result.yes ? violated : "a wrap leads to line 0";
            ++seen.wraps;
            state->header = 0;
            *at = RECEIVER_LOOK;
        }
        return choice == 0;
    default:
        return false;
    }
}

static bool step(state_t *state, uint32_t who, uint32_t choice)
{
    return who == SENDER ? sender_step(state, choice) : receiver_step(state, choice);
}

static const char *place_of_end(const state_t *state, uint32_t who)
{
    static const char *const places[] = {"reserve",     "verify", "write", "publish",
                                         "clear ahead", "over",   "look",  "read",
                                         "return",      "verify", "wrap"};
    return places[state->at[who]];
}

static bool all_have_come(const state_t *state)
{
    return state->at[SENDER] == SENDER_OVER && state->taken == scene.messages && state->outs == 0;
}

/* Visits all that can come of `what`, with the ring empty and both ends at line 0. */
static void search(const scene_t *what)
{
    scene = *what;
    memset(&seen, 0, sizeof(seen));
    state_t first;
    memset(&first, 0, sizeof(first));
    first.writer.window_most = scene.window;
    first.writer.reuses = scene.keeps_on == 0;
    segmsg_ring_open(&first.writer, segment[0].bytes, &control, LINES, scene.spare);
    first.reader = (segmsg_ring_reader_t){.line = segment, .control = &control, .count = LINES};
    first.at[SENDER] = SENDER_RESERVE;
    first.at[RECEIVER] = RECEIVER_LOOK;
    const orders_t all = {2, CHOICES, step, place_of_end, all_have_come, NULL};
    search_orders(&all, &first);
    UNIT_CHECK(seen.full != 0 && seen.wraps != 0 && seen.whole != 0 && seen.two_out != 0);
}

static void messages_pass_in_every_order(void)
{
    search(&(scene_t){.messages = 8, .lines = {3, 2, 1, 3, 2, 3, 1, 1}});
    search(&(scene_t){.messages = 8, .lines = {1, 3, 3, 3, 1, 2, 2, 3}});
}

static void descriptors_pass_between_messages_in_every_order(void)
{
    search(&(scene_t){.messages = 6, .lines = {2, DESCRIPTOR, 3, DESCRIPTOR, 3, DESCRIPTOR}});
    UNIT_CHECK(seen.descriptors != 0);
}

/* The first lines are used again as long as the receiver keeps up. */
static void messages_pass_through_a_window_in_every_order(void)
{
    search(&(scene_t){.messages = 6, .lines = {2, 2, 2, 1, 3, 2}, .window = 4});
    search(&(scene_t){.messages = 6, .lines = {1, 1, 3, 2, 2, DESCRIPTOR}, .window = 5});
    search(&(scene_t){.messages = 6, .lines = {2, 2, 2, 1, 3, 2}, .window = 4, .keeps_on = 3});
    search(&(scene_t){.messages = 6, .lines = {2, 2, 1, 1, 2, 1}, .window = 4, .keeps_on = 1});
    search(&(scene_t){.messages = 6, .lines = {2, 1, 2, 1, 2, 2}, .window = 4, .keeps_on = 2});
}

/* A message turns out shorter than its place: what was written behind it is no header. */
static void short_messages_pass_in_every_order(void)
{
    search(&(
        scene_t){.messages = 8, .lines = {1, 1, 2, 1, 2, 1, 1, 1}, .more = {1, 2, 1, 0, 1, 2, 1}});
    search(&(scene_t){.messages = 8,
                      .lines = {1, 1, 1, 1, 2, 1, 1, 2},
                      .more = {0, 1, 2, 1, 0, 1, 2},
                      .window = 5});
}

/* A line is kept for the entry that names the ring's successor. */
static void messages_pass_beside_a_spare_line_in_every_order(void)
{
    search(&(scene_t){.messages = 7, .lines = {2, 2, 3, 2, 1, 3, 2}, .spare = 1});
}

static const unit_case_t cases[] = {
    UNIT_CASE(messages_pass_in_every_order),
    UNIT_CASE(descriptors_pass_between_messages_in_every_order),
    UNIT_CASE(messages_pass_through_a_window_in_every_order),
    UNIT_CASE(short_messages_pass_in_every_order),
    UNIT_CASE(messages_pass_beside_a_spare_line_in_every_order),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
