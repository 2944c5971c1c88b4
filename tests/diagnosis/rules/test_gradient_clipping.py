"""Rule gradient-clipping: most gradients cut, or a norm that creeps up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pretraining import FACTS, pretraining

from diagnosis.finding import Finding
from diagnosis.rules.gradient_clipping import rule
from parsers.records import Floats, Traits, Value

ROWS = np.arange(8000)
NOISE = np.exp(0.15 * np.random.default_rng(5).normal(size=8000))
HELD: dict[str, Value | None] = {"decay_lr": False}
"""A constant learning rate."""


def find(norms: Floats, facts: dict[str, Value | None] | None = None, every: int = 1, **more: Any) -> Finding | None:
    rows = every * np.arange(len(norms))
    return rule(pretraining({"grad_norm": (rows, norms), **more.pop("series", {})}, facts, **more))


def test_a_usual_norm_is_silent() -> None:
    """0.3 at a threshold of 1, as in llm.c; large ones in the warm-up are no matter."""
    norms = 0.3 * NOISE
    norms[:1000] = 15.0
    assert find(norms) is None


@pytest.mark.parametrize(
    ("level", "severity"), [(0.85, None), (1.2, "info"), (1.8, "info"), (2.4, "warning"), (8.0, "warning")]
)
def test_how_far_above_the_threshold_the_norms_are(level: float, severity: str | None) -> None:
    """More than half at the threshold: a note, as Adam takes a common factor out; at twice it: a warning."""
    found = find(level * NOISE)

    assert (found.severity if found else None) == severity


@pytest.mark.parametrize(("share", "fires"), [(0.55, True), (0.45, False)])
def test_half_of_the_rows_from_both_sides(share: float, fires: bool) -> None:
    """The newer half of the rows counts."""
    norms = np.where(np.random.default_rng(2).random(8000) < share, 3.0, 0.5)

    assert (find(norms) is not None) is fires


@pytest.mark.parametrize(("clipped", "fires"), [(11, False), (13, True)])
def test_few_rows_must_show_more_than_half(clipped: int, fires: bool) -> None:
    """Of each 20; two standard errors of a share are 0.1 in the newer half of 200 rows."""
    norms = np.where(np.arange(1600) % 20 < clipped, 3.0, 0.5)

    assert (find(norms, {"warmup_steps": 700}) is not None) is fires


@pytest.mark.parametrize(("clipped", "over"), [(9, False), (8, True)])
def test_it_is_over_at_two_fifths(clipped: int, over: bool) -> None:
    """Of each 20 from step 2,000 on, after all were clipped before."""
    norms = np.where((ROWS < 2000) | (clipped > ROWS % 20), 3.0, 0.5)

    assert (find(norms) is None) is over


@pytest.mark.parametrize(
    ("facts", "traits"),
    [({"init_from": "gpt2-xl"}, Traits()), ({}, Traits(loss_unit="unknown"))],
    ids=["fine-tuning", "no language loss"],
)
def test_recipes_that_clip_nearly_all_get_a_note(facts: dict[str, Value | None], traits: Traits) -> None:
    """QLoRA clips at 0.3 and DETR at 0.1, on purpose; and their norms may rise."""
    found = find(8.0 * NOISE, facts, traits=traits)

    assert found is not None
    assert found.severity == "info"
    assert find(drift(12.0), {**HELD, **facts, "grad_clip": None}, traits=traits) is None


@pytest.mark.parametrize(("rows", "step"), [(390, None), (410, 399)])
def test_the_first_200_steps_do_not_count(rows: int, step: int | None) -> None:
    """Without a warm-up, too; 200 rows after them are the least."""
    found = find(np.full(rows, 3.0), {"warmup_steps": 0})

    assert (None if found is None else found.first_step) == step


def test_a_norm_logged_after_clipping_stands_at_the_threshold() -> None:
    """It is never above it: the share is known, how far above it was is not."""
    found = find(np.minimum(1.0, 3.0 * NOISE))

    assert found is not None
    assert found.severity == "info"
    assert found.title.startswith("100 %")


@pytest.mark.parametrize("clip", [None, 0.0])
def test_no_threshold_clips_nothing(clip: float | None) -> None:
    """Unknown or off."""
    assert find(8.0 * NOISE, {"grad_clip": clip}) is None


def test_it_is_over_when_few_are_clipped() -> None:
    """Large norms of the first thousands of steps are forgotten once the newer half is calm."""
    norms = 3.0 * NOISE
    norms[3000:] = 0.3
    early = find(norms[:3000])

    assert early is not None
    assert early.severity == "warning"
    assert find(norms) is None


@pytest.mark.parametrize("until", [2500, 4000, 8000])
def test_the_first_step_stays_where_it_is(until: int) -> None:
    """200 rows after twice the warm-up, however much comes later."""
    found = find((3.0 * NOISE)[:until])

    assert found is not None
    assert found.first_step == 1599


def drift(times: float, start: int = 4000) -> Floats:
    """A norm that grows by this factor from `start` on."""
    return np.asarray(0.3 * NOISE * times ** np.clip((ROWS - start) / (8000 - start), 0, 1))


@pytest.mark.parametrize(("times", "fires"), [(8.0, True), (3.0, False), (1.0, False)])
def test_a_drift_by_its_size(times: float, fires: bool) -> None:
    """At a constant rate; eightfold from step 4,000 on is threefold in the newest third, threefold is 1.8."""
    found = find(drift(times), HELD)

    assert (found is not None) is fires
    if found is not None:
        assert found.severity == "warning"
        assert "drifts" in found.title
        assert dict(found.settings)["learning_rate"] == pytest.approx(FACTS["learning_rate"] * 2 / 3)  # type: ignore[operator]


@pytest.mark.parametrize("until", [7000, 7500, 8000])
def test_a_drift_keeps_its_first_step(until: int) -> None:
    """It is seen at the same rows whenever one looks."""
    found = find(drift(12.0)[:until], HELD)

    assert found is not None
    assert found.first_step == find(drift(12.0), HELD).first_step  # type: ignore[union-attr]
    assert 4000 < (found.first_step or 0) <= 7000


def test_the_end_of_a_decay_raises_the_norm_by_itself() -> None:
    """As one over the root of the learning rate: a cosine to a hundredth raises it tenfold, and is healthy."""
    cosine = 0.5 * (1 + np.cos(np.pi * ROWS / 8000)) * 0.99 + 0.01
    series = {"learning_rate": (ROWS, 6e-4 * cosine)}
    facts: dict[str, Value | None] = {"planned_steps": 8000, "decay_steps": 8000, "warmup_steps": None}

    assert find(0.3 * NOISE / np.sqrt(cosine), facts, series=series) is None
    assert find(drift(30.0) / np.sqrt(cosine), facts, series=series) is not None


@pytest.mark.parametrize(("every", "fires"), [(2, False), (3, True)])
def test_a_drift_takes_a_thousand_steps(every: int, fires: bool) -> None:
    """The newest third of the rows, here 413, spans 826 steps or 1,239."""
    norms = 0.3 * NOISE[:1500] * 60 ** np.clip((ROWS[:1500] - 750) / 750, 0, 1)

    assert (find(norms, {**HELD, "warmup_steps": 0, "grad_clip": None}, every) is not None) is fires


@pytest.mark.parametrize(("slower", "over"), [(1.2, True), (1.6, False)])
def test_a_drift_is_over_when_the_norm_stands(slower: float, over: bool) -> None:
    """It rose twelvefold until step 5,000, and by so much in the last 3,067 of 10,600."""
    rows = np.arange(12_000)
    noise = np.exp(0.05 * np.random.default_rng(5).normal(size=12_000))
    norms = noise * 12 ** np.clip((rows - 2000) / 3000, 0, 1) * slower ** (np.maximum(rows - 5000, 0) / 3067)

    assert (find(0.3 * norms, {**HELD, "grad_clip": None}) is None) is over


@pytest.mark.parametrize(("rate", "fires"), [(0.07, False), (0.12, True)])
def test_below_a_tenth_of_the_peak_no_drift_is_told(rate: float, fires: bool) -> None:
    """There norms rise in healthy runs as well."""
    rates = np.where(ROWS < 800, 1.0, np.where(ROWS < 4000, 0.12, rate))

    found = find(drift(12.0), {"grad_clip": None}, series={"learning_rate": (ROWS, 6e-4 * rates)})

    assert (found is not None) is fires


def test_without_a_known_learning_rate_no_drift() -> None:
    """The rise may be that of a decay."""
    unknown: dict[str, Value | None] = {"decay_steps": None, "grad_clip": None}

    assert find(drift(12.0), {**unknown, **HELD}) is not None
    assert find(drift(12.0), unknown) is None


def test_too_few_rows_and_other_steps_are_silent() -> None:
    """Fewer than 200 rows after the warm-up; rows that count something else than updates."""
    assert find(8.0 * NOISE[:1500]) is None
    assert find(8.0 * NOISE, traits=Traits(steps_count="rows")) is None
    assert rule(pretraining()) is None
