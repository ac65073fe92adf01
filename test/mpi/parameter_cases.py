# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Every parameter of segmsg with values of every kind: it works, or the rank that has it says which
parameter, which value and what is permitted, and declines; nothing crashes, and the data is right.

Each rank of a job has a value of its own, so that a job goes through many. Ranks 0 and 1 have none: whoever
uses segmsg has somebody to use it with, and who declines talks to them through another transport."""

import re
import subprocess
import tempfile

import cases

PREFIX = "btl_segmsg_"
RANKS_WITHOUT = 2
RANKS_WITH = 14
UINT_MAX = 2**32 - 1
SIZE_MAX = 2**64 - 1
WORDS = {"ofi_open": ("auto", "always"), "ofi_atomics": ("auto", "native", "messages")}
BOOLS = "0 1 f false disabled no n t true enabled yes y".split()
# Texts: which values are fine, and which are not.
TEXTS = {
    "groups": (("64:64:8,1024:4:4",), ("", "abc", "5", "64:1e3:8,1024:4:4")),
    "ofi_groups": (("64:63:8,256:64:9",), ("", "abc", "-1", "64:1023:260,1K:64:7")),
    "interconnect": (("shm", "shm,", "file"), ("", "abc", "0", " shm", "shm,file")),
    "backing_directory": (("/dev/shm",), ("", "abc", "/dev/null")),
    "ofi_provider_include": (("", "abc", "tcp"), ()),
    "ofi_provider_exclude": (("", "abc"), ()),
    "ofi_domains": (("", "abc"), ()),
    "ofi_pretend": (("", "local,shuffle", "max_message=4096"),
                    ("abc", "1", "max_message=", "max_message=-5", "max_message=1e3", "max_message=5x")),
    "flags": (("send", "send,put,get"), ("", "abc", "-1", "put", "0", "4294967297", "1e3")),
}
# What Open MPI registers has no range in its help. At most the first fits beside the others' defaults.
COMMON = {"exclusivity": (0, UINT_MAX), "latency": (0, UINT_MAX), "bandwidth": (0, UINT_MAX),
          "rndv_eager_limit": (256, 65664), "eager_limit": (256, 65664), "max_send_size": (256, 262144),
          "rdma_pipeline_send_length": (0, SIZE_MAX), "rdma_pipeline_frag_size": (64, SIZE_MAX),
          "min_rdma_pipeline_size": (0, SIZE_MAX), "multi_eager_limit": (0, SIZE_MAX),
          "accelerator_max_send_size": (0, SIZE_MAX), "accelerator_eager_limit": (0, SIZE_MAX),
          "accelerator_rdma_limit": (0, SIZE_MAX)}
COMMON_ZERO = {"get_limit": (64, SIZE_MAX), "put_limit": (64, SIZE_MAX)}
COMMON_ALIGNMENT = ("get_alignment", "put_alignment")
# With less than the stock transport's it is not segmsg that carries what the rank sends.
UNUSED = {"exclusivity"}
# The largest of these carries 256 KB in a message, on any processor.
GROUPS = "64:1023:260,1K:64:7,8K:64:9,64K:16:4"
# Permitted, but too much for a small machine, or too little for this job.
EXCESSIVE = {("free_list_num", str(1 << 20)), ("segment_table_entries", "32"), ("extra_peers", "65536")}
# {earlier name: name} of the parameters that were renamed.
EARLIER_NAMES = dict(pair.split("=") for pair in """
    starter_partitions=initial_ring_partitions lobby_partitions=shared_inbox_partitions
    own_after=private_ring_after own_crowd=private_ring_soft_limit grow_after=full_ring_after
    long_after=private_segments_after max_groups=segment_table_entries nocopy_eager_limit=two_copy_eager_limit
    parts=fragment_batch burst=poll_budget look_every=poll_interval joint_from=cooperative_min
    joint_unit=cooperative_grain joint_help=cooperative_help_max joint_crowded=cooperative_oversubscribed
    joint_patience=cooperative_retry_limit joint_pause=cooperative_backoff stream_piece=chunk_size
    stream_burst=chunk_batch units_from=chunked_min units_to=chunked_max units_after=chunked_after
    units_always=chunked_always units_patience=chunked_timeout string_from=rep_movsb_min own_near=prefetch_near
    own_most=prefetch_max own_far=prefetch_far demote_lines=demote_stream_lines
    demote_answer_lines=demote_reply_lines stream_lines=ring_stream_lines reply_lines=ring_reply_lines
    lap_lines=ring_window_lines piece_segment=chunk_segment_min ofi=ofi_open ofi_memory=ofi_memory_mb
    ofi_gather=ofi_coalesce_max ofi_gather_wait=ofi_coalesce_timeout ofi_gather_gap=ofi_coalesce_gap
    ofi_part=ofi_write_chunk ofi_get_part=ofi_rdma_chunk ofi_in_place=ofi_zero_copy_min
    ofi_probes=ofi_keepalive_peers ofi_look_every=ofi_poll_interval
