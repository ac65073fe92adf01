# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Which program of this folder runs with how many ranks in which settings."""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))

NO_COPY = {"SEGMSG_SINGLE_COPY": "none"}
# Few and small partitions: segments are full most of the time.
TINY = {"SEGMSG_GROUPS": "64:64:8,1024:4:4,8192:2:2"}
# The fewest that there can be.
LEAST = {"SEGMSG_GROUPS": "64:8:1,2048:1:1"}
# Most messages are long.
SHORT = {"SEGMSG_EAGER_LIMIT": "100"}
# So little that segments have to be shared.
LITTLE = {"SEGMSG_MEMORY": "400000"}
SETTINGS = {"usual": {}, "no single copy": NO_COPY, "tiny": TINY,
            "tiny, no single copy": {**TINY, **NO_COPY}, "least": LEAST,
            "least, no single copy": {**LEAST, **NO_COPY}, "short": SHORT,
            "short, no single copy": {**SHORT, **NO_COPY}, "little memory": LITTLE,
            "little memory, no single copy": {**LITTLE, **NO_COPY}}


class Job:
    """One mpirun: the promises of a program, with some ranks, in a setting."""

    def __init__(self, program, ranks, setting, quick=False, forbidden="", shm=0, dies=False):
        self.program = program
        self.ranks = ranks
        self.setting = setting
        self.quick = quick
        self.forbidden = forbidden  # ranks that the kernel's copy is denied to: "0,1", "all"
        self.shm = shm              # bytes of /dev/shm, if the job needs one of its own
        self.dies = dies            # a rank is killed, and the others go on
        self.promises = promises_of(program)
        self.is_cxx = source_of(program).endswith(".cc")

    def variables(self):
        """The environment variables that make the setting."""
        variables = dict(SETTINGS[self.setting])
        if self.forbidden:
            variables["SEGMSG_TEST_FORBIDDEN"] = self.forbidden
        return variables

    def where(self):
        """What tells this job from others of the program."""
        where = f"{self.ranks} rank{'s' if self.ranks > 1 else ''}, {self.setting}"
        if self.forbidden:
            where += f", kernel copy forbidden to {self.forbidden}"
        return where

    def name(self, promise):
        return f"{self.program}: {promise}, {self.where()}"


def source_of(program):
    return next(path for path in (os.path.join(HERE, program + end) for end in (".c", ".cc"))
                if os.path.exists(path))


def promises_of(program):
    """The names of a program's promises, as its source lists them."""
    with open(source_of(program), encoding="utf-8") as source:
        return re.findall(r"\bPROMISE\((\w+)\)", source.read())


def matrix(programs, ranks, settings, quick=()):
    """Each program with each number of ranks in each setting; quick: pairs of the short list."""
    return [Job(program, count, setting, (count, setting) in quick)
            for program in programs.split() for count in ranks for setting in settings]


def traffic():
    """Programs that must hold in every setting."""
    programs = "content order match truncate handler within_handler poll_wait reserve probe" \
        " wait withdraw self flood statistics handles closing stress"
    quick = ((3, "usual"), (2, "no single copy"), (2, "tiny"))
    jobs = matrix(programs, (2,), SETTINGS, quick)
    jobs += matrix(programs, (3,), ("usual", "no single copy", "tiny"), quick)
    jobs += matrix(programs, (4,), ("usual", "no single copy", "least", "little memory"))
    jobs += matrix(programs, (8,), ("usual", "no single copy"))
    jobs += matrix("progress", (3,), SETTINGS, ((3, "usual"), (3, "tiny"), (3, "no single copy")))
    jobs += matrix("progress", (5,), ("usual", "no single copy"))
    jobs += matrix("stress statistics flood reserve", (8,), ("tiny", "little memory", "short"))
    # One rank is a ring too.
    return jobs + matrix("content truncate handler within_handler reserve probe wait self closing"
                         " stress", (1,), ("usual", "tiny"), ((1, "usual"),))


def opening():
    """Programs about opening, which choose their settings themselves."""
    jobs = matrix("options environment mpi_fails", (1, 2, 3, 4), ("usual",), ((2, "usual"),))
    # Each opens many times, which takes an MPI long that has too few processors.
    jobs += matrix("leaks", (1, 2), ("usual", "no single copy"), ((2, "usual"),))
    jobs += matrix("reach", (1, 2, 3, 4, 8), ("usual",), ((3, "usual"),))
    jobs += matrix("two_nodes", (2, 3, 4, 8), ("usual", "no single copy", "tiny"), ((4, "usual"),))
    jobs += matrix("arguments", (1, 2, 3), ("usual",), ((2, "usual"),))
    return jobs + matrix("text", (1, 2), ("usual",), ((1, "usual"),))


def others():
    jobs = matrix("quiet", (1, 2, 4), ("usual", "no single copy", "tiny"), ((2, "usual"),))
    jobs += matrix("threads", (1, 2, 4), ("usual", "no single copy", "tiny"), ((2, "usual"),))
    jobs += matrix("broken", (2, 3, 4), ("usual", "no single copy", "tiny"), ((3, "usual"),))
    jobs += matrix("many", (2, 3), ("usual",), ((2, "usual"),))
    jobs += matrix("stopped", (2,), ("usual",), ((2, "usual"),))
    jobs += matrix("cplusplus", (1, 3), ("usual",), ((3, "usual"),))
    return jobs


def copies():
    """By which way long messages go, also where the kernel's copy is forbidden to some ranks."""
    jobs = matrix("copies", (2, 4), ("usual", "no single copy"), ((2, "usual"),))
    for ranks, which in ((2, "0"), (2, "1"), (2, "all"), (4, "0,1"), (4, "1,3"), (4, "all")):
        for program in ("copies", "content", "stress", "truncate", "order"):
            jobs.append(Job(program, ranks, "usual", program == "copies", which))
    return jobs


def short_of_memory():
    """A /dev/shm of this size is the job's own; the program takes of it what is to be missing."""
    return [Job("no_room", ranks, setting, (ranks, setting) == (2, "usual"), shm=100 << 20)
            for ranks in (2, 4) for setting in ("usual", "no single copy", "tiny")]


def deaths():
    """A rank is killed, and the launcher lets the others go on."""
    return [Job("gone", ranks, setting, (ranks, setting) == (3, "usual"), dies=True)
            for ranks in (2, 3, 4) for setting in ("usual", "no single copy")]


def finalized():
    """A rank calls MPI_Finalize with its handle open."""
    return [Job("finalized", ranks, setting, (ranks, setting) == (3, "usual"))
            for ranks in (2, 3, 4) for setting in ("usual", "no single copy")]


def all_jobs():
    return traffic() + opening() + others() + copies() + short_of_memory() + deaths() + finalized()
