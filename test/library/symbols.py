# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Checks of the library's file and header, which run nothing. Each returns what is wrong, or ""."""

import os
import re
import subprocess
import tempfile

import installation

INCLUDES_IT = """
#include <segmsg.h>
#include <segmsg.h>
typedef segmsg_result_t (*opens_t)(MPI_Comm, const segmsg_options_t *, segmsg_t **);
struct calls { opens_t segmsg_open; };
int main(void)
{
    struct calls calls = {&segmsg_open};
    return calls.segmsg_open == segmsg_open ? 0 : 1;
}
"""


def name_of(check):
    return f"symbols: {check.__name__}"


def declared(header):
    """The functions that the header declares."""
    with open(header, encoding="utf-8") as text:
        return set(re.findall(r"^SEGMSG_API[^(;]*?\b(\w+)\(", text.read(), re.MULTILINE))


def symbols_of(path, *options):
    """{name: type} of a file's dynamic symbols, without their versions."""
    lines = installation.output_of(["nm", "-D", *options, path]).splitlines()
    words = [line.split()[-2:] for line in lines if len(line.split()) > 1]
    return {name.split("@")[0]: kind for kind, name in words if kind != "A"}


def differences(what, wanted, found):
    text = "".join(f"{name} is missing\n" for name in sorted(wanted - found))
    return text + "".join(f"{name} is {what}\n" for name in sorted(found - wanted))


def what_the_header_declares_is_exported_and_nothing_else(installed, _programs):
    """Its own names, but for segmsg_open, which names the family of the MPI."""
    wanted = {f"{name}_{installed.mpi}" if name == "segmsg_open" else name
              for name in declared(installed.header)}
    if len(wanted) < 20:
        return f"only {len(wanted)} functions found in {installed.header}"
    exported = set(symbols_of(installed.library, "--defined-only"))
    # What the sanitizers put into every object.
    exported = {name for name in exported if not re.match(r"__(odr_)?[au]san", name)}
    return differences("exported but not declared", wanted, exported)


def every_call_of_mpi_is_watched(installed, programs):
    """What quiet.c and mpi_fails.c say is about all calls of MPI that the library can make."""
    called = {name for name in symbols_of(installed.library, "--undefined-only")
              if re.match(r"P?MPI_", name)}
    watched = set(symbols_of(os.path.join(programs, "quiet"), "--defined-only"))
    if not called:
        return "the library does not call MPI at all"
    return "".join(f"{name} is called, but is not in watched.h\n"
                   for name in sorted(called - watched))


def programs_need_the_library_alone(installed, _programs):
    """Nothing that is not in MPI, the C library or the compiler's."""
    strange = [name for name in installation.needed_by(installed.library)
               if not re.match(r"(libmpi|libmpich|libc|libm|libpthread|librt|libdl|libatomic|libgcc_s|"
                               r"libasan|libubsan|libtsan|ld-linux)[-.\w]*\.so", name)]
    return "".join(f"the library needs {name}\n" for name in strange)


def the_header_is_c99_and_cplusplus(installed, _programs):
    """By itself, twice, and with every warning; in C++ where there is a compiler for it. What it
    declares has an address."""
    said = "".join(compile_header(installed, False, standard) for standard in ("c99", "c11"))
    for standard in ("c++11", "c++17") if installed.has_cxx else ():
        said += compile_header(installed, True, standard)
    return said


def compile_header(installed, plus_plus, standard):
    command = installed.compiler(plus_plus) + [f"-std={standard}", "-pedantic", "-Wshadow",
                                               "-fsyntax-only"]
    with tempfile.NamedTemporaryFile("w", suffix=".cc" if plus_plus else ".c") as source:
        source.write(INCLUDES_IT)
        source.flush()
        done = subprocess.run(command + [source.name], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
    return f"{standard}:\n{done.stdout.decode(errors='replace')}" if done.returncode else ""


CHECKS = [what_the_header_declares_is_exported_and_nothing_else, every_call_of_mpi_is_watched,
          programs_need_the_library_alone, the_header_is_c99_and_cplusplus]
