# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Cases on machines that are shared: help is not asked for where it takes the processor from somebody,
and beside busy loops nothing is lost."""

import os
import shutil
import subprocess
import sys

import cases

LOOP = "while True:\n    for _ in range(1000000): pass"
# No chunks through segments, which some processors prefer: the cooperative copy is tested.
WHOLE = {**cases.ALONE, "btl_segmsg_chunked_min": "0"}


def asked(machine, before=(), threads=1):
    """(transfers with which a peer was asked to help, bytes that it copied)."""
    words = [*before, os.path.join(machine.programs, "helped"), str(threads)]
    outcome = machine.expect(words, 2, WHOLE)
    return cases.numbers_told(outcome, r"asked (\d+), helped (\d+)")


def processors():
    """The processors that this process may use."""
    return sorted(os.sched_getaffinity(0))


def helped_where_there_are_processors(machine):
    """The other cases could not fail without this one."""
    if len(processors()) < 2:
        raise cases.Skip("there is one processor")
    count, _ = asked(machine)
    if count == 0:
        raise cases.Failure("no peer was asked to help")


def one_processor(machine):
    taskset = shutil.which("taskset")
    if not taskset:
        raise cases.Skip("there is no program taskset")
    count, copied = asked(machine, (taskset, "-c", str(processors()[0])))
    if count or copied:
        raise cases.Failure(f"two ranks on one processor: a peer was asked {count} times")


def threads_want_processors(machine):
    count, _ = asked(machine, threads=len(processors()) + 1)
    if count:
        raise cases.Failure(f"more threads than processors: a peer was asked {count} times")


def beside_busy_loops(program, parameters):
    def check(machine):
        loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in processors()[:8]]
        try:
            machine.expect(program.split(), 2, {**cases.ALONE, **parameters})
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
    return check


ROUNDS = 4000


def confined(wait):
    """Two ranks on one processor, of which Open MPI was not told. Where each message waits for the end of a
    time slice, of a few milliseconds, this takes half a minute; a hundredth of a second otherwise."""
    def check(machine):
        taskset = shutil.which("taskset")
        if not taskset:
            raise cases.Skip("there is no program taskset")
        words = [taskset, "-c", str(processors()[0]), os.path.join(machine.programs, "pingpong"), str(ROUNDS)]
        outcome = machine.expect(words, 2, {**cases.ALONE, "mpi_yield_when_idle": "0", "btl_segmsg_wait": wait})
        milliseconds, = cases.numbers_told(outcome, r"milliseconds (\d+)")
        if milliseconds > 2 * ROUNDS:
            raise cases.Failure(f"it took longer than {2 * ROUNDS} ms\n{outcome.explain()}")
    return check


def all_cases(_version):
    stress = "stress --messages 300 --min 64K --large 100"
    return [
        cases.Case("peers are asked to help where there are processors", True,
                   helped_where_there_are_processors),
        cases.Case("ranks that share a processor ask nobody to help", True, one_processor),
        cases.Case("ranks that share a processor yield it", True, confined("auto")),
        cases.Case("ranks that share a processor yield it, btl_segmsg_wait yield", False, confined("yield")),
        cases.Case("threads that want all processors ask nobody to help", True,
                   threads_want_processors),
        cases.Case("beside busy loops: all arrives, cooperative copies", True,
                   beside_busy_loops(stress, {"btl_segmsg_chunked_min": "0"})),
        cases.Case("beside busy loops: all arrives, in units", True,
                   beside_busy_loops(stress, cases.WAYS["units"])),
    ]
