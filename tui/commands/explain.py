"""`traintop explain`: one rule in its own words."""

from __future__ import annotations

import argparse
import inspect
import textwrap
from difflib import get_close_matches

from tui.errors import UserError


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
    print(f"{args.finding}\n{'=' * len(args.finding)}\n")
    print(textwrap.dedent(inspect.getdoc(rule) or ""))
    if needs := needs_of(args.finding):
        mends = (f"{need.what} ({need.mend})" if need.mend else need.what for need in needs)
        print("\n" + textwrap.fill(f"Needs: {', '.join(mends)}.", 120))
    return 0
