# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Pictures, by gnuplot: a column per test, the values above, the ratios below; or the ratios of
things with names, one below the other."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

from .mpi import Unavailable
from .rounds import Result
from .statistics import Row
from .tests import size_label

# Okabe and Ito's colours, which differ for colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
TERMINALS = {
    ".svg": "svg size {width},{height} font 'sans-serif,13' background 'white'",
    ".png": "pngcairo size {width},{height} font 'sans,11' background 'white'",
}
PANEL_WIDTH = 640
WIDTH_MIN = 860
HEIGHT = 860
# Of a picture of ratios: what each row adds, and what the rest takes.
ROW_HEIGHT = 30
ROWS_BESIDE = 130
# Size 0 has no place on a logarithmic axis; it is drawn where one half would be.
ZERO_AT = 0.5
TICS_MAX = 9
# Ratios up to here are drawn on a linear axis from 0, larger ones on a logarithmic one.
RATIO_LINEAR_MAX = 4


def check(files: list[Path]) -> None:
    """Raises Unavailable, before anything is measured, if the pictures could not be made."""
    for file in files:
        if file.suffix not in TERMINALS:
            raise Unavailable(f"{file}: a picture's name ends with {' or '.join(TERMINALS)}")
    if files and not shutil.which("gnuplot"):
        raise Unavailable("gnuplot is not installed (package gnuplot-nox)")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _x(size: int) -> float:
    return size if size > 0 else ZERO_AT


def _tics(sizes: list[int]) -> str:
    """Marks at powers of two, evenly apart, and at 0 if it is among the sizes."""
    positive = [size for size in sizes if size > 0]
    labels = ["'0' 0.5"] if 0 in sizes else []
    if positive:
        first = math.floor(math.log2(min(positive)))
        last = math.ceil(math.log2(max(positive)))
        step = max(1, math.ceil((last - first + 1) / TICS_MAX))
        labels += [
            f"'{size_label(1 << power)}' {1 << power}" for power in range(first, last + 1, step)
        ]
    return f"({', '.join(labels)})"


def _x_axis(sizes: list[int]) -> list[str]:
    low, high = _x(min(sizes)), _x(max(sizes))
    return [
        "set logscale x 2",
        f"set xrange [{low / 1.4:g}:{high * 1.4:g}]",
        f"set xtics {_tics(sizes)}",
    ]


def _x_meaning(result: Result) -> str:
    return "message size in bytes" if result.test.x_label == "bytes" else result.test.x_label


def _block(name: str, lines: list[str]) -> list[str]:
    return [f"${name} << END", *lines, "END"]


def _value_panel(result: Result, number: int) -> list[str]:
    script = []
    curves = []
    for index, transport in enumerate((result.own, *result.peers)):
        medians = result.medians(transport)
        if not medians:
            continue
        name = f"value_{number}_{index}"
        script += _block(name, [f"{_x(size)} {value}" for size, value in medians.items()])
        colour = COLOURS[index % len(COLOURS)]
        curves.append(
            f"${name} with linespoints lw 2 pt {5 + index} ps 0.7 lc rgb '{colour}' "
            f"title {_quoted(transport.name)}"
        )
    script += [
        "set logscale y 10",
        "set yrange [*:*]",
        "set format y '%.10g'",
        f"set ylabel {_quoted(result.test.unit)}",
        f"set title {_quoted(f'{result.test.title}, by {_x_meaning(result)}')} offset 0,-0.5",
        "plot " + ", ".join(curves),
    ]
    return script


def _ratio_axis(medians: list[float]) -> list[str]:
    """Room for the medians and not for every spread: one disturbed round must not flatten them."""
    top = max(medians)
    if top <= RATIO_LINEAR_MAX:
        return ["unset logscale y", f"set yrange [0:{1.35 * top:.3g}]", "set format y '%.2f'"]
    low = min(medians) / 1.5
    return ["set logscale y 2", f"set yrange [{low:.3g}:{1.5 * top:.3g}]", "set format y '%.3g'"]


