/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The ordered ring of one sender and one receiver, as in src/queue/spsc_ring.h: messages of one line and of
 * more, which go round the end by a WRAP. The receiver uses up to two messages at a time and returns them in
 * any order. Payload looks like headers.
 *
 * Memory is sequentially consistent here. What is added to the code are variables that only the assertions
 * read.
 *
 * BROKEN takes something away that the protocol needs, to see that its loss is found:
 *   1  the clearing of the next header
 *   2  that the next header is cleared before the message can be seen
 *   3  the line beyond a message, which must be free
 *   4  that lines come back only when no message is in use
 *   5  that payload is there before the header: the sender's release
 *   6  the WRAP: the sender goes to line 0 and says nothing
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef LINES
#define LINES 5
#endif
#ifndef MESSAGES
#define MESSAGES 5
#endif
#ifndef MOST
#define MOST 2 /* lines of a message, up to (LINES - 1) / 2 */
#endif
#if BROKEN == 3
#define BEYOND 0
#else
#define BEYOND 1
#endif

/* A header: 0, a message of `span` lines, or a wrap. */
#define WRAP 15
byte header[LINES];
byte payload[LINES]; /* the number of the message of which a line holds a part */
byte word;           /* lines consumed in all */

/* For the assertions. */
byte span_of[MESSAGES + 1];
bool is_used[LINES]; /* a message in it was taken and not returned */

/* A line of message `number`; behind its first it lies over where a header may have been. */
inline write(line, is_first)
{
    d_step {
        assert(!is_used[line]);
        payload[line] = number;
        if
        :: is_first ->
            skip
        :: else ->
            header[line] = 1
        fi
    }
}

inline write_all()
{
    i = 0;
    do
    :: i < span ->
        write(at + i, i == 0);
        i++
    :: else ->
        break
    od
}

/* segmsg_ring_publish: `lines` from `at` on, as `what`. */
inline publish(lines, what)
{
    next = (at + lines) % LINES;
#if BROKEN == 2
    header[at] = what;
    header[next] = 0;
#elif BROKEN == 1
    header[at] = what;
#else
    header[next] = 0;
    header[at] = what;
#endif
    d_step {
        at = next;
        head = head + lines
    }
}

active proctype sender()
{
    byte number = 1, at, head, consumed, span, skipped, next, i;

    do
    :: number > MESSAGES ->
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
        if
        :: at + span > LINES ->
            skipped = LINES - at
        :: else ->
            skipped = 0
        fi;
        /* segmsg_ring_has_room */
        do
        :: head + skipped + span + BEYOND <= consumed + LINES ->
            break
        :: else ->
            word > consumed;
            consumed = word;
            assert(consumed <= head)
        od;
        if
        :: skipped > 0 ->
#if BROKEN == 6
            d_step {
                at = 0;
                head = head + skipped
            }
#else
            publish(skipped, WRAP)
#endif
        :: else ->
            skip
        fi;
#if BROKEN == 5
        publish(span, span);
        at = (at + LINES - span) % LINES;
        write_all();
        at = (at + span) % LINES;
#else
        write_all();
        publish(span, span);
#endif
        number++
    od
}

inline give_credits()
{
#if BROKEN == 4
    word = position
#else
    if
    :: out == 0 ->
        word = position
    :: else
    fi
#endif
}

byte taken = 1; /* the message that is next */

active proctype receiver()
{
    byte at, position, found, i, out, swapped;
    byte first[2], lines[2];

    do
    :: taken > MESSAGES && out == 0 ->
        break
    /* segmsg_ring_look */
    :: taken <= MESSAGES && out < 2 && header[at] != 0 ->
        found = header[at];
        if
        :: found == WRAP ->
            d_step {
                position = position + LINES - at;
                at = 0
            };
            give_credits()
        :: else ->
            assert(found == span_of[taken]);
            i = 0;
            do
            :: i < found ->
                d_step {
                    assert(payload[at + i] == taken);
                    is_used[at + i] = true;
                    i++
                }
            :: else ->
                break
            od;
            atomic {
                first[out] = at;
                lines[out] = found;
                out++;
                taken++;
                position = position + found;
                at = (at + found) % LINES
            }
        fi
    /* segmsg_ring_return: the newer one, or the older one */
    :: out > 0 ->
        if
        :: out == 2 ->
            d_step {
                swapped = first[0];
                first[0] = first[1];
                first[1] = swapped;
                swapped = lines[0];
                lines[0] = lines[1];
                lines[1] = swapped
            }
        :: true
        fi;
        atomic {
            out--;
            i = 0;
            do
            :: i < lines[out] ->
                is_used[first[out] + i] = false;
                i++
            :: else ->
                break
            od
        };
        give_credits()
    od
}
