# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The functional cases about the files behind the shared memory: their names, what is left of them,
how large they may be, and who can open them."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import cases
import launch

Case, Failure, Skip = cases.Case, cases.Failure, cases.Skip
ALONE = {"btl": "segmsg"}
NOBODY = 65534
# A region for peers on other hosts as well, though there are none.
WITH_NET = {**ALONE, "btl_segmsg_ofi_open": "always"}
KEEP_NAMES = {**ALONE, "btl_segmsg_keep_names": "1"}
FILE_BYTES_SMALL, FILE_BYTES_ENOUGH = 1 << 20, 9 << 20


# The file of an export, as /proc shows it; the folder of a test's session has a similar name.
EXPORT = re.compile(r"/segmsg-\d+-\d+-[0-9a-f]+( \(deleted\))?$")


def names_in(directory):
    return [name for name in os.listdir(directory) if name.startswith("segmsg-")]


@contextlib.contextmanager
def backing_directory():
    """A directory in memory that everybody may write to and where nobody removes what is another's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="test-") as place:
        os.chmod(place, 0o1777)
        yield place


# ---- names ----

@contextlib.contextmanager
def squatter(machine, directory, kind, target):
    """Another user (the same one, if we are not root) takes what names he can guess; yields the list
    of those, which is complete afterwards."""
    user = {"user": NOBODY, "group": NOBODY} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as place:  # where nobody may run it, wherever the build is
        os.chmod(place, 0o755)
        program = os.path.join(place, "squat")
        with open(os.path.join(machine.programs, "squat"), "rb") as built, open(program, "wb") as copy:
            copy.write(built.read())
        os.chmod(program, 0o755)
        with subprocess.Popen([program, directory, kind, target], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, cwd="/", **user) as process:
            if process.stdout.readline() != b"watching\n":
                raise Failure("the squatter does not watch")
            taken = []
            yield taken
            process.stdin.close()
            taken += process.stdout.read().decode().split()


def squatted_by(kind, rounds):
    """Nothing of the job's goes into what another user puts under names that he has guessed."""
    def check(machine):
        for _ in range(rounds):
            with backing_directory() as place, tempfile.NamedTemporaryFile() as precious:
                precious.write(b"precious")
                precious.flush()
                with squatter(machine, place, kind, precious.name) as taken:
                    machine.expect(["nothing"], 2, {**WITH_NET, "btl_segmsg_backing_directory": place})
                if not taken:
                    raise Failure("the squatter saw no name, so nothing was shown")
                touched = [path for path in taken if not os.path.lexists(path)
                           or (kind == "file" and os.path.getsize(path) != 0)]
                with open(precious.name, "rb") as now:
                    touched += [precious.name] if now.read() != b"precious" else []
                if touched:
                    raise Failure(f"the job wrote to another user's, or removed it: {touched}")
    return check


def name_cases():
    cases_ = []
    for kind in ("file", "link"):
        cases_ += [Case(f"a {kind} of another user's under a guessed name is left alone", True,
                        squatted_by(kind, 2)),
                   Case(f"a {kind} of another user's under a guessed name is left alone, 20 times",
                        False, squatted_by(kind, 20), slow=True)]
    return cases_


# ---- leftovers ----

def await_ranks(process, ranks):
    """Waits until so many ranks have exports; the pids of the job."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        pids = launch.descendants(process.pid)
        if len(pids) >= ranks and has_open_exports(pids, ranks):
            return pids
        time.sleep(0.02)
    raise Failure("the ranks did not start")


def has_open_exports(pids, ranks):
    """True if so many of these processes have exports open."""
    return sum(any(EXPORT.search(link) for link in open_files(pid)) for pid in pids) >= ranks


def open_files(pid):
    links = []
    with contextlib.suppress(OSError):
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                links.append(os.readlink(f"/proc/{pid}/fd/{entry}"))
    return links


def await_no_names(place):
    """Waits until the ranks have opened each other's files, for a while: that is when all have started."""
    deadline = time.monotonic() + 10
    while names_in(place) and time.monotonic() < deadline:
        time.sleep(0.02)


def kill_launcher(place, ranks, number):
    """Ends mpirun alone, when its ranks have begun to talk."""
    def meanwhile(process):
        pids = await_ranks(process, ranks)
        await_no_names(place)
        process.send_signal(number)
        return pids
    return meanwhile


def kill_all(place, ranks, with_names):
    """SIGKILL for mpirun and, at once, for every rank."""
    def meanwhile(process):
        pids = await_ranks(process, ranks)
        if not with_names:
            await_no_names(place)
        process.kill()
        launch.signal_all(pids, signal.SIGKILL)
        return pids
    return meanwhile


