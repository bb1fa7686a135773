"""The peers of the live tests that no ordinary tool can play.

web                      accept on port 80 of every address, send one line, keep the connection
connect ADDRESS PORT     say how a connection goes, and exit 0 when it opens
hold ADDRESS SECONDS [PATIENCE]
                         keep a connection busy; at its end "held", or "cut", when it last lived, and how long the
                         machine let it wait at most before that. Nothing for PATIENCE seconds, 3 by default, is cut
race SERVER PATTERN FIRST LAST [6]
                         look up PATTERN % n and connect to what it says at once, for each n
flood SERVER PATTERN SECONDS  look names up without end; prints the number of each outcome
service PORT            a service of the host, by UDP and TCP on all addresses: says who got through to it
forge ADDRESS PORT       answer questions on ADDRESS:PORT with wrong answers first, see FORGED
"""
import collections
import errno
import random
import select
import socket
import socketserver
import struct
import sys
import threading
import time


def outcome(address, port, seconds=3.0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        try:
            sock.connect((address, port))
        except socket.timeout:
            return "timeout"
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                return "refused"
            if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES):
                return "unreachable"
            return errno.errorcode.get(error.errno, str(error))
        return "open"


def connect(address, port):
    result = outcome(address, int(port))
    print(result)
    return 0 if result == "open" else 1


def hold(address, seconds, patience=3):
    with socket.create_connection((address, 80), 5) as sock:
        sock.settimeout(float(patience))
        print("up", flush=True)
        end, last, stall = time.monotonic() + float(seconds), time.time(), 0.0
        try:
            while time.monotonic() < end:
                sock.sendall(b"line\n")
                if not sock.recv(64):
                    raise OSError
                stall, last = max(stall, time.time() - last - 0.02), time.time()
                time.sleep(0.02)
        except OSError:
            print("cut %.3f %.3f" % (last, stall))
        else:
            print("held")


class Web(socketserver.BaseRequestHandler):
    """Echoes lines until the peer has enough; a GET gets a page."""

    def handle(self):
        while True:
            data = self.request.recv(4096)
            if not data:
                return
            if data.startswith(b"GET "):
                at = self.request.getsockname()[0].removeprefix("::ffff:")
                page = ("hello from %s\n" % at).encode()
                self.request.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
                return
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def web():
    threading.Thread(target=udp_echo, daemon=True).start()
    Server(("::", 80), Web).serve_forever()


def udp_echo():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::", 8080))
        while True:
            data, peer = sock.recvfrom(4096)
            sock.sendto(data, peer)


def wire_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def query(name, kind, ident):
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + wire_name(name) + struct.pack(">HH", kind, 1)


def skip_name(wire, at):
    while wire[at]:
        if wire[at] >= 0xC0:
            return at + 2
        at += wire[at] + 1
    return at + 1


def parse(wire):
    """rcode, TTL of the first record and the addresses of a response"""
    ident, flags, qd, an, _, _ = struct.unpack(">HHHHHH", wire[:12])
    at = 12
    for _ in range(qd):
        at = skip_name(wire, at) + 4
    found, first_ttl = [], None
    for _ in range(an):
        at = skip_name(wire, at)
        kind, _, ttl, size = struct.unpack(">HHIH", wire[at : at + 10])
        at += 10
        if kind == 1:
            found.append(socket.inet_ntop(socket.AF_INET, wire[at : at + size]))
        elif kind == 28:
            found.append(socket.inet_ntop(socket.AF_INET6, wire[at : at + size]))
        first_ttl = ttl if first_ttl is None else first_ttl
        at += size
    return flags & 15, first_ttl, found


def ask(sock, server, name, kind, seconds):
    ident = random.randrange(65536)
    sock.settimeout(seconds)
    sock.sendto(query(name, kind, ident), server)
    while True:
        wire, _ = sock.recvfrom(65535)
        if wire[:2] == struct.pack(">H", ident):
            return parse(wire)


