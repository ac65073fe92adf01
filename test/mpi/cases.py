# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The functional cases: which program runs with how many ranks under which settings, and what
must come of it. test/functional runs them."""

import contextlib
import copy
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time

import launch

# Ways to run: MCA parameters for each.
ALONE = {"btl": "segmsg"}
WITH_SELF = {"btl": "segmsg,self"}
NO_KERNEL_COPY = {"btl": "segmsg", "btl_segmsg_single_copy": "none"}
# Few and small partitions: every segment is full most of the time.
TINY = {"btl": "segmsg", "btl_segmsg_groups": "64:64:8,1024:4:4,8192:2:2",
        "btl_segmsg_initial_ring_partitions": "16"}
TINY_NO_KERNEL_COPY = {**TINY, **NO_KERNEL_COPY}
# What is done about cache lines depends on the processor; each way should be right on all of them.
LINES_OWNED = {"btl": "segmsg", "btl_segmsg_prefetch_near": "4", "btl_segmsg_prefetch_max": "128",
               "btl_segmsg_prefetch_far": "128", "btl_segmsg_ring_window_lines": "0",
               "btl_segmsg_ring_reply_lines": "65535", "btl_segmsg_chunk_segment_min": "0",
               "btl_segmsg_groups": "64:1023:260,1K:64:7,8K:64:9,64K:16:4",
               "btl_segmsg_chunk_size": "16320"}
LINES_REUSED = {"btl": "segmsg", "btl_segmsg_prefetch_near": "0", "btl_segmsg_prefetch_max": "0",
                "btl_segmsg_prefetch_far": "0", "btl_segmsg_ring_window_lines": "160",
                "btl_segmsg_ring_reply_lines": "80", "btl_segmsg_chunk_segment_min": "2097152",
                "btl_segmsg_groups": "64:1023:260,1K:64:7,8K:64:9,32K:64:9",
                "btl_segmsg_chunk_size": "32704"}
# Large messages through segments, though the kernel may copy them: in few and many pieces, on any processor.
UNITS = {"btl": "segmsg", "btl_segmsg_chunked_min": "4096",
         "btl_segmsg_chunked_max": "1000000000", "btl_segmsg_chunked_always": "true",
         "btl_segmsg_cooperative_oversubscribed": "true", "btl_segmsg_chunk_size": "8128"}
UNITS_TINY = {**TINY, **UNITS, "btl_segmsg_chunk_size": "2000"}
# Copies by the string instruction, wherever there is one.
STRINGS = {"btl": "segmsg", "btl_segmsg_single_copy": "none", "btl_segmsg_rep_movsb_min": "64"}
LINES_OWNED_NO_KERNEL_COPY = {**LINES_OWNED, **NO_KERNEL_COPY}
LINES_REUSED_NO_KERNEL_COPY = {**LINES_REUSED, **NO_KERNEL_COPY}
# Another kind of memory, behind the same interface.
FILES = {"btl": "segmsg", "btl_segmsg_interconnect": "file"}
# segmsg yields the processor, since Open MPI does not.
YIELDS = {"btl": "segmsg", "mpi_yield_when_idle": "0", "btl_segmsg_wait": "yield"}
# Processes that find nothing for a moment sleep.
BLOCKS = {"btl": "segmsg", "btl_segmsg_wait": "block"}
DEFAULT = {}
ONE_SIDED = {"btl": "segmsg", "osc": "rdma"}  # windows that really use the transport
ONE_SIDED_NO_KERNEL_COPY = {**NO_KERNEL_COPY, **ONE_SIDED}
ONE_SIDED_TINY = {**TINY, **ONE_SIDED}
WAYS = {"alone": ALONE, "with self": WITH_SELF, "no kernel copy": NO_KERNEL_COPY, "tiny": TINY,
        "tiny, no kernel copy": TINY_NO_KERNEL_COPY, "default selection": DEFAULT,
        "lines owned": LINES_OWNED, "lines reused": LINES_REUSED,
        "lines owned, no kernel copy": LINES_OWNED_NO_KERNEL_COPY,
        "lines reused, no kernel copy": LINES_REUSED_NO_KERNEL_COPY,
        "strings": STRINGS, "files": FILES, "yields": YIELDS, "blocks": BLOCKS, "units": UNITS, "units, tiny": UNITS_TINY,
        "osc rdma": ONE_SIDED, "osc rdma, no kernel copy": ONE_SIDED_NO_KERNEL_COPY,
        "osc rdma, tiny": ONE_SIDED_TINY}

# Another transport for those pairs of ranks that segmsg does not serve. Not 5.0's sm, which crashes where it
# serves only some of the pairs; and its tcp needs to be told of the loopback.
BESIDE_TCP = {"btl": "segmsg,tcp,self", "btl_tcp_if_include": "lo"}

# What Open MPI says when it has no transport left, and when it lost a message that a rank gave it
# to print (4.1 does under load).
NO_TRANSPORT = r"unable to reach\s+each other|No components were able to be opened in the btl"
LOST_MESSAGE = r"ORTE_ERROR_LOG: .*show_help\.c"
CRASH = r"Process received signal|exited on signal"


class Failure(Exception):
    """A case did not come out as it must; the text says how."""


class Skip(Exception):
    """This machine does not allow the case; the text says why."""


class Case:
    """One functional case: `check` gets a Machine and raises Failure or Skip. One that is slow takes
    minutes, and runs only if it is asked for."""

    def __init__(self, name, quick, check, slow=False):
        self.name = name
        self.quick = quick
        self.check = check
        self.slow = slow


class Machine:
    """What the cases need to know of where they run, and how they run programs there."""

    def __init__(self, env, programs, extra, timeout):
        self.env = launch.mpi_environment(env)
        self.version = launch.open_mpi_version(self.env)
        self.stock = launch.stock_transport(self.version)
        self.programs = programs  # the directory that holds them
        self.extra = extra        # MCA parameters for every run
        self.timeout = timeout

    def run(self, program, ranks, parameters, meanwhile=None, may_leave=False):
        """Run one of our programs (a list of words) and, unless it may, see that it leaves
        nothing behind."""
        parameters = {**parameters, **self.extra}
        words = [os.path.join(self.programs, program[0]), *program[1:]]
        command = launch.mpirun(ranks, parameters, words, self.env)
        with tempfile.TemporaryDirectory(prefix="segmsg-", dir="/tmp") as session:
            env = {**launch.with_watchdog(self.env, self.timeout), "TMPDIR": session}
            outcome = launch.run(command, env, self.timeout, want_stacks=True,
                                 meanwhile=meanwhile)
            left = leftovers(outcome.pids, session)
        if left and not may_leave:
            raise Failure(f"left behind: {' '.join(left)}\n{outcome.explain()}")
        return outcome

    def expect(self, program, ranks, parameters):
        """Run a program that must succeed."""
        outcome = self.run(program, ranks, parameters)
        if outcome.timed_out or outcome.status != 0:
            raise Failure(outcome.explain())
        return outcome


def shared_files(pids):
    """Files of segmsg's in the shared memory file system that belong to these processes; the
    owner's pid is in the name. Other jobs may run at the same time."""
    owners = ((name, re.match(r"segmsg-\d+-(\d+)-", name)) for name in os.listdir("/dev/shm"))
    return [f"/dev/shm/{name}" for name, owner in owners if owner and int(owner[1]) in pids]


