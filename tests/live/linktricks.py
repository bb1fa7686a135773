"""Frames that a sandbox on a bridge may try against its neighbours and its router.

all_frames() yields the name of each and the frame; every frame carries "trick NAME." so that it is
known wherever it comes out. linktricks.py list prints all names.
"""
import ipaddress
import struct
import sys

sys.dont_write_bytecode = True
from tricks import checksum, icmp, ip4, ip6, pseudo, syn, udp

ALL = b"\xff" * 6
NODES, ROUTERS = ipaddress.ip_address("ff02::1"), ipaddress.ip_address("ff02::2")
GROUP4, EVERYBODY = ipaddress.ip_address("224.0.0.251"), ipaddress.ip_address("255.255.255.255")


def icmp6_raw(source, to, head, body):
    total = checksum(pseudo(source, to, 58, len(head + body)) + head + body)
    return head[:2] + struct.pack(">H", total) + head[4:] + body


def text(name):
    return b"trick " + name.encode() + b"."


def arp(op, hard, proto, to_hard, to_proto):
    return struct.pack(">HHBBH", 1, 0x0800, 6, 4, op) + hard + proto.packed + to_hard + to_proto.packed


def neighbour(name, kind, source, to, target, hard, flags=0x20000000):
    head = struct.pack(">BBHI", kind, 0, 0, flags)
    option = bytes([1 if kind == 135 else 2, 1]) + hard
    return ip6(source, to, 58, icmp6_raw(source, to, head, target.packed + option + text(name).ljust(24, b" ")), 255)


def router_advert(name, source, to):
    head = struct.pack(">BBHBBH", 134, 0, 0, 64, 0, 1800)
    prefix = struct.pack(">BBBBIII", 3, 4, 64, 0xC0, 86400, 86400, 0) + b"\xfd\x66" + b"\0" * 14
    return ip6(source, to, 58, icmp6_raw(source, to, head, b"\0" * 8 + prefix + text(name).ljust(24, b" ")), 255)


def listener_query(name, source):
    head = struct.pack(">BBHHH", 130, 0, 0, 10, 0)
    body = icmp6_raw(source, NODES, head, b"\0" * 16 + b"\0" * 4)
    packet = ip6(source, NODES, 0, b"\x3a\0\5\2\0\0\1\0" + body, 1)
    return packet + text(name)


def segment(source, to, proto, payload):
    return ip4(source, to, proto, payload) if source.version == 4 else ip6(source, to, proto, payload)


def to_neighbours(own4, own6, victim4, victim6):
    """Name, ethertype, payload: what would reach a neighbour if anything did; sent in three ways."""
    router_like = ipaddress.ip_address("fe80::bad")
    yield "udp4", 0x0800, ip4(own4, victim4, 17, udp(own4, victim4, text("udp4")))
    yield "udp6", 0x86DD, ip6(own6, victim6, 17, udp(own6, victim6, text("udp6")))
    yield "ping4", 0x0800, ip4(own4, victim4, 1, icmp(own4, victim4, 8, text("ping4")))
    yield "ping6", 0x86DD, ip6(own6, victim6, 58, icmp(own6, victim6, 128, text("ping6")))
    yield "mdns4", 0x0800, ip4(own4, GROUP4, 17, udp(own4, GROUP4, text("mdns4"), 5353))
    yield "nodes6", 0x86DD, ip6(own6, NODES, 17, udp(own6, NODES, text("nodes6"), 5353))
    yield "dhcp4", 0x0800, ip4(own4, EVERYBODY, 17, udp(own4, EVERYBODY, b"\2\1\6" + text("dhcp4").ljust(240), 68))
    yield "dhcp6", 0x86DD, ip6(own6, victim6, 17, udp(own6, victim6, b"\2" + text("dhcp6").ljust(60), 546))
    yield "radvert", 0x86DD, router_advert("radvert", router_like, NODES)
    yield "radvert-own", 0x86DD, router_advert("radvert-own", own6, NODES)
    yield "redirect6", 0x86DD, ip6(own6, victim6, 58, icmp(own6, victim6, 137, own6.packed * 2 + text("redirect6")), 255)
    yield "lldp", 0x88CC, text("lldp")
    yield "pppoe-discovery", 0x8863, text("pppoe-discovery")
    yield "pppoe", 0x8864, text("pppoe")
    yield "mpls", 0x8847, text("mpls")
    yield "eapol", 0x888E, text("eapol")
    yield "batman", 0x4305, text("batman")
    yield "macsec", 0x88E5, text("macsec")
    yield "llc", 60, b"\x42\x42\3" + text("llc").ljust(57)
    for name, kind, tags in (("vlan", 0x8100, (5, 0x0800)), ("priority", 0x8100, (0, 0x0800)),
                             ("qinq", 0x88A8, (5, 0x8100, 6, 0x0800))):
        yield name, kind, struct.pack(">%dH" % len(tags), *tags) + ip4(
            own4, victim4, 17, udp(own4, victim4, text(name)))