def launcher_killed(rounds, number):
    """Whatever becomes of mpirun, no file is left of ranks that were talking."""
    def check(machine):
        for _ in range(rounds):
            with backing_directory() as place:
                parameters = {**WITH_NET, "btl_segmsg_backing_directory": place}
                outcome = machine.run(["stress", "--seconds", "30"], 2, parameters,
                                      kill_launcher(place, 2, number), may_leave=True)
                wait_for_end(outcome.pids)
                if names_in(place):
                    raise Failure(f"left behind: {names_in(place)}\n{outcome.explain()}")
    return check


def all_killed(machine):
    """Nobody is left to clean up, and there is nothing to clean up."""
    with backing_directory() as place:
        machine.run(["stress", "--seconds", "60"], 4, {**ALONE, "btl_segmsg_backing_directory": place},
                    kill_all(place, 4, False), may_leave=True)
        if names_in(place):
            raise Failure(f"left behind: {names_in(place)}")


def wait_for_end(pids):
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}/exe") for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


def nameless_while_it_runs(machine):
    """Once all ranks have started, there is no name that anything could leave."""
    with backing_directory() as place:
        seen = []

        def look(process):
            pids = await_ranks(process, 4)
            await_no_names(place)
            seen.append((process.poll(), names_in(place)))
            return pids
        outcome = machine.run(["stress", "--seconds", "3"], 4,
                              {**WITH_NET, "btl_segmsg_backing_directory": place}, look)
        if outcome.status != 0 or seen != [(None, [])]:
            raise Failure(f"names while it ran: {seen}\n{outcome.explain()}")


def swept_at_once(machine):
    """Files of a job that was killed go when the next one starts, whoever has the pids now."""
    with backing_directory() as place:
        parameters = {**KEEP_NAMES, "btl_segmsg_backing_directory": place}
        machine.run(["stress", "--seconds", "60"], 4, parameters, kill_all(place, 4, True),
                    may_leave=True)
        left = names_in(place)
        if len(left) != 4:
            raise Failure(f"wanted four files to be left, and there are {left}")
        for name in left:  # as if the pids were in use again
            used = re.sub(r"^(segmsg-\d+)-\d+-", rf"\1-{os.getpid()}-", name)
            os.rename(os.path.join(place, name), os.path.join(place, used))
        machine.expect(["nothing"], 2, parameters)
        if names_in(place):
            raise Failure(f"left behind: {names_in(place)}")


def names_are_kept(machine):
    """With btl_segmsg_keep_names they last as long as the job, and no longer."""
    with backing_directory() as place:
        seen = []

        def look(process):
            pids = await_ranks(process, 2)
            time.sleep(1.0)
            seen.append(len(names_in(place)))
            return pids
        outcome = machine.run(["stress", "--seconds", "4"], 2,
                              {**KEEP_NAMES, "btl_segmsg_backing_directory": place}, look)
        if outcome.status != 0 or seen != [2] or names_in(place):
            raise Failure(f"names while it ran: {seen}, now: {names_in(place)}\n{outcome.explain()}")


# ---- files of any file system ----

IN_FILES = {"btl_segmsg_interconnect": "file"}
FILES = {**ALONE, **IN_FILES}


def on_disk(machine):
    """The kind of memory that is files: on another file system than one in memory, and nothing is left."""
    with tempfile.TemporaryDirectory() as place:
        machine.expect(["stress", "--messages", "5000"], 3, {**FILES, "btl_segmsg_backing_directory": place})
        if names_in(place):
            raise Failure(f"left behind: {names_in(place)}")


def swept_files(machine):
    """What ranks that were killed have left goes with the next job."""
    with backing_directory() as place:
        parameters = {**FILES, "btl_segmsg_backing_directory": place}
        machine.run(["stress", "--seconds", "60"], 3, parameters, kill_all(place, 3, True), may_leave=True)
        if len(names_in(place)) != 3:
            raise Failure(f"wanted three files to be left, and there are {names_in(place)}")
        machine.expect(["nothing"], 2, parameters)
        if names_in(place):
            raise Failure(f"left behind: {names_in(place)}")


def no_room_for_files(machine):
    """A limit on files or address space, no room, no directory: segmsg says so and is not used."""
    cases.declines(machine, {**IN_FILES, "btl_segmsg_backing_directory": "/nowhere"}, r"(?s)does not exist.*/nowhere")
    with cases.small_file_system("size=8k") as place:
        cases.declines(machine, {**IN_FILES, "btl_segmsg_backing_directory": place},
                       rf"(?s)not enough free space.*{re.escape(place)}")


