"""A plain walk over a DNS message: what it has that readers may take differently.

It judges nothing. It notes what it met up to where it could not go on, for the explanations in
differential.py, and for the changes that take such a thing out of a message.
"""

import struct

OPT, TSIG = 41, 250


class Record:
    def __init__(self, section, at, root, fixed, message):
        self.section, self.at, self.root, self.fixed = section, at, root, fixed
        self.type, self.cls, self.ttl, self.len = struct.unpack_from("!HHIH", message, fixed)
        self.data = fixed + 10
        self.end = self.data + self.len
        self.behind = 0  # octets that no field of its type takes
        self.beyond = False  # do fields of its type go on behind its data?


class Walk:
    def __init__(self, message):
        self.message = message
        self.records = []
        self.question = None  # where the type of the first one stands
        self.sections = None  # where they begin
        self.broken = None  # why there was no going on
        self.pointers = set()  # "forwards", "header", or "itself"
        self.jumps = 0  # by pointers in one name, the most
        self.left = 0
        self.counts = (0, 0, 0, 0)
        self.flags = 0
        if len(message) < 12:
            self.broken = "header"
            return
        self.flags, *counts = struct.unpack_from("!5H", message, 2)
        self.counts = tuple(counts)
        try:
            self.left = len(message) - self.walk()
        except (IndexError, struct.error):
            self.broken = "short"
        except ValueError as error:
            self.broken = str(error)

    def walk(self):
        at = 12
        for _ in range(self.counts[0]):
            at, _ = self.name(at)
            self.question = self.question or at
            at += 4
            self.need(at)
        self.sections = at
        for section in (1, 2, 3):
            for _ in range(self.counts[section]):
                start = at
                at, root = self.name(at)
                record = Record(section, start, root, at, self.message)
                at = record.end
                self.need(at)
                record.first_soa = record.type == 6 and record.cls == 1 and not any(
                    one.first_soa and one.section == section for one in self.records)
                self.records.append(record)
                self.names_inside(record)
        return at

    def need(self, at):
        if at > len(self.message):
            raise ValueError("short")

    def name(self, at):
        """Where it ends, and whether it is the root; notes pointers that lead astray."""
        begin, end, length, first, jumps = at, None, 1, self.message[at], 0
        for _ in range(500):
            label = self.message[at]
            if end and at + (2 if label >= 192 else 1 + label) > end:
                self.pointers.add("itself")
            if label == 0:
                return (end or at + 1), first == 0
            if label < 64:
                length += 1 + label
                at += 1 + label
                self.need(at)
            elif label < 192:
                raise ValueError("label")
            else:
                target = (label & 63) << 8 | self.message[at + 1]
                end = end or at + 2
                if target < 12:
                    self.pointers.add("header")
                elif target >= begin:
                    self.pointers.add("forwards")
                begin = at = target
                jumps += 1
                self.jumps = max(self.jumps, jumps)
            if length > 255:
                raise ValueError("long")
        raise ValueError("loop")

    # Octets, character-strings, names, octets.
    FORMS = {1: (4, 0, 0, 0), 28: (16, 0, 0, 0), 6: (0, 0, 2, 20), 15: (2, 0, 1, 0), 18: (2, 0, 1, 0),
             21: (2, 0, 1, 0), 33: (6, 0, 1, 0), 36: (2, 0, 1, 0), 35: (4, 3, 1, 0), 26: (2, 0, 2, 0),
             14: (0, 0, 2, 0), 17: (0, 0, 2, 0), 24: (18, 0, 1, None), 30: (0, 0, 1, None)}
    FORMS.update({name: (0, 0, 1, 0) for name in (2, 3, 4, 5, 7, 8, 9, 12, 39)})

    def names_inside(self, record):
        """Of data that may hold pointers these alone are looked at; the rest says nothing about them."""
        if record.type not in self.FORMS:
            return
        head, strings, names, tail = self.FORMS[record.type]
        at = record.data + head
        try:
            for _ in range(strings):
                at += 1 + self.message[at]
            for _ in range(names):
                at, _ = self.name(at)
        except (IndexError, ValueError):
            record.beyond = True
            return
        record.beyond = at + (tail or 0) > record.end
        if tail is not None:
            record.behind = max(0, record.end - at - tail)

    def trimmed(self):
        """The message without octets behind the fields of data."""
        message = self.message
        for record in reversed(self.records):
            if record.behind:
                message = message[:record.end - record.behind] + message[record.end:]
                at = record.fixed + 8
                message = message[:at] + struct.pack("!H", record.len - record.behind) + message[at + 2:]
        return message

    def options(self):
        """Of each OPT: (place of the code, code, size)."""
        for opt in self.records:
            at = opt.data
            while opt.type == OPT and at + 4 <= opt.end:
                code, size = struct.unpack_from("!HH", self.message, at)
                yield at, code, size
                at += 4 + size

    def options_fit(self):
        for opt in self.records:
            at = opt.data
            while opt.type == OPT and at < opt.end:
                if at + 4 > opt.end:
                    return False
                at += 4 + struct.unpack_from("!H", self.message, at + 2)[0]
            if opt.type == OPT and at != opt.end:
                return False
        return True