def leftovers(pids, session):
    """What of segmsg's is left after a job; the last rank may need a moment to end."""
    for _ in range(50):
        left = shared_files(pids)
        left += [os.path.join(where, name) for where, _, names in os.walk(session)
                 for name in names if "segmsg" in name]
        if not left:
            return []
        time.sleep(0.1)
    return left


def numbers_told(outcome, pattern):
    """The numbers that a program has printed, by the groups of `pattern`."""
    told = re.search(pattern, outcome.output)
    if not told:
        raise Failure(f"told nothing\n{outcome.explain()}")
    return tuple(int(number) for number in told.groups())


def plain(program, ranks, way, quick=False):
    """A program that must succeed."""
    def check(machine):
        machine.expect(program, ranks, WAYS[way])
    return Case(f"{' '.join(program)}, {ranks} ranks, {way}", quick, check)


def matrix(program, ranks, ways, quick=()):
    """A program with each of these numbers of ranks in each way; `quick`: the short selection."""
    return [plain(program.split(), count, way, (count, way) in quick)
            for count in ranks for way in ways]


# ---- messages ----

def large_messages_in_units(machine):
    """With patience that no processor can miss all of them go through segments."""
    machine.expect(["counters", "--units"], 2, {**UNITS, "btl_segmsg_chunked_timeout": "1000000"})


