"""What the random checks share: flags, running the program, counting, cases that are kept, the report.

A script gives `main` its doc, its subject and a function `check(case)`, which draws an input from `case.random`,
asks the reference and the program, and ends in one of

    return                         both say the same
    raise Skipped(reason)          nothing can be compared: the reference has no answer, or the program's was cut
    raise Known(name)              they differ as the script's KNOWN says under this name
    raise Refused(text)            the program says that it cannot do this, by name
    raise Differs(what, ...)       a fault

Every case has a folder of its own, in which the program runs, and random numbers of its own, by seed and index:
`--seed 7 --first 123 --count 1` is case 123 of seed 7 alone.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

OK = 0
EXIT_CODES = (0, 2, 3, 4, 5, 6, 7, 8)
PROGRAM_SECONDS_MAX = 120
KEPT_AT_MOST = 20
REASONS_SHOWN = 40


class Outcome(Exception):
    """How a case ended, other than well."""


class Skipped(Outcome):
    pass


class Known(Outcome):
    pass


class Refused(Outcome):
    pass


class Differs(Outcome):
    """`what` in a line; `details` by name, which go into files of the case's folder."""

    def __init__(self, what, **details):
        super().__init__(what)
        self.details = details


class Answer:
    """What the program said."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out.decode("utf-8", "replace")
        self.error = err.decode("utf-8", "replace")

    @property
    def reason(self):
        """The error in a line, without numbers and names that change from case to case."""
        lines = [line for line in self.error.strip().splitlines() if "error:" in line] or [self.error.strip()[-300:]]
        return re.sub(r"\d+", "N", lines[-1].removeprefix("quire: error: "))[:160]


class Case:
    def __init__(self, options, subject, index):
        self.options = options
        self.index = index
        self.name = f"{subject}-{options.seed}-{index}"
        self.random = random.Random(f"{subject} {options.seed} {index}")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"quire-{self.name}-"))

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8", newline="")
        return name

    def run(self, *arguments, stdin=""):
        """The program in the case's folder; the command and its input stay there. A crash or no end is a fault."""
        self.write("command.sh", "${QUIRE:-quire} " + shlex.join(arguments) + (" < stdin.txt\n" if stdin else "\n"))
        if stdin:
            self.write("stdin.txt", stdin)
        try:
            done = subprocess.run([self.options.program, *arguments], input=stdin.encode(), capture_output=True,
                                  cwd=self.folder, env=self.environment(), timeout=PROGRAM_SECONDS_MAX)
        except subprocess.TimeoutExpired as late:
            raise Differs(f"the program did not end within {PROGRAM_SECONDS_MAX} s") from late
        answer = Answer(done.returncode, done.stdout, done.stderr)
        if answer.status not in EXIT_CODES:
            raise Differs(f"the program ended with {answer.status}", stderr=answer.error)
        return answer

    def environment(self):
        return dict(os.environ, QUIRE_HOME=str(self.folder / "home"))

    def keep(self, difference):
        """Moves the folder to --keep, with what the program and the reference said."""
        for name, value in difference.details.items():
            self.write(f"{name}.txt", str(value))
        self.write("what.txt", f"{difference}\n")
        kept = pathlib.Path(self.options.keep) / self.name
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.folder, kept)
        return kept

    def drop(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Report:
    def __init__(self, subject, known):
        self.subject = subject
        self.known_reasons = known
        self.same = 0
        self.faults = 0
        self.counts = {kind: collections.Counter() for kind in (Known, Refused, Skipped)}

    def fault(self, case, difference):
        self.faults += 1
        print(f"DIFFERS {case.name}: {difference}")
        for name, value in difference.details.items():
            print(f"    {name}: {str(value)[:400]!r}")
        if self.faults <= KEPT_AT_MOST:
            print(f"    kept in {case.keep(difference)}")
        sys.stdout.flush()

    def finish(self):
        for kind, counter in self.counts.items():
            for text, n in counter.most_common(REASONS_SHOWN):
                reason = f" ({self.known_reasons[text]})" if kind is Known else ""
                print(f"{kind.__name__.lower()} {n}: {text}{reason}")
        totals = ", ".join(f"{kind.__name__.lower()} {counter.total()}" for kind, counter in self.counts.items())
        print(f"{self.subject}: same {self.same}, {totals}, differs {self.faults}")
        return 1 if self.faults else 0


def read_options(doc, add_flags):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same inputs [1]")
    parser.add_argument("--count", type=int, default=100, help="how many inputs [100]")
    parser.add_argument("--first", type=int, default=0, help="index of the first of them [0]")
    parser.add_argument("--program", default="build/quire", help="what is checked [build/quire]")
    parser.add_argument("--keep", default="random-checks-kept", metavar="FOLDER",
                        help=f"where up to {KEPT_AT_MOST} inputs that differ are kept [random-checks-kept]")
    add_flags(parser)
    options = parser.parse_args()
    options.program = shutil.which(options.program)
    if options.program is None:
        parser.error("--program names no program; build one first, or say where it is")
    options.program = os.path.abspath(options.program)
    return options


def main(doc, subject, check, known, add_flags=lambda parser: None):
    """Checks --count inputs, prints what differs and a summary; returns the exit status."""
    options = read_options(doc, add_flags)
    report = Report(subject, known)
    for index in range(options.first, options.first + options.count):
        case = Case(options, subject, index)
        try:
            check(case)
            report.same += 1
        except Differs as difference:
            report.fault(case, difference)
        except Outcome as outcome:
            report.counts[type(outcome)][str(outcome)] += 1
        finally:
            case.drop()
    return report.finish()