def _ratio_panel(result: Result, number: int) -> list[str]:
    script = []
    curves = ["1 with lines lw 1 dt 2 lc rgb '#555555' notitle"]
    medians = [1.0]
    for index, peer in enumerate(result.peers, start=1):
        rows = result.rows(peer)
        if not rows:
            continue
        name = f"ratio_{number}_{index}"
        script += _block(
            name,
            [f"{_x(row.size)} {row.ratio} {row.ratio_min} {row.ratio_max}" for row in rows],
        )
        medians += [row.ratio for row in rows]
        colour = COLOURS[index % len(COLOURS)]
        curves.append(
            f"${name} with yerrorlines lw 1.5 pt {5 + index} ps 0.7 lc rgb '{colour}' "
            f"title {_quoted(f'{result.own.name} / {peer.name}')}"
        )
    ahead = "below" if result.test.lower_is_better else "above"
    script += _ratio_axis(medians)
    script += [
        "set ylabel 'ratio'",
        f"set title {_quoted(f'{result.own.name} is ahead {ahead} 1')} offset 0,-0.5",
        "plot " + ", ".join(curves),
    ]
    return script


def _script(results: list[Result], title: str, file: Path) -> str:
    width = max(WIDTH_MIN, PANEL_WIDTH * len(results))
    terminal = TERMINALS[file.suffix].format(width=width, height=HEIGHT)
    script = [
        f"set terminal {terminal}",
        f"set output {_quoted(str(file))}",
        "set termoption noenhanced",
        "set grid lc rgb '#bbbbbb' lw 1 dt 3",
        "set lmargin 10",
        "set border 3 lc rgb '#555555'",
        "set tics nomirror",
        "set key outside bottom center horizontal",
        f"set multiplot layout 2,{len(results)} columnsfirst title {_quoted(title)} font ',15'",
    ]
    for number, result in enumerate(results):
        sizes = list(result.medians(result.own))
        script += _x_axis(sizes)
        script += _value_panel(result, number)
        script += _ratio_panel(result, number)
    script.append("unset multiplot")
    return "\n".join(script) + "\n"


def _x_axis_is_there(result: Result) -> bool:
    keys = list(result.medians(result.own))
    return bool(keys) and not result.test.row_name(keys[0])


def _ratio_script(rows: list[tuple[str, Row]], title: str, axis: str, file: Path) -> str:
    height = ROWS_BESIDE + ROW_HEIGHT * len(rows)
    points = []
    tics = []
    spread = [1.0]
    for place, (label, row) in enumerate(reversed(rows), start=1):
        points.append(f"{row.ratio} {place} {row.quartiles[0]} {row.quartiles[1]}")
        tics.append(f"{_quoted(label)} {place}")
        spread += [row.ratio, *row.quartiles]
    script = [
        f"set terminal {TERMINALS[file.suffix].format(width=WIDTH_MIN, height=height)}",
        f"set output {_quoted(str(file))}",
        "set termoption noenhanced",
        "set grid x lc rgb '#bbbbbb' lw 1 dt 3",
        "set border 3 lc rgb '#555555'",
        "set tics nomirror",
        "unset key",
        f"set ytics ({', '.join(tics)})",
        f"set yrange [0.4:{len(rows) + 0.6}]",
        f"set xrange [{0.97 * min(spread):.3f}:{1.03 * max(spread):.3f}]",
        "set format x '%.2f'",
        f"set xlabel {_quoted(axis)}",
        f"set title {_quoted(title)}",
        f"set arrow from 1,0.4 to 1,{len(rows) + 0.6} nohead lw 1 dt 2 lc rgb '#555555'",
        *_block("ratios", points),
        f"plot $ratios using 1:2:3:4 with xerrorbars lw 2 pt 7 ps 1 lc rgb '{COLOURS[0]}'",
    ]
    return "\n".join(script) + "\n"


def draw_ratios(rows: list[tuple[str, Row]], title: str, axis: str, files: list[Path]) -> None:
    """Writes pictures with a line for each name: the ratio and its quartiles."""
    for file in files if rows else []:
        _gnuplot(_ratio_script(rows, title, axis, file), file)


def draw(results: list[Result], title: str, files: list[Path]) -> None:
    """Writes the pictures; results without values, or whose rows are no numbers, are left out."""
    drawable = [result for result in results if _x_axis_is_there(result)]
    if not drawable:
        return
    for file in files:
        _gnuplot(_script(drawable, title, file), file)


def _gnuplot(script: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    outcome = subprocess.run(
        ["gnuplot"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        raise Unavailable(f"gnuplot could not draw {file}:\n{outcome.stdout}")
