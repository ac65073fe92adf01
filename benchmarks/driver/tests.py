# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""What can be measured, and the programs that measure it.

Our own programs are compiled on demand with the compiler wrapper of the MPI under test, once for
each MPI; NetPIPE comes from the distribution.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .mpi import FI_PINGPONG, OPENMPI, Mpi, Unavailable

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"

# What each program is made of, besides the shared part.
SOURCES = {
    "latency": ("latency.c", "pair.c"),
    "multi_lat": ("multi_lat.c", "pair.c"),
    "bw": ("bw.c", "pair.c"),
    "bibw": ("bibw.c", "pair.c"),
    "multi_bw": ("multi_bw.c", "pair.c"),
    "overlap": ("overlap.c", "pair.c", "work.c"),
    "noncontig": ("noncontig.c", "pair.c"),
    "collective": ("collective.c", "collective_kinds.c"),
    "onesided_latency": ("onesided_latency.c", "onesided.c"),
    "onesided_bw": ("onesided_bw.c", "onesided.c"),
    "idle": ("idle.c",),
    "waiting": ("waiting.c",),
    "threads": ("threads.c", "pair.c"),
    "memory": ("memory.c",),
    "fairness": ("fairness.c",),
    "touched": ("touched.c", "pair.c"),
    "updates": ("updates.c", "pair.c"),
    "buffers": ("buffers.c", "pair.c"),
    "first": ("first.c", "pair.c"),
    "ring": ("ring.c",),
    "stencil": ("stencil.c",),
    "transpose": ("transpose.c",),
    "irregular": ("irregular.c",),
}
SHARED_SOURCES = ("bench.c",)
# Goes in front of a program and denies it the kernel's copy; the tests have it too.
FORBID = PROGRAMS.parent.parent / "test" / "mpi" / "forbid.c"
# Two decimals, as printed by default, would round 0.25 us by 2%.
DECIMALS = 5
# A key of a test with several quantities is the quantity's number times this and the row's number.
ROWS_MAX = 1 << 31
CFLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-pthread")


class BuildFailed(Exception):
    """A benchmark program does not compile; the text is the command and its output."""


@dataclass(frozen=True)
class Options:
    """What is asked of every run of a test; None leaves it to the program."""

    sizes: tuple[int, ...] | None = None
    iterations: int | None = None
    warmup: int | None = None
    milliseconds: int | None = None
    window: int | None = None
    threads: int | None = None
    validate: bool = False


@dataclass(frozen=True)
class Test:
    """One of our programs with what it is to measure."""

    name: str
    title: str
    unit: str
    lower_is_better: bool
    program: str
    choice: str = ""  # value of the program's -c
    ranks: int = 2
    onesided: bool = False
    default_sizes: tuple[int, ...] | None = None
    x_label: str = "bytes"
    openmpi_only: bool = False
    default_milliseconds: int | None = None
    default_threads: int = 0  # of each rank; 0: the program has no threads of its own
    size_per_run: bool = False  # the program measures what only the first size of a run shows

    def threads_of(self, options: Options) -> int:
        """Threads that each rank has."""
        return (options.threads or self.default_threads) if self.default_threads else 1

    def row_name(self, _key: int) -> str:
        """What the row of a key is called; empty: the key is the number that x_label counts."""
        return ""

    def command(self, mpi: Mpi, build: Path, options: Options) -> list[str]:
        """The program and its arguments. Compiles the program if need be."""
        sizes = options.sizes or self.default_sizes
        if mpi.family == FI_PINGPONG:
            if self.program != "latency":
                raise Unavailable("fi_pingpong measures latency")
            return [",".join(str(size) for size in sizes or powers(1, 4 << 20))]
        if self.openmpi_only and mpi.family != OPENMPI:
            raise Unavailable(f"{self.title} is measured on Open MPI only")
        command = [str(compiled(self.program, mpi, build)), "-d", str(DECIMALS)]
        if self.choice:
            command += ["-c", self.choice]
        if sizes:
            command += ["-s", ",".join(str(size) for size in sizes)]
        for flag, value in (
            ("-i", options.iterations),
            ("-x", options.warmup),
            ("-t", options.milliseconds or self.default_milliseconds),
            ("-W", options.window),
        ):
            if value is not None:
                command += [flag, str(value)]
        if self.default_threads:
            command += ["-T", str(self.threads_of(options))]
        if options.validate:
            command.append("--validate")
        return command

    def commands(self, mpi: Mpi, build: Path, options: Options) -> list[list[str]]:
        """The runs that measure all sizes."""
        sizes = options.sizes or self.default_sizes
        if not self.size_per_run or not sizes:
            return [self.command(mpi, build, options)]
        return [self.command(mpi, build, replace(options, sizes=(size,))) for size in sizes]

    def values(self, output: str) -> dict[int, float]:
        """The first column of values, by size, of what the program printed. A value that is not
        positive tells nothing, and is left out."""
        rows = re.findall(r"^(\d+)[ \t]+(\d+\.\d+)\b", output, re.MULTILINE)
        return {int(size): float(value) for size, value in rows if float(value) > 0}


