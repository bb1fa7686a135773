"""Compares how namegate, ldns and dnspython read the same messages (tests/unit/differential.c).

Where they differ, something in the message explains it: the table below says what, and why we read
it as we do. That is not taken on trust. Most explanations also say how to take the thing out of the
message, and then all must read what is left alike; the others say what namegate must answer.

    differential.py PROGRAM SEED CHANGES FILE...
"""

import collections
import struct
import subprocess
import sys

import dns.exception
import dns.flags
import dns.message
import dns.name

from differential_walk import OPT, TSIG, Walk

RECORDS_MAX, FLOOR, ADVERTISED = 512, 512, 1232
FORMERR, FORMAT, RANGE, TAKEN = "rcode 1 ", "no -3 ", "no -4 ", "ok "

# Types whose data namegate takes apart where it keeps records, as answer.c says; all others are octets.
KNOWN = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 17, 18, 21, 24, 26, 28, 30, 33, 35, 36, 39}
# Of these dnspython knows nothing, and ldns no more than where a name in them is.
OBSOLETE = {3, 4, 7, 8, 9, 14, 24, 30}
UNKNOWN = 65280
MOST_JUMPS = getattr(dns.name, "MAX_COMPRESSION_POINTER_CHAIN", 128)

# ---- what each says ----


def by_dnspython(role, wire):
    try:
        message = dns.message.from_wire(wire, one_rr_per_rrset=True, keyring=False)
    except (dns.exception.DNSException, ValueError) as error:
        return f"no {type(error).__name__}: {error}"
    return (query_text if role == "query" else answer_text)(message)


def role_of(wire):
    return "answer" if len(wire) > 2 and wire[2] & 0x80 else "query"


def hexed(octets):
    return octets.hex() or "-"


def question_text(message, between):
    if not message.question:
        return "-"
    asked = message.question[0]
    return between.join((hexed(asked.name.to_wire()), str(int(asked.rdtype)), str(int(asked.rdclass))))


def query_text(message):
    rd, cd = (int(bool(message.flags & flag)) for flag in (dns.flags.RD, dns.flags.CD))
    size = message.payload if message.edns >= 0 else 0
    do = int(bool(message.ednsflags & dns.flags.DO))
    return f"ok {message.id} {rd} {cd} {question_text(message, ' ')} {int(message.edns >= 0)} {do} {size}"


def answer_text(message):
    tc, ad = (int(bool(message.flags & flag)) for flag in (dns.flags.TC, dns.flags.AD))
    answer = "" if tc else "".join(map(record_text, records(message.answer)))
    soas = [] if tc else [record_text(one) for one in records(message.authority) if one.rdtype == 6]
    soa = soas[0] if soas else ""
    return (f"ok {message.id} {int(message.rcode())} {tc} {ad} {question_text(message, '/')}"
            f" answer{answer} soa{soa}")


def records(section):
    return [one for one in section if one.rdclass == 1 and len(one)]


def record_text(rrset):
    owner = rrset.name.canonicalize().to_wire()
    return f" {hexed(owner)}/{int(rrset.rdtype)}/{rrset.ttl}/{hexed(rrset[0].to_wire())}"


def same_words(role, said):
    """Takes out of a reading what each may say in its own way."""
    if not said.startswith("ok "):
        return said
    words = said.split(" ")
    if role == "query":  # what a client takes over UDP, within bounds (RFC 6891 6.2.3, 6.2.5)
        words[-1] = str(min(max(int(words[-1]), FLOOR), ADVERTISED))
        return " ".join(words)
    for i, word in enumerate(words):
        parts = word.split("/")
        if len(parts) == 4:
            if int(parts[1]) in KNOWN:  # letter case of names in data is nobody's (RFC 4034 6.2)
                parts[3] = parts[3] if parts[3] == "-" else bytes.fromhex(parts[3]).lower().hex()
            if int(parts[2]) > 0x7FFFFFFF:  # RFC 2181 8
                parts[2] = "0"
            words[i] = "/".join(parts)
    return " ".join(words)


def alike(ours, theirs):
    return ours == theirs or not (ours.startswith("ok") or theirs.startswith("ok"))


