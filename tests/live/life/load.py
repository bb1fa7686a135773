"""What goes on while the gate's processes die: each role runs until the end is there, and says what it counted.

lookups     names without a pause; each address of a reply must stand in the kernel's set at once, and until TTL and grace end
probe       packets to addresses that nobody was given, and to those of the neighbour: none may arrive
flows       connections that exchange a line ten times a second: all must live
connects    new connections to what is open: all must come about
"""
import collections
import errno
import json
import os
import random
import select
import socket
import struct
import sys
import time

import kernel
import peer
from netns import Inside

END = os.environ["LIFE_WORK"] + "/enough"
GATE, BOX4, BOX6 = ("10.77.1.1", 53), "10.77.1.2", "fd77:1::2"
KEPT4 = ["44.4.0.%d" % n for n in range(1, 9)]
KEPT6 = ["2001:db8:80:4::%d" % n for n in range(1, 9)]
PORTED, STATIC, ENDED = "44.4.1.1", "44.4.3.1", "44.4.2.1"
ALWAYS = KEPT4 + KEPT6 + [PORTED, STATIC]
OPEN_PORT, WRONG_PORT = 7778, 7777
TIMESTAMP = 35  # SO_TIMESTAMPNS
GIVE_UP = 0.5  # then others are sent; should an answer come yet, it is judged like any
GRACE, BEFORE = 1.0, 0.1  # until then an element stands beyond a TTL; so long before it is looked
AHEAD = 0.2  # of the clock, between the kernel's timers and ours


def ended():
    return os.path.exists(END)


# ---- look-ups ----