@dataclass(frozen=True)
class Quantities(Test):
    """One of our programs that reports several quantities in a run: the first columns of what it
    prints. Each becomes a block of rows with names."""

    quantities: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()  # the program's rows, by their number; empty: x_label counts them

    def row_name(self, key: int) -> str:
        quantity, row = divmod(key, ROWS_MAX)
        return f"{self.quantities[quantity]}: {self.rows[row] if self.rows else size_label(row)}"

    def values(self, output: str) -> dict[int, float]:
        result = {}
        for row, columns in re.findall(r"^(\d+)((?:[ \t]+-?\d+\.\d+)+)", output, re.MULTILINE):
            values = zip(range(len(self.quantities)), map(float, columns.split()))
            result.update({q * ROWS_MAX + int(row): value for q, value in values if value > 0})
        return dict(sorted(result.items()))


@dataclass(frozen=True)
class NetPipe(Test):
    """NetPIPE as the distribution packages it: throughput of a ping-pong, size by size."""

    def command(self, mpi: Mpi, build: Path, options: Options) -> list[str]:
        if mpi.family != OPENMPI:
            raise Unavailable("NetPIPE is compared on Open MPI only")
        program = shutil.which("NPopenmpi") or shutil.which("NPmpi")
        if not program:
            raise Unavailable("NetPIPE is not installed (package netpipe-openmpi)")
        command = [program, "-p", "0", "-o", os.devnull]
        sizes = options.sizes or self.default_sizes
        if sizes:
            command += ["-l", str(max(1, min(sizes))), "-u", str(max(sizes))]
        return command

    def values(self, output: str) -> dict[int, float]:
        rows = re.findall(r"^\s*\d+:\s+(\d+) bytes\s+\d+ times -->\s+([\d.]+) Mbps", output, re.M)
        return {int(size): float(value) for size, value in rows}


def powers(smallest: int, largest: int, factor: int = 2) -> tuple[int, ...]:
    """Sizes from smallest to largest, each `factor` times the one before."""
    sizes = []
    while smallest <= largest:
        sizes.append(smallest)
        smallest *= factor
    return tuple(sizes)


def size_label(size: int) -> str:
    """8, 1K, 64K, 4M: powers of 1024 where they divide the size."""
    for shift, letter in ((30, "G"), (20, "M"), (10, "K")):
        if size >= 1 << shift and size % (1 << shift) == 0:
            return f"{size >> shift}{letter}"
    return str(size)


def _latency(name: str, title: str, program: str, choice: str = "", **more: object) -> Test:
    return Test(name, title, "us", True, program, choice, **more)  # type: ignore[arg-type]


def _bandwidth(name: str, title: str, program: str, choice: str = "", **more: object) -> Test:
    return Test(name, title, "MB/s", False, program, choice, **more)  # type: ignore[arg-type]


def _collective(name: str) -> Test:
    sizes = (0,) if name == "barrier" else powers(8, 1 << 20)
    return _latency(name, f"{name} time", "collective", name, default_sizes=sizes)


