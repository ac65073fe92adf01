# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Tables for people and CSV for programs."""

from __future__ import annotations

import csv
from typing import TextIO

from .rounds import Result
from .statistics import Row
from .tests import Test, size_label

CSV_COLUMNS = (
    "test",
    "bytes",
    "peer",
    "segmsg",
    "peer_value",
    "ratio",
    "ratio_min",
    "ratio_max",
    "quartile_1",
    "quartile_3",
    "rounds",
    "ranks",
)


def row_label(test: Test, key: int) -> str:
    """What stands in a row's first column."""
    return test.row_name(key) or size_label(key)


def value_label(value: float) -> str:
    """Three or more significant digits, and no more decimals than tell something."""
    return f"{value:.3f}" if value < 10 else f"{value:.2f}" if value < 1000 else f"{value:.0f}"


def better_line(result: Result) -> str:
    """Which way is better, for the values and for the ratio."""
    own = result.own.name
    if result.test.lower_is_better:
        return f"{result.test.unit}, lower is better; a ratio below 1: {own} is ahead"
    return f"{result.test.unit}, higher is better; a ratio above 1: {own} is ahead"


def _cells(test: Test, size: int, own: str, rows: dict[str, dict[int, Row]]) -> list[str]:
    cells = [row_label(test, size), own]
    for by_size in rows.values():
        row = by_size.get(size)
        if row is None:
            cells += ["-", "-", "-"]
        else:
            low, high = row.quartiles
            spread = f"[{row.ratio_min:.2f} {low:.2f} .. {high:.2f} {row.ratio_max:.2f}]"
            cells += [value_label(row.peer), f"{row.ratio:.2f}", spread]
    return cells


def table(result: Result) -> str:
    """A row per size: segmsg's median, then each peer's median, ratio and the ratio's spread
    (least, first and third quartile, most)."""
    rows = {peer.name: {row.size: row for row in result.rows(peer)} for peer in result.peers}
    head = [result.test.x_label, result.own.name]
    for name in rows:
        head += [name, "ratio", "[min q1 .. q3 max]"]
    own = result.medians(result.own)
    lines = [head] + [_cells(result.test, size, value_label(own[size]), rows) for size in own]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    mpis = dict.fromkeys(transport.mpi.title for transport in (result.own, *result.peers))
    text = [
        f"{result.test.title} ({result.test.name}), {result.ranks} ranks, "
        f"{result.rounds} rounds, {' and '.join(mpis)}",
        better_line(result),
    ]
    for line in lines:
        text.append(_joined(line, widths))
    return "\n".join(text) + "\n"


def joint_table(results: list[Result]) -> str:
    """One table of several tests against the same single peer; a line of text starts each test."""
    blocks = []
    head: list[str] = []
    for result in results:
        for peer in result.peers:
            head = ["bytes", result.own.name, peer.name, "ratio", "[min q1 .. q3 max]"]
            lines = [
                _cells(result.test, row.size, value_label(row.own), {peer.name: {row.size: row}})
                for row in result.rows(peer)
            ]
            better = "lower" if result.test.lower_is_better else "higher"
            blocks.append((f"{result.test.title}, {result.test.unit}, {better} is better", lines))
    if not blocks:
        return "nothing was measured\n"
    all_lines = [head] + [line for _, lines in blocks for line in lines]
    widths = [max(len(line[column]) for line in all_lines) for column in range(len(head))]
    text = [_joined(head, widths)]
    for title, lines in blocks:
        text += [f"-- {title}", *(_joined(line, widths) for line in lines)]
    return "\n".join(text) + "\n"


def _joined(cells: list[str], widths: list[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths))


def write_csv(results: list[Result], file: TextIO) -> None:
    """A line per test, size and peer."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for result in results:
        for peer in result.peers:
            for row in result.rows(peer):
                writer.writerow(
                    [
                        result.test.name,
                        result.test.row_name(row.size) or row.size,
                        peer.name,
                        f"{row.own:.4f}",
                        f"{row.peer:.4f}",
                        f"{row.ratio:.4f}",
                        f"{row.ratio_min:.4f}",
                        f"{row.ratio_max:.4f}",
                        f"{row.quartiles[0]:.4f}",
                        f"{row.quartiles[1]:.4f}",
                        row.rounds,
                        result.ranks,
                    ]
                )
