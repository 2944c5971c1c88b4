"""What the laws say of the real 40 M run on an RTX 4070 that the tests of the screen show."""

from __future__ import annotations

from typing import Any

from runs import TOKENS_PER_STEP, founding_efficiency

from diagnosis.budget import Band, Budget, ExpectedLoss
from diagnosis.forecast import Forecast
from diagnosis.memory import BatchChoice, MemoryEstimate
from diagnosis.model import ModelSize, Shape
from diagnosis.trend import Trend

PLANNED_STEPS = 20_000
SECONDS_PER_STEP = 3.905
"""What the eta reckons with."""
OPTIMAL_TOKENS = 811e6

SIZE = ModelSize(
    parameters=40.56e6,
    with_positions=40.95e6,
    non_embedding=21.3e6,
    claimed=125e6,
    claim_where="a comment",
    where="printed",
    shape=Shape(n_layer=12, n_head=12, n_embd=384, vocab_size=50_304, block_size=1024),
)
EFFICIENCY = founding_efficiency(mfu_logged=0.113, overhead=0.03)
MEMORY = MemoryEstimate(
    parts=(("weights", 0.16e9), ("optimizer", 0.33e9), ("activations", 9.1e9)),
    total_bytes=10.2e9,
    calibrated=False,
    limit_bytes=12.6e9,
    choices=(
        BatchChoice(micro_batch=16, accumulation=32, expected_bytes=10.2e9, fits=True),
        BatchChoice(micro_batch=32, accumulation=16, expected_bytes=19.0e9, fits=False),
    ),
)


def laws_at(step: int) -> dict[str, Any]:
    """The fields of Case that the laws fill, at `step`."""
    tokens_seen = step * TOKENS_PER_STEP
    return {
        "tokens_per_step": TOKENS_PER_STEP,
        "tokens_seen": tokens_seen,
        "tokens_planned": PLANNED_STEPS * TOKENS_PER_STEP,
        "size": SIZE,
        "budget": budget_at(tokens_seen),
        "trend": trend_at(step),
        "forecast": forecast_at(step),
        "efficiency": EFFICIENCY,
        "memory": MEMORY,
        "eta_seconds": (PLANNED_STEPS - step) * SECONDS_PER_STEP,
        "eval_standard_error": 0.007,
    }


def budget_at(tokens_seen: float) -> Budget:
    """Only the ratio follows what was seen; the rest is that of step 14,500."""
    return Budget(
        optimal_tokens=OPTIMAL_TOKENS,
        ratio=tokens_seen / OPTIMAL_TOKENS,
        planned_ratio=12.93,
        fit_optimal_tokens=0.9e9,
        unique_tokens=None,
        epochs=None,
        repetition_cost=None,
        expected_loss=ExpectedLoss(Band(3.61, 3.56, 3.66), "fineweb"),
        loss_gain_doubling_tokens=0.11,
        overtraining_cost=0.09,
    )


def trend_at(step: int) -> Trend:
    """A validation loss that still falls, in a window that ends at `step`."""
    return Trend(
        verdict="improving",
        metric="val_loss",
        slope=-0.007,
        low=-0.011,
        high=-0.004,
        p_value=1e-4,
        expected_slope=-0.008,
        window=(10_000, step),
        points=10,
        perplexity=35.5,
        noise=0.008,
    )


def forecast_at(step: int) -> Forecast | None:
    """None once the run is over."""
    if step >= PLANNED_STEPS:
        return None
    return Forecast(PLANNED_STEPS, "val_loss", value=3.53, low=3.50, high=3.56, method="annealing law")
