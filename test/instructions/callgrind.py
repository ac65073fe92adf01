# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Reads callgrind's output: how many instructions each object file executed itself."""

import re

# "name=(7) text" gives number 7 a text, "name=(7)" means it again.
_NAME = re.compile(r"(c?ob)=\((\d+)\)(?: (.*))?$")
# A position, absolute or relative to the last one, and the cost, which may be left out if it is 0.
_COST = re.compile(r"(?:[+-]?\d+|0x[0-9a-f]+|\*) *(\d*)$")
_TOTALS = re.compile(r"totals: (\d+)$")


class Unreadable(Exception):
    """Not what callgrind writes, as far as we know it."""


def self_cost(path):
    """{object file: instructions} of a dump made with one event and lines as positions.

    The line after "calls=" is what the called function cost, with all below it; that stands in the
    called functions' own lines too.
    """
    cost, names, here = {}, {}, None
    called, totals = False, None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if name := _NAME.match(line):
                if name[3] is not None:
                    names[name[2]] = name[3]
                if name[1] == "ob":
                    here = names[name[2]]
            elif line.startswith("calls="):
                called = True
            elif found := _COST.match(line):
                if not called:
                    cost[here] = cost.get(here, 0) + int(found[1] or 0)
                called = False
            elif found := _TOTALS.match(line):
                totals = int(found[1])
    if totals is None or sum(cost.values()) != totals:
        raise Unreadable(f"{path}: the lines add up to {sum(cost.values())}, not to {totals}")
    return cost
