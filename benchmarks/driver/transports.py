# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The transports that can be compared, by name.

Names may carry MCA parameters of their own: `segmsg+btl_segmsg_eager_limit=8192` is segmsg with
that parameter, so that a setting can be compared with the default or with another.

Any name may end with `-forbidden`: the transport where the kernel forbids its single copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable

from .mpi import Installation, Mpi, Unavailable, find_fi_pingpong, find_mpich

# What "stock" stands for: Open MPI's own shared-memory transport.
STOCK = {4: "vader", 5: "sm"}
FORBIDDEN = "-forbidden"


@dataclass(frozen=True)
class Transport:
    """A way for messages to go, as a job is started with it."""

    name: str
    mpi: Mpi
    mca: tuple[tuple[str, str], ...]  # MCA parameters; none for MPICH
    onesided_mca: tuple[tuple[str, str], ...]  # the same, only for the one-sided tests
    environment: tuple[tuple[str, str], ...]
    onesided_fault: str = ""  # why one-sided tests cannot be run; empty: they can
    forbidden: bool = False  # a seccomp filter forbids the kernel's copy to all ranks

    def arguments(self, onesided: bool) -> list[str]:
        """Launcher arguments that select the transport."""
        parameters = self.mca + (self.onesided_mca if onesided else ())
        return [word for key, value in parameters for word in ("--mca", key, value)]


def _require(installation: Installation, component: str, *, segmsg_path: bool = False) -> None:
    if not installation.has_component(component, segmsg_path=segmsg_path):
        framework, name = component.split(":")
        raise Unavailable(
            f"{installation.openmpi.title} has no {framework} component {name}"
            + (
                "; make builds it, or --component-dir says where it is"
                if name == "segmsg" and installation.component_dir is None
                else f" in {installation.component_dir}" if name == "segmsg" else ""
            )
        )


def _btl(
    installation: Installation,
    name: str,
    btl: str,
    *extra: tuple[str, str],
    osc: str = "rdma",
) -> Transport:
    """Open MPI's pml ob1 on one BTL. One-sided operations go by osc/rdma, which uses the BTL; 4.1
    has osc/pt2pt for the BTLs that osc/rdma declines."""
    ours = btl == "segmsg"
    _require(installation, f"btl:{btl}", segmsg_path=ours)
    return Transport(
        name=name,
        mpi=installation.openmpi,
        mca=(("pml", "ob1"), ("btl", f"{btl},self"), *extra),
        onesided_mca=(("osc", osc),),
        environment=tuple(installation.segmsg_environment.items()) if ours else (),
    )


def _stock(installation: Installation, name: str, wanted: str, nocopy: bool) -> Transport:
    here = STOCK[min(max(installation.openmpi.major, 4), 5)]
    if installation.openmpi.hosts:
        raise Unavailable("shared memory does not reach from host to host")
    if wanted not in (here, "stock"):
        raise Unavailable(f"{installation.openmpi.title} calls it {here}")
    if not nocopy:
        # osc/rdma tries vader's put again and again where the kernel forbids it.
        forbidden = name.split("+")[0].endswith(FORBIDDEN)
        osc = "pt2pt" if forbidden and here == "vader" else "rdma"
        return _btl(installation, name, here, osc=osc)
    if here == "vader":
        # Without kernel copies vader has no put and get, which osc/rdma needs.
        parameter = ("btl_vader_single_copy_mechanism", "none")
        return _btl(installation, name, here, parameter, osc="pt2pt")
    # smsc is the framework that all of 5.0 gets its kernel copies from; none is left.
    return _btl(installation, name, here, ("smsc", "^cma,xpmem,knem"))


def _segmsg(installation: Installation, name: str, nocopy: bool) -> Transport:
    extra = [("btl_segmsg_single_copy", "none")] if nocopy else []
    return _btl(installation, name, "segmsg", *extra)


def _ucx(installation: Installation, name: str) -> Transport:
    _require(installation, "pml:ucx")
    return Transport(
        name=name,
        mpi=installation.openmpi,
        # Naming pml/ucx overrules a configuration file that excludes it; the other two make it
        # accept a machine without InfiniBand, where it would leave the job to ob1.
        mca=(
            ("pml", "ucx"),
            ("pml_ucx_tls", "any"),
            ("pml_ucx_devices", "any"),
            ("btl", "self"),
        ),
        onesided_mca=(("osc", "ucx"),),
        environment=(),
    )


def _tcp(installation: Installation, name: str) -> Transport:
    if installation.openmpi.major < 5:
        return _btl(installation, name, "tcp", osc="pt2pt")
    if installation.openmpi.hosts:
        return _btl(installation, name, "tcp")
    # 5.0 may find no route from an interface to itself, and then no way to a process of the same
    # node. Between nodes: tcp+btl_tcp_if_include=eth0
    return _btl(installation, name, "tcp", ("btl_tcp_if_include", "lo"))


