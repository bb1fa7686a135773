#!/usr/bin/env python3
"""The benchmark: what a query costs, against a floor and a peer, in one run.

Other work on the machine, its clock and its kernel move every figure, so nothing here stands alone:
the rounds of all servers are interleaved, a ratio is taken within each round, and the table
shows the median of the ratios and how far they spread.
"""
import argparse
import concurrent.futures
import contextlib
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import adopt
import explain
import facts
import field
import leases
import peers
import profile
import repair
import replay
import report
import resolver
import servers
import sizes
import stage
import workers
from report import Row

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")
PROGRAMS = {"chrt": "util-linux", "unshare": "util-linux", "nsenter": "util-linux",
            "taskset": "util-linux", "ip": "iproute2", "nft": "nftables", "tcpdump": "tcpdump"}
ASK = {  # what is asked, what is right, and how many may be outstanding
    "deny": ("denied.example", ["--rcode", servers.RCODE_NXDOMAIN, "--window", 64]),
    "hit": ("hit.w.bench.test", ["--addresses", servers.ADDRESSES, "--window", 64]),
    "miss": ("x%.w.bench.test", ["--addresses", servers.ADDRESSES, "--window", 64]),
    "close": ("x%.s.bench.test", ["--addresses", servers.ADDRESSES, "--window", 64]),
}
LOOK_UPS = {"missing": "not listed", "working": "1000 listed names",
            "uniform": "all listed names"}
FACTS = 100000  # of one expectation file
BASE_RULES = 10000  # of the list that many sandboxes share
RELOAD_RATE, RELOAD_SECONDS, RELOADS = 10000, 10, 20
ADOPTED = {10000: None, 100000: None, 1000000: 3}  # leases, and seconds that they may take
CONNECTIONS = 100000  # each at once after its look-up
REPAIRED, REPAIR_MS = 10000, 50  # elements, and how long all of them may be missing
LATENCY_RATE = 500  # questions a second: each meets servers at rest


