# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Functional cases between test hosts: a process is silent, is stopped, or ends, while others wait for
it, with few descriptors or among strangers. test/functional --hosts runs them."""

import contextlib
import os
import re
import signal
import subprocess
import time

import cases
import hosts_cases
import launch
from hosts_cases import hosts

Case, Failure, Skip, Spread = cases.Case, cases.Failure, cases.Skip, hosts_cases.Spread

PARAMETERS = {**cases.ALONE, "btl_segmsg_ofi_timeout": "1"}  # seconds
WATCHED = Spread(9, (1, 8))  # all of the second host wait for the one of the first
FEW = Spread(4, (1, 3))
STOPPED_S = 15  # until the eight, who ask every half second, have asked more than 200 times
LONG_S = 6      # several times the time-out


def silent_rank(machine, process):
    """The pid of the rank that is out of MPI while the others wait; None if the job ended first."""
    host, deadline = machine.names()[0], time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        for pid in hosts.processes(host):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                    if name.read().strip() == "out of MPI":
                        return pid
        time.sleep(0.05)
    return None


@contextlib.contextmanager
def stopped(pids):
    """While processes are stopped, as by a debugger."""
    launch.signal_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        launch.signal_all(pids, signal.SIGCONT)


def live_port(pid):
    """The port of a process where the keepalive listens: on any address, other than the provider."""
    sockets = set()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for words in map(str.split, table.readlines()[1:]):
            address, port = words[1].split(":")
            if words[3] == "0A" and int(address, 16) == 0 and f"socket:[{words[9]}]" in sockets:
                return int(port, 16)
    raise Failure(f"process {pid} listens on no port that is open to any address")


@contextlib.contextmanager
def strangers(machine, pid):
    """While a host that has no part in the job floods the keepalive of a process."""
    others = [name for name in hosts.there() if name not in machine.names()]
    if not others:
        raise Skip("needs a host that has no part in the job")
    address = f"10.0.0.{1 + list(hosts.there()).index(machine.names()[0])}"
    program = os.path.join(hosts.HERE, "strangers")
    flood = subprocess.Popen(hosts.on(others[0], [program, address, str(live_port(pid))]),
                             stdout=subprocess.PIPE)
    try:
        if b"begun" not in flood.stdout.readline():
            raise Failure("the strangers did not begin")
        yield
    finally:
        flood.kill()
        flood.wait()
        flood.stdout.close()


def goes_on(program, spread, meanwhile=None):
    """A check that a job succeeds, whatever is done to it while a rank of it is silent."""
    def check(machine):
        machine, found = machine.spread_as(spread), []

        def disturb(process):
            found.append(silent_rank(machine, process))
            if meanwhile and found[0] is not None:
                meanwhile(machine, found[0])
            return hosts_cases.members(process.pid)
        outcome = machine.run(program.split(), spread.ranks, PARAMETERS, disturb)
        if outcome.timed_out or outcome.status != 0 or found[0] is None:
            raise Failure(outcome.explain())
    return check


def stop_for(seconds):
    def meanwhile(_machine, pid):
        with stopped([pid]):
            time.sleep(seconds)
    return meanwhile


def flood(machine, pid):
    with strangers(machine, pid):
        time.sleep(LONG_S)


def flood_stopped(machine, pid):
    with stopped([pid]), strangers(machine, pid):
        time.sleep(LONG_S)


def found_dead(among_strangers):
    """A check that those who wait for a rank find out by themselves that it has ended: whoever else
    could tell them, mpirun and its daemons, is stopped meanwhile."""
    def check(machine):
        machine = machine.spread_as(FEW)

        def meanwhile(process):
            pid = silent_rank(machine, process)
            pids = hosts_cases.members(process.pid)
            if pid is None:
                return pids
            ranks = hosts_cases.ranks_running(machine)
            daemons = [one for name in machine.names() for one in hosts.processes(name)
                       if one not in ranks]
            flooded = strangers(machine, pid) if among_strangers else contextlib.nullcontext()
            with stopped(daemons):
                with stopped([pid] if among_strangers else []), flooded:
                    os.kill(pid, signal.SIGKILL)
                    time.sleep(LONG_S)
            return pids
        outcome = machine.run(["silent", "--seconds", "60"], FEW.ranks, PARAMETERS, meanwhile)
        if (outcome.timed_out or outcome.status == 0
                or not re.search(rf"(?s){hosts_cases.OURS}.*its process has ended", outcome.output)):
            raise Failure(f"wanted a message that the process has ended\n{outcome.explain()}")
    return check


def mpirun_ends(machine):
    """A link goes for good: mpirun ends as well, where its own keepalive notices that before the ranks
    do. Once it has something to send to a daemon that is away, it waits as long as TCP retries."""
    if machine.version >= (5,):
        raise Skip("other parameters in Open MPI 5")
    machine = machine.spread_as(FEW)
    parameters = {**PARAMETERS, "btl_segmsg_ofi_timeout": "60", "oob_tcp_keepalive_time": "2",
                  "oob_tcp_keepalive_intvl": "1", "oob_tcp_keepalive_probes": "2"}

    has_ended = []

    def meanwhile(process):
        if silent_rank(machine, process) is None:
            return hosts_cases.members(process.pid)
        pids = hosts_cases.members(process.pid)
        with hosts_cases.link_disturbed(machine.names()[1], *hosts_cases.PULLED):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=hosts_cases.NOTICED_S)
            has_ended.append(process.poll() is not None)
        return pids
    outcome = machine.run(["silent", "--seconds", "90"], FEW.ranks, parameters, meanwhile)
    if has_ended != [True] or outcome.status == 0:
        raise Failure(f"wanted an end while the link was away\n{outcome.explain()}")


def all_cases():
    return [Case("a rank that computes for several time-outs is not lost", True,
                 goes_on(f"silent --seconds {LONG_S}", WATCHED)),
            Case("a rank that is stopped while eight wait for it is not lost", True,
                 goes_on("silent --seconds 3", WATCHED, stop_for(STOPPED_S))),
            Case("ranks without descriptors sleep and are not lost", True,
                 goes_on(f"silent --no-descriptors --seconds {LONG_S}", FEW)),
            Case("strangers who flood the keepalive do not end a job", True,
                 goes_on(f"silent --seconds {LONG_S}", FEW, flood)),
            Case("a stopped rank that strangers flood is not lost", True,
                 goes_on("silent --seconds 3", FEW, flood_stopped)),
            Case("a rank that was killed is found out by its peers", True, found_dead(False)),
            Case("a rank that was killed among strangers is found out by its peers", False,
                 found_dead(True)),
            Case("mpirun ends too when a link is pulled for good", True, mpirun_ends)]
