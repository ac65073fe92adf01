# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Runs transports in interleaved rounds.

A round runs every transport once. The order turns by one from round to round, so that none is
always first, and what changes with time (other load, frequency, temperature) meets all alike.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from .mpi import Outcome, Unavailable, run
from .statistics import Row, Values, medians, paired
from .tests import Options, Test, forbidding
from .transports import Transport

# A transport whose runs fail this often without one that succeeds in between is given up.
FAILURES_IN_A_ROW = 2


@dataclass(frozen=True)
class Plan:
    """How a comparison is run."""

    rounds: int
    options: Options
    build: Path  # where programs are compiled to
    ranks: int | None = None  # None: the test's own number
    binding: str = "auto"
    timeout: float = 120
    verbose: bool = False


@dataclass
class Result:
    """What a test has measured."""

    test: Test
    own: Transport
    peers: list[Transport]
    ranks: int
    rounds: int
    values: dict[str, Values]  # by the transport's name
    skipped: list[tuple[str, str]] = field(default_factory=list)  # transport's name, why
    failures: int = 0  # runs that went wrong

    def rows(self, peer: Transport) -> list[Row]:
        return paired(self.values[self.own.name], self.values[peer.name])

    def medians(self, transport: Transport) -> dict[int, float]:
        return medians(self.values[transport.name])


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _report_failure(outcome: Outcome, fault: str, environment: dict[str, str]) -> None:
    settings = "".join(f"{key}={value} " for key, value in environment.items())
    _note(f"FAILED ({fault}): {settings}{outcome.command}")
    for line in outcome.output.rstrip().splitlines():
        _note(f"    {line}")


def _run(
    transport: Transport, command: list[str], test: Test, ranks: int, plan: Plan
) -> dict[int, float] | None:
    """One run of one transport. None if it failed, which has been reported then."""
    job = transport.mpi.job(
        ranks,
        plan.binding,
        transport.arguments(test.onesided),
        command,
        threads=test.threads_of(plan.options),
    )
    environment = {**transport.mpi.environment, **dict(transport.environment)}
    outcome = run(job, environment, plan.timeout)
    if plan.verbose:
        _note(outcome.command)
    values = test.values(outcome.output)
    fault = outcome.fault or ("" if values else "printed no result")
    if fault:
        transport.mpi.clear()
        _report_failure(outcome, fault, dict(transport.environment))
        return None
    return values


def _measure(
    transport: Transport, commands: list[list[str]], test: Test, ranks: int, plan: Plan
) -> dict[int, float] | None:
    """The runs of one transport in a round. None if one failed."""
    result: dict[int, float] = {}
    for command in commands:
        values = _run(transport, command, test, ranks, plan)
        if values is None:
            return None
        result.update(values)
    return result


def _commands(
    test: Test, own: Transport, peers: list[Transport], plan: Plan, result: Result
) -> dict[str, list[list[str]]]:
    """The program's command lines for every transport that can run the test; notes the others."""
    commands = {}
    for transport in (own, *peers):
        try:
            if test.onesided and transport.onesided_fault:
                raise Unavailable(transport.onesided_fault)
            runs = test.commands(transport.mpi, plan.build, plan.options)
            if transport.forbidden:
                before = forbidding(transport.mpi, plan.build)
                runs = [[*before, *command] for command in runs]
            commands[transport.name] = runs
        except Unavailable as reason:
            if transport is own:
                raise
            result.skipped.append((transport.name, str(reason)))
            _note(f"{test.name}: skipping {transport.name}: {reason}")
    return commands


def compare(test: Test, own: Transport, peers: list[Transport], plan: Plan) -> Result:
    """Measures a test on all transports. Raises Unavailable if `own` cannot run it."""
    ranks = plan.ranks or test.ranks
    result = Result(test, own, [], ranks, plan.rounds, values={})
    commands = _commands(test, own, peers, plan, result)
    transports = [transport for transport in (own, *peers) if transport.name in commands]
    result.peers = transports[1:]
    result.values = {transport.name: {} for transport in transports}
    failures_in_a_row = dict.fromkeys(result.values, 0)
    started = time.monotonic()
    for number in range(plan.rounds):
        turn = number % len(transports)
        for transport in transports[turn:] + transports[:turn]:
            if failures_in_a_row[transport.name] >= FAILURES_IN_A_ROW:
                continue
            values = _measure(transport, commands[transport.name], test, ranks, plan)
            if values is not None:
                result.values[transport.name][number] = values
                failures_in_a_row[transport.name] = 0
                continue
            result.failures += 1
            failures_in_a_row[transport.name] += 1
            if failures_in_a_row[transport.name] == FAILURES_IN_A_ROW:
                _note(f"{test.name}: giving up {transport.name} after repeated failures")
        if failures_in_a_row[own.name] >= FAILURES_IN_A_ROW:
            break
        seconds = time.monotonic() - started
        _note(f"{test.name}: round {number + 1} of {plan.rounds} done, {seconds:.0f} s")
    return result
