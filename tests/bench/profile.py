"""Where the time of a query goes: instructions of the engine by what they are for, counted by callgrind, and
processor time of all processes by who takes it, as the kernel accounts for it under load.

The first is the same on every machine with this compiler. The second is of the machine that it was
measured on; beside it stands the bare echo, which is what the same packets cost without a name server.
"""
import os
import re
import statistics
import shutil
import subprocess
import tempfile

import report
import servers
import stage
from report import Row

KINDS = {"deny": "denied", "hit": "cached", "miss": "miss"}
TIMES = 64  # as steps.sh counts
MISSES = 40000  # in one round: all addresses of five of them have room in a sandbox
PARTS = (  # what the code of a file is for; the first that fits
    ("the message read", r"src/dns/(query|wire|answer|svcb)|src/base/cursor|dns/name\.c:ng_name_unpack"),
    ("the reply written", r"src/dns/(reply|ede)|src/gate/(reply|texts|event|actions)\.c"),
    ("the verdict", r"src/policy/|src/gate/(judge|special|local|reverse|directory|budget)\.|src/dns/special"),
    ("the cache", r"src/gate/(cache|entry|shares|warm|failures)\."),
    ("leases and their orders", r"src/gate/(leases|orders|book|due|heap|standing|trail|evict|filter|ends|flows|idle"
                                r"|history)\."),
    ("the question under way", r"src/gate/"),
    ("names, addresses, hashes", r"src/(dns|base)/(name|fold|text|addr|hash)"),
    ("tables and arenas", r"src/base/"),
    ("memory of the C library", r"malloc"),
    ("strings of the C library", r""),
)
PAGE_TEXT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "profile.md.in")
OURS = re.compile(r"tests/bench/")  # the tool that asks
PLACES = ("in user space", "in the kernel")


# ---- instructions ----

def annotated(tool, step):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind")
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=measured",
                        tool, step, str(TIMES)], capture_output=True, check=True)
        return subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show-percs=no", out],
                              capture_output=True, text=True, check=True).stdout


def instructions(tool, step):
    """Instructions of one step by part."""
    found = dict.fromkeys((title for title, _ in PARTS), 0)
    for line in annotated(tool, step).splitlines():
        seen = re.match(r"\s*([\d,]+)\s+(\S+:\S+)", line)
        if not seen or OURS.search(seen[2]):
            continue
        title = next(title for title, files in PARTS if re.search(files, seen[2]))
        found[title] += int(seen[1].replace(",", "")) / TIMES
    return found


# ---- processor time ----

def taken(bench, server, kind):
    """Microseconds a query by process and place."""
    before, begun = server.process.cpu_us(), server.process.times()
    seen = bench.ask(server, kind, *(("--count", MISSES) if kind == "miss" else ("--seconds", bench.options.seconds)))
    exact, ended = server.process.cpu_us() - before, server.process.times()
    parts = {(role, place): ended[role][i] - begun[role][i] for role in ended for i, place in enumerate(PLACES)}
    scale = exact / max(sum(parts.values()), 1) / seen["right"]
    return {key: value * scale for key, value in parts.items()}


def times(bench, gate, *echoes):
    """By kind and server title: rounds of what taken() says."""
    found = {}
    for kind in KINDS:
        bench.ask(gate, kind, "--count", 300)
    for turn in range(bench.options.rounds):
        for kind in KINDS:
            report.progress(f"profile, {kind}: round {turn + 1} of {bench.options.rounds}")
            for server in (gate, *echoes) if kind != "miss" else (gate,):
                found.setdefault((kind, server.title), []).append(taken(bench, server, kind))
    return found


# ---- what is said of it ----

class Profile:
    def __init__(self, compiler, counted, spent):
        self.compiler, self.counted = compiler, counted
        self.spent = {place: {key: statistics.median(one.get(key, 0) for one in rounds)
                              for key in {key for one in rounds for key in one}} for place, rounds in spent.items()}
        self.rounds = spent

    def rows(self):
        found = []
        for kind, parts in self.counted.items():
            found += [Row(f"{KINDS[kind]}, instructions of the engine: {title}", [n], "") for title, n in parts.items()]
        for (kind, title), rounds in self.rounds.items():
            for name, where in sorted(self.spent[kind, title]):
                values = [one.get((name, where), 0) for one in rounds]
                found.append(Row(f"{KINDS[kind]}, {title}: {name}, {where}", values, "us"))
        return found

    def sum(self, kind, title, where):
        return sum(value for (_, place), value in self.spent[kind, title].items() if place == where)

    def instruction_table(self):
        lines = [["what for", *KINDS.values()], ["---"] + ["--:"] * len(KINDS)]
        for title, _ in PARTS:
            lines.append([title] + [f"{self.counted[kind][title]:.0f}" for kind in KINDS])
        lines.append(["all"] + [f"{sum(self.counted[kind].values()):.0f}" for kind in KINDS])
        return report.table(lines)

    def time_table(self):
        lines = [["µs of processor time a query", *KINDS.values()], ["---"] + ["--:"] * len(KINDS)]
        keys = sorted({key for place, seen in self.spent.items() if place[1] == "namegate"
                       for key, value in seen.items() if value >= 0.01})
        for name, where in keys:
            lines.append([f"{name}: {where}"] + [report.number(self.spent[kind, "namegate"].get((name, where), 0))
                                                 for kind in KINDS])
        lines.append(["all of namegate"] + [report.number(sum(self.spent[kind, "namegate"].values())) for kind in KINDS])
        for title in dict.fromkeys(title for _, title in self.spent if title != "namegate"):
            lines.append([f"the {title}, all of it"] + [report.number(sum(self.spent[kind, title].values()))
                                                        if (kind, title) in self.spent else "" for kind in KINDS])
        return report.table(lines)

    def page(self, about):
        with open(PAGE_TEXT, encoding="utf-8") as text:
            page = text.read()
        whole = {place: sum(seen.values()) for place, seen in self.spent.items()}
        words = about | {"compiler": self.compiler, "instructions": self.instruction_table(), "times": self.time_table()}
        for kind in KINDS:
            kernel = self.sum(kind, "namegate", PLACES[1])
            words |= {f"{kind}_us": report.number(whole[kind, "namegate"]),
                      f"{kind}_user_us": report.number(whole[kind, "namegate"] - kernel),
                      f"{kind}_kernel": f"{100 * kernel / whole[kind, 'namegate']:.0f}"}
            for title, word in (("echo", "ratio"), (servers.TurnedEcho.title, "turned")):
                if (kind, title) in whole:
                    words[f"{kind}_{word}"] = report.number(whole[kind, "namegate"] / whole[kind, title])
        return page.format(**words)


def measure(bench):
    for program in ("valgrind", "callgrind_annotate"):
        if not shutil.which(program):
            raise stage.Trouble(f"{program} is missing: apt-get install valgrind")
    counted = {}
    for kind in KINDS:
        report.progress(f"profile, {kind}: instructions")
        counted[kind] = instructions(bench.stage.tool("steps"), kind)
    echoes = [servers.Echo(bench.stage, "profiled"), servers.TurnedEcho(bench.stage)]
    gate = servers.Gate(bench.stage, bench.options.build, "profile")
    gate.register([gate.sandbox("bench", gate.interface, gate.client)])
    spent = times(bench, gate, *echoes)
    for server in (gate, *echoes):
        server.process.stop()
    return Profile(stage.run(bench.stage.tool("steps"), "--built-with").strip(), counted, spent)
