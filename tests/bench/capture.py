#!/usr/bin/env python3
"""Writes a capture as a busy build host has it: sandboxes look names up and fetch from them.

A visit is a look-up (A and AAAA; sometimes an alias chain, as content networks have it) unless the
name was looked up a moment ago, and a TCP connection to one of its addresses: handshake, a request,
some answer in full segments with an acknowledgement for every two, and its end. Names are as
popular as their rank says (Zipf). --dns leaves the connections out. The same arguments write the
same octets.
"""
import argparse
import random
import struct
import sys

GATE = bytes([10, 77, 0, 1])
START = 1_700_000_000
SEGMENT = 1448
ETHERNET = bytes(12) + b"\x08\x00"


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


class Writer:
    def __init__(self, out, octets):
        self.out, self.left, self.now_us, self.ident = out, octets, 0, 0
        self.put(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))

    def put(self, octets):
        self.out.write(octets)
        self.left -= len(octets)

    def ip(self, source, target, proto, payload):
        self.now_us += 20
        self.ident = self.ident + 1 & 0xffff
        frame = ETHERNET + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), self.ident, 0x4000,
                                       64, proto, 0) + source + target + payload
        seconds, us = divmod(self.now_us, 1_000_000)
        self.put(struct.pack("<IIII", START + seconds, us, len(frame), len(frame)) + frame)

    def udp(self, source, sport, target, dport, payload):
        self.ip(source, target, 17, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload)

    def tcp(self, source, sport, target, dport, flags, seq, ack, payload=b""):
        self.ip(source, target, 6, struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags,
                                               0xffff, 0, 0) + payload)


class Name:
    def __init__(self, dice, rank):
        self.text = f"host{rank}.zone{rank % 97}.bench.probe"
        self.question = wire(self.text)
        self.addresses = [bytes([44, rank >> 8 & 255, rank & 255, i + 1])
                          for i in range(dice.choice((1, 1, 2, 4)))]
        self.aliases = [wire(f"edge{rank}.cdn{i}.bench.probe") for i in range(dice.choice((0, 0, 0, 1, 2)))]
        self.size = min(200, int(dice.lognormvariate(1.5, 1.2)) + 1)

    def records(self):
        owner, out = b"\xc0\x0c", b""
        for alias in self.aliases:
            out += owner + struct.pack(">HHIH", 5, 1, 60, len(alias)) + alias
            owner = alias
        for address in self.addresses:
            out += owner + struct.pack(">HHIH", 1, 1, 60, 4) + address
        return out


def look_up(writer, dice, client, name):
    for kind in (1, 28):
        head, port = dice.getrandbits(16), dice.randrange(32768, 61000)
        question = name.question + struct.pack(">HH", kind, 1)
        opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
        writer.udp(client, port, GATE, 53, struct.pack(">HHHHHH", head, 0x100, 1, 0, 0, 1) + question + opt)
        if kind == 1:
            answers, n = name.records(), len(name.aliases) + len(name.addresses)
        else:
            answers, n = b"", 0
        writer.udp(GATE, 53, client, port,
                   struct.pack(">HHHHHH", head, 0x8180, 1, n, 0, 1) + question + answers + opt)


def fetch(writer, dice, client, name, segments):
    server, port = dice.choice(name.addresses), dice.randrange(32768, 61000)
    ours, theirs = dice.getrandbits(31), dice.getrandbits(31)
    writer.tcp(client, port, server, 443, 2, ours, 0)
    writer.tcp(server, 443, client, port, 18, theirs, ours + 1)
    writer.tcp(client, port, server, 443, 24, ours + 1, theirs + 1, bytes(517))
    for i in range(segments):
        writer.tcp(server, 443, client, port, 16, theirs + 1 + i * SEGMENT, ours + 518, bytes(SEGMENT))
        if i % 2:
            writer.tcp(client, port, server, 443, 16, ours + 518, theirs + 1 + (i + 1) * SEGMENT)
    writer.tcp(client, port, server, 443, 17, ours + 518, theirs + 1 + segments * SEGMENT)
    writer.tcp(server, 443, client, port, 17, theirs + 1 + segments * SEGMENT, ours + 519)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out", help="the capture to write")
    parser.add_argument("--megabytes", type=float, default=100, help="its size (100)")
    parser.add_argument("--names", type=int, default=2000, help="different names (2000)")
    parser.add_argument("--sandboxes", type=int, default=8, help="clients, 10.77.1.1 and on (8)")
    parser.add_argument("--dns", action="store_true", help="look-ups alone")
    options = parser.parse_args()
    dice = random.Random(1)
    names = [Name(dice, rank) for rank in range(1, options.names + 1)]
    weights = [1 / rank for rank in range(1, options.names + 1)]
    clients = [bytes([10, 77, 1, i + 1]) for i in range(options.sandboxes)]
    fresh = {}
    with open(options.out, "wb") as out:
        writer = Writer(out, int(options.megabytes * 1_000_000))
        while writer.left > 0:
            client, name = dice.choice(clients), dice.choices(names, weights)[0]
            if options.dns or fresh.get((client, name), -1) < writer.now_us:
                look_up(writer, dice, client, name)
                fresh[client, name] = writer.now_us + 60_000_000
            if not options.dns:
                fetch(writer, dice, client, name, name.size)
            writer.now_us += 20_000
    return 0


if __name__ == "__main__":
    sys.exit(main())
