"""Rule not-learning: a loss at the level of an untrained model, in updates and noise, not in fixed steps."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import cosine, healthy_run
from raw_logs import SHARED, cut, read_case, shared

from diagnosis.finding import Finding
from diagnosis.rules.not_learning import rule
from parsers.records import Traits, Value

ILL = ("frozen", "random-labels", "lr-too-low")
GPT2: dict[str, Value] = {"vocab_size": 50304, "init_from": "scratch", "warmup_steps": 50}


def find(values: Any, facts: dict[str, Value] | None = None, steps: Any = None, **more: Any) -> Finding | None:
    at = np.arange(len(values)) if steps is None else steps
    return rule(make_case({"train_loss": (at, values)}, GPT2 if facts is None else facts, **more))


def noise(count: int, sd: float = 0.03) -> Any:
    return np.random.default_rng(0).normal(0, sd, count)


def test_a_frozen_model_is_critical_after_a_hundred_updates_and_twice_the_warm_up() -> None:
    """Flat at ln(V): silent at 99 updates, critical at 100; with a warm-up of 200 steps it waits for 400."""
    values = 10.85 + noise(500)
    assert find(values[:99]) is None
    found = find(values[:100])
    assert found is not None
    assert found.severity == "critical"
    slow = {**GPT2, "warmup_steps": 200}
    assert find(values[:399], slow) is None
    assert find(values[:401], slow) is not None


def test_an_unknown_warm_up_is_given_500_updates() -> None:
    """Without the config, 400 flat updates may be the warm-up."""
    known: dict[str, Value] = {"vocab_size": 50304}
    values = 10.85 + noise(600)
    assert find(values[:400], known) is None
    assert find(values, known) is not None


def test_without_a_vocabulary_the_first_loss_is_the_untrained_level() -> None:
    """A byte-level model at 5.47 from first to last row; but a loss of 2 from the start is a fine-tune."""
    known: dict[str, Value] = {"warmup_steps": 50}
    found = find(5.47 + noise(300, 0.01), known)
    assert found is not None
    assert "its first loss" in found.evidence[0]
    assert find(2.0 + noise(300, 0.01), known) is None


@pytest.mark.parametrize(("share", "expected"), [(0.94, False), (0.97, True)])
def test_five_per_cent_off_is_something_learnt(share: float, expected: bool) -> None:
    """After 150 updates, where a model at the unigram level is still given time."""
    values = log(50304) * np.where(np.arange(150) < 20, 1.0, share) + noise(150, 0.01)
    assert (find(values) is not None) is expected


@pytest.mark.parametrize(("first", "expected"), [(3.9, False), (4.1, True)])
def test_a_first_loss_of_four_nats_may_be_an_untrained_models(first: float, expected: bool) -> None:
    """That of 64 tokens is 4.2; below it the weights were loaded, as far as one can tell."""
    assert (find(first + noise(600, 0.01), {"warmup_steps": 50}) is not None) is expected


@pytest.mark.parametrize(("level", "expected"), [(0.66, False), (0.72, True)])
def test_a_model_stuck_at_unigrams_is_found_after_500_updates(level: float, expected: bool) -> None:
    """7.8 nats with GPT-2's tokenizer is how frequent each token is; .68 of ln(V) is the limit."""
    steps = np.arange(700)
    values = level * log(50304) + (10.85 - level * log(50304)) * np.exp(-steps / 40) + noise(700)
    found = find(values)
    assert (found is not None) is expected
    if found is not None:
        assert found.severity == "critical"
        assert find(values[:450]) is None


def test_a_loss_that_falls_far_too_slowly_is_a_warning_about_the_learning_rate() -> None:
    """From 10.85 to 8.9 in 900 updates, still falling: too low a learning rate, not a broken model."""
    found = find(10.85 - 0.065 * np.sqrt(np.arange(900)) + noise(900), {**GPT2, "learning_rate": 1e-6})
    assert found is not None
    assert found.severity == "warning"
    assert "1e-06" in found.advice[0]


