from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import NANOGPT, make_case
from raw_logs import shared

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.rules.slowdown import rule as slowdown
from diagnosis.rules.uneven_steps import rule
from diagnosis.series import Series
from parsers.records import Notice, Traits, Value


def steady(count: int, seconds: float = 0.2, wander: float = 0.03) -> np.ndarray:
    return np.asarray(seconds * np.exp(np.random.default_rng(5).normal(0, wander, count)))


def stalled(count: int = 900, share: float = 0.08, extra: float = 1.0, since: int = 0) -> np.ndarray:
    """Steps of 0.2 s, a share of which wait for their data."""
    late = np.random.default_rng(7).random(count) < share
    return np.asarray(steady(count) + np.where(late & (np.arange(count) >= since), extra, 0.0))


def run(seconds: np.ndarray, facts: dict[str, Value] | None = None, **fields: Any) -> Case:
    return make_case({"step_seconds": (np.arange(len(seconds)), seconds)}, facts, **fields)


def found_in(case: Case) -> Finding:
    found = rule(case)
    assert found is not None
    return found


def test_steps_that_wait_for_their_data_are_found() -> None:
    """One in twelve takes six times as long: a quarter of the time, and no slowdown of the run."""
    case = run(stalled())
    found = found_in(case)

    assert found.severity == "warning"
    assert found.title == "7.6 % of the steps take 6.0 times as long: 28 % of the time is lost"
    assert "not at evaluations" in found.evidence[1]
    assert "data loader" in found.advice[0]
    assert (found.first_step, found.step) == (254, 899)
    assert slowdown(case) is None


@pytest.mark.parametrize("step", [255, 400, 600, 900])
def test_it_is_dated_alike_however_much_later_one_looks(step: int) -> None:
    """The first 250 rows behind the start tell it."""
    assert found_in(run(stalled()[:step])).first_step == 254


