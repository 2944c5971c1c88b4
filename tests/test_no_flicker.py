"""A finding has one date, live and afterwards, and does not come and go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from raw_logs import SHARED, shared

from diagnosis.finding import Finding
from diagnosis.rules import diagnose
from parsers.records import Points, Record
from parsers.replay import until
from tui.opening import open_log, whole
from tui.options import Options
from tui.reading import Moment, Reading

MOMENTS = 10
LABELS = SHARED / "lab" / "labels.json"
LOGS = [label["path"] for label in json.loads(LABELS.read_text())] if LABELS.exists() else []


def empty(path: Path) -> Reading:
    """A reading that has read nothing yet."""
    opened = open_log(str(path), Options(), may_wait=False)
    return Reading(opened.source, Options(), opened.path)


def records_of(path: Path) -> list[Record]:
    return [record for block in whole(open_log(str(path), Options(), may_wait=False)) for record in block]


def found(reading: Reading) -> dict[str, Finding]:
    return {f.id: f for f in diagnose(reading.case(Moment(alive=False))) if f.severity != "info"}


def moments(records: Sequence[Record], path: Path) -> list[int]:
    reading = empty(path)
    reading.apply(records)
    first, last = reading.run.first_step or 0, reading.run.last_step or 0
    return [int(step) for step in np.linspace(first, last, MOMENTS + 1)[1:]]


@pytest.mark.parametrize("name", LOGS)
def test_warnings_have_one_date_and_do_not_come_and_go(name: str) -> None:
    """At 10 moments of each run with a known fault: what was said stays said, and with the same first step."""
    path = shared(f"lab/{name}")
    records = records_of(path)
    dates: dict[str, set[int | None]] = {}
    before: dict[str, Finding] = {}
    for step in moments(records, path):
        reading = empty(path)
        reading.apply(until(records, step))
        now = found(reading)
        assert not before.keys() - now.keys(), (step, before.keys() - now.keys())
        for finding in now.values():
            dates.setdefault(finding.id, set()).add(finding.first_step)
        before = now
    assert all(len(steps) == 1 for steps in dates.values()), dates


@pytest.mark.parametrize("name", [name for name in LOGS if name.startswith(("spike", "slowdown", "overfit", "nan-"))])
def test_a_run_that_grows_is_diagnosed_as_one_that_is_read_at_once(name: str) -> None:
    """Summaries that went on with the rows, against a fresh look at the same rows: word for word."""
    path = shared(f"lab/{name}")
    live, parts = empty(path), in_parts(records_of(path))
    for start in range(0, len(parts), 3):
        live.apply(parts[start : start + 3])
        afresh = empty(path)
        afresh.apply(parts[: start + 3])
        assert diagnose(live.case(Moment(alive=False))) == diagnose(afresh.case(Moment(alive=False)))


def in_parts(records: Sequence[Record]) -> list[Record]:
    """The same rows in the order of their steps, 50 at a time, behind what is no row."""
    rows = [record for record in records if isinstance(record, Points)]
    parts = [_part(one, at) for one in rows for at in range(0, len(one.steps), 50)]
    others: list[Record] = [record for record in records if not isinstance(record, Points)]
    return [*others, *sorted(parts, key=lambda part: int(part.steps[0]))]


def _part(points: Points, at: int) -> Points:
    columns = {name: column[at : at + 50] for name, column in points.columns.items()}
    return Points(points.steps[at : at + 50], columns)
