"""Making a case that differs small: every part that can be left out is, all at the same time.

A candidate is a case in which some edits are done. One wave plays a candidate for each edit; the
edits that leave the difference there are then tried together, since most go together.
"""
import copy
import json
import time

from live import SPACING
from offline import TIMELINES
from rand import Draw

CANDIDATES = 400
FEW = 3  # timelines; what is left in the end is held against all of them


def put(path, value):
    """An edit: that place of the case becomes value, if it is still there; None leaves it out."""
    def edit(case):
        at = case
        try:
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = copy.deepcopy(value)
        except (IndexError, KeyError, TypeError):
            pass
    edit.place = str(path[:-1])
    return edit


def until(phase):
    def edit(case):
        case["steps"] = [step if step and step["phase"] <= phase else None for step in case["steps"]]
    edit.place = "until"
    return edit


def without(value):
    """The lists in it without their Nones, the dictionaries without keys that have none."""
    if isinstance(value, list):
        return [without(one) for one in value if one is not None]
    if isinstance(value, dict):
        return {key: without(one) for key, one in value.items() if one is not None or key in ("group", "budget")}
    return value


def edited(case, edits):
    made = copy.deepcopy(case)
    for edit in edits:
        edit(made)
    return without(made)


def step_edits(case):
    for phase in sorted({step["phase"] for step in case["steps"]})[:-1]:
        yield until(phase)
    for n, step in enumerate(case["steps"]):
        yield put(["steps", n], None)
        if step["op"] == "query":
            yield put(["steps", n, "times"], 1)
            yield put(["steps", n, "options"], {})
            yield put(["steps", n, "name"], step["name"].lower())


def line_edits(path, line, kind):
    yield put(path, None)
    words = line.split()
    if kind == "list":
        for n in range(1, len(words)):
            yield put(path, " ".join(words[:n] + words[n + 1 :]))
        entry, _, ports = words[0].partition(":")
        for port in ports.split(",") if ports else []:
            yield put(path, " ".join([entry + ":" + port] + words[1:]))


def source_edits(case):
    before, after = case["sources"]
    for n, source in enumerate(before):
        yield put(["sources", 1, n], source)
        if len(before) > 1:
            yield together(put(["sources", 0, n], None), put(["sources", 1, n], None))
        if source["kind"] == "rpz":
            yield together(put(["sources", 0, n, "override"], "given"), put(["sources", 1, n, "override"], "given"))
        for k, line in enumerate(source["lines"]):
            if line.startswith("#"):
                continue
            for edit in line_edits(["sources", 0, n, "lines", k], line, source["kind"]):
                yield edit
            if after[n]["kind"] == source["kind"] and k < len(after[n]["lines"]) and after[n]["lines"][k] == line:
                for one, other in zip(line_edits(["sources", 0, n, "lines", k], line, source["kind"]),
                                      line_edits(["sources", 1, n, "lines", k], line, source["kind"])):
                    yield together(one, other)
    for n, source in enumerate(after):
        for k, line in enumerate(source["lines"]):
            if source != before[n] and not line.startswith("#"):
                yield put(["sources", 1, n, "lines", k], None)


def together(*edits):
    def edit(case):
        for one in edits:
            one(case)
    edit.place = edits[0].place
    return edit


def sandbox_edits(case):
    for key, value in (("no-aaaa", False), ("budget", None)):
        if case[key]:
            yield put([key], value)


def world_edits(case):
    for key, answers in case["world"].items():
        yield put(["world", key], None)
        for n, said in enumerate(answers):
            if len(answers) > 1:
                yield put(["world", key, n], None)
            for section in ("records", "authority"):
                for k in range(len(said.get(section, []))):
                    yield put(["world", key, n, section, k], None)
            for flag in ("cut", "authentic"):
                if said.get(flag):
                    yield put(["world", key, n, flag], False)


