"""`make bench`, or `python -m benchmarks [SECTION ...]`: what decisions, lists, starts and compilations cost.

Every figure is a ratio of two times of one run, so that it means the same on any machine. Some have a bound: exit code
1 where one is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import authorizing, cedar, compiling, deciding, documenting, guarding, listing, proving, starting
from benchmarks.measuring import Figure, headline, line


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    theirs: str
    """What the second time is of."""
    run: Callable[[], Iterator[Figure | str]]


SECTIONS = {
    "allowed": Section("allowed: one read, against the hand-written model", "by hand", deciding.single_reads),
    "filter": Section("filter: a list, per record, against the hand-written model", "by hand", deciding.lists),
    "rules": Section("further rules: one read beside many, against beside few", "few rules", deciding.more_rules),
    "start": Section("cold start to the first decision, against bare Python", "bare", starting.cold_starts),
    "compile": Section("compilation, against the parser generator alone", "lark alone", compiling.compilations),
    "guard": Section("guard: an operation, against botocore's own part of it", "botocore", guarding.operations),
    "list": Section("a list by the list plan, against a resolver by hand", "by hand", listing.lists),
    "prove": Section("proofs: cvc5, against z3", "z3", proving.proofs),
    "documents": Section("documents for AWS, and proofs about them", "allowed", documenting.documents),
    "authorizer": Section(
        "authorizer: a request, against PyJWT and graphql-core's parser", "libraries", authorizing.everything
    ),
    "cedar": Section("one read, against Cedar", "cedarpy", cedar.decisions),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)")
    chosen = parser.parse_args(argv).sections or [*SECTIONS]
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    began = time.perf_counter()
    figures: list[Figure] = []
    for name in chosen:
        section = SECTIONS[name]
        print(headline(section.title, section.theirs), flush=True)
        for found in section.run():
            print(line(found) if isinstance(found, Figure) else found, flush=True)
            figures += [found] if isinstance(found, Figure) else []
    bounded = [found for found in figures if found.bound is not None]
    missed = [found for found in bounded if found.missed]
    print(f"\n{len(bounded)} bounds, {len(missed)} missed ({time.perf_counter() - began:.0f} s)")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
