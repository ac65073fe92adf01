/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The ring of many senders in every order in which two of them and the receiver can take their steps: each access
 * to a header, to the count of claimed lines or to the credits, each line that is written or read. Messages come
 * whole, and in order from each; no line is written that another holds; and all messages arrive.
 */
#include "queue/layout.h"

#define STEPS_OF_A_CALL 16 /* a claim that two others get ahead of */
#include "steps.h"

#include "steps_begin.h"
#include "queue/mpsc_ring.h"
#include "steps_end.h"

enum {
    LINES = 5,
    SENDERS = 2,
    MESSAGES_MOST = 3,
    OUT_MOST = 2, /* messages in use at a time */
    RECEIVER = SENDERS,
    PROCESSES = SENDERS + 1,
    CHOICES = 2
};

typedef enum {
    SENDER_CLAIM,
    SENDER_WRITE,
    SENDER_PUBLISH,
    SENDER_OVER,
    RECEIVER_LOOK,
    RECEIVER_READ,
    RECEIVER_RETURN,
    RECEIVER_VERIFY,
    RECEIVER_WRAP
} place_t;

/* What stands in a line, as far as it matters: the first words of it. */
typedef struct {
    uint64_t header, owner, stamp;
} line_t;

typedef struct {
    uint32_t first, lines;
} span_t;

typedef struct {
    line_t line[LINES];
    uint64_t word, claimed;
    segmsg_mpsc_writer_t writer[SENDERS];
    segmsg_mpsc_reader_t reader;
    step_call_t call[PROCESSES];
    span_t held[SENDERS]; /* claimed, and not published yet */
    span_t out[OUT_MOST]; /* messages in use, oldest first */
    uint32_t outs;
    uint32_t at[PROCESSES]; /* place_t */
    uint32_t sent[SENDERS];
    uint32_t taken[SENDERS];
    uint32_t done[SENDERS]; /* lines of a message that were written, */
    uint32_t read;          /* or read, */
    uint32_t from;          /* of the sender whose it is */
    uint32_t unused;
    uint64_t header; /* that the receiver has seen */
} state_t;

#include "orders.h"

typedef struct {
    uint32_t messages[SENDERS];
    uint32_t lines[SENDERS][MESSAGES_MOST];
} scene_t;

static scene_t scene;
static struct {
    uint64_t full, wraps, two_out, races;
} seen;

/* The segment. Functions run on it, and on copies of the ends, as state_t says they are. */
static segmsg_line_t segment[LINES];
static segmsg_control_t control;
static segmsg_mpsc_writer_t writer;
static segmsg_mpsc_reader_t reader;
static struct {
    bool yes;
    uint32_t at;
    uint64_t header;
} result;

static uint64_t stamp_of(uint32_t sender, uint32_t message)
{
    return 100 * (sender + 1) + message;
}

static uint64_t header_of(uint32_t sender, uint32_t message)
{
    uint32_t lines = scene.lines[sender][message];
    return segmsg_header_make(SEGMSG_KIND_MESSAGE, (uint8_t) message, lines,
                              lines * SEGMSG_LINE - SEGMSG_LOBBY_BYTES);
}

/* The calls that consist of steps. */
static void claim(void *context)
{
    result.yes = segmsg_mpsc_claim(&writer, *(const uint32_t *) context, &result.at);
}
static void publish(void *context)
{
    uint32_t sender = writer.name;
    segmsg_mpsc_publish(&writer, result.at, header_of(sender, *(const uint32_t *) context));
}
static void look(void *context)
{
    (void) context;
    result.header = segmsg_mpsc_look(&reader);
}
static void give_back(void *context)
{
    (void) context;
    segmsg_mpsc_return(&reader);
}
static void pass_wrap(void *context)
{
    segmsg_mpsc_advance(&reader, *(const uint32_t *) context);
    segmsg_mpsc_give_back(&reader);
}
static void verify(void *context)
{
    (void) context;
    result.yes = segmsg_mpsc_stands(&reader);
}

/* Makes the next access of a call of one of them; true if that was the last. */
static bool ring_call(state_t *state, uint32_t who, void (*function)(void *), uint32_t argument)
{
    for (uint32_t l = 0; l < LINES; ++l) {
        memcpy(&segment[l], &state->line[l], sizeof(line_t));
    }
    atomic_store(&control.word, state->word);
    atomic_store(&control.claimed, state->claimed);
    if (who == RECEIVER) {
        memcpy(&reader, &state->reader, sizeof(reader));
    } else {
        memcpy(&writer, &state->writer[who], sizeof(writer));
        result.at = state->held[who].first;
    }
    bool returned = step_call(&state->call[who], function, &argument);
    for (uint32_t l = 0; l < LINES; ++l) {
        memcpy(&state->line[l], &segment[l], sizeof(line_t));
    }
    state->word = atomic_load(&control.word);
    state->claimed = atomic_load(&control.claimed);
    if (who == RECEIVER) {
        if (returned) {
            memcpy(&state->reader, &reader, sizeof(reader));
        }
    } else {
        if (returned) {
            memcpy(&state->writer[who], &writer, sizeof(writer));
        }
        violated = writer.is_corrupt ? "the counts are what correct processes make" : violated;
    }
    return returned;
}

