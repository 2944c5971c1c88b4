"""Counts alarms on healthy runs, and how high a fault must be to be found in them.

    python benchmarks/alarms.py [--moments 40] [--picture docs/detection.svg]

First part: each healthy log is diagnosed at many moments of its life, as somebody who watches it would see it. Any
warning or worse at any of them is an alarm, unless the log's label says that it is true of this run.

Second part: the same logs, with a fault of known height put into their loss at known steps: a jump that decays over 20
rows (spike), a level that stays (shift), a rise over 400 rows (drift), a validation loss that turns away from training
(gap), and NaN. The height is in standard deviations of a row about its neighbours. Found means that a rule said so
within 200 rows (drift 600, gap: by the end), by a finding that was not there without the fault.

The logs are a collection beside the repository, which is not part of it; without it the script says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from raw_logs import SHARED  # noqa: E402  the path must be set first

from benchmarks.detection_picture import draw  # noqa: E402
from diagnosis.case import Case  # noqa: E402
from diagnosis.rules import diagnose  # noqa: E402
from diagnosis.series import Series  # noqa: E402
from diagnosis.statistics import noise_sd  # noqa: E402
from parsers.records import Floats, Record  # noqa: E402
from tui.opening import open_log, whole  # noqa: E402
from tui.options import Options  # noqa: E402
from tui.reading import Moment, Reading  # noqa: E402

HEIGHTS = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)
PLACES = (0.35, 0.5, 0.65, 0.8)
SPIKE_ROWS, DRIFT_ROWS = 20, 400
WITHIN = {"spike": 200, "shift": 200, "drift": 600, "NaN": 20}
SAYS = {
    "spike": ("loss-spike", "loss-shift", "divergence"),
    "shift": ("loss-spike", "loss-shift", "divergence"),
    "drift": ("loss-spike", "loss-shift", "divergence", "plateau"),
    "gap": ("overfitting",),
    "NaN": ("non-finite",),
}
ROWS_NEEDED = 800
FOUNDING = ("nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log", "nanogpt/followup_124M_rtx4070_run3.log")
TRUE_OF_FOUNDING = {"size-mismatch", "mfu-reference", "stopped-early"}
"""These two runs have the faults that the findings name; the log of the second ends before its run."""


@dataclass(frozen=True)
class Log:
    """A healthy log, with what may be said of it."""

    path: Path
    true: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"


def healthy_logs() -> Iterator[Log]:
    """Those that are labelled as healthy, published loss curves, and two runs that were followed to their end."""
    for folder in ("corpus", "lab"):
        labels = json.loads((SHARED / folder / "labels.json").read_text())
        for label in labels:
            if label.get("quiet"):
                told = (w for want in label.get("find", []) for w in ([want] if isinstance(want, str) else want))
                yield Log(SHARED / folder / label["path"], frozenset({*label.get("allow", []), *told}))
    for path in sorted((SHARED / "corpus" / "loss-curves").glob("*.csv")):
        yield Log(path, frozenset())
    for name in FOUNDING:
        yield Log(SHARED / "corpus" / name, frozenset(TRUE_OF_FOUNDING))


def records_of(path: Path) -> list[Record]:
    opened = open_log(str(path), Options(), may_wait=False)
    return [record for block in whole(opened) for record in block]


def reading_of(path: Path) -> Reading:
    opened = open_log(str(path), Options(), may_wait=False)
    return Reading(opened.source, Options(), opened.path)


def alarms_of(log: Log, moments: int) -> tuple[int, dict[str, int]]:
    """The steps of the log and, by rule, the first step at which it alarmed."""
    from parsers.replay import until

    records = records_of(log.path)
    everything = reading_of(log.path)
    everything.apply(records)
    first, last = everything.run.first_step or 0, everything.run.last_step or 0
    found: dict[str, int] = {}
    for step in np.unique(np.linspace(first, last, moments + 1)[1:].astype(int)):
        reading = reading_of(log.path)
        reading.apply(until(records, int(step)))
        for finding in diagnose(reading.case(Moment(over=bool(step == last), alive=False))):
            if finding.severity != "info" and finding.id not in log.true:
                found.setdefault(finding.id, int(step))
    return last - first, found


def faulty(case: Case, kind: str, place: float, sigmas: float) -> Case:
    """The case with a fault of that height, as far as it would be looked at."""
    train = case.metric("train_loss").finite
    at = int(place * len(train))
    sigma = noise_sd(train.values[max(0, at - 200) : at]) or 0.0
    if kind == "gap":
        return _with_gap(case, place, sigmas)
    rows = np.arange(len(train)) - at
    added = _shape(kind, rows) * sigmas * sigma
    end = min(len(train), at + WITHIN[kind])
    broken = Series(train.name, train.steps[:end], (train.values + added)[:end])
    return _cut(case, {"train_loss": broken}, int(train.steps[end - 1]))


def _shape(kind: str, rows: np.ndarray) -> Floats:
    after = rows >= 0
    if kind == "NaN":
        return np.where(after & (rows < 3), np.nan, 0.0)
    if kind == "spike":
        return np.where(after, np.exp(-np.maximum(rows, 0) / SPIKE_ROWS), 0.0)
    return np.where(after, 1.0 if kind == "shift" else np.minimum(1.0, rows / DRIFT_ROWS), 0.0)


def _with_gap(case: Case, place: float, sigmas: float) -> Case:
    """A validation loss that rises over the rest of the run, to so many of its own standard deviations."""
    val = case.metric("val_loss").finite
    share = np.clip((np.arange(len(val)) / max(1, len(val) - 1) - place) / (1 - place), 0, 1)
    sigma = case.eval_standard_error or noise_sd(val.values) or 0.0
    return _cut(case, {"val_loss": Series(val.name, val.steps, val.values + share * sigmas * sigma)}, None)


def _cut(case: Case, changed: Mapping[str, Series], last: int | None) -> Case:
    known = list(case.series.values())
    if last is not None:
        known = [Series(s.name, s.until(last).steps, s.until(last).values) for s in known]
    series = {s.name: s for s in known} | dict(changed)
    steps = case.steps if last is None else replace(case.steps, last=last)
    return replace(case, series=series, steps=steps, state="running")


def detected(case: Case, kind: str, place: float, sigmas: float) -> bool:
    """Whether a rule tells the fault, which it did not tell without it."""
    before = {f.id for f in diagnose(faulty(case, kind, place, 0.0))} if kind != "NaN" else set()
    return any(f.id in SAYS[kind] and f.id not in before for f in diagnose(faulty(case, kind, place, sigmas)))


def detection(cases: Sequence[Case], kind: str) -> list[tuple[float, float, int]]:
    """(height in sigma, share found, tries) for each height."""
    able = [c for c in cases if len(c.metric("train_loss").finite) >= ROWS_NEEDED]
    if kind == "gap":
        able = [c for c in cases if len(c.metric("val_loss").finite) >= 20]
    heights = HEIGHTS if kind != "NaN" else (1.0,)
    table = []
    for height in heights:
        found = [detected(case, kind, place, height) for case in able for place in PLACES]
        table.append((height, float(np.mean(found)) if found else float("nan"), len(found)))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=40)
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    if not SHARED.exists():
        sys.exit(f"no logs: {SHARED} is absent")
    logs = list(healthy_logs())
    _print_alarms(logs, args.moments)
    cases = []
    for log in logs:
        reading = reading_of(log.path)
        reading.apply(records_of(log.path))
        cases.append(reading.case(Moment(over=True, alive=False)))
    curves = {kind: detection(cases, kind) for kind in SAYS}
    _print_detection(curves)
    if args.picture:
        args.picture.write_text(draw({k: [(h, s) for h, s, _ in c] for k, c in curves.items() if k != "NaN"}))


def _print_alarms(logs: Sequence[Log], moments: int) -> None:
    steps, alarms = 0, []
    for log in logs:
        length, found = alarms_of(log, moments)
        steps += length
        alarms += [(log.name, name, step) for name, step in found.items()]
    print(f"{len(logs)} healthy logs, {steps:,} steps, {moments} moments each")
    for name, rule, step in alarms:
        print(f"  {rule:<20} step {step:>9,}  {name}")
    spikes = sum(rule in ("loss-spike", "divergence") for _, rule, _ in alarms)
    per = len(alarms) / max(1, steps) * 50_000
    print(f"spike alarms {spikes} (goal 0), alarms of any kind {len(alarms)} = {per:.2f} in 50,000 steps (goal 1)\n")


def _print_detection(curves: Mapping[str, Sequence[tuple[float, float, int]]]) -> None:
    print("share found by height in standard deviations of a row")
    print("| fault | tries | " + " | ".join(f"{height:g}" for height in HEIGHTS) + " |")
    for kind, table in curves.items():
        cells: list[str] = [f"{share:.2f}" for _, share, _ in table]
        print(f"| {kind} | {table[0][2]} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
