"""Another micro-batch with the same tokens per step, as each trainer counts them."""

from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.batch import accumulation, batch_settings, halved, in_words, sequences_per_step
from diagnosis.case import Case
from parsers.configs.written import HUGGINGFACE, MEGATRON, NANOCHAT, NANOGPT
from parsers.records import Settings, Traits, Value

ONE_STEP: dict[str, Value] = {"batch_size": 16, "gradient_accumulation_steps": 32, "block_size": 1024}


def case_of(settings: Settings | None, facts: dict[str, Value], tokens: float | None = 524_288.0) -> Case:
    return make_case(None, facts, traits=Traits(settings=settings), tokens_per_step=tokens)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        (NANOGPT, ("gradient_accumulation_steps", 64)),
        (HUGGINGFACE, ("gradient_accumulation_steps", 64)),
        (MEGATRON, ("global_batch_size", 512)),
        (NANOCHAT, ("tokens_per_step", 524_288)),
        (None, ("gradient_accumulation_steps", 64)),
    ],
)
def test_what_keeps_the_tokens_is_what_the_trainer_takes(settings: Settings | None, kept: tuple[str, Value]) -> None:
    """An accumulation or, where the trainer works that out, its batch in sequences or in tokens."""
    assert batch_settings(case_of(settings, ONE_STEP), 8) == (("batch_size", 8), kept)


def test_the_accumulation_is_exact_on_any_number_of_devices() -> None:
    """The run's own numbers tell it, whether they are of all devices or of each."""
    assert accumulation(case_of(HUGGINGFACE, ONE_STEP, None), 8) == 64
    assert accumulation(case_of(HUGGINGFACE, {**ONE_STEP, "world_size": 7}), 8) == 64
    assert accumulation(case_of(HUGGINGFACE, ONE_STEP), 6) is None


@pytest.mark.parametrize(
    ("counted", "world", "steps"),
    [("all devices", 8, 64), ("device", 8, 8), ("device", None, None), ("device", 7, None), ("all devices", None, 64)],
)
def test_without_the_runs_own_numbers_the_devices_must_be_known(
    counted: str, world: int | None, steps: int | None
) -> None:
    """512 sequences of a step are 8 x 64 on all devices, 8 x 8 on each of 8."""
    facts: dict[str, Value] = {"block_size": 1024, **({} if world is None else {"world_size": world})}
    traits = Traits(accumulation_of="all devices" if counted == "all devices" else "device")
    assert accumulation(make_case(None, facts, traits=traits, tokens_per_step=524_288.0), 8) == steps


def test_the_sequences_of_a_step() -> None:
    """As the log says, or the tokens by the context; no part of a sequence."""
    assert sequences_per_step(case_of(None, {"global_batch_size": 256, "block_size": 1024})) == 256
    assert sequences_per_step(case_of(None, {"block_size": 1024})) == 512
    assert sequences_per_step(case_of(None, {"block_size": 1000})) is None
    assert sequences_per_step(case_of(None, {})) is None
    assert sequences_per_step(case_of(None, {"block_size": 1024}, None)) is None


def test_unknown_is_nothing_to_set() -> None:
    """No sequences for Megatron, no tokens for nanochat, no numbers at all."""
    for settings in (MEGATRON, NANOCHAT, NANOGPT, None):
        assert batch_settings(case_of(settings, {}, None), 8) == ()


@pytest.mark.parametrize(("batch", "expected"), [(16, 8), (2, 1), (1, None), (3, None)])
def test_a_batch_is_halved_where_it_is_even(batch: int, expected: int | None) -> None:
    """1 and odd ones have no half."""
    found = halved(case_of(HUGGINGFACE, {"batch_size": batch, "gradient_accumulation_steps": 4}))
    wanted = () if expected is None else (("batch_size", expected), ("gradient_accumulation_steps", 8))
    assert found == wanted
    assert halved(case_of(HUGGINGFACE, {})) == ()


def test_words_for_a_person() -> None:
    """Each of the three ways, and one step alone."""
    words = [
        in_words((("batch_size", 8), kept))
        for kept in (
            ("gradient_accumulation_steps", 64),
            ("gradient_accumulation_steps", 1),
            ("global_batch_size", 512),
            ("tokens_per_step", 524_288),
        )
    ]
    assert words == [
        "a micro-batch of 8 and 64 accumulation steps",
        "a micro-batch of 8 and 1 accumulation step",
        "a micro-batch of 8 in a global batch of 512 sequences",
        "a micro-batch of 8 in a total batch of 524,288 tokens",
    ]