def message_cases():
    """Programs that must succeed, whatever the settings."""
    usual = ("alone", "with self", "no kernel copy", "tiny")
    lines = ("lines owned", "lines reused")
    quick = ((2, "alone"), (2, "no kernel copy"), (2, "tiny"))
    cases = matrix("nothing", (1, 2, 8), ("alone", "with self", "default selection"),
                   ((2, "alone"),))
    cases += matrix("ordering", (2, 4), usual, quick) + matrix("ordering", (16,), ("alone",))
    cases += matrix("ordering", (2, 4), lines, ((2, "lines owned"), (2, "lines reused")))
    no_copy = tuple(f"{way}, no kernel copy" for way in lines)
    cases += matrix("counters", (2,), lines)
    cases += matrix("datatypes", (2,), ("strings",), ((2, "strings"),)) + matrix("ordering", (4,), ("strings",))
    cases += matrix("datatypes", (2,), no_copy)
    cases += matrix("threads", (2,), lines)
    units = ("units", "units, tiny")
    for program in ("ordering", "unexpected", "datatypes", "threads", "collectives"):
        cases += matrix(program, (2, 4), units, ((2, "units"),))
    cases += matrix("requests 30000", (2,), units) + matrix("connect", (2,), units) + matrix("spawn", (2,), units)
    cases += matrix("onesided", (2,), ("units",))
    for program in ("nothing", "ordering", "unexpected", "datatypes", "threads", "collectives", "onesided", "counters"):
        cases += matrix(program, (2, 3), ("files",), ((2, "files"),))
    cases += matrix("spawn", (2,), ("files",)) + matrix("connect", (2,), ("files",), ((2, "files"),))
    for program in ("ordering", "unexpected", "threads", "collectives", "onesided"):
        cases += matrix(program, (2, 4), ("yields", "blocks"), ((2, "yields"), (2, "blocks")))
    cases += matrix("spawn", (2,), ("yields", "blocks")) + matrix("connect", (2,), ("yields", "blocks"))
    cases.append(Case("counters --units, 2 ranks", True, large_messages_in_units))
    cases += matrix("unexpected", (2, 4, 8), ("alone", "no kernel copy", "tiny"), quick)
    cases += matrix("self", (1, 2), usual, quick)
    cases += matrix("datatypes", (2, 4), usual, quick)
    cases += matrix("requests", (2,), ("alone",), ((2, "alone"),))
    cases += matrix("requests 30000", (2,), usual[1:])
    cases += matrix("threads", (2, 4), usual, quick)
    cases += matrix("collectives", (2, 4), usual, quick + ((4, "alone"),))
    cases += matrix("collectives", (8, 16), ("alone", "tiny"))
    cases += matrix("onesided", (2, 4), ("alone", "with self"), ((2, "alone"),))
    cases += matrix("onesided", (2, 4),
                    ("osc rdma", "osc rdma, no kernel copy", "osc rdma, tiny"),
                    ((2, "osc rdma"), (2, "osc rdma, no kernel copy")))
    cases += matrix("spawn", (1, 2), ("alone", "with self", "no kernel copy"), ((2, "alone"),))
    cases += matrix("visitors", (1,), ("alone", "no kernel copy"), ((1, "alone"),))
    cases += matrix("connect", (1, 2), ("alone", "with self", "no kernel copy"), ((2, "alone"),))
    cases += matrix("counters", (2, 3), usual, ((2, "alone"), (2, "tiny")))
    return cases


