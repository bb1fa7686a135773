"""namegate among other servers: what a query costs each, what each bears, and how long it takes meanwhile.

Rounds are interleaved, each begins with another server, and what is compared is compared within a round.
The upstream answers at once, so that a miss shows what the server does; namegate's miss holds four addresses
confirmed by the kernel before the answer, dnsmasq's with a set the same, and the others' nothing.
"""
import html
import statistics

import peers
import report
import servers
import stage
from report import Row

KINDS = {"deny": "denied", "hit": "cached", "miss": "miss"}
LOADS = (10, 50, 90)  # hundredths of what the server bears
QUANTILES = ("median", "99th percentile", "99.9th percentile")
MOST = {("deny", "echo"): 1.15, ("hit", "echo"): 1.15, ("deny", "dnsdist"): 0.85, ("hit", "dnsdist"): 0.85,
        ("miss", "dnsmasq --nftset"): 0.1, ("miss", "Unbound"): 1}  # of what that server takes
MISS_US = 25
ADDED = {"p50_us": ("median", 60), "p99_us": ("99th percentile", 250)}  # to the upstream's own, by namegate at most
WORDS = """\
`contrib/quickstart bench --only field --readme`: processor time of all processes of a server for a question, with as many
under way as it bears and four addresses an answer; what a question for a new name takes beyond the upstream itself when it comes
alone, also with `busy-poll`, which takes all of a core meanwhile; answers a second on one core. Before a miss of namegate, or
of dnsmasq with `--nftset`, is answered, all its addresses are in the kernel's set; the others open nothing."""
COLOURS = {"deny": "#4c78a8", "hit": "#54a24b", "miss": "#e45756"}


