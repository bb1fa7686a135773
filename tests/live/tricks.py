"""Packets that no ordinary program sends, as whole frames from inside a sandbox.

tricks.py MAC FROM4 FROM6 TO4 TO6 TRICK...  sends each trick COUNT times to TO4 or TO6 by way of the
gate's interface MAC; every packet carries "trick NAME" so that it is known wherever it comes out.
tricks.py list     the names of all tricks
"""
import ipaddress
import random
import socket
import struct
import sys

COUNT = 20


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(">%dH" % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(source, to, proto, payload, options=b"", flags_offset=0, ident=None):
    options += b"\1" * (-len(options) % 4)
    words = 5 + len(options) // 4
    ident = random.randrange(65536) if ident is None else ident

    def head(total):
        return struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), ident, flags_offset,
                           64, proto, total, source.packed, to.packed) + options
    return head(checksum(head(0))) + payload


def ip6(source, to, proto, payload, hops=64):
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), proto, hops, source.packed, to.packed) + payload


def pseudo(source, to, proto, length):
    if source.version == 4:
        return source.packed + to.packed + struct.pack(">BBH", 0, proto, length)
    return source.packed + to.packed + struct.pack(">IHBB", length, 0, 0, proto)


def udp(source, to, data, port=8080, proto=17):
    length = 8 + len(data)
    head = struct.pack(">HHHH", random.randrange(20000, 60000), port, length, 0)
    total = checksum(pseudo(source, to, proto, length) + head + data) or 0xFFFF
    return head[:6] + struct.pack(">H", total) + data


def syn(source, to, port):
    head = struct.pack(">HHIIBBHHH", random.randrange(20000, 60000), port, 1, 0, 0x50, 2, 1000, 0, 0)
    total = checksum(pseudo(source, to, 6, len(head)) + head)
    return head[:16] + struct.pack(">HH", total, 0)


def icmp(source, to, kind, data):
    proto = 1 if source.version == 4 else 58
    head = struct.pack(">BBHHH", kind, 0, 0, 1, 1)
    front = b"" if proto == 1 else pseudo(source, to, 58, 8 + len(data))
    total = checksum(front + head + data)
    return head[:2] + struct.pack(">H", total) + head[4:] + data


