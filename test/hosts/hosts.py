# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""What drivers in Python need to know of the test hosts that `run` made."""

import os
import re
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED_MEMORY = {"SEGMSG_HOSTS_SHM": "shared"}  # gives all hosts the same /dev/shm
TEMPORARY = "run/segmsg/tmp"  # each host's TMPDIR, without the leading slash


def there():
    """{name: pid of the process that holds it} of the test hosts around us, in order."""
    pairs = (word.split("=") for word in os.environ.get("SEGMSG_HOSTS", "").split())
    return {name: int(pid) for name, pid in pairs}


def again_on(count):
    """Run this program again, with its arguments, on a machine of so many test hosts, in its place.
    Returns, with the reason, only where there can be none."""
    run = os.path.join(HERE, "run")
    attempt = subprocess.run([run, str(count), "true"], stderr=subprocess.PIPE, check=False)
    if attempt.returncode != 0:
        return attempt.stderr.decode().strip()
    sys.stdout.flush()
    os.execv(run, [run, str(count), sys.executable, *sys.argv])


def on(host, words):
    """The command line that becomes this command on a host."""
    return [os.path.join(HERE, "rsh-agent"), host, "exec " + shlex.join(words)]


def over(names, slots):
    """mpirun's option that gives these hosts so many slots each."""
    return ["--host", ",".join(f"{name}:{count}" for name, count in zip(names, slots))]


def disturb(host, *action):
    """Do something to the link of a host, as the script `link` explains."""
    subprocess.run([os.path.join(HERE, "link"), host, *map(str, action)], check=True)


def processes(host):
    """The pids of what runs on a host, but for the one that holds it."""
    holder = there()[host]
    space = os.readlink(f"/proc/{holder}/ns/uts")
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/uts") == space:
                found.append(int(entry))
        except OSError:
            pass  # it ended meanwhile
    return [pid for pid in found if pid != holder]


def received(host):
    """How many bytes the link has brought to a host."""
    with open(f"/proc/{there()[host]}/net/dev", encoding="ascii") as counters:
        return int(re.search(r"eth0:\s*(\d+)", counters.read())[1])


def files(host):
    """The files in a host's shared memory and TMPDIR, as we can open them."""
    root = f"/proc/{there()[host]}/root"
    places = (f"{root}/dev/shm", f"{root}/{TEMPORARY}")
    return [os.path.join(where, name)
            for place in places for where, _, names in os.walk(place) for name in names]


def tidy(host):
    """Remove what a job left in a host's shared memory and TMPDIR."""
    root = f"/proc/{there()[host]}/root"
    for place in (f"{root}/dev/shm", f"{root}/{TEMPORARY}"):
        for entry in os.scandir(place):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
