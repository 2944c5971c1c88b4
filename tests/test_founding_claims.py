"""What five confident analyses said of three real runs, and what traintop says: right, or nothing.

The runs, their analyses and what became of them: the logs are public and run on past the moments at which the claims
were made. Each claim of the score sheet is one row; a claim that was wrong must not be among what traintop says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from raw_logs import CORPUS, shared

from diagnosis.budget import OPENWEBTEXT, fitted_loss
from tui.cli import main

A = "nanogpt/seed003_run_40M_rtx4070_lr5e-4.log"
B = "nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log"
C = "nanogpt/followup_124M_rtx4070_run3.log"
RTX4070 = ("--gpu", "RTX 4070")
WITH_CONFIG = ("--config", "A.py")
ASKED_AT = ("--until", "14800")
"""Where the owner of run B pasted his log into a chat."""


@dataclass(frozen=True)
class Told:
    """What one reading says: its JSON, its findings by id, and all words of them in one."""

    doc: Mapping[str, Any]

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        return {finding["id"]: finding for finding in self.doc["findings"]}

    def says(self, name: str) -> str:
        """All that the finding says; empty where there is none."""
        finding = self.findings.get(name)
        return "" if finding is None else " ".join([finding["title"], *finding["evidence"], *finding["advice"]])

    @property
    def words(self) -> str:
        return " ".join(self.says(name) for name in self.findings).lower()

    def alarms(self, *names: str) -> list[str]:
        """Those of the names that are warnings or worse."""
        return [n for n in names if self.findings.get(n, {}).get("severity", "info") != "info"]


@dataclass(frozen=True)
class Claim:
    number: int
    said: str
    verdict: str
    """Right or wrong, and why."""
    log: str
    args: tuple[str, ...]
    holds: Callable[[Told], bool]


def between(low: float, value: float | None, high: float) -> bool:
    return value is not None and low <= value <= high


def expects(told: Told, low: float, high: float) -> bool:
    expected = told.doc["budget"]["expected_loss"]
    return expected is not None and low <= expected["low"] and expected["high"] <= high


CLAIMS = (
    Claim(1, "The model is 40.56M, not 125M: n_embd 384, not 768", "right", B, ASKED_AT,
          lambda t: all(word in t.says("size-mismatch") for word in ("40.56M", "125M", "n_embd = 384", "768"))),
    Claim(2, "Most parameters are in linear layers", "half: 19.3M are the embedding", B, ASKED_AT,
          lambda t: "without the embedding (21.24M)" in t.says("token-budget")),
    Claim(3, "3.57 is decent for 40M on FineWeb", "right: 3.609 at the end, 3.62 expected", B, (),
          lambda t: not t.alarms("loss-above-expected", "loss-too-low") and expects(t, 3.5, 3.7)),
    Claim(4, "It is full, saturated, squeezed out", "wrong: it fell another 0.05", B, ASKED_AT,
          lambda t: t.doc["trend"]["verdict"] == "improving" and "plateau" not in t.findings
          and between(0.09, t.doc["budget"]["loss_gain_doubling_tokens"], 0.13)),
    Claim(5, "Dropout makes val lower than train", "wrong: both are measured in eval mode", B, ASKED_AT,
          lambda t: "dropout is in neither" in t.says("val-below-train")),
    Claim(6, "Set dropout to 0", "right: it costs 0.09 in training loss", B, ASKED_AT,
          lambda t: "0.10" in t.says("dropout-cost") and "0.0" in t.says("dropout-cost")),
    Claim(7, "9.4 x Chinchilla, hence a plateau", "the figure right, the conclusion wrong", B, ASKED_AT,
          lambda t: between(9.3, t.doc["budget"]["ratio"], 9.7) and "stop" not in t.says("token-budget").lower()
          and t.findings["token-budget"]["severity"] == "info"),
    Claim(8, "MFU is 11 %, aim for 30 %", "wrong: of an A100; 69 % of this GPU", B, (*ASKED_AT, *RTX4070),
          lambda t: between(0.68, t.doc["efficiency"]["mfu"], 0.70) and "mfu-reference" in t.findings
          and "low-mfu" not in t.findings),
    Claim(9, "Not enough SMs: the batch is badly aligned", "wrong: a gate of torch's autotuning", B, ASKED_AT,
          lambda t: "whatever the batch or model" in t.says("harmless-message")),
    Claim(10, "GPT-2 small reaches 3.0 or less", "wrong: 3.29 on this data", B, ASKED_AT,
          lambda t: "gpt-2" not in t.words),
    Claim(11, "n_embd 768 reaches 3.2 or 3.0 at step 10,000", "wrong: 3.385", C, ("--until", "10000"),
          lambda t: expects(t, 3.3, 3.5) and t.doc["trend"]["forecast"]["low"] > 3.25),
    Claim(12, "Batch 8 or 4 with more accumulation fits", "right", C, RTX4070,
          lambda t: all(fit in t.says("vram-headroom") for fit in ("8 x 64", "4 x 128"))),
    Claim(13, "It must begin anew; the MFU does not change the loss", "right", B, (*ASKED_AT, *RTX4070),
          lambda t: "anew" in t.says("size-mismatch") and "anew" not in t.says("mfu-reference")),
    Claim(14, "It overfits a small file", "wrong: the curves are close because it does not", B, ("--until", "10000"),
          lambda t: "overfitting" not in t.findings and t.doc["budget"]["epochs"] is None),
    Claim(15, "1e-3 is too high; see iter 10000: 4.1096", "wrong: one micro-batch; small models want more", B,
          ("--until", "10000"), lambda t: not t.alarms("learning-rate", "loss-spike", "divergence", "loss-shift")),
    Claim(16, "A warm-up of 500 is too short", "wrong: 262M tokens, 6.5 a parameter", B, ("--until", "10000"),
          lambda t: "warmup" not in t.findings),
    Claim(17, "beta2 should be 0.999", "wrong: 0.95 to 0.99 in language models", B, ("--until", "10000"),
          lambda t: "0.999" not in t.words),
    Claim(18, "Add gradient clipping at 1.0", "wrong: it is on by default", B, ("--until", "10000"),
          lambda t: "clip" not in t.words),
    Claim(19, "The GradScaler rounds the loss", "wrong: bfloat16, the scaler is off", B, ("--until", "10000"),
          lambda t: "scaler is off" in t.says("harmless-message")),
    Claim(20, "200 eval batches are too few: it is unstable", "wrong: rises within the noise are due", B,
          ("--until", "10000"),
          lambda t: "noise" in t.says("eval-resolution") and not t.alarms("eval-resolution", "overfitting", "plateau")),
    Claim(21, "Raise weight decay to 0.2 and dropout to 0.2", "wrong: the opposite of what the data say", B,
          ("--until", "10000"), lambda t: "dropout = 0.2" not in t.words and "weight_decay = 0.2" not in t.words),
    Claim(22, "Shakespeare reaches 1.5", "wrong: characters, not BPE tokens", B, ("--until", "10000"),
          lambda t: "shakespeare" not in t.words and "loss-units" not in t.findings),
    Claim(23, "It is not yet a hard plateau", "right", B, ("--until", "10000"),
          lambda t: t.doc["trend"]["verdict"] == "improving"),
    Claim(24, "4.14 is much better than usual", "wrong: 0.3 worse than its size and tokens give", A, WITH_CONFIG,
          lambda t: bool(t.alarms("loss-above-expected")) and expects(t, 3.7, 3.9)),
    Claim(25, "124M on OpenWebText ends at 3.1 after 1T tokens", "wrong: 2.85 after 295B", A, WITH_CONFIG,
          lambda _: between(2.80, fitted_loss(124e6, 295e9) + OPENWEBTEXT.value, 2.90)),
    Claim(26, "One parquet is 10B tokens", "wrong by ten; nobody knows without the file", A, WITH_CONFIG,
          lambda t: t.doc["budget"]["unique_tokens"] is None and "data-repeated" not in t.findings),
    Claim(27, "The MFU is normal for a 4070: VRAM-limited", "right; compute limits it", A,
          (*WITH_CONFIG, *RTX4070),
          lambda t: between(0.68, t.doc["efficiency"]["mfu"], 0.72) and "low-mfu" not in t.findings),
    Claim(28, "Go on to 12,000 or 20,000 steps for 4.0", "wrong: its cosine had ended", A,
          WITH_CONFIG,
          lambda t: t.doc["run"]["state"] == "finished"
          and t.doc["trend"]["forecast"] is None),
)  # fmt: skip
CONFIG_OF_A = """
dataset = "openwebtext"
n_layer = 12
n_head = 12
n_embd = 384
batch_size = 16
gradient_accumulation_steps = 32
block_size = 1024
vocab_size = 50304
dropout = 0.0
learning_rate = 5e-4
min_lr = 5e-5
warmup_iters = 500
max_iters = 6000
lr_decay_iters = 6000
"""


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, tuple[str, ...]], Told]:
    """Each reading is made once."""
    shared("corpus")
    config = tmp_path_factory.mktemp("run") / "A.py"
    config.write_text(CONFIG_OF_A)

    @cache
    def read(log: str, args: tuple[str, ...]) -> Told:
        given = [str(config) if arg == "A.py" else arg for arg in args]
        with pytest.MonkeyPatch.context() as patch:
            said: list[str] = []
            patch.setattr("builtins.print", lambda *words, **_: said.append(str(words[0])))
            assert main(["diagnose", str(CORPUS / log), "--json", *given]) == 0
        return Told(json.loads(next(text for text in said if text.startswith("{"))))

    return read


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.number}")
def test_each_claim_is_told_rightly_or_not_at_all(
    claim: Claim, readings: Callable[[str, tuple[str, ...]], Told]
) -> None:
    """28 claims, 19 of them wrong when they were made."""
    assert claim.holds(readings(claim.log, claim.args)), (claim.said, claim.verdict)
