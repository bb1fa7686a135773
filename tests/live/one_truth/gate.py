"""The daemon under test: its configuration, its control socket, and the kernel's sets."""
import json
import os
import socket
import subprocess
import time

import net

WORK = os.environ.get("ONE_TRUTH_WORK", "/run/live")
BUILD = os.environ["ONE_TRUTH_BUILD"]
PRIVATE_ZONE, DEAD_ZONE = "corp.example", "dead.example"
PRIVATE_PREFIX = "10.20.0.0/16"


def quoted(items):
    return "{" + ", ".join('"%s"' % item for item in items) + "}"


def written(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


class Zones:
    """Collects the zone sections that sources need; source() gives the name for `policies`."""

    def __init__(self):
        self.sections = []

    def source(self, source, path):
        written(path, source["lines"] if source["kind"] == "list" else zone_text(source, path))
        if source["kind"] == "list":
            return path
        name = os.path.basename(path).rsplit(".", 1)[0]
        self.sections.append('zone "%s" { file = "%s" origin = "%s" override = "%s" }' %
                             (name, path, origin_of(path), source["override"]))
        return "zone:" + name


def origin_of(path):
    return os.path.basename(path).rsplit(".", 1)[0] + ".rpz"


def zone_text(source, path):
    """The records stand at a place that the scene repeats line by line."""
    return ["$TTL 60", "$ORIGIN %s." % origin_of(path), "@ SOA localhost. root.localhost. 1 60 60 60 60",
            "@ NS localhost."] + source["lines"]


class Gate:
    def __init__(self):
        self.conf = WORK + "/namegated.conf"
        self.process = None
        self.read = os.path.getsize(WORK + "/records") if os.path.exists(WORK + "/records") else 0

    def configure(self, shared, plays, generation):
        """Writes all policies and the configuration of one generation."""
        zones, body, scopes = Zones(), [], shared[generation]["scopes"]
        top = [zones.source(source, scope_path(0, n, source)) for n, source in enumerate(scopes[0])]
        for number, scope in enumerate(scopes[1:]):
            named = [zones.source(source, scope_path(number + 1, n, source)) for n, source in enumerate(scope)]
            body.append('group "g%d" { policies = %s }' % (number, quoted(named)))
        for play in plays:
            named = [zones.source(source, play.path(n, source)) for n, source in enumerate(play.live_sources(generation))]
            body.append(play.section(generation, named))
        written(self.conf, self._top(top, shared[generation]) + zones.sections + body)

    def _top(self, policies, said):
        lines = ['control = "%s/control"' % WORK, 'store = "%s/store"' % WORK, 'record = "%s/records"' % WORK]
        lines += ["policies = " + quoted(policies)]
        lines += ['%s = "%s"' % pair for pair in said["settings"].items()]
        if os.environ.get("gate_workers"):
            lines += ["workers = " + os.environ["gate_workers"]]
        if os.environ.get("LIVE_USERNS") == "yes":
            lines += ['worker-user = "self"', 'warden-user = "self"']
        lines += ['limits { records-per-second = 1000 %s }' % " ".join("%s = %d" % pair for pair in said["limits"].items()),
                  'forward "." { servers = {"%s"} timeout = 4000 }' % net.UPSTREAM,
                  'forward "%s" { servers = {"%s"} timeout = 4000 private = {"%s"} }' % (PRIVATE_ZONE, net.UPSTREAM, PRIVATE_PREFIX),
                  'forward "%s" { servers = {"%s"} timeout = 80 }' % (DEAD_ZONE, net.DEAD)]
        return lines

    def start(self):
        os.makedirs(WORK + "/store", exist_ok=True)
        with open(WORK + "/namegated.log", "ab") as log:
            self.process = subprocess.Popen([BUILD + "/namegated", "-c", self.conf], stdout=log, stderr=log)
        self._until(lambda: self.ask({"verb": "status"})["ok"], "namegated does not answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def _until(self, true, why):
        end = time.monotonic() + 30
        while True:
            try:
                if true():
                    return
            except OSError:
                pass
            if time.monotonic() > end or (self.process and self.process.poll() is not None):
                with open(WORK + "/namegated.log", encoding="utf-8") as log:
                    raise SystemExit("%s\n%s" % (why, log.read()[-3000:]))
            time.sleep(0.05)

    def ask_all(self, requests):
        """Many requests over one connection; their answers in that order."""
        if not requests:
            return []
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(WORK + "/control")
            file = sock.makefile("rw")
            answers = []
            for start in range(0, len(requests), 64):
                part = requests[start : start + 64]
                file.write("".join(json.dumps(request) + "\n" for request in part))
                file.flush()
                answers += [json.loads(file.readline()) for _ in part]
            return answers

    def ask(self, request):
        return self.ask_all([request])[0]

    def reload(self, boxes):
        answer = self.ask({"verb": "reload"})
        if not answer["ok"]:
            errors = [one for one in answer.get("diagnostics", []) if one["severity"] == "error"]
            raise SystemExit("the reload is refused: %s\n%s" % (answer["error"], "\n".join(map(json.dumps, errors[:20]))))
        self._until(lambda: self.serving() >= boxes, "not all sandboxes are served")

    def records(self):
        """Those written since the last call."""
        with open(WORK + "/records", "rb") as file:
            file.seek(self.read)
            lines = file.read().splitlines(keepends=True)
        lines = [line for line in lines if line.endswith(b"\n")]
        self.read += sum(map(len, lines))
        return [json.loads(line) for line in lines]

    def serving(self):
        return sum(one["state"] == "serving" for one in self.ask({"verb": "sandbox-list"})["sandboxes"])


def scope_path(scope, number, source):
    who = "global" if scope == 0 else "group%d" % (scope - 1)
    return "%s/policy/%s-%d.%s" % (WORK, who, number, source["kind"])
