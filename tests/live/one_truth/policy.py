"""Policy sources, drawn: host lists and response policy zones, as lists of lines.

A source is {"kind": "list" or "rpz", "lines": [...], "override": ...}. "@" is the sequence's label.
What would be refused (a contradiction, a rule said twice) is not drawn, so that each loads.
"""
from world import TARGET, names_of

GARDEN = "garden.open.example"
ACTIONS = {"CNAME rpz-passthru.": 44, "CNAME .": 12, "CNAME *.": 10, "CNAME rpz-drop.": 5, "CNAME rpz-tcp-only.": 7,
           "CNAME *.%s." % GARDEN: 4, "A 203.0.113.77": 5, "AAAA 2001:db8:80::4": 3, "A 10.9.9.9": 3,
           'TXT "from the zone"': 2, "CNAME %s." % TARGET: 5}
OVERRIDES = {"given": 84, "passthru": 4, "nxdomain": 3, "nodata": 3, "drop": 1, "tcp-only": 2, "disabled": 3}
BLOCKS = ["32.5.113.0.203.rpz-ip", "24.0.113.0.203.rpz-ip", "8.0.0.0.44.rpz-ip", "32.3.0.0.44.rpz-ip",
          "48.zz.80.db8.2001.rpz-ip", "8.0.0.0.10.rpz-ip"]


def covers(pattern):
    """The names of a set that a pattern stands for, to see whether it was said before."""
    if pattern.startswith("*."):
        return {pattern}
    if pattern.startswith("."):
        return {pattern[1:], "*" + pattern}
    return {pattern}


def patterns(parents, own):
    found = []
    for parent in parents:
        names = names_of(parent) if own else [parent, "www." + parent]
        if own:
            found += names + names
            found += ["*.@." + parent, ".@." + parent, ".a.@." + parent]
        found += ["*." + parent, "." + parent]
    return found


def options(draw):
    words = []
    if draw.often(22):
        words.append("types=" + ",".join(draw.some(["A", "AAAA", "TXT", "MX", "SRV", "HTTPS", "CAA"], 2, 6)))
    if draw.often(16):
        words.append("lease-max=%s" % draw.choice(["1s", "2s", "4s", "1m"]))
    if draw.often(16):
        words.append("private=%s" % draw.choice(["10.0.0.0/8", "10.9.9.0/24", "192.168.0.0/16,10.20.0.0/16", "fd00::/16"]))
    if draw.often(12):
        words.append("cname=strict")
    if draw.often(6):
        words.append("until=%s" % draw.choice(["2020-01-01", "2099-12-31"]))
    return words


def sign_of(draw, pattern):
    """What a zone is there for, mostly."""
    for parent, sign in (("shut.example", "!"), ("asks.example", "?")):
        if pattern.endswith(parent) and draw.often(60):
            return sign
    return draw.weighted({"": 84, "!": 8, "?": 8})


def list_line(draw, pattern, sign):
    words = [sign + pattern]
    if sign != "!" and draw.often(22):
        ports = draw.some(["443", "80", "53/udp", "22"], 1, 3)
        words[0] += ":" + ",".join(ports)
    return " ".join(words + (options(draw) if sign != "!" else []))


def host_list(draw, parents, own):
    lines, said = ["# drawn"], set()
    if own and draw.often(55):
        pattern = draw.choice(["*.", "."]) + draw.choice(["@.", ""]) + draw.choice(parents)
        said |= covers(pattern)
        lines.append(list_line(draw, pattern, draw.weighted({"": 90, "?": 10})))
    for _ in range(draw.randint(1, 6)):
        pattern = draw.choice(patterns(parents, own))
        if covers(pattern) & said:
            continue
        said |= covers(pattern)
        lines.append(list_line(draw, pattern, sign_of(draw, pattern)))
    return {"kind": "list", "lines": lines}


def zone_lines(draw, owner, action):
    lines = ["%s %s" % (owner, action)]
    if action == "CNAME rpz-passthru." and draw.often(25):
        lines.append("_443._tcp.%s %s" % (owner, action))
    if action.startswith("A ") and draw.often(40):
        lines.append("%s A 44.0.0.8" % owner)
    return lines


def action_of(draw, owner):
    """For a whole zone: seldom what leaves nothing of it."""
    if owner.endswith("shut.example"):
        return draw.choice(["CNAME .", "CNAME *.", "CNAME rpz-drop."])
    return "CNAME rpz-passthru." if draw.often(90) else draw.weighted(ACTIONS)


def zone(draw, parents, own, client):
    lines, said = [], set()
    if own and draw.often(55):
        said.add("*." + parents[0])
        lines += zone_lines(draw, "*." + parents[0], "CNAME rpz-passthru.")
    for _ in range(draw.randint(1, 6)):
        owner = draw.choice([p for p in patterns(parents, own) if p[0] != "."])
        if owner not in said:
            lines += zone_lines(draw, owner, draw.weighted(ACTIONS) if own or owner[0] != "*" else action_of(draw, owner))
        said.add(owner)
    for owner in draw.some(BLOCKS, 0, 2) if draw.often(35) else []:
        lines.append("%s %s" % (owner, draw.choice(["CNAME .", "CNAME *.", "CNAME rpz-passthru.", "CNAME rpz-drop."])))
    if client and draw.often(8):
        lines.append("%s %s" % (client, draw.choice(["CNAME rpz-passthru.", "CNAME .", "CNAME *."])))
    return {"kind": "rpz", "lines": lines, "override": draw.weighted(OVERRIDES)}


def source(draw, parents, own, client=None):
    if draw.often(62):
        return host_list(draw, parents, own)
    return zone(draw, parents, own, client)


def widely(draw, parents):
    """A source of the global or a group's scope: of what it says few sequences are the subject."""
    drawn = source(draw, parents, False)
    if drawn["kind"] == "rpz":
        drawn["lines"] = [line for line in drawn["lines"] if "@" not in line]
        drawn["override"] = "given" if drawn["override"] in ("drop", "disabled") else drawn["override"]
    return drawn


def changed(draw, drawn, again):
    """The same source after the reload: as it was, without a line, or drawn anew."""
    what = draw.weighted({"same": 35, "less": 35, "anew": 30})
    if what == "same":
        return drawn
    fresh = again() if what == "anew" else drawn
    if fresh["kind"] != drawn["kind"]:
        return drawn
    lines = list(fresh["lines"])
    if what == "less" and len(lines) > 1:
        gone = draw.randrange(len(lines))
        owner = lines[gone].split()[0]
        lines = [line for line in lines if line.split()[0] not in (owner, "_443._tcp." + owner)]
    return dict(fresh, lines=lines)
