# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Busy loops beside what is measured: other jobs, a monitor, a container's neighbour.

Each loop is a process that computes and never waits. "0,1" binds one to each of these processors,
"any:2" starts two that the kernel may move.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from .mpi import Unavailable

LOOP = "while True:\n    for _ in range(1000000): pass"
LOOPS_MAX = 64


def places(spec: str) -> list[int | None]:
    """The processor of each loop that `spec` asks for; None: any."""
    if not spec:
        return []
    head, colon, number = spec.partition(":")
    words = [number] if colon and head == "any" else spec.split(",")
    if not all(word.isascii() and word.isdigit() for word in words):
        raise Unavailable(f"--busy {spec} is neither processors (0,1) nor any:NUMBER")
    result: list[int | None]
    result = [None] * int(number) if colon else [int(word) for word in words]
    if not 0 < len(result) <= LOOPS_MAX:
        raise Unavailable(f"--busy {spec} asks for {len(result)} loops, 1 to {LOOPS_MAX} are possible")
    foreign = {place for place in result if place is not None} - os.sched_getaffinity(0)
    if foreign:
        raise Unavailable(f"--busy {spec}: there is no processor {min(foreign)} here")
    return result


def _binder(place: int | None) -> Callable[[], None] | None:
    return None if place is None else lambda: os.sched_setaffinity(0, {place})


@contextlib.contextmanager
def busy(spec: str) -> Iterator[None]:
    """Runs the loops of `spec` for as long as the context lasts."""
    loops = []
    try:
        for place in places(spec):
            command = [sys.executable, "-c", LOOP]
            loops.append(subprocess.Popen(command, preexec_fn=_binder(place)))
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
