"""How long a foreign `nft flush ruleset` lasts: from the last moment at which an element was seen to
stand until it stands again, in a table that nobody can own. The warden writes all elements in one
batch, so the last of them is all of them.
"""
import socket
import subprocess
import time

import adopt
import stage


def gap(kernel, key):
    """Seconds."""
    with subprocess.Popen(["nft", "flush", "ruleset"]) as flush:
        before = time.monotonic()
        end = before + adopt.PATIENCE_S
        gone = False
        while time.monotonic() < end:
            asked = time.monotonic()
            if not adopt.stands(kernel, adopt.SETS[0], key):
                gone = True
            elif gone:
                flush.wait(adopt.PATIENCE_S)
                return time.monotonic() - before
            else:
                before = asked
    raise stage.Trouble("the table was not flushed, or is not rebuilt")


def measure(build, server_core, load_core, leases):
    driver = adopt.Driver(build, server_core, load_core)
    key = adopt.last_key(leases)
    stage.run("nft", "add", "table", "inet", adopt.TABLE)  # made without an owner, it never gets one
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as kernel:
        driver.begin(leases)
        driver.order(leases)
        taken = gap(kernel, key)
    driver.tell("kill 15", "exit 0")
    driver.close()
    stage.run(driver.warden, "--teardown", adopt.TABLE)
    return taken