static bool overlaps(const span_t *span, uint32_t line)
{
    return line >= span->first && line < span->first + span->lines;
}

/* True if a line is one of a message that the receiver has not returned, or that the other sender writes. */
static bool is_anothers(const state_t *state, uint32_t who, uint32_t line)
{
    bool is = overlaps(&state->held[1 - who], line);
    for (uint32_t o = 0; o < state->outs; ++o) {
        is |= overlaps(&state->out[o], line);
    }
    return is;
}

/* Writes the next line of the message whose lines were claimed; what it says looks like headers. */
static void write_line(state_t *state, uint32_t who)
{
    uint32_t line = state->held[who].first + state->done[who];
    if (is_anothers(state, who, line)) {
        violated = "no line is written that another holds";
    }
    if (state->done[who] != 0) {
        state->line[line].header = segmsg_header_make(SEGMSG_KIND_MESSAGE, 99, 1, 8);
        state->line[line].owner = 77;
    }
    state->line[line].stamp = stamp_of(who, state->sent[who]);
    ++state->done[who];
}

static bool sender_step(state_t *state, uint32_t who, uint32_t choice)
{
    uint32_t *at = &state->at[who];
    if (choice != 0 || *at == SENDER_OVER) {
        return false;
    }
    uint32_t lines = scene.lines[who][state->sent[who]];
    switch (*at) {
    case SENDER_CLAIM: {
        uint64_t claimed = state->claimed;
        if (ring_call(state, who, claim, lines)) {
            seen.full += !result.yes;
            if (result.yes) {
                state->held[who] = (span_t){result.at, lines};
                *at = SENDER_WRITE;
            }
        } else {
            seen.races += state->call[who].accesses > 4 && state->claimed == claimed;
        }
        break;
    }
    case SENDER_WRITE:
        write_line(state, who);
        if (state->done[who] == lines) {
            state->done[who] = 0;
            *at = SENDER_PUBLISH;
        }
        break;
    default:
        if (ring_call(state, who, publish, state->sent[who])) {
            state->held[who] = (span_t){0};
            *at = ++state->sent[who] == scene.messages[who] ? SENDER_OVER : SENDER_CLAIM;
        }
        break;
    }
    return true;
}

/* Reads the next line of a message that has come. */
static void read_line(state_t *state)
{
    uint32_t line = state->reader.at + state->read;
    if (state->line[line].stamp != stamp_of(state->from, state->taken[state->from])) {
        violated = "a message is whole when its header is there";
    }
    ++state->read;
}

/* The receiver has a message, which stays in use. */
static void take(state_t *state)
{
    uint32_t lines = scene.lines[state->from][state->taken[state->from]];
    state->out[state->outs++] = (span_t){state->reader.at, lines};
    seen.two_out += state->outs == 2;
    segmsg_mpsc_advance(&state->reader, lines);
    ++state->reader.open;
    ++state->taken[state->from];
    state->read = state->from = 0;
    state->header = 0;
}

/* What stands at the reader's position. */
static void see_header(state_t *state)
{
    uint64_t header = result.header;
    if (header == 0) {
        return;
    }
    if (segmsg_mpsc_unread(&state->reader) < segmsg_header_span(header)) {
        violated = "what stands there was not taken before";
        return;
    }
    state->header = header;
    if (segmsg_header_kind(header) == SEGMSG_KIND_WRAP) {
        state->at[RECEIVER] = RECEIVER_WRAP;
        return;
    }
    segmsg_line_t line;
    memcpy(&line, &state->line[state->reader.at], sizeof(line_t));
    state->from = line.lobby.guest;
    if (state->from >= SENDERS || state->taken[state->from] == scene.messages[state->from]
        || header != header_of(state->from, state->taken[state->from])) {
        violated = "headers come in order, and nothing else is taken for one";
        return;
    }
    state->at[RECEIVER] = RECEIVER_READ;
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
        if (state->outs == OUT_MOST || segmsg_mpsc_unread(&state->reader) == 0) {
            return false;
        }
        if (ring_call(state, RECEIVER, look, 0)) {
            see_header(state);
        }
        return true;
    case RECEIVER_READ:
        read_line(state);
        if (state->read == scene.lines[state->from][state->taken[state->from]]) {
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
            state->out[state->outs] = (span_t){0};
            *at = RECEIVER_LOOK;
            return true;
        }
        return choice == 0;
    case RECEIVER_VERIFY:
        if (ring_call(state, RECEIVER, verify, 0)) {
            violated = result.yes ? violated : "the counts stand";
            *at = RECEIVER_LOOK;
        }
        return choice == 0;
    default:
        if (ring_call(state, RECEIVER, pass_wrap, segmsg_header_span(state->header))) {
            ++seen.wraps;
            state->header = 0;
            *at = RECEIVER_LOOK;
        }
        return choice == 0;
    }
}

