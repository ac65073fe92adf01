/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The ring of several senders and one receiver, as in src/queue/mpsc_ring.h: senders claim lines by compare
 * and swap and publish there in any order, the receiver takes messages in the order of their lines. They are of
 * one line and of more, and go round the end by a WRAP. The receiver uses as many at a time as there are,
 * returns them in any order, and gives lines back when none is in use. Payload looks like headers.
 *
 * Memory is sequentially consistent here. What is added to the code are variables that only the assertions
 * read: they are written in one step with what they are about.
 *
 * BROKEN takes something away that the protocol needs, to see that its loss is found:
 *   1  the clearing of the headers
 *   2  the clearing where no entry begins: payload lies there
 *   3  that headers are cleared before the lines come back: the receiver's release
 *   4  that lines come back only when no message is in use
 *   5  that no more is taken when all lines are taken and not given back
 *   6  that payload is there before the header: the sender's release
 *   7  the WRAP: the sender goes to line 0 and says nothing
 *   8  the comparison in the compare and swap
 *   9  that a sender reads what was consumed before it reads what was claimed
 *  10  its second look at what was consumed, which tells a late sender from a ring that was overwritten
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef LINES
#define LINES 4
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 2 /* of each sender */
#endif
#ifndef MOST
#define MOST 2 /* lines of a message, up to (LINES + 1) / 2: for more there may never be room */
#endif
#define ALL (SENDERS * MESSAGES)

/* A header: 0, a message of as many lines, or a wrap over as many. */
#define WRAP 16
#define SPAN(header) ((header) & 15)
byte header[LINES];
byte payload[LINES]; /* the number of the message of which a line holds a part */
byte word;           /* lines consumed in all */
byte claimed;        /* lines claimed in all */

/* For the assertions. */
mtype = { FREE, CLAIMED, PUBLISHED, USED, DONE };
mtype state[LINES] = FREE; /* DONE: taken, not in use, and not given back */
bool begins[LINES];        /* an entry; BROKEN 2 reads it as well */
byte span_of[ALL + 1];

/* `lines` lines from `from` on, perhaps round the end: what was `before` is `now`. */
inline turn(from, lines, before, now)
{
    j = 0;
    do
    :: j < lines ->
        assert(state[(from + j) % LINES] == before);
        state[(from + j) % LINES] = now;
        j++
    :: else ->
        break
    od;
    j = 0
}

/* How many lines are free: `seen` were claimed. */
inline look_up()
{
#if BROKEN == 9
    seen = claimed;
    consumed = word;
#else
    consumed = word;
    seen = claimed;
#endif
    if
    :: seen < consumed || seen > consumed + LINES ->
        /* Lines were claimed that were consumed in between; or it cannot be. */
#if BROKEN == 10
        is_corrupt = true;
#else
        is_corrupt = (word == consumed);
#endif
        assert(!is_corrupt);
        free = 0
    :: else ->
        free = LINES - (seen - consumed)
    fi
}

/* segmsg_mpsc_claim: `span` lines from `at` on, after `skipped` lines at the end. */
inline claim()
{
    do
    :: look_up();
        d_step {
            at = seen % LINES;
            skipped = (at + span > LINES -> LINES - at : 0)
        };
        if
        :: skipped + span > free ->
            word != consumed || claimed != seen /* full: tried again */
        :: else ->
            d_step {
                got = false;
                if
#if BROKEN == 8
                :: true ->
#else
                :: claimed == seen ->
#endif
                    claimed = seen + skipped + span;
                    got = true;
                    turn(at, skipped + span, FREE, CLAIMED);
                    consumed = 0;
                    seen = 0;
                    free = 0
                :: else
                fi
            };
            if
            :: got ->
                break
            :: else
            fi
        fi
    od;
    skip;
    /* A claimed line reads as "nothing yet". */
    d_step {
        i = 0;
        do
        :: i < skipped + span ->
            assert(header[(at + i) % LINES] == 0);
            i++
        :: else ->
            break
        od;
        i = 0
    };
    if
    :: skipped > 0 ->
#if BROKEN != 7
        publish(skipped, WRAP + skipped);
#endif
        at = 0
    :: else
    fi
}

