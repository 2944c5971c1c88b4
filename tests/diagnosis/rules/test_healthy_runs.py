"""The rules about the loss on runs that are well, and on input that is no run at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import healthy_run, stable_then_decay
from raw_logs import cut, read_case, shared

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.rules import (
    divergence,
    initial_loss,
    loss_scale_collapse,
    loss_shift,
    loss_spike,
    non_finite,
    not_learning,
    outlier_batches,
    overfitting,
    plateau,
)
from diagnosis.schedule import schedule_of
from diagnosis.trend import eval_standard_error, evidence_of, trend_of
from parsers.records import Traits, Value

RULES: dict[str, Callable[[Case], Finding | None]] = {
    module.ID: module.rule
    for module in (
        divergence,
        initial_loss,
        loss_scale_collapse,
        loss_shift,
        loss_spike,
        non_finite,
        not_learning,
        outlier_batches,
        overfitting,
        plateau,
    )
}
NANOGPT = make_case().traits
GPT2: dict[str, Value] = {"vocab_size": 50304, "init_from": "scratch", "warmup_steps": 500}
NAN, INF = float("nan"), float("inf")


def read(series: Any, facts: dict[str, Value], traits: Traits) -> Case:
    """With the trend and the error bar that the rules read."""
    case = make_case(series, facts, traits=traits)
    evidence, _ = evidence_of(case.series, case.number("warmup_steps"))
    error = eval_standard_error(case.metric("val_loss"), case.metric("eval_train_loss"))
    trend = trend_of(
        evidence,
        tokens_per_step=524_288,
        parameters=124e6,
        warmup_steps=case.number("warmup_steps"),
        learning_rate_at=schedule_of(case.facts),
        eval_standard_error=error,
    )
    return replace(case, trend=trend, eval_standard_error=error)


def loud(case: Case) -> list[str]:
    found = [rule(case) for rule in RULES.values()]
    return [f.id for f in found if f is not None and f.severity != "info"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("options", "traits"),
    [
        ({}, Traits()),
        ({"interval": 10, "noise": 0.13}, NANOGPT),
        ({"noise": 0.2, "eval_noise": 0.03}, NANOGPT),
        ({"interval": 200, "noise": 0.11, "eval_interval": 500}, NANOGPT),
        ({"interval": 20, "rate": lambda s: stable_then_decay(s, total=10_000)}, Traits()),
    ],
    ids=["full batches", "micro-batches", "every micro-batch", "a row in 200", "stable, then decay"],
)
def test_a_healthy_run_has_no_warning_at_any_time(options: dict[str, Any], traits: Traits, seed: int) -> None:
    """Heavy-tailed noise as in real logs, 10,000 steps, looked at 20 times while it grows."""
    run = healthy_run(seed, **options)
    for last in np.linspace(500, 10_000, 20):
        seen = {name: (s[s <= last], v[s <= last]) for name, (s, v) in run.series().items()}
        assert loud(read(seen, GPT2, traits)) == []


@pytest.mark.parametrize(
    ("path", "layout"),
    [
        ("corpus/build-nanogpt/log_bigger.log.txt", "build-nanogpt"),
        ("corpus/build-nanogpt/log_half_dataset.log.txt", "build-nanogpt"),
        ("corpus/build-nanogpt/log_shuffled.log.txt", "build-nanogpt"),
        ("corpus/llmc/main_log_gpt2_124M_fineweb10B.log", "llmc"),
        ("corpus/modded-nanogpt/2024-06-06_AdamW.log", "llmc"),
        ("corpus/modded-nanogpt/2024-10-10_Muon.txt", "modded-nanogpt"),
        ("corpus/nanochat/rtx4070_d12_tmux_wrapped.log", "nanochat"),
        ("corpus/nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log", "nanogpt"),
        ("corpus/nanogpt/followup_124M_rtx4070_run3.log", "nanogpt"),
        ("corpus/nanogpt/seed003_run_40M_rtx4070_lr5e-4.log", "nanogpt"),
        ("corpus/nanogpt/mi300x_760M_tmux_raw_escapes.log", "nanogpt"),
        ("lab/healthy-nanogpt-11.log", "nanogpt"),
        ("lab/healthy-long-nanogpt-11.log", "nanogpt"),
        ("lab/healthy-small-batch-nanogpt-11.log", "nanogpt"),
        ("lab/healthy-wsd-nanogpt-11.log", "nanogpt"),
        ("lab/restart-nanogpt-11.log", "nanogpt"),
        ("lab/capacity-nanogpt-11.log", "nanogpt"),
        ("lab/repeat-mild-nanogpt-11.log", "nanogpt"),
    ],
)
def test_real_healthy_logs_have_no_warning_at_any_time(path: str, layout: str) -> None:
    """Read at eight moments of each run, at the end included."""
    case = read_case(shared(path), layout)
    traits = NANOGPT if layout in ("nanogpt", "modded-nanogpt") else Traits()
    facts = {name: fact.value for name, fact in case.facts.items()}
    first, last = case.steps.first or 0, case.steps.last or 0
    for share in np.arange(1, 9) / 8:
        known = cut(case, first + share * (last - first)).series
        assert loud(read({name: (s.steps, s.values) for name, s in known.items()}, facts, traits)) == []


ODD: dict[str, Any] = {
    "nothing": {},
    "empty": {"train_loss": ([], []), "val_loss": ([], []), "eval_train_loss": ([], [])},
    "one point": {"train_loss": ([0], [10.8]), "val_loss": ([0], [10.9]), "eval_train_loss": ([0], [10.9])},
    "two points": {"train_loss": ([0, 10], [10.8, 9.0]), "val_loss": ([0, 500], [10.9, 6.0])},
    "all NaN": {"train_loss": (range(300), [NAN] * 300), "val_loss": (range(0, 300, 20), [NAN] * 15)},
    "all zero": {"train_loss": (range(300), [0.0] * 300), "grad_norm": (range(300), [0.0] * 300)},
    "all equal": {
        "train_loss": (range(900), [3.0] * 900),
        "val_loss": (range(0, 900, 30), [3.0] * 30),
        "eval_train_loss": (range(0, 900, 30), [3.0] * 30),
    },
    "infinities": {"train_loss": (range(200), [3.0, INF, -INF, NAN] * 50), "grad_norm": (range(200), [INF, 1] * 100)},
    "negative": {"train_loss": (range(400), -np.linspace(0, 5, 400))},
    "huge": {"train_loss": (range(400), np.geomspace(1, 1e300, 400)), "val_loss": (range(0, 400, 20), [1e300] * 20)},
    "from the middle": {"train_loss": (range(27_800, 28_200), np.linspace(3.3, 3.2, 400))},
    "evals only": {"val_loss": (range(0, 9000, 100), np.linspace(9, 3, 90))},
    "uneven steps": {"train_loss": ([1, 2, 3, 500, 501, 9000, 9001, 9002], [9, 8, 7, 6, 5, 4, 3, 9])},
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("rule", RULES)
def test_no_rule_ever_raises(rule: str, name: str) -> None:
    """Whatever a log holds, with warnings of numpy counted as errors."""
    for facts in ({}, {**GPT2, "learning_rate": 0.0, "min_lr": 0.0, "decay_steps": 900, "n_embd": 384}):
        for traits in (Traits(), NANOGPT):
            found = RULES[rule](read(ODD[name], facts, traits))
            assert found is None or found.evidence


def test_a_million_rows_are_judged_by_arrays_and_not_row_by_row() -> None:
    """One spike of 100 rows in a million is found; the rules together take well under the test's own limit."""
    steps = np.arange(1_000_000)
    rng = np.random.default_rng(0)
    values = 3 + 70 / np.sqrt(steps + 80.0) + rng.normal(0, 0.04, len(steps))
    values[600_000:600_100] += 1
    assert loud(read({"train_loss": (steps, values)}, GPT2, Traits())) == ["loss-spike"]
