"""Playing many cases at once against one daemon: phases in which all act, and looks at the kernel.

Between any two phases passes a time that is no whole number of seconds, so that no decision about a
TTL or a lease, which are whole seconds, hangs on a millisecond.
"""
import re
import time

import case
import kernel

SPACING = 1.15
SENDING = 0.5  # of each phase, for all sequences together
WAITING = 0.42  # and then for the last replies
PATIENCE = 60  # with the last decisions of a wave
REVOKING = 0.5  # an order is answered when policy is in force; the kernel follows within a second
LABEL = re.compile(r"(?:^|\.)(s\d{4})(?:\.|$)")
QUIET = 0.32  # what the tries to the dead server take, see gate.py


class Wave:
    """Cases that are played together. shared: of case.scope_of_wave()."""

    def __init__(self, gate, loop, upstream, shared, plays):
        self.gate, self.loop, self.shared, self.plays = gate, loop, shared, plays
        self.by_label = {play.label: play for play in plays}
        self.start, self.times = 0.0, []
        upstream.answer = self.answer

    def answer(self, message, over_tcp):
        found = LABEL.search(message.name.lower())
        play = self.by_label.get(found.group(1)) if found else None
        return play.answer(message, over_tcp, time.monotonic) if play else None

    def run(self):
        phases = sorted({step["phase"] for play in self.plays for step in play.case["steps"]})
        self.gate.configure(self.shared, self.plays, 0)
        if not self.gate.process:
            self.gate.start()
        self.gate.reload(len(self.plays))
        for play in self.plays:
            play.connect(self.loop)
        self.start = time.monotonic()
        fresh = False
        for phase in phases:
            if phase >= case.FRESH and not fresh:
                self.reload()
                fresh = True
            self.phase(phase)
        found = self.decisions(time.monotonic() + PATIENCE)
        for play in self.plays:
            play.disconnect()
            settle(play)
        missing = [play for play in self.plays if not play.recorded(found.get(play.label, []))]
        if missing:
            raise SystemExit("not one record for each question of\n" +
                             "\n".join(told(play, found.get(play.label, [])) for play in missing[:5]))

    def decisions(self, end):
        """
        What is in the record, by sandbox, when each question has its decision: a kernel that has much to do for others
        keeps the warden waiting, and what it is to confirm. Replies are read meanwhile, and for a moment after that.
        """
        found = {}
        while True:
            for record in self.gate.records():
                if record["event"] == "suppressed":
                    raise SystemExit("records were left out")
                if record["event"] == "decision":
                    found.setdefault(record["sandbox"], []).append(record)
            done = all(len(found.get(play.label, [])) >= play.ident for play in self.plays)
            self.loop.run(time.monotonic() + 0.1)
            if done or time.monotonic() > end:
                return found

    def reload(self):
        self.gate.configure(self.shared, self.plays, 1)
        before = time.monotonic()
        self.gate.reload(len(self.plays))
        after = time.monotonic()
        for play in self.plays:
            play.reloaded(before, after, self.shared)
        self.loop.run(time.monotonic() + REVOKING)
        self.look()

    def phase(self, number):
        self.loop.run(self.next_time())
        self.times.append(time.monotonic())
        self.orders(number)
        ordered = time.monotonic()
        self.questions(number)
        self.loop.run(ordered + REVOKING)
        self.look()

    def next_time(self):
        """Not before its turn, and as far from whole seconds since the other phases as can be."""
        now = time.monotonic()
        least = max(now, self.times[-1] + SPACING) if self.times else now
        if not self.times:
            return least
        slots = [least + n * 0.05 for n in range(20)]
        return max(slots, key=lambda at: (min(0.12, self.fraction(at)), -at))

    def fraction(self, at):
        return min(abs((at - other + 0.5) % 1 - 0.5) for other in self.times)

    def questions(self, number):
        begin = time.monotonic()
        asking = [play for play in self.plays if play.steps(number, "query")]
        for turn, play in enumerate(asking):
            self.loop.run(begin + SENDING * turn / max(200, len(asking)))
            for step in play.steps(number, "query"):
                play.ask(step, time.monotonic)
        self.loop.run(time.monotonic() + WAITING, lambda: not any(play.open for play in asking))
        for play in asking:
            play.open.clear()

    def look(self):
        sets, before, after = kernel.look()
        for play in self.plays:
            play.looked(sets, before, after)

    # ---- what is asked of the daemon about one sandbox ----

    def orders(self, number):
        self.modes([(play, step) for play in self.plays for step in play.steps(number, "mode")])
        if any(play.steps(number, "approve") for play in self.plays):
            self.approve(number)
        if any(play.steps(number, "withdraw") for play in self.plays):
            self.withdraw(number)

    def modes(self, wanted):
        before = time.monotonic()
        self.gate.ask_all([{"verb": "sandbox-mode", "name": play.label, "mode": step["mode"]} for play, step in wanted])
        after = time.monotonic()
        for play, step in wanted:
            play.changed(before, after, ["mode %s %s" % (play.label, step["mode"])])

    def approve(self, number):
        waiting = self.gate.ask({"verb": "pending"})["pending"]
        chosen = [one for one in waiting if one["sandbox"] in self.by_label and
                  self.by_label[one["sandbox"]].steps(number, "approve")]
        self.order([{"verb": "approve", "id": one["id"]} for one in chosen], chosen, "approve")

    def withdraw(self, number):
        approved = self.gate.ask({"verb": "approvals"})["approvals"]
        chosen = [one for one in approved if one["sandbox"] in self.by_label and
                  self.by_label[one["sandbox"]].steps(number, "withdraw")]
        self.order([{"verb": "withdraw", "id": one["id"]} for one in chosen], chosen, "withdraw")

    def order(self, requests, about, verb):
        before = time.monotonic()
        answers = self.gate.ask_all(requests)
        after = time.monotonic()
        for one, answer in zip(about, answers):
            if not answer["ok"]:
                raise SystemExit("%s of %s: %s" % (verb, one, answer))
            play = self.by_label[one["sandbox"]]
            play.changed(before, after, ["%s %s %s" % (verb, play.label, one["name"].rstrip("."))])