# ---- taking things out of a message ----


def u16(message, at, value):
    return message[:at] + struct.pack("!H", value) + message[at + 2:]


def types_unknown(walk, chosen):
    message = walk.message
    for record in walk.records:
        if chosen(record):
            message = u16(message, record.fixed, UNKNOWN)
    return message


def kept(record):
    """Does namegate look into the data of this record?"""
    return record.cls == 1 and record.type in KNOWN and (
        record.section == 1 or (record.section == 2 and record.first_soa))


def opaque(record):
    return record.type not in (OPT, UNKNOWN) and not kept(record)


def opcode(walk):
    return walk.flags >> 11 & 15


def asked(walk):
    return struct.unpack_from("!HH", walk.message, walk.question) if walk.question else (0, 0)


def without_sections(walk):
    return walk.message[:6] + bytes(6) + walk.message[12:walk.sections]


def opts(walk):
    return [record for record in walk.records if record.type == OPT]


def misplaced(walk):
    found = opts(walk)
    return len(found) > 1 or any(one.section != 3 or not one.root for one in found)


def version(walk):
    return next((one.ttl >> 16 & 255 for one in opts(walk)), 0)


def version_0(walk):
    at = opts(walk)[0].fixed + 5
    return walk.message[:at] + b"\0" + walk.message[at + 1:]


def high_code(walk):
    return next((one.ttl >> 24 for one in opts(walk)), 0)


def without_high_code(walk):
    at = opts(walk)[0].fixed + 4
    return walk.message[:at] + b"\0" + walk.message[at + 1:]


def options_unknown(walk, chosen):
    message = walk.message
    for at, code, size in walk.options():
        if chosen(code, size):
            message = u16(message, at, 65001)
    return message


def bad_cookie(code, size):
    return code == 10 and size != 8 and not 16 <= size <= 40


# ---- the explanations ----

Why = collections.namedtuple("Why", "name reason when without ours")
WHYS = []


def why(name, reason, when, without=None, ours=()):
    """when(walk, role, reader): is it there? without(walk): the message with it taken out. ours: what
    namegate says of a message that nothing can be taken out of."""
    WHYS.append(Why(name, reason, when, without, ours))


why("truncated",
    "of an answer with TC nothing is read behind the question: it is asked again over TCP (RFC 2181 9)",
    lambda w, role, reader: role == "answer" and w.flags & 0x200 and w.sections,
    without_sections)
why("opcode",
    "other operations than QUERY are answered NOTIMP or REFUSED before their sections are read (RFC 1035 4.1.1)",
    lambda w, role, reader: opcode(w) != 0,
    lambda w: u16(w.message, 2, w.flags & 0x87FF))
why("transfers",
    "transfers are not for a forwarder: REFUSED, also where a section holds an SOA (RFC 1995 3)",
    lambda w, role, reader: role == "query" and asked(w)[0] in (251, 252),
    lambda w: u16(w.message, w.question, 1))
why("class of the question",
    "of no other class than IN there is data here; it is REFUSED (RFC 1035 3.2.4)",
    lambda w, role, reader: role == "query" and w.question and asked(w)[1] != 1,
    lambda w: u16(w.message, w.question + 2, 1))
why("questions of a query",
    "a query has exactly one question (RFC 9619 4)",
    lambda w, role, reader: role == "query" and w.counts[0] != 1, ours=(FORMERR,))
why("questions of an answer",
    "an answer to one question has that one, or after a format error none (RFC 9619 4)",
    lambda w, role, reader: role == "answer" and w.counts[0] > 1, ours=(FORMAT,))
why("records in a query",
    "records in the answer and authority sections of a query mean nothing (RFC 1035 4.1), and may be meant for a cache",
    lambda w, role, reader: role == "query" and (w.counts[1] or w.counts[2]), ours=(FORMERR,))
why("too many records",
    "more records than any answer of use has are not read at all, before memory is spent on them",
    lambda w, role, reader: role == "answer" and sum(w.counts[1:]) > RECORDS_MAX, ours=(RANGE,))
