"""The schedule as the logged learning rates show it."""

from __future__ import annotations

import numpy as np
import pytest
from raw_logs import shared

from diagnosis.logged_schedule import believed_schedule, fitted_schedule, rates_of
from diagnosis.schedule import Believed, Schedule
from diagnosis.series import Series
from parsers.records import Fact, Floats, Value

PLANNED = 10_000
STEPS = np.arange(0, PLANNED, 10)
FORMS = {
    "cosine to a tenth": Schedule("cosine", 200, 200, PLANNED, 0.1),
    "cosine to zero": Schedule("cosine", 200, 200, PLANNED, 0.0),
    "linear to zero": Schedule("linear", 200, 200, PLANNED, 0.0),
    "linear to a fifth": Schedule("linear", 0, 0, PLANNED, 0.2),
    "wsd, linear": Schedule("linear", 200, 8000, PLANNED, 0.0),
    "wsd, cosine": Schedule("cosine", 200, 8000, PLANNED, 0.1),
    "inverse square root": Schedule("inverse-sqrt", 200, 200, 0, 0.0, scale=200),
    "restarts": Schedule("restarts", 200, 200, PLANNED, 0.0, scale=2000),
    "restarts that double": Schedule("restarts", 200, 200, PLANNED, 0.0, scale=1000, growth=2.0),
}


def logged(form: Schedule, until: float = PLANNED, peak: float = 6e-4, digits: int = 3) -> Series:
    steps = STEPS[until >= STEPS]
    rates = peak * form(steps.astype(float))
    return Series("learning_rate", steps, np.array([float(f"{rate:.{digits - 1}e}") for rate in rates]))


def off(found: Believed, form: Schedule, since: float = 250) -> float:
    """The largest error of the schedule to the planned end, of the peak; within a row of a restart it may be any."""
    assert found.schedule is not None
    steps = np.arange(since, PLANNED, 7.0)
    apart = np.abs(found.schedule(steps) - form(steps))
    return float(np.quantile(apart, 0.98))


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_known_from_most_of_its_run(name: str) -> None:
    """From 95 % of it, as printed with three digits, to within 2 % of the peak at every step."""
    form = FORMS[name]
    found = fitted_schedule(logged(form, 0.95 * PLANNED), PLANNED)

    assert found.known
    assert off(found, form) < 0.02
    assert found.schedule is not None
    assert found.schedule.kind == form.kind


@pytest.mark.parametrize(
    ("name", "share"),
    [("cosine to a tenth", 0.25), ("cosine to zero", 0.25), ("linear to zero", 0.2), ("inverse square root", 0.2)],
)
def test_the_future_follows_from_a_part(name: str, share: float) -> None:
    """What ends with the run is known to its end long before."""
    found = fitted_schedule(logged(FORMS[name], share * PLANNED, digits=4), PLANNED)

    assert found.known
    assert off(found, FORMS[name]) < 0.02


@pytest.mark.parametrize("name", ["wsd, linear", "wsd, cosine"])
@pytest.mark.parametrize("share", [0.3, 0.75])
def test_a_plateau_has_an_open_future(name: str, share: float) -> None:
    """Whether it will decay, and when, nobody can see in it."""
    assert fitted_schedule(logged(FORMS[name], share * PLANNED), PLANNED) == Believed(None, known=False)


def test_a_constant_rate_is_known_when_the_run_is_over() -> None:
    """Before that it may still decay."""
    flat = Schedule("constant", 200, 0, 0, 1)

    assert fitted_schedule(logged(flat), PLANNED).known
    assert fitted_schedule(logged(flat), 2 * PLANNED).schedule is None
    assert fitted_schedule(logged(flat), None).schedule is None


def test_a_single_restart_leaves_the_next_open() -> None:
    """The second may come after as long, or twice as long: a guess, and it says so."""
    found = fitted_schedule(logged(FORMS["restarts"], 3000), PLANNED)

    assert found.schedule is not None
    assert found.schedule.kind == "restarts"
    assert not found.known


def test_a_floor_that_is_reached_tells_the_end_without_a_plan() -> None:
    """A cosine that ended at 6,000 of 10,000."""
    form = Schedule("cosine", 200, 200, 6000, 0.1)

    for planned in (None, PLANNED):
        found = fitted_schedule(logged(form), planned)
        assert found.known
        assert off(found, form) < 0.02


@pytest.mark.parametrize(("seen", "digits", "known"), [(0.8, 3, True), (0.3, 3, False), (0.3, 5, True)])
def test_a_cosine_without_a_plan_is_told_by_its_bend_or_by_its_digits(seen: float, digits: int, known: bool) -> None:
    """Past its middle it is known where it ends; before, where so many digits are printed that no other end fits."""
    form = FORMS["cosine to a tenth"]
    found = fitted_schedule(logged(form, seen * PLANNED, digits=digits), None)
    assert found.known is known
    assert not known or off(found, form) < 0.01


