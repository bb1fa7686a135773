"""What a restart takes with many leases in the kernel: from the start of a new warden until every one
that its worker orders again is confirmed and the one that it does not is gone.

The warden alone, with the driver of the live tests in the place of main and of the worker; no packets.
"""
import errno
import os
import socket
import struct
import subprocess
import time

import stage

TABLE = "benchadopt"
SETS = ("allow4", "allow4b")
SOURCE = "10.77.1.2"
FIRST = "44.0.0.0"
GETSETELEM, REQUEST_ACK, ERROR = 10 << 8 | 13, 5, 2
NESTED = 0x8000
PATIENCE_S = 60


def attribute(kind, content):
    return struct.pack("=HH", 4 + len(content), kind) + content + b"\0" * (-len(content) % 4)


def stands(kernel, name, key):
    """Is that element in the set? Asks for it alone; nft would read the whole set."""
    element = attribute(1 | NESTED, attribute(1 | NESTED, attribute(1, key)))
    body = struct.pack("=BBH", 1, 0, 0) + attribute(1, TABLE.encode() + b"\0") + \
        attribute(2, name.encode() + b"\0") + attribute(3 | NESTED, element)
    kernel.send(struct.pack("=IHHII", 16 + len(body), GETSETELEM, REQUEST_ACK, 1, 0) + body)
    found = False
    while True:
        reply = kernel.recv(65536)
        if struct.unpack_from("=H", reply, 4)[0] != ERROR:
            found = True
            continue
        error = -struct.unpack_from("=i", reply, 16)[0]
        if error not in (0, errno.ENOENT):
            raise stage.Trouble(f"element of {name}: {os.strerror(error)}")
        return found


class Driver:
    def __init__(self, build, server_core, load_core):
        self.core = server_core
        self.warden = os.path.join(build, "namegate-warden")
        program = os.path.join(build, "tests/live/warden_driver")
        for needed in (self.warden, program):
            if not os.access(needed, os.X_OK):
                raise stage.Trouble(f"{needed} is not built: run make bench, or make check once")
        self.log = open(os.path.join(stage.WORK, "adopt.log"), "wb")  # pylint: disable=consider-using-with
        self.child = subprocess.Popen(  # pylint: disable=consider-using-with
            stage.pinned(load_core, [program]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, text=True)

    def tell(self, words, wanted="ok"):
        self.child.stdin.write(words + "\n")
        self.child.stdin.flush()
        said = self.child.stdout.readline().strip()
        if not said.startswith(wanted):
            raise stage.Trouble(f"warden: {words}: {said or 'the driver has ended'}")
        return said

    def begin(self, leases):
        pid = self.tell(f"start {self.warden}").split()[1]
        stage.run("taskset", "-cp", str(self.core), pid)
        self.tell(f"table {TABLE} bench* 5353 {leases} {leases} 50")
        self.tell(f"add 1 bench1 enforce - {SOURCE}")
        self.tell("worker")

    def order(self, leases):
        self.tell(f"fill 1 {FIRST} {leases} 3600000", f"{leases} confirmed, 0 refused")

    def close(self):
        self.child.stdin.close()
        self.child.wait(PATIENCE_S)
        self.log.close()


def last_key(leases):
    first = struct.unpack("!I", socket.inet_aton(FIRST))[0]
    return socket.inet_aton(SOURCE) + struct.pack("!I", first + leases - 1)


def await_gone(kernel, key):
    end = time.monotonic() + PATIENCE_S
    while any(stands(kernel, name, key) for name in SETS):
        if time.monotonic() > end:
            raise stage.Trouble("a lease that nobody ordered still stands")
        time.sleep(0.001)


def measure(build, server_core, load_core, leases):
    """Seconds of one restart."""
    driver = Driver(build, server_core, load_core)
    key = last_key(leases)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_NETFILTER
                       if hasattr(socket, "NETLINK_NETFILTER") else 12) as kernel:
        driver.begin(leases)
        driver.order(leases)
        driver.tell("kill 9", "signal 9")
        if not stands(kernel, SETS[0], key):
            raise stage.Trouble("the last lease does not stand before the restart")
        begun = time.monotonic()
        driver.begin(leases)
        driver.order(leases - 1)
        driver.tell("claimed", "sent")
        await_gone(kernel, key)
        taken = time.monotonic() - begun
    driver.tell("kill 15", "exit 0")
    driver.close()
    stage.run(driver.warden, "--teardown", TABLE)
    return taken
