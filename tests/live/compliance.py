"""How well a resolver keeps to the form of DNS: the 34 questions that ISC's compliance tests put to
name servers, asked as of a recursive one, so with RD=1, each with what the RFCs expect of the answer.

compliance.py ADDRESS PORT ZONE zone     ZONE exists: NOERROR, with its SOA
compliance.py ADDRESS PORT NAME nothing  NAME does not exist for who asks: NXDOMAIN

One line a test, "ok" or "fault", the name of the test, what was asked, by which RFC, and what is wrong; the
last line is "N of 34". RFC 8906 section 8 tells of most of the tests, and of what differs with a recursive
server.
"""
import hashlib
import hmac
import random
import socket
import struct
import sys
import time
from dataclasses import dataclass

SOA, OPT, RRSIG, DNSKEY, TSIG, ANY_CLASS = 6, 41, 46, 48, 250, 255
NOERROR, NXDOMAIN, NOTIMP, NOTAUTH, BADVERS, BADCOOKIE = 0, 3, 4, 9, 16, 23
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
FLAGS = {QR: "qr", AA: "aa", TC: "tc", RD: "rd", RA: "ra", Z: "z", AD: "ad", CD: "cd"}
DO, UNKNOWN_FLAG = 0x8000, 0x80
UNKNOWN_OPCODE, UNKNOWN_TYPE, UNKNOWN_OPTION = 15, 666, 100
COOKIE = bytes(range(1, 9))
ALGORITHM = b"\x0bhmac-sha256\0"
FUDGE_S = 300
PATIENCE_S = 15


def option(code, data=b""):
    return struct.pack(">HH", code, len(data)) + data


NSID, SUBNET, EXPIRE = option(3), option(8, b"\0\1\0\0"), option(9)
COOKIE_OPTION, UNKNOWN = option(10, COOKIE), option(UNKNOWN_OPTION)


@dataclass
class Test:
    """What is asked: flags beside RD, and an OPT of that size when it is not 0."""

    name: str
    rfc: str
    flags: int = 0
    type: int = SOA
    opcode: int = 0
    size: int = 0
    version: int = 0
    edns_flags: int = 0
    options: bytes = b""
    tcp: bool = False
    signed: bool = False
    one_packet: bool = False  # a truncated answer is one

    def said(self):
        words = [f"opcode {self.opcode}" if self.opcode else f"type {self.type}"]
        words += [name for bit, name in FLAGS.items() if self.flags & bit]
        if self.size:
            words.append(f"EDNS version {self.version} size {self.size} flags {self.edns_flags:#06x}")
        if self.options:
            words.append(f"options {self.options.hex()}")
        return ", ".join(words + ["TCP"] * self.tcp + ["TSIG"] * self.signed)


def edns(name, rfc="6891", **more):
    return Test(name, rfc, **{"size": 4096} | more)


ALL_FLAGS = TC | RD | RA | CD | AD | AA | Z
TESTS = [
    Test("dns", "1035 4.1.1"),
    Test("aa", "1035 4.1.1", flags=AA),
    Test("ad", "6840 5.7", flags=AD),
    Test("cd", "4035 3.2.2", flags=CD),
    Test("ra", "1035 4.1.1", flags=RA),
    Test("rd", "1035 4.1.1", flags=RD),
    Test("tc", "1035 4.1.1", flags=TC),
    Test("zflag", "8906 8.1.2", flags=Z),
    Test("opcode", "8906 8.1.4", opcode=UNKNOWN_OPCODE),
    Test("opcodeflg", "8906 8.1.4", opcode=UNKNOWN_OPCODE, flags=ALL_FLAGS),
    Test("type666", "3597 3", type=UNKNOWN_TYPE),
    Test("tcp", "7766 5", tcp=True),
    edns("edns"),
    edns("edns1", "6891 6.1.3", version=1),
    edns("edns@512", "6891 6.2.5", type=DNSKEY, size=512, edns_flags=DO, one_packet=True),
    edns("ednsopt", "6891 6.1.2", options=UNKNOWN),
    edns("edns1opt", "6891 6.1.3", version=1, options=UNKNOWN),
    edns("do", "3225 3", edns_flags=DO),
    edns("docd", "4035 3.2.2", edns_flags=DO, flags=CD),
    edns("edns1do", "6891 6.1.3", version=1, edns_flags=DO),
    edns("ednsflags", "6891 6.1.4", edns_flags=UNKNOWN_FLAG),
    edns("optlist", "6891 6.1.2", options=NSID + SUBNET + EXPIRE + COOKIE_OPTION),
    edns("ednsnsid", "5001 2", options=NSID),
    edns("ednscookie", "7873 5.2", options=COOKIE_OPTION),
    edns("ednsexpire", "7314 3", options=EXPIRE),
    edns("ednssubnet", "7871 7.1", options=SUBNET),
    edns("edns1nsid", "6891 6.1.3", version=1, options=NSID),
    edns("edns1cookie", "6891 6.1.3", version=1, options=COOKIE_OPTION),
    edns("edns1expire", "6891 6.1.3", version=1, options=EXPIRE),
    edns("edns1subnet", "6891 6.1.3", version=1, options=SUBNET),
    edns("ednstcp", "7766 8", type=DNSKEY, size=512, edns_flags=DO, tcp=True),
    edns("bind11", "7873 5.2", edns_flags=DO, options=COOKIE_OPTION),
    edns("dig11", "7873 5.2", flags=AD | RD, options=COOKIE_OPTION),
    Test("signed", "8945 5.2", signed=True),
]


