"""Starts MPI jobs for the test drivers, measures them, and ends exactly what it started."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

# What a hang looks like matters more than how long it lasted: enough frames to reach main.
GDB = ["gdb", "-batch", "-ex", "set pagination off", "-ex", "thread apply all backtrace 24"]


class Outcome:
    """What became of one job: its exit status, its output (both streams), how long it took."""

    def __init__(self, command, status, output, seconds, timed_out, stacks):
        self.command = command
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


def open_mpi_version(env):
    """(major, minor, release) of the mpirun that the environment finds."""
    text = subprocess.run(["mpirun", "--version"], env=env, check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if "Open MPI" not in text and "Open RTE" not in text or not found:
        raise SystemExit(f"mpirun is not Open MPI's: {text.splitlines()[:1]}")
    return tuple(int(part) for part in found.groups())


def stock_transport(version):
    """The name of Open MPI's own shared-memory BTL."""
    return "vader" if version[0] < 5 else "sm"


def mpirun(ranks, parameters, program):
    """The command line; parameters is a list of (name, value) of MCA parameters."""
    command = ["mpirun", "--oversubscribe", "-n", str(ranks)]
    for name, value in parameters:
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


def _stacks(pids):
    """The stacks of all threads of these processes, where gdb is there and may look."""
    if not shutil.which("gdb"):
        return "(no gdb: no stacks)\n"
    text = ""
    for pid in pids:
        try:
            done = subprocess.run(GDB + ["-p", str(pid)], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            continue
        frames = [line for line in done.stdout.decode(errors="replace").splitlines()
                  if re.match(r"#\d|Thread", line)]
        text += f"--- stacks of process {pid}\n" + "\n".join(frames) + "\n"
    return text


def _signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end(process):
    """End a job: mpirun first, as a user would, then whatever it left."""
    family = descendants(process.pid)
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        family += [pid for pid in descendants(process.pid) if pid not in family]
        process.kill()
        process.wait()
    _signal_all([pid for pid in family if os.path.exists(f"/proc/{pid}")], signal.SIGKILL)


def run(command, env, timeout, cwd=None, want_stacks=False, meanwhile=None):
    """Run one job to its end or to the time limit (seconds).

    meanwhile, if given, is called once with the started Popen (to disturb the job).
    """
    with tempfile.TemporaryFile() as sink:
        started = time.monotonic()
        process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
        stacks, timed_out = "", False
        try:
            if meanwhile:
                meanwhile(process)
            process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            if want_stacks:
                stacks = _stacks(descendants(process.pid))
        finally:
            if process.poll() is None:
                end(process)
        seconds = time.monotonic() - started
        sink.seek(0)
        output = sink.read().decode(errors="replace")
    return Outcome(command, process.returncode, output, seconds, timed_out, stacks)
