"""A case as it is played live: under a number, which gives it addresses and names of its own.

What goes in and what comes out is noted with the time; scene.py makes a scene of it.
"""
import copy
import json

import gate
import net
import wire
import world


class Play:
    def __init__(self, case, number, plant=None):
        self.label = "s%04d" % number
        self.v4 = "10.77.%d.%d" % (number >> 6, (number & 63) * 4)
        trigger = "32." + ".".join(reversed(self.host(1).split(".")))
        text = json.dumps(case).replace("32.@client", trigger).replace("@", self.label)
        self.case, self.number, self.plant = json.loads(text), number, plant
        self.log, self.known, self.turns, self.open = [], {}, {}, {}
        self.clients, self.ident = [], 0
        self.mode = self.case["modes"][0]

    # ---- who it is ----

    def host(self, n):
        base, last = self.v4.rsplit(".", 1)
        return "%s.%d" % (base, int(last) + n)

    def addresses(self):
        """Those it sends from."""
        if self.case["wide"]:
            return [self.host(n) for n in range(3)]
        return [self.host(1)] + (["fd77::%x" % (self.number * 4 + 1)] if self.case["v6"] else [])

    def prefixes(self):
        return [self.v4 + "/30"] if self.case["wide"] else self.addresses()

    def path(self, n, source):
        return "%s/policy/%s-%d.%s" % (gate.WORK, self.label, n, source["kind"])

    def sources(self, generation):
        return self.case["sources"][generation]

    def live_sources(self, generation):
        """As the daemon reads them: the self-test lets them differ."""
        return [self.plant(copy.deepcopy(one)) if self.plant else one for one in self.sources(generation)]

    def section(self, generation, policies):
        case = self.case
        words = ['interface = "sb1"', "sources = " + gate.quoted(self.prefixes()), "policies = " + gate.quoted(policies),
                 'mode = "%s"' % case["modes"][generation]]
        if case["group"] is not None:
            words.append('group = "g%d"' % case["group"])
        if case["no-aaaa"]:
            words.append("aaaa = off")
        if case["budget"]:
            words.append("budget = %s" % case["budget"])
        if case["private"]:
            words.append("private = " + gate.quoted(case["private"]))
        return 'sandbox "%s" {\n\t%s\n}' % (self.label, "\n\t".join(words))

    # ---- what happens ----

    def note(self, kind, at, **what):
        self.log.append(dict(what, kind=kind, at=at))

    def connect(self, loop):
        self.clients = [net.Client(loop, address, self.on_reply) for address in self.addresses()]

    def disconnect(self):
        for client in self.clients:
            client.close()
        self.clients = []

    def steps(self, phase, *ops):
        return [step for step in self.case["steps"] if step["phase"] == phase and step["op"] in ops]

    def ask(self, step, clock):
        """Sends a question, perhaps twice at once."""
        client = self.clients[step["host"] % len(self.clients)]
        for _ in range(step["times"]):
            self.ident += 1
            self.open[self.ident] = step
            self.note("query", clock(), step=step, ident=self.ident, client=client.address)
            client.send(wire.query(self.ident, step["name"], step["kind"], step["options"]), step["options"].get("tcp"))

    def on_reply(self, at, octets):
        message = wire.Message(octets)
        self.open.pop(message.ident, None)
        self.note("reply", at, message=message)

    def answer(self, message, over_tcp, clock):
        """The upstream's answer to the gate's question for one of our names."""
        name = message.name.lower()
        key = "%s %s" % (name, message.kind)
        said = self._turn(key, name)
        if not (over_tcp and said.get("cut")):
            self.note("ask", clock(), key=key, do=message.do, cd=bool(message.flags & wire.FLAG_CD), dead=said is DEAD)
        if said is DEAD:
            return None
        octets = wire.response(message, said, over_tcp)
        if over_tcp or not said.get("cut"):
            self._next(key)
            self.note("answer", clock(), key=key, said=said)
        return octets

    def _turn(self, key, name):
        if name == gate.DEAD_ZONE or name.endswith("." + gate.DEAD_ZONE):
            return DEAD
        said = self.case["world"].get(key)
        return said[min(self.turns.get(key, 0), len(said) - 1)] if said else world.nothing(name)

    def _next(self, key):
        self.turns[key] = self.turns.get(key, 0) + 1

    def changed(self, before, after, lines, **what):
        """Something about the sandbox itself changed between those times: lines of a scene."""
        self.note("change", before, until=after, lines=lines, **what)

    def recorded(self, decisions):
        """The daemon's own word on each question, in their order."""
        told = sorted((event for event in self.log if event["kind"] in ("reply", "drop")), key=ident_of)
        for event, decision in zip(told, decisions):
            event["record"] = decision
        return len(told) == len(decisions)

    def reloaded(self, before, after, shared):
        self.mode = self.case["modes"][1]
        self.changed(before, after, None, shared=shared)

    def looked(self, sets, before, after):
        found = []
        for address in self.addresses():
            for to, port, left in sets.get(address, []):
                found.append((to, port, address if self.case["wide"] else "", left))
        self.note("set", (before + after) / 2, elements=sorted(found), within=0.3 + after - before)


def ident_of(event):
    return event["message"].ident if event["kind"] == "reply" else event["of"]["ident"]


DEAD = {"rcode": "noerror"}
