"""The memory formula against the worked table and the one run whose use was read off."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from diagnosis.memory import CONTEXT_BYTES, MARGIN, MemoryEstimate, Setting, estimate, exact_batches, setting_of
from diagnosis.memory_law import ADAM_8BIT_BYTES, why_not
from diagnosis.model import ModelSize, Shape, size_of
from parsers.records import Fact

GIB = 2.0**30
COMPILED = Setting(dropout=0.0, compiled=True, dtype="bfloat16")


def size(width: int = 384, layers: int = 12, context: int | None = 1024) -> ModelSize:
    """The founding run's model, or one of another width."""
    made = size_of(Shape(layers, 12, width, 50304, context, bias=False))
    assert made is not None
    return made


def founding(limit: float | None = 11.2 * GIB, measured: float | None = None, batch: int = 16) -> MemoryEstimate:
    """The founding run on a 12 GB card."""
    made = estimate(
        size(),
        micro_batch=batch,
        tokens_per_step=524_288,
        setting=COMPILED,
        limit_bytes=limit,
        measured_bytes=measured,
    )
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("width", "batch", "compiled", "eager"),
    [
        (384, 16, 7.9, 12.5),
        (384, 32, 15.0, 24.2),
        (768, 16, 11.8, 16.4),
        (768, 12, 9.4, 12.9),
        (768, 8, 7.0, 9.3),
        (768, 4, 4.5, 5.7),
    ],
)
def test_worked_table(width: int, batch: int, compiled: float, eager: float) -> None:
    """The formula without the context gives the worked figures, in GiB, compiled and eager."""
    for is_compiled, expected in ((True, compiled), (False, eager)):
        made = estimate(size(width), micro_batch=batch, setting=Setting(dropout=0.0, compiled=is_compiled))
        assert made is not None
        assert (made.total_bytes - CONTEXT_BYTES) / GIB == pytest.approx(expected, abs=0.12)


def test_a_run_that_was_read_off() -> None:
    """6 layers of 384 at context 512 and batch 16 took 4,464 MiB on an RTX 4070: the formula is 10 % low."""
    made = estimate(size(layers=6, context=512), micro_batch=16, setting=COMPILED)
    assert made is not None
    assert made.total_bytes == pytest.approx(4464 * 2**20, rel=0.15)


def test_parts_add_up_and_name_the_head() -> None:
    """The parts sum to the total; at width 384 the logits are more than all 12 layers keep."""
    made = founding()
    parts = dict(made.parts)
    assert math.fsum(parts.values()) == pytest.approx(made.total_bytes)
    assert parts["logits and loss"] > parts["activations"]


def test_every_choice_keeps_the_tokens_per_step() -> None:
    """Micro-batch x accumulation x context is 524,288 in each choice, and smaller batches take less."""
    choices = founding().choices
    assert [c.micro_batch for c in choices] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert all(c.micro_batch * c.accumulation * 1024 == 524_288 for c in choices)
    assert [c.expected_bytes for c in choices] == sorted(c.expected_bytes for c in choices)


def test_16_fits_in_12_gb_and_32_does_not() -> None:
    """The founding run's batch fits its card, twice as much does not."""
    fits = {c.micro_batch: c.fits for c in founding().choices}
    assert fits[16]
    assert not fits[32]


def test_the_margin_from_both_sides() -> None:
    """A batch fits up to 92 % of the limit."""
    needed = founding().total_bytes
    for limit, expected in ((needed / MARGIN * 1.001, True), (needed / MARGIN * 0.999, False)):
        assert {c.micro_batch: c.fits for c in founding(limit).choices}[16] is expected


class TestCalibration:
    def test_a_measured_use_is_reproduced(self) -> None:
        """With 10.5 GiB seen, the estimate is 10.5 GiB and only what grows with the batch was scaled."""
        made = founding(measured=10.5 * GIB)
        assert made.calibrated
        assert made.total_bytes == pytest.approx(10.5 * GIB)
        plain, scaled = dict(founding().parts), dict(made.parts)
        assert scaled["weights, gradients, AdamW"] == plain["weights, gradients, AdamW"]
        ratio = scaled["activations"] / plain["activations"]
        assert scaled["logits and loss"] / plain["logits and loss"] == pytest.approx(ratio)

    def test_the_batch_that_runs_fits(self) -> None:
        """What is seen to run fits, however little it leaves."""
        fits = {c.micro_batch: c.fits for c in founding(measured=11.0 * GIB).choices}
        assert fits[16]
        assert not fits[32]

    @pytest.mark.parametrize("measured", [0.5 * GIB, 1.5 * GIB, 60 * GIB])
    def test_a_use_of_another_moment_is_not_believed(self, measured: float) -> None:
        """Less than the weights, or many times the formula, does not calibrate."""
        made = founding(measured=measured)
        assert not made.calibrated
        assert made.total_bytes == founding().total_bytes


