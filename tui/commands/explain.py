"""`traintop explain`: one rule in its own words."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from difflib import get_close_matches

from tui.console import columns, print_text
from tui.errors import UserError
from tui.paragraphs import wrapped

HEADS = ("Why:", "Do:", "False alarms:", "Sources:", "Source:")
"""What begins a paragraph of a rule's docstring without a blank line before it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The id of a finding."""
    parser.add_argument("finding", metavar="FINDING", help="its id, as diagnose prints it: size-mismatch")


def run(args: argparse.Namespace) -> int:
    """Prints the rule's docstring; raises UserError for an id that there is not."""
    from diagnosis.rules import needs_of, rules

    known = rules()
    rule = known.get(args.finding)
    if rule is None:
        near = get_close_matches(args.finding, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(sorted(known))
        raise UserError(f"explain: there is no finding {args.finding!r}; {hint}")
    width = columns()
    print_text("\n".join([args.finding, "=" * len(args.finding), "", *_lines(inspect.getdoc(rule) or "", width)]))
    if needs := needs_of(args.finding):
        mends = (f"{need.what} ({need.mend})" if need.mend else need.what for need in needs)
        print_text("\n".join(["", *wrapped(f"Needs: {', '.join(mends)}.", width)]))
    return 0


def _lines(text: str, width: int) -> Iterator[str]:
    """A docstring's paragraphs, set anew for the width."""
    for paragraph in _paragraphs(text):
        yield from wrapped(paragraph, width, then="  " if paragraph.startswith(HEADS) else "")


def _paragraphs(text: str) -> list[str]:
    found = [""]
    for line in text.splitlines():
        if not line or not found[-1] or line.startswith(HEADS):
            found.append(line)
        else:
            found[-1] += f" {line}"
    return found[1:]
