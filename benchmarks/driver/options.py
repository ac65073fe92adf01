# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the command lines of the drivers have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from .mpi import Installation, Unavailable, find_component_dir, find_openmpi


def size(text: str) -> int:
    """A number with an optional K, M or G."""
    shift = {"K": 10, "M": 20, "G": 30}.get(text[-1:].upper(), 0)
    digits = text[:-1] if shift else text
    if not digits.isascii() or not digits.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is not a size")
    return int(digits) << shift


def sizes(text: str) -> tuple[int, ...]:
    """Sizes separated by commas."""
    return tuple(sorted({size(word) for word in text.split(",")}))


def names(text: str) -> list[str]:
    """Names separated by commas."""
    return [word for word in text.split(",") if word]


def paths(text: str) -> list[Path]:
    """File names separated by commas."""
    return [Path(word) for word in text.split(",") if word]


def positive(text: str) -> int:
    """A number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return int(text)


def counts(text: str) -> list[int | None]:
    """Numbers above 0 separated by commas."""
    return [positive(word) for word in text.split(",")]


def find_installation(arguments: argparse.Namespace, build: Path) -> Installation:
    """The Open MPI under test and the component to test: --component-dir, else what was built."""
    openmpi = find_openmpi(arguments.mpirun, tuple(arguments.mpirun_arg))
    component_dir = arguments.component_dir
    if component_dir is None:
        component_dir = find_component_dir(build, openmpi.version)
    elif not component_dir.is_dir():
        # Open MPI would stop looking for components there, and find none at all.
        raise Unavailable(f"--component-dir {component_dir} is not a folder")
    return Installation(
        openmpi,
        empty_dir=arguments.build_dir.resolve() / "no-components",
        component_dir=component_dir.resolve() if component_dir else None,
    )
