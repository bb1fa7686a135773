"""Entries of the connection tracking table, made and read over netlink, each a line of text.

    flows.py make    makes those on standard input: udp SOURCE PORT DESTINATION PORT [ZONE]
    flows.py list    prints all that stand, sorted
"""
import ipaddress
import socket
import struct
import sys

from kernel import DONE, DUMP, ERROR, NESTED, NETFILTER, REQUEST, attribute, attributes

CONNTRACK, NEW, GET = 1, 0, 1
ACK, CREATE = 4, 0x400
ORIGINAL, REPLY, TIMEOUT, ZONE = 1, 2, 7, 18
IP, PROTO = 1, 2
NUMBER, SOURCE_PORT, TO_PORT = 1, 2, 3
UDP = 17
LOT = 64  # made with one acknowledgement


def message(kind, flags, number, body):
    return struct.pack("=IHHII", 16 + len(body), CONNTRACK << 8 | kind, REQUEST | flags, number, 0) + body


def way(kind, source, source_port, to, to_port):
    first = 1 if source.version == 4 else 3  # CTA_IP_V4_SRC, CTA_IP_V6_SRC
    address = attribute(first, source.packed) + attribute(first + 1, to.packed)
    ports = (attribute(NUMBER, bytes([UDP])) + attribute(SOURCE_PORT, struct.pack(">H", source_port))
             + attribute(TO_PORT, struct.pack(">H", to_port)))
    return attribute(kind | NESTED, attribute(IP | NESTED, address) + attribute(PROTO | NESTED, ports))


def entry(line):
    proto, source, source_port, to, to_port, *zone = line.split()
    if proto != "udp":
        raise SystemExit(f"flows.py: {proto}: only udp is made")
    source, to = ipaddress.ip_address(source), ipaddress.ip_address(to)
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    return (struct.pack("=BBH", family, 0, 0)
            + way(ORIGINAL, source, int(source_port), to, int(to_port))
            + way(REPLY, to, int(to_port), source, int(source_port))
            + attribute(TIMEOUT, struct.pack(">I", 600))
            + b"".join(attribute(ZONE, struct.pack(">H", int(number))) for number in zone))


def make(sock, lines):
    for start in range(0, len(lines), LOT):
        lot = lines[start : start + LOT]
        octets = [message(NEW, CREATE, 1 + i, entry(line)) for i, line in enumerate(lot[:-1])]
        octets.append(message(NEW, CREATE | ACK, len(lot), entry(lot[-1])))
        sock.send(b"".join(octets))
        number = 0
        while number < len(lot):
            _, _, _, number, _, code = struct.unpack_from("=IHHIIi", sock.recv(1 << 16))
            if code:
                raise SystemExit(f"flows.py: {lot[number - 1]}: error {-code}")


def text(octets):
    entry_parts = dict(attributes(octets))
    parts = dict(attributes(entry_parts[ORIGINAL]))
    addresses = [ipaddress.ip_address(value) for _, value in sorted(attributes(parts[IP]))]
    ports = dict(attributes(parts[PROTO]))
    proto = "udp" if ports[NUMBER][0] == UDP else str(ports[NUMBER][0])
    port = [struct.unpack(">H", ports.get(which, b"\0\0"))[0] for which in (SOURCE_PORT, TO_PORT)]
    zone = f" {struct.unpack('>H', entry_parts[ZONE])[0]}" if ZONE in entry_parts else ""
    return f"{proto} {addresses[0]} {port[0]} {addresses[1]} {port[1]}{zone}"


def stand(sock):
    sock.send(message(GET, DUMP, 1, struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)))
    while True:
        octets, at = sock.recv(1 << 20), 0
        while at < len(octets):
            size, kind = struct.unpack_from("=IH", octets, at)
            if kind == DONE:
                return
            if kind == ERROR:
                raise SystemExit("flows.py: the table cannot be read")
            yield text(octets[at + 20 : at + size])
            at += size + 3 & ~3


def main():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as sock:
        if sys.argv[1:] == ["make"]:
            make(sock, sys.stdin.read().splitlines())
        else:
            print("\n".join(sorted(stand(sock))))


main()
