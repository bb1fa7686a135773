"""What the upstream would say, drawn for one sequence.

A world maps "NAME TYPE" to the answers that are given one after another, the last for good. In all
texts "@" stands for the label of the sequence, so that a sequence can be played under any number.
"""
import ipaddress

PARENTS = {"open.example": 40, "ports.example": 20, "shut.example": 12, "asks.example": 12,
           "corp.example": 12, "dead.example": 4}
TARGET = "t.@.open.example"  # where aliases of a policy zone lead, and no rule stands
LEAVES = ["www", "a", "b", "x.a", ""]
PUBLIC = ["44.0.0.%d" % n for n in range(1, 9)] + ["203.0.113.%d" % n for n in (5, 6, 77)]
PUBLIC6 = ["2001:db8:80::%d" % n for n in range(1, 5)]
CLOSED = ["10.9.9.9", "10.20.3.4", "192.168.1.5", "127.0.0.1", "169.254.169.254", "100.64.0.9", "0.0.0.0",
          "192.0.2.1", "192.0.2.53", "10.76.0.1", "10.77.255.253", "224.0.0.1"]
CLOSED6 = ["fd00::5", "::1", "fe80::1", "64:ff9b::a09:909", "::ffff:10.9.9.9", "2002:a09:909::1", "fd76::1"]
TTLS = {0: 10, 1: 15, 2: 20, 3: 12, 5: 10, 30: 8, 300: 10, 90000: 3, 0x7FFFFFFF: 2, 0x80000001: 2}
HTTPS = ["0001000001000302683200040004cb007105",  # alpn, an IPv4 hint
         "000100000100030268320005000401020304",  # alpn, ech
         "00010000010003026832",  # alpn alone
         "000100000400082c0000010a09090900060010" + "20010db8008000000000000000000001",  # hints of both, one of them closed
         "00010000000002000400040004cb007105",  # of which one is mandatory
         "00010000040003cb0071",  # a hint cut short
         "00010377777704" + "6f70656e" + "076578616d706c65" + "00"]  # to www.open.example


def names_of(parent):
    return [".".join(filter(None, (leaf, "@", parent))) for leaf in LEAVES]


def any_name(draw, parents):
    return draw.choice(names_of(draw.choice(parents)))


def reverse(draw):
    """The name under which one of these is asked for, or of one that nobody has."""
    address = draw.choice(PUBLIC + PUBLIC6 + CLOSED[:2] + ["44.0.0.99"])
    return ipaddress.ip_address(address).reverse_pointer


def addresses(draw, kind):
    public, closed = (PUBLIC, CLOSED) if kind == "A" else (PUBLIC6, CLOSED6)
    if draw.often(4):
        return ["44.9.%d.%d" % (draw.randrange(4), n) for n in range(1, 41)] if kind == "A" else public
    picked = draw.some(public, 1, 3) if draw.often(85) else []
    if draw.often(22) or not picked:
        picked += draw.some(closed, 1, 2)
    if draw.often(5):
        picked.append(picked[0])
    draw.shuffle(picked)
    return picked


def data_of(draw, kind, parents):
    if kind in ("A", "AAAA"):
        return addresses(draw, kind)
    if kind == "TXT":
        return ['"text %d"' % draw.randrange(9)]
    if kind == "MX":
        return ["10 " + any_name(draw, parents)]
    if kind == "SRV":
        return ["%d 5 443 %s" % (draw.randrange(2), any_name(draw, parents)) for _ in range(draw.randint(1, 2))]
    if kind == "HTTPS":
        return [draw.choice(HTTPS)]
    return ["00056973737565" + "61"] if kind == "CAA" else []


def chain(draw, name, parents, records):
    """Perhaps aliases before the data; the name at which the data then stands."""
    links = draw.weighted({0: 68, 1: 22, 2: 8, 3: 2})
    for _ in range(links):
        target = any_name(draw, parents)
        records.append((name, draw.weighted(TTLS), "CNAME", target))
        name = target
    return name


def signature(kind, parent):
    """Nobody checks it: what is looked at is when it is handed on."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in parent.split("."))
    return "%04x08040000012c7000000060000000" % (1 if kind == "A" else 28) + "0001" + labels.hex() + "00" + "5a" * 8


def renamed(draw, name, parents, records):
    """A whole tree elsewhere: DNAME and the CNAME that comes of it."""
    tree, target = name[name.index("@") :], "@." + draw.choice(parents)
    leaf = name[: name.index("@")]
    if not leaf or tree == target:
        return name
    records.append((tree, 60, "DNAME", target))
    records.append((name, draw.choice([60, 0, 2]), "CNAME", leaf + (target if draw.often(85) else tree)))
    return records[-1][3]


def soa(draw, name):
    zone = name[name.index("@") :] if draw.often(85) else "else.example"
    return (zone, draw.choice([0, 1, 2, 30]), "SOA", "ns.net.example host.net.example 1 60 60 60 %d" % draw.choice([1, 2, 60]))


def answer(draw, name, kind, parents):
    said = {"rcode": draw.weighted({"noerror": 90, "nxdomain": 6, "servfail": 3, "refused": 1}), "records": [], "authority": []}
    records = said["records"]
    owner = renamed(draw, name, parents, records) if draw.often(4) else chain(draw, name, parents, records)
    data = data_of(draw, kind, parents) if said["rcode"] == "noerror" and draw.often(88) else []
    ttl = draw.weighted(TTLS)
    records += [(owner, draw.weighted(TTLS) if draw.often(10) else ttl, kind, one) for one in data]
    if data and kind in ("A", "AAAA") and draw.often(20):
        records.append((owner, ttl, "RRSIG", signature(kind, owner.split("@.")[-1])))
    if data and draw.often(6):
        records.append((any_name(draw, parents), 60, "A", draw.choice(PUBLIC)))
    if draw.often(5):
        draw.shuffle(records)
    if not data and draw.often(80):
        said["authority"].append(soa(draw, owner))
    said["cut"] = draw.often(5)
    said["authentic"] = draw.often(5)
    return said


def make(draw, parents, kinds):
    world = {}
    for parent in parents:
        for name in names_of(parent) + [TARGET] * (parent == "open.example"):
            for kind in kinds:
                world["%s %s" % (name, kind)] = [answer(draw, name, kind, parents) for _ in range(draw.randint(1, 2))]
    return world


def nothing(name):
    """Of a name that the world does not know."""
    return {"rcode": "nxdomain", "authority": [(name, 5, "SOA", "ns.net.example host.net.example 1 60 60 60 5")]}