def _onesided(end: str, how: str) -> list[Test]:
    """The one-sided tests that complete by flushes, or by fences: names and choices end so."""
    latency, bandwidth = "onesided_latency", "onesided_bw"
    return [
        _latency(f"put_latency{end}", f"put latency{how}", latency, f"put{end}", onesided=True),
        _latency(f"get_latency{end}", f"get latency{how}", latency, f"get{end}", onesided=True),
        _latency(
            f"acc_latency{end}",
            f"accumulate latency{how}",
            latency,
            f"accumulate{end}",
            onesided=True,
            default_sizes=powers(8, 4 << 20),
        ),
        _latency(
            f"get_acc_latency{end}",
            f"get-accumulate latency{how}",
            latency,
            f"get_accumulate{end}",
            onesided=True,
            default_sizes=powers(8, 1 << 20),
        ),
        _latency(
            f"fetch_and_op{end}",
            f"fetch-and-op time{how}",
            latency,
            f"fetch_and_op{end}",
            onesided=True,
        ),
        _latency(f"cas{end}", f"compare-and-swap time{how}", latency, f"cas{end}", onesided=True),
        _bandwidth(f"put_bw{end}", f"put bandwidth{how}", bandwidth, f"put{end}", onesided=True),
        _bandwidth(f"get_bw{end}", f"get bandwidth{how}", bandwidth, f"get{end}", onesided=True),
    ]


def _idle(name: str, title: str, choice: str) -> Test:
    return Test(
        name,
        title,
        "ns",
        True,
        "idle",
        choice,
        x_label="peers",
        openmpi_only=choice == "progress",
    )


def _waiting(name: str, title: str, unit: str, x_label: str, ranks: int, sizes: tuple[int, ...]) -> Test:
    return Test(
        name,
        title,
        unit,
        True,
        "waiting",
        name,
        ranks=ranks,
        default_sizes=sizes,
        x_label=x_label,
        default_milliseconds=300,
    )


def _threads(name: str, title: str, unit: str, choice: str, sizes: tuple[int, ...]) -> Test:
    return Test(
        name,
        title,
        unit,
        choice == "latency",
        "threads",
        choice,
        default_sizes=sizes,
        default_milliseconds=100,
        default_threads=2,
    )


TESTS: dict[str, Test] = {
    test.name: test
    for test in (
        _latency("latency", "ping-pong latency", "latency"),
        _bandwidth("bw", "bandwidth", "bw"),
        _bandwidth("bibw", "bidirectional bandwidth", "bibw"),
        Test(
            "mr",
            "message rate",
            "messages/s",
            False,
            "multi_bw",
            "rate",
            default_sizes=powers(1, 8192),
        ),
        _bandwidth("multi_bw", "multi-pair bandwidth", "multi_bw", "bw", ranks=4),
        _latency("multi_lat", "multi-pair latency", "multi_lat", ranks=4),
        _latency(
            "noncontig_latency",
            "ping-pong latency of non-contiguous data",
            "noncontig",
            "latency",
        ),
        _bandwidth("noncontig_bw", "bandwidth of non-contiguous data", "noncontig", "bw"),
        _latency("latency_buffers", "ping-pong latency of changing buffers", "buffers", "latency"),
        _bandwidth("bw_buffers", "bandwidth of changing buffers", "buffers", "bw"),
        Quantities(
            "first",
            "time of the first messages of a size",
            "us",
            True,
            "first",
            default_sizes=(16 << 10, 256 << 10),
            size_per_run=True,
            quantities=("first 64", "first 4"),
        ),
        _latency("overlap_send", "time of a message while the sender computes", "overlap", "send"),
        _latency(
            "overlap_recv", "time of a message while the receiver computes", "overlap", "recv"
        ),
        _latency("overlap_both", "time of a message while both compute", "overlap", "both"),
        _latency(
            "overlap_test",
            "time of a message while the sender computes and tests",
            "overlap",
            "test",
        ),
        *(
            _latency(
                name,
                f"exchange of data that is used, working set of {working_set}B",
                "touched",
                working_set,
                default_sizes=powers(64, 1 << 20, 4),
            )
            for name, working_set in (("touched", "32K"), ("touched_1m", "1M"), ("touched_8m", "8M"))
        ),
        Test(
            "updates",
            "two random updates of a table and an MPI_Test",
            "ns",
            True,
            "updates",
            default_sizes=powers(32 << 10, 32 << 20, 4),
            x_label="bytes of table",
        ),
        *(
            _latency(
                name,
                f"iteration of a stencil and its halos, working set of {working_set}B",
                "stencil",
                working_set,
                default_sizes=powers(64, halo_max, 4),
                x_label="bytes of halo",
            )
            for name, working_set, halo_max in (
                ("stencil", "32K", 4 << 10),
                ("stencil_1m", "1M", 64 << 10),
                ("stencil_8m", "8M", 256 << 10),
            )
        ),
        _latency(
            "transpose",
            "transpose of a matrix",
            "transpose",
            default_sizes=powers(64, 1 << 20, 4),
        ),
        _latency(
            "irregular",
            "16 messages of varying length to varying ranks",
            "irregular",
            default_sizes=powers(64, 16 << 10, 4),
            x_label="mean bytes",
        ),
        _latency("sendrecv", "MPI_Sendrecv along a ring", "ring", "sendrecv"),
        _latency("exchange", "exchange with both neighbours of a ring", "ring", "exchange"),
        *map(_collective, ("allreduce", "alltoall", "bcast", "barrier", "allgather", "reduce")),
        *map(_collective, ("reduce_scatter", "gather", "scatter", "alltoallv")),
        *map(_collective, ("iallreduce", "ialltoall", "ibcast")),
        *_onesided("", ""),
        *_onesided("_fence", " with a fence"),
        _idle("idle", "idle MPI_Test call", "test"),
        _idle("idle_iprobe", "idle MPI_Iprobe call", "iprobe"),
        _idle("idle_progress", "idle opal_progress call", "progress"),
        _waiting(
            "imbalance", "round in which one rank works, by turns", "us", "us of work", 4, powers(64, 16384, 4)
        ),
        _waiting("wakeup", "answer of a rank that has waited", "us", "us waited", 2, (100, 1000, 10000)),
        _waiting("processor", "processor that a wait takes", "%", "us waited", 2, (1000, 100000, 1000000)),
        _threads("threads", "ping-pong latency of threads", "us", "latency", powers(8, 1 << 20, 8)),
        _threads(
            "threads_rate", "message rate of threads", "messages/s", "rate", powers(8, 4096, 8)
        ),
        Quantities(
            "fairness",
            "time of an answer by a server that others flood",
            "us",
            True,
            "fairness",
            ranks=4,
            x_label="flooders",
            default_milliseconds=100,
            quantities=("median", "99th percentile", "per message of the flood"),
        ),
        Quantities(
            "memory",
            "memory of the job",
            "MiB",
            True,
            "memory",
            x_label="after",
            quantities=(
                "Pss mean",
                "Pss max",
                "Rss mean",
                "Rss max",
                "RssShmem mean",
                "private mean",
                "job: shared",
                "job: /dev/shm",
                "VmSize max",
            ),
            rows=("start", "ring 8", "ring 4K", "alltoall 8", "pairs 8", "alltoall 4K"),
        ),
        NetPipe(
            "netpipe",
            "NetPIPE throughput",
            "Mbit/s",
            False,
            "",
            default_sizes=(1, 4 << 20),
        ),
    )
}


