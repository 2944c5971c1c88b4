"""The level of a noisy loss and the error of a difference: what is claimed to be resolved must be."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from diagnosis.compared_levels import Curve, difference_error, eval_curve, level_at, share_for
from diagnosis.line_end import Level
from diagnosis.series import Series
from diagnosis.trend import eval_standard_error
from parsers.records import Floats

Random = np.random.Generator
TRIALS = 200
SURELY_LESS = 0.11
"""Of 200 honest comparisons more than this lie beyond two errors once in 2,000 such tests."""


def law(steps: Floats) -> Floats:
    """A loss of a power law, 3 nats at the end of time."""
    return np.asarray(3 + 5 * (steps + 1) ** -0.37, np.float64)


def correlated(random: Random, count: int, correlation: float, sd: float) -> Floats:
    """Noise whose neighbours move together."""
    fresh = random.normal(0, sd * np.sqrt(1 - correlation**2), count)
    noise = np.empty(count)
    noise[0] = random.normal(0, sd)
    for at in range(1, count):
        noise[at] = correlation * noise[at - 1] + fresh[at]
    return noise


def train(random: Random, count: int = 1000, correlation: float = 0.0, shift: float = 0.0) -> Curve:
    """A training loss of noisy steps."""
    steps = np.arange(1, count + 1, dtype=float)
    return Curve(steps + shift, law(steps) + correlated(random, count, correlation, 0.04), noisy=True)


def evals(random: Random, count: int = 40, noise: float = 0.007, shift: int = 0, shared: Floats | None = None) -> Curve:
    """Evaluations each 500 steps, with their own and with shared sampling noise."""
    steps = np.arange(count) * 500 + shift
    values = law(steps.astype(float)) + random.normal(0, noise, count) + (0.0 if shared is None else shared)
    return eval_curve(steps.astype(float), Series("val_loss", steps, values))


def compared(one: Curve, other: Curve) -> tuple[float, float | None]:
    """Their difference where the first ends, and its error."""
    place = min(float(one.places[-1]), float(other.places[-1]))
    share = share_for([one, other], place)
    levels = level_at(one, place, share), level_at(other, place, share)
    assert levels[0] is not None
    assert levels[1] is not None
    return levels[0].value - levels[1].value, difference_error(one, other, (levels[0], levels[1]), place, share)


@pytest.mark.parametrize(
    "make",
    [
        train,
        partial(train, correlation=0.5),
        partial(train, count=400, correlation=0.3),
        evals,
        partial(evals, count=20),
        partial(evals, count=8),
    ],
    ids=["rows", "rows that move together", "few such rows", "evaluations", "20 evaluations", "8 evaluations"],
)
@pytest.mark.parametrize("shift", [0, 13], ids=["at the same steps", "at others"])
def test_noise_alone_is_seldom_beyond_two_errors(make: partial[Curve], shift: int) -> None:
    """Two runs of one law differ by more than two standard errors about as often as a normal would, or less."""
    random = np.random.default_rng(7)
    found = [compared(make(random), make(random, shift=shift)) for _ in range(TRIALS)]
    assert np.mean([error is None or abs(apart) > 2 * error for apart, error in found]) < SURELY_LESS


def test_the_error_of_many_rows_is_no_larger_than_it_must_be() -> None:
    """The end of a line through 50 rows is known to 2 sd / sqrt(50), a difference of two to sqrt 2 times that."""
    errors = [
        compared(train(np.random.default_rng(seed)), train(np.random.default_rng(seed + 50)))[1] for seed in range(20)
    ]
    assert 0.8 < float(np.median([e or 0.0 for e in errors])) / (0.04 * 2 * np.sqrt(2 / 50)) < 1.5


def test_evaluations_of_one_set_are_paired() -> None:
    """What all runs drew alike drops out of their difference: .0014 where each alone is known to .010."""
    random = np.random.default_rng(3)
    shared = random.normal(0, 0.01, 60)
    one, other = (evals(random, 60, 0.001, shared=shared) for _ in range(2))
    assert one.error == pytest.approx(0.010, rel=0.4)
    assert compared(one, other)[1] == pytest.approx(0.0014, rel=0.4)


def test_training_rows_of_the_same_batches_are_paired() -> None:
    """Siblings on the same data order: the noise of the data drops out."""
    random = np.random.default_rng(3)
    steps = np.arange(1.0, 2001)
    shared = random.normal(0, 0.1, 2000)
    one, other = (Curve(steps, law(steps) + shared + random.normal(0, 0.01, 2000), noisy=True) for _ in range(2))
    paired = compared(one, other)[1]
    apart = compared(one, Curve(other.places + 0.5, other.values, noisy=True))[1]
    assert paired is not None
    assert apart is not None
    assert paired < apart / 3


def test_sparse_rows_are_read_over_a_longer_part() -> None:
    """5 % of the way where that holds 16 rows, then 10 % and 20 %; evaluations need none."""
    dense, sparse = (Curve(np.linspace(0, 1000, n), np.ones(n), noisy=True) for n in (1000, 200))
    few = Curve(np.linspace(0, 1000, 30), np.ones(30), noisy=True)
    assert share_for([dense], 1000) == 0.05
    assert share_for([dense, sparse], 1000) == 0.1
    assert share_for([dense, sparse, few], 1000) == 0.2
    assert share_for([Curve(few.places, few.values)], 1000) == 0.05


def test_between_two_evaluations_the_error_is_that_of_their_mean() -> None:
    """In the middle it is smaller by sqrt 2; at a row it is that of one."""
    curve = Curve(np.array([0.0, 100, 200]), np.array([4.0, 3.0, 2.0]), error=0.01)
    assert level_at(curve, 200.0, 0.05) == Level(2.0, 0.01)
    middle = level_at(curve, 150.0, 0.05)
    assert middle is not None
    assert middle.value == 2.5
    assert middle.error == pytest.approx(0.01 / np.sqrt(2))
    assert level_at(curve, 201.0, 0.05) is None


def test_unknown_noise_gives_no_error() -> None:
    """Five evaluations, or the rows of a running average, do not show how noisy they are."""
    few = eval_curve(np.arange(5.0), Series("val_loss", np.arange(5), law(np.arange(5.0))))
    assert few.error is None
    assert compared(few, few)[1] is None
    average = Curve(np.arange(1.0, 1001), law(np.arange(1.0, 1001)))
    assert compared(average, average)[1] is None
    lines = Curve(np.arange(1.0, 8), law(np.arange(1.0, 8)), noisy=True)
    assert compared(lines, lines)[1] is None


def test_few_evaluations_widen_the_error() -> None:
    """Five degrees of freedom: two errors of 1.24 hold 95 % as Student's t would; of sixty next to nothing."""
    for count, wider in ((8, 1.24), (63, 1.02)):
        curve = evals(np.random.default_rng(0), count)
        series = Series("val_loss", curve.places.astype(np.int64), curve.values)
        assert curve.error == pytest.approx(wider * (eval_standard_error(series) or 0.0))


def test_one_step_of_the_last_digit_is_no_difference() -> None:
    """Losses printed as 3.21 and 3.22 may be the same, however little they scatter."""
    steps = np.arange(40) * 500
    rough = [Series("val_loss", steps, np.full(40, value)) for value in (3.21, 3.22)]
    one, other = (eval_curve(steps.astype(float), series) for series in rough)
    assert one.last_digit == 0.01
    apart, error = compared(one, other)
    assert error is not None
    assert abs(apart) <= 2 * error < 0.011


def test_four_values_do_not_tell_how_they_are_printed() -> None:
    """3.0 and 2.0 may be any numbers."""
    assert Curve(np.arange(4.0), np.array([4.0, 3.0, 2.0, 1.0])).last_digit == 0.0
    assert Curve(np.arange(5.0), np.array([4.0, 3.0, 2.0, 1.0, 1.5])).last_digit == 0.1
