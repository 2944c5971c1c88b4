"""A comparison as text for people and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from string import ascii_uppercase
from typing import Any

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.verdict import verdict
from parsers.records import Value
from tui.compared_losses import Losses
from tui.comparison import Comparison
from tui.report_json import SCHEMA, document, tidy
from tui.report_text import SIGNS, head
from tui.text import UNKNOWN, count, cut, flops, foreign, loss, pad, percent, plain, seconds, whole
from tui.version import VERSION

NAME_WIDTH = 28
COLUMN = 16
INDENT = 2


def comparison_document(
    cases: Sequence[Case], findings: Sequence[Sequence[Finding]], compared: Comparison
) -> dict[str, Any]:
    """The object of several runs; each run is the object that it would be alone."""
    speeds = asdict(compared.speeds)
    speeds["tflops"] = [None if f is None else f / 1e12 for f in speeds.pop("flops")]
    tree = {
        "facts": {row.name: row.values for row in compared.differences},
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
    return {
        "metric": row.metric,
        "unit": row.unit,
        "comparable": row.comparable,
        "why": row.why,
        "last": row.last or None,
        "best": row.best or None,
        "at_step": None if row.step is None else {"step": row.step, "values": row.at_step},
        "at_tokens": None if row.tokens is None else {"tokens": row.tokens, "values": row.at_tokens},
    }


def comparison_text(
    cases: Sequence[Case],
    findings: Sequence[Sequence[Finding]],
    compared: Comparison,
    *,
    width: int = 100,
    ascii_only: bool = False,
) -> str:
    """The runs by letter, then a table of what differs; at most `width` columns, ending in a line break."""
    names = [_letter(at) for at in range(len(cases))]
    lines: list[str] = []
    for name, case, found in zip(names, cases, findings, strict=True):
        lines += [*_wrapped(f"{name}  {head(case)}", width), *_wrapped(f"   {verdict(case, found)}", width)]
    # A narrow terminal shows some runs at a time: a table that wraps cannot be read.
    names_width = max(0, min(NAME_WIDTH, width - INDENT - COLUMN))
    fits = max(1, (width - INDENT - names_width) // COLUMN)
    for start in range(0, len(cases), fits):
        shown = slice(start, start + fits)
        lines += ["", " " * (INDENT + names_width) + _columns(names[shown])]
        for title, rows in _sections(compared):
            lines.append(title)
            lines += [_row(name, values[shown], names_width) for name, values in rows]
    notes = list(_notes(compared))
    lines += ["", *(line for note in notes for line in _wrapped(f"note: {note}", width))] if notes else []
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return plain(text) if ascii_only else text


def _letter(at: int) -> str:
    return ascii_uppercase[at] if at < len(ascii_uppercase) else str(at + 1)


def _sections(compared: Comparison) -> Iterator[tuple[str, list[tuple[str, Sequence[str]]]]]:
    if compared.differences:
        yield "settings that differ", [(d.name, [_value(v) for v in d.values]) for d in compared.differences]
    losses = [row for one in compared.losses for row in _loss_rows(one)]
    if losses:
        yield "loss", losses
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


def _loss_rows(one: Losses) -> Iterator[tuple[str, Sequence[str]]]:
    if one.comparable is False:
        return
    yield f"{one.metric} last", _all(loss, one.last)
    yield f"{one.metric} best", _all(loss, one.best)
    if one.step is not None:
        yield f"  at step {whole(one.step)}", _all(loss, one.at_step)
    if one.tokens is not None:
        yield f"  at {count(one.tokens)} tokens", _all(loss, one.at_tokens)


def _all(write: Callable[[float | None], str], values: Sequence[float | None]) -> list[str]:
    return [write(value) for value in values]


def _notes(compared: Comparison) -> Iterator[str]:
    for one in compared.losses:
        if one.comparable is False:
            yield f"{one.metric} is not comparable: {'; '.join(one.why)}"
        elif one.comparable is None:
            yield f"{one.metric} may not be comparable: {'; '.join(one.why)}"
    if not compared.losses:
        yield "no loss is in more than one of these runs"
    yield from compared.speeds.why


def _value(value: Value | None) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool | str):
        return foreign(str(value))
    if isinstance(value, int) or value.is_integer():
        return whole(value)
    return f"{value:.6g}"


def _row(name: str, values: Sequence[str], names_width: int) -> str:
    return " " * INDENT + pad(foreign(name), names_width) + _columns(values)


def _columns(values: Sequence[str]) -> str:
    return "".join(pad(cut(value, COLUMN - 2), COLUMN, right=True) for value in values)


def _wrapped(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(foreign(line.strip()), width, initial_indent=indent, subsequent_indent=indent + "   ")
