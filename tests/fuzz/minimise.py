#!/usr/bin/env python3
"""Chooses from corpora the inputs that reach most of a target within a budget, for tests/fuzz/corpus.

    minimise.py PROGRAM TARGET OCTETS FOLDER...

PROGRAM is a target built with libFuzzer. Its merge says what each input reaches; of these the one that
reaches most that none before it did, for its size, is taken as long as there is room. What the seeds reach
counts as reached.
"""

import collections
import hashlib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
OVERHEAD = 256  # a file costs more than its octets


def reached(program, folders):
    """{file: features} of all inputs in the folders."""
    with tempfile.TemporaryDirectory() as scratch:
        control = os.path.join(scratch, "control")
        subprocess.run([program, "-merge=1", f"-merge_control_file={control}", scratch, *folders],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        lines = open(control).read().split("\n")
    count = int(lines[0])
    names = lines[2:2 + count]
    features = collections.defaultdict(set)
    for line in lines[2 + count:]:
        kind, *words = line.split(" ")
        if kind == "FT":
            features[names[int(words[0])]] |= set(words[1:])
    return features


def choose(features, seeds, octets):
    known = set().union(*(found for name, found in features.items() if name.startswith(seeds + "/")), set())
    left = {name: found - known for name, found in features.items()}
    while left:
        name, new = max(left.items(), key=lambda one: len(one[1]) / (OVERHEAD + os.path.getsize(one[0])))
        if not new:
            return
        del left[name]
        cost = OVERHEAD + os.path.getsize(name)
        if cost <= octets:
            octets -= cost
            yield name
            left = {other: found - new for other, found in left.items() if found - new}


def main():
    program, target, octets, *folders = sys.argv[1:]
    seeds, corpus = (os.path.join(HERE, kind, target) for kind in ("seeds", "corpus"))
    os.makedirs(corpus, exist_ok=True)
    features = reached(program, [seeds, corpus, *folders])
    chosen = [open(name, "rb").read() for name in choose(features, seeds, int(octets))]
    for old in os.listdir(corpus):
        os.unlink(os.path.join(corpus, old))
    for data in chosen:
        with open(os.path.join(corpus, hashlib.sha256(data).hexdigest()[:12]), "wb") as out:
            out.write(data)
    print(f"{target}: {len(chosen)} inputs, {sum(map(len, chosen))} octets, beside the seeds")


if __name__ == "__main__":
    main()