def as_neighbour(mac, own6, victim_mac, victim4, victim6, router_mac, to4, to6):
    """Name, destination, source address, ethertype, payload: saying that we are somebody else."""
    yield "spoof4", router_mac, mac, 0x0800, ip4(victim4, to4, 17, udp(victim4, to4, text("spoof4")))
    yield "spoof6", router_mac, mac, 0x86DD, ip6(victim6, to6, 17, udp(victim6, to6, text("spoof6")))
    yield "whole4", router_mac, victim_mac, 0x0800, ip4(victim4, to4, 17, udp(victim4, to4, text("whole4")))
    yield "whole6", router_mac, victim_mac, 0x86DD, ip6(victim6, to6, 17, udp(victim6, to6, text("whole6")))
    yield "spoof-syn", router_mac, mac, 0x0800, ip4(victim4, to4, 6, syn(victim4, to4, 80) + text("spoof-syn"))
    yield "arp-request", ALL, mac, 0x0806, arp(1, mac, victim4, b"\0" * 6, victim4) + text("arp-request")
    yield "arp-reply", router_mac, mac, 0x0806, arp(2, mac, victim4, router_mac, to4) + text("arp-reply")
    yield "arp-whole", router_mac, victim_mac, 0x0806, arp(2, mac, victim4, router_mac, to4) + text("arp-whole")
    yield "advert", b"\x33\x33\0\0\0\1", mac, 0x86DD, neighbour("advert", 136, victim6, NODES, victim6, mac)
    yield "advert-own", b"\x33\x33\0\0\0\1", mac, 0x86DD, neighbour("advert-own", 136, own6, NODES, victim6, mac)
    yield "solicit", b"\x33\x33\0\0\0\2", mac, 0x86DD, neighbour("solicit", 135, victim6, ROUTERS, to6, mac, 0)
    yield "steal-mac", router_mac, victim_mac, 0x0842, text("steal-mac")
    # The victim's ethernet address and our own of the next layer: nothing there is forged.
    yield "steal-mac-own", router_mac, victim_mac, 0x86DD, neighbour(
        "steal-mac-own", 135, own6, ROUTERS, to6, victim_mac, 0)


def reserved(mac, own4, own6, router4, router6):
    """To the addresses that bridges keep for themselves, where hooks are not the usual ones."""
    for last in (0, 2, 3, 0x0D, 0x0E, 0x0F):
        to, name = b"\1\x80\xc2\0\0" + bytes([last]), "reserved%02x-" % last
        for source, router, kind in ((own4, router4, 0x0800), (own6, router6, 0x86DD)):
            label = name + str(source.version)
            yield label, to, mac, kind, segment(source, router, 17, udp(source, router, text(label), 9999))


def tagged(mac, own4, router_mac, to4):
    yield "vlan-out", router_mac, mac, 0x8100, struct.pack(">HH", 5, 0x0800) + ip4(
        own4, to4, 17, udp(own4, to4, text("vlan-out")))
    yield "priority-out", router_mac, mac, 0x8100, struct.pack(">HH", 0, 0x0800) + ip4(
        own4, to4, 17, udp(own4, to4, text("priority-out")))


def all_frames(mac, own4, own6, victim_mac, victim4, victim6, router_mac, router4, router6, to4, to6):
    victim_mac, router_mac = (bytes.fromhex(one.replace(":", "")) for one in (victim_mac, router_mac))
    victim4, victim6, router4, router6, to4, to6 = map(
        ipaddress.ip_address, (victim4, victim6, router4, router6, to4, to6))
    for name, kind, payload in to_neighbours(own4, own6, victim4, victim6):
        for way, to in (("one", victim_mac), ("all", ALL), ("group", b"\1\0\x5e\0\0\xfb")):
            yield name + "-" + way, to + mac + struct.pack(">H", kind) + payload
    yield "listeners", b"\x33\x33\0\0\0\1" + mac + b"\x86\xdd" + listener_query("listeners", own6)
    yield "listeners-link", b"\x33\x33\0\0\0\1" + mac + b"\x86\xdd" + listener_query(
        "listeners-link", ipaddress.ip_address("fe80::bad"))
    for group in (as_neighbour(mac, own6, victim_mac, victim4, victim6, router_mac, to4, to6),
                  reserved(mac, own4, own6, router4, router6), tagged(mac, own4, router_mac, to4)):
        for name, to, source, kind, payload in group:
            yield name, to + source + struct.pack(">H", kind) + payload


def chosen(name, wanted):
    """Of "all", one name, or "but PREFIX"."""
    return wanted in ("all", name) or (wanted.startswith("but ") and not name.startswith(wanted[4:]))


def names():
    one = ["02:00:00:00:00:02", "10.0.0.2", "fd00::2", "02:00:00:00:00:01", "10.0.0.1", "fd00::1", "10.9.0.1", "fd09::1"]
    for name, _frame in all_frames(b"\2" * 6, ipaddress.ip_address("10.0.0.3"), ipaddress.ip_address("fd00::3"), *one):
        print(name)


if __name__ == "__main__":
    names()