why("trailing octets",
    "a message ends with its last record; what follows was counted by nobody (RFC 1035 4.1)",
    lambda w, role, reader: w.left > 0, lambda w: w.message[:-w.left])
why("OPT of a wrong place",
    "at most one OPT, in the additional section, owned by the root; else a format error (RFC 6891 6.1.1, 6.1.2)",
    lambda w, role, reader: misplaced(w), lambda w: types_unknown(w, lambda one: one.type == OPT))
why("EDNS version",
    "a version above 0 is answered BADVERS, and its options are not ours to read (RFC 6891 6.1.3)",
    lambda w, role, reader: version(w) > 0, version_0)
why("options that do not fit",
    "options fill the data of an OPT exactly (RFC 6891 6.1.2); ldns keeps them as octets",
    lambda w, role, reader: not w.options_fit(), lambda w: types_unknown(w, lambda one: one.type == OPT))
why("length of a cookie",
    "8 octets, or 16 to 40; else a format error (RFC 7873 5.2.2)",
    lambda w, role, reader: any(bad_cookie(code, size) for _, code, size in w.options()),
    lambda w: options_unknown(w, bad_cookie))
why("content of options",
    "options that we do not act upon are not read (RFC 6891 6.1.2); dnspython wants subnets and texts well-formed",
    lambda w, role, reader: reader == "dnspython" and any(code != 65001 for _, code, _ in w.options()),
    lambda w: options_unknown(w, lambda code, size: True))
why("extended codes above 255",
    "none is assigned (RFC 6895 2.3); an upstream that sends one is not understood",
    lambda w, role, reader: role == "answer" and high_code(w) > 15, without_high_code)
why("TSIG",
    "no key of ours signs; a TSIG is one more record, wherever it stands. Others insist on the end (RFC 8945 5.2)",
    lambda w, role, reader: any(one.type == TSIG for one in w.records),
    lambda w: types_unknown(w, lambda one: one.type == TSIG))
why("data that is passed on",
    "data of types that we decide nothing by is carried as octets (RFC 3597 3), and records that are not kept are"
    " not looked into; others want the form of each type they know",
    lambda w, role, reader: any(map(opaque, w.records)), lambda w: types_unknown(w, opaque))
why("octets behind the fields",
    "data ends where the last field of its type does (RFC 1035 3.2.1, RDLENGTH); ldns leaves what follows unread",
    lambda w, role, reader: reader == "ldns" and role == "answer" and any(one.behind for one in w.records),
    lambda w: w.trimmed())
why("obsolete types",
    "names in data of the types of RFC 1035 may be compressed (RFC 3597 4), so they are written out before the data"
    " leaves its message; dnspython keeps pointers that then lead nowhere",
    lambda w, role, reader: any(one.type in OBSOLETE for one in w.records),
    lambda w: types_unknown(w, lambda one: one.type in OBSOLETE))
why("pointers forwards",
    "a pointer leads to a prior name (RFC 1035 4.1.4), or a message can be a loop; ldns counts jumps instead",
    lambda w, role, reader: reader == "ldns" and "forwards" in w.pointers,
    ours=(FORMERR, FORMAT))
why("fields behind the data",
    "fields end within the data of their record (RFC 1035 3.2.1, RDLENGTH); ldns reads"
    " names on into the next, and does without a last field",
    lambda w, role, reader: reader == "ldns" and role == "answer" and any(one.beyond for one in w.records),
    ours=(FORMAT,))
why("ladders of pointers",
    "a name has 127 labels at most, so more than 128 pointers lead nowhere in good faith; ldns takes thousands",
    lambda w, role, reader: reader == "ldns" and w.jumps > 128, ours=(FORMERR, FORMAT))
why("ladders of up to 128",
    "as many as labels and the root are followed here, dnspython of Debian takes fewer",
    lambda w, role, reader: reader == "dnspython" and MOST_JUMPS < w.jumps <= 128, ours=(TAKEN,))
why("names through themselves",
    "labels that a pointer leads to go on over the pointer: read by us and ldns, but dnspython loses its place",
    lambda w, role, reader: reader == "dnspython" and "itself" in w.pointers, ours=(TAKEN, FORMERR, FORMAT))
