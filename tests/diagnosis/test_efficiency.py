"""Speeds and MFU against logs made as nanoGPT makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import NANOGPT

from diagnosis.efficiency import (
    Efficiency,
    Peak,
    PeakSource,
    efficiency_of,
    eval_cost,
    eval_rows,
    flops_behind_mfu,
    steady_rows,
    steady_step_seconds,
)
from diagnosis.model import ModelSize, Shape, size_of
from diagnosis.series import Series
from parsers.records import Traits

FLOPS_PER_STEP = 299_983_104 * 524_288
"""Of 12 layers of 384, 50304 tokens, context 1024, no biases."""
NOTHING = Series("nothing", np.empty(0, np.int64), np.empty(0))


def founding(rows: int = 101, log_interval: int = 200, eval_interval: int = 500) -> tuple[Series, Series]:
    """Step times and printed MFUs of a 3.909 s step, rounded as nanoGPT prints them."""
    steps = np.arange(rows) * log_interval
    seconds = 3.909 + 0.004 * np.sin(np.arange(rows))
    seconds[steps % eval_interval == 0] += 15.25
    seconds[0] = 32.025
    running, printed = None, []
    for value in FLOPS_PER_STEP / seconds[1:] / 312e12:
        running = value if running is None else 0.9 * running + 0.1 * value
        printed.append(round(running, 4))
    return (
        Series("step_seconds", steps, np.round(seconds, 5)),
        Series("mfu", steps[1:], np.asarray(printed)),
    )


def known_size() -> ModelSize:
    """The founding run's size, from its dimensions."""
    size = size_of(Shape(12, 12, 384, 50304, 1024, bias=False))
    assert size is not None
    return size


def founding_efficiency(
    size: ModelSize | None,
    tokens_per_step: float | None = 524_288,
    world_size: float | None = None,
    source: PeakSource = "spec",
) -> Efficiency:
    """The efficiency of the founding run on a GPU of 58.3 TFLOP/s."""
    seconds, mfu = founding()
    found = efficiency_of(
        step_seconds=seconds,
        tokens_per_second=NOTHING,
        mfu=mfu,
        traits=NANOGPT,
        size=size,
        tokens_per_step=tokens_per_step,
        eval_interval=500,
        world_size=world_size,
        peak=Peak(58.29e12, source, "NVIDIA GeForce RTX 4070"),
    )
    assert found is not None
    return found


class TestFoundingRun:
    def test_the_true_figures(self) -> None:
        """3.91 s a step are 134 k tokens/s, 40.2 TFLOP/s and 0.69 of an RTX 4070, whatever the log prints."""
        found = founding_efficiency(known_size())
        assert found.seconds_per_step == pytest.approx(3.909, abs=0.002)
        assert found.tokens_per_second == pytest.approx(134_123, rel=1e-3)
        assert found.flops_per_token == 299_983_104
        assert found.flops == pytest.approx(40.2e12, rel=2e-3)
        assert found.mfu == pytest.approx(0.69, abs=0.002)
        assert found.flops_source == "shape"

    def test_the_share_at_the_clock_stands_beside_the_share_of_the_peak(self) -> None:
        """At 2.61 GHz the card could do 61.5 TFLOP/s, of which the run has 65 %."""
        seconds, mfu = founding()
        peak = Peak(58.29e12, "spec", "NVIDIA GeForce RTX 4070", at_clock=46 * 512 * 2.61e9, clock_hz=2.61e9)
        found = efficiency_of(
            step_seconds=seconds,
            tokens_per_second=NOTHING,
            mfu=mfu,
            traits=NANOGPT,
            size=known_size(),
            tokens_per_step=524_288,
            eval_interval=500,
            peak=peak,
        )
        assert found is not None
        assert found.mfu == pytest.approx(0.69, abs=0.002)
        assert found.mfu_at_clock == pytest.approx(0.654, abs=0.002)
        assert founding_efficiency(known_size()).mfu_at_clock is None

    def test_the_printed_mfu_is_kept_apart(self) -> None:
        """The last printed value stays what it is, a share of an A100."""
        found = founding_efficiency(known_size())
        assert found.mfu_logged == founding()[1].values[-1]
        assert found.mfu_logged_peak_flops == 312e12
        assert found.mfu_logged_peak_name == "NVIDIA A100"

    def test_evaluations_cost_little(self) -> None:
        """15.25 s every 500 steps are 0.77 % of the time."""
        found = founding_efficiency(known_size())
        assert found.eval_seconds == pytest.approx(15.25, abs=0.01)
        assert found.overhead == pytest.approx(15.25 / (15.25 + 500 * 3.909), rel=1e-3)

    def test_without_a_header(self) -> None:
        """Without size and tokens, the printed MFU and the times alone give the same 40.2 TFLOP/s."""
        found = founding_efficiency(None, None)
        assert found.flops == pytest.approx(40.2e12, rel=5e-3)
        assert found.mfu == pytest.approx(0.69, abs=0.004)
        assert found.flops_source == "printed MFU"
        assert found.tokens_per_second is None

    def test_flops_per_token_are_recovered(self) -> None:
        """With the tokens of a step known, the 300.0 MFLOP of a token come out of the log."""
        found = founding_efficiency(None)
        assert found.flops_per_token == pytest.approx(300e6, rel=5e-3)

    def test_several_gpus_share_the_peak(self) -> None:
        """The MFU of two GPUs is against two peaks; recovered FLOPs are of each of them."""
        assert founding_efficiency(known_size(), world_size=2).mfu == pytest.approx(0.69 / 2, abs=0.002)
        assert founding_efficiency(None, world_size=2).mfu == pytest.approx(0.69, abs=0.004)


