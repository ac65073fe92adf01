# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Functional cases: a process that is not of the job attacks the ports of its ranks (SECURITY.md).
test/functional --hosts runs them."""

import os
import re
import shlex
import shutil
import subprocess
import time

import cases
import hosts_cases
import launch
from hosts_cases import hosts

Case, Failure, Skip = cases.Case, cases.Failure, cases.Skip

NOBODY = 65534       # the user and group that another user's attack runs as
TRAFFIC_S = 25       # of the job that is attacked, which takes less time
ATTACKED_S = 20      # after which the attacks must be over
ATTACKS = 100


def compiled(machine):
    """The program that attacks."""
    source = os.path.join(hosts.HERE, "stranger.c")
    proof = os.path.join(launch.ROOT, "src", "rma", "proof.c")
    program = os.path.join(machine.programs, "stranger")
    cc = shlex.split(machine.env.get("CC") or "cc")
    done = subprocess.run([*cc, *launch.FLAGS, "-I", os.path.join(launch.ROOT, "src"), "-o", program,
                           source, proof, "-lfabric"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        if "rdma/fabric.h" in done.stdout.decode():
            raise Skip("no headers of libfabric")
        raise Failure(done.stdout.decode())
    return program


def listening(pid):
    """[(address, port)] at which a process listens on an address of its own, as the provider does."""
    inodes = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(entry.path)))
        except OSError:
            pass  # it was closed meanwhile
    found = []
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            words = line.split()
            address, port = words[1].split(":")
            if words[3] == "0A" and words[9] in inodes and int(address, 16) != 0:
                octets = bytes.fromhex(address)[::-1]
                found.append((".".join(map(str, octets)), int(port, 16)))
    return found


def heap(pid):
    """Where a process has memory that it can read and write, in hexadecimal."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            if "[heap]" in line:
                return line.split("-")[0]
    raise Failure(f"process {pid} has no heap")


def victim_on(machine, host):
    """The rank on a host, once it listens and moves data."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pids = [pid for pid in hosts.processes(host) if hosts_cases.runs(pid, machine.programs)]
        for pid in pids:
            ports = listening(pid)
            if ports:
                return pid, ports
        time.sleep(0.1)
    raise Failure(f"no rank on {host} listens on an address of its own")


def attacked_from(name, other_user):
    """An attack on the rank of host1 while it exchanges data with host2: all of it is refused, and
    the data stay right. With other_user it comes from the rank's own host."""
    def check(machine):
        program = compiled(machine)
        machine = machine.spread_as(hosts_cases.PAIR)
        first = machine.names()[0]
        if name not in hosts.there():
            raise Skip(f"needs {name}")
        if other_user and not shutil.which("setpriv"):
            raise Skip("no setpriv (package util-linux)")
        reports = []

        def meanwhile(process):
            pids = hosts_cases.in_traffic(process)
            pid, ports = victim_on(machine, first)
            as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            for address, port in ports:
                words = [program, address, str(port), heap(pid)]
                command = hosts.on(name, as_user * other_user + words)
                try:
                    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=ATTACKED_S,
                                          stderr=subprocess.STDOUT, check=False)
                    reports.append(done.stdout.decode())
                except subprocess.TimeoutExpired as over:
                    reports.append(f"{(over.stdout or b'').decode()}(attack not over in {ATTACKED_S} s)\n")
                if process.poll() is not None:
                    reports.append("(the job had ended by then)\n")
            return pids
        outcome = machine.run(["stress", "--seconds", str(TRAFFIC_S)], 2, cases.ALONE, meanwhile)
        report = "".join(reports)
        is_refused = report == f"{ATTACKS} attacks, {ATTACKS} refused\n"
        is_said = len(re.findall("no process.of this job has sent", outcome.output, re.S)) == 1
        if not is_refused or outcome.timed_out or outcome.status != 0 or not is_said:
            raise Failure(f"the attack:\n{report}the job:\n{outcome.explain()}")
    return check


def all_cases(transport):
    if transport != "segmsg":
        return []
    return [Case(f"an attack from a host that is not of the job is refused {ATTACKS} of {ATTACKS} times",
                 True, attacked_from("host3", False)),
            Case(f"an attack by another user of the host is refused {ATTACKS} of {ATTACKS} times", True,
                 attacked_from("host1", True))]