def race(server, pattern, first, last, family="4"):
    seen = collections.Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for n in range(int(first), int(last) + 1):
            try:
                rcode, _, addresses = ask(sock, (server, 53), pattern % n, 28 if family == "6" else 1, 5)
            except socket.timeout:
                seen["no answer"] += 1
                continue
            if rcode or not addresses:
                seen["rcode %d" % rcode] += 1
            for address in addresses:
                seen[outcome(address, 80)] += 1
    print(" ".join("%s=%d" % pair for pair in sorted(seen.items())))
    return 0


def flood(server, pattern, seconds):
    """Distinct names, hardly a pause: counts of rcodes and of answers with addresses."""
    seen = collections.Counter()
    end = time.monotonic() + float(seconds)
    n = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while time.monotonic() < end:
            n += 1
            time.sleep(0.001)
            try:
                rcode, _, addresses = ask(sock, (server, 53), pattern % n, 1, 2)
            except (socket.timeout, OSError):
                seen["none"] += 1
                continue
            seen["rcode%d" % rcode] += 1
            for address in addresses:
                seen["address"] += 1
                if outcome(address, 80) != "open":
                    seen["closed"] += 1
    print(" ".join("%s=%d" % pair for pair in sorted(seen.items())))
    return 0


def records(*addresses):
    return b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(a) for a in addresses)


def respond(wire, *addresses, ident=None, question=None):
    """A response to a query's octets, with what a forger would change."""
    end = skip_name(wire, 12) + 4
    own = wire[12:end] if question is None else question
    head = struct.unpack(">H", wire[:2])[0] if ident is None else ident
    return struct.pack(">HHHHHH", head, 0x8180, 1, len(addresses), 0, 0) + own + records(*addresses)


def honest_tcp(address, port):
    with socket.create_server((address, port)) as listener:
        while True:
            peer, _ = listener.accept()
            with peer:
                wire = peer.recv(4096)[2:]
                answer = respond(wire, "44.0.9.9") if len(wire) > 12 else b""
                peer.sendall(struct.pack(">H", len(answer)) + answer)


def forge(address, port):
    """Over UDP every kind of wrong answer with 44.6.6.x, then, late, the right one with 44.0.9.9; over
    TCP, where a resolver that saw forgeries should go, the right one."""
    threading.Thread(target=honest_tcp, args=(address, int(port)), daemon=True).start()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, int(port)))
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((address, 0))
    while True:
        wire, peer = sock.recvfrom(4096)
        end = skip_name(wire, 12) + 4
        flipped = bytes(c ^ 0x20 if chr(c).isalpha() else c for c in wire[12 : end - 4]) + wire[end - 4 : end]
        other_name = wire_name("forged.example") + wire[end - 4 : end]
        ident = struct.unpack(">H", wire[:2])[0] ^ 0x0101
        sock.sendto(respond(wire, "44.6.6.1", ident=ident), peer)
        sock.sendto(respond(wire, "44.6.6.2", question=flipped), peer)
        sock.sendto(respond(wire, "44.6.6.3", question=other_name), peer)
        sock.sendto(wire[:2] + b"\x81\x80" + b"\xff" * 9, peer)
        other.sendto(respond(wire, "44.6.6.4"), peer)
        time.sleep(0.1)
        sock.sendto(respond(wire, "44.0.9.9"), peer)


def sink(port):
    """Says every datagram that comes to that port, on all addresses of either family."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", int(port)))
        print("ready", flush=True)
        while True:
            print(repr(sock.recv(2000)), flush=True)


def service(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp:
        for sock in udp, tcp:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("::", int(port)))
        tcp.listen(64)
        print("up", flush=True)
        while True:
            for sock in select.select([udp, tcp], [], [])[0]:
                who = sock.recvfrom(64)[1] if sock is udp else sock.accept()[1]
                print("got", who[0], flush=True)


if __name__ == "__main__":
    actions = {f.__name__: f for f in (web, connect, hold, race, flood, service, forge, sink)}
    sys.exit(actions[sys.argv[1]](*sys.argv[2:]))
