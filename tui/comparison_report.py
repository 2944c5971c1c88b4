"""A comparison as text for people and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from diagnosis.case import Case
from diagnosis.compared_losses import Losses
from diagnosis.finding import Finding
from diagnosis.standings import Standing
from diagnosis.verdict import verdict as verdict_of_run
from parsers.records import Value
from tui.comparison import Comparison
from tui.comparison_caveats import caveats, notes
from tui.report_json import SCHEMA, document, tidy
from tui.report_text import SIGNS, head
from tui.standing_words import Ground, error_words, grounds, judged, letter, verdict
from tui.tables import Column, table
from tui.text import UNKNOWN, change, count, flops, foreign, loss, percent, plain, seconds, whole
from tui.version import VERSION

STANDING_CELL = 28


def comparison_document(
    cases: Sequence[Case], findings: Sequence[Sequence[Finding]], compared: Comparison
) -> dict[str, Any]:
    """The object of several runs; each run is the object that it would be alone."""
    speeds = asdict(compared.speeds)
    speeds["tflops"] = [None if f is None else f / 1e12 for f in speeds.pop("flops")]
    tree = {
        "verdict": verdict(compared.losses),
        "caveats": caveats(compared),
        "facts": {row.name: row.values for row in compared.differences},
        "follow": {row.name: row.follows for row in compared.differences if row.follows},
        "losses": [_loss_tree(row) for row in compared.losses],
        "efficiency": speeds,
        "findings": [asdict(row) for row in compared.findings],
    }
    return {
        "schema": SCHEMA,
        "traintop": VERSION,
        "runs": [document(case, found) for case, found in zip(cases, findings, strict=True)],
        "comparison": tidy(tree),
    }


def _loss_tree(row: Losses) -> dict[str, Any]:
    first = {s.axis: s for s in reversed(row.standings)}
    steps, tokens = first.get("step"), first.get("tokens")
    return {
        "metric": row.metric,
        "unit": row.unit,
        "comparable": row.comparable,
        "why": row.why,
        "last": row.last or None,
        "best": row.best or None,
        "at_step": None if steps is None else {"step": steps.place, "values": steps.values},
        "at_tokens": None if tokens is None else {"tokens": tokens.place, "values": tokens.values},
        "standings": [_standing_tree(s) for s in row.standings],
    }


def _standing_tree(standing: Standing) -> dict[str, Any]:
    runs = range(len(standing.values))
    return {
        "axis": standing.axis,
        "place": standing.place,
        "counted": standing.how,
        "values": standing.values,
        "standard_errors": standing.errors,
        "best": standing.best,
        "behind": standing.behind,
        "behind_standard_errors": standing.behind_errors,
        "no_difference": [standing.level(run) for run in runs],
        "learning_rate_shares": standing.learning_rates,
    }


def comparison_text(
    cases: Sequence[Case],
    findings: Sequence[Sequence[Finding]],
    compared: Comparison,
    *,
    width: int = 100,
    ascii_only: bool = False,
) -> str:
    """The verdict, the runs by letter, then tables of what differs; at most `width` columns, ending in a line break."""
    names = [letter(at) for at in range(len(cases))]
    lines = _wrapped(verdict(compared.losses), width)
    lines += [line for words in caveats(compared) for line in _wrapped(f"  but {words}", width)] + [""]
    for name, case, found in zip(names, cases, findings, strict=True):
        lines += [*_wrapped(f"{name}  {head(case)}", width), *_wrapped(f"   {verdict_of_run(case, found)}", width)]
    for row in compared.losses:
        if row.comparable is not False:
            shown = grounds(row.standings)
            columns = _standing_columns(row, shown if row is judged(compared.losses) else shown[:1])
            lines += ["", *table(row.metric, names, columns, width)]
    for title, rows in _sections(compared):
        columns = [Column((name,), tuple(texts[at] for _, texts in rows)) for at, name in enumerate(names)]
        lines += ["", *table(title, [name for name, _ in rows], columns, width)]
    below = notes(compared)
    lines += ["", *(line for note in below for line in _wrapped(f"note: {note}", width))] if below else []
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return plain(text) if ascii_only else text


def _standing_columns(row: Losses, shown: Sequence[Ground]) -> list[Column]:
    """The last and best value, then a column for each ground on which the runs are compared."""
    columns = [Column(("last",), tuple(_all(loss, row.last))), Column(("best",), tuple(_all(loss, row.best)))]
    for ground in shown:
        cells = tuple(_standing_cell(ground.one, run) for run in range(len(row.last)))
        columns.append(Column(ground.places, _aligned(cells), STANDING_CELL))
    return columns


def _aligned(cells: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """Value and difference each under those of the other runs."""
    one, two, three = (max(map(len, parts)) for parts in zip(*cells, strict=True))
    return tuple(f"{a:>{one}} {b:>{two}} {c:<{three}}" for a, b, c in cells)


def _standing_cell(standing: Standing, run: int) -> tuple[str, str, str]:
    """The value, what it is above the best, and how sure that is."""
    value, behind, error = standing.values[run], standing.behind[run], standing.behind_errors[run]
    if value is None or behind is None:
        return UNKNOWN, "", ""
    if run == standing.best:
        return loss(value), "best", ""
    if error is None:
        return loss(value), change(behind), "± ?"
    return loss(value), "=" if standing.level(run) else change(behind), f"± {error_words(error)}"


def _sections(compared: Comparison) -> Iterator[tuple[str, list[tuple[str, Sequence[str]]]]]:
    shown = [d for d in compared.differences if d.follows is None]
    if shown:
        yield "settings that differ", [(d.name, [_value(v) for v in d.values]) for d in shown]
    speeds = compared.speeds
    known = [
        ("step", _all(seconds, speeds.seconds_per_step)),
        ("tokens/s", _all(count, speeds.tokens_per_second)),
        ("arithmetic", _all(flops, speeds.flops)),
        ("MFU", _all(percent, speeds.mfu)),
    ]
    if any(text != UNKNOWN for _, texts in known for text in texts):
        yield "speed", [(name, texts) for name, texts in known if any(text != UNKNOWN for text in texts)]
    if compared.findings:
        yield (
            "findings of some",
            [(f"{SIGNS[f.severity]} {f.id}", ["yes" if one else "no" for one in f.found]) for f in compared.findings],
        )


def _all(write: Callable[[float | None], str], values: Sequence[float | None]) -> list[str]:
    return [write(value) for value in values]


def _value(value: Value | None) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool | str):
        return foreign(str(value))
    if isinstance(value, int) or value.is_integer():
        return whole(value)
    return f"{value:.6g}"


def _wrapped(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    # An error stays with its sign; a line break between them would hide from `plain` what it is.
    whole_errors = foreign(line.strip()).replace("± ", "±\xa0")
    lines = textwrap.wrap(whole_errors, width, initial_indent=indent, subsequent_indent=indent + "   ")
    return [one.replace("\xa0", " ") for one in lines]
