"""The elements of the gate's sets as the kernel has them, to the millisecond, over netlink (nft rounds)."""
import errno
import math
import socket
import struct
import time

NETFILTER, NFTABLES, GET_ELEMENTS, DONE, ERROR = 12, 10, 13, 3, 2
REQUEST, DUMP, INET, NESTED = 1, 0x300, 1, 0x8000
TABLE, SET, ELEMENTS, KEY, EXPIRES, VALUE = 1, 2, 3, 1, 5, 1
BACKSTOP = 30.0  # the kernel's time-out is that much beyond the end that the warden keeps itself
DUMPS = 4
PROTOCOLS = {6: "tcp", 17: "udp"}


def attribute(kind, octets):
    return struct.pack("=HH", len(octets) + 4, kind) + octets + b"\0" * (-len(octets) % 4)


def of_set(name):
    return struct.pack("=BBH", INET, 0, 0) + attribute(TABLE, b"namegate\0") + attribute(SET, name.encode() + b"\0")


def attributes(octets):
    """(number, content) of each."""
    at = 0
    while at + 4 <= len(octets):
        size, kind = struct.unpack_from("=HH", octets, at)
        yield kind & 0x3FFF, octets[at + 4 : at + size]
        at += size + 3 & ~3


def element(octets):
    """Source, destination, port and seconds until its end; None for one without an end."""
    parts = dict(attributes(octets))
    if EXPIRES not in parts:
        return None
    key = dict(attributes(parts[KEY]))[VALUE]
    ported = len(key) in (16, 40)
    size = (len(key) - 8 * ported) // 2
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    port = ""
    if ported:
        port = "%s/%d" % (PROTOCOLS[key[2 * size]], struct.unpack_from(">H", key, 2 * size + 4)[0])
    left = struct.unpack(">Q", parts[EXPIRES])[0] / 1000 - BACKSTOP
    return socket.inet_ntop(family, key[:size]), socket.inet_ntop(family, key[size : 2 * size]), port, left


def request(sock, body, flags=0):
    sock.send(struct.pack("=IHHII", 16 + len(body), NFTABLES << 8 | GET_ELEMENTS, REQUEST | flags, 1, 0) + body)


def messages(sock):
    while True:
        octets, at = sock.recv(1 << 20), 0
        while at < len(octets):
            size, kind = struct.unpack_from("=IH", octets, at)
            body = octets[at + 16 : at + size]
            if kind == DONE:
                return
            if kind == ERROR:
                raise OSError(-struct.unpack_from("=i", body)[0], "the kernel does not show the set")
            yield body[4:]
            at += size + 3 & ~3


def dump(sock, name):
    request(sock, of_set(name), DUMP)
    for message in messages(sock):
        for kind, listed in attributes(message):
            if kind == ELEMENTS:
                yield from filter(None, (element(one) for _, one in attributes(listed)))


class Pairs:
    """Looks up single pairs of a source and an address, in the namespace that it is made in."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
        self.sock.bind((0, 0))

    def left(self, source, to, port=""):
        """Seconds until its end, or None when it does not stand. port: "tcp/80", or all."""
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        key = socket.inet_pton(family, source) + socket.inet_pton(family, to)
        if port:
            protocol, number = port.split("/")
            key += struct.pack(">B3xH2x", next(n for n, name in PROTOCOLS.items() if name == protocol), int(number))
        name = "allow%d%s" % (6 if ":" in to else 4, "p" if port else "")
        found = [self._get(one, key) for one in (name, name + "b")]  # the second: after many were adopted
        return max((left for left in found if left is not None), default=None)

    def _get(self, name, key):
        nested = attribute(VALUE, key)
        for kind in (KEY, 1, ELEMENTS):
            nested = attribute(kind | NESTED, nested)
        request(self.sock, of_set(name) + nested)
        octets = self.sock.recv(65536)
        kind, body = struct.unpack_from("=4xH", octets)[0], octets[16:]
        if kind == ERROR:
            number = -struct.unpack_from("=i", body)[0]
            if number == errno.ENOENT:
                return None
            raise OSError(number, "the kernel does not show the element")
        for listed in (content for kind, content in attributes(body[4:]) if kind == ELEMENTS):
            for _, one in attributes(listed):
                return element(one)[3] if element(one) else math.inf
        return None


def look():
    """
    {source: [(address, port, seconds left)]}, and between which moments it was so.

    While the table changes a dump may leave out elements that stand (the kernel walks a hash that
    may be resized), so it is what several dumps together show.
    """
    found, before = {}, time.monotonic()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        for name in ("allow4", "allow4p", "allow6", "allow6p") * DUMPS:
            for source, to, port, left in dump(sock, name):
                found.setdefault(source, {}).setdefault((to, port), left)
    shown = {source: [key + (left,) for key, left in elements.items()] for source, elements in found.items()}
    return shown, before, time.monotonic()