class TestUnknown:
    def test_a_missing_dimension(self) -> None:
        """Without the context length or the batch there is no estimate."""
        assert estimate(size(context=None), micro_batch=16) is None
        assert estimate(size(), micro_batch=None) is None
        assert estimate(None, micro_batch=16) is None

    @pytest.mark.parametrize(
        ("setting", "why"),
        [
            (Setting(dtype="float32"), "float32"),
            (Setting(optimizer="sgd"), "sgd"),
            (Setting(optimizer="paged_adamw_8bit"), "paged"),
            (Setting(zero_stage=2), "GPUs"),
        ],
    )
    def test_what_the_formula_does_not_describe(self, setting: Setting, why: str) -> None:
        """fp32, other optimisers and a sharding over nobody knows how many have no estimate, and a reason."""
        assert estimate(size(), micro_batch=16, setting=setting) is None
        assert why in (why_not(size(), setting) or "")

    def test_no_limit_or_tokens_no_choices(self) -> None:
        """Without the GPU's memory, or with tokens that are no whole sequences, no batch is proposed."""
        assert founding(limit=None).choices == ()
        made = estimate(size(), micro_batch=16, tokens_per_step=1000.5, limit_bytes=GIB)
        assert made is not None
        assert made.choices == ()

    def test_unknown_compilation_counts_as_eager(self) -> None:
        """What is not known is taken from the cautious side."""
        unknown = estimate(size(), micro_batch=16)
        eager = estimate(size(), micro_batch=16, setting=Setting(compiled=False))
        assert unknown is not None
        assert eager is not None
        assert unknown.total_bytes == eager.total_bytes


def test_several_gpus() -> None:
    """Eight GPUs hold gradient buckets too, and the accumulation stays a multiple of eight."""
    alone = estimate(size(), micro_batch=16, tokens_per_step=524_288, limit_bytes=80 * GIB)
    eight = estimate(
        size(), micro_batch=16, tokens_per_step=524_288, limit_bytes=80 * GIB, setting=Setting(world_size=8)
    )
    assert alone is not None
    assert eight is not None
    assert eight.total_bytes - alone.total_bytes == pytest.approx(4 * 40_953_216)
    assert all(c.accumulation % 8 == 0 for c in eight.choices)


def test_dropout_keeps_masks() -> None:
    """Dropout adds 2 bytes a token, layer and unit of width."""
    plain = estimate(size(), micro_batch=16, setting=Setting(dropout=0.0))
    masked = estimate(size(), micro_batch=16, setting=Setting(dropout=0.1))
    assert plain is not None
    assert masked is not None
    assert masked.total_bytes - plain.total_bytes == pytest.approx(2 * 16 * 1024 * 384 * 12)


def test_exact_batches() -> None:
    """All divisors, each once, also of a square and of a prime; none of nothing."""
    assert exact_batches(36) == ((1, 36), (2, 18), (3, 12), (4, 9), (6, 6), (9, 4), (12, 3), (18, 2), (36, 1))
    assert exact_batches(7) == ((1, 7), (7, 1))
    assert exact_batches(0) == ()


LLAMA = Shape(22, 32, 2048, 32000, 2048, n_kv_head=4, n_inner=5632, model_type="llama")


def parts(shape: Shape, setting: Setting | None = None, batch: int = 4) -> dict[str, float]:
    """The estimate's parts for a model of this shape."""
    made = estimate(size_of(shape), micro_batch=batch, setting=setting)
    assert made is not None
    return dict(made.parts)