def test_a_growing_log_is_judged_as_a_whole_one() -> None:
    """What was summed of the rows before goes on."""
    seconds, steps = stalled(), np.arange(900)
    memo: dict[Any, Any] = {}
    for end in (100, 260, 555, 900):
        case = run(seconds[:end])
        grown = replace(case, series={"step_seconds": Series("step_seconds", steps[:end], seconds[:end], memo)})
        assert rule(grown) == rule(case)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (steady(900), "steady"),
        (np.where(np.arange(900) < 500, 1.0, 3.5) * steady(900), "a lasting slowdown"),
        (stalled(since=780), "a stretch of 120 rows at the end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_look_alikes_are_silent(case: np.ndarray, why: str) -> None:
    """Nothing slow, all slow, or slow for too short a time to judge."""
    assert rule(run(case)) is None


@pytest.mark.parametrize(("blocks", "since", "look"), [(41, 36, 42), (43, 38, 45)])
def test_what_shows_between_two_looks_is_told_at_the_next(blocks: int, since: int, look: int) -> None:
    """Beyond 40 stretches of 50 rows the log is looked at a twentieth later each time: at 42, then at 45 of them."""
    seconds = stalled(2500, since=5 + 50 * since)

    assert rule(run(seconds[: 5 + 50 * blocks])) is None
    assert found_in(run(seconds[: 5 + 50 * look])).first_step == 4 + 50 * look
    assert found_in(run(seconds)).first_step == 4 + 50 * look


def test_a_stall_that_begins_later_is_found_once_it_lasts() -> None:
    """After 250 rows of it, which are 15 % of that run."""
    seconds = stalled(1300, since=900)

    assert rule(run(seconds[:1000])) is None
    assert 1100 < (found_in(run(seconds)).first_step or 0) <= 1300


@pytest.mark.parametrize(("share", "fires"), [(0.02, False), (0.05, True), (0.30, True), (0.60, False)])
def test_the_share_of_the_rows_from_both_sides(share: float, fires: bool) -> None:
    """Fewer than 2.5 % are hiccups; where half of the rows are slow, that is another speed."""
    assert (rule(run(stalled(share=share, extra=3.0))) is not None) is fires


@pytest.mark.parametrize(("extra", "fires"), [(0.50, False), (0.60, True)])
def test_fifteen_per_cent_of_the_time_are_the_threshold(extra: float, fires: bool) -> None:
    """7.3 % of the rows that take 0.5 s longer are 15 % of a time of which each row takes 0.2 s."""
    assert (rule(run(stalled(share=0.073, extra=extra))) is not None) is fires


@pytest.mark.parametrize(("scale", "fires"), [(0.04, False), (0.06, True)])
def test_waits_below_fifty_milliseconds_are_the_systems(scale: float, fires: bool) -> None:
    """Steps of a few milliseconds lose the processor to others for longer than they take."""
    assert (rule(run(stalled() * scale)) is not None) is fires


def test_a_busy_machine_is_silent() -> None:
    """A neighbour doubles many steps where it trebles some; a wait for data leaves the others as they are."""
    seconds = stalled()
    touched = np.random.default_rng(3).random(900) < 0.2

    assert rule(run(np.where(touched, 2.2 * seconds, seconds))) is None


def test_evaluations_and_checkpoints_are_planned() -> None:
    """The same slow rows are silent where an evaluation, a checkpoint or a resumed run stands at each."""
    seconds = stalled()
    late = np.flatnonzero(seconds > 0.6)
    losses = np.full(len(late), 3.0)
    evaluated = make_case({"step_seconds": (np.arange(900), seconds), "val_loss": (late, losses)})
    saved = run(seconds, notices=[Notice("checkpoint", "saved", int(step)) for step in late])
    resumed = run(seconds, segments=tuple(int(step) for step in late))

    assert [rule(evaluated), rule(saved), rule(resumed)] == [None, None, None]


def test_the_interval_alone_tells_where_evaluations_are_timed() -> None:
    """A nanoGPT log without its evaluation lines: every 20th row holds one."""
    seconds = steady(900)
    seconds[::20] += 2.0

    assert rule(run(seconds, {"eval_interval": 20})) is None
    assert found_in(run(seconds)).severity == "info"


@pytest.mark.parametrize(
    ("facts", "fires"), [({}, True), ({"save_interval": 10}, False), ({"log_interval": 5}, False)], ids=str
)
def test_slow_rows_at_one_period_are_a_note(facts: dict[str, Value], fires: bool) -> None:
    """Shampoo and SOAP precondition every tenth step; with the period of a save it needs no word."""
    seconds = steady(900)
    seconds[3::10] += 1.0
    found = rule(run(seconds, facts, traits=Traits()))

    assert (found is not None) is fires
    if found is not None:
        assert found.severity == "info"
        assert found.title.startswith("Every 10th step takes 6.0 times as long")


@pytest.mark.parametrize(
    "traits",
    [Traits(step_seconds="window mean"), Traits(step_work_changes=True), Traits(steps_count="micro-batches")],
    ids=["a mean", "work that changes", "micro-batches"],
)
def test_rows_that_are_no_single_steps_are_silent(traits: Traits) -> None:
    """A mean over ten steps hides them, a longer batch takes longer, one micro-batch in a few has the update."""
    steps = np.arange(0, 9000, 10) if traits.step_seconds == "window mean" else np.arange(900)

    assert rule(make_case({"step_seconds": (steps, stalled())}, traits=traits)) is None
    assert rule(make_case({"step_seconds": (steps, stalled())})) is not None


def test_a_mean_over_one_step_is_that_step() -> None:
    """A trainer that averages over its log interval, with a line a step."""
    assert rule(run(stalled(), traits=Traits(step_seconds="window mean"))) is not None


def test_unknown_and_few_rows_are_silent() -> None:
    """250 rows behind the first five are the least."""
    assert rule(make_case()) is None
    assert rule(run(stalled()[:254])) is None
    assert rule(run(stalled()[:255])) is not None


def test_an_injected_stall_is_found_and_healthy_runs_are_silent() -> None:
    """8 % of the steps wait 0.6 s; the other runs are of the same machine, with neighbours that come and go."""
    folder = shared("lab/labels.json").parent
    fired = []
    for path in sorted(folder.glob("*-nanogpt-*.log")):
        rows = [line.split() for line in path.read_text().splitlines() if line.startswith("iter ")]
        last = {int(row[1][:-1]): float(row[5].removesuffix("ms,")) / 1e3 for row in rows}
        steps, seconds = np.array([*last]), np.array([*last.values()])
        if rule(make_case({"step_seconds": (steps, seconds)}, {"eval_interval": 30}, traits=NANOGPT)) is not None:
            fired.append(path.name)

    assert fired == ["data-stall-nanogpt-11.log"]