def stress_cases():
    """Short runs of the stress test; test/suites/stress has the long ones."""
    cases = []
    for seed, (ranks, messages) in enumerate(((2, 40000), (4, 40000), (8, 20000), (16, 8000))):
        for way in ("alone", "no kernel copy", "tiny", "tiny, no kernel copy", "lines owned",
                    "lines reused", "lines owned, no kernel copy", "lines reused, no kernel copy",
                    "units", "units, tiny", "files"):
            words = f"stress --messages {messages} --seed {seed + 1}".split()
            cases.append(plain(words, ranks, way, ranks in (2, 4) and ", no" not in way))
    for way in ("lines owned, no kernel copy", "lines reused, no kernel copy", "units", "units, tiny"):
        cases.append(plain("stress --messages 1000 --min 64K --large 100".split(), 2, way, True))
    for way in ("alone", "no kernel copy", "tiny"):
        cases.append(plain("stress --messages 20000 --threads".split(), 2, way, way == "alone"))
        cases.append(plain("stress --messages 10000 --threads".split(), 4, way))
        cases.append(plain("stress --messages 1000 --min 64K --large 100".split(), 2, way,
                           way != "tiny"))
    for way in ("units", "units, tiny"):
        cases.append(plain("stress --messages 10000 --threads".split(), 2, way, way == "units"))
        cases.append(plain("stress --messages 1000 --min 64K --large 100 --threads".split(), 4, way))
    return cases


# ---- the kernel's copy is forbidden ----

CANNOT_FORBID = r"forbid: cannot forbid.*"


def run_forbidden(machine, program, ranks, parameters, how, which):
    """Run a program that must succeed where forbid denies the kernel's copy to the ranks `which`
    ("0,1", "all")."""
    words = ["forbid", "--ranks", which, "--how", how,
             os.path.join(machine.programs, program[0]), *program[1:]]
    outcome = machine.run(words, ranks, parameters)
    impossible = re.search(CANNOT_FORBID, outcome.output)
    if impossible:
        raise Skip(impossible[0])
    if outcome.timed_out or outcome.status != 0:
        raise Failure(outcome.explain())
    return outcome


def forbidden(program, ranks, way, how, which, quick=False):
    """A program that must succeed without the kernel's copy in some ranks or in all."""
    def check(machine):
        run_forbidden(machine, program.split(), ranks, WAYS[way], how, which)
    return Case(f"{program}, {ranks} ranks, {way}, kernel copy forbidden by {how} to {which}", quick,
                check)


def forbidden_in_silence(how):
    """Nobody asked for the kernel's copy: that there is none is not worth a word."""
    def check(machine):
        for which in ("0", "all"):
            outcome = run_forbidden(machine, ["ordering"], 2, ALONE, how, which)
            if outcome.output != "ordering: 0 errors\n":
                raise Failure(f"wanted not a word\n{outcome.explain()}")
    return Case(f"kernel copy forbidden by {how}: nothing is said", True, check)


def forbidden_though_wanted(how):
    """Whoever asks for the kernel's copy hears that there is none, and the program goes on."""
    def check(machine):
        outcome = run_forbidden(machine, ["ordering"], 2,
                                {**ALONE, "btl_segmsg_single_copy": "cma"}, how, "all")
        if "asks for the kernel's single copy" not in outcome.output:
            raise Failure(f"wanted a message\n{outcome.explain()}")
    return Case(f"kernel copy asked for and forbidden by {how}: it is said", True, check)


def copy_is_told(machine):
    """Whoever wants to know whether the kernel copies can be told for each peer."""
    told = {**ALONE, "btl_base_verbose": "100"}
    outcomes = {"yes": machine.expect(["ordering"], 2, told),
                "no": run_forbidden(machine, ["ordering"], 2, told, "seccomp", "all")}
    for answer, outcome in outcomes.items():
        if f"single copy by the kernel: {answer}" not in outcome.output:
            raise Failure(f"wanted the answer {answer}\n{outcome.explain()}")