def extension(following, octets=b""):
    octets = octets.ljust(6, b"\0")
    return bytes([following, (len(octets) + 2) // 8 - 1 if len(octets) > 6 else 0]) + octets


def fragments4(source, to, data, overlap):
    whole, ident = udp(source, to, data.ljust(64, b" ")), random.randrange(65536)
    cut = 40  # the text is in the first one
    yield ip4(source, to, 17, whole[:cut], flags_offset=0x2000, ident=ident)
    start = cut - 8 if overlap else cut
    yield ip4(source, to, 17, whole[start:], flags_offset=start // 8, ident=ident)


def fragments6(source, to, data, overlap):
    whole, ident = udp(source, to, data.ljust(64, b" ")), random.randrange(1 << 32)
    cut = 40
    start = cut - 8 if overlap else cut
    yield ip6(source, to, 44, struct.pack(">BBHI", 17, 0, 1, ident) + whole[:cut])
    yield ip6(source, to, 44, struct.pack(">BBHI", 17, 0, start, ident) + whole[start:])


def tricks4(source, to, other):
    """Name, then the packets. `other` is an address that is not the sandbox's."""
    def data(name):
        return b"trick " + name.encode() + b"."

    def one(name, proto, head=b""):
        return name, [ip4(source, to, proto, head + data(name))]
    yield "udp4", [ip4(source, to, 17, udp(source, to, data("udp4")))]
    yield "fragments4", fragments4(source, to, data("fragments4"), False)
    yield one("sctp4", 132, struct.pack(">HHII", 5000, 80, 0, 0) + b"\1\0\0\x20")
    yield one("gre4", 47, b"\0\0\x08\0")
    yield one("ipip4", 4, ip4(source, other, 17, udp(source, other, data("inner4"))))
    yield one("sixinfour", 41)
    yield one("esp4", 50, b"\0\0\0\1\0\0\0\1")
    yield one("ah4", 51, b"\x11\4\0\0\0\0\0\1" + b"\0" * 12)
    yield one("udplite4", 136, struct.pack(">HHHH", 5000, 8080, 8, 0))
    yield one("dccp4", 33, struct.pack(">HH", 5000, 8080) + b"\0" * 12)
    yield one("raw4", 253)
    yield "ping4", [ip4(source, to, 1, icmp(source, to, 8, data("ping4")))]
    yield "timestamp4", [ip4(source, to, 1, icmp(source, to, 13, data("timestamp4")))]
    yield "pong4", [ip4(source, to, 1, icmp(source, to, 0, data("pong4")))]
    for name, options in (("route4", b"\x83\x07\x04" + other.packed), ("record4", b"\x07\x07\x04" + b"\0" * 4),
                          ("nop4", b"\1\1\1\1")):
        yield name, [ip4(source, to, 17, udp(source, to, data(name)), options)]
    yield "overlap4", fragments4(source, to, data("overlap4"), True)
    yield "spoof4", [ip4(other, to, 17, udp(other, to, data("spoof4")))]
    yield "dot4", [ip4(source, to, 6, syn(source, to, 853) + data("dot4"))]
    yield "doq4", [ip4(source, to, 17, udp(source, to, data("doq4"), 853))]


def tricks6(source, to, other):
    def data(name):
        return b"trick " + name.encode() + b"."

    def one(name, proto, head=b""):
        return name, [ip6(source, to, proto, head + data(name))]

    def behind(name, kind, header):
        return name, [ip6(source, to, kind, header + udp(source, to, data(name)))]
    yield "udp6", [ip6(source, to, 17, udp(source, to, data("udp6")))]
    yield "fragments6", fragments6(source, to, data("fragments6"), False)
    yield one("sctp6", 132, struct.pack(">HHII", 5000, 80, 0, 0) + b"\1\0\0\x20")
    yield one("gre6", 47, b"\0\0\x86\xdd")
    yield one("sixinsix", 41, ip6(source, other, 17, udp(source, other, data("inner6"))))
    yield one("fourinsix", 4)
    yield one("esp6", 50, b"\0\0\0\1\0\0\0\1")
    yield one("udplite6", 136, struct.pack(">HHHH", 5000, 8080, 8, 0))
    yield one("raw6", 253)
    yield one("nonext6", 59)
    yield "ping6", [ip6(source, to, 58, icmp(source, to, 128, data("ping6")))]
    yield "pong6", [ip6(source, to, 58, icmp(source, to, 129, data("pong6")))]
    yield "advert6", [ip6(source, to, 58, icmp(source, to, 136, to.packed + data("advert6")), 255)]
    yield behind("hops6", 0, extension(17, b"\1\4\0\0\0\0"))
    yield behind("dest6", 60, extension(17, b"\1\4\0\0\0\0"))
    yield behind("route6", 43, extension(17, bytes([0, 1, 0, 0, 0, 0]) + other.packed))
    yield behind("segment6", 43, extension(17, bytes([4, 0, 0, 0, 0, 0]) + to.packed))
    yield behind("ah6", 51, b"\x11\4\0\0\0\0\0\1\0\0\0\1" + b"\0" * 12)
    yield behind("atom6", 44, struct.pack(">BBHI", 17, 0, 0, 7))
    yield "overlap6", fragments6(source, to, data("overlap6"), True)
    yield "spoof6", [ip6(other, to, 17, udp(other, to, data("spoof6")))]
    yield "doq6", [ip6(source, to, 17, udp(source, to, data("doq6"), 853))]


def all_tricks(from4, from6, to4, to6):
    other4, other6 = ipaddress.ip_address("10.77.2.2"), ipaddress.ip_address("fd77:2::2")
    for name, packets in tricks4(from4, to4, other4):
        yield name, 0x0800, packets
    for name, packets in tricks6(from6, to6, other6):
        yield name, 0x86DD, packets


def main(mac, *addresses):
    gate = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        own = sock.getsockname()[4]
        for _ in range(COUNT):
            for _name, kind, packets in all_tricks(*map(ipaddress.ip_address, addresses)):
                for packet in packets:
                    sock.send(gate + own + struct.pack(">H", kind) + packet)


def names():
    addresses = map(ipaddress.ip_address, ("10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"))
    print("\n".join(name for name, _kind, _packets in all_tricks(*addresses)))


if __name__ == "__main__":
    names() if sys.argv[1:] == ["list"] else main(*sys.argv[1:])
