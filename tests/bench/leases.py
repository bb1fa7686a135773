"""What leases cost: one more of them, very many of them, and very short ones.

The warden is asked over its socket by the driver of the live tests, or its own functions by the tool
`commit`; whole gates get their leases by questions from ten thousand addresses.
"""
import ctypes
import json
import os
import re
import select
import socket
import statistics
import struct
import time

import adopt
import servers
import stage
from report import Row

SIZES = (1000, 100000, 1000000)
EACH = 100  # leases of a sandbox
FIRST = 100000  # sandbox of a flood
STREAM_S = 60  # of one-second leases
STREAM_RATE, STREAM_LONG, STREAM_ROOM = 5000, 20000, 15000
SOURCES = "10.128.0.0/10"
KIB = 1024


# ---- one more ----

def commits(played, rounds):
    """The commit of one pair, against the least that it can cost, by what stands in the set."""
    ours, ratios = {size: [] for size in SIZES}, {size: [] for size in SIZES}
    for _ in range(rounds):
        for seen in json.loads(stage.run(*stage.placed("box", played.server_core, [
                played.tool("commit"), *map(str, SIZES)]))):
            ours[seen["elements"]].append(seen["ours_ns"][0] / 1000)
            ratios[seen["elements"]].append(seen["ours_ns"][0] / seen["bare_ns"][0])
    rows = []
    for size in SIZES:
        rows += [Row(f"commit of one pair beside {size}", ours[size], "us"),
                 Row(f"commit of one pair beside {size}: namegate / bare libmnl", ratios[size], "x", 1.3)]
    return rows


def latency(driver, sandbox):
    """Median and 99th percentile of one lease over the socket, wake-ups of both processes among it."""
    said = driver.tell(f"bench {sandbox} 20000 1", "20000 leases")
    return tuple(map(int, re.search(r"p50 (\d+) us, p99 (\d+) us", said).groups()))


def connections(build, many):
    """Look up, connect at once: how many connections did not come about."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "connect.sh")
    seen = json.loads(stage.run("env", f"abs_top_builddir={build}", script, str(many)))
    return [Row(f"{many} times looked up and connected: dropped", [seen["asked"] - seen["open"]], "", 0)]


def forged(build, rounds):
    """What it costs the kernel to count forged packets to their sandbox."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forged.sh")
    seen = json.loads(stage.run("env", f"abs_top_builddir={build}", script, str(rounds)))
    return [Row("forged packets dropped, counted to their sandbox", seen["counted"], "a second"),
            Row("forged packets dropped, one counter for all", seen["alone"], "a second")]


# ---- very many, in the kernel ----

def kernel_kib():
    """What the kernel has in use for itself: slabs, memory per processor, page-wise allocations."""
    with open("/proc/meminfo", encoding="utf-8") as info:
        seen = {line.split(":")[0]: int(line.split()[1]) for line in info}
    return sum(seen[key] for key in ("Slab", "Percpu", "VmallocUsed", "KernelStack", "PageTables"))


def beside_many(build, played, sandboxes):
    """The same warden without leases, and with those of many sandboxes."""
    driver = adopt.Driver(build, played.server_core, played.load_core)
    driver.begin(2000000)
    empty = latency(driver, 1)
    driver.tell("remove 1")  # its address is one of theirs
    before = kernel_kib()
    driver.tell(f"flood {sandboxes}", f"{sandboxes} registered, 0 failed")
    for i in range(sandboxes):
        driver.tell(f"fill {FIRST + i} 45.{128 + (i >> 16)}.0.0 {EACH} 3600000", f"{EACH} confirmed, 0 refused")
    grown = (kernel_kib() - before) / KIB
    many = latency(driver, FIRST)
    driver.tell("kill 15", "exit 0")
    driver.close()
    stage.run(driver.warden, "--teardown", adopt.TABLE)
    return empty, many, grown


def held_by_warden(build, played, sandboxes, rounds):
    taken = [beside_many(build, played, sandboxes) for _ in range(min(rounds, 3))]
    beside = f"{sandboxes} sandboxes x {EACH} leases"
    return [Row("a lease over the warden's socket: median", [empty[0] for empty, _, _ in taken], "us"),
            Row("a lease over the warden's socket: 99th percentile", [empty[1] for empty, _, _ in taken], "us"),
            Row(f"{beside}: 99th percentile", [many[1] for _, many, _ in taken], "us"),
            Row(f"{beside}: 99th percentile / without", [many[1] / empty[1] for empty, many, _ in taken], "x", 2),
            Row(f"{beside}: memory of the kernel", [grown for _, _, grown in taken], "MiB", 250)]


# ---- very many, in the processes ----

def question(number, name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def look_up(gate, source, names):
    """All names by that address; how many addresses came."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        asker.bind((source, 0))
        asker.connect((gate.host, 53))
        for number, name in enumerate(names):
            asker.send(question(number, name))
        came = 0
        for _ in names:
            if not select.select([asker], [], [], 5)[0]:
                raise stage.Trouble(f"{source}: {gate.at} does not answer")
            came += struct.unpack_from(">H", asker.recv(4096), 6)[0]
    return came


def fill_gate(gate, sandboxes):
    """In a child, since a process is in one network namespace."""
    names = [f"x{i}.w.bench.test" for i in range(EACH // servers.ADDRESSES)]
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        with open("/run/netns/box", encoding="utf-8") as box:
            if ctypes.CDLL(None, use_errno=True).setns(box.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")
        came = sum(look_up(gate, source_of(i), names) for i in range(sandboxes))
        os._exit(came != sandboxes * EACH)
    except OSError as trouble:
        print(f"bench: {trouble}")
        os._exit(1)


def source_of(i):
    return f"10.{128 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"


def held_by_gate(build, played, sandboxes):
    gate = servers.Gate(played, build, "held", lease_min="1h")
    stage.run("ip", "-n", "box", "route", "add", "local", SOURCES, "dev", "lo")
    stage.run("ip", "-n", "held", "route", "add", SOURCES, "via", gate.client)
    gate.register([gate.sandbox(f"box{i}", gate.interface, source_of(i)) for i in range(sandboxes)])
    if not fill_gate(gate, sandboxes):
        raise stage.Trouble(f"not every lease of {sandboxes} sandboxes was given: {gate.process.last_words()}")
    time.sleep(2)
    parts = gate.process.memory_parts()
    gate.process.stop()
    beside = f"{sandboxes} sandboxes x {EACH} leases"
    return [Row(f"{beside}: memory of all processes", [sum(parts.values()) / KIB], "MiB", 300)] + [
        Row(f"{beside}: of these {name}", [kib / KIB], "MiB") for name, kib in parts.items()]


# ---- very short ----

def stream(build, played):
    driver = adopt.Driver(build, played.server_core, played.load_core)
    driver.begin(STREAM_LONG + STREAM_ROOM)
    driver.tell(f"fill 1 {adopt.FIRST} {STREAM_LONG} 3600000", f"{STREAM_LONG} confirmed, 0 refused")
    said = driver.tell(f"stream 1 45.0.0.0 {STREAM_RATE} {STREAM_S} 1000", "")
    refused = int(re.search(r"(\d+) refused", said).group(1))
    driver.tell("kill 15", "exit 0")
    driver.close()
    stage.run(driver.warden, "--teardown", adopt.TABLE)
    return [Row(f"{STREAM_RATE} one-second leases a second, {STREAM_S} s: refused", [refused], "", 0)]
