"""What grows with rules, leases and sandboxes, and what must not: memory, restart and reload at three sizes of
each, and what a denied, a cached and a new name cost there.

Each size has a gate of its own, and the three of a kind stand beside each other, so that their costs are
compared within a round.
"""
import statistics
import time

import leases
import report
import servers
import stage
from report import Row, number

KINDS = {"deny": ("denied", 20000), "hit": ("cached", 20000), "close": ("miss", 3000)}  # and how many a round
FLAT = 1.1
LONG = "127.0.0.1:5393"  # a server whose answers live for an hour
LONG_TTL_S = 3600
RULES, LEASES, SANDBOXES = (1000, 100000, 1000000), (1000, 100000, 1000000), (10, 1000, 10000)
SETTLE_S = 2
RESTS_US, REST_MAX_S = 5000, 60  # in a second
ROOM = {"leases": "4194304", "leases-sandbox": "4194304"}


WORDS = """\
`contrib/quickstart bench --only sizes --readme`: what much of one kind costs, memory in all processes and in the kernel, the time
until a restarted gate answers, and processor time for a question. Answers to new names live a second here."""


class Sized:
    """A gate of one size, and what it took to get there and back."""

    def __init__(self, bench, name, rules=0, n_leases=0, sandboxes=0):
        self.bench, self.title = bench, name
        before = leases.kernel_kib()
        net = name.replace(" ", "")
        self.gate = servers.Gate(bench.stage, bench.options.build, net, rules, limits=ROOM,
                                 zones={"l.bench.test": LONG})
        stage.Process(net, bench.stage.load_core, [bench.stage.tool("upstream"), LONG, str(LONG_TTL_S),
                                                   str(servers.ADDRESSES)], f"upstream-{net}-long.log")
        self.gate.title = name
        self.gate.register([self.gate.sandbox("bench", self.gate.interface, self.gate.client)])
        self.register(sandboxes)
        self.fill(n_leases)
        time.sleep(SETTLE_S)
        self.memory_mib = self.gate.process.memory_kib() / 1024
        self.kernel_mib = (leases.kernel_kib() - before) / 1024
        self.restart_s = self.restart()
        self.reload_s = self.reload()
        self.rest()

    def register(self, many):
        self.gate.register([self.gate.sandbox(f"box{i}", f"sbm{i}", f"10.{128 + (i >> 16)}.{i >> 8 & 255}.{i & 255}")
                            for i in range(many)])

    def fill(self, many):
        """Two names may share an address, a few in a thousand do."""
        if many:
            self.bench.ask(self.gate, "long", "--count", many // servers.ADDRESSES)

    def answered(self):
        """Does it answer as before, also a sandbox's question?"""
        if not self.gate.answers():
            return False
        name, right = self.bench.asks["deny"]
        return self.bench.stage.seen("box", self.bench.stage.load_core, self.gate.at, name, *right,
                                     "--count", 1, "--patience", 100)["right"] == 1

    def restart(self):
        self.gate.process.stop()
        self.gate.start(self.answered)
        return self.gate.process.start_s

    def rest(self):
        """What is done behind a restart and a reload, such as judging all leases anew, is no part of a question's cost."""
        until, used = time.monotonic() + REST_MAX_S, RESTS_US
        while used >= RESTS_US and time.monotonic() < until:
            before = self.gate.process.cpu_us()
            time.sleep(1)
            used = self.gate.process.cpu_us() - before

    def reload(self):
        taken = []
        for turn in range(3):
            self.gate.write_policy(f"turn{turn}.base.bench.test")
            taken.append(self.gate.reload() * 1000)
        return taken


def one_kind(bench, what, sizes, make):
    """Rows of one kind of size, and its lines of the table."""
    gates = []
    for size in sizes:
        report.progress(f"a gate with {size} {what}")
        gates.append(make(f"{short(size)} {what}", size))
    rows = []
    for sized in gates:
        rows += [Row(f"{sized.title}: memory of all processes", [sized.memory_mib], "MiB"),
                 Row(f"{sized.title}: memory of the kernel", [sized.kernel_mib], "MiB"),
                 Row(f"{sized.title}: restart until a question is answered", [sized.restart_s], "s"),
                 Row(f"{sized.title}: reload of a changed list", sized.reload_s, "ms")]
    costs = {kind: bursts(bench, kind, gates) for kind in KINDS}
    for kind, (said, _) in KINDS.items():
        few = costs[kind][gates[0].title]
        for sized in gates:
            rows.append(Row(f"{said}, {sized.title}: CPU a query", costs[kind][sized.title], "us"))
        for sized in gates[1:]:
            rows.append(Row(f"{said}: {sized.title} / {gates[0].title}",
                            [b / a for a, b in zip(few, costs[kind][sized.title])], "x", FLAT))
    for sized in gates:
        sized.gate.process.stop()
    return rows, [line(sized, costs) for sized in gates]


def bursts(bench, kind, gates):
    """A count, not a time, so that each round leaves as little behind as the other."""
    found = {sized.title: [] for sized in gates}
    for turn in range(2 * bench.options.rounds + 1):
        report.progress(f"sizes, {kind}: round {turn} of {2 * bench.options.rounds}")
        for place in range(len(gates)):
            sized = gates[(turn + place) % len(gates)]
            before = sized.gate.process.cpu_us()
            seen = bench.ask(sized.gate, kind, "--count", KINDS[kind][1])
            if turn:  # the first only makes warm
                found[sized.title].append((sized.gate.process.cpu_us() - before) / seen["right"])
    return found


def short(size):
    return f"{size // 1000000}M" if size >= 1000000 else f"{size // 1000}k" if size >= 1000 else str(size)


def line(sized, costs):
    middle = [statistics.median(costs[kind][sized.title]) for kind in KINDS]
    return [sized.title, number(sized.memory_mib), number(sized.kernel_mib), number(sized.restart_s),
            number(statistics.median(sized.reload_s)), *map(number, middle)]


HEAD = ["with", "memory, MiB", "of the kernel", "restart, s", "reload, ms", "denied, µs", "cached, µs", "miss, µs"]


class Sizes:
    def __init__(self, bench):
        bench.asks["long"] = ("x%.l.bench.test", ["--addresses", servers.ADDRESSES, "--window", 64])
        self.lines, self.found = [], []
        for what, sizes, key in (("rules", RULES, "rules"), ("leases", LEASES, "n_leases"),
                                 ("sandboxes", SANDBOXES, "sandboxes")):
            rows, lines = one_kind(bench, what, sizes, lambda name, size, key=key: Sized(bench, name, **{key: size}))
            self.found += rows
            self.lines += lines

    def rows(self):
        return self.found

    def table(self):
        return report.table([HEAD, ["---"] + ["--:"] * (len(HEAD) - 1), *self.lines])


def measure(bench):
    return Sizes(bench)