class Lookups:
    WINDOW, PER_SECOND, NAMES = 24, 900, 300

    def __init__(self):
        self.pairs = kernel.Pairs()
        with Inside("box1"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.bind((BOX4, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, TIMESTAMP, 1)
        self.sock.setblocking(False)
        self.waiting, self.given_up, self.ident, self.promises = {}, {}, 0, collections.deque()
        self.seen, self.wrong = collections.Counter(), []

    def send(self):
        self.ident = (self.ident + 1) % 65536
        kind = random.choice([1, 1, 28])
        if random.random() < 0.1:
            name = "n%d.other.example" % random.randrange(1000)
        else:
            name = "s%d.life.example" % random.randrange(self.NAMES)
        self.waiting[self.ident] = (name, kind, time.time())
        try:
            self.sock.sendto(peer.query(name, kind, self.ident), GATE)
        except OSError:
            self.seen["unsent"] += 1

    def receive(self):
        try:
            octets, ancillary, _, _ = self.sock.recvmsg(4096, 64)
        except OSError:
            return False
        arrived = struct.unpack("qq", ancillary[0][2][:16])
        ident = struct.unpack(">H", octets[:2])[0]
        asked = self.waiting.pop(ident, None) or self.given_up.pop(ident, None)
        if asked:
            self.judge(*asked, octets, arrived[0] + arrived[1] / 1e9)
        return True

    def judge(self, name, kind, asked, octets, arrived):
        rcode, ttl, addresses = peer.parse(octets)
        self.seen["rcode %d" % rcode] += 1
        if not addresses:
            return
        self.seen["answers"] += 1
        if name.endswith("other.example"):
            self.wrong.append("%s was answered" % name)
        for address in addresses:
            left, now = self.pairs.left(BOX4 if kind == 1 else BOX6, address), time.time()
            self.seen["addresses"] += 1
            if now > arrived + ttl:
                self.seen["too late to tell"] += 1
            elif left is None:
                self.wrong.append("%s: %s was shown and does not stand" % (name, address))
            elif left + AHEAD < arrived + ttl - now:
                self.wrong.append("%s: %s has %.3f s left with TTL %d" % (name, address, left, ttl))
            else:
                self.promises.append((arrived + ttl + GRACE, name, kind, address, ttl, arrived - asked))

    def keep(self, now):
        """What was promised stands until its end, whoever died meanwhile. All have the same TTL: they end in order."""
        while self.promises and self.promises[0][0] - BEFORE < now:
            end, name, kind, address, ttl, took = self.promises.popleft()
            left = self.pairs.left(BOX4 if kind == 1 else BOX6, address)
            self.seen["ends"] += time.time() < end
            if left is None and time.time() < end:
                self.wrong.append("%s: %s went %.3f s before its time, with TTL %d of an answer that took %.3f s" %
                                  (name, address, end - now, ttl, took))

    def expire(self, now):
        for ident in [ident for ident, one in self.waiting.items() if now - one[2] > GIVE_UP]:
            self.given_up[ident] = self.waiting.pop(ident)

    def run(self):
        begin, sent = time.time(), 0
        while not ended():
            now = time.time()
            self.expire(now)
            self.keep(now)
            while len(self.waiting) < self.WINDOW and sent < (now - begin) * self.PER_SECOND:
                self.send()
                sent += 1
            if not select.select([self.sock], [], [], 0.01)[0]:
                continue
            while self.receive():
                pass
        return dict(self.seen, sent=sent, unanswered=len(self.waiting) + len(self.given_up), wrong=self.wrong)


# ---- packets that must not pass ----

def out_of(box, kind, family=socket.AF_INET):
    with Inside(box):
        sock = socket.socket(family, kind)
    sock.setblocking(False)
    return sock


def attempt(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass


def probe():
    """To ranges that no name leads to, a port that no rule opens, what has ended, and what only the neighbour has."""
    udp = {box: out_of(box, socket.SOCK_DGRAM) for box in ("box1", "box2")}
    udp6 = out_of("box1", socket.SOCK_DGRAM, socket.AF_INET6)
    sent = collections.Counter()
    while not ended():
        never = "44.250.%d.%d" % (random.randrange(256), random.randrange(256))
        attempt(udp["box1"].sendto, b"never", (never, WRONG_PORT))
        attempt(udp["box1"].sendto, b"port", (PORTED, WRONG_PORT))
        attempt(udp["box1"].sendto, b"ended", (ENDED, WRONG_PORT))
        attempt(udp6.sendto, b"never", ("2001:db8:80:ff::%x" % random.randrange(65536), WRONG_PORT))
        attempt(udp["box2"].sendto, b"neighbour", (random.choice(KEPT4), WRONG_PORT))
        tcp = out_of("box1", socket.SOCK_STREAM)
        attempt(tcp.connect, (never, 80))
        tcp.close()
        sent["wrong"] += 6
        attempt(udp["box1"].sendto, b"open", (random.choice(KEPT4), OPEN_PORT))
        sent["open"] += 1
        time.sleep(0.003)
    return sent


# ---- connections ----

def connected(address):
    """What may have ended since it was looked up is looked up again."""
    with Inside("box1"):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        with Inside("box1"):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(20)
        try:
            if address == ENDED:
                peer.ask(asking, GATE, "ended.bounds.example", 1, 20)
            sock.connect((address, 80))
            return sock
        except ConnectionRefusedError:
            if address != ENDED:
                raise
            sock.close()


def flows():
    """Each sends a line when the one before it is ten to the second behind, and gets it back."""
    socks, missing, cut, lines = {}, {}, [], 0
    for address in [ENDED] * 2 + ALWAYS * 2:
        sock = connected(address)
        socks[sock], missing[sock] = address, 0.0
    open(os.environ["LIFE_WORK"] + "/flowing", "w", encoding="ascii").close()
    while not ended() and socks:
        begin = time.monotonic()
        for sock, address in list(socks.items()):
            try:
                if not missing[sock]:
                    sock.sendall(b"line\n")
                    missing[sock] = begin
                    lines += 1
                elif begin - missing[sock] > 15:
                    raise OSError(errno.ETIMEDOUT, "nothing comes back")
            except OSError as error:
                cut.append("%s: %s" % (address, error))
                del socks[sock]
        while True:
            left = begin + 0.1 - time.monotonic()
            ready = select.select(list(socks), [], [], max(left, 0))[0] if socks else []
            for sock in ready:
                try:
                    got = sock.recv(64)
                except OSError as error:
                    got = error
                if not isinstance(got, bytes) or not got:
                    cut.append("%s: %s" % (socks.pop(sock), got or "closed"))
                missing[sock] = 0.0
            if left <= 0:
                break
    return {"lines": lines, "alive": len(socks), "cut": cut}


def connects():
    done, failed = 0, []
    while not ended():
        address = ALWAYS[done % len(ALWAYS)]
        with Inside("box1"):
            result = peer.outcome(address, 80)
        done += 1
        if result != "open":
            failed.append("%s %s at %.3f" % (address, result, time.time()))
        time.sleep(0.008)
    return {"done": done, "failed": failed}


if __name__ == "__main__":
    roles = {"lookups": lambda: Lookups().run(), "probe": probe, "flows": flows, "connects": connects}
    print(json.dumps(roles[sys.argv[1]]()))
