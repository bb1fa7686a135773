"""A micro VM as the gate sees it: a network card behind a tap device, with a small network stack.

nic.py serve TAP SOCKET MAC IP4/ROUTER4 IP6/ROUTER6   is that card until it is ended
nic.py tell SOCKET ask NAME [TYPE] [SERVER]   a DNS question over UDP: "NOERROR 44.0.0.1", "TIMEOUT"
nic.py tell SOCKET connect ADDRESS [PORT]     a TCP handshake: open, refused, unreachable, timeout
nic.py tell SOCKET ping ADDRESS               an echo request: "answered", unreachable, timeout
nic.py tell SOCKET forget                     forgets the frames that came
nic.py tell SOCKET count TEXT                 how many of them hold that text
nic.py tell SOCKET frames KIND                how many are arp, ip4, ip6, other
nic.py tell SOCKET trick WHICH COUNT ...       sends frames of linktricks.py so often; how many kinds
"""
import ipaddress
import fcntl
import os
import random
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
import linktricks
from tricks import icmp, ip4, ip6, syn, udp

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
WAIT = 3.0


def open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


def question(name, kind, ident):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)


def skip_name(data, at):
    while data[at] and data[at] < 0xC0:
        at += 1 + data[at]
    return at + (2 if data[at] >= 0xC0 else 1)


def read_answer(data):
    codes = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
    at, words = skip_name(data, 12) + 4, [codes.get(data[3] & 15, str(data[3] & 15))]
    for _ in range(struct.unpack(">H", data[6:8])[0]):
        at = skip_name(data, at)
        kind, _cls, _ttl, length = struct.unpack(">HHIH", data[at:at + 10])
        if kind in (1, 28):
            words.append(str(ipaddress.ip_address(data[at + 10:at + 10 + length])))
        at += 10 + length
    return " ".join(words)