def test_a_learning_rate_of_zero_is_named() -> None:
    """The config says it: no need to look at the labels."""
    found = find(10.85 + noise(200), {**GPT2, "learning_rate": 0.0})
    assert found is not None
    assert "learning rate is 0" in found.advice[0]


def test_a_model_that_had_learnt_and_is_in_a_spike_is_not_accused() -> None:
    """At 3.5 for 500 rows, then far above an untrained model for 20: spike and divergence have their own rules."""
    values = np.concatenate((10.8 * np.exp(-np.arange(200) / 177), np.full(500, 3.5), np.full(20, 12.0))) + noise(720)
    assert find(values) is None


def test_an_untouched_model_stays_found_until_it_has_learnt() -> None:
    """A learning rate far too low: within 5 % at step 100, 10 % down at 400. It does not come and go between."""
    values = 10.85 - 0.0028 * np.arange(500) + noise(500)
    found = [find(values[:last]) for last in range(100, 500, 20)]
    assert all(f is not None and f.first_step == 99 for f in found)
    assert found[-1] is not None
    assert found[-1].severity == "warning"


def test_rows_before_a_nan_are_not_counted_as_updates() -> None:
    """20 rows at the untrained level and 580 NaN: non-finite says it, and 20 updates are no time to learn in."""
    values = np.concatenate((10.8 + noise(20), np.full(580, np.nan)))
    assert find(values) is None


@pytest.mark.parametrize(("rows", "every", "expected"), [(51, 10, True), (50, 10, False), (3, 140, False)])
def test_a_loss_that_is_the_same_to_the_last_digit(rows: int, every: int, expected: bool) -> None:
    """11.0666 on 10 rows or more over 500 updates: nothing moves, not even the batches; below that, chance or a bar."""
    known: dict[str, Value] = {"vocab_size": 65024, "warmup_steps": 2000}
    found = find(np.full(rows, 11.0666), known, np.arange(rows) * every)
    assert (found is not None) is expected
    if found is not None:
        assert (found.severity, found.first_step) == ("critical", 500)


def test_a_few_rows_that_are_all_the_same_are_a_warning() -> None:
    """11.0666 at iterations 1 and 400 and nothing else: no two batches agree to four decimals."""
    known: dict[str, Value] = {"warmup_steps": 2000}
    found = find([11.0666, 11.0666], known, [1, 400])
    assert found is not None
    assert (found.severity, found.first_step) == ("warning", 400)
    assert find([11.0666, 11.0667], known, [1, 400]) is None
    assert find([2.0666, 2.0666], known, [1, 400]) is None


def test_a_loss_that_moves_again_or_is_rounded_is_not_frozen() -> None:
    """A stretch of the same loss stays told as a warning; 2.31 has too few digits, 0 is another rule's."""
    steps, same = np.arange(120) * 10, np.append(np.full(60, 2.3117), 2.3 + noise(60))
    found = find(same, {}, steps)
    assert found is not None
    assert found.severity == "warning"
    for value in (2.31, 0.0):
        assert find(np.full(120, value), {}, steps) is None
    assert find(np.full(120, 2.3117), {}, steps, traits=Traits(train_loss="average")) is None


def test_a_logged_warm_up_is_waited_for() -> None:
    """Nobody said how long it is, but the logged learning rate still rises at update 700."""
    values, steps = 10.85 + noise(700), np.arange(700)
    for peak, expected in ((2000, False), (200, True)):
        rate = np.minimum(1.0, (steps + 1) / peak)
        case = make_case({"train_loss": (steps, values), "learning_rate": (steps, rate)}, {"vocab_size": 50304})
        assert (rule(case) is not None) is expected


@pytest.mark.parametrize("start", ["resume", "gpt2"])
def test_trained_weights_are_left_out(start: str) -> None:
    """A resumed or fine-tuned run has learnt before, whatever its loss is."""
    assert find(10.85 + noise(600), {**GPT2, "init_from": start}) is None


def test_a_log_from_the_middle_is_left_out() -> None:
    """Its first row says nothing of an untrained model."""
    assert find(9.0 + noise(600), steps=np.arange(27_800, 28_400)) is None


