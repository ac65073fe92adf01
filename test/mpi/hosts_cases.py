# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The functional cases between test hosts: which program runs with its ranks spread over how many
hosts, and how the network between them is disturbed. test/functional --hosts runs them."""

import contextlib
import copy
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import typing

import cases
import launch

sys.path.insert(0, os.path.join(launch.ROOT, "test", "hosts"))
import hosts  # noqa: E402  (found through the line above)

Case, Failure, Skip = cases.Case, cases.Failure, cases.Skip

class Spread(typing.NamedTuple):
    """How the ranks of a job lie on hosts, of which each has so many slots: a block of them on
    each, or one after the other on hosts that take turns."""

    ranks: int
    slots: typing.Tuple[int, ...]
    turns: bool = False

    def __str__(self):
        words = f"{self.ranks} rank{'s'[:self.ranks != 1]} on {len(self.slots)} hosts"
        return words + ", by turns" * self.turns


PAIR, TRIPLE = Spread(2, (1, 1)), Spread(3, (1, 1, 1))
MIXED, TURNS, APART = Spread(4, (2, 2)), Spread(4, (2, 2), True), Spread(4, (1, 1, 1, 1))
MANY, CROWD = Spread(8, (2, 2, 2, 2)), Spread(16, (4, 4, 4, 4))
# Open MPI loses the addresses of processes that were started by others if these lie on several
# hosts (4.1.4), or their parents (5.0.7). So there is room for each job on a host of its own.
ROOM = {"spawn": (Spread(1, (1, 2)), Spread(2, (2, 2))), "visitors": (Spread(1, (1, 2)),),
        "connect": (Spread(1, (1, 2, 2)), Spread(2, (2, 2, 2)))}

# What a provider of libfabric is to show.
PROVIDERS = ("tcp;ofi_rxm", "tcp", "sockets", "shm")

OURS = r"The segmsg transport"  # how each message of the component begins
GIVEN_UP_S = 5       # btl_segmsg_ofi_timeout where a link does not come back
NOTICED_S = 40       # until a job must have ended by itself after that
TRAFFIC_BYTES = 2 << 20  # that a link has carried when a job is in mid-traffic
PULLED_S = 2         # for how long a link is away that comes back
LOSS_PERCENT, DELAY_MS = 1, 2


class Machine(cases.Machine):
    """Runs programs with their ranks spread over test hosts.

    transport is what is tested: "segmsg", or another BTL for a look at the tests themselves."""

    def __init__(self, env, programs, extra, timeout, transport):
        super().__init__(env, programs, extra, timeout)
        self.transport = transport
        self.spread = PAIR
        self.more_env = {}

    def spread_as(self, spread):
        """This machine with ranks spread in this way."""
        other = copy.copy(self)
        other.spread = spread
        return other

    def names(self):
        """The hosts that take part."""
        there = list(hosts.there())
        if len(there) < len(self.spread.slots):
            raise Skip(f"needs {len(self.spread.slots)} hosts, here are {len(there)}")
        return there[:len(self.spread.slots)]

    def translated(self, parameters):
        """The same for the transport that is tested, where it is not segmsg."""
        if self.transport == "segmsg":
            return parameters
        kept = {name: value for name, value in parameters.items() if "segmsg" not in name}
        kept["btl"] = f"{self.transport},self,{self.stock}"
        if self.version < (5,):
            kept["osc"] = "pt2pt"  # osc/rdma declines the BTLs without put and get
        return kept

    def run(self, program, ranks, parameters, meanwhile=None, may_leave=False):
        names = self.names()
        parameters = {**self.translated(parameters), **self.extra}
        words = [os.path.join(self.programs, program[0]), *program[1:]]
        command = launch.mpirun(ranks, parameters, words, self.env)
        command[1:1] = hosts.over(names, self.spread.slots)
        command[1:1] = ["--map-by", "node"] if self.spread.turns else []
        env = {**launch.with_watchdog(self.env, self.timeout), **self.more_env}
        outcome = launch.run(hosts.on(names[0], command), env, self.timeout, want_stacks=True,
                             meanwhile=meanwhile, members=members)
        running, left = left_behind(names)
        launch.signal_all(running, signal.SIGKILL)
        if not may_leave:
            for name in names:
                hosts.tidy(name)
            if running or left:
                raise Failure(f"left behind: {' '.join(map(str, running + left))}\n"
                              f"{outcome.explain()}")
        return outcome


def members(mpirun):
    """The pids of a job, besides mpirun's: hosts run nothing else."""
    pids = launch.descendants(mpirun)
    for name in hosts.there():
        pids += [pid for pid in hosts.processes(name) if pid != mpirun and pid not in pids]
    return pids


