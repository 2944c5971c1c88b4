"""Speeds and MFU against logs made as nanoGPT makes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from cases import NANOGPT
from founding_speed import FLOPS_PER_STEP, NOTHING, founding

from diagnosis.efficiency import (
    Efficiency,
    Peak,
    PeakSource,
    efficiency_of,
    flops_behind_mfu,
)
from diagnosis.model import ModelSize, Shape, size_of
from diagnosis.series import Series
from parsers.records import Traits


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
        assert found.flops_per_gpu == pytest.approx(40.2e12, rel=5e-3)
        assert found.flops is None
        assert found.mfu == pytest.approx(0.69, abs=0.004)
        assert found.flops_source == "printed MFU"
        assert found.tokens_per_second is None

    def test_flops_per_token_are_recovered(self) -> None:
        """With the tokens of a step known, the 300.0 MFLOP of a token come out of the log."""
        found = founding_efficiency(None, world_size=1)
        assert found.flops_per_token == pytest.approx(300e6, rel=5e-3)

    def test_the_printed_mfu_tells_how_many_gpus_share_the_step(self) -> None:
        """NanoGPT's MFU counts one rank's sequences: a printed MFU an eighth of what the step asks for is of eight."""
        seconds, mfu = founding()
        eighth = Series("mfu", mfu.steps, mfu.values / 8)
        found = efficiency_of(
            step_seconds=seconds,
            tokens_per_second=NOTHING,
            mfu=eighth,
            traits=NANOGPT,
            size=known_size(),
            tokens_per_step=524_288,
            peak=Peak(58.29e12, "spec", "NVIDIA GeForce RTX 4070"),
        )
        assert found is not None
        assert found.flops == pytest.approx(40.2e12, rel=2e-3)
        assert found.mfu == pytest.approx(0.69 / 8, rel=5e-3)

    def test_several_gpus_share_the_peak(self) -> None:
        """The MFU of two GPUs is against two peaks; recovered FLOPs are of each of them."""
        assert founding_efficiency(known_size(), world_size=2).mfu == pytest.approx(0.69 / 2, abs=0.002)
        assert founding_efficiency(None, world_size=2).mfu == pytest.approx(0.69, abs=0.004)


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


class TestHowManyGpus:
    """Eight GPUs at 10 % must never read as one at 80 %."""

    @staticmethod
    def found(
        speed: float, of: Literal["run", "device"], world_size: float | None, *, per_step: float | None = None
    ) -> Efficiency:
        speeds = Series("tokens_per_second", np.arange(30), np.full(30, speed))
        made = efficiency_of(
            step_seconds=NOTHING if per_step is None else Series("step_seconds", np.arange(30), np.full(30, 4.0)),
            tokens_per_second=speeds,
            mfu=NOTHING,
            traits=Traits(tokens_per_second_of=of),
            size=known_size(),
            tokens_per_step=per_step,
            world_size=world_size,
            peak=Peak(58.29e12, "spec", "NVIDIA GeForce RTX 4070"),
        )
        assert made is not None
        return made

    def test_the_speed_of_an_unknown_number_has_no_share(self) -> None:
        """Tokens per second of all ranks together give FLOP/s of the run, and an MFU only with their number."""
        unknown = self.found(1e5, "run", None)
        assert unknown.flops == pytest.approx(3.0e13, rel=1e-3)
        assert unknown.mfu is None
        assert unknown.flops_per_gpu is None
        assert self.found(1e5, "run", 8).mfu == pytest.approx(3.0e13 / 8 / 58.29e12, rel=1e-3)

    def test_the_speed_of_one_gpu_needs_no_number(self) -> None:
        """Tokens per second of one device give its MFU; what all do together stays unknown."""
        one = self.found(1e5, "device", None)
        assert one.mfu == pytest.approx(3.0e13 / 58.29e12, rel=1e-3)
        assert one.flops is None
        assert one.tokens_per_second is None
        assert self.found(1e5, "device", 4).flops == pytest.approx(1.2e14, rel=1e-3)

    @pytest.mark.parametrize(("speed", "ranks"), [(1e5, 4.0), (1.001e5, 4.0), (1.2e5, None), (5e5, None)])
    def test_two_speeds_count_them(self, speed: float, ranks: float | None) -> None:
        """400 k tokens a second in all, 100 k of one: four GPUs. Where the ratio is no whole number nobody knows."""
        found = self.found(speed, "device", None, per_step=1.6e6)
        assert found.flops == pytest.approx(1.2e14, rel=1e-3)
        share = None if ranks is None else 1.2e14 / ranks / 58.29e12
        assert found.mfu == pytest.approx(share or 299_983_104 * speed / 58.29e12, rel=1e-3)
