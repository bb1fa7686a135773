"""The offline side: scenes of what was seen, played by `namegate test`."""
import collections
import os
import re
import subprocess

import scene
import wire
from gate import BUILD
from rand import Draw

TIMELINES = 300  # only what does not hold is tried again
MUST = ["noerror", "nxdomain", "servfail", "truncated", "drop", "denied", "rebind", "alias", "ttl", "element", "port",
        "element6", "ask", "signed", "pointer", "service", "https", "budget", "aaaa"]


class Difference:
    """The scene that does not hold, what the offline mode says of it, and at which second; slow: something waited meanwhile."""

    def __init__(self, play, text, report):
        self.number, self.text, self.report = play.number, text, report
        self.slow = bool(scene.slow_inputs(play.log))
        at = re.search(r"at (\d+)us", report)
        self.at = int(at.group(1)) / 1e6 if at else 1e6

    def failing(self):
        """What is wrong, and the line of the scene at which it is."""
        lines = [line.strip() for line in self.report.splitlines() if line.strip().strip("^")]
        return " | ".join(re.sub(r"^\S*\.scene:", "line ", line) for line in lines[:2])


def judged(folder, texts):
    """{label: report} of the scenes that do not hold."""
    paths = []
    for label, text in texts.items():
        paths.append(os.path.join(folder, label + ".scene"))
        with open(paths[-1], "w", encoding="ascii") as file:
            file.write(text)
    failed, label = {}, None
    for start in range(0, len(paths), 500):
        part = paths[start : start + 500]
        out = subprocess.run([BUILD + "/namegate", "test", "--format", "tap"] + part, capture_output=True, text=True, check=False).stdout
        results = re.findall(r"^(ok|not ok) (\d+)", out, re.M)
        if len(results) != len(part):
            raise SystemExit("namegate test ended early:\n" + out[-2000:])
        for line in out.splitlines():
            said = re.match(r"(ok|not ok) (\d+)", line)
            if said:
                label = os.path.basename(part[int(said.group(2)) - 1])[: -len(".scene")]
                if said.group(1) == "not ok":
                    failed[label] = ""
            elif label in failed and line.startswith("# "):
                failed[label] += line[2:] + "\n"
    for path in paths:
        os.unlink(path)
    return failed


def compare(folder, plays, shared, clock_s, start, timelines):
    """
    {label: Difference} of those for which no timeline within the measured bounds holds, and the
    number of those for which the likeliest does not.
    """
    draw = Draw(7)
    by_label = {play.label: play for play in plays}
    texts = {label: scene.make(play, shared, clock_s, start) for label, play in by_label.items()}
    failed = judged(folder, texts)
    first = {label: Difference(by_label[label], texts[label], failed[label]) for label in failed}
    for _ in range(timelines):
        if not failed:
            break
        failed = judged(folder, {label: scene.make(by_label[label], shared, clock_s, start, draw) for label in failed})
    return {label: first[label] for label in failed}, len(first)


class Counts(collections.Counter):
    """What the sequences met, so that a run that meets nothing is not taken for a good one."""

    def add(self, play):
        standing = set()
        for event in play.log:
            if event["kind"] == "reply":
                self._reply(event["message"])
            elif event["kind"] == "set":
                standing = self._set(event, standing, play)
            else:
                self[event["kind"]] += 1

    def _reply(self, message):
        self["reply"] += 1
        self[wire.RCODE_NAMES.get(message.rcode, "other")] += 1
        self["truncated"] += bool(message.flags & wire.FLAG_TC)
        self["denied"] += message.ede == 15
        self["rebind"] += "every address is private" in message.ede_text
        self["signed"] += any(kind == "RRSIG" for _, _, kind, _ in message.records)
        self["pointer"] += any(kind == "PTR" for _, _, kind, _ in message.records)
        self["service"] += any(kind == "SRV" for _, _, kind, _ in message.records)
        self["https"] += any(kind == "HTTPS" for _, _, kind, _ in message.records)
        self["budget"] += "octets a minute" in message.ede_text
        self["quota"] += message.ede == 18
        self["aaaa"] += "AAAA is off" in message.ede_text
        self["alias"] += any(kind == "CNAME" for _, _, kind, _ in message.records)
        self["ttl"] += any(kind in ("A", "AAAA") and 0 < ttl < 100 for _, ttl, kind, _ in message.records)

    def _set(self, event, standing, play):
        now = {(to, port, client): left for to, port, client, left in event["elements"]}
        self["element"] += len(now)
        self["element6"] += sum(":" in to for to, _, _ in now)
        self["port"] += sum(bool(port) for _, port, _ in now)
        self["revoked"] += sum(key not in now and left > 20 for key, left in standing)
        return set(now.items())

    def missing(self):
        return [what for what in MUST if not self[what]]

    def __str__(self):
        return ", ".join("%s %d" % pair for pair in sorted(self.items()))