def left_behind(names):
    """The processes that are left on these hosts after a job, and the files: any in shared memory,
    and segmsg's elsewhere. The last ones may need a moment to end."""
    for _ in range(50):
        running = [pid for name in names for pid in hosts.processes(name)]
        left = [path for name in names for path in hosts.files(name)
                if "/dev/shm/" in path or "segmsg-" in os.path.basename(path)]
        if not running and not left:
            break
        time.sleep(0.1)
    return running, left


def plain(program, spread, way, quick=False):
    """A program that must succeed."""
    words = program.split()

    def check(machine):
        machine.spread_as(spread).expect(words, spread.ranks, cases.WAYS[way])
    return Case(f"{program}, {spread}, {way}", quick, check)


def matrix(program, spreads, ways, quick=()):
    """A program spread in each of these ways, with each of these parameters."""
    return [plain(program, spread, way, (spread, way) in quick)
            for spread in spreads for way in ways]


# ---- messages ----

def message_cases():
    """What cases.message_cases() has, as far as the kernel's copy does not come into it."""
    usual = ("alone", "with self", "tiny")
    quick = ((PAIR, "alone"), (PAIR, "tiny"))
    found = matrix("nothing", (PAIR, TRIPLE, MANY), ("alone", "with self", "default selection"),
                   ((PAIR, "alone"), (PAIR, "default selection")))
    found += matrix("ordering", (PAIR, TRIPLE, MIXED, APART), usual, quick)
    found += matrix("ordering", (TURNS, CROWD), ("alone",))
    found += matrix("unexpected", (PAIR, TRIPLE, MIXED, MANY), ("alone", "tiny"), quick)
    found += matrix("self", (PAIR,), usual)
    found += matrix("datatypes", (PAIR, MIXED, TURNS), usual, quick)
    found += matrix("truncate", (PAIR, MIXED), ("alone", "tiny"), ((PAIR, "alone"),))
    found += matrix("requests", (PAIR,), usual, ((PAIR, "alone"),))
    found += matrix("threads", (PAIR, MIXED), usual, ((PAIR, "alone"), (PAIR, "tiny")))
    found += matrix("collectives", (PAIR, TRIPLE, MIXED, APART), usual,
                    ((TRIPLE, "alone"), (MIXED, "alone")))
    found += matrix("collectives", (TURNS, MANY, CROWD), ("alone",))
    found += matrix("onesided --no-dynamic", (PAIR, TRIPLE, MIXED), ("alone", "with self"),
                    ((PAIR, "alone"),))
    found += matrix("onesided --no-dynamic", (PAIR, TRIPLE, MIXED, APART), ("osc rdma", "osc rdma, tiny"),
                    ((PAIR, "osc rdma"), (MIXED, "osc rdma")))
    for program, spreads in ROOM.items():
        found += matrix(program, spreads, ("alone", "with self"), ((spreads[-1], "alone"),))
    return found


# Messages are gathered as far as they follow each other within a microsecond, and leave when they
# have waited for a tenth of a millisecond. These are times that no processor can miss.
GATHERED = {"btl_segmsg_ofi_coalesce_gap": "1000000000", "btl_segmsg_ofi_coalesce_timeout": "100000"}
APART_ALWAYS = {**GATHERED, "btl_segmsg_ofi_coalesce_max": "0"}


