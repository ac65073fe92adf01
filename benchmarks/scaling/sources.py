# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Sizes, limits and defaults, as the C sources have them: nothing here is written down twice."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent.parent / "src"

# What a process keeps of these types, by the name that tables give them.
TYPES = {
    "endpoint": "sizeof(mca_btl_segmsg_endpoint_t)",
    "link": "sizeof(mca_btl_segmsg_link_t)",
    "target slot": "sizeof(segmsg_target_slot_t)",
    "control message": "sizeof(segmsg_control_message_t)",
    "modex head": "sizeof(mca_btl_segmsg_modex_t)",
    "modex descriptor": "sizeof(segmsg_shm_descriptor_t)",
    "modex of a rail": "sizeof(mca_btl_segmsg_net_modex_t)",
}


class Missing(Exception):
    """Something was not found where the sources had it when this was written."""


def find(path: str, pattern: str) -> str:
    """What the only group of `pattern` matches in a source."""
    match = re.search(pattern, (SRC / path).read_text(encoding="utf-8"), re.DOTALL)
    if match is None:
        raise Missing(f"src/{path} has nothing like {pattern}")
    return match.group(1)


def number(path: str, name: str) -> int:
    """The value of an enumerator or of a default that is a plain number."""
    return int(find(path, rf"\b{re.escape(name)} = (\d+)\b"))


@dataclass(frozen=True)
class Group:
    """A segment group: SIZE:COUNT:SPAN."""

    index: int
    size: int
    count: int
    span: int


@dataclass(frozen=True)
class Shape:
    """Geometry and limits between hosts."""

    groups: tuple[Group, ...]
    memory_mb: int
    line: int
    page: int
    tables_offset: int
    entries_a_mb: int
    segments_most: int
    header: int
    joints: int
    reserve_share: int
    ask_again: int
    recall_returns: bool  # whoever is recalled is told at once of what was returned

    def pages(self, size: int) -> int:
        """Rounded up to whole pages."""
        return -(-size // self.page) * self.page

    def lines(self, size: int) -> int:
        """Rounded up to whole cache lines."""
        return -(-size // self.line) * self.line

    def target(self, group: Group) -> int:
        """Bytes of a target segment: segmsg_segment_bytes, in pages."""
        directory = 0 if group.index == 0 else self.lines(2 * group.count)
        return self.pages(self.line + directory + group.size * group.count)

    def source(self, group: Group) -> int:
        """Bytes of a source segment: segmsg_source_bytes, in pages, as it is aligned to one."""
        return self.pages(self.lines(2 * group.count) + group.size * group.count)

    def carries(self, group: Group) -> int:
        """Longest message: segmsg_wire_capacity."""
        return group.size * group.span - self.header

    def fits(self, length: int) -> int:
        """Index of the group that a message takes."""
        return next(g.index for g in self.groups if self.carries(g) >= length)

    @property
    def entries(self) -> int:
        """Segments that a process can have at one time."""
        return min(self.segments_most, self.memory_mb * self.entries_a_mb)

    @property
    def one_sender(self) -> int:
        """Bytes of a segment of every group."""
        return sum(self.target(group) for group in self.groups)

    @property
    def arena(self) -> int:
        """Bytes for target segments: whole senders, at least one."""
        return max(1, (self.memory_mb << 20) // self.one_sender) * self.one_sender

    @property
    def export(self) -> int:
        """Bytes of the whole file: segmsg_export_bytes_for."""
        stride = 2 * self.line
        tables = self.pages(self.tables_offset + self.entries * stride)
        return tables + self.joints + self.arena

    @property
    def reserve(self) -> int:
        """Bytes of the arena that groups above group 0 leave to it."""
        return self.arena // self.reserve_share

    def granted(self, senders: int, wanted: list[int]) -> dict[int, int]:
        """How many segments of each group `senders` have, if group 0 comes first."""
        have: dict[int, int] = {}
        left, entries = self.arena, self.entries
        for index in sorted(wanted):
            kept = 0 if index == 0 else self.reserve + self.page
            size = self.target(self.groups[index])
            have[index] = max(0, min(senders, entries, (left - kept) // size))
            left -= have[index] * size
            entries -= have[index]
        return have


def shape(groups: str | None, memory_mb: int | None) -> Shape:
    """Geometry and limits, by default those of the sources."""
    net = "btl/net/btl_segmsg_net.c"
    params, texts = "btl/btl_segmsg_params.def", "btl/btl_segmsg_config.h"
    layout, wire = "queue/layout.h", "rma/wire.h"
    text = groups or find(texts, r'#define SEGMSG_DEFAULT_HOSTS_GROUPS "([^"]+)"')
    parsed = []
    for index, group in enumerate(text.split(",")):
        size, count, span = group.split(":")
        shift = {"K": 10, "M": 20}.get(size[-1], 0)
        parsed.append(Group(index, int(size.rstrip("KM")) << shift, int(count), int(span)))
    recall = find("btl/net/btl_segmsg_net_control.c", r"static void recall\((.*?)\n}")
    return Shape(
        groups=tuple(parsed),
        memory_mb=memory_mb or int(find(params, r"\bofi_memory_mb, (\d+),")),
        line=number("base/line.h", "SEGMSG_LINE"),
        page=number(layout, "SEGMSG_PAGE"),
        tables_offset=number(layout, "SEGMSG_TABLES_OFFSET"),
        entries_a_mb=int(find(net, r"config->ofi_memory_mb \* (\d+)")),
        segments_most=number(wire, "SEGMSG_WIRE_SEGMENTS"),
        header=number(wire, "SEGMSG_WIRE_HEADER_BYTES"),
        joints=number(layout, "SEGMSG_PAGE"),  # SEGMSG_JOINTS are defined to fill one
        reserve_share=int(
            find("btl/net/btl_segmsg_net_control.c", r"export_bytes - shape->arena\) / (\d+)")
        ),
        ask_again=number("rma/source.c", "ASK_AGAIN"),
        recall_returns="mca_btl_segmsg_link_return(" in recall,
    )


def build_flags(build: Path) -> list[str] | None:
    """Flags with which a build compiles the BTL; None unless it has libfabric."""
    makefile = build / "obj" / "Makefile"
    if not makefile.is_file():
        return None
    match = re.search(r"^btl_segmsg_CPPFLAGS = (.*)$", makefile.read_text(), re.MULTILINE)
    flags = match.group(1).split() if match else []
    return flags if "-DSEGMSG_HAVE_OFI=1" in flags else None


def sizes_of_build(build: Path) -> dict[str, int] | None:
    """Sizes of TYPES as the compiler has them, from its assembly: nothing is linked or run."""
    flags = build_flags(build)
    if flags is None:
        return None
    lines = [
        f'__asm__ volatile("# SIZE {name} = %c0" ::"i"({value}));' for name, value in TYPES.items()
    ]
    headers = '#include "btl/net/btl_segmsg_net.h"\n#include "memory/shm.h"\n'
    program = headers + "void sizes(void)\n{\n" + "\n".join(lines) + "\n}\n"
    done = subprocess.run(
        ["cc", "-std=gnu11", "-O0", f"-I{SRC}", *flags, "-S", "-x", "c", "-", "-o", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Missing(f"sizes could not be compiled:\n{done.stderr}")
    return {name: int(value) for name, value in re.findall(r"# SIZE (.*) = (\d+)", done.stdout)}