class TestOtherLayouts:
    def test_a_gated_layer_keeps_more(self) -> None:
        """26 d + 4 of queries + 4 of keys + 8 of the MLP; a table that is only looked up has no 16-bit copy."""
        made = parts(LLAMA)
        kept = 26 * 2048 + 4 * 2048 + 4 * 256 + 8 * 5632
        assert made["activations"] == pytest.approx(4 * 2048 * 22 * kept)
        assert made["weights, gradients, AdamW"] == 16 * 1_100_048_384
        assert made["16-bit weights"] == 2 * (1_100_048_384 - 32000 * 2048)

    def test_gpt2s_own_numbers_make_its_measured_36(self) -> None:
        """12.6 + 4 + 4 + 4 x 4 = 36.6 bytes a token, layer and unit of width."""
        made = parts(Shape(12, 12, 384, 50304, 1024, bias=False))
        assert made["activations"] == pytest.approx(4 * 1024 * 12 * 384 * 36.6)

    @pytest.mark.parametrize("change", [{"n_expert": 8}, {"model_type": None}])
    def test_layouts_that_nobody_measured(self, change: dict[str, Any]) -> None:
        """Experts, and an MLP of which nobody knows the gate."""
        made = size_of(replace(LLAMA, **change), printed=1.1e9)
        assert estimate(made, micro_batch=4) is None
        assert "layout" in (why_not(made, Setting()) or "")


class TestSettings:
    def test_checkpointing_keeps_the_inputs_and_one_layer(self) -> None:
        """4 d a layer, and one layer in full while it is computed again."""
        plain, kept = parts(LLAMA), parts(LLAMA, Setting(checkpointing=True))
        one = plain["activations"] / 22
        assert kept["activations"] == pytest.approx(4 * 2048 * 22 * 4 * 2048 + one)

    def test_8_bit_moments(self) -> None:
        """Two bytes and their scales in place of eight."""
        made = parts(LLAMA, Setting(optimizer="adamw_bnb_8bit"))
        assert made["weights, gradients, 8-bit AdamW"] == pytest.approx(1_100_048_384 * (8 + ADAM_8BIT_BYTES))

    @pytest.mark.parametrize(("stage", "each"), [(0, 16.0), (1, 5.5), (2, 3.75), (3, 2.0)])
    def test_zero_shards_over_eight_gpus(self, stage: int, each: float) -> None:
        """2 + 2 + 12 bytes: stage 1 divides the 12, stage 2 the gradients too, stage 3 all (the ZeRO paper's table)."""
        made = parts(LLAMA, Setting(zero_stage=stage, world_size=8))
        assert made[f"weights, gradients, AdamW (ZeRO-{stage})"] == pytest.approx(each * 1_100_048_384)

    def test_the_facts_that_say_so(self) -> None:
        """As configs state them."""
        facts = {
            name: Fact(name, value, "config", "a test")
            for name, value in (("gradient_checkpointing", True), ("zero_stage", 2), ("world_size", 8))
        }
        assert setting_of(facts) == Setting(checkpointing=True, zero_stage=2, world_size=8.0)


@pytest.mark.parametrize(("scale", "trusted"), [(0.24, False), (0.26, True), (3.9, True), (4.1, False)])
def test_a_use_far_from_the_formula_is_of_something_else(scale: float, trusted: bool) -> None:
    """Another moment, or another program: beyond a factor of 4 of what grows with the batch."""
    plain = founding()
    grows = sum(part for name, part in plain.parts if name in ("logits and loss", "activations"))

    assert founding(measured=plain.total_bytes + (scale - 1) * grows).calibrated is trusted


def test_adam_in_8_bits_holds_a_byte_for_each_moment_and_a_scale_for_256() -> None:
    """2.03 bytes a parameter in place of 8: of 40.95M with their positions."""
    plain, eight = (
        estimate(size(), micro_batch=1, setting=replace(COMPILED, optimizer=name)) for name in ("adamw", "adamw_8bit")
    )

    assert plain is not None
    assert eight is not None
    assert plain.total_bytes - eight.total_bytes == pytest.approx(40_953_216 * (8 - 2 - 2 * 4 / 256))


def test_the_context_is_half_a_gib() -> None:
    """Of a model of no size worth mentioning."""
    made = estimate(size(16, 1, 1), micro_batch=1, setting=COMPILED)

    assert made is not None
    assert dict(made.parts)["CUDA context"] == 0.5 * GIB
