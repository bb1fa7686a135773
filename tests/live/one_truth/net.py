"""Sockets in the namespaces of the test, all in one loop with one clock.

Clients send from the addresses of their sandboxes; the upstream answers on two addresses of the
small internet. Whoever is told (`on_reply`, `on_ask`) gets the time at which it came.
"""
import selectors
import socket
import struct
import time

import wire
from netns import Inside

GATE4, GATE6 = "10.76.0.1", "fd76::1"
UPSTREAM, DEAD = "192.0.2.53", "192.0.2.54"
FREEBIND4, FREEBIND6 = 15, 78


class Stream:
    """One connection, either way round: length-prefixed messages."""

    def __init__(self, loop, sock, on_message, out=b""):
        self.loop, self.sock, self.on_message = loop, sock, on_message
        self.out, self.into = out, b""
        sock.setblocking(False)
        loop.watch(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if out else 0), self.ready)

    def send(self, message):
        self.sock.sendall(struct.pack(">H", len(message)) + message)

    def ready(self, events):
        try:
            if events & selectors.EVENT_WRITE and self.out:
                self.sock.sendall(self.out)
                self.out = b""
                self.loop.change(self.sock, selectors.EVENT_READ, self.ready)
            if events & selectors.EVENT_READ:
                self._read()
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def _read(self):
        got = self.sock.recv(65536)
        if not got:
            self.close()
            return
        self.into += got
        while len(self.into) >= 2 and len(self.into) >= 2 + struct.unpack(">H", self.into[:2])[0]:
            size = struct.unpack(">H", self.into[:2])[0]
            message, self.into = self.into[2 : 2 + size], self.into[2 + size :]
            self.on_message(self, message)

    def close(self):
        if self.sock.fileno() >= 0:
            self.loop.forget(self.sock)
            self.sock.close()


class Loop:
    def __init__(self):
        self.selector = selectors.DefaultSelector()

    def watch(self, sock, events, call):
        self.selector.register(sock, events, call)

    def change(self, sock, events, call):
        self.selector.modify(sock, events, call)

    def forget(self, sock):
        self.selector.unregister(sock)

    def run(self, until, done=lambda: False):
        """Serves until that time, or until done() says so."""
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                return
            for key, events in self.selector.select(left):
                key.data(events)


def datagram(family, address, port=0):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, FREEBIND4, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, FREEBIND6, 1)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock


class Client:
    """The socket of one sandbox; on_reply(time, octets)."""

    def __init__(self, loop, address, on_reply):
        self.loop, self.address, self.on_reply = loop, address, on_reply
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.gate = (GATE6 if ":" in address else GATE4, 53)
        with Inside("boxes"):
            self.sock = datagram(self.family, address)
        self.streams = []
        loop.watch(self.sock, selectors.EVENT_READ, self._ready)

    def _ready(self, _):
        try:
            while True:
                octets = self.sock.recv(65536)
                self.on_reply(time.monotonic(), octets)
        except BlockingIOError:
            pass

    def send(self, octets, tcp):
        if not tcp:
            self.sock.sendto(octets, self.gate)
            return
        with Inside("boxes"):
            sock = socket.socket(self.family, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_IP, FREEBIND4, 1)
        sock.bind((self.address, 0))
        sock.setblocking(False)
        sock.connect_ex(self.gate)
        out = struct.pack(">H", len(octets)) + octets
        self.streams.append(Stream(self.loop, sock, self._stream_reply, out))

    def _stream_reply(self, stream, octets):
        self.on_reply(time.monotonic(), octets)
        stream.close()

    def close(self):
        self.loop.forget(self.sock)
        self.sock.close()
        for stream in self.streams:
            stream.close()


class Upstream:
    """answer(message, over_tcp) gives the octets to send, or None for silence."""

    def __init__(self, loop, answer):
        self.loop, self.answer = loop, answer
        with Inside("net"):
            self.sock = datagram(socket.AF_INET, UPSTREAM, 53)
            self.dead = datagram(socket.AF_INET, DEAD, 53)
            self.listener = socket.create_server((UPSTREAM, 53), backlog=512)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.listener.setblocking(False)
        loop.watch(self.sock, selectors.EVENT_READ, lambda _: self._ready(self.sock))
        loop.watch(self.dead, selectors.EVENT_READ, lambda _: self._ready(self.dead))
        loop.watch(self.listener, selectors.EVENT_READ, self._accept)

    def _ready(self, sock):
        try:
            while True:
                octets, peer = sock.recvfrom(4096)
                said = self.answer(wire.Message(octets), False)
                if said:
                    sock.sendto(said, peer)
        except BlockingIOError:
            pass

    def _accept(self, _):
        try:
            Stream(self.loop, self.listener.accept()[0], self._stream)
        except BlockingIOError:
            pass

    def _stream(self, stream, octets):
        said = self.answer(wire.Message(octets), True)
        if said:
            stream.send(said)