def _mtl_ofi(installation: Installation, name: str) -> Transport:
    _require(installation, "mtl:ofi")
    mca = [("pml", "cm"), ("mtl", "ofi"), ("btl", "self")]
    if installation.openmpi.major >= 5:
        # The default without "tcp", which libfabric 2 offers directly and libfabric prefers last.
        mca.append(("mtl_ofi_provider_exclude", "shm,sockets,udp,rstream,usnic,net"))
    has_pt2pt = installation.has_component("osc:pt2pt")
    return Transport(
        name=name,
        mpi=installation.openmpi,
        mca=tuple(mca),
        onesided_mca=(("osc", "pt2pt"),),
        environment=(),
        onesided_fault="" if has_pt2pt else "its one-sided operations would not use the MTL",
    )


def _btl_ofi(installation: Installation, name: str) -> Transport:
    """It is made for one-sided operations; its mode lets it carry messages too. On other providers
    than these it finds no way to its peers or does not end."""
    if not installation.openmpi.hosts:
        raise Unavailable("runs between test hosts (--hosts)")
    if installation.openmpi.major < 5:
        return _btl(installation, name, "ofi", ("btl_ofi_mode", "2"))
    provider = ("opal_common_ofi_provider_include", "tcp")
    return _btl(installation, name, "ofi", ("btl_ofi_mode", "1"), provider)


def _fi_pingpong(_installation: Installation, name: str) -> Transport:
    mpi = find_fi_pingpong("tcp;ofi_rxm")
    return Transport(name=name, mpi=mpi, mca=(), onesided_mca=(), environment=())


def _mpich(_installation: Installation, name: str) -> Transport:
    return Transport(name=name, mpi=find_mpich(), mca=(), onesided_mca=(), environment=())


TRANSPORTS: dict[str, tuple[str, Callable[[Installation, str], Transport]]] = {
    "segmsg": ("this project's BTL", lambda i, n: _segmsg(i, n, False)),
    "segmsg-nocopy": ("the same without kernel single copy", lambda i, n: _segmsg(i, n, True)),
    "vader": ("Open MPI 4's shared memory", lambda i, n: _stock(i, n, "vader", False)),
    "vader-nocopy": (
        "the same without kernel single copy",
        lambda i, n: _stock(i, n, "vader", True),
    ),
    "sm": ("Open MPI 5's shared memory", lambda i, n: _stock(i, n, "sm", False)),
    "sm-nocopy": ("the same without kernel single copy", lambda i, n: _stock(i, n, "sm", True)),
    "stock": ("vader or sm, by Open MPI's version", lambda i, n: _stock(i, n, "stock", False)),
    "stock-nocopy": (
        "vader-nocopy or sm-nocopy, by Open MPI's version",
        lambda i, n: _stock(i, n, "stock", True),
    ),
    "ucx": ("Open MPI on UCX (pml/ucx)", _ucx),
    "tcp": ("Open MPI on TCP (btl/tcp)", _tcp),
    "mtl-ofi": ("Open MPI on libfabric (pml/cm, mtl/ofi)", _mtl_ofi),
    "btl-ofi": ("Open MPI on libfabric (pml/ob1, btl/ofi), between hosts", _btl_ofi),
    "mpich": ("MPICH, as it is installed", _mpich),
    "fi-pingpong": ("libfabric's own ping-pong on tcp;ofi_rxm, no MPI, between hosts", _fi_pingpong),
}


def resolve(text: str, installation: Installation) -> Transport:
    """The transport of a name with optional `+parameter=value` parts. Unavailable if there is none.

    "stock" gets the name of what it stands for."""
    name, *settings = text.split("+")
    forbidden = name.endswith(FORBIDDEN)
    name = name.removesuffix(FORBIDDEN)
    if name not in TRANSPORTS:
        raise Unavailable(f"no such transport; there are {', '.join(TRANSPORTS)}")
    parameters: list[tuple[str, str]] = []
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise Unavailable(f"'+{setting}' is not +PARAMETER=VALUE")
        parameters.append((key, value))
    shown = text
    if name.startswith("stock"):
        here = STOCK[min(max(installation.openmpi.major, 4), 5)]
        shown = here + text[len("stock") :]
    transport = TRANSPORTS[name][1](installation, shown)
    if parameters and not transport.mca:
        raise Unavailable(f"{name} takes no MCA parameters")
    # A parameter that is given takes the place of the transport's own.
    mca = tuple({**dict(transport.mca), **dict(parameters)}.items())
    return replace(transport, mca=mca, forbidden=forbidden)
