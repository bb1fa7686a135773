"""A scene (namegate-scene(5)) out of what was seen live: what went in, and what must come of it.

When exactly the daemon worked on an input is known only to lie between two moments that were
measured. Where a TTL or a lease hangs on it, several scenes are made, each with other moments
drawn between those bounds; the offline mode agrees when one of them holds.
"""
import gate
import wire

OWN = "own 192.0.2.1 192.0.2.53 192.0.2.54 10.76.0.1 2001:db8::1 fd76::1"
HASTE = 0.0004  # from a socket to the engine, at first guess
SLOW = 0.1  # an input that may have waited so long: more than a commit takes


def block(head, lines):
    return [head] + ["  " + line for line in lines] + ["end"]


def source_head(source, path):
    if source["kind"] == "list":
        return "list %s" % path
    return "rpz %s origin %s override %s" % (path, gate.origin_of(path), source["override"])


def source_lines(source, path, head):
    lines = source["lines"] if source["kind"] == "list" else gate.zone_text(source, path)
    return block(head + source_head(source, path), lines)


def scope_sources(play, shared, generation):
    """(path, source) of the shared that concern this sequence, widest first."""
    found = [(gate.scope_path(0, n, one), one) for n, one in enumerate(shared[generation]["scopes"][0])]
    group = play.case["group"]
    if group is not None:
        found += [(gate.scope_path(group + 1, n, one), one) for n, one in enumerate(shared[generation]["scopes"][group + 1])]
    return found + [(play.path(n, one), one) for n, one in enumerate(play.sources(generation))]


def setting_lines(shared, generation):
    said = shared[generation]
    return ["setting %s %s" % pair for pair in list(said["settings"].items()) + list(said["limits"].items())]


def world_lines(play, shared, clock_s):
    lines = setting_lines(shared, 0)
    lines += ["setting clock %d" % clock_s, "kernel prompt", OWN,
              "route %s private %s" % (gate.PRIVATE_ZONE, gate.PRIVATE_PREFIX), "route %s" % gate.DEAD_ZONE]
    for path, source in scope_sources(play, shared, 0):
        lines += source_lines(source, path, "")
    words = ["sandbox", play.label] + play.prefixes() + ["interface sb1", "mode " + play.case["modes"][0]]
    words += ["policy " + play.path(n, one) for n, one in enumerate(play.sources(0))]
    if play.case["group"] is not None:
        group = play.case["group"] + 1
        words += ["group " + gate.scope_path(group, n, one) for n, one in enumerate(shared[0]["scopes"][group])]
    words += ["no-aaaa"] * play.case["no-aaaa"] + ["budget %s" % str(play.case["budget"]).strip('"')] * bool(play.case["budget"])
    return lines + [" ".join(words + ["private " + one for one in play.case["private"]])]


def reload_lines(play, shared, at):
    before = dict(scope_sources(play, shared, 0))
    lines = ["at %s begin" % at]
    if shared[0]["settings"] != shared[1]["settings"]:
        lines += ["at %s %s" % (at, line) for line in setting_lines(shared, 1)]
    for path, source in scope_sources(play, shared, 1):
        if before[path] != source:
            lines += source_lines(source, path, "at %s " % at)
    return lines + ["at %s mode %s %s" % (at, play.label, play.case["modes"][1]), "at %s apply" % at]


# ---- inputs ----

def query_lines(play, event, at):
    step = event["step"]
    words = [step["name"], step["kind"]]
    words += [word if on is True else "%s %d" % (word, on) for word, on in sorted(step["options"].items())]
    return ["at %s query %s %s as %s" % (at, play.label, " ".join(words), event["client"])]