def used(case):
    """The world without what nobody can have asked for: cheap, and often most of it."""
    text = json.dumps([case["steps"], case["sources"], case["world"]]).lower()
    kinds = {step["kind"] for step in case["steps"] if step["op"] == "query"}
    names = {step["name"].lower() for step in case["steps"] if step["op"] == "query"}
    kept = {key: said for key, said in case["world"].items()
            if key.split()[1] in kinds and (key.split()[0].lower() in names or '"%s"' % key.split()[0] in text)}
    return dict(case, world=kept)


def all_edits(case):
    yield put(["group"], None)
    yield put(["wide"], False)
    yield put(["v6"], False)
    yield put(["private"], [])
    yield put(["modes"], ["enforce", "enforce"])
    yield from step_edits(case)
    yield from source_edits(case)
    yield from sandbox_edits(case)
    yield from world_edits(case)


def size(case):
    return len(json.dumps(case)) + (0 if case["group"] is None else 9)


def simpler(shared):
    """The wider scopes without any source, with the global ones, with the groups', and as they are."""
    for kept_global, kept_groups in ((False, False), (True, False), (False, True), (True, True)):
        for settings in ([shared[0]["settings"]] * 2, [one["settings"] for one in shared]):
            yield [dict(one, settings=said, scopes=[scope if kept else [] for scope, kept in
                                                    zip(one["scopes"], [kept_global] + [kept_groups] * 6)])
                   for one, said in zip(shared, settings)]


def playable(case):
    return case["steps"] and all(source["lines"] or source["kind"] == "rpz" for part in case["sources"] for source in part)


def differing(stage, shared, cases, planted, timelines=FEW):
    """Those of the cases that differ, the smallest first, each with its difference."""
    results = stage.play(shared, cases, planted, timelines)
    found = [(one, difference) for one, _, difference in results if difference]
    return sorted(found, key=lambda pair: size(pair[0]))


def subsets(edits, draw):
    """All of them, and draws in which some are spared: of one place the last part may be needed."""
    yield edits
    places = {}
    for edit in edits:
        places.setdefault(edit.place, []).append(edit)
    for _ in range(CANDIDATES):
        chosen = []
        for group in places.values():
            spared = draw.weighted({0: 60, 1: 30, (len(group) + 1) // 2: 10})
            chosen += draw.sample(group, max(0, len(group) - spared))
        yield chosen


def once(stage, shared, case, planted):
    """One step down: the smallest case that differs, or None."""
    tried = []
    for edit in all_edits(case):
        made = edited(case, [edit])
        if made != case and playable(made) and len(tried) < CANDIDATES:
            tried.append((edit, made))
    winners = differing(stage, shared, [made for _, made in tried], planted)
    if not winners:
        return None
    good = [edit for edit, made in tried if any(made == one for one, _ in winners)]
    mixed = [edited(case, part) for part in subsets(good, Draw(len(good)))]
    return (differing(stage, shared, [one for one in mixed if playable(one)], planted) + winners)[0]


def shortened(case, found):
    """The case without what is not used, and without the phases behind the difference; the next one brings the reload."""
    bare, phases = used(case), sorted({step["phase"] for step in case["steps"]})
    near = [phase for n, phase in enumerate(phases) if (n - 1) * SPACING <= found.at]
    return [edited(bare, [until(phase)]) for phase in near] + ([bare] if near == phases else [])


def smaller(stage, shared, case, found, planted, rounds):
    """The difference of the smallest case that still differs."""
    begin = time.monotonic()
    best = (case, found)
    for shared in simpler(shared):
        again = differing(stage, shared, shortened(case, found), planted)
        if again:
            best = again[0]
            break
    for _ in range(rounds):
        less = once(stage, shared, best[0], planted)
        if not less or size(less[0]) >= size(best[0]):
            break
        best = less
    sure = differing(stage, shared, [best[0]], planted, TIMELINES)
    if not sure:
        print("# the smaller one differs only at some times; this is the sequence as it was drawn")
        return found
    print("# made small from %d to %d octets in %.0f s" % (size(case), size(best[0]), time.monotonic() - begin))
    return sure[0][1]
