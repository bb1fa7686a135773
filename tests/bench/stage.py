"""The stage of the benchmark: namespaces, processes on their cores, and what they use.

Everything lives in a process, mount and network namespace of its own (enter()), so that it ends with
this program, however that ends. One namespace holds the client; each server has another, joined
to it by a pair of veth devices, with its upstream on its own loopback:

    box                        SERVER (echo, gate, peer)
     c0 10.91.N.2 ------------- sbN 10.91.N.1     127.0.0.1: upstream
"""
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time

WORK = "/run/ngbench"
PR_SET_PDEATHSIG = 1
READY_S = 60


class Trouble(Exception):
    """What is missing or failed, in one line for the user."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Trouble(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def enter():
    """Starts this program again in namespaces of its own, unless it is there already."""
    if os.environ.get("NGBENCH_INSIDE") == "yes":
        run("mount", "-t", "tmpfs", "-o", "mode=755", "ngbench", "/run")
        os.makedirs("/run/netns")
        os.makedirs(WORK)
        os.chmod(WORK, 0o755)
        return
    os.environ["NGBENCH_INSIDE"] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--net", "--pid",
                          "--fork", "--kill-child", "--mount-proc", "--", sys.executable] + sys.argv)


def cores():
    """The server's core and the load's; the same one when there is no second."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def pinned(core, command, behind=False):
    """The command on that core, and, if so wanted, before all other work, or behind what else is measured."""
    fifo = os.environ.get("NGBENCH_FIFO")
    first = ["chrt", "--fifo", "5" if behind else "10"] if fifo else ["nice", "-n", "19"] if behind else []
    return ["taskset", "-c", str(core), *first, *command]


def placed(net, core, command, behind=False):
    """The same in that namespace."""
    return ["nsenter", f"--net=/run/netns/{net}", *pinned(core, command, behind)]


class Awake:
    """Keeps the cores from halting while it lasts, at the lowest of all priorities. Waking a halted
    core takes tens of microseconds, on a virtual machine more: time of the machine, not of a server. A server that
    polls keeps its core itself, and gives way to who else is there: then it is spared."""

    def __init__(self, spared=None):
        self.cores = set(cores()) - {spared}

    def __enter__(self):
        self.loops = [subprocess.Popen(["chrt", "--idle", "0", "taskset", "-c", str(core), "sh", "-c",
                                        "while :; do :; done"]) for core in self.cores]

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
            loop.wait()


class Process:
    """A program in a network namespace, on one core, with all that it starts."""

    def __init__(self, net, core, command, log, ready=None):
        self.log = os.path.join(WORK, log)
        self.name = os.path.basename(command[0])
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen(
                placed(net, core, command),
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.await_ready(ready or self.said_ready)

    def said_ready(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "ready" in log.read()

    def await_ready(self, ready):
        begun = time.monotonic()
        while time.monotonic() < begun + READY_S:
            if self.child.poll() is not None:
                raise Trouble(f"{self.name} ended at once: {self.last_words()}")
            if ready():
                self.start_s = time.monotonic() - begun
                return
            time.sleep(0.005)
        raise Trouble(f"{self.name} does not become ready: {self.last_words()}")

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return " / ".join(log.read().strip().splitlines()[-3:]) or "it said nothing"

    def pids(self):
        """Its own and those of all below it."""
        parents = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as stat:
                    parents[int(entry)] = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
        found = [self.child.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu_us(self):
        """Processor time of all its threads: the scheduler's own sums, exact to the nanosecond."""
        total = 0
        for pid in self.pids():
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="utf-8") as stat:
                    total += int(stat.read().split()[0])
        return total / 1000

    def times(self):
        """Microseconds by process, those itself and those in the kernel; the sum is the scheduler's, the split
        what it saw when it looked, so that it takes a second of work to be right within a hundredth."""
        found, tick_us = {}, 1000000 / os.sysconf("SC_CLK_TCK")
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                name, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
            ticks = [int(ticks) * tick_us for ticks in rest.split()[11:13]]
            role = "main" if pid == self.child.pid else "warden" if "warden" in name else "worker"
            found[role] = [mine + more for mine, more in zip(found.get(role, (0, 0)), ticks)]
        return found

    def memory_parts(self):
        """Proportional set sizes in KiB by process, and apart what all have mapped of files, the store
        among them: a page that several share counts once in all."""
        parts = {}
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as rollup:
                seen = {line.split(":")[0]: int(line.split()[1]) for line in rollup if line.startswith("Pss")}
            files = seen["Pss_File"] + seen["Pss_Shmem"]
            parts["files"] = parts.get("files", 0) + files
            parts[f"process {len(parts)}"] = seen["Pss"] - files
        return parts

    def memory_kib(self):
        return sum(self.memory_parts().values())

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Stage:
    """The client's namespace and those of the servers."""

    def __init__(self, tools):
        self.tools = tools
        self.servers = 0
        self.server_core, self.load_core = cores()
        run("ip", "netns", "add", "box")
        run("ip", "-n", "box", "link", "set", "lo", "up")

    def add(self, net):
        """Makes a server's namespace and returns the address that the client asks."""
        run("ip", "netns", "add", net)
        run("ip", "-n", net, "link", "set", "lo", "up")
        return self.link("box", net)

    def link(self, box, net):
        """One more link from a client's namespace to a server's: the address that is asked over it. The
        client's is the next one; the server's interface is sb with the number of the link."""
        self.servers += 1
        near, far = f"c{self.servers}", f"sb{self.servers}"
        run("ip", "-n", box, "link", "add", near, "type", "veth", "peer", "name", far, "netns", net)
        for where, device, host in ((box, near, 2), (net, far, 1)):
            run("ip", "-n", where, "addr", "add", f"10.91.{self.servers}.{host}/30", "dev", device)
            run("ip", "-n", where, "link", "set", device, "up")
        return f"10.91.{self.servers}.1"

    def tool(self, name):
        path = os.path.join(self.tools, name)
        if not os.access(path, os.X_OK):
            raise Trouble(f"{path} is not built: run make bench, or make check once")
        return path

    def seen(self, net, core, to, name, *options, behind=False):
        """Runs the load and returns what it saw, wrong and missing answers among it."""
        command = placed(net, core, [self.tool("load"), "--to", to, "--name", name,
                                     *map(str, options)], behind)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise Trouble(f"load: {(done.stderr.strip() or 'it was ended').splitlines()[0]}")
        return json.loads(done.stdout)

    def load(self, net, core, to, name, *options):
        """The same, where a wrong or missing answer ends the benchmark."""
        seen = self.seen(net, core, to, name, *options)
        if seen["wrong"] or seen["lost"] or not seen["right"]:
            raise Trouble(f"{name} at {to}: of {seen['sent']} answers {seen['wrong']} were wrong "
                          f"({seen['first_wrong'] or 'none'}) and {seen['lost']} missing")
        return seen

    def policy(self, *options):
        """Compiles, loads and asks policies, without a server."""
        return json.loads(run(*placed("box", self.server_core, [self.tool("policy"),
                                                                *map(str, options)])))

    def cut(self, flows):
        """Cuts that many flows, in each way."""
        return json.loads(run(*placed("box", self.server_core, [self.tool("cut"), str(flows)])))

    def cpu_s(self, *command):
        """Processor time of a command that must succeed."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*placed("box", self.server_core, command))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
