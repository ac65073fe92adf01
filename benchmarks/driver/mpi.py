# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Which MPI there is, and how a job is started with it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test" / "hosts"))
import hosts  # pylint: disable=wrong-import-position

OPENMPI = "openmpi"
MPICH = "mpich"
FI_PINGPONG = "fi_pingpong"  # no MPI: libfabric's own program, between test hosts


class Unavailable(Exception):
    """Something that the user named is not there; the text says what and why."""


@dataclass(frozen=True)
class Outcome:
    """A command that has ended: its output, and what was wrong with it, if anything."""

    command: str
    output: str
    fault: str = ""
    seconds: float = 0  # how long it took


def run(command: list[str], environment: dict[str, str], timeout: float) -> Outcome:
    """Runs a command and ends it, with all that it started, when the time is over."""
    shown = shlex.join(command)
    child_environment = {**os.environ, **environment}
    started = time.monotonic()
    try:
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=child_environment,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(shown, "", f"cannot be started: {error}")
    fault = ""
    try:
        output, _ = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        fault = f"did not end within {timeout:g} s"
        output = _end(child)
    except BaseException:
        _end(child)
        raise
    if not fault and child.returncode < 0:
        fault = f"was ended by {signal.Signals(-child.returncode).name}"
    elif not fault and child.returncode > 0:
        fault = f"ended with status {child.returncode}"
    return Outcome(shown, output, fault, time.monotonic() - started)


def _end(child: subprocess.Popen[str]) -> str:
    """Lets the launcher clean up, then insists. Returns what the command had written."""
    for how, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(child.pid, how)
        except ProcessLookupError:
            pass
        try:
            return child.communicate(timeout=patience)[0]
        except subprocess.TimeoutExpired:
            continue
    return ""


def core_count() -> int:
    """Processor cores that this process may use; hardware threads of a core count once."""
    usable = os.sched_getaffinity(0)
    cores = set()
    for cpu in usable:
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text(encoding="ascii").strip())
        except OSError:
            return len(usable)
    return len(cores)


@dataclass(frozen=True)
class Mpi:
    """An installed MPI."""

    family: str  # OPENMPI or MPICH
    version: str  # "4.1.4"
    launcher: tuple[str, ...]  # mpirun, with arguments that always go along
    mpicc: str
    ompi_info: str = ""  # Open MPI only
    hosts: tuple[str, ...] = ()  # the test hosts that ranks are spread over; none: this machine

    @property
    def name(self) -> str:
        return f"{self.family}-{self.version}"

    @property
    def title(self) -> str:
        names = {OPENMPI: "Open MPI", MPICH: "MPICH", FI_PINGPONG: "libfabric"}
        return f"{names[self.family]} {self.version}"

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the launcher needs in its environment whatever it starts."""
        if self.family != OPENMPI or os.geteuid() != 0:
            return {}
        prefixes = ("OMPI", "PRTE")
        suffixes = ("ALLOW_RUN_AS_ROOT", "ALLOW_RUN_AS_ROOT_CONFIRM")
        return {f"{prefix}_{suffix}": "1" for prefix in prefixes for suffix in suffixes}

    def components(self, environment: dict[str, str]) -> frozenset[str]:
        """Names like "btl:vader" of the components that this Open MPI finds."""
        outcome = run(
            [self.ompi_info, "--parsable"], {**self.environment, **environment}, timeout=60
        )
        found = re.findall(r"^mca:(\w+:\w+):version:", outcome.output, re.MULTILINE)
        if not found:
            raise Unavailable(f"{outcome.command} {outcome.fault or 'lists no component'}")
        return frozenset(found)

    def placement(self, ranks: int, binding: str, threads: int = 1) -> list[str]:
        """Launcher arguments that bind each rank to as many cores as it has threads, if there are
        enough of them."""
        crowded = ranks * threads > core_count()
        # The launcher on each host knows of its own ranks alone, and binds all hosts' to one core.
        bind = binding if binding != "auto" else "none" if crowded or self.hosts else "core"
        several = bind == "core" and threads > 1 and not crowded
        if self.family == MPICH:
            return ["-bind-to", f"core:{threads}" if several else bind]
        arguments = ["--bind-to", bind]
        if several:
            arguments += ["--map-by", f"slot:PE={threads}"]
        elif ranks > core_count():
            arguments += ["--oversubscribe"] if self.major < 5 else ["--map-by", ":OVERSUBSCRIBE"]
        return arguments

    def job(
        self,
        ranks: int,
        binding: str,
        arguments: list[str],
        program: list[str],
        threads: int = 1,
    ) -> list[str]:
        """The command that runs `program` on `ranks` ranks, each of so many threads."""
        if self.family == FI_PINGPONG:
            return [*self.launcher, *program]
        command = [
            *self.launcher,
            *self._spread(ranks),
            "-n",
            str(ranks),
            *self.placement(ranks, binding, threads),
            *arguments,
            *program,
        ]
        return hosts.on(self.hosts[0], command) if self.hosts else command

    def clear(self) -> None:
        """Ends what a job that went wrong has left on test hosts, and removes its files."""
        for host in self.hosts:
            for pid in hosts.processes(host):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            hosts.tidy(host)

    def _spread(self, ranks: int) -> list[str]:
        """Launcher arguments that name the test hosts, if there are any: a block of ranks on
        each."""
        if not self.hosts:
            return []
        option, places = hosts.over(self.hosts, [-(-ranks // len(self.hosts))] * len(self.hosts))
        return ["-hosts" if self.family == MPICH else option, places]


def _first_program(*names: str, beside: str = "") -> str:
    """The first of the programs that exists, in the folder of another program or on PATH."""
    for name in names:
        if beside and os.sep in beside:
            candidate = Path(beside).parent / name
            if os.access(candidate, os.X_OK):
                return str(candidate)
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    return ""


def _version(command: list[str], pattern: str) -> str:
    outcome = run(command, {}, timeout=60)
    match = re.search(pattern, outcome.output)
    return match.group(1) if match else ""


def find_openmpi(launcher: str = "", extra_arguments: tuple[str, ...] = ()) -> Mpi:
    """The Open MPI whose mpirun is `launcher` (a command, possibly with arguments), else the one
    on PATH."""
    words = shlex.split(launcher)
    if words and not shutil.which(words[0]):
        raise Unavailable(f"there is no program {words[0]}")
    mpirun = words[0] if words else _first_program("mpirun.openmpi", "mpirun")
    if not mpirun:
        raise Unavailable("there is no mpirun on PATH; --mpirun names one")
    ompi_info = _first_program("ompi_info", beside=mpirun)
    # A launcher may be a script around mpirun that does not know --version; ompi_info does.
    version = _version([mpirun, "--version"], r"Open MPI\)? v?(\d[\w.]*)")
    if not version and ompi_info:
        version = _version([ompi_info, "--version"], r"Open MPI v?(\d[\w.]*)")
    if not version:
        raise Unavailable(f"{mpirun} --version does not tell an Open MPI version")
    if not ompi_info:
        raise Unavailable(f"there is no ompi_info beside {mpirun} or on PATH")
    return Mpi(
        family=OPENMPI,
        version=version,
        launcher=(*(words or [mpirun]), *extra_arguments),
        mpicc=_first_program("mpicc.openmpi", "mpicc", beside=mpirun),
        ompi_info=ompi_info,
        hosts=tuple(hosts.there()),
    )


def find_mpich() -> Mpi:
    """The MPICH on PATH, by the names that Debian gives its programs or by MPICH's own."""
    mpiexec = _first_program("mpiexec.mpich", "mpiexec.hydra")
    if not mpiexec:
        raise Unavailable("there is no mpiexec.mpich or mpiexec.hydra on PATH (package mpich)")
    version = _version([mpiexec, "--version"], r"Version:\s+(\d[\w.]*)")
    if not version:
        raise Unavailable(f"{mpiexec} --version does not tell an MPICH version")
    mpicc = _first_program("mpicc.mpich", beside=mpiexec)
    if not mpicc:
        raise Unavailable("there is no mpicc.mpich on PATH (package libmpich-dev)")
    return Mpi(MPICH, version, (mpiexec,), mpicc, hosts=tuple(hosts.there()))