why("pointers into the header",
    "no name stands there; octets of the ID would be read as one (RFC 1035 4.1.4, RFC 9267 2)",
    lambda w, role, reader: "header" in w.pointers, ours=(FORMERR, FORMAT))

# ---- the comparison ----


class Comparison:
    def __init__(self, program):
        self.program = program
        self.readings = {}  # message: {reader: words}
        self.used = collections.Counter()
        self.unexplained = []

    def read(self, arguments, messages=()):
        """What the program shows, read by all; its messages, each with what it is."""
        frames = b"".join(struct.pack("!H", len(one)) + one for one in messages)
        out = subprocess.run([self.program, *arguments], input=frames, stdout=subprocess.PIPE, check=True).stdout
        lines = out.decode().split("\n")
        shown = []
        for i in range(0, len(lines) - 1, 3):
            what, text = lines[i].split(" ")
            wire = b"" if text == "-" else bytes.fromhex(text)
            said = {"ours": lines[i + 1].partition(" ")[2], "ldns": lines[i + 2].partition(" ")[2],
                    "dnspython": by_dnspython(role_of(wire), wire)}
            self.readings[wire] = {who: same_words(role_of(wire), words) for who, words in said.items()}
            shown.append((what, wire))
        return shown

    def differ(self, wire, reader):
        return not alike(self.readings[wire]["ours"], self.readings[wire][reader])

    def explain(self, wires):
        """Takes out of messages what explains a difference, until all read alike."""
        left = [(wire, reader, wire) for wire in wires for reader in ("ldns", "dnspython")
                if self.differ(wire, reader)]
        while left:
            less = [one for one in (self.reduce(*one) for one in left) if one]
            self.read([], {wire for wire, _, _ in less} - set(self.readings))
            left = [one for one in less if self.differ(one[0], one[1])]

    def reduce(self, wire, reader, original):
        """One explanation further; None at the end, be it a good one or not."""
        walk, ours = Walk(wire), self.readings[wire]["ours"]
        for one in WHYS:
            if not one.when(walk, role_of(wire), reader):
                continue
            less = one.without(walk) if one.without else wire
            if less == wire and not (ours + " ").startswith(one.ours):
                continue
            self.used[one.name] += 1
            return (less, reader, original) if less != wire else None
        self.unexplained.append((reader, original, wire))
        return None

    def complaints(self):
        for reader, original, wire in self.unexplained[:10]:
            said = self.readings[wire]
            yield f"{role_of(wire)} {original.hex()}"
            yield f"  without what is explained: {wire.hex()}"
            yield f"  ours {said['ours']}"
            yield f"  {reader} {said[reader]}"


def main():
    program, seed, changes, *files = sys.argv[1:]
    comparison = Comparison(program)
    shown = comparison.read([seed, changes, *files])
    comparison.explain({wire for _, wire in shown})
    kinds = collections.Counter(what for what, _ in shown)
    taken = sum(comparison.readings[wire]["ours"].startswith("ok") for _, wire in shown)
    print(f"# seed {seed}: {kinds['query']} queries, {kinds['answer']} answers, {kinds['reply']} replies of ours;"
          f" {taken} are well-formed to us")
    print("not " * bool(comparison.unexplained) + "ok 1 - three readers agree, or it is explained why not")
    for line in comparison.complaints():
        print(f"# {line}")
    planted = Comparison(program)
    planted.read([seed, "0", *files])
    wire = next(wire for wire, said in planted.readings.items() if len(set(said.values())) == 1)
    planted.readings[wire]["ours"] += "1"
    planted.explain([wire])
    print("not " * (len(planted.unexplained) != 2) + "ok 2 - a difference that is planted is found")
    for n, one in enumerate(WHYS, 3):
        print(f"{'' if comparison.used[one.name] else 'not '}ok {n} - {one.name}: {one.reason}")
        print(f"# {comparison.used[one.name]} times")
    print(f"1..{2 + len(WHYS)}")


if __name__ == "__main__":
    main()
