# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The functional cases of what the PML relies on without saying so: that a receive's length is kept
to although the PML asks for the sender's, and that its control messages are never refused."""

import copy

import cases

KERNEL_ONLY = {**cases.ALONE, "btl_segmsg_cooperative_min": "0"}
COOPERATIVE = {**cases.ALONE, "btl_segmsg_cooperative_oversubscribed": "true", "btl_segmsg_cooperative_min": "8192"}
WAYS = {"kernel copy by the receiver": KERNEL_ONLY, "cooperative copy": COOPERATIVE,
        "no kernel copy": cases.NO_KERNEL_COPY, "units": cases.UNITS, "tiny": cases.TINY,
        "tiny, no kernel copy": cases.TINY_NO_KERNEL_COPY, "units, tiny": cases.UNITS_TINY,
        "default selection": cases.DEFAULT}
# A queue that a few messages fill, and so few partitions that it is needed.
SHORT_QUEUE = {"btl": "segmsg", "btl_segmsg_queue_limit": "4096",
               "btl_segmsg_groups": "64:127:20,1K:16:8,16K:8:8"}
NO_QUEUE = {**SHORT_QUEUE, "btl_segmsg_queue_limit": "0"}
NO_DESCRIPTORS = {**SHORT_QUEUE, "btl_segmsg_free_list_max": "1"}


def keeps_to_receive(name, parameters, ranks, quick):
    """A receive that is too short fails, and nothing is written beyond it."""
    def check(machine):
        machine.expect(["truncate"], ranks, parameters)
    return cases.Case(f"a receive that is too short is not overrun, {ranks} ranks, {name}", quick,
                      check)


def goes_without_copy(how):
    """The same where the kernel denies its copy to one side or both."""
    def check(machine):
        for which in ("0", "all"):
            cases.run_forbidden(machine, ["truncate"], 2, cases.ALONE, how, which)
    return cases.Case(f"a receive that is too short is not overrun, kernel copy forbidden by {how}",
                      False, check)


def unknown_pml(machine):
    """Where ob1 is not as the component knows it, long messages are sent through buffers; it is said."""
    name = b"mca_pml_ob1_recv_request_t\0"
    with cases.changed_component(machine, name, name.replace(b"recv", b"redo")) as path:
        changed = copy.copy(machine)
        changed.env = {**machine.env, cases.PATH: path}
        outcome = changed.expect(["truncate"], 2, cases.ALONE)
    if "cannot tell how long the receives are" not in outcome.output:
        raise cases.Failure(f"wanted a message\n{outcome.explain()}")


def takes_control_messages(name, parameters, quick):
    """What a receiver tells its senders of their messages is taken, however little room there is."""
    def check(machine):
        machine.expect(["incast", "3000", "20000"], 4, parameters)
    return cases.Case(f"control messages are never refused, {name}", quick, check)


def all_cases(_version):
    quick = ("kernel copy by the receiver", "no kernel copy")
    found = [keeps_to_receive(name, parameters, 2, name in quick)
             for name, parameters in WAYS.items()]
    found += [keeps_to_receive("alone", cases.ALONE, ranks, False) for ranks in (1, 3)]
    found.append(goes_without_copy("seccomp"))
    found.append(cases.Case("a receive that is too short is not overrun, ob1 is not known", True,
                            unknown_pml))
    joint = {"btl_segmsg_cooperative_min": "0"}
    return found + [
        takes_control_messages("short queue", {**SHORT_QUEUE, **joint}, True),
        takes_control_messages("short queue, no kernel copy",
                               {**SHORT_QUEUE, "btl_segmsg_single_copy": "none"}, False),
        takes_control_messages("no queue", {**NO_QUEUE, **joint}, False),
        takes_control_messages("one descriptor", {**NO_DESCRIPTORS, **joint}, False)]
