"""What hostile clients and silent servers cost those who are neither, how long a denial takes, and whether
half a day of new names leaves the memory as it was.

Latencies are from the sender's clock to the kernel's stamp on the answer, so that it does not count when the
load gets round to reading it. What is compared alternates within one run.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import time

import leases
import servers
import stage
from report import Row, progress

DENY_RATE, DENY_US = 20000, 50
NEW_RATE, NEW_HOURS, NEW_ADDRESSES = 500, 12, 1
FLAT = 1.02
SOAK_S, SETTLE_S, SAMPLE_S, ENDED_S = 100, 90, 5, 6
FILL = 60000  # names: more than the history of leases, and a cache of that size, can hold; it takes a while to sort them in
CACHE = "4M"
QUOTA, OVER = 2000, 10  # questions a second of a sandbox, and how many times that it asks
NEIGHBOUR_RATE = 1500
PHASE_S = 2  # for each of hits and misses
UNMOVED = 1.1
SILENT = "127.0.0.1:5399"
FORMS, FORMS_RIGHT = 34, 33


# ---- a denial ----

def denials(bench, echo, gate):
    """At a rate that leaves both servers idle most of the time, on cores that do not sleep."""
    seen = {echo: [], gate: []}
    for turn in range(bench.options.rounds):
        progress(f"denials at {DENY_RATE} a second: round {turn + 1} of {bench.options.rounds}")
        with stage.Awake():
            for server in seen:
                seen[server].append(bench.ask(server, "deny", "--rate", DENY_RATE, "--seconds", 2,
                                              "--window", 8192, "--stamps"))
    rows, title = [], f"denied at {DENY_RATE} a second"
    for server, runs in seen.items():
        target = DENY_US if server is gate else None
        rows += [Row(f"{title}, {server.title}: median", [run["p50_us"] for run in runs], "us"),
                 Row(f"{title}, {server.title}: 99th percentile", [run["p99_us"] for run in runs], "us", target)]
    sent = [run["sent"] / run["seconds"] for runs in seen.values() for run in runs]
    return rows + [Row(f"{title}: questions that left", sent, "/s", 0.98 * DENY_RATE, True)]


# ---- new names ----

class Soak:
    """The engine alone, in invented time, with what the load leaves of its core."""

    def __init__(self, bench):
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            stage.pinned(bench.stage.load_core, [bench.stage.tool("soak"), *map(str, (
                NEW_HOURS, NEW_RATE, NEW_ADDRESSES))], behind=True), stdout=subprocess.PIPE, text=True)

    def rows(self):
        said = self.child.communicate()[0]
        if self.child.returncode:
            raise stage.Trouble("the engine gave a wrong answer to a new name")
        seen = json.loads(said)
        mib = [kib / 1024 for kib in seen["rss_kib"]]
        title = f"{NEW_RATE} new names a second for {NEW_HOURS} h in invented time"
        return [Row(f"{title}: misses", [seen["misses"]], ""),
                Row(f"{title}: resident memory", mib, "MiB"),
                Row(f"{title}: most / least of it after two hours", [max(mib) / min(mib)], "x", FLAT)]


def store_kib(gate):
    """What the store has on its file system; what lies free in its files is of use again."""
    kib = 0
    for folder, _, names in os.walk(os.path.join(gate.folder, "store")):
        kib += sum(os.stat(os.path.join(folder, name)).st_blocks / 2 for name in names)
    return kib


def sample(gate):
    status = gate.control.ask_all([{"verb": "status"}])[0]
    return {"memory of all processes": gate.process.memory_kib() / 1024, "store": store_kib(gate) / 1024,
            "leases that stand": status["counters"]["leases"], "memory of the kernel": leases.kernel_kib() / 1024}


UNITS = {"leases that stand": ""}
STAYS = ("memory of all processes", "store")  # what else grows in the kernel is not ours alone


def new_names(bench):
    """The same beside it in the daemon, the warden and the kernel: what can be full is filled first."""
    progress("new names: filling")
    gate = servers.Gate(bench.stage, bench.options.build, "soak", limits={"cache-size": CACHE})
    gate.register([gate.sandbox("bench", gate.interface, gate.client)])
    bench.ask(gate, "close", "--count", FILL)
    soak, seen = Soak(bench), []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(bench.ask, gate, "close", "--rate", NEW_RATE, "--seconds", SETTLE_S + SOAK_S)
        time.sleep(SETTLE_S)
        while not run.done():
            progress(f"new names: {len(seen) * SAMPLE_S} of {SOAK_S} s")
            seen.append(sample(gate))
            time.sleep(SAMPLE_S)
        run.result()
    time.sleep(ENDED_S)
    left = gate.elements()
    gate.process.stop()
    progress("new names: the rest of the day")
    title = f"{NEW_RATE} new names a second, {SOAK_S} s"
    rows = soak.rows() + [Row(f"{title}: elements of the set {ENDED_S} s after", [left], "", 0)]
    for what in seen[0]:
        values = [one[what] for one in seen]
        rows.append(Row(f"{title}: {what}", values, UNITS.get(what, "MiB")))
        if what in STAYS:
            rows.append(Row(f"{title}: most / least of {what}", [max(values) / min(values)], "x", FLAT))
    return rows


# ---- neighbours ----

class Neighbours:
    """One sandbox whose latency counts, and one beside it that misbehaves, each on its own link; and an echo that
    both ask in the same way: what is left of the flood where nothing is decided is the machine's."""

    def __init__(self, bench):
        self.bench, self.stage = bench, bench.stage
        self.gate = servers.Gate(self.stage, bench.options.build, "street", limits={
            "queries-sandbox": QUOTA, "pending-sandbox": 512}, zones={"quiet.bench.test": SILENT})
        self.echo = servers.Echo(self.stage, "alley")
        stage.run("ip", "netns", "add", "rough")
        host = self.stage.link("rough", "street")
        self.rough = {self.gate: host + ":53", self.echo: self.stage.link("rough", "alley") + ":53"}
        self.gate.register([
            self.gate.sandbox("calm", self.gate.interface, self.gate.client),
            self.gate.sandbox("rough", f"sb{self.stage.servers - 1}", host[:-1] + "2")])
        self.silent = stage.Process("street", self.stage.load_core, [
            "python3", "-c", f"import socket, time; s = socket.socket(2, 2); s.bind({tuple_of(SILENT)}); "
            "print('ready', flush=True); time.sleep(1 << 20)"], "silent.log")

    def misbehave(self, server, seconds, name, rate):
        """Behind the calm one's load, which is on the same core and must not come late. What left a second."""
        first, self.bench.fresh = self.bench.fresh, self.bench.fresh + int(rate * (seconds + 1))
        seen = self.stage.seen("rough", self.stage.load_core, self.rough[server], name, *server.right([]),
                               "--first", first, "--rate", rate, "--seconds", seconds, "--window", 8192,
                               "--patience", 300, behind=True)
        return seen["sent"] / seconds

    def calm(self, server, what):
        return self.bench.ask(server, what, "--rate", NEIGHBOUR_RATE, "--seconds", PHASE_S,
                              "--window", 8192, "--stamps")

    def phase(self, server, kinds, bad):
        """What the calm one sees of those kinds, and what the other asked a second; one after the other, since two
        loads on one core would each wait for the other."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            run = bad and pool.submit(self.misbehave, server, len(kinds) * PHASE_S + 0.5, *bad)
            time.sleep(0.25)
            seen = {what: self.calm(server, what) for what in kinds}
            return seen, run and run.result()


def tuple_of(endpoint):
    host, port = endpoint.split(":")
    return host, int(port)


ALONE, KINDS = "alone", {"hit": "cached", "miss": "miss"}
FLOOD = (f"beside one at {OVER} times its quota", ("x%.rough.bench.test", QUOTA * OVER))
SLOW = ("beside one whose server is silent", ("x%.quiet.bench.test", QUOTA))


def neighbours(bench):
    street, seen = Neighbours(bench), {}
    bench.ask(street.gate, "hit", "--count", 300)
    phases = [(server, kinds, title, bad) for server, kinds, beside in (
        (street.gate, ("hit", "miss"), (FLOOD, SLOW)), (street.echo, ("hit",), (FLOOD,)))
        for title, bad in ((ALONE, None), *beside)]
    for turn in range(bench.options.rounds):
        with stage.Awake():
            for place in range(len(phases)):
                server, kinds, title, bad = phases[(turn + place) % len(phases)]
                progress(f"neighbours, {server.title} {title}: round {turn + 1} of {bench.options.rounds}")
                seen.setdefault((server.title, title), []).append(street.phase(server, kinds, bad))
    for process in (street.gate.process, street.echo.process, street.silent):
        process.stop()
    return [row for kind in KINDS for row in neighbours_rows(seen, street.gate.title, kind)] + neighbours_rows(
        seen, street.echo.title, "hit", None) + [
            Row(f"{server} {title}: what that one asked", [asked for _, asked in rounds], "/s",
                0.9 * dict((FLOOD, SLOW))[title][1], True)
            for (server, title), rounds in seen.items() if title != ALONE]


def neighbours_rows(seen, server, kind, most=UNMOVED):
    rows, what = [], f"{server}, {KINDS[kind]}"
    for percentile, words in (("p50_us", "median"), ("p99_us", "99th percentile")):
        alone = [calm[kind][percentile] for calm, _ in seen[server, ALONE]]
        rows.append(Row(f"{what}, alone: {words}", alone, "us"))
        for title, _ in (FLOOD, SLOW):
            if (server, title) not in seen:
                continue
            beside = [calm[kind][percentile] for calm, _ in seen[server, title]]
            rows += [Row(f"{what}, {title}: {words}", beside, "us"),
                     Row(f"{what}, {title}: {words} / alone", [b / a for a, b in zip(alone, beside)], "x", most)]
    return rows


# ---- form ----

def forms(bench):
    """The live test of form, which has other resolvers as well, says how many answers are right."""
    progress("form of answers")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live/compliance.sh")
    said = stage.run("env", f"abs_top_builddir={bench.options.build}", script)
    found = re.findall(rf"^# (.*): (\d+) of {FORMS}$", said, re.M)
    if not found:
        raise stage.Trouble(f"{script} counts nothing: {said.splitlines()[-1:]}")
    return [Row(f"answers of {FORMS} in the form of the RFCs, {who}", [int(good)], "",
                FORMS_RIGHT if who.startswith("namegate") else None, True) for who, good in found]


def measure(bench):
    rows = forms(bench)
    echo = servers.Echo(bench.stage, "still")
    gate = servers.Gate(bench.stage, bench.options.build, "denier")
    gate.register([gate.sandbox("bench", gate.interface, gate.client)])
    rows += denials(bench, echo, gate)
    for server in (echo, gate):
        server.process.stop()
    return rows + neighbours(bench) + new_names(bench)
