"""What a run will cost, from its settings: the two founding runs and how long they really took."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cases import make_case
from runs import FACTS, founding_efficiency

from diagnosis.case import Case
from diagnosis.efficiency import Peak
from diagnosis.model import size_of
from diagnosis.plan import Pace, pace_of_peak, pace_of_run, plan_of, resized
from diagnosis.shape import Shape

RTX_4070 = Peak(58.29e12, "spec", "NVIDIA GeForce RTX 4070")
H100 = Peak(989e12, "spec", "NVIDIA H100 SXM")
SHAPE = Shape(12, 12, 384, 50304, 1024, bias=False)
GIB = 2.0**30


def founding(width: int = 384, **changes: Any) -> Case:
    """The founding run before its first step, or one of another width."""
    size = size_of(replace(SHAPE, n_embd=width))
    planned = changes.pop("tokens_planned", 20_000 * 524_288)
    facts = {**FACTS, "n_embd": width, "compile": True, "dropout": 0.1, **changes}
    return make_case({}, facts, size=size, tokens_per_step=524_288, tokens_planned=planned)


class TestFounding:
    def test_its_size_and_work(self) -> None:
        """40.56M parameters, 300 MFLOPs a token, 10.49B tokens in 20,000 steps."""
        plan = plan_of(founding())
        assert plan.size is not None
        assert plan.size.parameters == 40_560_000
        assert plan.flops_per_token == pytest.approx(300.0e6, rel=1e-3)
        assert plan.steps == 20_000
        assert plan.flops == pytest.approx(300.0e6 * 20_000 * 524_288, rel=1e-3)
        assert not plan.tokens_assumed

    def test_its_loss(self) -> None:
        """It ended at 3.609 on its training split: the band on FineWeb holds that."""
        plan = plan_of(founding())
        assert plan.budget is not None
        assert plan.budget.expected_loss is not None
        assert plan.budget.expected_loss.band.low < 3.609 < plan.budget.expected_loss.band.high

    @pytest.mark.parametrize(
        ("width", "steps", "seconds"), [(384, 20_000, 3.909), (768, 12_000, 9.36)], ids=["40M", "124M"]
    )
    def test_its_hours(self, width: int, steps: int, seconds: float) -> None:
        """A step took 3.91 s, that of 768 wide 9.36 s, on an RTX 4070: the hours from its spec hold both."""
        pace = pace_of_peak(RTX_4070, gpus=1, compiled=True, width=width)
        plan = plan_of(founding(width, tokens_planned=steps * 524_288), pace=pace)
        assert plan.hours is not None
        assert plan.hours[0] < steps * seconds / 3600 < plan.hours[1]

    def test_its_own_pace_is_sharper(self) -> None:
        """21.7 h at 3.909 s a step, to 5 %."""
        plan = plan_of(founding(), pace=pace_of_run(founding_efficiency(), same_shape=True))
        assert plan.hours == pytest.approx((21.7 / 1.05, 21.7 / 0.95), rel=0.01)

    def test_the_pace_at_another_width(self) -> None:
        """124M reached 47.9 TFLOP/s where 41M had reached 40.2."""
        pace = pace_of_run(founding_efficiency(), same_shape=False)
        assert pace is not None
        assert pace.low < 47.9e12 < pace.high

    @pytest.mark.parametrize(
        ("width", "batch", "fits"), [(384, 16, True), (384, 32, False), (768, 8, True), (768, 16, False)]
    )
    def test_what_fits_in_12_gb(self, width: int, batch: int, fits: bool) -> None:
        """384 wide with 16 and 768 wide with 8 ran on a 12 GB card; twice as much does not fit."""
        plan = plan_of(founding(width, batch_size=batch, dropout=0.0), limit_bytes=11.2 * GIB)
        assert plan.memory is not None
        assert {c.micro_batch: c.fits for c in plan.memory.choices}[batch] is fits
        assert all(c.micro_batch * c.accumulation == 512 for c in plan.memory.choices)


class TestTokens:
    def test_20_per_parameter_where_nothing_says_how_many(self) -> None:
        """And it is said."""
        plan = plan_of(founding(tokens_planned=None))
        assert plan.tokens == 20 * 40_560_000
        assert plan.tokens_assumed

    def test_planned_tokens_and_epochs(self) -> None:
        """Some trainers plan in tokens, some in epochs over data that --data has counted."""
        assert plan_of(founding(tokens_planned=None, planned_tokens=5e9)).tokens == 5e9
        counted = plan_of(founding(tokens_planned=None, planned_epochs=3, unique_tokens=1e9))
        assert counted.tokens == 3e9
        assert counted.budget is not None
        assert counted.budget.epochs == 3
        assert plan_of(founding(tokens_planned=None, planned_epochs=3)).tokens_assumed


class TestPace:
    def test_gpus_that_wait_for_their_memory_reach_less(self) -> None:
        """8 H100 did 10B tokens of a 124M model in 45 minutes, 40 % of their peak."""
        pace = pace_of_peak(H100, gpus=8, compiled=True, width=768)
        assert pace is not None
        assert pace.low < 855e6 * 10e9 / (45 * 60) < pace.high
        assert pace.share is not None
        easy = pace_of_peak(RTX_4070, gpus=1, compiled=True, width=768)
        assert easy is not None
        assert easy.share is not None
        assert pace.share[1] < easy.share[1]

    def test_eager_mode_is_slower_and_an_open_question_is_both(self) -> None:
        """The band of a model that may or may not be compiled spans both."""
        made = [pace_of_peak(RTX_4070, gpus=1, compiled=c, width=768) for c in (True, False, None)]
        compiled, eager, unknown = made
        assert compiled
        assert eager
        assert unknown
        assert eager.low < compiled.low
        assert eager.high < compiled.high
        assert (unknown.low, unknown.high) == (eager.low, compiled.high)

    @pytest.mark.parametrize(
        ("peak", "seen"),
        [
            (RTX_4070, (0.55, 0.69, 0.82)),
            (H100, (0.40, 0.43, 0.36)),
            (Peak(52e12, "measured", "NVIDIA GeForce RTX 4070"), (0.77, 0.81)),
            (Peak(742e12, "measured", "NVIDIA H200"), (0.45, 0.53)),
        ],
        ids=["easy", "hard", "measured", "measured of a hard one"],
    )
    def test_the_shares_that_were_seen_are_inside_and_little_else(self, peak: Peak, seen: tuple[float, ...]) -> None:
        """Of the peak, compiled: a band of a factor of 2.2 at most."""
        pace = pace_of_peak(peak, gpus=1, compiled=True, width=768)
        assert pace is not None
        assert pace.share is not None
        assert all(pace.share[0] <= share <= pace.share[1] for share in seen)
        assert pace.share[1] / pace.share[0] < 2.2

    def test_eager_mode_costs_what_compiling_gains(self) -> None:
        """250 and 135 ms an iteration, as nanoGPT's README has it."""
        slow, fast = (pace_of_peak(RTX_4070, gpus=1, compiled=compiled, width=768) for compiled in (False, True))
        assert slow
        assert fast
        assert fast.high / slow.high == pytest.approx(250 / 135, rel=0.01)

    def test_the_band_at_another_shape_is_not_wider_than_what_was_seen(self) -> None:
        """1.19 and its inverse, and little more."""
        pace = pace_of_run(founding_efficiency(), same_shape=False)
        assert pace is not None
        assert 40.2e12 / 1.19 > pace.low > 40.2e12 / 1.4
        assert 40.2e12 * 1.19 < pace.high < 40.2e12 * 1.4

    def test_a_measured_peak_is_named(self) -> None:
        """So is that of the published one."""
        measured = pace_of_peak(replace(RTX_4070, source="measured"), gpus=1, compiled=True, width=768)
        assert measured is not None
        assert measured.basis == "measured peak"
        spec = pace_of_peak(RTX_4070, gpus=1, compiled=True, width=768)
        assert spec is not None
        assert spec.basis == "spec peak"

    def test_narrow_models_have_none(self) -> None:
        """Below the narrowest that was seen, launching kernels may be all the cost."""
        assert pace_of_peak(RTX_4070, gpus=1, compiled=True, width=384) is not None
        assert pace_of_peak(RTX_4070, gpus=1, compiled=True, width=320) is None

    def test_unknown_is_none(self) -> None:
        """No peak, no width, no log: no pace, and no hours."""
        assert pace_of_peak(None, gpus=1, compiled=True, width=768) is None
        assert pace_of_peak(RTX_4070, gpus=1, compiled=True, width=None) is None
        assert pace_of_run(None, same_shape=True) is None
        assert plan_of(founding()).hours is None


