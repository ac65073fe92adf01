# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""
One receiver, its senders, and how groups come and go between them, in the rules of
btl_segmsg_net_control.c, rma/target.c and rma/source.c.

The unit of time is what the receiver takes for one completion, and a sender that waits looks
once in it. A message is TRIP units under way. No segment is ever full: what is looked at is who
has one.
"""

from __future__ import annotations

import heapq
import random
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Callable

from .sources import Shape

TRIP = 10
# Events that are looked at, a message and at least: where nearly all are refusals it has been seen.
EVENTS, LEAST_EVENTS = 8, 10000

ABSENT, ASKED, REFUSED, FORMED, RECALLED = range(5)


@dataclass
class Work:
    """What the senders do."""

    senders: int
    messages: int  # of each, on average if `is_random`
    group: int = 0  # that a message takes; if it is above 0, group 0 is there as well
    in_turn: bool = False  # a message begins when the one before it, of whomever, has come
    is_random: bool = False  # in turn, by whom is drawn
    answered: bool = False  # a message waits for the answer to the one before


@dataclass
class Outcome:
    """What has become of it."""

    wanted: int = 0
    delivered: int = 0
    in_pieces: int = 0  # of these, for want of a larger group
    control: int = 0  # messages
    recalls: int = 0
    refusals: int = 0
    waits: list[int] = field(default_factory=list)
    time: int = 0
    is_cut: bool = False  # it went on

    @property
    def missing(self) -> int:
        """Messages that had not come when it ended."""
        return self.wanted - self.delivered


class Sender:
    """One peer: the source's state, and the inlet's."""

    def __init__(self, index: int, groups: int, messages: int):
        self.index = index
        self.left = messages
        self.state = [ABSENT] * groups
        self.patience = [0] * groups
        self.out = [0] * groups  # partitions in use, as the sender knows
        self.untold = [0] * groups  # of these, returned by the receiver, which has not said so
        self.fresh = [False] * groups  # formed, and nothing was sent there yet
        self.wanted = [False] * groups  # recalled while it was fresh
        self.began: int | None = None  # when it had something to send
        self.tried = 0  # when it last looked for room, in vain
        self.wake = 0  # number of the timer that counts


class Simulation:
    """Runs a piece of work."""

    def __init__(self, shape: Shape, work: Work, seed: int = 1):
        self.shape, self.work = shape, work
        self.limit = LEAST_EVENTS + EVENTS * work.senders * work.messages
        count = len(shape.groups)
        self.outcome = Outcome(wanted=work.senders * work.messages)
        self.events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        # What the receiver does takes it a unit each.
        self.takes_time = {
            self._hear_form,
            self._hear_released,
            self._hear_ask,
            self._hear_message,
        }
        self.stamp = self.now = self.busy = 0
        self.arena = shape.arena
        self.entries = shape.entries
        self.registered = [0] * count
        self.oldest: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(count)]
        self.waiting: list[int] = []
        self.recalled = 0  # that were not given up yet  # a heap: endpoints are searched from the first
        draw = random.Random(seed)
        per = [1 if work.is_random else work.messages] * work.senders
        self.sender = [Sender(i, count, n) for i, n in enumerate(per)]
        total = self.outcome.wanted
        self.turn = iter(
            [draw.randrange(work.senders) for _ in range(total)]
            if work.is_random
            else [i % work.senders for i in range(total)]
        )
        if work.group > 0:
            for sender in self.sender[: self.entries]:
                self._grant(sender, 0)
                sender.state[0] = FORMED

    def _at(self, delay: int, what: Callable[..., None], *arguments: Any) -> None:
        self.stamp += 1
        heapq.heappush(self.events, (self.now + delay, self.stamp, what, arguments))

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        """A control message."""
        self.outcome.control += 1
        self._at(TRIP, what, *arguments)

    def run(self) -> Outcome:
        """Until nothing happens any more, or too much."""
        if self.work.in_turn:
            self._next_turn()
        else:
            for sender in self.sender:
                self._at(0, self._begin, sender)
        while self.events and self.stamp < self.limit:
            self.now, _, what, arguments = heapq.heappop(self.events)
            if what in self.takes_time:  # one at a time, in the order in which they come
                self.now = self.busy = max(self.now, self.busy) + 1
            what(*arguments)
        self.outcome.time = max(self.now, self.busy)
        self.outcome.is_cut = bool(self.events)
        return self.outcome

    def _next_turn(self) -> None:
        index = next(self.turn, None)
        if index is not None:
            self._at(0, self._begin, self.sender[index])

    # ---- senders ----

    def _begin(self, sender: Sender) -> None:
        sender.began = self.now
        sender.tried = self.now - 1
        self._try(sender)

    def _try(self, sender: Sender, wake: int | None = None) -> None:
        """segmsg_source_take."""
        if sender.began is None or (wake is not None and wake != sender.wake):
            return
        sender.wake += 1
        looks, sender.tried = self.now - sender.tried, self.now
        first = self.work.group
        soonest = None
        for group in range(first, len(sender.state)):
            if sender.state[group] == FORMED:
                self._send(sender, group)
                return
            if sender.state[group] == REFUSED:
                sender.patience[group] -= looks
                if sender.patience[group] <= 0:
                    sender.state[group] = ABSENT
            if sender.state[group] == ABSENT:
                sender.state[group] = ASKED
                self._tell(self._hear_form, sender, group)
            if sender.state[group] == ASKED:
                break
            if sender.state[group] == REFUSED:
                soonest = min(soonest or sender.patience[group], sender.patience[group])
        else:
            if first > 0 and sender.state[0] == FORMED and REFUSED in sender.state[first:]:
                self.outcome.in_pieces += 1
                self._send(sender, 0)
                return
            if sender.state[0] == ABSENT:  # it goes in pieces, then
                sender.state[0] = ASKED
                self._tell(self._hear_form, sender, 0)
        if RECALLED in sender.state:  # it asks for what was returned
            self._tell(self._hear_ask, sender)
        if soonest is not None:
            self._at(soonest, self._try, sender, sender.wake)

    def _send(self, sender: Sender, group: int) -> None:
        sender.out[group] += 1
        sender.fresh[group] = False
        if sender.wanted[group]:
            sender.wanted[group] = False
            sender.state[group] = RECALLED
        self._at(TRIP, self._hear_message, sender, group, sender.began)
        sender.began = None
        sender.left -= 1
        if not self.work.in_turn and not self.work.answered and sender.left > 0:
            self._at(1, self._begin, sender)

    def _answered(self, sender: Sender) -> None:
        for group in range(len(sender.out)):
            self._told(sender, group, sender.untold[group])
        if not self.work.in_turn and sender.left > 0 and sender.began is None:
            self._begin(sender)

    def _told(self, sender: Sender, group: int, partitions: int) -> None:
        """Partitions have come back."""
        sender.untold[group] -= partitions
        sender.out[group] -= partitions
        self._release(sender, group)

    def _recalled(self, sender: Sender, group: int) -> None:
        if sender.fresh[group]:
            sender.wanted[group] = True  # one message may still go
            return
        sender.state[group] = RECALLED
        self._release(sender, group)
        self._try(sender)

    def _release(self, sender: Sender, group: int) -> None:
        if sender.state[group] == RECALLED and sender.out[group] == 0:
            sender.state[group] = ABSENT
            self._tell(self._hear_released, group)
            self._try(sender)

    def _formed(self, sender: Sender, group: int) -> None:
        sender.state[group] = FORMED
        sender.fresh[group], sender.wanted[group] = True, False
        self._try(sender)

    def _refused(self, sender: Sender, group: int) -> None:
        sender.state[group] = REFUSED
        sender.patience[group] = self.shape.ask_again
        self._at(1, self._try, sender)

    # ---- the receiver ----

    def _grant(self, sender: Sender, group: int) -> bool:
        """segmsg_targets_form."""
        size = self.shape.target(self.shape.groups[group])
        kept = 0 if group == 0 else self.shape.reserve + self.shape.page
        if self.registered[group] > 0:
            self.registered[group] -= 1
        elif self.entries > 0 and self.arena >= size + kept:
            self.entries -= 1
            self.arena -= size
        else:
            return False
        self.oldest[group][sender.index] = None
        return True

    def _recall(self, group: int) -> None:
        if not self.oldest[group]:
            return
        index, _ = self.oldest[group].popitem(last=False)
        victim = self.sender[index]
        self.outcome.recalls += 1
        self.recalled += 1
        self._tell(self._recalled, victim, group)
        if self.shape.recall_returns and victim.untold[group] > 0:
            self._tell(self._told, victim, group, victim.untold[group])

    def _form(self, sender: Sender, group: int) -> None:
        if self._grant(sender, group):
            self._tell(self._formed, sender, group)
            return
        self._recall(group)
        if group == 0 and self.recalled > 0:
            heapq.heappush(self.waiting, sender.index)
            return
        self.outcome.refusals += 1
        self._tell(self._refused, sender, group)

    def _hear_form(self, sender: Sender, group: int) -> None:
        self._form(sender, group)

    def _hear_released(self, group: int) -> None:
        self.registered[group] += 1
        self.recalled -= 1
        if self.waiting:
            self._form(self.sender[heapq.heappop(self.waiting)], 0)
        if self.waiting and self.recalled == 0:
            self._recall(0)

    def _hear_ask(self, sender: Sender) -> None:
        for group, untold in enumerate(sender.untold):
            if untold > 0:
                self._tell(self._told, sender, group, untold)

    def _hear_message(self, sender: Sender, group: int, began: int) -> None:
        self.outcome.delivered += 1
        self.outcome.waits.append(self.now - began)
        sender.untold[group] += 1
        is_recalled = sender.index not in self.oldest[group]
        if not is_recalled:
            self.oldest[group].move_to_end(sender.index)
        if self.work.answered:
            self._at(TRIP, self._answered, sender)
        elif is_recalled or sender.untold[group] * 2 >= self.shape.groups[group].count:
            self._tell(self._told, sender, group, sender.untold[group])
        if self.work.in_turn:
            self._next_turn()
