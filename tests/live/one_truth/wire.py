"""DNS on the wire, for the clients and the upstream of this test; it shares nothing with the gate.

A record is a tuple (owner, ttl, type, data). Data is text for the types that are named here, and
pairs of hexadecimal digits for every other.
"""
import re
import socket
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39,
         "RRSIG": 46, "HTTPS": 65, "CAA": 257}
NAMES = {number: name for name, number in TYPES.items()}
RCODES = {"noerror": 0, "formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5,
          "yxdomain": 6, "badvers": 16}
RCODE_NAMES = {number: name for name, number in RCODES.items()}
OPT = 41
EDE = 15
FLAG_TC, FLAG_RD, FLAG_AD, FLAG_CD = 0x0200, 0x0100, 0x0020, 0x0010


def type_name(number):
    return NAMES.get(number, "TYPE%d" % number)


def encode_name(name):
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def decode_name(wire, at):
    """The name at that place as text without the last dot, and the place behind it."""
    labels, behind, jumps = [], None, 0
    while wire[at]:
        if wire[at] >= 0xC0:
            behind = at + 2 if behind is None else behind
            at = (wire[at] & 0x3F) << 8 | wire[at + 1]
            jumps += 1
            if jumps > 64:
                raise ValueError("a name that points in circles")
            continue
        labels.append(wire[at + 1 : at + 1 + wire[at]].decode("latin-1"))
        at += wire[at] + 1
    return ".".join(labels) or ".", at + 1 if behind is None else behind


def encode_data(kind, data):
    if kind == "A":
        return socket.inet_aton(data)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, data)
    if kind in ("CNAME", "NS", "DNAME"):
        return encode_name(data)
    if kind == "MX":
        return struct.pack(">H", int(data.split()[0])) + encode_name(data.split()[1])
    if kind == "SRV":
        words = data.split()
        return struct.pack(">HHH", *map(int, words[:3])) + encode_name(words[3])
    if kind == "TXT":
        text = data.strip('"').encode()
        return bytes([len(text)]) + text
    if kind == "SOA":
        words = data.split()
        return encode_name(words[0]) + encode_name(words[1]) + struct.pack(">IIIII", *map(int, words[2:]))
    return bytes.fromhex(data)


def decode_data(wire, at, size, kind):
    """As a reply is compared: addresses and aliases as text, other data in hexadecimal."""
    octets = wire[at : at + size]
    if kind == "A":
        return socket.inet_ntop(socket.AF_INET, octets)
    if kind == "AAAA":
        return socket.inet_ntop(socket.AF_INET6, octets)
    if kind in ("CNAME", "DNAME"):
        return decode_name(wire, at)[0]
    before = {"PTR": 0, "MX": 2, "SRV": 6}.get(kind)  # octets ahead of a name
    if before is not None:
        octets = octets[:before] + encode_name(decode_name(wire, at + before)[0])
    return octets.hex()


def query(ident, name, kind, options):
    """A question; options is a dictionary of the words that namegate-scene(5) has for it."""
    flags = (0 if options.get("nord") else FLAG_RD) | (FLAG_CD if options.get("cd") else 0)
    edns = not options.get("noedns")
    wire = struct.pack(">HHHHHH", ident, flags, 1, 0, 0, int(edns))
    wire += encode_name(name) + struct.pack(">HH", TYPES[kind], 1)
    if edns:
        do = 0x8000 if options.get("do") else 0
        wire += b"\0" + struct.pack(">HHBBHH", OPT, options.get("size", 1232), 0, 0, do, 0)
    return wire


def without_event(text):
    """The text and the id of the event that it ends in, which is another each time."""
    found = re.fullmatch(r"(.*); event ([0-9A-HJKMNP-TV-Z]{26})", text)
    return found.groups() if found else (text, None)


class Message:
    """A message as read: ident, flags, rcode, name and type asked, records, soa_ttl, ede, do."""

    def __init__(self, wire):
        self.wire = wire
        self.ident, self.flags, questions, *counts = struct.unpack(">HHHHHH", wire[:12])
        self.rcode = self.flags & 15
        self.name, self.kind, self.question = None, None, b""
        self.records, self.soa_ttl, self.edns, self.do = [], None, False, False
        self.ede, self.ede_text, self.event = None, "", None
        at = 12
        for _ in range(questions):
            start = at
            self.name, at = decode_name(wire, at)
            self.kind = type_name(struct.unpack(">H", wire[at : at + 2])[0])
            at += 4
            self.question = wire[start:at]
        for section, count in enumerate(counts):
            for _ in range(count):
                at = self._record(at, section)

    def _record(self, at, section):
        owner, at = decode_name(self.wire, at)
        number, size_or_class, ttl, size = struct.unpack(">HHIH", self.wire[at : at + 10])
        at += 10
        if number == OPT:
            self.edns, self.do = True, bool(ttl & 0x8000)
            self.rcode |= ttl >> 24 << 4
            self._options(self.wire[at : at + size])
        elif section == 0:
            kind = type_name(number)
            self.records.append((owner, ttl, kind, decode_data(self.wire, at, size, kind)))
        elif section == 1 and number == TYPES["SOA"]:
            self.soa_ttl = ttl
        return at + size

    def _options(self, octets):
        while len(octets) >= 4:
            code, size = struct.unpack(">HH", octets[:4])
            if code == EDE and size >= 2:
                self.ede = struct.unpack(">H", octets[4:6])[0]
                self.ede_text, self.event = without_event(octets[6 : 4 + size].decode("latin-1"))
            octets = octets[4 + size :]


def response(asked, answer, over_tcp):
    """What the upstream sends to a question, from an answer of the world (see world.py)."""
    cut = answer.get("cut") and not over_tcp
    sections = [[], []] if cut else [answer.get("records", []), answer.get("authority", [])]
    flags = 0x8180 | (asked.flags & FLAG_CD) | RCODES[answer.get("rcode", "noerror")]
    flags |= (FLAG_TC if cut else 0) | (FLAG_AD if answer.get("authentic") else 0)
    wire = struct.pack(">HHHHHH", asked.ident, flags, 1, len(sections[0]), len(sections[1]), 0)
    wire += asked.question
    for owner, ttl, kind, data in sections[0] + sections[1]:
        octets = encode_data(kind, data)
        wire += encode_name(owner) + struct.pack(">HHIH", TYPES[kind], 1, ttl, len(octets)) + octets
    return wire
