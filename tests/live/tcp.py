"""Clients of the TCP listener, or of a Unix socket when SERVER is a path, that no ordinary
tool can play, and an upstream that is late.

ask SERVER NAME          the RCODE, then the addresses
late ADDRESS SECONDS     answer every question with 44.0.0.9, so much later
pipeline SERVER LATE DENIED N
                         N questions in one segment, every eighth of them for names below LATE
cut SERVER NAME          three messages in one segment, then one octet a segment
half SERVER NAME         ask, say the end of it, and be answered
end SERVER NAME          ask, then send what is no message: how the connection ends
idle SERVER              how long an idle connection lives, and how it ends
dribble SERVER           the same for one that brings an octet of a message each second
deaf SERVER NAME         ask for large answers and read none: "cut" when the gate ends it
crowd SERVER NAME DENIED N
                         N connections with a question each under way, then one more
queue SERVER N LIVE      N idle connections one after the other, of which all but LIVE are to end: who lives
resets SERVER N          N connections that are reset, half of them in the middle of a message
"""
import errno
import socket
import struct
import sys
import threading
import time

import peer


def framed(name, ident, kind=1):
    wire = peer.query(name, kind, ident)
    return struct.pack(">H", len(wire)) + wire


def call(server, seconds=8):
    if server.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        sock.connect(server)
        return sock
    sock = socket.create_connection((server, 53), seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(seconds)
    return sock


def exactly(sock, n):
    got = b""
    while len(got) < n:
        more = sock.recv(n - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def message(sock):
    return exactly(sock, struct.unpack(">H", exactly(sock, 2))[0])


def ending(sock):
    """Reads to the end, whatever comes: "closed" in order, or "reset"."""
    try:
        while sock.recv(65536):
            pass
        return "closed"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "open"


def ask(server, name):
    try:
        with call(server) as sock:
            sock.sendall(framed(name, 1))
            rcode, _, addresses = peer.parse(message(sock))
            print(rcode, *addresses)
    except OSError as error:
        print(errno.errorcode[error.errno])


def late(address, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 53))
    print("ready", flush=True)
    while True:
        wire, asker = sock.recvfrom(4096)
        reply = peer.respond(wire[:2] + b"\x01\x00\x00\x01" + b"\0" * 6 + wire[12:], "44.0.0.9")
        threading.Timer(float(seconds), sock.sendto, (reply, asker)).start()


def pipeline(server, late_zone, denied, n):
    """Are all answered, and do those that need not wait overtake those that must?"""
    n = int(n)
    names = ["n%d.%s" % (i, late_zone if i % 8 == 0 else denied) for i in range(n)]
    begun, order, quick = time.monotonic(), [], 0.0
    with call(server) as sock:
        sock.sendall(b"".join(framed(name, i) for i, name in enumerate(names)))
        for _ in range(n):
            ident = struct.unpack(">H", message(sock)[:2])[0]
            order.append(ident)
            if ident % 8:
                quick = time.monotonic() - begun
    whole = sorted(order) == list(range(n))
    overtook = all(ident % 8 == 0 for ident in order[n - n // 8 :])
    print("%s %s" % ("whole" if whole else "not-whole", "overtook" if overtook else "waited"))
    print("# %d that need not wait after %.1f ms, all after %.1f ms"
          % (n - n // 8, quick * 1000, (time.monotonic() - begun) * 1000))


def cut(server, name):
    with call(server) as sock:
        sock.sendall(framed(name, 1) + framed(name, 2) + framed(name, 3))
        idents = sorted(message(sock)[1] for _ in range(3))
        for octet in framed(name, 4):
            sock.sendall(bytes([octet]))
            time.sleep(0.01)
        print(idents + [message(sock)[1]])


def half(server, name):
    with call(server) as sock:
        sock.sendall(framed(name, 7))
        sock.shutdown(socket.SHUT_WR)
        rcode, _, addresses = peer.parse(message(sock))
        print(rcode, *addresses, ending(sock))


def end(server, name):
    """The answer that is under way comes, and no reset takes it along."""
    with call(server) as sock:
        sock.sendall(framed(name, 7) + b"\xff" * 6000)
        time.sleep(0.5)
        sock.sendall(b"\xff" * 6000)
        rcode, _, addresses = peer.parse(message(sock))
        print(rcode, *addresses, ending(sock))


def lived(sock, begun):
    how = ending(sock)
    print("%s %.1f" % (how, time.monotonic() - begun))


def idle(server):
    with call(server, 30) as sock:
        lived(sock, time.monotonic())


def dribble(server):
    with call(server, 30) as sock:
        begun = time.monotonic()

        def drip():
            try:
                for octet in b"\x00\x20" + b"x" * 28:
                    sock.sendall(bytes([octet]))
                    time.sleep(1)
            except OSError:
                pass

        threading.Thread(target=drip, daemon=True).start()
        lived(sock, begun)


def deaf(server, name):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect((server, 53))
    sock.settimeout(0.5)
    asked, end_at = 0, time.monotonic() + 40
    while time.monotonic() < end_at:
        try:
            sock.sendall(framed(name, asked & 0xFFFF))
            asked += 1
        except TimeoutError:
            continue  # it does not read from us either
        except OSError:
            print("cut after %d questions" % asked)
            return
    print("open after %d questions" % asked)


def crowd(server, name, denied, n):
    socks = []
    for i in range(int(n)):
        socks.append(call(server))
        socks[-1].sendall(framed(name % i, i) + framed(denied, 1000 + i))
    for sock in socks:
        message(sock)  # that of the denied name: the one before it was read as well
    print("under way", flush=True)
    with call(server) as more:
        try:
            more.sendall(framed(name % 99, 99))
            print("the next one:", ending(more))
        except OSError:
            print("the next one: reset")
    answered = sum(peer.parse(message(sock))[2] == ["44.0.0.9"] for sock in socks)
    print("answered", answered)


def queue(server, n, live):
    socks = []
    for _ in range(int(n)):
        socks.append(call(server))
        time.sleep(0.02)
    end_at, alive = time.monotonic() + 10, "1" * len(socks)
    while alive.count("1") > int(live) and time.monotonic() < end_at:
        for sock in socks:
            sock.settimeout(0.05)
        alive = "".join("1" if ending(sock) == "open" else "0" for sock in socks)
    print(alive)


def resets(server, n):
    for i in range(int(n)):
        sock = call(server)
        if i % 2:
            sock.sendall(b"\x00\x20half")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    print("done")


if __name__ == "__main__":
    actions = (ask, late, pipeline, cut, half, end, idle, dribble, deaf, crowd, queue, resets)
    {f.__name__: f for f in actions}[sys.argv[1]](*sys.argv[2:])
