"""Published cases of training gone wrong, or thought to be: what is to be said of each, and what is not.

Each case of the collection stands here: with a check, or with the reason why there is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import make_case
from raw_logs import CORPUS, shared

from diagnosis.finding import Finding
from diagnosis.model import ModelSize, Shape
from diagnosis.rules import diagnose, rules
from parsers.records import Traits, Value
from tui.cli import main

Told = dict[str, dict[str, Any]]
GPT2_SIZE = ModelSize(124e6, 124e6, 85e6, None, None, "a test", Shape(vocab_size=50304))


@cache
def read(log: str, *args: str) -> dict[str, Any]:
    """What `diagnose --json` says of a published log."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", lambda *words, **_: said.append(str(words[0])))
        assert main(["diagnose", str(shared("corpus") / log), "--json", *args]) == 0
    document: dict[str, Any] = json.loads(next(text for text in said if text.startswith("{")))
    return document


def told(log: str, *args: str) -> Told:
    return {finding["id"]: finding for finding in read(log, *args)["findings"]}


def words(finding: dict[str, Any] | Finding) -> str:
    if isinstance(finding, Finding):
        return " ".join([finding.title, *finding.evidence, *finding.advice])
    return " ".join([finding["title"], *finding["evidence"], *finding["advice"]])


def loud(found: Told) -> set[str]:
    return {name for name, finding in found.items() if finding["severity"] != "info"}


def diverging(tokens_per_step: float) -> dict[str, Finding]:
    """A loss that falls for 1,000 steps and then rises steadily, at a constant rate of 6e-4."""
    steps = np.arange(3000)
    noise = np.random.default_rng(1).normal(0, 0.04, 3000)
    loss = np.where(steps < 1000, 10.9 - 6.9 * (steps / 1000) ** 0.3, 4.0 + 3.0 * (steps - 1000) / 2000) + noise
    facts: dict[str, Value] = {"learning_rate": 6e-4, "warmup_steps": 100, "vocab_size": 50304}
    case = make_case(
        {"train_loss": (steps, loss)}, facts, traits=Traits(), tokens_per_step=tokens_per_step, size=GPT2_SIZE
    )
    return {finding.id: finding for finding in diagnose(case)}


def case_05() -> None:
    """Two epochs are as good as fresh data."""
    assert not loud(told("build-nanogpt/log_half_dataset.log.txt")) & {"data-repeated", "overfitting"}


def case_09() -> None:
    """A drop and then a steady rise is a divergence without any NaN."""
    found = diverging(524_288)
    assert found["divergence"].severity == "critical"
    assert "plateau" not in found


def case_10() -> None:
    """A loss of 7.8 after 85 iterations of a warm-up of 2,000 is where it should be."""
    steps = np.arange(85)
    loss = 7.8 + 3.1 * np.exp(-steps / 8) + np.random.default_rng(2).normal(0, 0.08, 85)
    case = make_case({"train_loss": (steps, loss)}, {"vocab_size": 50304, "warmup_steps": 2000, "init_from": "scratch"})
    assert not {f.id for f in diagnose(case) if f.severity != "info"}


def case_11() -> None:
    """Nobody knows the cause; a step far smaller than the recipe's is a fact worth showing."""
    assert "tokens a step" in words(diverging(200_000)["divergence"])
    assert "tokens a step" not in words(diverging(524_288)["divergence"])


def case_12() -> None:
    """Two evals in the excerpt: one rise is not called overfitting, and that there are too few is said."""
    found = told("nanogpt/issue_97_gptxl_shakespeare_overfit.txt")
    assert "overfitting" not in found
    assert "divergence" not in found


def case_15() -> None:
    """The gradient norm rose before the loss; most spikes come back, so no rollback before 100 iterations."""
    found = told("megatron/tr11_176B_bloom_loss_spike.txt", "--until", "31250")
    assert "before the loss" in words(found["loss-spike"])
    assert "divergence" not in found
    assert re.search(r"most spikes come back|came back", words(found["loss-spike"]), re.IGNORECASE)