""".split())
NUMBER = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)([kKmMgG]?)\s*")


def read_number(text):
    """The number that a text is, or None."""
    found = NUMBER.fullmatch(text)
    if not found:
        return None
    sign, digits, suffix = found.groups()
    base = 16 if digits[1:2] in "xX" and len(digits) > 1 else 8 if digits[0] == "0" else 10
    number = int(digits, base) << {"": 0, "k": 10, "m": 20, "g": 30}[suffix.lower()]
    return -number if sign == "-" else number


class Numbers:
    """The numbers that a parameter may have."""

    def __init__(self, low, high, also=(), power=False):
        self.low, self.high, self.also, self.power = low, high, also, power

    def permits(self, text):
        number = read_number(text)
        if number is None:
            return False
        return number in self.also or (self.low <= number <= self.high
                                       and (not self.power or number & (number - 1) == 0))

    def values(self):
        fixed = ["", "-1", "4294967296", "18446744073709551616", "abc", "1e3", "0x10", " 5 ", "5 ", "4k",
                 "4kB", "-", " ", "0", "12288", "0x", "+", "--5"]
        return fixed + [str(number) for number in (self.low - 1, self.low, self.high, self.high + 1)]


def information(machine, settings=()):
    """What ompi_info shows of segmsg, with these settings. It opens the component as a rank does: also with a
    sanitizer's library."""
    pairs = machine.env.get("OMPI_MCA_mca_base_env_list", "").split(";")
    as_rank = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    done = subprocess.run([machine.env.get("OMPI_INFO", "ompi_info"), "--param", "btl", "segmsg", "--level", "9",
                           "--parsable"], env={**machine.env, **as_rank, **dict(settings)}, check=True,
                          stdout=subprocess.PIPE)
    return done.stdout.decode()


def parameters_of(machine):
    """{name: (type, help, words of its enumerator)} as ompi_info has them."""
    found = {}
    for line in information(machine).splitlines():
        field = re.match(rf"mca:btl:segmsg:param:{PREFIX}(\w+):(type|help|enumerator:value:\d+):(.*)", line)
        if field:
            entry = found.setdefault(field[1], {"words": []})
            if field[2] in ("type", "help"):
                entry[field[2]] = field[3]
            else:
                entry["words"] += [field[3], field[2].rpartition(":")[2]]
    if len(found) < 60:
        raise cases.Failure(f"ompi_info shows {len(found)} parameters of segmsg")
    return found


def numbers_of(name, text):
    """The range that the help text ends with."""
    if name in COMMON:
        return Numbers(*COMMON[name])
    if name in COMMON_ZERO:
        return Numbers(*COMMON_ZERO[name], also=(0,))
    if name in COMMON_ALIGNMENT:
        return Numbers(1, 1 << 20, also=(0,), power=True)
    found = re.search(r"\((?:(0|-1), or )?(a power of two, )?(\d+) to (\d+)\)$", text)
    if not found:
        raise cases.Failure(f"{PREFIX}{name}: the help text says no range: {text}")
    also = (int(found[1]),) if found[1] else ()
    high = 262144 if name == "two_copy_eager_limit" else int(found[4])
    return Numbers(int(found[3]), high, also, bool(found[2]))


def trials_of(name, entry):
    """[(name, value, whether it is permitted)] of a parameter."""
    if name in TEXTS:
        good, bad = TEXTS[name]
        return [(name, value, True) for value in good] + [(name, value, False) for value in bad]
    if name in WORDS:
        words, type_ = list(WORDS[name]), "word"
    else:
        words, type_ = entry["words"], entry["type"]
    if type_ == "bool":
        words = BOOLS
    if type_ in ("bool", "word") or words:
        nonsense = ["", "-1", "2" if type_ == "bool" else "77", "4294967296", "abc", "1e3", " ", "auto ", "5 "]
        return [(name, word, True) for word in words] + [(name, value, False) for value in nonsense]
    if type_ == "string":
        raise cases.Failure(f"{PREFIX}{name} is a text that this test knows nothing of")
    numbers = numbers_of(name, entry["help"])
    return [(name, value, numbers.permits(value)) for value in dict.fromkeys(numbers.values())
            if (name, value) not in EXCESSIVE]


