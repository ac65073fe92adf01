# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The tables of docs/scale.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable

from .simulation import Outcome, Simulation, Work
from .sources import Shape

MB = 1 << 20
KB = 1 << 10
RANDOM_MESSAGES = 1000  # that a process sends, and receives, in the pattern of that name
LENGTHS = (None, 4096, 65536)  # beside short messages: none, and these
# The longest usual name of an export: user and process have so many digits.
EXPORT_NAME = "/dev/shm/segmsg-1000-4194304-0123456789abcdef"


def log2(processes: int) -> int:
    """Steps of recursive doubling or of dissemination."""
    return math.ceil(math.log2(processes))


def distinct(others: int, messages: int) -> int:
    """How many of `others` are met by so many draws."""
    return round(others * (1 - (1 - 1 / others) ** messages))


@dataclass(frozen=True)
class Pattern:
    """With how many others a process talks: whom it knows, sends to, receives from."""

    name: str
    peers: Callable[[int], int]
    to: Callable[[int], int]
    is_master: bool = False  # each of the others has only this one


PATTERNS = (
    Pattern("6 neighbours", lambda p: 6, lambda p: 6),
    Pattern("26 neighbours", lambda p: 26, lambda p: 26),
    Pattern("recursive doubling", log2, log2),
    Pattern("dissemination", lambda p: 2 * log2(p), log2),
    Pattern(
        "random",
        lambda p: distinct(p - 1, 2 * RANDOM_MESSAGES),
        lambda p: distinct(p - 1, RANDOM_MESSAGES),
    ),
    Pattern("all to all", lambda p: p - 1, lambda p: p - 1),
    Pattern("master", lambda p: p - 1, lambda p: p - 1, True),
    Pattern("worker", lambda p: 1, lambda p: 1),
)

Rows = list[list[str]]


def table(head: list[str], rows: Rows) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def count(value: int) -> str:
    """100, 1000, 10 000"""
    return f"{value:,}".replace(",", " ") if value >= 10000 else str(value)


def megabytes(value: float) -> str:
    """Two digits below 10."""
    value /= MB
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


class Tables:
    """All of them, for one geometry and one set of sizes."""

    def __init__(self, shape: Shape, sizes: dict[str, int], rails: int, processes: list[int]):
        self.shape, self.sizes, self.rails, self.processes = shape, sizes, rails, processes

    def _columns(self, cell: Callable[[Pattern, int], str]) -> str:
        head = ["", *(count(p) for p in self.processes)]
        rows = [[pattern.name, *(cell(pattern, p) for p in self.processes)] for pattern in PATTERNS]
        return table(head, rows)

    @property
    def modex_bytes(self) -> int:
        """What a process publishes."""
        descriptor = -(-(self.sizes["modex descriptor"] + len(EXPORT_NAME) + 1) // 8) * 8
        each = self.rails * self.sizes["modex of a rail"]
        return self.sizes["modex head"] + descriptor + each

    def memory(self, pattern: Pattern, processes: int, wanted: list[int]) -> int:
        """Bytes for peers. Groups are given as far as the receiver has memory."""
        shape, senders = self.shape, pattern.to(processes)
        have = shape.granted(senders, wanted)
        total = pattern.peers(processes) * (self.sizes["endpoint"] + self.sizes["link"])
        for index, given in have.items():
            group = shape.groups[index]
            total += given * shape.target(group)
            total += (senders if pattern.is_master else given) * shape.source(group)
        return self.rails * total

    def sizes_table(self) -> str:
        """Bytes of structures."""
        return table(["what", "bytes"], [[name, str(size)] for name, size in self.sizes.items()])

    def groups_table(self) -> str:
        """What a pair takes of each group."""
        rows = []
        for group in self.shape.groups:
            most = self.shape.granted(10**9, [group.index])[group.index]
            rows.append(
                [
                    f"{group.size}:{group.count}:{group.span}",
                    str(self.shape.carries(group)),
                    str(self.shape.target(group)),
                    str(self.shape.source(group)),
                    count(most),
                ]
            )
        return table(["group", "carries", "target", "source", "senders at a time"], rows)

    def memory_table(self) -> str:
        """Memory by pattern."""

        def cell(pattern: Pattern, processes: int) -> str:
            wanted = [[0] if n is None else [0, self.shape.fits(n)] for n in LENGTHS]
            return " / ".join(megabytes(self.memory(pattern, processes, w)) for w in wanted)

        return self._columns(cell)

    def start_table(self) -> str:
        """Peers and what it takes to find them."""

        def cell(pattern: Pattern, processes: int) -> str:
            peers = pattern.peers(processes)
            senders = pattern.to(processes)
            control = 2 * senders * self.rails  # FORM, and FORMED in reply to the others'
            modex = peers * self.modex_bytes / KB
            kilobytes = f"{modex:.1f}" if modex < 10 else count(round(modex))
            return f"{count(peers)} / {count(control)} / {kilobytes}"

        job = [f"{count(round(p * self.modex_bytes / KB))} KB" for p in self.processes]
        text = self._columns(cell)
        return text + "\n| the whole job's modex | " + " | ".join(job) + " |"

    def simulation_table(self) -> str:
        """What becomes of groups under the budget."""
        long = self.shape.fits(LENGTHS[-1] or 0)
        works: dict[str, Callable[[int], Work]] = {
            "all to all, one after another, twice": lambda n: Work(
                n, 2, in_turn=True, answered=True
            ),
            "the same, nobody answers": lambda n: Work(n, 2, in_turn=True),
            "random senders": lambda n: Work(n, 2, in_turn=True, answered=True, is_random=True),
            "gather, all at once": lambda n: Work(n, 1),
            "master, all at once": lambda n: Work(n, 2, answered=True),
            "master, 64 KB": lambda n: Work(n, 4, answered=True, group=long),
        }
        rows = []
        for name, work in works.items():
            for processes in self.processes:
                # Where nobody gets a long group, more senders do not change that.
                if "64 KB" not in name or processes <= 10000:
                    outcome = Simulation(self.shape, work(processes - 1)).run()
                    rows.append([name, count(processes), *self._outcome(outcome)])
        head = ["", "processes", "delivered", "in pieces", "control", "recalls", "refusals", "wait"]
        return table(head, rows)

    @staticmethod
    def _outcome(outcome: Outcome) -> list[str]:
        waits = sorted(outcome.waits)
        share = f"{100 * outcome.delivered // outcome.wanted} %"
        share += ", cut" if outcome.is_cut else ", no more"
        return [
            "all" if outcome.missing == 0 else share,
            count(outcome.in_pieces),
            f"{outcome.control / outcome.delivered:.1f}",
            count(outcome.recalls),
            count(outcome.refusals),
            f"{count(waits[len(waits) // 2])}, {count(waits[-1])}",
        ]

    def all(self) -> dict[str, str]:
        """By name."""
        return {
            "sizes": self.sizes_table(),
            "groups": self.groups_table(),
            "memory": self.memory_table(),
            "start": self.start_table(),
            "simulation": self.simulation_table(),
        }
