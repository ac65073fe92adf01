# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Cases of programs that compute between their messages: the eager limit follows, and what they test for
is found."""

import os

import cases

# Every longer message is copied by the kernel, and by its receiver alone.
COPIED = {**cases.ALONE, "btl_segmsg_chunked_min": "0", "btl_segmsg_cooperative_min": "0"}


def messages_at_once(parameters, expected):
    """A case: whether messages of 32 KB come without a rendezvous."""
    def check(machine):
        words = [os.path.join(machine.programs, "used")]
        outcome = machine.expect(words, 2, {**COPIED, **parameters})
        count, total = cases.numbers_told(outcome, r"at once (\d+) of (\d+)")
        if count < 0.9 * total if expected else count != 0:
            raise cases.Failure(f"{count} of {total} messages came without a rendezvous\n"
                                f"{outcome.explain()}")
    return check


def found_at_once(machine):
    """Not later than the stock transport would find it, unless other processes took the processors."""
    spins = {**cases.ALONE, "mpi_yield_when_idle": "0"} if len(os.sched_getaffinity(0)) > 1 else cases.ALONE
    outcome = machine.expect([os.path.join(machine.programs, "seldom")], 2, spins)
    late, total = cases.numbers_told(outcome, r"late (\d+) of (\d+)")
    if late > 0.3 * total:
        raise cases.Failure(f"{late} of {total} messages were found late\n{outcome.explain()}")


def all_cases(_version):
    return [
        cases.Case("who computes and asks seldom is told at once", True, found_at_once),
        cases.Case("who computes between long messages sends them at once", True,
                   messages_at_once({}, True)),
        cases.Case("who computes, btl_segmsg_used_eager_limit 0: nothing long is sent at once",
                   False, messages_at_once({"btl_segmsg_used_eager_limit": "0"}, False)),
        cases.Case("who computes, btl_segmsg_eager_limit set: it holds", False,
                   messages_at_once({"btl_segmsg_eager_limit": "8320"}, False)),
    ]