def refusal_is_there(output, name, value):
    """A message names the parameter, the value as it was written, and what is permitted."""
    own = {"groups": r"btl_segmsg_groups = {v}\n", "interconnect": r"btl_segmsg_interconnect = {v}\n",
           "backing_directory": r"Directory:  {v}\n",
           "ofi_groups": r"btl_segmsg_ofi_groups\n +Value: +{v}\n"}
    usual = r'Parameter:  btl_segmsg_{n}\n +Value: +"{v}"\n +Set by: .*\n +Permitted:  \S'
    pattern = own.get(name, usual).replace("{n}", name).replace("{v}", re.escape(value))
    return len(re.findall(pattern, output))


def try_values(machine, trials):
    """One job, in which each rank but the first ones has one of the values."""
    ranks = RANKS_WITHOUT + len(trials)
    with tempfile.NamedTemporaryFile("w", prefix="parameters-") as file:
        for rank, (name, value, _) in enumerate(trials, RANKS_WITHOUT):
            file.write(f"{rank}\t{PREFIX}{name}\t{value}\n")
        file.flush()
        settings = {**cases.BESIDE_TCP, "btl_segmsg_interconnect": "shm",
                    "btl_segmsg_groups": GROUPS}
        # Open MPI's own messages may be lost; segmsg's are not.
        outcome = machine.run(("parameters", file.name), ranks, settings)
    wrong = [] if outcome.status == 0 and not outcome.timed_out else ["it failed"]
    for rank, (name, value, is_good) in enumerate([("", "", True)] * RANKS_WITHOUT + trials):
        verb = "uses" if is_good else "declines"
        if name not in UNUSED and f"parameters: rank {rank} {verb} segmsg\n" not in outcome.output:
            wrong.append(f"rank {rank}: wanted that it {verb} segmsg with {name} = {value!r}")
        said = refusal_is_there(outcome.output, name, value) if name else 0
        if said != (not is_good):
            wrong.append(f"rank {rank}: {name} = {value!r} is said to be refused {said} times")
    if wrong:
        raise cases.Failure("\n".join(wrong) + f"\n{trials}\n{outcome.explain()}")