class Malformed(Exception):
    pass


# ---- asking ----

def wire_name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".") if part) + b"\0"


def signed(query):
    """With a TSIG by a key that everybody knows: the root's name, 32 zero octets."""
    now = struct.pack(">HIH", 0, int(time.time()), FUDGE_S)
    head, end = struct.pack(">HI", ANY_CLASS, 0), struct.pack(">HH", 0, 0)
    mac = hmac.new(bytes(32), query + b"\0" + head + ALGORITHM + now + end, hashlib.sha256).digest()
    data = ALGORITHM + now + struct.pack(">H", len(mac)) + mac + query[:2] + end
    counted = query[:10] + struct.pack(">H", struct.unpack_from(">H", query, 10)[0] + 1) + query[12:]
    return counted + b"\0" + struct.pack(">H", TSIG) + head + struct.pack(">H", len(data)) + data


def question(test, name, ident):
    flags = test.opcode << 11 | RD | test.flags
    if test.opcode:  # nobody can tell what sections mean there
        return struct.pack(">HHHHHH", ident, flags, 0, 0, 0, 0)
    query = struct.pack(">HHHHHH", ident, flags, 1, 0, 0, int(test.size > 0))
    query += wire_name(name) + struct.pack(">HH", test.type, 1)
    if test.size:
        query += b"\0" + struct.pack(">HHIH", OPT, test.size, test.version << 16 | test.edns_flags,
                                     len(test.options)) + test.options
    return signed(query) if test.signed else query


def by_udp(server, query):
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(server)
        sock.send(query)
        while True:
            answer = sock.recv(65536)
            if answer[:2] == query[:2]:
                return answer


def by_tcp(server, query):
    with socket.create_connection(server, PATIENCE_S) as sock, sock.makefile("rb") as stream:
        sock.sendall(struct.pack(">H", len(query)) + query)
        head = stream.read(2)
        if len(head) < 2:
            raise EOFError
        answer = stream.read(struct.unpack(">H", head)[0])
        if len(answer) < struct.unpack(">H", head)[0]:
            raise EOFError
        return answer


# ---- what came ----

class Reader:
    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, form):
        if self.at + struct.calcsize(form) > len(self.octets):
            raise Malformed
        values = struct.unpack_from(form, self.octets, self.at)
        self.at += struct.calcsize(form)
        return values if len(values) > 1 else values[0]

    def name(self):
        labels, at, end = [], self.at, None
        for _ in range(130):
            if at >= len(self.octets):
                raise Malformed
            size = self.octets[at]
            if size >= 0xc0:
                if at + 1 >= len(self.octets):
                    raise Malformed
                end = end or at + 2
                at = (size & 0x3f) << 8 | self.octets[at + 1]
                continue
            if size > 63 or at + 1 + size > len(self.octets):
                raise Malformed
            if not size:
                self.at = end or at + 1
                return b".".join(labels).lower().decode("latin-1")
            labels.append(self.octets[at + 1:at + 1 + size])
            at += 1 + size
        raise Malformed


class Answer:
    """Read to the last octet."""

    def __init__(self, wire):
        self.len, reader = len(wire), Reader(wire)
        _, self.flags, *counts = reader.take(">HHHHHH")
        self.questions = [(reader.name(), *reader.take(">HH")) for _ in range(counts[0])]
        self.sections = [[self.record(reader) for _ in range(count)] for count in counts[1:]]
        if reader.at != len(wire):
            raise Malformed
        opts = [record for record in self.sections[2] if record[1] == OPT]
        if len(opts) > 1 or any(owner for owner, *_ in opts):
            raise Malformed
        self.edns = opts[0][3] if opts else None
        self.options = self.read_options(opts[0][4]) if opts else []
        self.rcode = self.flags & 15 | (self.edns >> 24 << 4 if opts else 0)

    @staticmethod
    def record(reader):
        owner = reader.name()
        kind, klass, ttl, size = reader.take(">HHIH")
        data = reader.octets[reader.at:reader.at + size]
        if len(data) < size:
            raise Malformed
        reader.at += size
        return owner, kind, klass, ttl, data

    @staticmethod
    def read_options(data):
        reader, found = Reader(data), []
        while reader.at < len(data):
            code, size = reader.take(">HH")
            found.append((code, reader.take(f"{size}s") if size else b""))
        return found

    def holds(self, section, kind, owner=None):
        return any(record[1] == kind and owner in (None, record[0]) for record in self.sections[section])