def forbidden_cases():
    """By a filter the process itself is kept from copying. By a name space it is kept from it too,
    and so are others like it, but not those outside."""
    cases = [Case("btl_base_verbose tells whether the kernel copies", True, copy_is_told)]
    for how in ("seccomp", "userns"):
        cases += [forbidden_in_silence(how), forbidden_though_wanted(how)]
        for which in ("0", "all"):
            cases += [forbidden("stress --messages 20000", 2, "alone", how, which),
                      forbidden("stress --messages 1000 --min 64K --large 100", 2, "alone", how,
                                which, True),
                      forbidden("onesided", 2, "osc rdma", how, which, True)]
        # Pairs of every kind: both, one, none.
        cases += [forbidden("stress --messages 20000", 4, "alone", how, "0,1"),
                  forbidden("stress --messages 1000 --min 64K --large 100", 4, "alone", how, "0,1"),
                  forbidden("onesided", 4, "osc rdma", how, "0,1")]
    return cases


# ---- selection ----

def chosen_by_default(machine):
    machine.expect(["counters", "--used"], 2, DEFAULT)


def excluded(machine):
    machine.expect(["counters", "--absent"], 2, {"btl": "^segmsg,uct,openib,ofi"})


def selection_cases():
    return [Case("segmsg is chosen where nothing is said", True, chosen_by_default),
            Case("segmsg is not loaded where it is excluded", True, excluded)]


# ---- ends ----

def ends_without(machine, program):
    """A job that loses ranks ends by itself; Machine.run looks at what it leaves."""
    for parameters in (ALONE, NO_KERNEL_COPY):
        outcome = machine.run(program, 4, parameters)
        if outcome.timed_out or outcome.status == 0:
            raise Failure(outcome.explain())


def rank_killed(machine):
    ends_without(machine, ["killed"])


def all_ranks_killed(machine):
    ends_without(machine, ["killed", "all"])


def end_cases():
    return [Case("a rank killed in mid-traffic ends the job and leaves nothing", True,
                 rank_killed),
            Case("all ranks killed leave nothing", True, all_ranks_killed)]


# ---- looked at from outside ----

