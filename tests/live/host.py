"""What a process of the host tries, that is to be held by its user or its cgroup.

host.py local                     serve forever on ports 9000 (TCP and UDP) of every own address
host.py within FOLDER COMMAND...  run the command in that cgroup
host.py keep FOLDER ADDRESS PORT  open a socket, go to that cgroup, and connect with it
host.py mptcp ADDRESS PORT        connect by Multipath TCP; prints how it went, as peer.py does
host.py send ADDRESS COUNT TRICK  COUNT packets that carry "trick NAME", by a socket of that kind:
                                  udp, raw (UDP under a header of its own), proto253, options, ping
host.py from OWN ADDRESS PORT     a datagram from that port of ours; prints whether it was refused
host.py handed UID ADDRESS PORT   that user opens a socket and hands it to us; we connect with it
"""
import errno
import os
import socket
import struct
import sys
import threading

IPPROTO_MPTCP = 262


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def try_connect(sock, address, port):
    sock.settimeout(3)
    try:
        sock.connect((address, int(port)))
    except socket.timeout:
        return "timeout"
    except OSError as error:
        return "refused" if error.errno == errno.ECONNREFUSED else errno.errorcode[error.errno]
    return "open"


def echo_udp():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::", 9000))
        while True:
            data, peer = sock.recvfrom(2048)
            sock.sendto(data, peer)


def local():
    threading.Thread(target=echo_udp, daemon=True).start()
    with socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            peer, _ = server.accept()
            peer.sendall(b"hello\n")
            peer.close()


def enter(folder):
    with open(folder + "/cgroup.procs", "w") as procs:
        procs.write("0")


def within(folder, *command):
    enter(folder)
    os.execvp(command[0], command)


def keep(folder, address, port):
    with socket.socket(family(address), socket.SOCK_STREAM) as sock:
        enter(folder)
        print(try_connect(sock, address, port))


def mptcp(address, port):
    try:
        sock = socket.socket(family(address), socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        print("none")
        return
    with sock:
        print(try_connect(sock, address, port))


def udp(to, data, port=8080):
    return struct.pack(">HHHH", 40000, port, 8 + len(data), 0) + data


def header4(to, payload, options=b""):
    words = 5 + len(options) // 4
    return struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), 0, 0, 64, 17, 0,
                       b"\0" * 4, socket.inet_aton(to)) + options + payload


def tricks(to, trick):
    """The socket, and what to send by it."""
    data = b"trick %s." % trick.encode()
    if trick == "udp":
        return socket.socket(family(to), socket.SOCK_DGRAM), data, 8080
    if trick == "ping":
        proto = socket.IPPROTO_ICMPV6 if ":" in to else socket.IPPROTO_ICMP
        kind = 128 if ":" in to else 8
        return socket.socket(family(to), socket.SOCK_DGRAM, proto), struct.pack(">BBHHH", kind, 0, 0, 1, 1) + data, 0
    if trick == "proto253":
        return socket.socket(family(to), socket.SOCK_RAW, 253), data, 0
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    return sock, header4(to, udp(to, data), b"\7\7\4\0\0\0\0\0" if trick == "options" else b""), 0


def send(address, count, trick):
    sock, octets, port = tricks(address, trick)
    with sock:
        for _ in range(int(count)):
            try:
                sock.sendto(octets, (address, port))
            except OSError:
                pass  # refused at once; the far side counts


def sent_from(own, address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as sock:
        sock.bind(("", int(own)))
        try:
            sock.sendto(b"from %s" % own.encode(), (address, int(port)))
        except PermissionError:
            print("refused")
        else:
            try:
                sock.sendto(b"again", (address, int(port)))
                print("sent")
            except OSError:
                print("refused")


def handed(uid, address, port):
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        os.setresuid(int(uid), int(uid), int(uid))
        with socket.socket(family(address), socket.SOCK_STREAM) as sock:
            socket.send_fds(theirs, [b"x"], [sock.fileno()])
        os._exit(0)
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    with socket.socket(fileno=fds[0]) as sock:
        print(try_connect(sock, address, port))


if __name__ == "__main__":
    verbs = {"local": local, "within": within, "keep": keep, "mptcp": mptcp, "send": send, "from": sent_from, "handed": handed}
    verbs[sys.argv[1]](*sys.argv[2:])
