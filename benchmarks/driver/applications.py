# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The applications of benchmarks/applications: what each needs, how it is run, and what of its
output tells the time and the result.

Most come from the distribution as they are, and so must the Open MPI that runs them. The others are
small programs of our own around a library of the distribution, compiled when they are needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import inputs
from .mpi import Mpi, Outcome, Unavailable, run
from .tests import PROGRAMS, compiled_with

SOURCES = PROGRAMS / "apps"
PREPARATION_TIMEOUT = 120
NUMBER = r"([-+]?\d+(?:\.\d*)?(?:[eEdD][-+]?\d+)?)"

# Libraries with threads of their own would take the cores of the other ranks.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Wrong(Exception):
    """A run came to an end without the result that it should have."""


def _no_inputs(_ranks: int) -> inputs.Files:
    return {}


@dataclass(frozen=True)
class Application:
    """A program of the distribution with an input of ours."""

    name: str
    title: str
    packages: tuple[str, ...]
    program: str  # found on PATH
    arguments: tuple[str, ...] = ()
    inputs: Callable[[int], inputs.Files] = _no_inputs  # of the number of ranks
    data: tuple[Path, ...] = ()  # files of the packages that the inputs name
    preparation: tuple[tuple[str, ...], ...] = ()  # commands that complete the inputs
    environment: dict[str, str] = field(default_factory=dict)
    report: str = ""  # a file that holds more of the output
    # Each pattern's group is a number of the output; of several, the last one.
    results: tuple[tuple[str, str], ...] = ()  # must be the same on all transports...
    tolerance: float = 1e-7  # ... but for this, relatively
    wanted: dict[str, float] = field(default_factory=dict)  # results that are known
    limits: tuple[tuple[str, str, float], ...] = ()  # must not be above a number
    # Seconds: every match counts, and they are added up. None: from mpirun's start to its end. The
    # first is the application's time, others are parts of it.
    timers: tuple[tuple[str, str], ...] = ()

    def packages_text(self) -> str:
        """How to install what is missing."""
        return f"apt install {' '.join(self.packages)}"

    def command(self, _mpi: Mpi, _build: Path) -> list[str]:
        """The program and its arguments. Unavailable if something is not installed."""
        programs = (self.program, *(words[0] for words in self.preparation))
        for program in programs:
            if not shutil.which(program):
                raise Unavailable(f"there is no program {program}; {self.packages_text()}")
        for path in self.data:
            if not path.exists():
                raise Unavailable(f"there is no file {path}; {self.packages_text()}")
        return [self.program, *self.arguments]

    def prepare(self, folder: Path, ranks: int) -> None:
        """Fills a folder with what a run finds there."""
        for name, content in self.inputs(ranks).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="ascii")
        for words in self.preparation:
            outcome = run_in(folder, list(words), {**ENVIRONMENT, **self.environment})
            if outcome.fault:
                raise Wrong(f"{outcome.command} {outcome.fault}\n{outcome.output}")

    def output(self, folder: Path, printed: str) -> str:
        """All that a run has to say."""
        path = folder / self.report
        if not self.report or not path.exists():
            return printed
        return printed + path.read_text(encoding="utf-8", errors="replace")

    def seconds(self, output: str, job: float) -> dict[int, float]:
        """The time of the application and of its parts, by their number in `timers`."""
        if not self.timers:
            return {0: job}
        times = {}
        for number, (label, pattern) in enumerate(self.timers):
            found = re.findall(pattern, output, re.MULTILINE)
            if not found:
                raise Wrong(f"printed no time{f' of {label}' if label else ''}")
            times[number] = sum(map(float, found))
        return times

    def values(self, output: str) -> dict[str, float]:
        """The result, with what must be within limits checked."""
        for name, pattern, limit in self.limits:
            value = _last(name, pattern, output)
            if not value <= limit:
                raise Wrong(f"{name} is {value:g}, more than {limit:g}")
        values = {name: _last(name, pattern, output) for name, pattern in self.results}
        fault = self.difference({name: values[name] for name in self.wanted}, self.wanted)
        if fault:
            raise Wrong(fault)
        return values

    def difference(self, values: dict[str, float], others: dict[str, float]) -> str:
        """What is not the same in two results; empty: nothing."""
        return ", ".join(
            f"{name} is {value:.12g} instead of {others[name]:.12g}"
            for name, value in values.items()
            if not abs(value - others[name]) <= self.tolerance * max(abs(value), abs(others[name]))
        )