@pytest.mark.parametrize("seen", [0.1, 0.15, 0.2, 0.3])
@pytest.mark.parametrize("name", ["cosine to a tenth", "linear to zero"])
def test_the_first_part_of_a_decay_is_no_inverse_square_root(name: str, seen: float) -> None:
    """They bend too little there to be told apart by few digits: nothing is known then."""
    found = fitted_schedule(logged(FORMS[name], seen * PLANNED, digits=3), None)
    assert not found.known


def test_a_line_without_a_plan_is_taken_to_end_at_zero() -> None:
    """Nothing in a line tells its end: the lowest floor that is possible is a guess, never known."""
    form = Schedule("linear", 200, 200, PLANNED, 0.0)
    found = fitted_schedule(logged(form, 0.4 * PLANNED, digits=6), None)
    assert found.schedule is not None
    assert abs(found.schedule.decay_end / PLANNED - 1) < 0.02
    assert not found.known


@pytest.mark.parametrize(
    "rates",
    [
        np.exp(-STEPS / 3000.0),
        np.where(STEPS < 5000, 1.0, np.where(STEPS < 8000, 0.3, 0.1)),
        np.abs(np.sin(STEPS / 700.0)) + 0.1,
    ],
)
def test_other_forms_are_none_of_these(rates: Floats) -> None:
    """An exponential, steps, waves: open, no forced fit."""
    assert fitted_schedule(Series("learning_rate", STEPS, rates), PLANNED).schedule is None


def test_a_log_that_begins_late_shows_no_peak() -> None:
    """The peak may have been before its first row."""
    whole = logged(FORMS["cosine to a tenth"])

    assert fitted_schedule(whole.since(3000), PLANNED).schedule is None
    assert fitted_schedule(whole.since(300), PLANNED).known


@pytest.mark.parametrize("values", [[], [0.0] * 20, [float("nan")] * 20, [1e-4] * 5])
def test_too_little_is_open(values: list[float]) -> None:
    """No rows, no rates above 0, no numbers, a handful of rows."""
    series = Series("learning_rate", np.arange(len(values)), np.array(values))

    assert fitted_schedule(series, PLANNED) == Believed(None, known=False)


def facts(**values: Value) -> dict[str, Fact]:
    return {name: Fact(name, value, "config", "a test") for name, value in values.items()}


CONFIG = facts(learning_rate=6e-4, min_lr=6e-5, warmup_steps=200, decay_steps=PLANNED)


def test_the_config_counts_where_the_log_agrees() -> None:
    """Also with another convention of the first step, skipped first steps, and rates of a group with another factor."""
    told = FORMS["cosine to a tenth"]
    late = Series("learning_rate", STEPS, 6e-4 * told(np.maximum(STEPS - 40.0, 0)) * (STEPS > 30))

    assert believed_schedule(CONFIG, logged(told), PLANNED) == Believed(told, known=True)
    assert believed_schedule(CONFIG, logged(told, 100), PLANNED) == Believed(told, known=True)
    assert believed_schedule(CONFIG, logged(told, peak=1e-2), PLANNED) == Believed(told, known=True)
    assert believed_schedule(CONFIG, late, PLANNED) == Believed(told, known=True)


def test_the_log_counts_where_the_config_is_another_runs() -> None:
    """A stale config says cosine to 10,000, the rates fall in a line to 5,000."""
    form = Schedule("linear", 200, 200, 5000, 0.0)
    found = believed_schedule(CONFIG, logged(form), PLANNED)

    assert found.known
    assert off(found, form) < 0.02


def test_what_the_rates_show_by_themselves() -> None:
    """Peak, where it was reached, the newest share of it; no floor while they fall."""
    seen = rates_of(logged(FORMS["cosine to a tenth"], 9000, digits=5))

    assert seen is not None
    assert seen.peak == pytest.approx(6e-4, rel=1e-3)
    assert 190 <= seen.peak_step <= 200
    assert seen.from_start
    assert not seen.rising
    assert 0.1 < seen.now < 0.15
    assert seen.spent_step is None


def test_a_rate_that_still_rises_says_so() -> None:
    """Then its peak is to come."""
    seen = rates_of(logged(FORMS["cosine to a tenth"], 100))

    assert seen is not None
    assert seen.rising


@pytest.mark.parametrize(
    ("curve", "planned", "share"),
    [
        ("100_cosine_24000", 24_000, 0.3),
        ("400_cosine_72000", 72_000, 0.25),
        ("100_wsdld_20000_24000", 24_000, 0.9),
        ("400_constant_24000", 24_000, 1.0),
    ],
)
def test_published_schedules_are_found(curve: str, planned: int, share: float) -> None:
    """Of MultiPowerLaw's curves, whose first row comes after the warm-up."""
    steps, rates = np.loadtxt(
        shared(f"corpus/loss-curves/{curve}.csv"), delimiter=",", skiprows=1, usecols=(0, 1), unpack=True
    )
    whole = Series("learning_rate", steps.astype(np.int64), rates)
    found = fitted_schedule(whole.until(share * planned), planned)

    assert found.known
    assert found.schedule is not None
    assert np.abs(found.schedule(steps) - rates / rates.max()).max() < 0.01