class TestSteadyStep:
    def test_eval_rows_are_left_out_by_their_interval(self) -> None:
        """At log_interval 500 every row would be an evaluation's; at 200 every fifth is."""
        assert steady_step_seconds(founding()[0], contain_eval=True, eval_interval=500) == pytest.approx(
            3.909, abs=0.002
        )
        assert steady_step_seconds(founding(log_interval=500)[0], contain_eval=True, eval_interval=500) is None

    def test_eval_rows_are_left_out_by_the_evals_seen(self) -> None:
        """Without a config the steps of the evaluations themselves say which rows hold one."""
        evals = np.arange(0, 20_001, 500)
        rows = steady_rows(founding()[0], contain_eval=True, eval_steps=evals)
        assert len(rows) == 50
        assert rows.values.max() < 4

    def test_eval_rows_are_left_out_by_their_length(self) -> None:
        """Without either, what takes more than twice the median is left out."""
        rows = steady_rows(founding()[0], contain_eval=True)
        assert rows.values.max() < 4

    def test_slow_rows_count_where_no_eval_is_inside(self) -> None:
        """A trainer that times training alone has no row to leave out."""
        seconds = founding()[0]
        assert steady_rows(seconds, contain_eval=False).values.max() > 19

    def test_the_newest_rows_count(self) -> None:
        """After a change of speed the window is the new speed's."""
        values = np.concatenate([np.full(500, 1.0), np.full(60, 2.0)])
        assert steady_step_seconds(Series("s", np.arange(560), values), contain_eval=False) == 2.0

    def test_compilation_is_no_step(self) -> None:
        """The first row is left out even of a log of three."""
        series = Series("s", np.arange(3), np.array([30.0, 4.0, 4.0]))
        assert steady_step_seconds(series, contain_eval=False) == 4.0

    @pytest.mark.parametrize("values", [[], [30.0], [30.0, np.nan], [30.0, 0.0], [np.nan, np.nan, np.inf]])
    def test_too_little_is_unknown(self, values: list[float]) -> None:
        """No usable row gives None, never a zero."""
        series = Series("s", np.arange(len(values)), np.asarray(values))
        assert steady_step_seconds(series, contain_eval=True) is None

    def test_a_mask_for_every_row(self) -> None:
        """eval_rows marks multiples of the interval, else the long rows, and copes with nothing."""
        seconds = founding()[0]
        assert eval_rows(seconds, 500).sum() == 21
        assert eval_rows(seconds, None).sum() == 21
        assert eval_rows(NOTHING, None).shape == (0,)