class TestUnknown:
    def test_a_run_of_no_known_size(self) -> None:
        """It has no parts, no work and no budget, and says what the memory lacks."""
        plan = plan_of(make_case({}, {}))
        assert plan.size is None
        assert (plan.tokens, plan.flops, plan.budget, plan.memory) == (None, None, None, None)
        assert plan.memory_unknown == "the number of parameters is unknown"

    def test_a_run_on_the_cpu_takes_no_gpu_memory(self) -> None:
        """And says why there is no estimate."""
        plan = plan_of(founding(device="cpu"), limit_bytes=11.2 * GIB)
        assert plan.memory is None
        assert plan.memory_unknown == "it trains on the CPU"

    @pytest.mark.parametrize(("off", "known"), [(1.015, True), (1.025, False)])
    def test_parts_may_be_two_per_cent_from_a_printed_count(self, off: float, known: bool) -> None:
        """Biases, padding, one norm more."""
        plan = plan_of(replace(founding(), size=size_of(SHAPE, printed=off * 40_560_000)))
        assert (plan.parts.attention is not None) is known

    def test_a_printed_count_that_the_parts_do_not_make(self) -> None:
        """Its layout is another: of its parts only the token embedding is known."""
        size = size_of(SHAPE, printed=80e6)
        plan = plan_of(replace(founding(), size=size))
        assert plan.parts.token_embedding == 50304 * 384
        assert (plan.parts.attention, plan.parts.mlp) == (None, None)


