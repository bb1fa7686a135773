"""What is measured: the floor and the gate, each in a namespace of its own; the peers are in peers.py.

All answer the same client over the same kind of link. Peers and gate have the same policy as far as
a peer can (wildcards, all else NXDOMAIN), the same upstream, and, where they can, put the same four
addresses of a fresh name into a set of nftables before they answer.
"""
import json
import os
import socket
import threading
import time

from stage import WORK, Process, Trouble, run

UPSTREAM = "127.0.0.1:5391"        # answers live for a minute
UPSTREAM_SHORT = "127.0.0.1:5392"  # answers live for a second
ADDRESSES = 4
TURNED_TO = 1053
RCODE_NXDOMAIN = 3


def start_upstreams(stage, net):
    for endpoint, ttl in ((UPSTREAM, 60), (UPSTREAM_SHORT, 1)):
        Process(net, stage.load_core, [stage.tool("upstream"), endpoint, str(ttl), str(ADDRESSES)],
                f"upstream-{net}-{ttl}.log")


def count_elements(net, table, name):
    text = run("ip", "netns", "exec", net, "nft", "-j", "list", "set", "inet", table, name)
    return len(json.loads(text)["nftables"][1]["set"].get("elem", []))


class Echo:
    title = "echo"

    def __init__(self, stage, net="echo", port=53):
        host = stage.add(net)
        self.at = f"{host}:53"
        self.process = Process(net, stage.server_core, [stage.tool("echo"), f"{host}:{port}"], f"{net}.log")

    @staticmethod
    def right(_options):
        return ["--echo"]


def redirect(net):
    """Port 53 to the port that is listened on, as it is done for the gate: connection tracking and translation
    both ways, and nothing else of the gate's table."""
    run("ip", "netns", "exec", net, "nft", f"table ip turned {{ chain dns {{ type nat hook prerouting priority "
        f"dstnat; udp dport 53 redirect to :{TURNED_TO}; }}; }}")


class TurnedEcho(Echo):
    """The same behind a redirection."""

    title = "echo behind a redirection"

    def __init__(self, stage, net="turned"):
        super().__init__(stage, net, port=TURNED_TO)
        redirect(net)


CONFIGURATION = """\
control = "{work}/{net}/control"
store = "{work}/{net}/store"
record = "{work}/{net}/records"
worker-user = "{worker}"
warden-user = "{warden}"
lease-min = {lease_min}
grace = 1s
budget = off
limits {{
{limits}
}}
forward "w.bench.test" {{ servers = {{ "{upstream}" }} }}
forward "s.bench.test" {{ servers = {{ "{upstream_short}" }} }}
"""

LIMITS = {"queries-sandbox": "1000000", "pending-sandbox": "4096", "leases-sandbox": "1048576"}


class Control:
    """The control socket: lines out, lines in, in order."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answers = self.socket.makefile("r", encoding="utf-8")

    def ask_all(self, questions):
        lines = "".join(json.dumps(question) + "\n" for question in questions).encode()
        writer = threading.Thread(target=self.socket.sendall, args=(lines,))
        writer.start()
        answers = [json.loads(self.answers.readline() or "{}") for _ in questions]
        writer.join()
        return answers


class Gate:
    """namegated, its warden and its worker, on one core like the others."""

    title = "namegate"
    settings = ""  # further ones

    def __init__(self, stage, build, net="gate", more=0, lease_min="1s", limits=None, zones=None):
        """limits: those that are not LIMITS; zones: further ones, each with its server."""
        self.net = net
        self.lease_min = lease_min
        self.limits = LIMITS | (limits or {})
        self.zones = zones or {}
        self.more = more  # rules that nobody asks for, beside the ones that are
        self.folder = os.path.join(WORK, net)
        self.host = stage.add(net)
        self.at = self.host + ":53"
        self.interface = f"sb{stage.servers}"
        self.client = self.host[:-1] + "2"
        start_upstreams(stage, net)
        self.write_files(net)
        self.stage, self.program = stage, os.path.join(build, "namegated")
        self.start(self.answers)

    def start(self, ready):
        self.process = Process(self.net, self.stage.server_core, [
            self.program, "-c", os.path.join(self.folder, "conf")], f"{self.net}.log", ready=ready)

    def write_files(self, net):
        os.makedirs(self.folder)
        os.makedirs(os.path.join(self.folder, "store"))
        self.write_policy()
        with open(os.path.join(self.folder, "conf"), "w", encoding="utf-8") as conf:
            conf.write(CONFIGURATION.format(
                work=WORK, net=net, upstream=UPSTREAM, upstream_short=UPSTREAM_SHORT,
                lease_min=self.lease_min, worker="self", warden="self",
                limits="\n".join(f"\t{name} = {value}" for name, value in self.limits.items())))
            conf.write(self.settings)
            conf.writelines(f'forward "{zone}" {{ servers = {{ "{server}" }} }}\n'
                            for zone, server in self.zones.items())

    def write_policy(self, *lines):
        rules = [*(f"*.{zone}" for zone in ("w.bench.test", "s.bench.test", *self.zones)), *lines]
        rules += [f"service{i}.base.bench.test" for i in range(self.more)]
        with open(os.path.join(self.folder, "bench.list"), "w", encoding="utf-8") as policy:
            policy.write("\n".join(rules) + "\n")

    def reload(self):
        """Seconds until all stood that a changed policy changes."""
        begun = time.monotonic()
        answer = self.control.ask_all([{"verb": "reload"}])[0]
        if not answer.get("ok"):
            raise Trouble(f"the reload was refused with {answer}")
        return time.monotonic() - begun

    def answers(self):
        try:
            self.control = Control(os.path.join(self.folder, "control"))
            return self.control.ask_all([{"verb": "status"}])[0] != {}
        except OSError:
            return False

    def sandbox(self, name, interface, source, allow=None):
        request = {"verb": "sandbox-add", "name": name, "interface": interface, "sources": [source],
                   "policies": [os.path.join(self.folder, "bench.list")]}
        return request if allow is None else request | {"allow": allow}

    def elements(self):
        return count_elements(self.net, "namegate", "allow4")

    def identities(self):
        return count_elements(self.net, "namegate", "sbx4")

    def register(self, sandboxes):
        """Seconds until the last of them stood; all must."""
        begun = time.monotonic()
        answers = self.control.ask_all(sandboxes)
        seconds = time.monotonic() - begun
        refused = [answer for answer in answers if not answer.get("ok")]
        if refused:
            raise Trouble(f"{len(refused)} sandboxes were refused, the first with {refused[0]}")
        return seconds

    @staticmethod
    def right(options):
        return options


class PollingGate(Gate):
    """The same with a core to spare: it polls for longer than the pauses between questions that come alone. With real-time
    priority the kernel takes a twentieth of each second from who never sleeps, which its 99th percentile shows."""

    title = "namegate, busy-poll = 5ms"
    settings = "busy-poll = 5ms\n"
