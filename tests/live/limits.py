"""Asks more than a sandbox may, and counts what it was told.

ask WAY SERVER PATTERN FIRST LAST [KEPT FILE]
        questions for PATTERN % n, by "udp", "tcp" or the Unix socket SERVER ("unix"). When all but KEPT
        of them are answered, makes FILE, and waits for the others. Prints how many of each answer came.
crowd SERVER PATTERN N FILE
        connections with a question under way each; then makes FILE. Prints how many were refused.
keep ADDRESS FILE ...
        answer the questions to each ADDRESS with 44.0.0.9, but none before its FILE is there
"""
import collections
import os
import select
import socket
import struct
import sys

import peer
import tcp

WINDOW = 64
RCODES = {0: "answered", 2: "failed", 3: "denied", 5: "refused"}


class Datagrams:
    def __init__(self, server):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(60)
        self.sock.connect((server, 53))

    def send(self, wire):
        self.sock.send(wire)

    def receive(self):
        return self.sock.recv(65535)


class Stream:
    def __init__(self, server):
        self.sock = tcp.call(server, 60)

    def send(self, wire):
        self.sock.sendall(struct.pack(">H", len(wire)) + wire)

    def receive(self):
        return tcp.message(self.sock)


def ask(way, server, pattern, first, last, kept="0", path=None):
    pipe = (Datagrams if way == "udp" else Stream)(server)
    kept, n, seen = int(kept), int(last) - int(first) + 1, collections.Counter()
    for i in range(n):
        pipe.send(peer.query(pattern % (int(first) + i), 1, i & 0xFFFF))
        while i + 1 - seen.total() > WINDOW + kept:
            seen[pipe.receive()[3] & 15] += 1
    while seen.total() < n - kept:
        seen[pipe.receive()[3] & 15] += 1
    if path:
        open(path, "w").close()
    while seen.total() < n:
        seen[pipe.receive()[3] & 15] += 1
    print(*("%s=%d" % (RCODES[rcode], n) for rcode, n in sorted(seen.items())))


def crowd(server, pattern, n, path):
    """The question behind the one that waits is answered at once: then that one is under way."""
    socks, refused = [], 0
    for i in range(int(n)):
        socks.append(tcp.call(server, 60))
        try:
            socks[-1].sendall(tcp.framed(pattern % i, 1) + tcp.framed("denied.example", 2))
            assert tcp.message(socks[-1])[1] == 2
        except (EOFError, OSError):
            socks.pop().close()
            refused += 1
    open(path, "w").close()
    for sock in socks:
        assert peer.parse(tcp.message(sock))[2] == ["44.0.0.9"]
    print("refused=%d" % refused)


def keep(*places):
    files, kept = {}, []
    for address, path in zip(places[::2], places[1::2]):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, 53))
        files[sock] = path
    print("ready", flush=True)
    while True:
        for sock in select.select(list(files), [], [], 0.05)[0]:
            kept.append((sock, *sock.recvfrom(4096)))
        for sock, wire, asker in [item for item in kept if os.path.exists(files[item[0]])]:
            head = wire[:2] + b"\x01\x00\x00\x01" + b"\0" * 6
            sock.sendto(peer.respond(head + wire[12:], "44.0.0.9"), asker)
        kept = [item for item in kept if not os.path.exists(files[item[0]])]


if __name__ == "__main__":
    {"ask": ask, "crowd": crowd, "keep": keep}[sys.argv[1]](*sys.argv[2:])
