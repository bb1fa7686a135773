"""Kills the gate's processes in turn, at any moment, and looks at what the next ones know.

rounds.py FOLDER CONFIGURATION ROUNDS   FOLDER/new has the programs that take the place of FOLDER's half-way
"""
import collections
import json
import os
import random
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import kernel
import peer
from netns import Inside

WORK = os.environ["LIFE_WORK"]
GATE, BOX4, BOX6 = ("10.77.1.1", 53), "10.77.1.2", "fd77:1::2"
PATIENCE = 20.0
CALM = 0.6  # a process lives at most so long, once all is well
BLOWS = 60  # of a hundred rounds: a second process dies while the first is away
APART = 2.0  # seconds by which an end may differ: the kernel's timers, and whole seconds in the store
VICTIMS = ("main", "worker", "warden")
PROGRAMS = ("namegated", "namegate-warden")


class Lost(Exception):
    pass


def wait_for(what, true):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.005)
    raise Lost("%s: not within %.0f seconds" % (what, PATIENCE))


class Gate:
    def __init__(self, folder, configuration):
        self.folder, self.configuration, self.started = folder, configuration, 0
        self.log = open(WORK + "/namegated.log", "ab")
        self.main = None

    def start(self):
        """As a service manager does, again and again."""
        self.main = subprocess.Popen([self.folder + "/namegated", "-c", self.configuration], stdout=self.log, stderr=self.log)
        self.started += 1

    def pids(self):
        """{which: pid} of those that are there. The other is what main is before it becomes one of the two, or looks ahead."""
        found = {"main": self.main.pid}
        try:
            with open("/proc/%d/task/%d/children" % (self.main.pid, self.main.pid), encoding="ascii") as file:
                children = [int(word) for word in file.read().split()]
            for pid in children:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    words = file.read().split(b"\0")
                found["warden" if b"namegate-warden" in words[0] else "worker" if b"--worker" in words else "other"] = pid
        except OSError:
            pass
        return found

    def kill(self, victim):
        """Returns when it is dead; False when it was not there."""
        pid = self.pids().get(victim)
        if not pid:
            return False
        watched = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([watched], [], [], PATIENCE)
        os.close(watched)
        if victim == "main":
            self.main.wait()
        return True

    def tend(self):
        if self.main.poll() is not None:
            self.start()

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(WORK + "/control")
            file = sock.makefile("rw")
            file.write(json.dumps(request) + "\n")
            file.flush()
            return json.loads(file.readline())

    def programs(self):
        """Which program each process runs: the files as they are, or those before them."""
        now = {os.stat(self.folder + "/" + name).st_ino for name in PROGRAMS}
        return {which: os.stat("/proc/%d/exe" % pid).st_ino in now for which, pid in self.pids().items()}


class Rounds:
    def __init__(self, gate):
        self.gate, self.pairs, self.asked = gate, kernel.Pairs(), 0
        self.took, self.seen, self.wrong = collections.defaultdict(list), collections.Counter(), []
        with Inside("box1"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.bind((BOX4, 0))
        self.kept = None

    # ---- is it back? ----

    def answers(self):
        """A name that nobody has asked for yet is answered, so all three work."""
        self.gate.tend()
        try:
            return peer.ask(self.sock, GATE, "r%d.fresh.life.example" % self.asked, 1, 0.05)[2]
        except OSError:
            return False

    def back(self):
        self.asked += 1
        wait_for("an answer", self.answers)

    # ---- what does it know? ----

    def leases(self):
        """{(address, port): (name, when it ends)} of those that last."""
        rows = self.gate.ask({"verb": "leases", "sandbox": "box1"})["leases"]
        now = time.monotonic()
        return {(row["address"], row.get("port", "")): (row["name"], now + row["left_s"])
                for row in rows if row["address"].startswith(("44.4.0.", "44.4.1.", "2001:db8:80:4:"))}

    def remember(self):
        self.kept = self.leases()
        self.seen["leases"] = len(self.kept)

    def compare(self, when):
        now_known = self.leases()
        for (address, port), (name, end) in self.kept.items():
            known = now_known.get((address, port))
            source = BOX6 if ":" in address else BOX4
            left = self.pairs.left(source, address, port)
            if not known:
                self.wrong.append("%s: no lease of %s %s" % (when, address, port))
            elif known[0] != name or abs(known[1] - end) > APART:
                self.wrong.append("%s: %s by %s, %.1f s off" % (when, address, known[0], known[1] - end))
            if left is None or abs(time.monotonic() + left - end) > APART:
                self.wrong.append("%s: %s has %s s left in the kernel" % (when, address, left))
            self.seen["compared"] += 1

    # ---- rounds ----

    def blow(self, number, victim, alone):
        """One dies, and sometimes another before the first is back."""
        if not self.gate.kill(victim):
            self.wrong.append("round %d: there is no %s" % (number, victim))
        self.seen[victim] += 1
        self.gate.tend()
        if alone or random.randrange(100) >= BLOWS:
            return
        time.sleep(random.uniform(0, 0.06))
        if self.gate.kill(random.choice(list(self.gate.pids()))):
            self.seen["second blows"] += 1
        self.gate.tend()

    def one(self, number, alone):
        victim = VICTIMS[number % len(VICTIMS)]
        time.sleep(random.uniform(0, CALM))
        begin = time.monotonic()
        self.blow(number, victim, alone)
        self.back()
        self.took[victim].append(time.monotonic() - begin)
        self.compare("round %d, %s" % (number, victim))

    def upgrade(self):
        """New files over the old ones, as a package manager does."""
        for name in PROGRAMS:
            shutil.copy(self.gate.folder + "/new/" + name, self.gate.folder + "/" + name + ".new")
            os.rename(self.gate.folder + "/" + name + ".new", self.gate.folder + "/" + name)

    def programs(self, when):
        """All three are of one version: they share records that have no version of their own."""
        new = self.gate.programs()
        if len(new) == 3:
            self.seen["new programs" if all(new.values()) else "old programs"] += 1
        if any(new.values()) and not all(new.values()):
            self.wrong.append("%s: of two versions, new are %s" % (when, ", ".join(which for which in new if new[which])))

    def run(self, rounds):
        half = min(rounds // 6, (rounds - 4) // 3) * 3 + 1  # the others die before main does
        self.back()
        self.remember()
        for number in range(rounds):
            if number == half:
                self.upgrade()
            self.one(number, alone=number in (half, half + 1))
            if number >= half:
                self.programs("after round %d" % number)
        self.seen["rounds"] = rounds


def main():
    gate = Gate(sys.argv[1], sys.argv[2])
    gate.start()
    rounds = Rounds(gate)
    try:
        rounds.run(int(sys.argv[3]))
    except Lost as lost:
        rounds.wrong.append(str(lost))
    took = {"%s %s" % (which, what): round(1000 * value(times)) for which, times in sorted(rounds.took.items())
            for what, value in (("p50 ms", statistics.median), ("most ms", max))}
    print(json.dumps(dict(rounds.seen, **took, wrong=rounds.wrong, starts=gate.started)))
    gate.main.terminate()
    gate.main.wait()


if __name__ == "__main__":
    main()