def test_another_shape_on_as_many_tokens() -> None:
    """A row of the table is the same run with another model, on the tokens that it is given or plans."""
    wide = replace(SHAPE, n_embd=768)
    pace = Pace(40e12, 50e12, "own pace", 1)
    plan = resized(founding(), wide, tokens=None, pace=pace, limit_bytes=None)
    assert plan.size is not None
    assert plan.size.parameters == pytest.approx(123.59e6, rel=1e-4)
    assert plan.tokens == 20_000 * 524_288
    assert resized(founding(), wide, tokens=1e9, pace=pace, limit_bytes=None).tokens == 1e9


class TestLaws:
    def test_the_founding_run_is_inside_and_near_the_best_batch(self) -> None:
        """1e-3 at 524,288 tokens a step: the laws give 6e-4 to 1.3e-2, and 306k."""
        plan = plan_of(founding())
        assert plan.rates is not None
        assert plan.rates.low < 1e-3 < plan.rates.high
        assert plan.best_batch == pytest.approx(306e3, rel=0.02)

    @pytest.mark.parametrize("told", [{"init_from": "resume"}, {"optimizer": "SGD"}, {"n_expert": 8}], ids=str)
    def test_runs_of_which_they_say_nothing(self, told: dict[str, Any]) -> None:
        """Resumed or fine-tuned ones, other optimisers, experts."""
        plan = plan_of(founding(**told))
        assert (plan.rates, plan.best_batch) == (None, None)
