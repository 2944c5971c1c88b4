"""Periods of the loss: those of unshuffled data are found, those of noise, trends and spikes are not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import healthy_run
from raw_logs import read_case, shared

from diagnosis.periods import period_of, said_of_period
from diagnosis.series import Series


def humps(period: float, height: float, seed: int = 0, interval: int = 1, rows: int = 4000) -> Series:
    """A healthy run whose batches get harder and easier again, as files of different sources make them."""
    steps, values = healthy_run(seed, total=rows * interval, interval=interval).train
    return Series("train_loss", steps, values + height * np.sin(2 * np.pi * steps / (period * interval)))


@pytest.mark.parametrize("period", [20, 46.6, 190, 700])
@pytest.mark.parametrize("interval", [1, 10])
def test_humps_are_found_with_their_period_in_steps(period: float, interval: int) -> None:
    """0.06 nats up and down at a noise of 0.04."""
    found = period_of(humps(period, 0.06, interval=interval))
    assert found is not None
    assert found[0] == pytest.approx(period * interval, rel=0.05)


@pytest.mark.parametrize(("height", "expected"), [(0.015, False), (0.06, True)])
def test_humps_below_the_noise_are_not_told(height: float, expected: bool) -> None:
    """An autocorrelation of 0.07 is what chance gives."""
    assert (period_of(humps(100, height)) is not None) is expected


def test_a_short_period_is_not_taken_for_a_multiple_of_it() -> None:
    """Every 7 rows: neighbours hang together for many reasons, and 21 and 28 would be wrong."""
    assert period_of(humps(7, 0.1)) is None


@pytest.mark.parametrize("seed", range(5))
def test_healthy_runs_have_none(seed: int) -> None:
    """Noise with heavy tails about a falling loss, also with a spike that takes long to come back."""
    steps, values = healthy_run(seed).train
    assert period_of(Series("train_loss", steps, values)) is None
    spiked = values + np.where(steps >= 5000, np.exp(-np.clip(steps - 5000, 0, None) / 200), 0.0)
    assert period_of(Series("train_loss", steps, spiked)) is None


def test_too_few_or_irregular_rows_say_nothing() -> None:
    """399 rows, none, a constant loss, rows at odd steps."""
    whole = humps(46, 0.1)
    assert period_of(Series("train_loss", whole.steps[:399], whole.values[:399])) is None
    assert period_of(make_case().metric("train_loss")) is None
    assert period_of(Series("train_loss", whole.steps, np.full(len(whole), 3.0))) is None
    odd = np.delete(np.arange(len(whole)), [2000])
    assert period_of(Series("train_loss", whole.steps[odd], whole.values[odd])) is None


def test_the_period_is_told_in_steps_and_tokens() -> None:
    """The tokens only where they are known."""
    found = humps(100, 0.1, interval=10)
    series: dict[str, Any] = {"train_loss": (found.steps, found.values)}
    known = said_of_period(make_case(series, tokens_per_step=524_288.0))
    said = re.match(r"the loss comes and goes with a period of ([\d,]+) steps \(([\d.]+)M tokens\)", known[0])
    assert said is not None
    steps = int(said[1].replace(",", ""))
    assert steps == pytest.approx(1000, rel=0.03)
    assert float(said[2]) == pytest.approx(steps * 0.524288, rel=1e-3)
    assert "tokens" not in said_of_period(make_case(series))[0]
    assert said_of_period(make_case({"train_loss": healthy_run(0).train})) == ()


def test_a_real_run_on_files_in_their_order() -> None:
    """124M parameters on half of FineWeb-Edu's files, not shuffled: every 46 steps."""
    case = read_case(shared("corpus/build-nanogpt/log_half_dataset.log.txt"), "build-nanogpt")
    found = period_of(case.metric("train_loss"))
    assert found is not None
    assert 45 <= found[0] <= 48


def test_real_runs_on_shuffled_data_have_none() -> None:
    """llm.c's and modded-nanogpt's."""
    for path, layout in (
        ("corpus/llmc/main_log_gpt2_124M_fineweb10B.log", "llmc"),
        ("corpus/modded-nanogpt/2024-10-10_Muon.txt", "modded-nanogpt"),
        ("lab/healthy-long-nanogpt-11.log", "nanogpt"),
    ):
        assert period_of(read_case(shared(path), layout).metric("train_loss")) is None
