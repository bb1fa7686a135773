"""Asks without end, and counts what is lost: ADDRESS NAME SECONDS, or with "flood" ADDRESS NAME N."""
import os
import socket
import sys
import time


def question(number, name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return number.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def steady(sock, name, seconds, mark):
    end, asked, answered = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end or (mark and not os.path.exists(mark)):
        asked += 1
        sock.send(question(asked & 0xFFFF, name))
        try:
            while True:
                reply = sock.recv(4096)
                if int.from_bytes(reply[:2], "big") == asked & 0xFFFF:
                    break
            answered += (reply[3] & 15) == 0 and reply[7] > 0
        except TimeoutError:
            pass
        time.sleep(0.005)  # below what a sandbox may ask in a second
    print(asked, asked - answered)


def flood(sock, name, n):
    """One under way at a time, and below what a sandbox may ask in a second: each is counted."""
    codes = {}
    for number in range(n):
        sock.send(question(number & 0xFFFF, name))
        try:
            code = sock.recv(4096)[3] & 15
        except TimeoutError:
            code = "late"
        codes[code] = codes.get(code, 0) + 1
        time.sleep(0.0005)
    print(" ".join(f"{code}:{count}" for code, count in sorted(codes.items(), key=str)))


def main():
    words = sys.argv[1:]
    flooding = words[0] == "flood" and words.pop(0)
    address, name, amount = words[0], words[1], int(words[2])
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(20)
    sock.connect((address, 53))
    if flooding:
        flood(sock, name, amount)
    else:
        steady(sock, name, amount, words[3] if len(words) > 3 else None)


main()
