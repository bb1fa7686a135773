"""A server whose cookies are not as they should be, on port 53 of each ADDRESS: cookies.py ADDRESS...

By the second label from the right of the name that it is asked for:
good     gives back our cookie and one of its own
liar     by UDP a false address with another cookie than ours, by TCP the right one
forger   the first answer as good; then by UDP a false address and no cookie
choke    FORMERR to a question with a cookie
deaf     silence to a question with a cookie
deafened the first answer as good; then by UDP silence
old      by UDP the header alone and FORMERR to a question with EDNS

Prints a line for each question: kind, udp or tcp, who asks, whether with edns, the cookie or -.
"""
import socket
import socketserver
import struct
import sys
import threading

FALSE, RIGHT = bytes([44, 66, 66, 66]), bytes([44, 0, 0, 1])
THEIRS = b"sixteen octets.."
seen = set()


def question_of(wire):
    at, labels = 12, []
    while wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]].lower().decode())
        at += 1 + wire[at]
    return labels, at + 5


def cookie_of(wire, at):
    if len(wire) < at + 11:
        return None, b""
    at, end = at + 11, len(wire)
    while at + 4 <= end:
        code, n = struct.unpack_from("!HH", wire, at)
        if code == 10:
            return True, wire[at + 4 : at + 4 + n]
        at += 4 + n
    return True, b""


def reply(wire, end, rcode, address, cookie):
    out = wire[:2] + bytes([0x84 | wire[2] & 1, rcode]) + struct.pack("!4H", 1, bool(address), 0, bool(cookie))
    out += wire[12:end]
    if address:
        out += struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + address
    if cookie:
        option = struct.pack("!HH", 10, len(cookie)) + cookie
        out += struct.pack("!BHHIH", 0, 41, 1232, 0, len(option)) + option
    return out


def answer(wire, udp, source):
    labels, end = question_of(wire)
    kind = labels[-2]
    edns, cookie = cookie_of(wire, end)
    print(kind, "udp" if udp else "tcp", source, "edns" if edns else "plain", cookie.hex() or "-", flush=True)
    first, ours = kind not in seen, cookie[:8]
    seen.add(kind)
    if kind == "choke" and cookie:
        return reply(wire, end, 1, None, None)
    if kind == "deaf" and cookie or kind == "deafened" and udp and not first:
        return None
    if kind == "old" and edns:
        return wire[:2] + bytes([0x80, 1]) + bytes(8)
    if kind == "liar" and udp:
        return reply(wire, end, 0, FALSE, bytes(octet ^ 255 for octet in ours) + THEIRS)
    if kind == "forger" and udp and not first:
        return reply(wire, end, 0, FALSE, None)
    return reply(wire, end, 0, RIGHT, ours + THEIRS if ours and kind in ("good", "forger", "deafened") else None)


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        wire, sock = self.request
        out = answer(wire, True, self.client_address[0])
        if out:
            sock.sendto(out, self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            prefix = self.rfile.read(2)
            if len(prefix) < 2:
                return
            out = answer(self.rfile.read(int.from_bytes(prefix, "big")), False, self.client_address[0])
            if out:
                self.wfile.write(len(out).to_bytes(2, "big") + out)


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


servers = [kind((address, 53), handler) for address in sys.argv[1:]
           for kind, handler in ((TcpServer, Tcp), (socketserver.UDPServer, Udp))]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
