# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Cases about address space: it follows use, and processes that may map too little use another
transport, on both sides of a pair, and say so."""

import re

from cases import BESIDE_TCP, CRASH, Case, Failure, Skip, run_heard

# What is mapped may be so much more than with Open MPI's own transport.
MARGIN = 1.2
# Open MPI cannot start with so little, or says why it stops.
SAYS_WHY = (r"segmsg|MPI_INIT|It looks like|terminated normally, but|out of (dynamic )?memory|"
            r"[Cc]annot allocate memory|unable to|error while loading shared libraries")
TOO_LITTLE = r"may map too little|no address space for"


def mapped(machine, btl, ranks, *how):
    """KiB of address space and of resident shared memory that the largest rank of a run has."""
    outcome = machine.run(["address_space", *how], ranks, {"btl": btl})
    if "memory cannot be locked" in outcome.output:
        raise Skip("memory cannot be locked (ulimit -l)")
    found = re.search(r"right: VmPeak (\d+) KiB, RssShmem (\d+) KiB", outcome.output)
    if outcome.timed_out or outcome.status != 0 or not found:
        raise Failure(outcome.explain())
    return int(found[1]), int(found[2])


def follows_use_case(ranks):
    def check(machine):
        stock, _ = mapped(machine, f"{machine.stock},self", ranks)
        segmsg, _ = mapped(machine, "segmsg", ranks)
        if segmsg > MARGIN * stock:
            raise Failure(f"{segmsg} KiB of address space; {machine.stock} has {stock}")
    return Case(f"address space follows use, {ranks} ranks", ranks <= 8, check)


def locked(machine):
    """mlockall() makes memory of all that is mapped."""
    _, stock = mapped(machine, f"{machine.stock},self", 8, "lock")
    _, segmsg = mapped(machine, "segmsg", 8, "lock")
    if segmsg > MARGIN * stock:
        raise Failure(f"{segmsg} KiB of locked shared memory; {machine.stock} has {stock}")


def run_limited(machine, ranks, limit, parameters):
    """One run in which rank 1 may map `limit` KiB: right, or with the reason why it is not, unless Open MPI
    cannot even load its components. True if segmsg said that it had too little."""
    outcome = run_heard(machine, parameters,
                        ["address_space", "limit", "1", str(limit)], ranks)
    said = re.search(TOO_LITTLE, outcome.output) is not None
    ended_well = outcome.status == 0 and "right:" in outcome.output
    if "failed to map segment from shared object" in outcome.output:
        return False
    if (outcome.timed_out or re.search(CRASH, outcome.output) or "invalid bml" in outcome.output
            or "WRONG" in outcome.output
            or (not ended_well and not re.search(SAYS_WHY, outcome.output))):
        raise Failure(f"with {limit} KiB for rank 1\n{outcome.explain()}")
    return said and ended_well


def alone(machine):
    """A rank that alone may map too little for the regions of all others (large ones here): both
    sides of each pair use another transport."""
    ranks, tables = 8, {**BESIDE_TCP, "btl_segmsg_segment_table_entries": "65536"}
    base, _ = mapped(machine, "tcp,self", ranks)
    said = 0
    for more in range(8, 96, 8):
        said += run_limited(machine, ranks, base + more * 1024, tables)
    if said == 0:
        raise Failure("with no limit did segmsg find too little address space and go on without")


def any_limit(machine):
    """From enough to too little to start at all."""
    ranks = 4
    peak, _ = mapped(machine, "segmsg", ranks)
    for less in range(-32, 64, 4):
        run_limited(machine, ranks, peak - less * 1024, BESIDE_TCP)


def all_cases(_version):
    return [follows_use_case(8), follows_use_case(32),
            Case("locked memory follows use", True, locked),
            Case("a rank alone with little address space", False, alone, slow=True),
            Case("any limit of address space", False, any_limit, slow=True)]
