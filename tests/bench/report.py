"""Figures to a table for people and to JSON for comparisons."""
import dataclasses
import datetime
import json
import os
import statistics
import sys


@dataclasses.dataclass
class Row:
    """One figure: a value a round; with a target, the most (or least) that its median may be."""

    title: str
    values: list
    unit: str
    target: float = None
    at_least: bool = False

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def met(self):
        if self.target is None:
            return None
        return self.median >= self.target if self.at_least else self.median <= self.target

    def cells(self):
        spread = f"{number(min(self.values))} .. {number(max(self.values))}"
        bound = "" if self.target is None else f"{'>=' if self.at_least else '<='} {number(self.target)}"
        return [self.title, f"{number(self.median)} {self.unit}",
                spread if len(self.values) > 1 else "", bound, {None: "", True: "yes", False: "NO"}[self.met]]


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(lines):
    """Markdown; the second line says how the columns stand."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def progress(text):
    """One line on a terminal, overwritten by the next."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def machine(options, stage):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "machine": f"{models[0] if models else os.uname().machine}, {os.cpu_count()} cores",
            "kernel": os.uname().release,
            "cores": f"servers on {stage.server_core}, load and upstream on {stage.load_core}",
            "rounds": f"{options.rounds} of {options.seconds:g} s, interleaved; median and spread",
            "priority": "real-time (SCHED_FIFO)" if options.fifo else "as any other process",
            "load": f"{os.getloadavg()[0]:.2f} (average of the last minute)"}


def show(rows, options, stage):
    about = machine(options, stage)
    progress("")
    for key, value in about.items():
        print(f"{key:9} {value}")
    if stage.server_core == stage.load_core:
        print("warning   one core for both: servers and load disturb each other")
    table = [["figure", "median", "spread", "target", "met"]] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(5)]
    print()
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    if options.json:
        figures = [dataclasses.asdict(row) | {"median": row.median, "met": row.met} for row in rows]
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"about": about, "figures": figures}, out, indent=1)
            out.write("\n")


def show_tables(tables, options, stage):
    """For people, and with machine and date to the file that is wanted."""
    text = "\n".join(tables)
    print()
    print(text, end="")
    if options.markdown:
        about = "; ".join(f"{key} {value}" for key, value in machine(options, stage).items())
        write(options.markdown, f"{about}\n\n{text}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def renew(path, blocks, about):
    """Puts each table, with its words and of which machine and day it is, between the comments in that file that
    have its name."""
    with open(path, encoding="utf-8") as page:
        text = page.read()
    when = f"{about['date']}; {about['machine']}; Linux {about['kernel']}; {about['rounds']}; load {about['load']}."
    for name, (words, table_text) in blocks.items():
        before, begin, rest = text.partition(f"<!-- measured: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        if begin and end:
            text = f"{before}{begin}{words}\n\n{when}\n\n{table_text}{end}{after}"
    write(path, text)