def case_17() -> None:
    """What helped 104B, in the order of evidence."""
    advice = " ".join((rules()["divergence"].__doc__ or "").split())
    assert re.search(r"smaller initialisation, a longer warm-up, bfloat16.*Skipping data did not help", advice)


def case_18() -> None:
    """The scale halved five times in seven steps, the norm stood still as skipped steps repeat it."""
    found = told("megatron/tr8b_104B_overflow_divergence.txt")
    assert found["loss-scale-collapse"]["caused_by"] is None
    assert "gradient norm" in words(found["loss-scale-collapse"])


def case_19() -> None:
    """A Megatron row without its loss is the NaN."""
    assert "non-finite" in told("megatron/issue_396_no_loss_grad_nan.txt")


def case_24() -> None:
    """HF prints 0.0 in the place of NaN."""
    assert "non-finite" in told("hf-trainer/llamafactory_5660_bf16_and_fp16_nan.txt")


def case_25() -> None:
    """A first loss of an untrained model's, times the accumulation."""
    loss = 2 * np.linspace(10.9, 6.0, 60)
    facts: dict[str, Value] = {"vocab_size": 50304, "gradient_accumulation_steps": 2, "init_from": "scratch"}
    found = {f.id: f for f in diagnose(make_case({"train_loss": (np.arange(60), loss)}, facts, traits=Traits()))}
    assert "accumulation" in words(found["initial-loss"])


def case_26() -> None:
    """Stairs at the ends of epochs are what memorising looks like, and no alarm."""
    found = told("llamafactory/qwen2.5_7b_medical_trainer_log.jsonl")
    assert "epoch" in words(found["data-repeated"])
    assert found["data-repeated"]["severity"] == "info"


def case_30() -> None:
    """The same loss to the last digit after 400 iterations."""
    assert "same to the last digit" in words(told("litgpt/issue_125_falcon_flat_loss.txt")["not-learning"])


def case_31() -> None:
    """6.14 GiB are the logits of a micro-batch, and there is a batch that fits with the same tokens."""
    found = told("nanogpt/owt_124M_rtx4070_oom.txt")["out-of-memory"]
    assert "logits" in found["title"]
    assert found["patch"] == ["batch_size = 8", "gradient_accumulation_steps = 8"]


def case_35() -> None:
    """A row's time is that of one step, not of the 200 between two rows."""
    log = "nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log"
    assert 3.8 < read(log, "--until", "14800")["efficiency"]["seconds_per_step"] < 4.0


CHECKED: dict[str, Callable[[], None]] = {
    name.removeprefix("case_"): check for name, check in globals().items() if name.startswith("case_")
}
REASONS = {
    "01": "the founding run has a test of its own, of 28 claims",
    "07": "0.7 too high, but below 5 tokens per parameter no law tells; `diagnose A B` of the two runs does",
    "22": "no log; tests/diagnosis/rules/test_loss_too_low.py has its likes",
    "23": "no log; tests/diagnosis/rules/test_gradient_clipping.py has a norm that drifts",
    "27": "no log; tests/diagnosis/test_periods.py has a loss with the period of its shards",
    "29": "no rule of the book is about paging; the speed of 1.3 tokens a second is shown",
}


@pytest.mark.parametrize("name", CHECKED)
def test_what_is_said_of_a_published_case(name: str) -> None:
    """What the run's owners found out, or what must not be said."""
    CHECKED[name]()


def test_every_case_is_checked_or_its_reason_given() -> None:
    """None is forgotten, and none is both."""
    known = {path.stem for path in shared("corpus/cases").glob("*.md")}
    assert known == CHECKED.keys() | REASONS.keys()
    assert not CHECKED.keys() & REASONS.keys()
    assert CORPUS.exists()
