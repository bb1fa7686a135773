"""The field: other servers under the same policy, each set up as its own documents advise for speed.

All of them let the names below two zones through to the same upstream, and answer NXDOMAIN to everything
else. Only dnsmasq can fill a set of nftables; the others answer without opening anything, and are there to
show what that costs nobody.
"""
import os
import shutil

from servers import TURNED_TO, UPSTREAM, UPSTREAM_SHORT, count_elements, redirect, start_upstreams
from stage import WORK, Process, Trouble, run

UNBOUND = """\
server:
  interface: {host}@53
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  do-not-query-localhost: no
  outgoing-range: 8192
  num-queries-per-thread: 4096
  so-rcvbuf: 4m
  so-sndbuf: 4m
  msg-cache-size: 64m
  rrset-cache-size: 128m
  minimal-responses: yes
  local-zone: "." always_nxdomain
  local-zone: "w.bench.test." transparent
  local-zone: "s.bench.test." transparent
forward-zone:
  name: "w.bench.test."
  forward-addr: {upstream}
forward-zone:
  name: "s.bench.test."
  forward-addr: {short}
remote-control:
  control-enable: no
"""

DNSDIST = """\
setLocal("{host}:{port}")
setACL("0.0.0.0/0")
setMaxUDPOutstanding(65535)
setSecurityPollSuffix("")
wide = newServer({{address="{upstream}", pool="wide", sockets=8}})
wide:setUp()
short = newServer({{address="{short}", pool="short", sockets=8}})
short:setUp()
getPool("wide"):setCache(newPacketCache(100000))
getPool("short"):setCache(newPacketCache(100000))
addAction("w.bench.test.", PoolAction("wide"))
addAction("s.bench.test.", PoolAction("short"))
addAction(AllRule(), RCodeAction(DNSRCode.NXDOMAIN))
"""

KRESD = """\
net.listen('{host}', 53, {{ kind = 'dns' }})
net.ipv6 = false
cache.open(100 * MB, 'lmdb://{folder}/cache')
trust_anchors.remove('.')
policy.add(policy.suffix(policy.FLAGS({{'NO_CACHE', 'NO_EDNS'}}), {{}}))
policy.add(policy.suffix(policy.STUB({{'{upstream}'}}), {{todname('w.bench.test.')}}))
policy.add(policy.suffix(policy.STUB({{'{short}'}}), {{todname('s.bench.test.')}}))
policy.add(policy.all(policy.DENY))
"""


def listening(net, port):
    """Does something have that UDP port there?"""
    return f":{port:04X} " in run("ip", "netns", "exec", net, "cat", "/proc/net/udp")


class Peer:
    """A server in a namespace of its own; the classes below say which, and how it is started."""

    title = net = program = package = ""
    port = 53
    settings = name = ""  # its configuration, and the name of that file

    def __init__(self, stage):
        if not shutil.which(self.program):
            raise Trouble(f"{self.program} is missing: apt-get install {self.package}")
        self.host = stage.add(self.net)
        self.at = self.host + ":53"
        self.folder = os.path.join(WORK, self.net)
        os.makedirs(self.folder)
        start_upstreams(stage, self.net)
        self.prepare()
        self.process = Process(self.net, stage.server_core, [shutil.which(self.program), *self.arguments()],
                               f"{self.net}.log", ready=lambda: listening(self.net, self.port))

    def prepare(self):
        with open(self.path(), "w", encoding="utf-8") as file:
            file.write(self.settings.format(host=self.host, port=self.port, folder=self.folder, upstream=self.written(UPSTREAM),
                                            short=self.written(UPSTREAM_SHORT)))

    def path(self):
        return os.path.join(self.folder, self.name)

    @staticmethod
    def written(endpoint):
        return endpoint.replace(":", "@")

    @staticmethod
    def right(options):
        return options


class Unbound(Peer):
    title, net, program, package = "Unbound", "unbound", "unbound", "unbound"
    settings, name = UNBOUND, "unbound.conf"

    def arguments(self):
        return ["-d", "-c", self.path()]


class Dnsdist(Peer):
    title, net, program, package = "dnsdist", "dnsdist", "dnsdist", "dnsdist"
    settings, name = DNSDIST, "dnsdist.conf"

    @staticmethod
    def written(endpoint):
        return endpoint

    def arguments(self):
        return ["--supervised", "--disable-syslog", "-C", self.path()]


class TurnedDnsdist(Dnsdist):
    """The same behind a redirection, without which a sandbox that asks another server goes past it."""

    title, net = "dnsdist behind a redirection", "turneddist"
    port = TURNED_TO

    def prepare(self):
        super().prepare()
        redirect(self.net)


class Kresd(Peer):
    title, net, program, package = "Knot Resolver", "kresd", "kresd", "knot-resolver"
    settings, name = KRESD, "kresd.conf"

    def arguments(self):
        return ["-n", "-c", self.path(), self.folder]


class Dnsmasq(Peer):
    """Without a set; the one with it is servers.Peer."""

    title, net, program, package = "dnsmasq", "dnsmasq", "dnsmasq", "dnsmasq-base"
    more = ()

    def prepare(self):
        pass

    def arguments(self):
        return ["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll", "--pid-file=",
                "--user=root", "--log-facility=-", "--bind-interfaces", "--except-interface=lo",
                f"--listen-address={self.host}", "--port=53", "--cache-size=10000", "--dns-forward-max=4096", "--address=/#/",
                f"--server=/w.bench.test/{UPSTREAM.replace(':', '#')}",
                f"--server=/s.bench.test/{UPSTREAM_SHORT.replace(':', '#')}", *self.more]


class DnsmasqSet(Dnsmasq):
    """It fills a set without timeouts: it has no other way."""

    title, net = "dnsmasq --nftset", "nftset"
    more = ("--nftset=/bench.test/4#inet#bench#allow4",)

    def prepare(self):
        run("ip", "netns", "exec", self.net, "nft", "add table inet bench; add set inet bench allow4 { type ipv4_addr; }")

    def elements(self):
        return count_elements(self.net, "bench", "allow4")


ALL = [DnsmasqSet, Dnsmasq, Unbound, Dnsdist, TurnedDnsdist, Kresd]