def record_text(record):
    owner, ttl, kind, data = record
    data = data if not is_octets(kind) else "\\# %d %s" % (len(data) // 2, data)
    names = [word + "." if kind in ("CNAME", "DNAME", "MX", "SRV", "SOA") and "." in word else word for word in data.split()]
    return "%s. %d IN %s %s" % (owner, ttl, kind, data if kind == "TXT" else " ".join(names))


def is_octets(kind):
    return kind in ("HTTPS", "CAA", "RRSIG")


def answer_lines(event, at):
    said = event["said"]
    head = "at %s answer to %s type %s %s%s" % (at, *event["key"].split(), said.get("rcode", "noerror"),
                                                 " authentic" if said.get("authentic") else "")
    lines = [record_text(one) for one in said.get("records", [])]
    if said.get("authority"):
        lines += ["authority"] + [record_text(one) for one in said["authority"]]
    return block(head + " records", lines)


def input_lines(play, shared, event, at):
    if event["kind"] == "query":
        return query_lines(play, event, at)
    if event["kind"] == "answer":
        return answer_lines(event, at)
    if event["kind"] == "silence":
        return ["at %s no-answer timeout to %s type %s" % (at, *event["key"].split())]
    if event["lines"] is None:
        return reload_lines(play, event["shared"], at)
    return ["at %s %s" % (at, line) for line in event["lines"]]


# ---- what came of them ----

def route_of(name):
    for zone in (gate.PRIVATE_ZONE, gate.DEAD_ZONE):
        if name == zone or name.endswith("." + zone):
            return zone
    return "default"


def ask_clause(event):
    name, kind = event["key"].split()
    flags = " do" * event["do"] + " cd" * event["cd"]
    return "ask %s %s %s%s" % (route_of(name), name, kind, flags)


def reply_clause(message):
    words = ["reply", wire.RCODE_NAMES.get(message.rcode, "rcode%d" % message.rcode)]
    words += ["truncated"] * bool(message.flags & wire.FLAG_TC) + ["authentic"] * bool(message.flags & wire.FLAG_AD)
    words += ["signed"] * any(kind == "RRSIG" for _, _, kind, _ in message.records)
    words += ["answer"] + ['"%s %d %s %s"' % one for one in message.records]
    words += ["ede %d" % message.ede] if message.ede is not None else []
    words += ['extra-text "%s"' % message.ede_text, "no-soa" if message.soa_ttl is None else "soa %d" % message.soa_ttl]
    return " ".join(words)


def set_clause(play, event):
    words = ["set", play.label]
    for to, port, client, left in event["elements"]:
        words += [to] + [port] * bool(port) + ["client " + client] * bool(client) + ["for %dus" % max(0, left * 1e6)]
    return " ".join(words + ["within %dms" % (event["within"] * 1000)])


def record_clause(event):
    """Verdict, rule and addresses, from the daemon's record."""
    record = event.get("record")
    if not record:
        return []
    words = ["record", record["verdict"]] + ['"%s"' % record["rule"] for _ in range("rule" in record)] + record.get("addrs", [])
    words += ["observed"] * record.get("observed", False) + ["mode " + record["mode"], "name " + record["name"]]
    return [" ".join(words)]


def output_clause(play, event):
    if event["kind"] == "ask":
        return ask_clause(event)
    if event["kind"] == "drop":
        return "drop"
    return reply_clause(event["message"])


# ---- one order of it all ----

def bounded(log):
    """The inputs, with the moment from which the daemon worked on each, and those until which."""
    found = []
    for n, event in enumerate(log):
        if event["kind"] in ("query", "answer", "change", "silence"):
            until = [event["until"]] if event.get("until") else effects(event, log[n + 1 :])
            if n and follows(event, log[n - 1]):
                until = until + turns(event, log)
            found.append((event, event["at"], [max(one, event["at"]) for one in until]))
    return found


def follows(event, before):
    """Is it one of two questions at once, and not the first? Then what is asked may be for the first alone."""
    return event["kind"] == before["kind"] == "query" and event["step"] is before["step"]


def turns(event, log):
    """When the daemon may have come to it: at its reply, or, if it came late, at any question of ours before that."""
    replied = [one["at"] for one in log if one["kind"] == "reply" and one["message"].ident == event["ident"]]
    return [one["at"] for one in log if one["kind"] == "ask" and replied and event["at"] < one["at"] < replied[0]] + replied


def effects(event, behind):
    """When it must have been worked on: something came of it."""
    for one in behind:
        if one["kind"] == "ask" or (one["kind"] == "reply" and one["message"].ident == event.get("ident", one["message"].ident)):
            return [one["at"]]
    return [event["at"] + 0.01]


def moments(log, draw):
    """[(time, input)] in an order that can have been; without draw the likeliest."""
    drawn = []
    for event, least, most in bounded(log):
        latest = draw.choice(most) if draw else most[0]
        drawn.append((moment(least, latest, draw), event))
    return sorted(drawn, key=lambda pair: pair[0])


def moment(least, latest, draw):
    """Most of what is late was worked on at once, or waited, and had its effect at once."""
    haste = min(HASTE, (latest - least) / 2)
    early, late = least + haste, latest - haste
    return draw.choice([early, late, draw.uniform(least, latest)]) if draw else early


def placed(log, order, draw=None):
    """
    The outputs of each input: the latest that can have caused it. With draw, of replies also their question: when one
    came is not known, only when it was read, and what was asked ahead of an answer's end is asked behind the reply.
    """
    found, asked = [[] for _ in order], set()
    ahead = draw and draw.often(40)
    for event in log:
        if event["kind"] == "drop":
            index = index_for_drop(order, event["of"])
        elif event["kind"] == "reply":
            index = index_of_query(order, event["message"].ident) if ahead and draw.often(50) else index_for_reply(order, event)
        elif event["kind"] == "ask":
            index = max([n for n, (at, _) in enumerate(order) if at <= event["at"]], default=0)
            index = index if index in asked else first_of_burst(order, index)
            asked.add(index)
        else:
            continue
        found[index].append(event)
    return found


def index_of_query(order, ident):
    return next(n for n, (_, one) in enumerate(order) if one.get("ident") == ident)


def index_for_drop(order, query):
    """As for a reply, which had come before the next question."""
    index = index_of_query(order, query["ident"])
    for n, (_, one) in list(enumerate(order))[index + 1 :]:
        if one["kind"] == "query" and one["step"] is not query["step"]:
            break
        index = n if one["kind"] in ("answer", "silence") else index
    return index


def index_for_reply(order, event):
    """The last word of the upstream behind the question, or the question itself."""
    own = index_of_query(order, event["message"].ident)
    behind = [n for n, (at, one) in enumerate(order)
              if n > own and at <= event["at"] and one["kind"] in ("answer", "silence")]
    return behind[-1] if behind else own


def first_of_burst(order, index):
    """Of two questions at once the first is the one that asks."""
    while index and order[index][1]["kind"] == "query" and order[index - 1][1]["kind"] == "query" and \
            order[index][1]["step"] is order[index - 1][1]["step"]:
        index -= 1
    return index


def slow_inputs(log):
    return {id(event): max(most) for event, least, most in bounded(log) if max(most) - least > SLOW}


def slow_lines(event, slow, when):
    return ["# worked on between %s and %s" % (when(event["at"]), when(slow[id(event)]))] if id(event) in slow else []


def make(play, shared, clock_s, start, draw=None, title="as seen live"):
    """The text of the scene; start is the moment that it calls 0."""
    def when(at):
        return "%dus" % max(0, (at - start) * 1e6)

    log = play.log
    order = moments(log, draw)
    slow = slow_inputs(log)
    timed = [(at, slow_lines(event, slow, when) + input_lines(play, shared, event, when(at)), outputs)
             for (at, event), outputs in zip(order, placed(log, order, draw))]
    for event in log:
        if event["kind"] == "set":
            timed.append((event["at"], ["at %s -> %s" % (when(event["at"]), set_clause(play, event))], []))
    lines = ["# %s" % title] + world_lines(play, shared, clock_s)
    for _, texts, outputs in sorted(timed, key=lambda one: one[0]):
        lines += texts + ["        -> " + clause for event in outputs for clause in [output_clause(play, event)] + record_clause(event)]
    return "\n".join(lines) + "\n"