class TestEvalCost:
    def test_from_the_evals_seen(self) -> None:
        """Where the interval is not known, the distance of the evaluations is."""
        cost = eval_cost(founding()[0], 3.909, None, np.arange(0, 20_001, 500))
        assert cost is not None
        assert cost.share == pytest.approx(0.0077, abs=1e-4)

    def test_unknown_without_an_eval(self) -> None:
        """No evaluation seen, no cost; nor is there one where the rows do not contain it."""
        assert eval_cost(founding()[0], 3.909, None) is None
        assert eval_cost(Series("s", np.arange(1, 9), np.ones(8)), 1.0, 4) is None
        assert eval_cost(NOTHING, 1.0, 4) is None


class TestFlopsBehindMfu:
    def test_the_smoothing_is_undone(self) -> None:
        """The printed MFU lies 1.5 points low after each evaluation, and still gives the FLOPs of a step."""
        assert flops_behind_mfu(*founding(), NANOGPT) == pytest.approx(FLOPS_PER_STEP, rel=3e-3)

    def test_a_log_that_starts_in_the_middle(self) -> None:
        """The last 30 rows are enough: no start of the running mean is needed."""
        seconds, mfu = founding()
        assert flops_behind_mfu(seconds, mfu.since(14_000), NANOGPT) == pytest.approx(FLOPS_PER_STEP, rel=1e-2)

    def test_unsmoothed(self) -> None:
        """A trainer that prints each value alone needs no solving."""
        seconds, _ = founding()
        plain = Series("mfu", seconds.steps, FLOPS_PER_STEP / seconds.values / 100e12)
        traits = Traits(mfu_peak_flops=100e12)
        assert flops_behind_mfu(seconds, plain, traits) == pytest.approx(FLOPS_PER_STEP)

    def test_unknown_peak_is_unknown(self) -> None:
        """A table's peak cannot be undone, four rows are too few, and lost lines do not follow one another."""
        seconds, mfu = founding()
        assert flops_behind_mfu(seconds, mfu, replace(NANOGPT, mfu_peak_flops=None)) is None
        assert flops_behind_mfu(seconds, mfu.since(19_200), NANOGPT) is None
        gaps = Series("mfu", mfu.steps[::2], mfu.values[::2])
        assert flops_behind_mfu(seconds, gaps, NANOGPT) is None

    def test_infinities_do_no_harm(self) -> None:
        """An infinite or missing value among the rows changes nothing."""
        seconds, mfu = founding()
        values = mfu.values.copy()
        values[40:42] = np.inf
        values[60] = np.nan
        broken = Series("mfu", mfu.steps, values)
        assert flops_behind_mfu(seconds, broken, NANOGPT) == pytest.approx(FLOPS_PER_STEP, rel=3e-3)


class TestOtherLogs:
    def test_logged_tokens_per_second_serve(self) -> None:
        """A trainer that logs tokens per second needs no step times."""
        speeds = Series("tokens_per_second", np.arange(30), np.full(30, 1e5))
        found = efficiency_of(
            step_seconds=NOTHING,
            tokens_per_second=speeds,
            mfu=NOTHING,
            traits=Traits(),
            size=known_size(),
            tokens_per_step=2e5,
        )
        assert found is not None
        assert found.tokens_per_second == 1e5
        assert found.seconds_per_step == 2.0
        assert found.flops == pytest.approx(3.0e13, rel=1e-3)
        assert found.mfu is None
        assert found.rows == 30

    def test_without_a_shape_attention_is_missing(self) -> None:
        """A count alone gives 6N, and the result says that it is a lower bound."""
        seconds, _ = founding()
        found = efficiency_of(
            step_seconds=seconds,
            tokens_per_second=NOTHING,
            mfu=NOTHING,
            traits=NANOGPT,
            size=size_of(Shape(), flag_params=40.56e6),
            tokens_per_step=524_288,
        )
        assert found is not None
        assert found.flops_per_token == 6 * 40.56e6
        assert found.flops_source == "6N"

    def test_nothing_logged_is_none(self) -> None:
        """A log with losses alone has no efficiency."""
        assert efficiency_of(step_seconds=NOTHING, tokens_per_second=NOTHING, mfu=NOTHING, traits=Traits()) is None

    def test_an_mfu_of_zero_is_unknown(self) -> None:
        """A trainer that does not know its GPU prints 0.00 %, which is no measurement."""
        zeros = Series("mfu", np.arange(9), np.zeros(9))
        found = efficiency_of(step_seconds=NOTHING, tokens_per_second=NOTHING, mfu=zeros, traits=Traits())
        assert found is not None
        assert found.mfu_logged is None