class Bench:
    def __init__(self, options):
        self.options = options
        self.stage = stage.Stage(os.path.join(options.build, "tests/bench"))
        self.fresh = 0  # names asked so far: none is asked twice
        self.rows = []
        self.asks = ASK
        self.page = None
        self.tables = []  # markdown
        self.blocks = {}  # of the README: by their names, markdown

    def ask(self, server, what, *more):
        name, right = ASK[what]
        seen = self.stage.load("box", self.stage.load_core, server.at, name, *server.right(right),
                               "--first", self.fresh, *more)
        self.fresh += seen["sent"]
        return seen

    def cost(self, server, what):
        """Microseconds of processor time that one query costs the server, all processes together."""
        before = server.process.cpu_us()
        seen = self.ask(server, what, "--seconds", self.options.seconds)
        return (server.process.cpu_us() - before) / seen["right"]

    def costs(self, what, contenders):
        """Costs by server, one a round; each round begins with another server."""
        costs = {server.title: [] for server in contenders}
        for server in contenders:
            self.ask(server, what, "--count", 300)
        for turn in range(self.options.rounds):
            report.progress(f"{what}: round {turn + 1} of {self.options.rounds}")
            for place in range(len(contenders)):
                server = contenders[(turn + place) % len(contenders)]
                costs[server.title].append(self.cost(server, what))
        return costs

    def compare(self, what, title, contenders, against, target):
        costs = self.costs(what, contenders)
        for server in contenders:
            self.rows.append(Row(f"{title}: CPU a query, {server.title}", costs[server.title], "us"))
        for other in (server.title for server in contenders[1:]):
            ratios = [ours / theirs for ours, theirs in zip(costs["namegate"], costs[other])]
            self.rows.append(Row(f"{title}: namegate / {other}", ratios, "x",
                                 target if other == against else None))

    def latency_upstream(self, server):
        """What one paced round saw of the upstream, asked from where the server asks it: its namespace and core."""
        return self.stage.load(server.net, self.stage.server_core, servers.UPSTREAM, "d%.w.bench.test", "--addresses",
                               servers.ADDRESSES, "--rate", LATENCY_RATE, "--seconds", self.options.seconds)

    def latency(self, server):
        """And of the server, asked by the client."""
        return self.ask(server, "miss", "--rate", LATENCY_RATE, "--seconds", self.options.seconds)

    def latencies(self, contenders, cores, keep):
        direct, added = [], {server.title: [] for server in contenders}
        for turn in range(self.options.rounds):
            report.progress(f"latency, cores {cores}: round {turn + 1} of {self.options.rounds}")
            with keep():
                for server in contenders:
                    floor, whole = self.latency_upstream(server), self.latency(server)
                    direct.append(floor["p50_us"])
                    added[server.title].append(whole["p50_us"] - floor["p50_us"])
        self.rows.append(Row(f"miss, cores {cores}: median of the upstream alone", direct, "us"))
        for title, values in added.items():
            self.rows.append(Row(f"miss, cores {cores}: added to it by {title}", values, "us",
                                 150 if title == "namegate" else None))

    def prove(self, server):
        """What is compared must be the same work: after an answer its addresses are in the set."""
        before, asked = server.elements(), 100
        self.ask(server, "miss", "--count", asked)
        stand = server.elements() - before
        if stand != asked * servers.ADDRESSES:
            raise stage.Trouble(f"{server.title}: of {asked * servers.ADDRESSES} addresses handed "
                                f"out {stand} stand in the set")

    def register_many(self, gate, allow=None):
        """Seconds; allow makes a sandbox's own list of its number."""
        return gate.register([
            gate.sandbox(f"box{i}", f"sbm{i}", f"10.{128 + (i >> 16)}.{i >> 8 & 255}.{i & 255}",
                         allow(i) if allow else None)
            for i in range(self.options.sandboxes)])

    def registration(self):
        """A gate of its own: what it remembers of queries would count as idle memory."""
        many = self.options.sandboxes
        report.progress(f"registration of {many} sandboxes")
        gate = servers.Gate(self.stage, self.options.build, "many")
        empty = gate.process.memory_kib() / 1024
        seconds = self.register_many(gate)
        stand = gate.identities()
        if stand != many:
            raise stage.Trouble(f"of {many} registered sandboxes {stand} stand in the kernel")
        time.sleep(2)
        self.rows += [Row(f"{many} sandboxes: registered a second", [many / seconds], "/s", 15000, True),
                      Row("no sandbox: memory of all processes", [empty], "MiB"),
                      Row(f"{many} sandboxes: idle memory of all processes",
                          [gate.process.memory_kib() / 1024], "MiB", 100)]
        gate.process.stop()

    def revocation(self):
        """Fifty thousand flows of one sandbox, cut by the kernel's own filter and one by one; others stay."""
        report.progress("50,000 flows cut")
        taken = [self.stage.cut(50000) for _ in range(self.options.rounds)]
        self.rows += [Row(f"50,000 flows {which}: cut", [seen[way] for seen in taken], "ms", 100)
                      for which, way in (("to an address", "address_ms"), ("to a port", "port_ms"),
                                         ("of IPv6, weighed one by one", "walk_ms"))]

    def million(self):
        """A million rules against a thousand, in one process and without a server."""
        report.progress("one million rules")
        seen = self.stage.policy("--rounds", self.options.rounds)
        whole = [sum(parts) for parts in zip(seen["compile_s"], seen["load_s"])]
        self.rows += [Row("1M RPZ rules: compiled", seen["compile_s"], "s"),
                      Row("1M RPZ rules: opened and handed over", seen["load_s"], "s"),
                      Row("1M RPZ rules: both", whole, "s", 2),
                      Row("1M RPZ rules: image a rule", [seen["image"] / seen["rules"]], "B", 64)]
        for way, title in LOOK_UPS.items():
            small, large = seen[f"{way}_small_ns"], seen[f"{way}_large_ns"]
            self.rows += [Row(f"look-up, {title}: 1k rules", small, "ns"),
                          Row(f"look-up, {title}: 1M rules", large, "ns"),
                          Row(f"look-up, {title}: 1M rules / 1k rules",
                              [many / few for many, few in zip(large, small)], "x", 1.2)]

    def explained(self):
        """A process of its own each time, and files that nobody has read yet."""
        report.progress("namegate explain")
        try:
            taken = explain.measure(os.path.join(self.options.build, "namegate"),
                                    3 * self.options.rounds)
        except ValueError as trouble:
            raise stage.Trouble(trouble) from trouble
        self.rows += [Row(f"explain, policy of {explain.LINES} lines: {what}", values, "ms", 50)
                      for what, values in taken.items()]

    def expectations(self):
        """A file of facts about a policy of a million rules, beyond what one fact of it costs."""
        report.progress("expectations")
        facts.write(stage.WORK, 1000000, FACTS)
        command = [os.path.join(self.options.build, "namegate"), "test"]
        one, many = [], []
        for turn in range(min(self.options.rounds, 3)):
            report.progress(f"expectations: round {turn + 1}")
            one.append(self.stage.cpu_s(*command, os.path.join(stage.WORK, "one.expect")))
            many.append(self.stage.cpu_s(*command, os.path.join(stage.WORK, "many.expect")))
        beyond = [more - less for more, less in zip(many, one)]
        self.rows += [Row("1M rules: one expectation, loading among it", one, "s"),
                      Row(f"1M rules: {FACTS} expectations beyond that", beyond, "s", 3)]

    def lists_memory(self, net, allow):
        gate = servers.Gate(self.stage, self.options.build, net, BASE_RULES)
        self.register_many(gate, allow)
        time.sleep(2)
        kib = gate.process.memory_kib()
        gate.process.stop()
        return kib

    def lists(self):
        """What lists of their own cost sandboxes beyond the list that they share."""
        many = self.options.sandboxes
        report.progress(f"lists of {many} sandboxes")
        shared = self.lists_memory("shared", None)
        own = self.lists_memory(
            "own", lambda i: [f"api{i}.own.bench.test", f"*.data{i}.own.bench.test",
                              f"!admin.data{i}.own.bench.test"])
        self.rows += [Row(f"{many} sandboxes over one list of {BASE_RULES}: memory",
                          [shared / 1024], "MiB"),
                      Row("a sandbox's own list of three rules",
                          [(own - shared) * 1024 / many], "B", 2048)]

    def steady(self, gate, meanwhile):
        """A run of denied and cached questions in equal parts: lost or wrong, and the 99.9th
        percentile of the slower part. The window never holds a question back."""
        options = ["--rate", RELOAD_RATE / 2, "--seconds", RELOAD_SECONDS]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(self.stage.seen, "box", self.stage.load_core, gate.at, name,
                                *right, "--window", 8192, *options)
                    for name, right in (ASK["deny"], ASK["hit"])]
            meanwhile()
            seen = [run.result() for run in runs]
        return (sum(one["lost"] + one["wrong"] for one in seen),
                max(one["p999_us"] for one in seen) / 1000)

    def reload_often(self, gate, taken):
        """Spread over the run; each time the list has changed."""
        for turn in range(RELOADS):
            begun = time.monotonic()
            gate.write_policy(f"turn{turn}.base.bench.test")
            taken.append(gate.reload() * 1000)
            time.sleep(max(0, RELOAD_SECONDS * 0.95 / RELOADS - (time.monotonic() - begun)))

    def reloads(self):
        gate = servers.Gate(self.stage, self.options.build, "reload", BASE_RULES)
        gate.register([gate.sandbox("bench", gate.interface, gate.client)])
        self.ask(gate, "hit", "--count", 300)
        quiet, busy, lost, taken = [], [], [], []
        for turn in range(min(self.options.rounds, 3)):
            report.progress(f"reloads: round {turn + 1}")
            quiet.append(self.steady(gate, lambda: None)[1])
            missing, slowest = self.steady(gate, lambda: self.reload_often(gate, taken))
            lost.append(missing)
            busy.append(slowest)
        gate.process.stop()
        at = f"{RELOAD_RATE} queries a second"
        self.rows += [Row(f"{at}: 99.9th percentile", quiet, "ms"),
                      Row(f"{at}, {RELOADS} reloads: 99.9th percentile", busy, "ms", 5),
                      Row(f"{at}, {RELOADS} reloads: lost or wrong", lost, "", 0),
                      Row(f"{at}: one reload", taken, "ms")]

    def captures(self):
        report.progress("replay of captures")
        self.rows += replay.rows(self.options.build, self.stage.server_core, self.options.rounds)

    def adoption(self):
        for leases, target in ADOPTED.items():
            taken = []
            for turn in range(min(self.options.rounds, 3)):
                report.progress(f"restart with {leases} leases: round {turn + 1}")
                taken.append(adopt.measure(self.options.build, self.stage.server_core,
                                           self.stage.load_core, leases))
            self.rows.append(Row(f"restart with {leases} leases, all ordered again", taken, "s", target))

    def leases(self):
        many = self.options.sandboxes
        report.progress("commits")
        self.rows += leases.commits(self.stage, self.options.rounds)
        report.progress(f"{CONNECTIONS} connections")
        self.rows += leases.connections(self.options.build, CONNECTIONS)
        report.progress("forged packets")
        self.rows += leases.forged(self.options.build, self.options.rounds)
        report.progress(f"{many} sandboxes with leases, in the kernel")
        self.rows += leases.held_by_warden(self.options.build, self.stage, many, self.options.rounds)
        report.progress(f"{many} sandboxes with leases, in the processes")
        self.rows += leases.held_by_gate(self.options.build, self.stage, many)
        report.progress("one-second leases")
        self.rows += leases.stream(self.options.build, self.stage)

    def repair(self):
        taken = []
        for turn in range(self.options.rounds):
            report.progress(f"a foreign flush of {REPAIRED} elements: round {turn + 1}")
            taken.append(1000 * repair.measure(self.options.build, self.stage.server_core,
                                               self.stage.load_core, REPAIRED))
        self.rows.append(Row(f"{REPAIRED} elements back after a foreign flush", taken, "ms", REPAIR_MS))

    def peers(self):
        """The gate and the floor among all peers."""
        gates = [kind(self.stage, self.options.build, net, lease_min="1m")
                 for kind, net in ((servers.Gate, "field"), (servers.PollingGate, "polling"))]
        for gate in gates:
            gate.register([gate.sandbox("bench", gate.interface, gate.client)])
        found = field.measure(self, gates, servers.Echo(self.stage, "floor"), servers.TurnedEcho(self.stage))
        self.rows += found.rows()
        self.tables += found.tables()
        self.blocks["field"] = field.WORDS, found.tables()[0]
        if self.options.svg:
            report.write(self.options.svg, found.plot(report.machine(self.options, self.stage)))
        for server in [*found.contenders, found.polling]:
            server.process.stop()

    def resolver(self):
        self.rows += resolver.measure(self)

    def workers(self):
        self.rows += workers.measure(self)

    def sizes(self):
        found = sizes.measure(self)
        self.rows += found.rows()
        self.tables.append(found.table())
        self.blocks["sizes"] = sizes.WORDS, found.table()

    def profile(self):
        self.page = profile.measure(self)
        self.rows += self.page.rows()

    def run(self):
        for name, part in PARTS.items():
            if self.options.only in (None, name):
                part(self)

    def own(self):
        self.million()
        self.leases()
        self.adoption()
        self.repair()
        self.explained()
        self.expectations()
        self.captures()
        echo = servers.Echo(self.stage)
        peer = peers.DnsmasqSet(self.stage)
        gate = servers.Gate(self.stage, self.options.build)
        gate.register([gate.sandbox("bench", gate.interface, gate.client)])
        self.compare("deny", "denied", [gate, echo, peer], "echo", 2)
        self.compare("hit", "cached", [gate, echo, peer], "echo", 2)
        self.prove(gate)
        self.prove(peer)
        self.latencies([gate, peer], "kept awake", stage.Awake)
        self.latencies([gate, peer], "free to halt", contextlib.nullcontext)
        self.compare("miss", "miss", [gate, peer], peer.title, 1 / 3)
        self.compare("close", "miss, lease ended", [gate, peer], peer.title, None)
        for server in (gate, peer):
            server.process.stop()
        self.revocation()
        self.registration()
        self.lists()
        self.reloads()


