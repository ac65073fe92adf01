# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Medians and paired ratios."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles

# values[round][size]; a round in which the run failed is missing
Values = dict[int, dict[int, float]]


@dataclass(frozen=True)
class Row:
    """segmsg beside one peer at one size."""

    size: int
    own: float  # median over the rounds
    peer: float  # likewise
    ratio: float  # median of the rounds' ratios own / peer
    ratio_min: float
    ratio_max: float
    quartiles: tuple[float, float]  # of the rounds' ratios, the first and the third
    rounds: int  # rounds in which both were measured


def _quartiles(ratios: list[float]) -> tuple[float, float]:
    if len(ratios) == 1:
        return ratios[0], ratios[0]
    first, _, third = quantiles(ratios, n=4, method="inclusive")
    return first, third


def paired(own: Values, peer: Values) -> list[Row]:
    """Compares round by round, so that what slows the machine for a while slows both."""
    rows = []
    sizes = sorted({size for values in own.values() for size in values})
    for size in sizes:
        pairs = [
            (own[number][size], peer[number][size])
            for number in sorted(own)
            if size in own[number] and peer.get(number, {}).get(size, 0) > 0
        ]
        if pairs:
            ratios = [mine / other for mine, other in pairs]
            rows.append(
                Row(
                    size=size,
                    own=median(mine for mine, _ in pairs),
                    peer=median(other for _, other in pairs),
                    ratio=median(ratios),
                    ratio_min=min(ratios),
                    ratio_max=max(ratios),
                    quartiles=_quartiles(ratios),
                    rounds=len(pairs),
                )
            )
    return rows


def medians(values: Values) -> dict[int, float]:
    """The median over the rounds, by size."""
    sizes = sorted({size for of_round in values.values() for size in of_round})
    return {size: median(v[size] for v in values.values() if size in v) for size in sizes}