def inspected(machine, processes, *options):
    """What segmsg-inspect says of these processes' exports: its exit status and its output."""
    if not shutil.which("segmsg-inspect", path=machine.env["PATH"]):
        raise Skip("no segmsg-inspect in this build")
    done = subprocess.run(["segmsg-inspect", *options, *processes], env=machine.env, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def shows_traffic(export):
    """True if an export, as segmsg-inspect has it in JSON, was made sense of, and messages came
    through the lobby, if there is one, and through a ring of a sender's own."""
    parts = export["segments"] + export["common"] + export["groups"]
    rings = [group for group in export["groups"] if group.get("guest") is False]
    return (not any("error" in part for part in parts)
            and all(lobby["messages"] > 0 for lobby in export["common"][:1])
            and any(ring["messages"] > 0 for ring in rings))


def has_export(pid):
    """True if a process has made an export; peers have it open too, and the pid tells whose it is."""
    with contextlib.suppress(OSError):
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if re.search(rf"/segmsg-\d+-{pid}-", os.readlink(f"/proc/{pid}/fd/{entry}")):
                    return True
    return False


def look_at_job(machine, process, ranks):
    """Looks until the exports of all ranks show traffic; the pids of the job."""
    deadline, output = time.monotonic() + 30, "no exports"
    while time.monotonic() < deadline and process.poll() is None:
        pids = launch.descendants(process.pid)
        processes = [str(pid) for pid in pids if has_export(pid)]
        if len(processes) == ranks:
            status, output = inspected(machine, processes, "-m", "-j")
            # A moment later all may be different: an export not laid out yet, or gone.
            if status == 0 and all(map(shows_traffic, json.loads(output))):
                status, output = inspected(machine, processes, "-m")
                if status == 0 and output.count("owner") == ranks:
                    return pids
        time.sleep(0.05)
    raise Failure(f"no look showed what there is; the last one:\n{output}")


def job_inspected(machine):
    outcome = machine.run(["stress", "--seconds", "5"], 4, ALONE,
                          lambda process: look_at_job(machine, process, 4))
    if outcome.timed_out or outcome.status != 0:
        raise Failure(outcome.explain())


def inspector_cases():
    return [Case("segmsg-inspect shows a running job", True, job_inspected)]


# ---- parameters that cannot be used ----

def run_heard(machine, parameters, program=("counters", "--declined"), ranks=2):
    """Run a program, again where Open MPI lost what it should print; by default one that fails if
    segmsg carries anything."""
    for _ in range(10):
        outcome = machine.run(program, ranks, parameters)
        if not re.search(LOST_MESSAGE, outcome.output):
            break
    return outcome


def says_once(outcome, pattern):
    """The message is there, whole and once, however many ranks had it."""
    titles = re.findall(r"(?m)^(?:The|A parameter of the) segmsg transport\b", outcome.output)
    if len(titles) != 1 or not re.search(pattern, outcome.output):
        raise Failure(f"wanted once: a message that matches {pattern!r}\n{outcome.explain()}")
    if "Sorry!" in outcome.output:
        raise Failure(f"the text of the message was not found\n{outcome.explain()}")


def declines(machine, parameters, pattern):
    """With this parameter segmsg says why it is not used, once; another transport takes over, and
    without another one Open MPI ends the program."""
    outcome = run_heard(machine, {"btl": f"segmsg,{machine.stock},self", **parameters})
    says_once(outcome, pattern)
    if outcome.timed_out or outcome.status != 0:
        raise Failure(f"wanted another transport to take over\n{outcome.explain()}")
    outcome = run_heard(machine, {"btl": "segmsg", **parameters})
    says_once(outcome, pattern)
    # Where mpirun lost Open MPI's message every time, what is left to see is that it meant to show one.
    if (outcome.timed_out or outcome.status == 0 or re.search(CRASH, outcome.output)
            or not re.search(f"{NO_TRANSPORT}|{LOST_MESSAGE}", outcome.output)):
        raise Failure(f"wanted Open MPI's own message and an end\n{outcome.explain()}")


BAD_GROUPS = {
    "partition size no power of two": "64:64:8,1000:4:4",
    "partition size under a line": "32:64:8,1024:4:4",
    "partition size zero": "64:64:8,0:4:4",
    "partition size beyond any memory": "64:64:8,1024K0M:4:4",
    "sizes falling": "64:64:8,8192:4:4,1024:4:4",
    "sizes equal": "64:64:8,1024:4:4,1024:4:4",
    "no partitions": "64:64:8,1024:0:1",
    "no partitions in group 0": "64:0:8,1024:4:4",
    "65 partitions above group 0": "64:64:8,1024:65:4",
    "span 0": "64:64:8,1024:4:0",
    "span larger than the segment": "64:64:8,1024:4:5",
    "span larger than group 0": "64:64:65,1024:4:4",
    "one group only": "64:64:8",
    "negative count": "64:64:8,1024:-4:4",
    "a field missing": "64:64:8,1024:4",
    "a field too many": "64:64:8,1024:4:4:4",
    "empty": "",
    "an empty group": "64:64:8,,1024:4:4",
    "no number": "64:64:8,lots:of:it",
    "a number that overflows": "64:64:8,99999999999999999999:4:4",
}


def bad_groups_case(what, groups):
    def check(machine):
        declines(machine, {"btl_segmsg_groups": groups}, r"btl_segmsg_groups")
    few = what in ("partition size no power of two", "span 0", "empty", "a number that overflows")
    return Case(f"bad groups: {what}", what in ("partition size no power of two", "span 0"), check,
                slow=not few)  # test_geometry reads them all


def bad_interconnect(machine):
    declines(machine, {"btl_segmsg_interconnect": "telegraph"},
             r"(?s)interconnect.*telegraph")


def bad_eager_limit(machine):
    declines(machine, {"btl_segmsg_eager_limit": "1"}, r"eager_limit")


def bad_joint_unit(machine):
    declines(machine, {"btl_segmsg_cooperative_grain": "12288"}, r"(?s)cooperative_grain.*12288.*power of two")


def bad_lap(machine):
    declines(machine, {"btl_segmsg_ring_window_lines": "7"}, r"ring_window_lines")


def smaller_fragments(machine):
    """Who makes fragments smaller need not make every other limit smaller by hand."""
    for size in ("1024", "16384"):
        machine.expect(["ordering"], 2, {**ALONE, "btl_segmsg_max_send_size": size})


def directory_missing(machine):
    with tempfile.TemporaryDirectory() as place:
        directory = os.path.join(place, "missing")
        declines(machine, {"btl_segmsg_backing_directory": directory},
                 rf"(?s)does not exist.*{re.escape(directory)}")


def directory_is_a_file(machine):
    with tempfile.NamedTemporaryFile() as place:
        declines(machine, {"btl_segmsg_backing_directory": place.name}, re.escape(place.name))


@contextlib.contextmanager
def small_file_system(options):
    """A small file system in memory, mounted with the options for the case; only root may."""
    with tempfile.TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", f"mode=777,{options}", "segmsg-test", place]
        try:
            done = subprocess.run(mount, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  check=False)
        except FileNotFoundError as missing:
            raise Skip("there is no mount command") from missing
        if done.returncode != 0:
            raise Skip(f"mounting is not permitted: {done.stdout.decode().strip()}")
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", place], check=True)


def directory_not_writable(machine):
    if os.getuid() == 0:  # whom the mode of a directory does not keep out
        unwritable = small_file_system("size=1M,ro")
    else:
        unwritable = tempfile.TemporaryDirectory()
    with unwritable as place:
        if os.getuid() != 0:
            os.chmod(place, 0o555)
        declines(machine, {"btl_segmsg_backing_directory": place},
                 rf"(?s)may not\s+write.*{re.escape(place)}")


def directory_full(machine):
    with small_file_system("size=1M") as place:
        with contextlib.suppress(OSError):
            with open(os.path.join(place, "filler"), "wb", buffering=0) as filler:
                while filler.write(bytes(4096)):
                    pass
        declines(machine, {"btl_segmsg_backing_directory": place},
                 rf"(?s)not enough free space.*{re.escape(place)}")


def directory_fills_up(machine):
    """Enough room to start and too little for all that is wanted: it runs with what there is, or
    stops and says so; it does not die of a signal."""
    for size, ranks in (("1M", 2), ("3M", 2), ("5M", 2), ("8M", 4), ("12M", 8)):
        with small_file_system(f"size={size}") as place:
            outcome = run_heard(machine, {"btl": "segmsg", "btl_segmsg_backing_directory": place},
                                ["stress", "--messages", "20000"], ranks)
            if outcome.timed_out or re.search(CRASH, outcome.output):
                raise Failure(outcome.explain())
            if outcome.status != 0 and "The segmsg transport" not in outcome.output:
                raise Failure(f"wanted a message of segmsg's\n{outcome.explain()}")
            left = [name for name in os.listdir(place) if "segmsg" in name]
            if left:
                raise Failure(f"left behind: {' '.join(left)}\n{outcome.explain()}")


# ---- memory of peers that can be mapped ----

def mapped_memory(machine):
    """Where Open MPI 5 can map the memory of a peer (here by a stand-in for XPMEM), large messages
    are copied that way."""
    subprocess.run(["make", "-s", "-C", launch.ROOT, "test-mapper"], check=True,
                   stdout=subprocess.DEVNULL)
    mapper = os.path.join(os.path.dirname(machine.env[PATH].split(":")[0]), "test", "mapper")
    mapping = copy.copy(machine)
    mapping.env = {**machine.env, PATH: f"{mapper}:{machine.env[PATH]}"}
    outcome = mapping.expect(["ordering"], 2, {**ALONE, "btl_base_verbose": "100"})
    if "by mapping: yes" not in outcome.output:
        raise Failure(f"wanted the peers to be mapped\n{outcome.explain()}")
    for ranks in (2, 4):
        mapping.expect("stress --messages 1000 --min 64K --large 100".split(), ranks,
                       {**ALONE, "btl_segmsg_cooperative_oversubscribed": "true"})
    mapping.expect("stress --messages 1000 --min 64K --large 100 --threads".split(), 2, ALONE)


def mapper_cases(version):
    return [Case("memory of peers is mapped", True, mapped_memory)] if version >= (5,) else []


# ---- a component that does not fit ----

PATH = "OMPI_MCA_mca_base_component_path"


@contextlib.contextmanager
def changed_component(machine, old, new):
    """A component path whose segmsg is the one under test with some bytes changed."""
    built = machine.env[PATH].split(":")[0]
    with open(os.path.join(built, "mca_btl_segmsg.so"), "rb") as file:
        image = file.read()
    if len(old) != len(new) or old not in image:
        raise Failure(f"the component does not hold {old!r}")
    with tempfile.TemporaryDirectory() as place:
        components = os.path.join(place, "components")
        os.mkdir(components)
        with open(os.path.join(components, "mca_btl_segmsg.so"), "wb") as file:
            file.write(image.replace(old, new))
        shutil.copy(os.path.join(built, "..", "help-btl-segmsg.txt"), place)
        yield machine.env[PATH].replace(built, components, 1)


def other_version(machine):
    """A component built for another release of Open MPI says so and is not used."""
    runs = ".".join(map(str, machine.version)).encode()
    other = runs[:-1] + (b"9" if runs[-1:] != b"9" else b"8")
    with changed_component(machine, runs + b"\0", other + b"\0") as path:
        changed = copy.copy(machine)
        changed.env = {**machine.env, PATH: path}
        outcome = run_heard(changed, {"btl": f"segmsg,{machine.stock},self"}, ("ordering",))
    says_once(outcome, rf"(?s)Built for: +Open MPI {other.decode()}.*"
                       rf"Running: +Open MPI {runs.decode()}")
    if outcome.timed_out or outcome.status != 0:
        raise Failure(f"wanted another transport to take over\n{outcome.explain()}")


def other_build(machine):
    """Two processes whose segmsg come from different builds say so and use another transport."""
    magic = struct.pack("<Q", layout_magic())
    with changed_component(machine, magic, magic[:-1] + b"9") as path:
        script = f'[ "$OMPI_COMM_WORLD_RANK" = 0 ] || export {PATH}="$0"; exec "$1"'
        program = ("/bin/sh", "-c", script, path, os.path.join(machine.programs, "ordering"))
        outcome = run_heard(machine, {"btl": f"segmsg,{machine.stock},self"}, program)
    if "do not understand one another" not in outcome.output:
        raise Failure(f"wanted a message\n{outcome.explain()}")
    if outcome.timed_out or outcome.status != 0:
        raise Failure(f"wanted another transport to take over\n{outcome.explain()}")


def layout_magic():
    with open(os.path.join(launch.ROOT, "src", "queue", "layout.h"), encoding="utf-8") as file:
        return int(re.search(r"SEGMSG_MAGIC UINT64_C\((0x[0-9a-f]+)\)", file.read())[1], 16)


def misfit_cases():
    return [Case("built for another Open MPI", True, other_version),
            Case("peers of different builds", True, other_build)]


def parameter_cases():
    cases = [bad_groups_case(what, groups) for what, groups in BAD_GROUPS.items()]
    return cases + [Case("bad interconnect", True, bad_interconnect),
                    Case("bad eager limit", False, bad_eager_limit),
                    Case("bad unit of joint transfers", False, bad_joint_unit),
                    Case("bad lap of group 0", False, bad_lap),
                    Case("smaller fragments", False, smaller_fragments),
                    Case("backing directory missing", True, directory_missing),
                    Case("backing directory is a file", False, directory_is_a_file),
                    Case("backing directory not writable", True, directory_not_writable),
                    Case("backing directory full", True, directory_full),
                    Case("backing directory fills up", True, directory_fills_up)]


def all_cases(version):
    return (mapper_cases(version) + selection_cases() + message_cases() + stress_cases() + forbidden_cases()
            + end_cases() + inspector_cases() + parameter_cases() + misfit_cases())
