"""Packets that the gate is to block, so many of a kind: flood.py KIND COUNT MAC."""
import os
import socket
import struct
import sys

kind, count, gateway = sys.argv[1], int(sys.argv[2]), sys.argv[3]
OWN4, TO4 = socket.inet_aton("10.77.1.2"), socket.inet_aton("44.8.8.8")
OWN6 = socket.inet_pton(socket.AF_INET6, "fd77:1::2")
TO6 = socket.inet_pton(socket.AF_INET6, "2001:db8:80::8:8")


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ip4(source, proto, payload, options=b"", flags=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload),
                       1, flags, 64, proto, 0, source, TO4) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(source, following, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, 64, source, TO6) + payload


def udp(n):
    return struct.pack("!HHHH", 40000, 1000 + n % 1000, 9, 0) + b"x"


def frame(n):
    invented = struct.pack("!I", 0x0B000000 + n)  # 11.0.0.0/8
    if kind == "forged4":
        return ip4(invented, 17, udp(n))
    if kind == "options4":
        return ip4(OWN4, 17, udp(n), b"\x07\x07\x04\x00\x00\x00\x00\x00")  # record route
    if kind == "stray4":  # a segment with no flag at all
        return ip4(OWN4, 6, struct.pack("!HHIIBBHHH", 40000, 80, 1, 1, 0x50, 0, 1024, 0, 0))
    if kind == "forged6":
        return ip6(b"\x20\x01\x0d\xb8\xff\xff" + os.urandom(10), 17, udp(n))
    if kind == "hops6":
        return ip6(OWN6, 0, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(n))
    if kind == "fragment6":  # a second part that overlaps nothing and has no first
        return ip6(OWN6, 60, bytes([44, 0, 1, 4, 0, 0, 0, 0]) + struct.pack("!BBHI", 17, 0, 8, n) + udp(n))
    raise SystemExit("flood.py: what is %s?" % kind)


if kind in ("udp4", "udp6"):
    family, to = (socket.AF_INET, "44.8.8.8") if kind == "udp4" else (socket.AF_INET6, "2001:db8:80::8:8")
    sock = socket.socket(family, socket.SOCK_DGRAM)
    for n in range(count):
        while True:
            try:
                sock.sendto(b"x", (to, 1000 + n % 1000))
                break
            except OSError as error:
                # The refusal of an earlier one: this one was not sent.
                if error.errno not in (111, 113, 13, 1, 101):
                    raise
else:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0))
    with open("/sys/class/net/eth0/address") as file:
        own = bytes.fromhex(file.read().strip().replace(":", ""))
    head = bytes.fromhex(gateway.replace(":", "")) + own + (b"\x86\xdd" if kind[-1] == "6" else b"\x08\x00")
    for n in range(count):
        sock.send(head + frame(n))