def _last(name: str, pattern: str, output: str) -> float:
    found = re.findall(pattern, output, re.MULTILINE)
    if not found:
        raise Wrong(f"printed no {name}")
    return float(re.sub("[dD]", "e", found[-1]))


def run_in(folder: Path, command: list[str], environment: dict[str, str]) -> Outcome:
    """Runs a command in a folder."""
    here = ["env", "-C", str(folder)]
    return run([*here, *command], environment, PREPARATION_TIMEOUT)


# How our own programs print.
OWN_TIMER = (("", rf"^seconds {NUMBER}$"),)


def _own(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, rf"^{name} {NUMBER}$") for name in names)


def _own_limits(**limits: float) -> tuple[tuple[str, str, float], ...]:
    return tuple((name, rf"^{name} {NUMBER}$", limit) for name, limit in limits.items())


@dataclass(frozen=True)
class Kernel(Application):
    """A program of ours, in C, around a library."""

    header: str = ""
    flags: tuple[str, ...] = ()  # of the compiler, after the source
    pkg_config: str = ""  # gives these, if they are not always the same

    def command(self, mpi: Mpi, build: Path) -> list[str]:
        flags = list(self.flags)
        if self.pkg_config:
            asked = run(["pkg-config", "--cflags", "--libs", self.pkg_config], {}, timeout=60)
            if asked.fault:
                raise Unavailable(f"pkg-config knows no {self.pkg_config}; {self.packages_text()}")
            flags += asked.output.split()
        if not mpi.mpicc or not _compiles(mpi.mpicc, self.header, flags):
            raise Unavailable(f"no program can be built with {self.header}; {self.packages_text()}")
        return [str(compiled_with(f"app_{self.name}", SOURCES / self.program, flags, mpi, build))]


