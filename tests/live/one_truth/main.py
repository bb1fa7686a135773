"""One truth: sequences played to a live daemon, and what came of them held against `namegate test`.

run [--seed N] [--sequences N]   plays, compares, makes small what differs; 1 when anything does
plant [--seed N]                 the same with a difference put in: 0 when it is found and made small
"""
import argparse
import os
import secrets
import sys
import time

import case
import net
import offline
import plant
import shrink
from gate import Gate
from live import Wave
from play import Play
from rand import Draw

WAVE = 700
ENOUGH = 1000  # sequences, to meet everything once
AGAIN = 3
SHORT = 12  # differences that are named at the end


class Stage:
    """The daemon, the loop and the numbers that are not yet taken."""

    def __init__(self, folder, first):
        self.gate, self.loop, self.number, self.uncertain = Gate(), net.Loop(), first, 0
        self.upstream = net.Upstream(self.loop, None)
        self.folder, self.clock_s = folder, int(time.time())

    def play(self, shared, cases, planted=None, timelines=offline.TIMELINES):
        """Plays the cases as one wave; a list of (case, play, difference or None)."""
        plays = []
        for one in cases:
            plays.append(Play(one, self.number % 10000, planted))
            self.number += 1
        wave = Wave(self.gate, self.loop, self.upstream, shared, plays)
        wave.run()
        found, uncertain = offline.compare(self.folder, plays, shared, self.clock_s, wave.start, timelines)
        self.uncertain += uncertain
        return [(one, play, found.get(play.label)) for one, play in zip(cases, plays)]


def tell(stage, smallest, seed):
    path = os.path.join(stage.folder, "difference-%d.scene" % smallest.number)
    print("# the daemon and the offline mode differ; the scene expects what the daemon did:")
    print("#   %s" % path)
    title = "# What the daemon did; ONE_TRUTH_SEED=%#x meets it again" % seed
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join([title] + smallest.text.splitlines()[1:]) + "\n")
    for line in (smallest.text + "\n" + smallest.report).splitlines():
        print("#     " + line)


def certain(stage, shared, found, planted):
    """
    Without those that differed only while something took so long that the kernel may have been waited
    for: a scene's kernel confirms at once. They are played again, and one that differs once more counts.
    """
    slow = [one for one in found if one[2].slow]
    if not slow:
        return found
    again = stage.play(shared, [one for _, one, _ in slow] * AGAIN, planted)
    differs = [one for one, _, difference in again if difference]
    return [one for one in found if not one[2].slow or one[1] in differs]


def in_short(differing, seed):
    """The last word of a log of which only the end may be seen."""
    print("ONE_TRUTH_SEED=%#x: %d sequences differ" % (seed, len(differing)))
    for _, _, found in differing[:SHORT]:
        print("  s%04d: %s" % (found.number, found.failing()))
    if len(differing) > SHORT:
        print("  and %d more" % (len(differing) - SHORT))


def run(stage, arguments, planted=None):
    """Plays all sequences; the differences, some of them made small, and what was met."""
    draw, left, differing, noise = Draw(arguments.seed), arguments.sequences, [], 0
    begin, counts = time.monotonic(), offline.Counts()
    while left > 0:
        shared = case.shared(draw)
        cases = [case.make(draw, arguments.phases) for _ in range(min(WAVE, left))]
        results = stage.play(shared, cases, planted)
        left -= len(cases)
        for _, play, _ in results:
            counts.add(play)
        found = [(shared, one, found) for one, _, found in results if found]
        sure = certain(stage, shared, found, planted)
        noise += len(found) - len(sure)
        differing += sure
    print("# %d sequences in %.0f s: %d differ, %d only once, on a slow machine; %d need another timeline than the likeliest" %
          (arguments.sequences, time.monotonic() - begin, len(differing), noise, stage.uncertain - len(differing) - noise))
    print("# %s" % counts, flush=True)
    differing.sort(key=lambda difference: difference[2].at)
    smallest = [shrink.smaller(stage, shared, one, found, planted, arguments.rounds)
                for shared, one, found in differing[: arguments.shrink]]
    return differing, smallest, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "plant"))
    parser.add_argument("--seed", type=lambda text: int(text, 0), default=None)
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--folder", default=".", help="where the scenes of differences are written")
    parser.add_argument("--first", type=int, default=0, help="number of the first sequence, for one's own addresses")
    parser.add_argument("--shrink", type=int, default=2, help="so many differences are made small")
    parser.add_argument("--phases", type=int, default=case.PHASES, help="of each sequence; policy is read again after %d" % case.FRESH)
    parser.add_argument("--rounds", type=int, default=6, help="of making small")
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = int(os.environ.get("ONE_TRUTH_SEED") or str(secrets.randbits(32)), 0)
    if arguments.what == "run":
        print("# ONE_TRUTH_SEED=%#x repeats these sequences" % arguments.seed, flush=True)
    os.makedirs(arguments.folder, exist_ok=True)
    stage = Stage(os.path.abspath(arguments.folder), arguments.first)
    try:
        if arguments.what == "plant":
            return plant.found(stage, arguments, run)
        differing, smallest, counts = run(stage, arguments)
        for difference in smallest:
            tell(stage, difference, arguments.seed)
        missing = counts.missing() if arguments.sequences >= ENOUGH else []
        if missing:
            print("ONE_TRUTH_SEED=%#x: never seen: %s" % (arguments.seed, ", ".join(missing)))
        if differing:
            in_short(differing, arguments.seed)
        return 1 if differing or missing else 0
    finally:
        stage.gate.stop()


if __name__ == "__main__":
    sys.exit(main())