class Card:
    def __init__(self, tap, mac, four, six):
        self.fd, self.mac = open_tap(tap), bytes.fromhex(mac.replace(":", ""))
        self.own = [ipaddress.ip_address(pair.split("/")[0]) for pair in (four, six)]
        self.router = [ipaddress.ip_address(pair.split("/")[1]) for pair in (four, six)]
        self.known, self.frames = {}, []

    # ---- the link ----

    def send(self, to, kind, payload):
        os.write(self.fd, to + self.mac + struct.pack(">H", kind) + payload)

    def arp(self, op, to_mac, to):
        self.send(b"\xff" * 6 if op == 1 else to_mac, 0x0806,
                  struct.pack(">HHBBH", 1, 0x0800, 6, 4, op) + self.mac + self.own[0].packed + to_mac + to.packed)

    def solicit(self, target):
        group = ipaddress.ip_address(b"\xff\x02" + b"\0" * 9 + b"\1\xff" + target.packed[-3:])
        self.send(b"\x33\x33" + group.packed[-4:], 0x86DD,
                  ip6(self.own[1], group, 58, icmp(self.own[1], group, 135, target.packed + b"\1\1" + self.mac), 255))

    def advertise(self, to_mac, to):
        head = struct.pack(">BBHI", 136, 0, 0, 0x60000000)
        body = self.own[1].packed + b"\2\1" + self.mac
        self.send(to_mac, 0x86DD, ip6(self.own[1], to, 58, linktricks.icmp6_raw(self.own[1], to, head, body), 255))

    def resolve_link(self, router):
        if router not in self.known:
            for _ in range(3):
                (self.arp(1, b"\0" * 6, router) if router.version == 4 else self.solicit(router))
                if self.pump(lambda _frame: router in self.known, 0.5):
                    break
        return self.known.get(router)

    def neighbours(self, frame):
        """Learns who is who, and says who we are."""
        kind, data = frame[12:14], frame[14:]
        if kind == b"\x08\x06" and len(data) >= 28:
            self.known[ipaddress.ip_address(data[14:18])] = data[8:14]
            if data[6:8] == b"\0\1" and data[24:28] == self.own[0].packed:
                self.arp(2, data[8:14], ipaddress.ip_address(data[14:18]))
        elif kind == b"\x86\xdd" and len(data) >= 64 and data[6] == 58:
            target = ipaddress.ip_address(data[48:64])
            if data[40] == 136:
                self.known[target] = frame[6:12]
            elif data[40] == 135 and target == self.own[1]:
                self.advertise(frame[6:12], ipaddress.ip_address(data[8:24]))

    def take(self):
        frame = os.read(self.fd, 65536)
        self.frames.append(frame)
        self.neighbours(frame)
        return frame

    def pump(self, wanted, seconds):
        """Serves the link until a frame is wanted, and returns what wanted() made of it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0] and (found := wanted(self.take())):
                return found
        return None

    # ---- above it ----

    def packet(self, to, payload, proto):
        source = self.own[to.version == 6]
        router = self.resolve_link(self.router[to.version == 6])
        if not router:
            return False
        if to.version == 4:
            self.send(router, 0x0800, ip4(source, to, proto, payload))
        else:
            self.send(router, 0x86DD, ip6(source, to, proto, payload))
        return True

    def parts(self, frame, peer):
        """Protocol and payload of a packet to us; of anybody who says that peer cannot be reached."""
        data = frame[14:]
        if frame[12:14] == b"\x08\x00" and data[16:20] == self.own[0].packed:
            return data[9], data[20:], data[12:16] == peer.packed
        if frame[12:14] == b"\x86\xdd" and data[24:40] == self.own[1].packed:
            return data[6], data[40:], data[8:24] == peer.packed
        return None, b"", False

    def ask(self, name, kind="A", server=None):
        to = ipaddress.ip_address(server) if server else self.router[0]
        ident, data = random.randrange(65536), b""
        data = question(name, {"A": 1, "AAAA": 28, "TXT": 16}[kind], ident)

        def answer(frame):
            proto, payload, same = self.parts(frame, to)
            if proto == 17 and same and payload[8:10] == data[:2]:
                return read_answer(payload[8:])
            return None
        if not self.packet(to, udp(self.own[to.version == 6], to, data, 53), 17):
            return "NO-ROUTER"
        return self.pump(answer, 6) or "TIMEOUT"

    def connect(self, address, port="80"):
        to = ipaddress.ip_address(address)

        def outcome(frame):
            proto, payload, same = self.parts(frame, to)
            if proto == 6 and same:
                return "refused" if payload[13] & 4 else "open"
            if (proto == 1 and payload[0] == 3) or (proto == 58 and payload[0] == 1):
                return "unreachable"
            return None
        if not self.packet(to, syn(self.own[to.version == 6], to, int(port)), 6):
            return "no-router"
        return self.pump(outcome, WAIT) or "timeout"

    def ping(self, address):
        to = ipaddress.ip_address(address)
        source = self.own[to.version == 6]

        def outcome(frame):
            proto, payload, same = self.parts(frame, to)
            if same and (proto, payload[0]) in ((1, 0), (58, 129)):
                return "answered"
            return "unreachable" if (proto, payload[:1]) in ((1, b"\3"), (58, b"\1")) else None
        kind, proto = (8, 1) if to.version == 4 else (128, 58)
        if not self.packet(to, icmp(source, to, kind, b"ping"), proto):
            return "no-router"
        return self.pump(outcome, WAIT) or "timeout"

    def trick(self, wanted, count, *addresses):
        sent = set()
        for _ in range(int(count)):
            for name, frame in linktricks.all_frames(self.mac, *self.own, *addresses):
                if linktricks.chosen(name, wanted):
                    sent.add(name)
                    os.write(self.fd, frame)
            self.pump(lambda _frame: None, 0.01)
        return str(len(sent))

    def forget(self):
        self.frames.clear()
        return "forgotten"

    def count(self, text):
        return str(sum(text.encode() in frame for frame in self.frames))

    def kinds(self, kind):
        types = {"arp": b"\x08\x06", "ip4": b"\x08\x00", "ip6": b"\x86\xdd"}
        return str(sum((frame[12:14] not in types.values()) if kind == "other" else frame[12:14] == types[kind]
                       for frame in self.frames))

    def command(self, words):
        verbs = {"ask": self.ask, "connect": self.connect, "ping": self.ping, "trick": self.trick,
                 "forget": self.forget, "count": self.count, "frames": self.kinds}
        return verbs[words[0]](*words[1:])


def serve(tap, path, *settings):
    card = Card(tap, *settings)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(path)
        sock.listen(8)
        while True:
            ready = select.select([card.fd, sock], [], [])[0]
            if card.fd in ready:
                card.take()
            if sock in ready:
                with sock.accept()[0] as peer:
                    peer.sendall(card.command(peer.recv(4096).decode().split("\0")).encode())


def tell(path, *words):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)
        sock.sendall("\0".join(words).encode())
        sock.shutdown(socket.SHUT_WR)
        print(sock.makefile().read())


{"serve": serve, "tell": tell}[sys.argv[1]](*sys.argv[2:])
