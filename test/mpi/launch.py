# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the test drivers share: compiles the programs of this directory, starts MPI jobs, and ends
exactly what it started."""

import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra"]
LIBRARIES = ["-lm", "-lpthread"]
# What a hang looks like matters more than how long it lasted: enough frames to reach main.
GDB = ["gdb", "-batch", "-ex", "set pagination off", "-ex", "thread apply all backtrace 24"]


def newest(paths):
    return max(os.path.getmtime(path) for path in paths)


def compile_programs(env, into, folder=HERE):
    """Compile each program of a folder, test/mpi by default, that is older than its source."""
    mpicc = shlex.split(env.get("MPICC") or env.get("SEGMSG_MPICC") or "mpicc")
    os.makedirs(into, exist_ok=True)
    headers = newest(glob.glob(os.path.join(HERE, "*.h")))

    def one(source):
        program = os.path.join(into, os.path.basename(source)[:-len(".c")])
        if os.path.exists(program) and newest([program]) > max(headers, newest([source])):
            return ""
        done = subprocess.run(mpicc + FLAGS + ["-o", program, source] + LIBRARIES, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.stdout.decode() if done.returncode else ""

    sources = sorted(glob.glob(os.path.join(folder, "*.c")))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        errors = [text for text in pool.map(one, sources) if text]
    if errors:
        raise SystemExit("".join(errors) + "the test programs do not compile")


class Outcome:
    """What became of one job: its exit status, its output (both streams), how long it took."""

    def __init__(self, command, pids, status, output, seconds, timed_out, stacks):
        self.command = command
        self.pids = pids  # of mpirun and what it started, as far as they were seen
        self.status = status
        self.output = output
        self.seconds = seconds
        self.timed_out = timed_out
        self.stacks = stacks

    def explain(self):
        """Everything a reader needs to understand a failure, as text."""
        how = "timed out" if self.timed_out else f"exit status {self.status}"
        text = f"$ {' '.join(self.command)}\n{self.output}({how} after {self.seconds:.1f} s)\n"
        return text + self.stacks


class Tally:
    """Prints a line for each check, and how many passed at the end."""

    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, failure="", note=""):
        """Count a check; `failure` is what to show of one that failed, empty if it passed."""
        self.passed += not failure
        self.failed += bool(failure)
        print(f"{'not ok' if failure else 'ok'} - {name}{note and f' # {note}'}", flush=True)
        if failure:
            print(textwrap.indent(failure, "    "), flush=True)

    def finish(self):
        """Print the totals; the exit status of the program."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def exit_on_terminate():
    """Let SIGTERM unwind the program, so that a running job is ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def source_env(path):
    """The environment after `. path` in a shell."""
    done = subprocess.run(["sh", "-c", '. "$1" && env -0', "sh", path], check=True,
                          stdout=subprocess.PIPE)
    pairs = (entry.split("=", 1) for entry in done.stdout.decode().split("\0") if "=" in entry)
    return dict(pairs)


def mpi_environment(base=None):
    """An environment in which mpirun starts as any user and with more ranks than cores."""
    env = dict(os.environ if base is None else base)
    if os.getuid() == 0:
        for runtime in ("OMPI", "PRTE"):
            env[f"{runtime}_ALLOW_RUN_AS_ROOT"] = "1"
            env[f"{runtime}_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    return env


def mpirun_name(env):
    """Which mpirun: the one that segmsg was built for, if the environment names it."""
    return env.get("MPIRUN") or env.get("SEGMSG_MPIRUN") or "mpirun"


def with_watchdog(env, limit):
    """The environment in which a program of ours that hangs says what it waits for, before the
    time limit (seconds) at which its stacks are taken."""
    return {**env, "SEGMSG_TEST_WATCHDOG": str(int(0.4 * limit) + 1)}


def open_mpi_version(env):
    """(major, minor, release) of the mpirun that the environment finds."""
    text = subprocess.run([mpirun_name(env), "--version"], env=env, check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if not found or not re.search(r"Open ?(MPI|RTE)", text):
        raise SystemExit(f"mpirun is not Open MPI's: {text.splitlines()[:1]}")
    return tuple(int(part) for part in found.groups())


def stock_transport(version):
    """The name of Open MPI's own shared-memory BTL."""
    return "vader" if version[0] < 5 else "sm"


