"""One sequence: a sandbox, its policy before and after the reload, a world, and what happens when.

A case is plain data, so that it can be copied, made smaller and written down. Its steps are
{"phase": n, "op": "query" | "mode" | "approve" | "withdraw", ...}; between the phases time passes
for all sequences at once, and before phase FRESH policy is read again.
"""
import policy
import world

PHASES = 7
FRESH = 4
KINDS = {"A": 62, "AAAA": 18, "HTTPS": 8, "TXT": 6, "MX": 4, "SRV": 12, "CAA": 2, "NS": 1, "CNAME": 2}
MODES = {"enforce": 90, "observe": 7, "lockdown": 3}


def settings(draw):
    return {"lease-min": draw.choice(["1s", "2s", "3s"]), "grace": draw.choice(["1s", "2s"]),
            "ttl-max": draw.choice(["2s", "100s", "3600s"]), "deny-ttl": draw.choice(["1s", "10s", "60s"]),
            "ancestor-answer": draw.choice(["nxdomain", "nodata"]),
            "prefetch": draw.choice(["true", "false"]), "serve-stale": draw.choice(["0s", "0s", "1h"])}


def limits(draw):
    """What few come to: so many leases of a sandbox that some are in the way of others."""
    return {"leases-sandbox": draw.choice([2, 3, 6])} if draw.often(35) else {}


def shared(draw):
    """What all sequences of a wave share, before and after: settings, the global scope, six groups."""
    parents = list(world.PARENTS)
    scopes = [[policy.widely(draw, draw.some(parents, 1, 3)) for _ in range(draw.randint(1, 2))]]
    scopes += [[policy.widely(draw, draw.some(parents, 1, 3)) for _ in range(draw.randint(1, 2))] for _ in range(6)]
    after = [[policy.changed(draw, one, lambda: policy.widely(draw, parents)) for one in scope] for scope in scopes]
    said, bounds = settings(draw), limits(draw)
    return [{"scopes": scopes, "settings": said, "limits": bounds},
            {"scopes": after, "settings": said if draw.often(60) else settings(draw), "limits": bounds}]


def options(draw):
    drawn = {}
    for word, percent in (("tcp", 9), ("noedns", 12), ("do", 14), ("cd", 6), ("nord", 2)):
        if draw.often(percent):
            drawn[word] = True
    if drawn.get("noedns"):
        drawn.pop("do", None)
    elif draw.often(10):
        drawn["size"] = draw.choice([512, 700, 4096])
    return drawn


def spelled(draw, name):
    """Letter case of the client's own; the label of the sequence keeps its place."""
    return "".join(c.upper() if c != "@" and draw.often(50) else c for c in name) if draw.often(15) else name


def query(draw, parents, before):
    known = [step for step in before if step["op"] == "query"]
    if known and draw.often(58):
        same = draw.choice(known)
        step = dict(same, options=options(draw) if draw.often(30) else same["options"])
    else:
        step = {"op": "query", "name": world.any_name(draw, parents), "kind": draw.weighted(KINDS), "options": options(draw)}
    step["name"] = spelled(draw, step["name"].lower())
    step["times"] = 2 if draw.often(12) else 1
    step["host"] = draw.randrange(3)
    return step


def step(draw, parents, before):
    if before and draw.often(6):
        return {"op": "mode", "mode": draw.weighted({"enforce": 50, "observe": 30, "lockdown": 20})}
    if before and draw.often(20):
        return {"op": draw.choice(["approve", "approve", "withdraw"])}
    return query(draw, parents, before)


def pointers(draw, case):
    """Some questions are for what stands open under an address; no rule may let them out, for they have no label."""
    modes = case["modes"] + [one["mode"] for one in case["steps"] if one["op"] == "mode"]
    if "observe" in modes or "rpz-client-ip" in str(case["sources"]):
        return
    for step in case["steps"][1:]:
        if step["op"] == "query" and draw.often(22):
            step.update(name=spelled(draw, world.reverse(draw)), kind="PTR")


def make(draw, phases=PHASES):
    parents = sorted({draw.weighted(world.PARENTS) for _ in range(draw.randint(1, 3))})
    client = "32.@client.rpz-client-ip"
    before = [policy.source(draw, parents, True, client) for _ in range(draw.weighted({1: 70, 2: 30}))]
    after = [policy.changed(draw, one, lambda: policy.source(draw, parents, True, client)) for one in before]
    mode = draw.weighted(MODES)
    case = {
        "group": draw.randrange(6) if draw.often(45) else None,
        "wide": draw.often(8),
        "v6": draw.often(50),
        "private": draw.some(["10.9.0.0/16", "192.168.0.0/16", "fd00::/16", "10.77.0.0/16"], 1, 2) if draw.often(12) else [],
        "no-aaaa": draw.often(10),
        "budget": draw.choice([1, 1, 2, '"off"']) if draw.often(30) else None,
        "modes": [mode, mode if draw.often(85) else draw.weighted(MODES)],
        "sources": [before, after],
        "steps": [],
    }
    for phase in range(phases):
        if phase == 0 or draw.often(82):
            case["steps"].append(dict(step(draw, parents, case["steps"]), phase=phase))
    pointers(draw, case)
    kinds = {one["kind"] for one in case["steps"] if one["op"] == "query"} - {"PTR"}
    reached = sorted(set(parents) | {"open.example"})
    case["world"] = world.make(draw, reached, sorted(kinds))
    return case