/* Lines of message `number`; behind the first they lie over where a header may have been. */
inline write_all()
{
    i = 0;
    do
    :: i < span ->
        d_step {
            payload[at + i] = number;
            if
            :: i > 0 ->
                header[at + i] = 1
            :: else
            fi;
            i++
        }
    :: else ->
        break
    od;
    i = 0
}

/* segmsg_mpsc_publish: `lines` from `at` on, as `what`. */
inline publish(lines, what)
{
    d_step {
        header[at] = what;
        begins[at] = true;
        turn(at, lines, CLAIMED, PUBLISHED)
    }
}

active [SENDERS] proctype sender()
{
    byte number = _pid * MESSAGES + 1; /* of all messages */
    byte consumed, seen, free, span, at, skipped, i, j;
    bool got, is_corrupt;

    do
    :: number > (_pid + 1) * MESSAGES ->
        break
    :: else ->
        span = 1;
        do
        :: span < MOST ->
            span++
        :: true ->
            break
        od;
        span_of[number] = span;
        claim();
#if BROKEN == 6
        publish(span, span);
        write_all();
#else
        write_all();
        publish(span, span);
#endif
        d_step {
            at = 0;
            skipped = 0;
            got = false;
            number++
        }
    od
}

inline clear()
{
    do
    :: returned != position ->
        d_step {
            i = returned % LINES;
#if BROKEN == 2
            header[i] = (begins[i] -> 0 : header[i]);
#elif BROKEN != 1
            header[i] = 0;
#endif
            begins[i] = false;
            i = 0;
            returned++
        }
    :: else ->
        break
    od
}

inline give_lines()
{
    d_step {
        word = position;
        j = 0;
        do
        :: j < LINES ->
            if
            :: state[j] == DONE ->
                state[j] = FREE;
                payload[j] = 0 /* so that there are fewer states */
            :: else
            fi;
            j++
        :: else ->
            break
        od;
        j = 0
    }
}

/* segmsg_mpsc_give_back */
inline give_back()
{
    if
#if BROKEN == 4
    :: true ->
#else
    :: out == 0 ->
#endif
#if BROKEN == 3
        give_lines();
        clear()
#else
        clear();
        give_lines()
#endif
    :: else
    fi
}

/* Lines that were not taken: in the others an entry still stands. */
#if BROKEN == 5
#define HAS_UNREAD true
#else
#define HAS_UNREAD (position - returned < LINES)
#endif

active proctype receiver()
{
    byte at, position, returned, out, taken;
    byte found, number, i, j;
    byte used[LINES];   /* lines of the message in use that begins here */
    byte next[SENDERS]; /* messages taken from each */

    do
    :: taken == ALL && out == 0 ->
        break
    /* segmsg_mpsc_look */
    :: header[at] != 0 && HAS_UNREAD ->
        found = header[at];
        assert(SPAN(found) <= LINES - at);
        assert(claimed >= position + SPAN(found) && claimed - returned <= LINES);
        if
        :: found > WRAP ->
            d_step {
                turn(at, SPAN(found), PUBLISHED, DONE);
                position = position + SPAN(found);
                at = 0;
                found = 0
            };
            give_back()
        :: else ->
            d_step {
                number = payload[at];
                assert(number > 0 && found == span_of[number]);
                i = (number - 1) / MESSAGES;
                assert(number == i * MESSAGES + next[i] + 1);
                next[i]++;
                i = 0;
                do
                :: i < found ->
                    assert(payload[at + i] == number);
                    i++
                :: else ->
                    break
                od;
                turn(at, found, PUBLISHED, USED);
                used[at] = found;
                out++;
                taken++;
                span_of[number] = 0;
                /* segmsg_mpsc_advance */
                position = position + found;
                at = (at + found) % LINES;
                found = 0;
                number = 0;
                i = 0
            }
        fi
    /* One of the messages in use is returned. */
    :: out > 0 ->
        do
        :: used[i] == 0 ->
            i++
        :: used[i] != 0 && j + 1 < out ->
            i++;
            j++
        :: used[i] != 0 ->
            break
        od;
        skip;
        d_step {
            turn(i, used[i], USED, DONE);
            used[i] = 0;
            out--;
            i = 0
        };
        give_back()
    od;
    assert(word == claimed && position == claimed && header[at] == 0)
}
