"""Recorded traffic: how fast `namegate replay` reads and judges a capture, beside tcpdump, which
reads and writes it without a look inside. The capture lies in memory, so no disk is measured."""
import os
import subprocess
import sys
import time

from report import Row
import stage

MEGABYTES = 100
LIST = "*.bench.probe\n!host7.zone7.bench.probe\nhost3.zone3.bench.probe:80\n"
FINDINGS = 1  # the exit code: of these names some are in use


def write_capture(name, *options):
    path = os.path.join(stage.WORK, name)
    stage.run(sys.executable, os.path.join(os.path.dirname(__file__), "capture.py"), path,
              "--megabytes", str(MEGABYTES), *options)
    return path


def timed(core, command, expected):
    """Seconds, and MiB at its largest."""
    begun = time.monotonic()
    with subprocess.Popen(stage.pinned(core, command), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != expected:
        raise stage.Trouble(f"{command[0]} ends with {child.returncode}, not {expected}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def measure(capture, build, core, rounds):
    policy = os.path.join(stage.WORK, "replay.list")
    with open(policy, "w", encoding="utf-8") as out:
        out.write(LIST)
    ours = [os.path.join(build, "namegate"), "replay", "--policy", policy, capture]
    floor = ["tcpdump", "-r", capture, "-w", "/dev/null"]
    size = os.path.getsize(capture) / 1_000_000
    speeds, ratios, memory = [], [], []
    for _ in range(rounds):
        alone, _ = timed(core, floor, 0)
        seconds, peak = timed(core, ours, FINDINGS)
        speeds.append(size / seconds)
        ratios.append(seconds / alone)
        memory.append(peak)
    return speeds, ratios, memory


def rows(build, core, rounds):
    fetches = write_capture("fetches.pcap")
    speeds, ratios, memory = measure(fetches, build, core, rounds)
    os.unlink(fetches)
    look_ups = write_capture("lookups.pcap", "--dns")
    dense, _, _ = measure(look_ups, build, core, rounds)
    os.unlink(look_ups)
    title = f"replay of {MEGABYTES} MB"
    return [Row(f"{title}, look-ups and fetches", speeds, "MB/s", 200, True),
            Row(f"{title}: time / tcpdump -w /dev/null", ratios, "x"),
            Row(f"{title}: memory at its largest", memory, "MiB"),
            Row(f"{title}, look-ups alone", dense, "MB/s", 200, True)]