def compiled(program: str, mpi: Mpi, build: Path) -> Path:
    """The path of a benchmark program for an MPI, compiled if it is missing or older than its
    source."""
    sources = [PROGRAMS / name for name in (*SOURCES[program], *SHARED_SOURCES)]
    return _made(f"segmsg_{program}", sources, mpi, build)


def forbidding(mpi: Mpi, build: Path) -> list[str]:
    """What goes in front of a program that is to run without the kernel's copy."""
    return [str(_made("forbid", [FORBID], mpi, build)), "--how", "seccomp", "--ranks", "all"]


def compiled_with(name: str, source: Path, flags: list[str], mpi: Mpi, build: Path) -> Path:
    """The path of a program that needs a library, compiled likewise."""
    return _made(f"segmsg_{name}", [source], mpi, build, ["-std=gnu11", *flags])


def _made(
    name: str, sources: list[Path], mpi: Mpi, build: Path, flags: Sequence[str] = ()
) -> Path:
    if not mpi.mpicc:
        raise Unavailable(f"{mpi.title} has no mpicc beside its launcher or on PATH")
    folder = build / mpi.name
    target = folder / name
    inputs = sources + list(PROGRAMS.glob("**/*.h"))
    if target.exists():
        built = target.stat().st_mtime
        if all(path.stat().st_mtime <= built for path in inputs):
            return target
    folder.mkdir(parents=True, exist_ok=True)
    # Compiled aside and renamed, so that two drivers at the same time do not meet half a program.
    handle, scratch = tempfile.mkstemp(prefix=target.name, dir=folder)
    os.close(handle)
    command = [mpi.mpicc, *CFLAGS, "-o", scratch, *map(str, sources), *flags]
    outcome = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if outcome.returncode != 0:
        os.unlink(scratch)
        raise BuildFailed(f"{shlex.join(command)}\n{outcome.stdout}")
    os.chmod(scratch, 0o755)
    os.replace(scratch, target)
    return target