def file_kind_cases():
    return [Case("files: not in memory", True, on_disk),
            Case("files: left by ranks that were killed", True, swept_files),
            Case("files: no room, no directory", True, no_room_for_files)]


def leftover_cases():
    return [Case("no file has a name while a job runs", True, nameless_while_it_runs),
            Case("mpirun killed leaves nothing", True, launcher_killed(2, signal.SIGKILL)),
            Case("mpirun killed leaves nothing, 10 times", False,
                 launcher_killed(10, signal.SIGKILL), slow=True),
            Case("all ranks and mpirun killed leave nothing", True, all_killed),
            Case("mpirun ended by timeout leaves nothing", False, launcher_killed(3, signal.SIGTERM)),
            Case("what a killed job left goes with the next one, pids in use or not", True,
                 swept_at_once),
            Case("btl_segmsg_keep_names keeps names until the end", True, names_are_kept)]


# ---- limits ----

def needed(command):
    """The path of a command of util-linux."""
    path = shutil.which(command)
    if path is None:
        raise Skip(f"there is no {command}")
    return path


def in_limit(machine, limit, program):
    """The words of a program whose files may have so many bytes."""
    return [needed("prlimit"), f"--fsize={limit}", os.path.join(machine.programs, program[0]), *program[1:]]


def file_size_limited(machine):
    """Too small a limit is said, and another transport takes over; no rank dies of a signal."""
    with backing_directory() as place:
        parameters = {**cases.BESIDE_TCP, "btl_segmsg_backing_directory": place}
        outcome = cases.run_heard(machine, parameters,
                                  in_limit(machine, FILE_BYTES_SMALL, ["counters", "--declined"]))
        cases.says_once(outcome, rf"(?s){FILE_BYTES_SMALL >> 10} KB.*RLIMIT_FSIZE.*ulimit -f")
        if outcome.timed_out or outcome.status != 0 or names_in(place):
            raise Failure(f"left: {names_in(place)}\n{outcome.explain()}")


def file_size_suffices(machine):
    """A limit below what segmsg takes otherwise, and above what it needs, makes its files smaller."""
    for program in (["counters", "--used"], ["stress", "--messages", "5000"]):
        machine.expect(in_limit(machine, FILE_BYTES_ENOUGH, program), 2, ALONE)


def small_directory(size, ranks):
    """What counts is what a job uses, not what it may use."""
    def check(machine):
        with cases.small_file_system(f"size={size}") as place:
            parameters = {**ALONE, "btl_segmsg_backing_directory": place}
            machine.expect(["counters", "--used"], ranks, parameters)
            machine.expect(["collectives"], ranks, parameters)
    return check


def limit_cases():
    return [Case("files may not be large: it is said", True, file_size_limited),
            Case("files may not be as large as usual: they are smaller", True, file_size_suffices),
            Case("a backing directory of 4 MB serves two ranks", True, small_directory("4M", 2)),
            Case("a backing directory of 512 KB serves two ranks", False, small_directory("512K", 2)),
            Case("a backing directory of 4 MB serves eight ranks", False, small_directory("4M", 8))]


# ---- name spaces of pids ----

def in_pid_space(machine, program):
    """The words of a program in which each rank is process 1 of its own."""
    apart = [needed("unshare"), "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Skip("name spaces of pids are not permitted")
    return [*apart, os.path.join(machine.programs, program[0]), *program[1:]]


def equal_pids(program, ranks):
    """Ranks with equal pids, which share the directory, use segmsg."""
    def check(machine):
        for parameters in (ALONE, cases.NO_KERNEL_COPY):
            machine.expect(in_pid_space(machine, program.split()), ranks, parameters)
    return Case(f"{program}, {ranks} ranks with equal pids", True, check)


def apart_from_spawned(machine):
    """Processes of two jobs that cannot open each other's files agree on another transport, or find the
    names where both keep them."""
    for parameters in (cases.BESIDE_TCP, KEEP_NAMES):
        machine.expect(in_pid_space(machine, ["spawn"]), 1, parameters)


def space_cases():
    return [equal_pids("counters --used", 2), equal_pids("ordering", 2),
            equal_pids("stress --messages 1000 --min 64K --large 100", 3),
            Case("spawn from another name space of pids", True, apart_from_spawned)]


def all_cases(version):
    del version
    return name_cases() + leftover_cases() + file_kind_cases() + limit_cases() + space_cases()