class Field:
    def __init__(self, bench, contenders, polling):
        self.bench, self.contenders, self.polling = bench, contenders, polling
        self.cost = {}  # (kind, title): microseconds of processor time, one a round
        self.rate = {}  # (kind, title): answers a second, with the window kept full
        self.idle = {one.title: one.process.memory_kib() / 1024 for one in [*contenders, polling]}
        self.added = {}  # (title, quantile): microseconds that a miss takes beyond the upstream, one a round
        self.late = {}  # (kind, title, hundredths): microseconds at the quantiles, and how many in a hundred had no answer

    def asked(self, kind):
        """An echo knows no upstream."""
        return [one for one in self.contenders if kind != "miss" or not isinstance(one, servers.Echo)]

    def saturate(self, kind):
        contenders = self.asked(kind)
        for server in contenders:
            self.bench.ask(server, kind, "--count", 300)
        for turn in range(self.bench.options.rounds):
            report.progress(f"field, {kind}: round {turn + 1} of {self.bench.options.rounds}")
            for place in range(len(contenders)):
                self.one_round(kind, contenders[(turn + place) % len(contenders)])

    def one_round(self, kind, server):
        before = server.process.cpu_us()
        seen = self.bench.ask(server, kind, "--seconds", self.bench.options.seconds)
        key = (kind, server.title)
        self.cost.setdefault(key, []).append((server.process.cpu_us() - before) / seen["right"])
        self.rate.setdefault(key, []).append(seen["right"] / seen["seconds"])

    def delays(self, kind):
        """Paced questions. What comes late under load is counted as it is; what is lost or refused ends nothing, and is told."""
        for hundredths in LOADS:
            for server in self.asked(kind):
                report.progress(f"field, {kind} at {hundredths} %: {server.title}")
                rate = statistics.median(self.rate[kind, server.title]) * hundredths / 100
                name, right = self.bench.asks[kind]
                seen = self.bench.stage.seen("box", self.bench.stage.load_core, server.at, name, *server.right(right),
                                             "--first", self.bench.fresh, "--rate", int(rate), "--window", 8192,
                                             "--seconds", self.bench.options.seconds)
                self.bench.fresh += seen["sent"]
                self.late[kind, server.title, hundredths] = [
                    *(seen[key] for key in ("p50_us", "p99_us", "p999_us")), 100 * (seen["lost"] + seen["wrong"]) / seen["sent"]]

    def additions(self):
        """A miss that comes alone: what the server adds to what its upstream takes. Cores are kept from halting, and no
        server has had a million questions yet."""
        for server in [*self.asked("miss"), self.polling]:
            self.bench.ask(server, "miss", "--count", 300)
        for turn in range(self.bench.options.rounds):
            report.progress(f"field, what a miss adds: round {turn + 1} of {self.bench.options.rounds}")
            for server in [*self.asked("miss"), self.polling]:
                with stage.Awake():
                    direct = self.bench.latency_upstream(server)
                with stage.Awake(self.bench.stage.server_core if server is self.polling else None):
                    whole = self.bench.latency(server)
                for key in ADDED:
                    self.added.setdefault((server.title, key), []).append(whole[key] - direct[key])

    def measure(self):
        self.additions()
        for kind in KINDS:
            self.saturate(kind)
            self.delays(kind)
        return self

    # ---- the rows ----

    def rows(self):
        found = []
        for (kind, title), costs in self.cost.items():
            target = MISS_US if (kind, title) == ("miss", "namegate") else None
            found.append(Row(f"field, {KINDS[kind]}: CPU a query, {title}", costs, "us", target))
            if title != "namegate":
                ratios = [ours / theirs for ours, theirs in zip(self.cost[kind, "namegate"], costs)]
                found.append(Row(f"field, {KINDS[kind]}: namegate / {title}", ratios, "x",
                                 MOST.get((kind, title))))
        for (kind, title), rates in self.rate.items():
            found.append(Row(f"field, {KINDS[kind]}: answers a second, {title}", rates, "/s"))
        for (title, key), values in self.added.items():
            words, most = ADDED[key]
            found.append(Row(f"field, miss: {words} added to the upstream's by {title}", values, "us",
                             most if title == "namegate" else None))
        for (kind, title, hundredths), (*late, none) in self.late.items():
            found += [Row(f"field, {KINDS[kind]} at {hundredths} %: {words}, {title}", [value], "us")
                      for words, value in zip(QUANTILES, late)]
            found.append(Row(f"field, {KINDS[kind]} at {hundredths} %: without an answer, {title}", [none], "in a hundred"))
        for server in [*self.contenders, self.polling]:
            found += [Row(f"field: idle memory, {server.title}", [self.idle[server.title]], "MiB"),
                      Row(f"field: start, {server.title}", [1000 * server.process.start_s], "ms")]
        return found

    def tables(self):
        """Markdown: a line for each server."""
        costs = [["server", "denied, µs", "cached, µs", "miss, µs", "a miss adds (p50), µs", "(p99)",
                  "denied, answers a second", "cached", "miss",
                  "idle memory, MiB", "start, ms"]]
        delays = [["p50, p99, p99.9, µs"] + [f"{said} at {hundredths} %" for said in KINDS.values()
                                             for hundredths in LOADS]]
        for lines in (costs, delays):
            lines.append(["---"] + ["--:"] * (len(lines[0]) - 1))
        for server in [self.contenders[0], self.polling, *self.contenders[1:]]:
            costs.append([server.title] + [self.cell(self.cost, kind, server) for kind in KINDS]
                         + [self.addition(server, key) for key in ADDED]
                         + [self.cell(self.rate, kind, server) for kind in KINDS]
                         + [report.number(self.idle[server.title]), report.number(1000 * server.process.start_s)])
        for server in self.contenders:
            delays.append([server.title] + [self.delay(kind, server, hundredths) for kind in KINDS
                                            for hundredths in LOADS])
        return [report.table(costs), report.table(delays)]

    @staticmethod
    def cell(figures, kind, server):
        values = figures.get((kind, server.title))
        return f"{report.number(statistics.median(values))}" if values else ""

    def addition(self, server, key):
        values = self.added.get((server.title, key))
        return report.number(statistics.median(values)) if values else ""

    def delay(self, kind, server, hundredths):
        late = self.late.get((kind, server.title, hundredths))
        if not late:
            return ""
        none = f" ({report.number(late[3])} % without an answer)" if late[3] else ""
        return ", ".join(report.number(one) for one in late[:3]) + none

    def plot(self, about):
        """SVG: bars of processor time a query; what does not fit is cut and has its figure beside it."""
        bar, gap, left, width = 12, 14, 130, 560
        values = {key: statistics.median(costs) for key, costs in self.cost.items()}
        most = sorted(values.values())[int(0.8 * (len(values) - 1))]
        out, y = [], 30
        for server in self.contenders:
            out.append(f'<text x="{left - 8}" y="{y + bar * 1.5:g}" text-anchor="end">{html.escape(server.title)}</text>')
            for kind in KINDS:
                value = values.get((kind, server.title))
                if value is None:
                    continue
                size = min(1.0, value / most) * width
                out.append(f'<rect x="{left}" y="{y}" width="{size:.1f}" height="{bar - 2}" fill="{COLOURS[kind]}"/>'
                           f'<text x="{left + size + 4:.1f}" y="{y + bar - 3}" font-size="10">{report.number(value)}</text>')
                y += bar
            y += gap
        keys = "".join(f'<rect x="{left + 170 * n}" y="8" width="10" height="10" fill="{COLOURS[kind]}"/>'
                       f'<text x="{left + 14 + 170 * n}" y="17">{name}</text>' for n, (kind, name) in enumerate(KINDS.items()))
        out.append(f'<text x="{left}" y="{y}" font-size="10">{html.escape(about["machine"])}, {about["date"]}</text>')
        y += gap
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{y}" font-family="sans-serif" '
                f'font-size="12"><title>Processor time a query, in microseconds</title>{keys}{"".join(out)}</svg>\n')


def measure(bench, gates, *echoes):
    """With all peers that are installed; which are not is a trouble that names the package."""
    gate, polling = gates
    return Field(bench, [gate, *echoes] + [kind(bench.stage) for kind in peers.ALL], polling).measure()
