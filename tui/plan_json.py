"""What `plan --json` prints: one object, unknown is null, every float is finite."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from diagnosis.efficiency import Efficiency
from diagnosis.plan import Plan
from diagnosis.sizes import Optimum
from tui.plan_make import Made, accumulation_of_trainer
from tui.plan_notes import notes
from tui.report_json import SCHEMA, budget_object, efficiency_object, model_object, tidy
from tui.version import VERSION

SHAPE = ("n_kv_head", "head_dim", "n_inner", "n_expert", "n_expert_active", "model_type")


def plan_document(made: Made) -> dict[str, Any]:
    """The object of the contract for a plan."""
    plan = made.plan
    tree = {
        "schema": SCHEMA,
        "traintop": VERSION,
        "path": made.case.path,
        "set": {name: fact.value for name, fact in made.changes.items()},
        "run": {"format": made.case.format, **_run(plan)},
        "budget": _budget(plan),
        "efficiency": efficiency_object(made.speed or _expected(made)),
        "flops": plan.flops,
        "hours": _hours(made),
        "memory": _memory(made),
        "batch": _batch(made),
        "bands": _bands(plan),
        "sizes": [{"name": name, **_size(one)} for name, one in made.rows],
        "optimal": None if made.best is None else {"low": _optimum(made.best[0]), "high": _optimum(made.best[1])},
        "patch": list(made.patch),
        "notes": list(notes(made)),
    }
    tidied: dict[str, Any] = tidy(tree)
    return tidied


def _run(plan: Plan) -> dict[str, Any]:
    model = model_object(plan.size)
    shape = plan.size.shape if plan.size else None
    model["shape"] |= {name: getattr(shape, name) if shape else None for name in SHAPE}
    return {
        "model": {**model, "parts": asdict(plan.parts)},
        "step": {"planned": plan.steps},
        "tokens_per_step": plan.tokens_per_step,
        "tokens_planned": plan.tokens,
        "tokens_assumed": plan.tokens_assumed,
    }


def _budget(plan: Plan) -> dict[str, Any]:
    """The object of the contract, with what only a plan shows."""
    budget = plan.budget
    return {
        **budget_object(budget),
        "planned_ratio": budget.planned_ratio if budget else None,
        "fit_optimal_tokens": budget.fit_optimal_tokens if budget else None,
        "repetition_cost": budget.repetition_cost if budget else None,
    }


def _expected(made: Made) -> Efficiency:
    """What is known of the speed before there is a log: the cost of a token and the peak."""
    peak = made.hand.peak
    return Efficiency(
        seconds_per_step=None,
        tokens_per_second=None,
        flops_per_token=made.plan.flops_per_token,
        flops=None,
        flops_per_gpu=None,
        mfu=None,
        peak_flops=peak.flops if peak else None,
        peak_source=peak.source if peak else None,
        peak_name=peak.name if peak else None,
        mfu_logged=None,
        mfu_logged_peak_flops=None,
        mfu_logged_peak_name=None,
        overhead=None,
        eval_seconds=None,
    )


def _hours(made: Made) -> dict[str, Any] | None:
    pace, hours = made.pace, made.plan.hours
    if pace is None or hours is None:
        return None
    return {
        "low": hours[0],
        "high": hours[1],
        "basis": pace.basis,
        "gpus": made.hand.count,
        "gpus_assumed": made.hand.assumed,
        "tflops": {"low": pace.low / 1e12, "high": pace.high / 1e12},
        "share_of_peak": None if pace.share is None else {"low": pace.share[0], "high": pace.share[1]},
    }


def _memory(made: Made) -> dict[str, Any]:
    memory = made.plan.memory
    return {
        "parts": dict(memory.parts) if memory else None,
        "total": memory.total_bytes if memory else None,
        "limit": made.hand.limit_bytes,
        "unknown": made.plan.memory_unknown,
    }


def _batch(made: Made) -> dict[str, Any]:
    memory = made.plan.memory
    return {
        "micro_batch": made.case.number("batch_size"),
        "accumulation": made.case.number("gradient_accumulation_steps"),
        "tokens_per_step": made.plan.tokens_per_step,
        "choices": [
            {
                "micro_batch": choice.micro_batch,
                "accumulation": accumulation_of_trainer(made, choice.accumulation),
                "memory": choice.expected_bytes,
                "fits": choice.fits,
            }
            for choice in (memory.choices if memory else ())
        ],
        "patch": list(made.fitting),
    }


def _bands(plan: Plan) -> dict[str, Any]:
    """What the laws find best for AdamW from scratch."""
    rates = plan.rates
    return {
        "learning_rate": None if rates is None else {"low": rates.low, "high": rates.high, "first": rates.middle},
        "tokens_per_step": plan.best_batch,
    }


def _size(plan: Plan) -> dict[str, Any]:
    return {
        **_run(plan),
        "budget": _budget(plan),
        "flops_per_token": plan.flops_per_token,
        "flops": plan.flops,
        "hours": None if plan.hours is None else {"low": plan.hours[0], "high": plan.hours[1]},
        "memory": plan.memory.total_bytes if plan.memory else None,
        "bands": _bands(plan),
    }


def _optimum(best: Optimum) -> dict[str, Any]:
    return {
        "flops": best.flops,
        "parameters": best.parameters,
        "tokens": best.tokens,
        "at_20_tokens_per_parameter": {"parameters": best.parameters_at_20, "tokens": best.tokens_at_20},
    }