static bool step(state_t *state, uint32_t who, uint32_t choice)
{
    return who == RECEIVER ? receiver_step(state, choice) : sender_step(state, who, choice);
}

static const char *place_of_end(const state_t *state, uint32_t who)
{
    static const char *const places[] = {"claim", "write",  "publish", "over", "look",
                                         "read",  "return", "verify",  "wrap"};
    return places[state->at[who]];
}

static bool all_have_come(const state_t *state)
{
    bool all = state->outs == 0;
    for (uint32_t s = 0; s < SENDERS; ++s) {
        all = all && state->at[s] == SENDER_OVER && state->taken[s] == scene.messages[s];
    }
    return all;
}

/* Visits all that can come of `what`, with the ring empty, its next line `begin`. */
static void search(const scene_t *what, uint32_t begin)
{
    scene = *what;
    memset(&seen, 0, sizeof(seen));
    state_t first;
    memset(&first, 0, sizeof(first));
    first.word = first.claimed = begin;
    for (uint32_t s = 0; s < SENDERS; ++s) {
        first.writer[s].line = segment;
        first.writer[s].control = &control;
        first.writer[s].count = LINES;
        first.writer[s].name = s;
        first.writer[s].last = first.writer[s].consumed = begin;
        first.at[s] = what->messages[s] == 0 ? SENDER_OVER : SENDER_CLAIM;
    }
    first.reader = (segmsg_mpsc_reader_t){.line = segment,
                                          .control = &control,
                                          .count = LINES,
                                          .at = begin,
                                          .position = begin,
                                          .returned = begin};
    first.at[RECEIVER] = RECEIVER_LOOK;
    const orders_t all = {PROCESSES, CHOICES, step, place_of_end, all_have_come, NULL};
    search_orders(&all, &first);
}

static void one_sender_passes_the_end_in_every_order(void)
{
    uint64_t wraps = 0;
    for (uint32_t begin = 0; begin < LINES; ++begin) {
        search(&(scene_t){.messages = {3, 0}, .lines = {{2, 2, 2}}}, begin);
        UNIT_CHECK(seen.full != 0 && seen.two_out != 0);
        wraps += seen.wraps;
        search(&(scene_t){.messages = {0, 3}, .lines = {{0}, {2, 1, 2}}}, begin);
        wraps += seen.wraps;
        UNIT_CHECK(seen.two_out != 0);
    }
    UNIT_CHECK(wraps != 0);
}

static void two_senders_meet_in_every_order(void)
{
    uint64_t wraps = 0;
    for (uint32_t begin = 0; begin < LINES; ++begin) {
        search(&(scene_t){.messages = {1, 1}, .lines = {{2}, {2}}}, begin);
        UNIT_CHECK(seen.races != 0 && seen.two_out != 0);
        wraps += seen.wraps;
        search(&(scene_t){.messages = {1, 1}, .lines = {{1}, {2}}}, begin);
        UNIT_CHECK(seen.races != 0);
        wraps += seen.wraps;
    }
    UNIT_CHECK(wraps != 0);
}

static void two_senders_fill_the_ring_in_every_order(void)
{
    uint64_t wraps = 0;
    for (uint32_t begin = 0; begin < LINES; ++begin) {
        search(&(scene_t){.messages = {2, 1}, .lines = {{2, 2}, {2}}}, begin);
        UNIT_CHECK(seen.full != 0 && seen.races != 0);
        wraps += seen.wraps;
        search(&(scene_t){.messages = {2, 2}, .lines = {{1, 2}, {2, 1}}}, begin);
        UNIT_CHECK(seen.full != 0 && seen.races != 0);
        wraps += seen.wraps;
    }
    UNIT_CHECK(wraps != 0);
}

static const unit_case_t cases[] = {
    UNIT_CASE(one_sender_passes_the_end_in_every_order),
    UNIT_CASE(two_senders_meet_in_every_order),
    UNIT_CASE(two_senders_fill_the_ring_in_every_order),
};

int main(int argc, char **argv)
{
    return UNIT_MAIN(argc, argv, cases);
}