# ---- what is wrong with it ----

def rcode_faults(test, answer, exists):
    if test.opcode:
        expected = NOTIMP
    elif test.version:
        expected = BADVERS
    else:
        expected = NOERROR if exists else NXDOMAIN
    cookie = COOKIE_OPTION in test.options and answer.rcode == BADCOOKIE
    if answer.rcode != expected and not (cookie and expected != BADVERS):
        yield f"rcode {answer.rcode}, not {expected}"


def flag_faults(test, answer):
    """AA, RA, AD and CD mean something with QUERY alone; Z is never copied."""
    asked = test.flags | RD
    allowed = QR | RD if test.opcode else QR | RD | RA
    if not test.opcode:
        allowed |= AD if asked & AD or test.edns_flags & DO else 0
        allowed |= CD if asked & CD else 0
    wrong = answer.flags & (AA | RD | RA | Z | AD | CD) & ~allowed
    missing = ~answer.flags & (QR if test.opcode else QR | RD | RA)
    yield from (f"{name} is set" for bit, name in FLAGS.items() if wrong & bit)
    yield from (f"{name} is not set" for bit, name in FLAGS.items() if missing & bit)
    if answer.flags >> 11 & 15 != test.opcode:
        yield f"opcode {answer.flags >> 11 & 15}"
    if test.flags & CD and answer.holds(0, RRSIG) and not answer.flags & CD:
        yield "cd is not set beside signatures"


def edns_faults(test, answer):
    if answer.edns is None:
        if test.size:
            yield "no OPT"
        return
    if not test.size:
        yield "an OPT"
    if answer.edns >> 16 & 255:
        yield "EDNS version is not 0"
    if answer.edns & 0x7fff:
        yield "an EDNS flag without meaning"
    if test.edns_flags & DO and not answer.edns & DO and answer.holds(0, RRSIG):
        yield "signatures without DO"
    for code, data in answer.options:
        if code == UNKNOWN_OPTION:
            yield "the unknown option"
        if code == 10 and (not 16 <= len(data) <= 40 or data[:8] != COOKIE):
            yield "another cookie"


def section_faults(test, answer, name, exists):
    if test.opcode and (answer.questions or any(answer.sections)):
        yield "sections that are not empty"
    elif not test.opcode and answer.questions != [(name, test.type, 1)]:
        yield "another question"
    soa = answer.holds(0, SOA, name)
    wanted = test.type == SOA and not test.version and not test.opcode and exists and answer.rcode == NOERROR
    if wanted != soa:
        yield "no SOA in the answer" if wanted else "an SOA in the answer"
    if test.type == DNSKEY and exists and not test.one_packet and not answer.holds(0, DNSKEY):
        yield "no DNSKEY in the answer"
    if test.one_packet and answer.len > test.size:
        yield f"{answer.len} octets"
    if test.one_packet and exists and not (answer.flags & TC or answer.holds(0, DNSKEY)):
        yield "neither whole nor truncated"
    if test.signed and (not answer.sections[2] or answer.sections[2][-1][1] != TSIG):
        yield "no TSIG"


def faults(test, server, name, exists):
    query = question(test, name, random.randrange(65536))
    try:
        answer = Answer(by_tcp(server, query) if test.tcp else by_udp(server, query))
        if answer.flags & TC and not test.tcp and not test.one_packet:
            answer = Answer(by_tcp(server, query))
    except Malformed:
        return ["malformed"]
    except TimeoutError:
        return ["no answer"]
    except (OSError, EOFError) as error:
        return [f"no answer: {error or 'the connection ends'}"]
    return [*rcode_faults(test, answer, exists), *flag_faults(test, answer), *edns_faults(test, answer),
            *section_faults(test, answer, name, exists)]


def main(address, port, name, kind):
    good = 0
    for test in TESTS:
        found = faults(test, (address, int(port)), name.rstrip(".").lower(), kind == "zone")
        good += not found
        print(f"{'fault' if found else 'ok':5} {test.name:11} {test.said()} (RFC {test.rfc})"
              f"{': ' if found else ''}{'; '.join(found)}", flush=True)
    print(f"{good} of {len(TESTS)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
