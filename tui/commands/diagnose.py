"""`traintop diagnose`: one reading, printed and done. Needs no terminal and imports no textual."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui.console import ascii_only, columns, named, print_json, step
from tui.errors import UserError
from tui.options import Options, add_common, read_options

if TYPE_CHECKING:
    from diagnosis.case import Case
    from diagnosis.finding import Finding
    from diagnosis.needs import Need

    Silent = Sequence[tuple[str, tuple[Need, ...]]]

SEVERITIES = ("info", "warning", "critical")
MOST_LOSS = 1000.0
"""Nats per token that no model loses."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The logs, the common options, and how to answer."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=named,
        help='a log, a directory (its newest run), or "-" for standard input; several are compared',
    )
    parser.add_argument("--until", type=step, metavar="STEP", help="as it was known when the log reached this step")
    parser.add_argument("--target", type=_loss, metavar="LOSS", help="when the loss is down to this, with its interval")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--verbose", action="store_true", help="also the rules that could not speak, and what would let them"
    )
    parser.add_argument("--fail-on", choices=SEVERITIES, help="exit with 1 on a finding of this severity or worse")
    parser.add_argument("--ascii", action="store_true", help="no signs beyond ASCII")
    add_common(parser)


def _loss(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value <= MOST_LOSS:
        raise argparse.ArgumentTypeError(f"{text!r} is no loss; write nats per token such as 3.5")
    return value


def run(args: argparse.Namespace) -> int:
    """Reads, diagnoses, prints; exit code 1 where --fail-on says so of any run."""
    from diagnosis.rules import diagnose, silent

    if args.paths.count("-") > 1:
        raise UserError("-: standard input can be read once; name files beside it")
    if args.target is not None and len(args.paths) > 1:
        raise UserError("--target is answered for one log; name one")
    options = read_options(args)
    cases = [_read(path, args.until, options) for path in args.paths]
    findings = [diagnose(case) for case in cases]
    mute = [silent(case) if args.verbose else [] for case in cases]
    if args.json:
        print_json(_document(cases, findings, mute, args.target))
    else:
        print(_text(cases, findings, mute, args.target, ascii_only=ascii_only(args.ascii)), end="")
    failing = SEVERITIES[SEVERITIES.index(args.fail_on) :] if args.fail_on else ()
    return int(any(f.severity in failing for each in findings for f in each))


def _read(path: str, until_step: int | None, options: Options) -> Case:
    """One run as far as it is known; raises UserError where there is none at the path."""
    from parsers.replay import until
    from tui.hardware import Hardware
    from tui.opening import open_log, whole
    from tui.reading import Moment, Reading

    hardware = Hardware(options)
    opened = open_log(path, options, may_wait=False)
    if opened.why:
        print(f"traintop: {opened.path}: {opened.why}", file=sys.stderr)
    reading = Reading(opened.source, options, opened.path)
    blocks = whole(opened)
    if until_step is not None:
        blocks = iter([until([record for block in blocks for record in block], until_step)])
    for block in blocks:
        reading.apply(block)
    over = path == "-" or opened.source.done
    moment = Moment(over=over and until_step is None, alive=until_step is None)
    # The GPU of this machine is the run's only if the run is alive here, or the user says so.
    here = path != "-" and until_step is None and reading.lives(moment)
    case = reading.case(replace(moment, gpus=hardware.sample_once(ask_nvml=here)))
    if options.format is not None and not any(len(series) for series in case.series.values()):
        why = f"--format {options.format} finds no numbers in it so far; without --format it is recognised by itself"
        print(f"traintop: {case.path}: {why}", file=sys.stderr)
    return case


def _document(
    cases: Sequence[Case], findings: Sequence[Sequence[Finding]], mute: Sequence[Silent], target: float | None
) -> dict[str, Any]:
    from tui.report_json import document, silent_rules

    if len(cases) == 1:
        tree = document(cases[0], findings[0], target=target)
        return tree | {"silent": silent_rules(mute[0])} if mute[0] else tree
    from tui.comparison import compare
    from tui.comparison_report import comparison_document

    tree = comparison_document(cases, findings, compare(cases, findings))
    for run, silent in zip(tree["runs"], mute, strict=True):
        run.update({"silent": silent_rules(silent)} if silent else {})
    return tree


def _text(
    cases: Sequence[Case],
    findings: Sequence[Sequence[Finding]],
    mute: Sequence[Silent],
    target: float | None,
    *,
    ascii_only: bool,
) -> str:
    width = columns()
    if len(cases) == 1:
        from tui.report_text import report

        return report(cases[0], findings[0], silent=mute[0], target=target, width=width, ascii_only=ascii_only)
    from tui.comparison import compare
    from tui.comparison_report import comparison_text

    return comparison_text(cases, findings, compare(cases, findings), width=width, ascii_only=ascii_only)
