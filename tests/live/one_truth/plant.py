"""A test that cannot fail shows nothing: the daemon gets another policy than the offline mode.

Each port 443 of a host list is 8443 for the daemon. Only sequences with that port may differ, one
must, and its scene must hold as soon as the port in it is the daemon's too.
"""
import subprocess

from gate import BUILD

SEED = 0x443
SEQUENCES = 400
PHASES = 2
LINES = 30  # of the smallest scene: what is always there and a few


def moved(text):
    return text.replace(":443", ":8443").replace(",443", ",8443")


def port_moved(source):
    if source["kind"] == "list":
        source["lines"] = [moved(line) for line in source["lines"]]
    return source


def holds(text):
    done = subprocess.run([BUILD + "/namegate", "test", "-"], input=text, capture_output=True, text=True, check=False)
    return done.returncode == 0


def policy_of(text):
    """The scene with its policy as the daemon had it, and its expectations as they are."""
    return "\n".join(moved(line) if not line.lstrip().startswith(("at ", "->")) else line for line in text.splitlines()) + "\n"


def found(stage, arguments, run):
    arguments.seed, arguments.sequences, arguments.phases, arguments.shrink = SEED, SEQUENCES, PHASES, 1
    differing, smallest, _ = run(stage, arguments, port_moved)
    wrong = [found for _, case, found in differing if moved(str(case["sources"])) == str(case["sources"])]
    if not differing or wrong:
        print("%d sequences differ, %d of them without the port" % (len(differing), len(wrong)))
        print("\n".join(found.text + found.report for found in wrong))
        return 1
    if not smallest:
        return 1
    lines = len(smallest[0].text.splitlines())
    print("# a scene of %d lines shows the difference that was put in" % lines)
    if lines > LINES or holds(smallest[0].text) or not holds(policy_of(smallest[0].text)):
        print("the scene of %d lines does not show the difference:\n%s" % (lines, smallest[0].text))
        return 1
    return 0
