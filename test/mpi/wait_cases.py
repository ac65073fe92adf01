# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Cases of processes that wait for long: they sleep where they are told to, and where a container's limit or other
processes want the processor time."""

import contextlib
import os
import shutil
import tempfile
import time

import cases

# As a user starts it: Open MPI itself does not yield.
USUAL = {**cases.ALONE, "mpi_yield_when_idle": "0"}
WAITS = 3  # of each rank but the first, in the program


def asleep(machine, ranks, parameters, before=()):
    """(of 1000 parts of a wait used, sleeps, of these ended by a message, sleeps in tests)"""
    outcome = machine.expect([*before, os.path.join(machine.programs, "asleep")], ranks, {**USUAL, **parameters})
    found = cases.numbers_told(outcome, r"used (\d+) of 1000; slept (\d+), woken (\d+), between tests (\d+)")
    return outcome, found


def expect_sleep(outcome, found, ranks):
    used, slept, woken, between = found
    # A sleep takes at most 4 ms, and a message ends the last of each wait, or comes just before or after it.
    if used > 250 or slept < WAITS * (ranks - 1) * 20 or woken < WAITS * (ranks - 1) / 2:
        raise cases.Failure(f"they did not sleep, or were not woken\n{outcome.explain()}")
    if between:
        raise cases.Failure(f"a test slept\n{outcome.explain()}")


def sleeps(parameters, ranks=2):
    def check(machine):
        expect_sleep(*asleep(machine, ranks, parameters), ranks)
    return check


def awake(wait):
    def check(machine):
        outcome, found = asleep(machine, 2, {"btl_segmsg_wait": wait})
        if found[1]:
            raise cases.Failure(f"they slept\n{outcome.explain()}")
    return check


def crowded(machine):
    """Three ranks on one processor, of which Open MPI was not told."""
    taskset = shutil.which("taskset")
    if not taskset:
        raise cases.Skip("there is no program taskset")
    if machine.version >= (5,):
        raise cases.Skip("Open MPI yields where mpirun is told of too few processors, whatever mpi_yield_when_idle says")
    processor = str(min(os.sched_getaffinity(0)))
    expect_sleep(*asleep(machine, 3, {}, (taskset, "-c", processor)), 3)


def remove(group):
    """Removes a control group; what has ended leaves it a moment later."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            os.rmdir(group)
            return
        time.sleep(0.05)


@contextlib.contextmanager
def limited(percent):
    """A control group whose processes may use so much of a processor together: the file that takes them in."""
    def write(folder, name, text):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    folder = None
    try:
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            folder = tempfile.mkdtemp(prefix="segmsg-test-", dir="/sys/fs/cgroup")
            write(folder, "cpu.max", f"{1000 * percent} 100000")
        else:
            folder = tempfile.mkdtemp(prefix="segmsg-test-", dir="/sys/fs/cgroup/cpu")
            write(folder, "cpu.cfs_quota_us", str(1000 * percent))
    except OSError as why:
        if folder:
            os.rmdir(folder)
        raise cases.Skip(f"no control group can be made here: {why}") from why
    try:
        yield os.path.join(folder, "cgroup.procs")
    finally:
        remove(folder)


def in_a_container(machine):
    """Half as much processor time as two ranks would use, of which nobody was told."""
    with limited(100) as members:
        shell = ("/bin/sh", "-c", f'echo $$ > {members} && exec "$0" "$@"')
        expect_sleep(*asleep(machine, 2, {}, shell), 2)


def all_cases(_version):
    block = {"btl_segmsg_wait": "block"}
    return [
        cases.Case("btl_segmsg_wait block: who waits sleeps, and is woken", True, sleeps(block)),
        cases.Case("btl_segmsg_wait block, 4 ranks", False, sleeps(block, 4)),
        cases.Case("btl_segmsg_wait block, where Open MPI yields", False, sleeps({**block, "mpi_yield_when_idle": "1"})),
        cases.Case("btl_segmsg_wait spin: nobody sleeps", False, awake("spin")),
        cases.Case("btl_segmsg_wait yield: nobody sleeps", False, awake("yield")),
        cases.Case("ranks that share a processor sleep in long waits", True, crowded),
        cases.Case("ranks whose control group limits their processor time sleep", True, in_a_container),
    ]