def test_window_means_every_ten_steps_count_their_updates() -> None:
    """40 rows are 400 updates; a log whose first row is step 10 begins at the start."""
    traits = Traits(train_loss="window mean", updates_at_train_row=0)
    assert find(5.47 + noise(40, 0.01), {"warmup_steps": 50}, np.arange(10, 410, 10), traits=traits) is not None


def test_evals_alone_are_enough() -> None:
    """A log with few rows and eleven flat evals."""
    case = make_case({"val_loss": (np.arange(0, 1001, 100), 10.84 + noise(11, 0.005))}, GPT2)
    assert rule(case) is not None


@pytest.mark.parametrize("warmup", [100, 700, 2000])
def test_healthy_runs_are_never_said_to_learn_nothing(warmup: int) -> None:
    """At each of 60 prefixes, with short, usual and long warm-ups."""
    run = healthy_run(1, total=6000, interval=10, noise=0.13, rate=lambda s: cosine(s, total=6000, warmup=warmup))
    steps, values = run.train
    for last in range(10, 601, 10):
        facts: dict[str, Value] = {**GPT2, "warmup_steps": warmup}
        assert find(values[:last], facts, steps[:last]) is None


@pytest.mark.parametrize(
    ("name", "severity"), [("frozen", "critical"), ("random-labels", "critical"), ("lr-too-low", "warning")]
)
def test_real_small_runs_that_do_not_learn(name: str, severity: str) -> None:
    """A learning rate of 0, shuffled labels, a learning rate 200 times too low."""
    found = rule(read_case(shared(f"lab/{name}-nanogpt-11.log")))
    assert found is not None
    assert found.severity == severity


def test_real_small_runs_that_learn_are_never_accused() -> None:
    """Every other run of the lab, at ten prefixes each."""
    logs = [p for p in sorted((SHARED / "lab").glob("*-nanogpt-*.log")) if not p.name.startswith(ILL)]
    if not logs:
        pytest.skip("no lab")
    for path in logs:
        case = read_case(path)
        for until in (30, 60, 90, 120, 180, 300, 500, 600, 900, 4000):
            assert rule(cut(case, until)) is None, (path.name, until)


def with_rate(count: int, rate: Any) -> Finding | None:
    """A flat loss with a logged learning rate, and no config."""
    series = {"train_loss": (np.arange(count), 10.85 + noise(count)), "learning_rate": (np.arange(count), rate)}
    return rule(make_case(series, {"vocab_size": 50304}))


def test_a_logged_rate_that_has_passed_its_peak_tells_the_warm_up() -> None:
    """Peak at step 60: 120 updates are enough to judge; while it still rises nobody knows how long it will."""
    rate = np.minimum((np.arange(300) + 1) / 61, 1.0) * np.linspace(1e-3, 8e-4, 300)
    assert with_rate(119, rate[:119]) is None
    assert with_rate(200, rate[:200]) is not None
    assert with_rate(200, np.linspace(1e-5, 1e-3, 200)) is None


def test_a_rate_that_is_logged_as_zero_all_along_is_the_reason() -> None:
    """No warm-up stays at 0 for a hundred updates."""
    found = with_rate(120, np.zeros(120))

    assert found is not None
    assert found.severity == "critical"
    assert "learning rate is 0" in found.advice[0]


@pytest.mark.parametrize(("rows", "rate", "found"), [(31, 0.0, False), (33, 0.0, True), (33, 1e-5, False)])
def test_rows_that_are_means_of_many_steps_show_a_rate_that_never_leaves_zero(
    rows: int, rate: float, found: bool
) -> None:
    """Hugging Face's stdout prints no steps: 32 means with a rate of 0 are enough; a small rate may warm up."""
    traits = Traits(train_loss="window mean", updates_at_train_row=0, steps_count="rows")
    at = np.arange(rows)
    series = {"train_loss": (at, 10.85 + noise(rows)), "learning_rate": (at, np.full(rows, rate))}
    said = rule(make_case(series, {}, traits=traits))
    assert (said is not None) is found
    assert said is None or said.title.endswith(f"{rows - 1} rows")