PARTS = {"own": Bench.own, "resolver": Bench.resolver, "workers": Bench.workers, "field": Bench.peers, "sizes": Bench.sizes,
         "profile": Bench.profile}


def read_options():
    parser = argparse.ArgumentParser(description="Measures namegate against an echo and dnsmasq.")
    parser.add_argument("--build", default=".", help="folder of the build (.)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each figure (5)")
    parser.add_argument("--seconds", type=float, default=1.5, help="seconds of one round (1.5)")
    parser.add_argument("--sandboxes", type=int, default=10000, help="how many to register (10000)")
    parser.add_argument("--fifo", action="store_true",
                        help="real-time priority for all that is measured: for a busy machine")
    parser.add_argument("--only", choices=PARTS, help="one part: namegate's own figures, those of a resolver among hostile "
                        "clients and servers, what a second worker brings, those among other servers, what grows, or where a query's time goes")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there, of servers and of sizes")
    parser.add_argument("--readme", action="store_true", help="put what was measured of the tables of README.md there")
    parser.add_argument("--svg", metavar="FILE", help="write the plot of servers there")
    parser.add_argument("--page", metavar="FILE", help="write the page of where a query's time goes there")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    for name in ("json", "markdown", "svg", "page"):
        setattr(options, name, getattr(options, name) and os.path.abspath(getattr(options, name)))
    return options


def check_machine():
    if os.geteuid() != 0:
        raise stage.Trouble("needs root, for network namespaces and nftables: sudo make bench")
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if missing:
        raise stage.Trouble(f"programs are missing: apt-get install {' '.join(missing)}")


def main():
    options = read_options()
    try:
        check_machine()
        if options.fifo:
            os.environ["NGBENCH_FIFO"] = "yes"
        stage.enter()
        bench = Bench(options)
        bench.run()
    except (stage.Trouble, OSError) as trouble:
        report.progress("")
        print(f"bench: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        report.progress("")
        print("bench: interrupted; namespaces and servers are gone with it", file=sys.stderr)
        return 130
    report.show(bench.rows, options, bench.stage)
    if bench.tables:
        report.show_tables(bench.tables, options, bench.stage)
    if options.readme:
        report.renew(README, bench.blocks, report.machine(options, bench.stage))
    if bench.page and options.page:
        report.write(options.page, bench.page.page(report.machine(options, bench.stage)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