def every_value(selected):
    def check(machine):
        trials = [trial for name, entry in sorted(parameters_of(machine).items()) if selected(name)
                  for trial in trials_of(name, entry)]
        # Open MPI's own limits depend on each other; so do jobs' whose ranks differ in them: mix.
        stride = -(-len(trials) // RANKS_WITH)
        for first in range(stride):
            try_values(machine, trials[first::stride])
    return check


def operations_differ(machine):
    """A rank without get, among others that have it: they do not ask for it. Its peers get more than one."""
    for flags in ("send", "send,put"):
        try_values(machine, [("flags", flags, True), ("inline_limit", "64", True)])


# ---- who says it, and how often ----

def said_once(machine):
    """The same value in two ranks, neither of them the first, is refused once; others still use segmsg."""
    with tempfile.NamedTemporaryFile("w", prefix="parameters-") as file:
        file.write(f"1\t{PREFIX}poll_budget\tabc\n2\t{PREFIX}poll_budget\tabc\n3\t{PREFIX}poll_budget\t1e3\n")
        file.flush()
        outcome = machine.run(("parameters", file.name), 6, cases.BESIDE_TCP)
    declined = re.findall(r"rank (\d) declines", outcome.output)
    if (outcome.status != 0 or sorted(declined) != ["1", "2", "3"]
            or refusal_is_there(outcome.output, "poll_budget", "abc") != 1
            or refusal_is_there(outcome.output, "poll_budget", "1e3") != 1):
        raise cases.Failure(outcome.explain())


def directory_full_in_one(machine):
    """One rank, not the first, has no room: it says so, and the others do not wait for it."""
    with cases.small_file_system("size=8k") as place, \
            tempfile.NamedTemporaryFile("w", prefix="parameters-") as file:
        file.write(f"2\t{PREFIX}backing_directory\t{place}\n")
        file.flush()
        outcome = machine.run(("parameters", file.name), 3, cases.BESIDE_TCP)
    cases.says_once(outcome, rf"(?s)not enough free space.*{re.escape(place)}")
    if outcome.status != 0 or re.findall(r"rank (\d) declines", outcome.output) != ["2"]:
        raise cases.Failure(outcome.explain())


def memories_differ(machine):
    """A rank that has another kind of memory than its peers reaches them by another transport, and they it."""
    with tempfile.NamedTemporaryFile("w", prefix="parameters-") as file:
        file.write(f"1\t{PREFIX}interconnect\tfile\n")
        file.flush()
        outcome = machine.run(("parameters", file.name), 3, {**cases.BESIDE_TCP, "btl_base_verbose": "100"})
    used = re.findall(r"segmsg: peer \S+: shared memory", outcome.output)
    if outcome.status != 0 or len(used) != 2:  # ranks 0 and 2, one to the other
        raise cases.Failure(f"segmsg is used in {len(used)} directions\n{outcome.explain()}")


# ---- wherever it is written ----

def from_files(machine):
    """A value in a file of parameters is looked at as the one in the environment is."""
    for value in ("abc", "", "4294967296"):
        with tempfile.NamedTemporaryFile("w", prefix="mca-params-") as file:
            file.write(f"{PREFIX}poll_budget = {value}\n")
            file.flush()
            settings = {**cases.BESIDE_TCP, "mca_base_param_files": file.name}
            outcome = machine.run(("parameters",), 2, settings)
            cases.says_once(outcome, rf"Set by: +{re.escape(file.name)}")
            if outcome.status != 0 or refusal_is_there(outcome.output, "poll_budget", value) != 1:
                raise cases.Failure(outcome.explain())


def earlier_names(machine):
    """What is given under an earlier name is taken, and is looked at and refused under that name."""
    settings = {f"OMPI_MCA_{PREFIX}{name}": "1024" for name in EARLIER_NAMES}
    shown = information(machine, settings)
    for name in EARLIER_NAMES.values():
        head = rf"^mca:btl:segmsg:param:{PREFIX}{name}"
        known = re.search(rf"{head}:value:", shown, re.MULTILINE)
        # Without libfabric there are no such parameters; without CLDEMOTE these are 0.
        zero = "|0" if name.startswith("demote_") else ""
        if (known or not name.startswith("ofi_")) and not (
                re.search(rf'{head}:source:"?environment', shown, re.MULTILINE)
                and re.search(rf'{head}:value:"?(1024|true{zero})\b', shown, re.MULTILINE)):
            raise cases.Failure(f"{PREFIX}{name} does not have the value that its earlier name was given:\n{shown}")
    with tempfile.NamedTemporaryFile("w", prefix="parameters-") as ranks, \
            tempfile.NamedTemporaryFile("w", prefix="mca-params-") as values:
        ranks.write(f"1\t{PREFIX}burst\t1e3\n0\t{PREFIX}look_every\t30\n")
        ranks.flush()
        outcome = machine.run(("parameters", ranks.name), 3, cases.BESIDE_TCP)
        values.write(f"{PREFIX}look_every = abc\n")
        values.flush()
        from_file = machine.run(("parameters",), 2, {**cases.BESIDE_TCP, "mca_base_param_files": values.name})
    if (outcome.status != 0 or re.findall(r"rank (\d) declines", outcome.output) != ["1"]
            or refusal_is_there(outcome.output, "burst", "1e3") != 1):
        raise cases.Failure(outcome.explain())
    cases.says_once(from_file, rf"Set by: +{re.escape(values.name)}, line 1")
    if from_file.status != 0 or refusal_is_there(from_file.output, "look_every", "abc") != 1:
        raise cases.Failure(from_file.explain())


def control_variables(machine):
    """No control variable of MPI_T can be written, and the attempt does no harm."""
    machine.expect(["parameters", "--cvars"], 2, cases.ALONE)


def all_cases(version):
    del version
    quick = ("ofi_open", "ofi_pretend", "ofi_atomics", "poll_budget", "numa_bind", "single_copy")
    return [cases.Case("parameters: some with every kind of value", False, every_value(quick.__contains__),
                       slow=True),
            cases.Case("parameters: all others with every kind of value", False,
                       every_value(lambda name: name not in quick), slow=True),
            cases.Case("parameters: alike refusals are said once a node", True, said_once),
            cases.Case("parameters: a directory that is full in one rank", True, directory_full_in_one),
            cases.Case("parameters: a rank with another memory", True, memories_differ),
            cases.Case("parameters: a rank without get or put", True, operations_differ),
            cases.Case("parameters: values from files", False, from_files),
            cases.Case("parameters: earlier names", True, earlier_names),
            cases.Case("parameters: control variables are read-only", True, control_variables)]
