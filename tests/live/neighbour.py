"""A sandbox that asks without waiting, and one beside it that waits for each answer.

flood SERVER N OCTETS [ADDRESS...]
        N questions of that length, as fast as they go, from each ADDRESS in turn. Prints how many left.
glue SERVER N OCTETS
        The same, but N packets of PIECES questions each, cut into these only where they are received.
burst SERVER N
        N different questions in one such packet. Prints how many of them were answered.
ask SERVER PATTERN FIRST N FILE
        N questions, all sent before FILE is made; then waits for all answers. Prints how many of each came.
"""
import collections
import socket
import sys

import peer
from limits import RCODES

UDP_SEGMENT, PIECES = 103, 30


def flood(server, n, octets, *addresses):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    socks = []
    for address in addresses or ("",):
        socks.append(socket.socket(family, socket.SOCK_DGRAM))
        socks[-1].bind((address, 0))
        socks[-1].connect((server, 53))
    wire = peer.query("flood.denied.example", 1, 1)
    wire += bytes(max(0, int(octets) - len(wire)))
    print(sum(socks[i % len(socks)].send(wire) == len(wire) for i in range(int(n))))


def gluing(server, octets):
    sock = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((server, 53))
    sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, octets)
    return sock


def glue(server, n, octets):
    sock = gluing(server, int(octets))
    wire = peer.query("flood.denied.example", 1, 1).ljust(int(octets), b"\0") * PIECES
    print(sum(sock.send(wire) == len(wire) for _ in range(int(n))))


def burst(server, n):
    questions, came = [peer.query("burst.denied.example", 1, i) for i in range(int(n))], set()
    sock = gluing(server, len(questions[0]))
    sock.send(b"".join(questions))
    sock.settimeout(30)
    try:
        while len(came) < len(questions):
            answer = sock.recv(65535)
            if answer[3] & 15 == 3:
                came.add(answer[:2])
    except TimeoutError:
        pass
    print(len(came))


def ask(server, pattern, first, n, path):
    sock, seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), collections.Counter()
    sock.connect((server, 53))
    sock.settimeout(30)
    for i in range(int(first), int(first) + int(n)):
        sock.send(peer.query(pattern % i, 1, i))
    open(path, "w").close()
    try:
        while seen.total() < int(n):
            seen[sock.recv(65535)[3] & 15] += 1
    except TimeoutError:
        pass
    print(*("%s=%d" % (RCODES[rcode], n) for rcode, n in sorted(seen.items())))


{"flood": flood, "glue": glue, "burst": burst, "ask": ask}[sys.argv[1]](*sys.argv[2:])