def counter_cases():
    def bursts(argument, parameters, way):
        def check(machine):
            machine.spread_as(PAIR).expect(["writes", argument], 2, {**cases.WAYS[way], **parameters})
        return Case(f"writes {argument}, {PAIR}, {way}", way == "alone", check)
    return (matrix("counters", (PAIR, TRIPLE), ("alone", "with self", "tiny"), ((PAIR, "alone"),))
            + matrix("writes", (PAIR,), ("alone", "with self"))
            + [bursts("--gathered", GATHERED, "alone"), bursts("--gathered", GATHERED, "with self"),
               bursts("--apart", APART_ALWAYS, "alone")])


def stress_cases():
    """Short runs of the stress test."""
    found = []
    for seed, (spread, messages) in enumerate(((PAIR, 40000), (TRIPLE, 40000), (MIXED, 40000),
                                               (TURNS, 40000), (APART, 20000), (MANY, 20000),
                                               (CROWD, 10000))):
        found += matrix(f"stress --messages {messages} --seed {seed + 1}", (spread,),
                        ("alone", "tiny"), ((PAIR, "alone"), (PAIR, "tiny"), (MIXED, "alone")))
    found += matrix("stress --messages 10000 --threads", (PAIR, MIXED), ("alone", "tiny"),
                    ((PAIR, "alone"),))
    return found + matrix("stress --messages 1000 --min 64K --large 100", (PAIR, MIXED),
                          ("alone", "tiny"), ((PAIR, "alone"),))


# ---- providers of libfabric ----

