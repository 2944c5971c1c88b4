"""Changes of level: found where the loss is flat on both sides of one row, and judged once and for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import healthy_run, stable_then_decay

from diagnosis.series import Series
from diagnosis.shifts import data_shifts, find_shifts
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR
from parsers.records import Traits

AT = 6000


def rows(seed: int = 0, noise: float = 0.04, interval: int = 1, total: int = 10_000) -> tuple[Any, Any]:
    steps, values = healthy_run(seed, total=total, interval=interval, noise=noise).train
    return steps, values.copy()


def stepped(height: float, seed: int = 0, **kind: Any) -> tuple[Any, Any]:
    steps, values = rows(seed, **kind)
    return steps, values + np.where(steps >= AT, height, 0.0)


def found(train: tuple[Any, Any], floor: float = FULL_BATCH_FLOOR) -> list[int]:
    return [shift.first_step for shift in find_shifts(Series("train_loss", *train), floor)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("height", [0.2, 0.5, 1.5, -0.3])
def test_a_step_of_02_nats_is_found_at_its_row(height: float, seed: int) -> None:
    """Up or down, in every one of ten runs with a noise of 0.04: to within 8 rows."""
    steps = found(stepped(height, seed))
    assert len(steps) == 1
    assert abs(steps[0] - AT) <= 8


@pytest.mark.parametrize(("height", "expected"), [(0.08, False), (0.3, True)])
def test_the_floor_is_the_least_change(height: float, expected: bool) -> None:
    """0.08 nats are far beyond a noise of 0.01, and too little to speak of."""
    assert bool(found(stepped(height, noise=0.01))) is expected


@pytest.mark.parametrize("lasts", [10, 30, 60, 100])
def test_a_spike_on_its_way_back_is_no_level(lasts: float) -> None:
    """1 nat up, and back with a time constant of 10 to 100 rows."""
    steps, values = rows()
    assert found((steps, values + np.where(steps >= AT, np.exp(-np.clip(steps - AT, 0, None) / lasts), 0.0))) == []


@pytest.mark.parametrize("over", [30, 100, 1000])
def test_a_loss_that_rises_over_some_rows_does_not_jump(over: int) -> None:
    """1 nat up, but over 30 rows and more: not from one batch to the next."""
    steps, values = rows()
    assert found((steps, values + np.clip((steps - AT) / over, 0, 1))) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("options", "floor"),
    [
        ({}, FULL_BATCH_FLOOR),
        ({"noise": 0.13, "interval": 10}, MICRO_BATCH_FLOOR),
        ({"rate": lambda s: stable_then_decay(s, total=10_000)}, FULL_BATCH_FLOOR),
    ],
)
def test_healthy_runs_have_none(options: dict[str, Any], floor: float, seed: int) -> None:
    """The drop of a decaying learning rate included, which takes hundreds of rows."""
    assert found(healthy_run(seed, **options).train, floor) == []


def test_sparse_rows_cannot_tell_a_step_from_a_slope() -> None:
    """20 steps between two rows."""
    assert found(stepped(1.0, interval=20)) == []


def test_what_is_found_stays_as_the_log_grows() -> None:
    """Read row by row it is the same as at the end, and never seen before its evidence is complete."""
    steps, values = stepped(0.5, total=7000)
    whole = find_shifts(Series("train_loss", steps, values), FULL_BATCH_FLOOR)
    memo: dict[Any, Any] = {}
    for last in range(AT - 100, AT + 300, 7):
        grown = find_shifts(Series("train_loss", steps[:last], values[:last], memo), FULL_BATCH_FLOOR)
        fresh = find_shifts(Series("train_loss", steps[:last], values[:last]), FULL_BATCH_FLOOR)
        assert grown == fresh
        assert grown == [] or (grown[0].row, grown[0].seen_step) == (whole[0].row, whole[0].seen_step)
        assert all(s.seen_step < last for s in grown)
    assert grown


def test_a_level_that_comes_back_says_when() -> None:
    """Up at 6,000, down again at 7,000."""
    steps, values = rows()
    values[(steps >= AT) & (steps < AT + 1000)] += 0.6
    up, down = find_shifts(Series("train_loss", steps, values), FULL_BATCH_FLOOR)
    assert up.back_step is not None
    assert abs(up.back_step - (AT + 1000)) <= 16
    assert abs(down.first_step - (AT + 1000)) <= 8
    assert down.height < 0 < up.height


def test_when_it_came_back_does_not_hang_on_how_the_rows_came() -> None:
    """Back after 300 rows, looked at every 5 rows and at once: while it is up, and from then on."""
    steps, values = rows(total=7000)
    values[(steps >= AT) & (steps < AT + 300)] += 0.6
    memo: dict[Any, Any] = {}
    backs = []
    for last in range(AT + 100, AT + 400, 5):
        grown = find_shifts(Series("train_loss", steps[:last], values[:last], memo), FULL_BATCH_FLOOR)
        assert grown == find_shifts(Series("train_loss", steps[:last], values[:last]), FULL_BATCH_FLOOR)
        backs.append(grown[0].back_step)
    assert set(backs[:40]) == {None}
    assert len(set(backs[43:])) == 1
    assert backs[-1] is not None


def test_damaged_weights_are_no_other_data() -> None:
    """The same step of 0.5, each time with something that the data do not do."""
    train = stepped(0.5)
    steps = train[0]
    calm, ahead = np.full(len(steps), 0.3), np.where((steps > AT - 4) & (steps < AT), 30.0, 0.3)
    scale = np.where(steps < AT + 5, 2.0**20, 2.0**17)
    evals, level = np.arange(0, 10_001, 20), np.where(np.arange(0, 10_001, 20) >= AT, 4.5, 4.0)
    for more, expected in (
        ({}, 1),
        ({"grad_norm": (steps, calm)}, 1),
        ({"grad_norm": (steps, ahead)}, 0),
        ({"loss_scale": (steps, scale)}, 0),
        ({"val_loss": (evals, level), "eval_train_loss": (evals, level)}, 0),
        ({"val_loss": (evals, level * 0 + 4.0), "eval_train_loss": (evals, level)}, 1),
    ):
        assert len(data_shifts(make_case({"train_loss": train, **more}, traits=Traits()))) == expected, more.keys()
    assert data_shifts(make_case({"train_loss": stepped(4.0)}, {"vocab_size": 50304}, traits=Traits())) == []
