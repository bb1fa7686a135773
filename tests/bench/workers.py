"""What a second worker brings: answers a second of two workers on two cores against those of one on one.

A worker has its core to itself but for the load of its own sandbox, which asks from the same core. So each core does the
same work whether there is one or two of them, and a machine of two shows what a second one brings: the sum of what
both answer, and the processor time of an answer, which would grow if the workers stood in each other's way. What it
does not show is how many answers a core gives that has no load beside its worker, nor more workers than two. Misses
are left out: they share one warden and one upstream, which would be on the cores as well.
"""
import concurrent.futures
import os
import time

import servers
import stage
from report import Row, progress

AT_LEAST, SAME = 1.8, 1.1
NAMES = 64  # so many are tried until two are of different workers


class Pinned(servers.Gate):
    """A gate with as many workers as cores, each worker on one of them."""

    def __init__(self, bench, net, cores):
        self.cores = cores
        super().__init__(bench.stage, bench.options.build, net)
        self.pin()

    def start(self, ready):
        cores = ",".join(map(str, self.cores))
        self.process = stage.Process(self.net, cores, [self.program, "-c", os.path.join(self.folder, "conf")],
                                     f"{self.net}.log", ready=ready)

    def pin(self):
        """Its first worker to the first core, and so on; main and warden have nothing to do."""
        shares = {f"{number + 1}/{len(self.cores)}": core for number, core in enumerate(self.cores)}
        pinned = 0
        for pid in self.process.pids():
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as line:
                words = line.read().split("\0")
            core = shares.get(words[words.index("--share") + 1]) if "--share" in words else None
            if core is not None:
                os.sched_setaffinity(pid, {core})
                pinned += 1
        if pinned != len(self.cores):
            raise stage.Trouble(f"of {len(self.cores)} workers there are {pinned}: {self.process.last_words()}")

    def worker_of(self, name):
        listed = self.control.ask_all([{"verb": "sandbox-list"}])[0]["sandboxes"]
        return next(one["worker"] for one in listed if one["name"] == name)

    def register_at(self, worker, interface, source):
        """A sandbox that is that worker's, which follows from its name."""
        for number in range(NAMES):
            name = f"of{worker}-{number}"
            self.register([self.sandbox(name, interface, source)])
            if self.worker_of(name) == worker:
                return
            self.register([{"verb": "sandbox-remove", "name": name}])
        raise stage.Trouble(f"none of {NAMES} names is of worker {worker}")


class Client:
    """A sandbox on a link of its own, whose load is on its worker's core."""

    def __init__(self, bench, gate, worker, to, interface):
        self.bench, self.core, self.to = bench, gate.cores[worker - 1], to + ":53"
        gate.register_at(worker, interface, to[:-1] + "2")

    def ask(self, what, *more):
        name, right = self.bench.asks[what]
        return self.bench.stage.load("box", self.core, self.to, name, *right, *more)


class Side:
    """One worker or two, and a client of each."""

    def __init__(self, bench, net, cores):
        self.gate = Pinned(bench, net, cores)
        self.clients = [Client(bench, self.gate, 1, self.gate.host, self.gate.interface)]
        for worker in range(2, len(cores) + 1):
            host = bench.stage.link("box", net)
            self.clients.append(Client(bench, self.gate, worker, host, f"sb{bench.stage.servers}"))

    def ask(self, what, *more):
        with concurrent.futures.ThreadPoolExecutor(len(self.clients)) as pool:
            runs = [pool.submit(client.ask, what, *more) for client in self.clients]
            return [run.result() for run in runs]

    def measured(self, what, seconds):
        """Answers a second of all together, and microseconds of the server's processor time for each."""
        before = self.gate.process.cpu_us()
        seen = self.ask(what, "--seconds", seconds)
        spent = self.gate.process.cpu_us() - before
        return sum(one["right"] / one["seconds"] for one in seen), spent / sum(one["right"] for one in seen)


def rows_of(what, one, two):
    pairs = list(zip(one, two))
    return [Row(f"{what}: one worker, with its load on its core", [rate for rate, _ in one], "/s"),
            Row(f"{what}: two workers, each with its load on its core", [rate for rate, _ in two], "/s"),
            Row(f"{what}: two workers / one", [b[0] / a[0] for a, b in pairs], "x", AT_LEAST, True),
            Row(f"{what}: CPU an answer, one worker", [cost for _, cost in one], "us"),
            Row(f"{what}: CPU an answer, two workers / one", [b[1] / a[1] for a, b in pairs], "x", SAME)]


def measure(bench):
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise stage.Trouble("a second worker needs a second core")
    sides = [Side(bench, "single", cores[:1]), Side(bench, "double", cores)]
    rows = []
    for what, title in (("deny", "denied"), ("hit", "cached")):
        seen = [[], []]
        for side in sides:
            side.ask(what, "--count", 300)
        for turn in range(bench.options.rounds):
            progress(f"workers, {title}: round {turn + 1} of {bench.options.rounds}")
            for place in range(2):
                at = (turn + place) % 2
                seen[at].append(sides[at].measured(what, bench.options.seconds))
                time.sleep(0.1)  # what is left of it is read
        rows += rows_of(title, *seen)
    for side in sides:
        side.gate.process.stop()
    return rows
