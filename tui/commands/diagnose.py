"""`traintop diagnose`: one reading, printed and done. Needs no terminal and imports no textual."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import replace

from tui.options import add_common, read_options

SEVERITIES = ("info", "warning", "critical")
WIDEST = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The log, the common options, and how to answer."""
    parser.add_argument("path", metavar="PATH", help='the log, or "-" for standard input')
    parser.add_argument("--until", type=_step, metavar="STEP", help="as it was known when the log reached this step")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--fail-on", choices=SEVERITIES, help="exit with 1 on a finding of this severity or worse")
    parser.add_argument("--ascii", action="store_true", help="no signs beyond ASCII")
    add_common(parser)


def _step(text: str) -> int:
    try:
        return int(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no step; write a number such as 14500") from None


def run(args: argparse.Namespace) -> int:
    """Reads, diagnoses, prints; exit code 1 where --fail-on says so."""
    from diagnosis.rules import diagnose
    from parsers.replay import until
    from tui.hardware import Hardware
    from tui.opening import open_log, whole
    from tui.reading import Moment, Reading
    from tui.report_json import document
    from tui.report_text import report

    options = read_options(args)
    hardware = Hardware(options)
    opened = open_log(args.path, options, may_wait=False)
    reading = Reading(opened.source, options, opened.path)
    blocks = whole(opened)
    if args.until is not None:
        blocks = iter([until([record for block in blocks for record in block], args.until)])
    for block in blocks:
        reading.apply(block)
    over = args.path == "-" or opened.source.done
    moment = Moment(over=over and args.until is None, alive=args.until is None)
    # The GPU of this machine is the run's only if the run is alive here, or the user says so.
    here = args.path != "-" and args.until is None and reading.lives(moment)
    case = reading.case(replace(moment, gpus=hardware.sample_once(ask_nvml=here)))
    findings = diagnose(case)
    if args.json:
        print(json.dumps(document(case, findings), ensure_ascii=False, allow_nan=False))
    else:
        width = min(WIDEST, shutil.get_terminal_size((100, 24)).columns)
        print(report(case, findings, width=width, ascii_only=args.ascii or not _speaks_utf8()), end="")
    failing = SEVERITIES[SEVERITIES.index(args.fail_on) :] if args.fail_on else ()
    return int(any(f.severity in failing for f in findings))


def _speaks_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" and os.environ.get("TERM") != "linux"