def find_fi_pingpong(provider: str) -> Mpi:
    """libfabric's fi_pingpong on a provider, in the place of an MPI."""
    there = tuple(hosts.there())
    if not there:
        raise Unavailable("runs between test hosts (--hosts)")
    if not shutil.which("fi_pingpong"):
        raise Unavailable("there is no fi_pingpong on PATH (package libfabric-bin)")
    asked = run(hosts.on(there[0], ["fi_info", "-p", provider, "-t", "FI_EP_RDM"]), {}, timeout=60)
    if asked.fault:
        raise Unavailable(f"libfabric has no provider {provider} of reliable datagrams")
    version = _version(["fi_info", "--version"], r"libfabric: (\d[\w.]*)")
    floor = Path(__file__).resolve().parent.parent / "floor"
    return Mpi(FI_PINGPONG, version, (str(floor), provider), mpicc="", hosts=there)


@dataclass
class Installation:
    """The MPIs of this machine as the driver uses them, and where segmsg's component is."""

    openmpi: Mpi
    empty_dir: Path  # need not exist yet
    component_dir: Path | None = None
    _components: dict[bool, frozenset[str]] = field(default_factory=dict)

    @property
    def segmsg_environment(self) -> dict[str, str]:
        """Makes Open MPI look for components in component_dir first, then where it always does."""
        if self.component_dir is None:
            return {}
        environment = {
            "OMPI_MCA_mca_base_component_path": f"{self.component_dir}:SYSTEM_DEFAULT:USER_DEFAULT"
        }
        if self.openmpi.major >= 5:
            # Open MPI 5 hands its path on to PMIx, which knows neither the words nor the component.
            self.empty_dir.mkdir(parents=True, exist_ok=True)
            environment["PMIX_MCA_mca_base_component_path"] = str(self.empty_dir)
        return environment

    def has_component(self, name: str, *, segmsg_path: bool = False) -> bool:
        """Whether Open MPI finds a component ("btl:vader"), with or without component_dir."""
        if segmsg_path not in self._components:
            environment = self.segmsg_environment if segmsg_path else {}
            self._components[segmsg_path] = self.openmpi.components(environment)
        return name in self._components[segmsg_path]


def find_component_dir(build: Path, version: str) -> Path | None:
    """The folder with the component that was built for this Open MPI version: build/VERSION's, else
    the newest of its variants (build/VERSION*)."""
    component = "components/mca_btl_segmsg.so"
    exact = build / version / component
    if exact.is_file():
        return exact.parent
    variants = [
        path
        for path in build.glob(f"{version}*/{component}")
        if not path.relative_to(build).parts[0][len(version)].isdigit()
    ]
    return max(variants, key=lambda path: path.stat().st_mtime).parent if variants else None
