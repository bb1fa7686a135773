#!/usr/bin/env python3
"""Expectation files for the benchmark: a list of many rules, what upstream says, and facts about both.

facts.py FOLDER RULES FACTS writes FOLDER/one.expect, which is one fact and so what loading costs, and
FOLDER/many.expect. All facts hold, so a wrong verdict shows as a failure.
"""
import os
import random
import sys

SITE = 20  # rules that share a parent
LEAD = 4000  # rules that upstream has an address for, of every second one
KINDS = 20  # facts in turn: 14 about names, 2 about wildcards, 2 reached, 2 prefixes out of reach


def owner(rule):
    return f"n{rule * 2654435761 & 0xffffff:06x}.s{rule // SITE:05d}.example"


def wildcard(rule):
    return rule % 10 == 9


def allowed(rule):
    return rule % 2 == 0


def write_list(path, rules):
    with open(path, "w", encoding="ascii") as out:
        for rule in range(rules):
            out.write(f"{'' if allowed(rule) else '!'}{'*.' if wildcard(rule) else ''}{owner(rule)}\n")


def write_world(path, rules):
    with open(path, "w", encoding="ascii") as out:
        out.write("$TTL 60\n")
        for rule in range(0, min(LEAD, rules), 2):
            out.write(f"{owner(rule)}. A 198.51.{rule // 250 % 250}.{rule % 250}\n")


def fact(number, rules, draw):
    kind, rule = number % KINDS, draw.randrange(rules)
    name = f"x.{owner(rule)}" if wildcard(rule) else owner(rule)
    if kind < 10:
        return f"{'allow' if allowed(rule) else 'deny'} {name}"
    if kind < 14:
        return f"deny m{name}"
    if kind < 16:  # every name below a wildcard rule, and below a site that has none
        rule -= rule % 10 - 9
        return f"deny *.{owner(rule)}" if kind == 14 else f"deny *.t{rule // SITE:05d}.example"
    if kind < 18:
        return f"reach {owner(draw.randrange(min(LEAD, rules) // 2) * 2)} tcp/443"
    return f"no-reach 203.0.{number // KINDS % 256}.0/24"


def write(folder, rules, facts):
    write_list(os.path.join(folder, "many.list"), rules)
    write_world(os.path.join(folder, "world.zone"), rules)
    draw = random.Random(7)
    for name, count in (("one", 1), ("many", facts)):
        with open(os.path.join(folder, f"{name}.expect"), "w", encoding="ascii") as out:
            out.write("policies many.list\nanswers world.zone\n")
            for number in range(count):
                out.write(fact(number, rules, draw) + "\n")


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