def provider_there(provider):
    """Raises Skip where libfabric has no such provider, as far as fi_info can tell."""
    if not shutil.which("fi_info"):
        raise Skip("no fi_info to ask which providers there are (package libfabric-bin)")
    host = next(iter(hosts.there()))
    asked = subprocess.run(hosts.on(host, ["fi_info", "-p", provider, "-t", "FI_EP_RDM"]),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    # Asked for tcp it also tells of tcp;ofi_rxm.
    if not re.search(rf"(?m)^provider: {re.escape(provider)}$", asked.stdout.decode()):
        raise Skip(f"libfabric has no provider {provider} of reliable datagrams")


def by_provider(program, provider, spread, osc=False, quick=False):
    """A program that must succeed on this provider."""
    ways = {**(cases.ONE_SIDED if osc else cases.ALONE),
            "btl_segmsg_ofi_provider_include": provider}

    def check(machine):
        provider_there(provider)
        on_hosts = machine.spread_as(spread)
        more = {}
        if provider == "shm":  # segmsg's own shared memory would reach the other hosts then
            on_hosts.more_env = hosts.SHARED_MEMORY
            more["btl_segmsg_interconnect"] = "ofi"
        on_hosts.expect(program.split(), spread.ranks, {**ways, **more})
    return Case(f"{program}, {spread}, provider {provider}", quick, check)


def provider_cases():
    found = []
    for provider in PROVIDERS:
        found += [by_provider("ordering", provider, PAIR, quick=True),
                  by_provider("stress --messages 20000", provider, PAIR, quick=True),
                  by_provider("stress --messages 20000", provider, MIXED),
                  by_provider("stress --messages 1000 --min 64K --large 100", provider, PAIR),
                  by_provider("collectives", provider, TRIPLE)]
        if provider != "sockets":  # where osc/rdma's puts come to no end: docs/testing.md
            found.append(by_provider("onesided --no-dynamic", provider, PAIR, osc=True, quick=True))
    return found


def declined(parameters, pattern):
    """segmsg says why it does not serve other hosts, and another transport does."""
    def check(machine):
        outcome = machine.spread_as(PAIR).run(["ordering"], PAIR.ranks,
                                              {"btl": "segmsg,tcp,self", **parameters})
        if outcome.timed_out or outcome.status != 0 or not re.search(pattern, outcome.output):
            raise Failure(f"wanted a message that matches {pattern!r}\n{outcome.explain()}")
    return check


def declining_cases():
    return [Case("no provider fits", True,
                 declined({"btl_segmsg_ofi_provider_include": "telegraph"},
                          r"(?s)no way to other hosts.*sockets +not in btl_segmsg_ofi_provider")),
            Case("no domain fits", False,
                 declined({"btl_segmsg_ofi_domains": "telegraph0"}, r"not in btl_segmsg_ofi_domains")),
            Case("groups that cannot be used between hosts", True,
                 declined({"btl_segmsg_ofi_groups": "64:100:8,1K:64:4"}, r"btl_segmsg_ofi_groups"))]


# ---- what a provider may want, pretended ----

PRETENCES = ("local", "unordered,shuffle", "no_inject,short_data", "no_atomics",
             "max_message=20000", "max_message=4096,no_inject,local,unordered,shuffle")


def pretended(program, pretence, quick):
    """A program that must succeed on a provider that is believed to be like that."""
    def check(machine):
        machine.spread_as(PAIR).expect(program.split(), PAIR.ranks,
                                       {**cases.ALONE, "btl_segmsg_ofi_pretend": pretence})
    return Case(f"{program}, {PAIR}, pretended: {pretence}", quick, check)


def pretended_cases():
    return [pretended(program, pretence, program == "ordering") for pretence in PRETENCES
            for program in ("ordering", "stress --messages 10000", "onesided --no-dynamic")]


# ---- ends ----

def on_two_hosts(check):
    """A check of cases.py with its four ranks on two hosts."""
    return lambda machine: check(machine.spread_as(MIXED))


def kill_all_hosts(process):
    """SIGKILL for mpirun and, at once, for everything else of the job, in mid-traffic."""
    pids = in_traffic(process)
    process.kill()
    launch.signal_all(pids, signal.SIGKILL)
    return pids


def job_killed(machine):
    """Nobody is left to clean up; a job that starts a minute later does it for the dead."""
    machine = machine.spread_as(MIXED)
    machine.run(["stress", "--seconds", "60"], 4, cases.ALONE, kill_all_hosts, may_leave=True)
    if any(left_behind(machine.names())):
        time.sleep(61)
        machine.run(["nothing"], 4, cases.ALONE, may_leave=True)
    running, left = left_behind(machine.names())
    for name in machine.names():
        hosts.tidy(name)
    if running or left:
        raise Failure(f"left behind: {' '.join(map(str, running + left))}")


def kill_second_rank(machine):
    """A rank on the second host gets SIGKILL from outside in mid-traffic: the job ends."""
    def meanwhile(process):
        pids = in_traffic(process)
        launch.signal_all([pid for pid in hosts.processes(machine.names()[1])
                           if runs(pid, machine.programs)], signal.SIGKILL)
        return pids
    outcome = machine.run(["stress", "--seconds", "60"], 2, cases.ALONE, meanwhile)
    if outcome.timed_out or outcome.status == 0 or outcome.seconds > NOTICED_S:
        raise Failure(outcome.explain())


def end_cases():
    found = [Case("a rank killed in mid-traffic ends a job on 2 hosts and leaves nothing", True,
                  on_two_hosts(cases.rank_killed)),
             Case("all ranks killed on 2 hosts leave nothing", True,
                  on_two_hosts(cases.all_ranks_killed)),
             Case("a rank of another host killed in mid-traffic ends the job", True,
                  kill_second_rank)]
    return found + [Case("all ranks and mpirun killed on 2 hosts leave nothing for long", False,
                         job_killed)]


# ---- disturbances ----

def runs(pid, programs):
    """Whether a process is one of our programs."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as words:
            return os.path.dirname(words.read().split("\0")[0]) == programs
    return False


def in_traffic(process):
    """Wait until the second host's link has carried some megabytes; the pids of the job."""
    host = list(hosts.there())[1]
    begun, deadline = hosts.received(host), time.monotonic() + 30
    while hosts.received(host) - begun < TRAFFIC_BYTES:
        if process.poll() is not None or time.monotonic() > deadline:
            break  # what became of it tells
        time.sleep(0.05)
    return members(process.pid)


@contextlib.contextmanager
def link_disturbed(host, bad, good):
    """While a link is bad. It is put right in the end, whatever comes."""
    hosts.disturb(host, *bad)
    try:
        yield
    finally:
        hosts.disturb(host, *good)


def ranks_running(machine):
    return [pid for name in machine.names() for pid in hosts.processes(name)
            if runs(pid, machine.programs)]


def link_lost(bad, good):
    """A link goes in mid-traffic and does not come back: every rank gives up in time, and the
    component says so. mpirun speaks to its daemons by the same network; it may need the link to
    see that they are over, and gets it back once no rank is left."""
    def check(machine):
        waited = []

        def meanwhile(process):
            pids = in_traffic(process)
            started = time.monotonic()
            with link_disturbed(machine.names()[1], bad, good):
                while ranks_running(machine) and time.monotonic() - started < NOTICED_S:
                    time.sleep(0.1)
                waited.append(time.monotonic() - started)
                if ranks_running(machine):
                    waited.append(launch.stacks_of(ranks_running(machine)))
            return pids
        outcome = machine.run(["stress", "--seconds", "120"], 2,
                              {**cases.ALONE, "btl_segmsg_ofi_timeout": str(GIVEN_UP_S)}, meanwhile)
        if len(waited) > 1:
            raise Failure(f"ranks ran on for {NOTICED_S} s\n{outcome.explain()}{waited[1]}")
        if outcome.timed_out or outcome.status == 0 or not re.search(OURS, outcome.output):
            raise Failure(f"wanted an end with a message of segmsg's\n{outcome.explain()}")
    return check


def link_away(bad, good):
    """A link is away for a moment in mid-traffic: nothing is lost, and the job goes on."""
    def check(machine):
        def meanwhile(process):
            pids = in_traffic(process)
            with link_disturbed(machine.names()[1], bad, good):
                time.sleep(PULLED_S)
            return pids
        expect_disturbed(machine, "stress --seconds 10", meanwhile)
    return check


def expect_disturbed(machine, program, meanwhile=None):
    outcome = machine.run(program.split(), 2, cases.ALONE, meanwhile)
    if outcome.timed_out or outcome.status != 0:
        raise Failure(outcome.explain())


def link_degraded(program):
    """Some packets are lost and all are late: no message is."""
    def check(machine):
        with link_disturbed(machine.names()[1], ("degrade", LOSS_PERCENT, DELAY_MS), ("restore",)):
            expect_disturbed(machine, program)
    return check


PULLED, TAKEN_DOWN = (("pull",), ("plug",)), (("down",), ("up",))


def bad_link_cases():
    bad = f"{LOSS_PERCENT}% lost, {DELAY_MS} ms late"
    found = [Case(f"{program}, 2 ranks on 2 hosts, {bad}", quick, link_degraded(program))
             for program, quick in (("ordering", False), ("stress --messages 3000", True),
                                    ("stress --messages 100 --min 64K --large 100", False),
                                    ("onesided --no-dynamic", False))]
    return found + [Case(f"the link pulled for {PULLED_S} s", True, link_away(*PULLED)),
                    Case(f"the interface down for {PULLED_S} s", False, link_away(*TAKEN_DOWN))]


def lost_link_cases():
    return [Case("the link pulled in mid-traffic ends the job", True, link_lost(*PULLED)),
            Case("the interface taken down in mid-traffic ends the job", False,
                 link_lost(*TAKEN_DOWN))]


def all_cases(transport):
    """What can be asked of a transport; of others than segmsg only what is in the standard."""
    found = message_cases() + stress_cases() + end_cases() + bad_link_cases()
    if transport == "segmsg":
        return (found + counter_cases() + provider_cases() + pretended_cases() + declining_cases()
                + lost_link_cases())
    return [case for case in found
            if not re.search("with self|tiny|default|leave nothing for long", case.name)]
