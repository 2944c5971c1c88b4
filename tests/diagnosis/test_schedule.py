"""The learning rate as the config has it."""

from __future__ import annotations

import numpy as np
import pytest

from diagnosis.schedule import Kind, Schedule, schedule_of
from parsers.records import Fact, Value

NANOGPT: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4, "warmup_steps": 500, "decay_steps": 20_000}


def facts(**values: Value) -> dict[str, Fact]:
    return {name: Fact(name, value, "log", "a test") for name, value in values.items()}


def test_the_cosine_is_nanogpts() -> None:
    """get_lr() of nanoGPT's train.py at 0, within and after the warm-up, half-way, at the end and beyond it."""
    schedule = schedule_of(facts(**NANOGPT))
    assert schedule is not None
    expected = [1 / 501, 250 / 501, 1, 0.1 + 0.9 * 0.5, 0.1, 0.1]
    np.testing.assert_allclose(schedule(np.array([0.0, 249, 500, 10_250, 20_000, 30_000])), expected)


def test_decay_lr_off_is_constant_from_the_first_step() -> None:
    """Then nanoGPT takes learning_rate as it is: not even the warm-up holds."""
    schedule = schedule_of(facts(**NANOGPT, decay_lr=False))
    assert schedule is not None
    assert schedule(np.array([0.0, 100, 1e6])).tolist() == [1, 1, 1]


def test_min_lr_as_high_as_the_peak_is_constant_after_the_warm_up() -> None:
    """A cosine between two equal values does not decay."""
    schedule = schedule_of(facts(**{**NANOGPT, "min_lr": 1e-3}))
    assert schedule is not None
    assert schedule.kind == "constant"
    assert schedule(np.array([500.0, 20_000])).tolist() == [1, 1]


def test_a_named_linear_or_wsd_decay_begins_where_it_says() -> None:
    """Linear without a decay_start falls from the warm-up on, WSD stays up until it, and is unknown without."""
    linear = schedule_of(facts(**{**NANOGPT, "min_lr": 0.0}, schedule="linear"))
    stable = schedule_of(facts(**{**NANOGPT, "min_lr": 0.0}, schedule="WSD", decay_start=16_000))
    assert linear is not None
    assert stable is not None
    assert linear(np.array([10_250.0])).tolist() == [0.5]
    assert stable(np.array([15_999.0, 18_000, 20_000])).tolist() == [1, 0.5, 0]
    assert schedule_of(facts(**{**NANOGPT, "min_lr": 0.0}, schedule="WSD")) is None


@pytest.mark.parametrize("missing", list(NANOGPT))
def test_what_the_config_leaves_open_is_unknown(missing: str) -> None:
    """Without any one of its four numbers the cosine is not known."""
    assert schedule_of(facts(**{name: value for name, value in NANOGPT.items() if name != missing})) is None


@pytest.mark.parametrize(
    "odd", [{"min_lr": 2e-3}, {"decay_steps": 400}, {"schedule": "polynomial"}, {"learning_rate": 0.0}]
)
def test_what_makes_no_schedule_is_unknown(odd: dict[str, Value]) -> None:
    """A floor above the peak, a decay that ends in the warm-up, an unknown name, a learning rate of 0."""
    assert schedule_of(facts(**{**NANOGPT, **odd})) is None


def test_a_schedule_without_warm_up_starts_at_its_peak() -> None:
    """warmup_steps = 0 divides nothing by nothing."""
    assert Schedule("cosine", 0, 0, 100, 0.0)(np.array([0.0, 50, 100])).tolist() == pytest.approx([1, 0.5, 0])


@pytest.mark.parametrize("word", ["inverse_sqrt", "inverse-square-root"])
def test_an_inverse_square_root_falls_from_its_warm_up_on(word: str) -> None:
    """As in fairseq and Megatron-LM: sqrt(warm-up / step), half at four times the warm-up, and it never ends."""
    schedule = schedule_of(facts(learning_rate=1e-3, schedule=word, warmup_steps=500))
    assert schedule is not None
    np.testing.assert_allclose(schedule(np.array([499.0, 500, 2000, 50_000])), [500 / 501, 1, 0.5, 0.1])
    assert schedule.spent_step is None
    assert schedule_of(facts(learning_rate=1e-3, schedule=word)) is None


def test_warm_restarts_begin_again_at_the_peak() -> None:
    """Cosines of 1,000 steps to a tenth, after 100 of warm-up; at the end it is spent."""
    schedule = Schedule("restarts", 100, 100, 3100, 0.1, scale=1000)
    steps = np.array([100.0, 600, 1099.9, 1100, 1600, 2100, 3100, 5000])
    np.testing.assert_allclose(schedule(steps), [1, 0.55, 0.1, 1, 0.55, 1, 0.1, 0.1], atol=1e-3)


def test_restarts_may_grow() -> None:
    """SGDR with T_mult = 2: cycles of 1,000, 2,000 and 4,000 steps."""
    schedule = Schedule("restarts", 0, 0, np.inf, 0.0, scale=1000, growth=2.0)
    np.testing.assert_allclose(
        schedule(np.array([0.0, 500, 1000, 2000, 3000, 5000, 7000])), [1, 0.5, 1, 0.5, 1, 0.5, 1]
    )


@pytest.mark.parametrize(("kind", "spent"), [("cosine", 900), ("linear", 900), ("constant", None), ("restarts", None)])
def test_only_a_decay_is_ever_spent(kind: Kind, spent: float | None) -> None:
    """Where it ends, for those that do not begin again."""
    assert Schedule(kind, 0, 0, 900, 0.0, scale=100).spent_step == spent
