# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The library under test: where it lies, which MPI it was built for, and how programs are compiled
with it and started."""

import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import subprocess

import launch  # test/mpi's; test/library/run has put it on the path

HERE = os.path.dirname(os.path.abspath(__file__))
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# C++ bindings of MPI are none of ours, and warn.
CXX_FLAGS = ["-std=c++11", "-O2", "-g", "-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX"]
C_FLAGS = ["-std=gnu11", "-O2", "-g"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"]


class NotFound(Exception):
    """What is to be tested is not there; the text says what and what to do."""


def output_of(command, **more):
    """What a command prints, or "" if it cannot be run or fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                              **more)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode(errors="replace")


def shared_library(prefix):
    """The path of libsegmsg.so below a prefix."""
    for place in ("lib", "lib64", "lib/*-linux-gnu"):
        found = sorted(glob.glob(os.path.join(prefix, place, "libsegmsg.so")))
        if found:
            return found[0]
    raise NotFound(f"there is no libsegmsg.so below {prefix}: make library")


def needed_by(library):
    """The names of the libraries that a library needs."""
    return re.findall(r"NEEDED.*\[(.*)\]", output_of(["readelf", "-d", library]))


def mpi_of(needed):
    """Which MPI a library with these needs was built for."""
    for name in needed:
        if re.match(r"libmpich|libmpi\.so\.12", name):
            return "mpich"
        if re.match(r"libmpi\.so", name):
            return "openmpi"
    raise NotFound("the library needs no MPI that is known here")


def kind_of(wrapper):
    """Which MPI a compiler wrapper is of."""
    if "Open MPI" in output_of([wrapper, "--showme:version"]):
        return "openmpi"
    return "mpich" if "mpich" in output_of([wrapper, "-show"]).lower() else ""


def wrapper_for(mpi, wanted):
    """The compiler wrapper of this MPI; one that is named must be of it."""
    candidates = [wanted] if wanted else [f"mpicc.{mpi}", "mpicc"]
    for name in candidates:
        path = shutil.which(name)
        if path and kind_of(path) == mpi:
            return path
    raise NotFound(f"the library was built for {mpi}, and {' or '.join(candidates)} is not of it")


def launcher_for(mpi, mpicc):
    """The mpirun that goes with a compiler wrapper: beside it, and with its suffix."""
    folder, suffix = os.path.dirname(mpicc), os.path.splitext(mpicc)[1]
    names = [f"mpirun{suffix}", "mpirun"] if mpi == "openmpi" else \
        [f"mpiexec{suffix}", f"mpirun{suffix}", "mpiexec.hydra", "mpiexec"]
    for name in names:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            said = output_of([path, "--version"])
            if (mpi == "openmpi") == bool(re.search(r"Open ?(MPI|RTE)", said)):
                return path
    raise NotFound(f"no mpirun beside {mpicc}")


class Installation:
    """A library, installed below a prefix; a build folder is one too."""

    def __init__(self, prefix, mpicc=None, env=None):
        self.env = dict(os.environ if env is None else env)
        self.prefix = os.path.abspath(prefix)
        self.library = shared_library(self.prefix)
        needed = needed_by(self.library)
        self.mpi = mpi_of(needed)
        self.sanitized = any(name.startswith("libasan") for name in needed)
        said = os.path.join(self.prefix, "env")
        if os.path.exists(said) and not mpicc:
            mpicc = launch.source_env(said)["SEGMSG_MPICC"]
        self.mpicc = wrapper_for(self.mpi, mpicc)
        self.mpirun = launcher_for(self.mpi, self.mpicc)
        self.cxx = shlex.split(self.env.get("CXX", "g++"))
        self.has_cxx = bool(shutil.which(self.cxx[0]))
        self.flags, self.link = self._pkg_config()
        self.header = os.path.join(next(flag[2:] for flag in self.flags if flag.startswith("-I")),
                                   "segmsg.h")

    def _pkg_config(self):
        """Flags to compile and to link with, MPI's among them."""
        where = os.path.dirname(self.library)
        env = {**self.env, "PKG_CONFIG_PATH": os.path.join(where, "pkgconfig")}
        flags, link = (output_of(["pkg-config", f"--{what}", "segmsg"], env=env)
                       for what in ("cflags", "libs"))
        if "-lsegmsg" not in link or "-I" not in flags:
            raise NotFound(f"pkg-config does not find segmsg in {where}/pkgconfig: {flags}{link}")
        return shlex.split(flags), [f"-Wl,-rpath,{where}"] + shlex.split(link)

    def compile(self, sources, into):
        """Compile a program of each source that is newer; {name: what the compiler says} of those
        that do not compile."""
        os.makedirs(into, exist_ok=True)
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            said = pool.map(lambda source: self._compile_one(source, into), sources)
        names = (os.path.splitext(os.path.basename(source))[0] for source in sources)
        return {name: text for name, text in zip(names, said) if text}

    def _compile_one(self, source, into):
        program = os.path.join(into, os.path.splitext(os.path.basename(source))[0])
        parts = [source, self.header, self.library] + glob.glob(os.path.join(HERE, "*.h")) \
            + glob.glob(os.path.join(launch.HERE, "*.h"))
        if os.path.exists(program) and launch.newest([program]) > launch.newest(parts):
            return ""
        command = self.compiler(source.endswith(".cc")) + ["-o", program, source] + self.link \
            + ["-rdynamic", "-lpthread", "-lm"]
        done = subprocess.run(command, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        return done.stdout.decode(errors="replace") if done.returncode else ""

    def compiler(self, plus_plus=False):
        """The command that compiles against the library: MPI's wrapper, or for C++ the compiler
        itself, which needs no more than pkg-config says."""
        flags = WARNINGS + (SANITIZE if self.sanitized else []) + self.flags
        if plus_plus:
            return self.cxx + CXX_FLAGS + flags
        return [self.mpicc] + C_FLAGS + flags

    def command(self, ranks, words, short_of_shm=False, outlives=False):
        """The command line of a job. Where /dev/shm is to be short, Open MPI must do without it for
        its own messages: it takes memory that it does not have. If the job outlives its ranks, the
        others go on when one is killed."""
        command = [self.mpirun, "-n", str(ranks)]
        if self.mpi == "openmpi":
            command += ["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        if self.mpi == "openmpi" and short_of_shm:
            for transport in ("vader", "sm"):  # the one of 4.1, and that of 5.0
                command += ["--mca", f"btl_{transport}_backing_directory", "/tmp"]
        if outlives:
            command += ["--enable-recovery"] if self.mpi == "openmpi" else ["-disable-auto-cleanup"]
        return command + list(words)

    def environment(self, session):
        """What a job finds in its environment; session is a folder for its files."""
        env = {name: value for name, value in self.env.items() if not name.startswith("SEGMSG_")}
        env = {**launch.mpi_environment(env), "TMPDIR": session}
        if self.sanitized:
            # Leaks are not looked for: MPI has its own at exit. What is freed is not kept for
            # long, so that memory can be seen to be freed.
            env["ASAN_OPTIONS"] = "detect_leaks=0:exitcode=99:quarantine_size_mb=1" \
                ":thread_local_quarantine_size_kb=64"
            env["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
            env["SEGMSG_TEST_SANITIZED"] = "1"
        return env