def transports(version):
    """{name: MCA parameters} of what the suites compare: the stock transport first."""
    stock = stock_transport(version)
    return {stock: {"btl": f"{stock},self"},
            "segmsg": {"btl": "segmsg"},
            "segmsg without kernel copy": {"btl": "segmsg", "btl_segmsg_single_copy": "none"}}


def mpirun(ranks, parameters, program, env):
    """The command line; parameters is a dictionary of MCA parameters.

    Ranks are more than cores, or become so when they spawn others: they must not be bound to the
    same core, and must let each other run.
    """
    command = [mpirun_name(env), "--oversubscribe", "--bind-to", "none", "-n", str(ranks)]
    for name, value in {"mpi_yield_when_idle": "1", **parameters}.items():
        command += ["--mca", name, value]
    return command + list(program)


def _processes():
    """{pid: parent} of every process."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parents[int(entry)] = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                pass  # it ended meanwhile
    return parents


def descendants(root):
    """The pids below root, root not included."""
    parents = _processes()
    found, frontier = [], [root]
    while frontier:
        above = frontier.pop()
        below = [pid for pid, parent in parents.items() if parent == above]
        found += below
        frontier += below
    return found


def _beside(pid):
    """What goes in front of a command that is to see the files as a process sees them."""
    try:
        same = os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    except OSError:  # it ended meanwhile
        same = True
    return [] if same else ["nsenter", "--target", str(pid), "--mount", "--root", "--wd"]


def stacks_of(pids):
    """The stacks of all threads of these processes, where gdb is there and may look."""
    if not shutil.which("gdb"):
        return "(no gdb: no stacks)\n"
    text = ""
    for pid in pids:
        try:
            done = subprocess.run(_beside(pid) + GDB + ["-p", str(pid)], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            continue
        frames = [line for line in done.stdout.decode(errors="replace").splitlines()
                  if re.match(r"#\d|Thread", line)]
        text += f"--- stacks of process {pid}\n" + "\n".join(frames) + "\n"
    return text


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end(process, members=descendants):
    """End a job: mpirun first, as a user would, then whatever it left. members tells the pids of a
    job, besides mpirun's own."""
    family = members(process.pid)
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        family += [pid for pid in members(process.pid) if pid not in family]
        process.kill()
        process.wait()
    signal_all([pid for pid in family if os.path.exists(f"/proc/{pid}")], signal.SIGKILL)


def _wait(process, pids, timeout, members):
    """Wait for the end of a job and collect the pids of its processes; false if time is up."""
    deadline, pause = time.monotonic() + timeout, 0.05
    while time.monotonic() < deadline:
        pids.update(members(process.pid))
        try:
            process.wait(timeout=min(pause, max(0.0, deadline - time.monotonic())))
            return True
        except subprocess.TimeoutExpired:
            pause = min(2 * pause, 1.0)
    return False


def run(command, env, timeout, cwd=None, want_stacks=False, meanwhile=None, members=descendants):
    """Run one job to its end or to the time limit (seconds).

    meanwhile, if given, is called once with the started Popen to disturb the job; it returns the
    pids of processes that it saw. members is as in end().
    """
    with tempfile.TemporaryFile() as sink:
        started = time.monotonic()
        process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
        pids, stacks, timed_out = {process.pid}, "", False
        try:
            if meanwhile:
                pids.update(meanwhile(process))
            timed_out = not _wait(process, pids, timeout, members)
            if timed_out and want_stacks:
                stacks = stacks_of(members(process.pid))
        finally:
            if process.poll() is None:
                end(process, members)
        seconds = time.monotonic() - started
        sink.seek(0)
        output = sink.read().decode(errors="replace")
    return Outcome(command, pids, process.returncode, output, seconds, timed_out, stacks)