def _compiles(mpicc: str, header: str, flags: list[str]) -> bool:
    """Whether a program that only includes the header can be compiled and linked."""
    outcome = subprocess.run(
        [mpicc, "-x", "c", "-", "-o", os.devnull, *flags],
        input=f"#include <stdio.h>\n#include <{header}>\nint main(void) {{ return 0; }}\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return outcome.returncode == 0


@dataclass(frozen=True)
class Script(Application):
    """A program of ours, in Python, on packages of the distribution."""

    modules: tuple[str, ...] = ()

    def command(self, _mpi: Mpi, _build: Path) -> list[str]:
        # The distribution's packages belong to its own Python, which need not be first on PATH.
        for python in ("/usr/bin/python3", "python3"):
            check = [python, "-c", f"import {', '.join(self.modules)}"]
            if not run(check, {}, timeout=60).fault:
                return [python, "-B", str(SOURCES / self.program)]
        raise Unavailable(f"Python has no {' or no '.join(self.modules)}; {self.packages_text()}")


@dataclass(frozen=True)
class Hpcc(Application):
    """HPC Challenge, by the times in the summary at the end of its report."""

    def seconds(self, output: str, job: float) -> dict[int, float]:
        """All together, HPL, RandomAccess."""
        summary = dict(re.findall(rf"^(\w+)={NUMBER}$", output, re.MULTILINE))
        try:
            figures = {name: float(value) for name, value in summary.items()}
            hpl = figures["HPL_time"]
            others = figures["PTRANS_time"]
            others += sum(figures[f"MPIFFT_time{phase}"] for phase in range(7))
            # It may stop early, by the clock; what is compared is the time of all updates.
            access = 0.0
            for which in ("MPIRandomAccess", "MPIRandomAccess_LCG"):
                whole = 4 * figures[f"{which}_N"]
                access += figures[f"{which}_time"] * whole / figures[f"{which}_ExeUpdates"]
        except (KeyError, ZeroDivisionError) as reason:
            raise Wrong("its summary is not complete") from reason
        return {0: hpl + access + others, 1: hpl, 2: access}


def _lammps(
    name: str, title: str, file: str, content: Callable[[int], inputs.Files]
) -> Application:
    # A line of its table: step, temperature, two energies, their total, pressure.
    return Application(
        name,
        title,
        ("lammps",),
        "lmp",
        ("-in", file, "-log", "none"),
        inputs=content,
        results=(
            ("temperature", rf"^ *\d+ +{NUMBER}(?: +\S+){{4}} *$"),
            ("energy", rf"^ *\d+(?: +\S+){{3}} +{NUMBER} +\S+ *$"),
        ),
        timers=(("", rf"^Loop time of {NUMBER} "),),
    )


_TABLE = (
    _lammps(
        "lammps-lj",
        "LAMMPS, Lennard-Jones liquid of 4000 atoms",
        "in.lj",
        inputs.lammps_lj,
    ),
    _lammps(
        "lammps-water",
        "LAMMPS, 1000 molecules of water, PPPM and SHAKE",
        "in.water",
        inputs.lammps_water,
    ),
    Application(
        "nwchem",
        "NWChem, B3LYP of three molecules of water",
        ("nwchem-openmpi",),
        "nwchem.openmpi",
        ("water.nw",),
        inputs=inputs.nwchem,
        results=(("energy", rf"Total DFT energy = +{NUMBER}"),),
    ),
    Application(
        "espresso",
        "Quantum ESPRESSO, plane waves of Si8",
        ("quantum-espresso", "quantum-espresso-data"),
        "pw.x",
        ("-in", "pw.in"),
        inputs=inputs.pw,
        data=(inputs.PW_PSEUDO,),
        results=(("energy", rf"^! +total energy += +{NUMBER} Ry"),),
        timers=(("", rf"PWSCF +:.* CPU +{NUMBER}s WALL"),),
    ),
    Application(
        "abinit",
        "ABINIT, plane waves of Si8, bands over the ranks",
        ("abinit", "abinit-data"),
        "abinit",
        ("si.abi",),
        inputs=inputs.abinit,
        data=(inputs.ABINIT_PSEUDO,),
        report="si.abo",
        results=(("energy", rf"^ +etotal +{NUMBER}"),),
    ),
    Application(
        "cp2k",
        "CP2K, dynamics of three molecules of water by DFT",
        ("cp2k", "cp2k-data"),
        "cp2k.psmp",
        ("-i", "water.inp"),
        inputs=inputs.cp2k,
        results=(("energy", rf"ENERGY\| Total FORCE_EVAL .*: +{NUMBER}"),),
        timers=(("", rf"^ CP2K +1 +1\.0 .* {NUMBER}$"),),
    ),
    Application(
        "meep",
        "Meep, a pulse in a waveguide, 3-D",
        ("meep-openmpi",),
        "meep",
        ("guide.ctl",),
        inputs=inputs.meep,
        results=(("flux", rf"^flux1:, 0\.15, {NUMBER}"),),
        timers=(("", rf"^Elapsed run time = {NUMBER} s"),),
    ),
    Application(
        "mpb",
        "MPB, bands of a photonic crystal",
        ("mpb-mpi",),
        "mpb-mpi",
        ("diamond.ctl",),
        inputs=inputs.mpb,
        results=(("frequency", rf"^freqs:, 3, .*, {NUMBER}$"),),
        tolerance=1e-5,
    ),
    Application(
        "openfoam",
        "OpenFOAM, icoFoam in a cubic cavity",
        ("openfoam",),
        "icoFoam",
        ("-parallel",),
        inputs=inputs.openfoam,
        data=(inputs.FOAM_PROJECT / "etc",),
        preparation=(("blockMesh",), ("decomposePar",)),
        environment={"WM_PROJECT_DIR": str(inputs.FOAM_PROJECT)},
        results=(
            ("speed", rf"Solving for Ux, Initial residual = {NUMBER}"),
            ("pressure", rf"Solving for p, Initial residual = {NUMBER}"),
            ("iterations", rf"Solving for p,.* No Iterations {NUMBER}"),
        ),
        tolerance=1e-5,
    ),
    Hpcc(
        "hpcc",
        "HPC Challenge: HPL, PTRANS, RandomAccess, FFT",
        ("hpcc",),
        "hpcc",
        inputs=inputs.hpcc,
        report="hpccoutf.txt",
        results=(("Success", rf"^Success={NUMBER}$"),),
        wanted={"Success": 1},
        limits=(
            ("MPIFFT_maxErr", rf"^MPIFFT_maxErr={NUMBER}$", 1e-10),
            ("MPIRandomAccess_Errors", rf"^MPIRandomAccess_Errors={NUMBER}$", 0),
            ("MPIRandomAccess_LCG_Errors", rf"^MPIRandomAccess_LCG_Errors={NUMBER}$", 0),
        ),
        timers=(("", ""), ("HPL", ""), ("RandomAccess", "")),
    ),
    Kernel(
        "petsc",
        "PETSc, heat equation by conjugate gradients",
        ("libpetsc-real-dev", "pkg-config"),
        "petsc.c",
        header="petscksp.h",
        pkg_config="petsc",
        flags=("-lm",),
        results=_own("iterations", "norm"),
        limits=_own_limits(error=1e-7),
        timers=OWN_TIMER,
    ),
    Kernel(
        "hypre",
        "hypre, Poisson's equation by algebraic multigrid",
        ("libhypre-dev",),
        "hypre.c",
        header="HYPRE.h",
        flags=("-I/usr/include/hypre", "-lHYPRE", "-lm"),
        results=_own("iterations", "sum"),
        limits=_own_limits(error=1e-8),
        timers=OWN_TIMER,
    ),
    Kernel(
        "mumps",
        "MUMPS, a sparse system by factorization",
        ("libmumps-dev",),
        "mumps.c",
        header="dmumps_c.h",
        flags=("-ldmumps", "-lm"),
        results=_own("sum"),
        limits=_own_limits(error=1e-9),
        timers=OWN_TIMER,
    ),
    Kernel(
        "scalapack",
        "ScaLAPACK, a dense system and eigenvalues",
        ("libscalapack-openmpi-dev",),
        "scalapack.c",
        header="mpi.h",
        flags=("-lscalapack-openmpi", "-lm"),
        results=_own("sum"),
        limits=_own_limits(error=1e-6, eigenvalue_error=1e-12),
        timers=OWN_TIMER,
    ),
    Kernel(
        "fftw",
        "FFTW, heat equation by 3-D transforms",
        ("libfftw3-mpi-dev",),
        "fftw.c",
        header="fftw3-mpi.h",
        flags=("-lfftw3_mpi", "-lfftw3", "-lm"),
        results=_own("norm"),
        limits=_own_limits(error=1e-10),
        timers=OWN_TIMER,
    ),
    Script(
        "mpi4py",
        "mpi4py and numpy, conjugate gradients",
        ("python3-mpi4py", "python3-numpy"),
        "mpi4py_cg.py",
        modules=("numpy", "mpi4py"),
        results=_own("iterations", "norm"),
        limits=_own_limits(error=1e-6),
        timers=OWN_TIMER,
    ),
)

APPLICATIONS: dict[str, Application] = {application.name: application for application in _TABLE}