def told(play, records):
    """What was asked and answered, and what the daemon says of it."""
    asked = ["%s %s at %.3f%s" % (one["step"]["name"], one["step"]["kind"], one["at"], " by tcp" * bool(one["step"]["options"].get("tcp")))
             for one in play.log if one["kind"] == "query"]
    lost = ["%s at %.3f" % (one["of"]["step"]["name"], one["at"]) for one in play.log if one["kind"] == "drop"]
    return "%s: asked %s; unanswered %s; recorded %s" % (
        play.label, ", ".join(asked), ", ".join(lost) or "none",
        ", ".join("%s %s at %s" % (one["name"], one["verdict"], one.get("time")) for one in records) or "nothing")


def settle(play):
    """What never came: replies that were dropped, and the end of waiting for a dead server."""
    play.log = silences(sorted(play.log, key=lambda one: one["at"]))
    replied = {event["message"].ident for event in play.log if event["kind"] == "reply"}
    for event in list(play.log):
        if event["kind"] == "query" and event["ident"] not in replied:
            play.log.append({"kind": "drop", "at": event["at"], "of": event})


def silences(log):
    """The tries at a dead server are one question, which ends shortly before the reply."""
    kept, open_keys = [], set()
    for event in log:
        if event["kind"] == "ask" and event["dead"]:
            if event["key"] in open_keys:
                continue
            open_keys.add(event["key"])
            end = next((one["at"] for one in log if one["kind"] == "reply" and one["at"] > event["at"]), event["at"] + QUIET)
            kept += [event, {"kind": "silence", "key": event["key"], "at": max(event["at"], end - 0.02), "until": end}]
        else:
            if event["kind"] == "reply":
                open_keys.clear()
            kept.append(event)
    return sorted(kept, key=lambda one: one["at"])
