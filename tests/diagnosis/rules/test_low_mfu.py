from __future__ import annotations

import pytest
from cases import make_case
from runs import FACTS, GIB, TOKENS_PER_STEP, founding_case, founding_efficiency, founding_size

from diagnosis.case import Case
from diagnosis.memory import Setting, estimate
from diagnosis.model import Shape, size_of
from diagnosis.rules.low_mfu import rule
from parsers.records import Value


def run(mfu: float | None, width: int = 768, facts: dict[str, Value] | None = None, **changes: object) -> Case:
    """A 12-layer model that reaches this share of its own GPU."""
    return founding_case(
        size=founding_size(n_embd=width),
        facts={**FACTS, **(facts or {})},
        efficiency=founding_efficiency(mfu=mfu, **changes),
    )


def test_the_founding_run_is_silent() -> None:
    """The healthy look-alike: 11 % printed, 69 % real."""
    assert rule(founding_case()) is None


@pytest.mark.parametrize(
    ("mfu", "severity"), [(0.34, "warning"), (0.36, "info"), (0.49, "info"), (0.51, None), (1.1, None)]
)
def test_the_shares_from_both_sides(mfu: float, severity: str | None) -> None:
    """Below 35 % a warning, below 50 % a note."""
    found = rule(run(mfu))

    assert (found.severity if found else None) == severity


@pytest.mark.parametrize(
    ("mfu", "severity"), [(0.27, "warning"), (0.29, "info"), (0.39, "info"), (0.41, None), (0.43, None)]
)
def test_gpus_that_are_hard_to_fill_are_held_to_what_they_reach(mfu: float, severity: str | None) -> None:
    """295 FLOPs for each byte of an H100's memory: Llama 3 had 38 to 43 % of it."""
    found = rule(run(mfu, peak_flops=989e12, peak_name="NVIDIA H100 80GB HBM3"))

    assert (found.severity if found else None) == severity


def test_a_measured_peak_has_what_is_hard_in_it() -> None:
    """So the usual shares hold again."""
    found = rule(run(0.34, peak_flops=700e12, peak_name="NVIDIA H100 80GB HBM3", peak_source="measured"))

    assert found is not None
    assert found.severity == "warning"


def test_it_names_the_peak() -> None:
    """The denominator and its source are evidence."""
    found = rule(run(0.2, flops=11.7e12, flops_per_gpu=11.7e12))

    assert found is not None
    assert found.title == "The run uses 20 % of what NVIDIA GeForce RTX 4070 can do"
    assert found.evidence == ("steady 3.91 s per step = 11.7 TFLOP/s", "peak 58.3 TFLOP/s (spec)")
    assert found.first_step == 4_200


def test_a_narrow_model_is_a_note() -> None:
    """At width 384 launches bind, not arithmetic: no warning, less confidence, and it says so."""
    found = rule(run(0.2, width=384))

    assert found is not None
    assert (found.severity, found.confidence) == ("info", 0.5)
    assert any("n_embd = 384" in line for line in found.evidence)


@pytest.mark.parametrize(("width", "fires"), [(192, False), (256, True)])
def test_tiny_models_are_silent(width: int, fires: bool) -> None:
    """Below width 256 no GPU is filled."""
    assert (rule(run(0.02, width=width)) is not None) is fires


@pytest.mark.parametrize(("parameters", "fires"), [(4.9e6, False), (5.1e6, True)])
def test_small_counts_are_silent(parameters: float, fires: bool) -> None:
    """Without a width the count decides, at 5M."""
    size = size_of(Shape(), flag_params=parameters)
    case = founding_case(efficiency=founding_efficiency(mfu=0.1, flops_source="printed MFU"))

    assert (rule(make_case(size=size, efficiency=case.efficiency)) is not None) is fires


@pytest.mark.parametrize(("rows", "fires"), [(19, False), (20, True)])
def test_twenty_rows_are_needed(rows: int, fires: bool) -> None:
    """Fewer steady rows are no speed."""
    assert (rule(run(0.1, rows=rows)) is not None) is fires


def test_a_lower_bound_is_not_judged() -> None:
    """Without attention in the FLOPs the share is too low by an unknown part."""
    assert rule(run(0.1, flops_source="6N")) is None


def test_a_cpu_is_silent() -> None:
    """The machine's GPU does not run a CPU run."""
    assert rule(run(0.001, facts={"device": "cpu"})) is None


def test_unknown_is_silent() -> None:
    """Without a peak or a speed there is no share."""
    assert rule(run(None)) is None
    assert rule(make_case()) is None


def test_the_advice_comes_from_the_config() -> None:
    """Compilation that is off, an odd vocabulary and free memory each get their line."""
    size = founding_size(n_embd=768, vocab_size=50257)
    memory = estimate(
        size, micro_batch=2, tokens_per_step=TOKENS_PER_STEP, setting=Setting(compiled=True), limit_bytes=11.2 * GIB
    )
    found = rule(
        founding_case(
            size=size,
            facts={**FACTS, "compile": False},
            efficiency=founding_efficiency(mfu=0.2),
            memory=memory,
        )
    )

    assert found is not None
    assert found.advice == (
        "Compile the model.",
        "In a new run pad the vocabulary of 50,257 to 50,304, a multiple of 64.",
        "Try a micro-batch of 8 and 64 accumulation steps: the tokens per step stay the same.",
    )
    assert found.settings == (("compile", True), ("batch_size", 8), ("gradient_accumulation_steps", 64))


@pytest.mark.parametrize(("at_clock", "severity"), [(None, "warning"), (0.30, "warning"), (0.40, "info")])
def test_what_the_clock_takes_is_not_the_softwares(at_clock: float | None, severity: str) -> None:
    """30 % of a peak of which the power limit leaves three quarters."""
    found = rule(run(0.30, mfu_at_clock=at_clock, clock_hz=None if at_clock is None else 1.6e9))

    assert found is not None
    assert found.severity == severity
    assert any("1.60 GHz" in line for line in found.evidence) is (at_clock is not None)


def test_without_a_clue_it_asks_for_a_measurement() -> None:
    """Where the config is clean, the benchmark is next."""
    found = rule(run(0.2))

    assert found is not None
    assert "traintop bench" in found.advice[0]
