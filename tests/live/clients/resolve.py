"""socket.getaddrinfo(): "NAME MILLISECONDS ADDRESS,..." a line."""
import socket
import sys
import time

for name in sys.argv[1:]:
    begun = time.monotonic()
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        result = ",".join(one[4][0] for one in found)
    except socket.gaierror as error:
        result = "error:" + ("noname" if error.errno == socket.EAI_NONAME else str(error.errno))
    print(name, "%.2f" % ((time.monotonic() - begun) * 1000), result)
