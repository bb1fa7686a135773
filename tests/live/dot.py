"""DNS over TLS as it should not be: dot.py ADDRESS GOOD OLD OTHER, each a certificate FILE.pem with FILE.key

From port 860 on, one way a port:
idle     closes each connection as soon as it has answered what it got so far
once     answers one question a connection, and says close_notify
order    waits for four questions and answers the last first
half     on its first connection ends in the middle of an answer; then answers
stall    takes connections and says nothing
expired  has a certificate that has run out
otherone has that of another name

Prints the way for each question that it reads.
"""
import socket
import ssl
import struct
import sys
import threading

WAYS = ["idle", "once", "order", "half", "stall", "expired", "otherone"]
address, good, old, other = sys.argv[1:5]
first = threading.Lock()  # taken by the first connection of half


def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(name + ".pem", name + ".key")
    return made


contexts = {"expired": context(old), "otherone": context(other)}
fair = context(good)


def read(tls, n):
    octets = b""
    while len(octets) < n:
        more = tls.recv(n - len(octets))
        if not more:
            raise EOFError
        octets += more
    return octets


def question(tls, way):
    wire = read(tls, struct.unpack("!H", read(tls, 2))[0])
    print(way, flush=True)
    return wire


def answer(wire):
    at = 12
    while wire[at]:
        at += 1 + wire[at]
    out = wire[:2] + b"\x84\x00" + struct.pack("!4H", 1, 1, 0, 0) + wire[12 : at + 5]
    out += struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + bytes([44, 0, 0, 1])
    return struct.pack("!H", len(out)) + out


def serve(way, raw):
    if way == "stall":
        raw.recv(65536)
        raw.recv(65536)  # until the other end has had enough
        return
    tls = contexts.get(way, fair).wrap_socket(raw, server_side=True)
    if way == "order":
        wires = [question(tls, way) for _ in range(4)]
        for wire in reversed(wires):
            tls.sendall(answer(wire))
        question(tls, way)
    elif way == "half" and first.acquire(blocking=False):
        tls.sendall(answer(question(tls, way))[:20])
        tls.unwrap()
    elif way == "once":
        tls.sendall(answer(question(tls, way)))
        tls.unwrap()
    elif way == "idle":
        tls.sendall(answer(question(tls, way)))
        tls.close()
    else:
        while True:
            tls.sendall(answer(question(tls, way)))


def guarded(way, raw):
    try:
        serve(way, raw)
    except (OSError, EOFError):
        pass
    finally:
        raw.close()


def listen(way, port):
    with socket.create_server((address, port), backlog=16) as listener:
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=guarded, args=(way, raw), daemon=True).start()


for i, one in enumerate(WAYS):
    threading.Thread(target=listen, args=(one, 860 + i)).start()
