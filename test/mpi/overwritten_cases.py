# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The functional cases in which something else writes into the shared memory of a running job: it
ends, soon, and says why. What every word does is in test/unit/test_credits.c."""

import contextlib
import os
import re
import struct
import time

import cases
import launch

MAGIC = struct.pack("<Q", 0x3167736D67657300)  # as in src/queue/layout.h, and what follows
HEAD, TABLES, STRIDE, GROUP = 64, 1024, 128, 64
ENTRIES = 64                                   # of a table that are looked at
SEGMENT = struct.Struct("<IIIIIIQQ")           # state, group, size, count, span, entry, offset, bytes
PAIRED, COMMON, FORMED = 3, 4, 2               # states of a segment, and of a group
CLAIMED = 8                                    # in a control block: the claims of a common segment
SAID = r"The segmsg transport cannot go on with a peer\.\s.*?Peer: +(\S+).*?no correct peer writes"


class Export:
    """One export, by a descriptor of its file, which need not have a name any more."""

    def __init__(self, file):
        self.file = file

    def read(self, offset, size):
        return os.pread(self.file, size, offset).ljust(size, b"\0")

    def write(self, offset, data):
        os.pwrite(self.file, data, offset)

    def segments(self):
        """State, group in the geometry, and offset of the control block of each."""
        for index in range(ENTRIES):
            entry = SEGMENT.unpack(self.read(TABLES + index * STRIDE, SEGMENT.size))
            yield entry[0], entry[1], entry[6]


@contextlib.contextmanager
def exports_of(pid):
    """The exports that a process has open; none if it has ended or has none yet."""
    files = []
    try:
        folder = f"/proc/{pid}/fd"
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if "/segmsg-" in os.readlink(f"{folder}/{name}"):
                    files.append(os.open(f"{folder}/{name}", os.O_RDWR))
        yield [Export(file) for file in files if os.pread(file, len(MAGIC), HEAD) == MAGIC]
    finally:
        for file in files:
            os.close(file)


def overwrite_credits(export):
    """What receivers have given back, of every segment that a sender has for itself."""
    for state, _, offset in export.segments():
        if state == PAIRED:
            export.write(offset, b"\x5a" * 8)


def overwrite_claims(export):
    """What senders have claimed in the shared inbox."""
    for state, group, offset in export.segments():
        if state == COMMON and group == 0:
            export.write(offset + CLAIMED, b"\x5a" * 8)


def overwrite_table(export):
    """Which groups there are."""
    for index in range(ENTRIES):
        at = TABLES + index * STRIDE + GROUP
        if struct.unpack("<I", export.read(at, 4))[0] == FORMED:
            export.write(at, bytes(4))


def keep_overwriting(process, overwrite):
    """Does so until the job ends, from when its messages pass: a word may be written again by whoever it
    belongs to before anybody reads it. The pids of the job."""
    time.sleep(2.0)  # into the traffic
    seen = set()
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        pids = launch.descendants(process.pid)
        seen.update(pids)
        for pid in pids:
            with contextlib.suppress(OSError):
                with exports_of(pid) as exports:
                    for export in exports:
                        overwrite(export)
        time.sleep(0.05)
    return seen


def overwritten(parameters, overwrite):
    def check(machine):
        outcome = machine.run(["stress", "--seconds", "60"], 3, parameters,
                              lambda process: keep_overwriting(process, overwrite), may_leave=True)
        said = re.search(SAID, outcome.output, re.DOTALL)
        if outcome.timed_out or outcome.status == 0 or outcome.seconds > 40 or not said:
            raise cases.Failure(f"no message, or no end\n{outcome.explain()}")
    return check


def all_cases(_version):
    ways = {"credits": (cases.ALONE, overwrite_credits),
            "credits, no kernel copy": (cases.NO_KERNEL_COPY, overwrite_credits),
            "claims": (cases.ALONE, overwrite_claims),
            "tables": (cases.ALONE, overwrite_table)}
    return [cases.Case(f"a job whose {what} are overwritten says so and ends", what == "credits",
                       overwritten(parameters, overwrite))
            for what, (parameters, overwrite) in ways.items()]
