#!/usr/bin/env python3
"""What `namegate explain` takes from its start to its end, with a long policy and nothing warm.

Each run is a process of its own, and what it reads of ours is dropped from the page cache before.
What it says is looked at: an answer that is fast and wrong ends the run.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

LINES = 10000
ADDRESS = "198.51.100.7"
QUESTIONS = {  # what is asked, the exit code, and what must be said
    "an allowed name": ("a.svc4008.bench.probe", 0, f"bench.list:{4008 + 1}:1"),
    "a denied name": ("nothing.svc4007.bench.probe", 1, f"bench.list:{4007 + 1} has svc4007.bench.probe"),
    "an address": (ADDRESS, 0, "and "),
}


def line(number):
    """Exact names, wildcards, ports and denials in turn."""
    name = f"svc{number}.bench.probe"
    return [f"*.{name}", f"{name}:443,8443", f"!{name}", f"{name} lease-max=5m",
            name, f".{name}", f"?{name}", name][number % 8]


def write(folder):
    with open(os.path.join(folder, "bench.list"), "w", encoding="utf-8") as out:
        out.writelines(line(i) + "\n" for i in range(LINES))
    with open(os.path.join(folder, "gate.conf"), "w", encoding="utf-8") as out:
        out.write('forward "." { servers = {"192.0.2.53"} }\n'
                  'sandbox "box" { sources = {"10.1.0.2"} policies = {"bench.list"} }\n')


def cool(folder):
    for name in os.listdir(folder):
        handle = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def once(program, folder, what):
    """Milliseconds of one run."""
    asked, code, said = QUESTIONS[what]
    first = ["chrt", "--fifo", "10"] if os.environ.get("NGBENCH_FIFO") else []
    cool(folder)
    begun = time.monotonic()
    done = subprocess.run([*first, program, "explain", "-c", os.path.join(folder, "gate.conf"), "box", asked],
                          capture_output=True, text=True, check=False)
    taken = (time.monotonic() - begun) * 1000
    if done.returncode != code or said not in done.stdout:
        raise ValueError(f"explain {asked}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return taken


def measure(program, rounds):
    """Milliseconds by question, a value a round; the questions in turns."""
    taken = {what: [] for what in QUESTIONS}
    with tempfile.TemporaryDirectory() as folder:
        write(folder)
        for _ in range(rounds):
            for what in QUESTIONS:
                taken[what].append(once(program, folder, what))
    return taken


def main():
    parser = argparse.ArgumentParser(description="Measures namegate explain, cold.")
    parser.add_argument("--build", default=".", help="folder of the build (.)")
    parser.add_argument("--rounds", type=int, default=15, help="runs of each question (15)")
    options = parser.parse_args()
    try:
        taken = measure(os.path.join(os.path.abspath(options.build), "namegate"), options.rounds)
    except (OSError, ValueError) as trouble:
        print(f"explain: {trouble}", file=sys.stderr)
        return 1
    for what, values in taken.items():
        print(f"{LINES} lines, {what}: median {statistics.median(values):.1f} ms, "
              f"{min(values):.1f} .. {max(values):.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
