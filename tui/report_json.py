"""What `diagnose --json` prints: one object, unknown is null, every float is finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from diagnosis.budget import Budget
from diagnosis.case import Case
from diagnosis.efficiency import Efficiency
from diagnosis.finding import Finding
from diagnosis.forecast import Forecast
from diagnosis.model import ModelSize
from diagnosis.needs import Need
from diagnosis.patch import patch
from diagnosis.run import WALL_SECONDS
from diagnosis.series import Series
from gpu.sample import GpuSample
from tui.version import VERSION

SCHEMA = 1
SIGNIFICANT_DIGITS = 6


def document(case: Case, findings: Sequence[Finding], *, target: float | None = None) -> dict[str, Any]:
    """The object of the contract for one run; `target` is the loss whose step was asked for."""
    trend = case.trend
    tree = {
        "schema": SCHEMA,
        "traintop": VERSION,
        "path": case.path,
        "run": _run(case),
        "budget": budget_object(case.budget),
        "trend": {
            "verdict": trend.verdict if trend else "unknown",
            "metric": trend.metric if trend else None,
            "slope_per_1000_steps": trend.slope if trend else None,
            "low": trend.low if trend else None,
            "high": trend.high if trend else None,
            "perplexity": trend.perplexity if trend else None,
            "forecast": _forecast(case.forecast),
            "if_annealed_now": _forecast(case.outlook.annealed) if case.outlook else None,
            "at_double_tokens": _forecast(case.outlook.doubled) if case.outlook else None,
            "reaches": _reaches(case, target),
        },
        "efficiency": efficiency_object(case.efficiency),
        "gpu": [_gpu(sample) for sample in case.gpus],
        "findings": [_finding(case, finding) for finding in findings],
    }
    tidied: dict[str, Any] = tidy(tree)
    return tidied


def silent_rules(silent: Sequence[tuple[str, tuple[Need, ...]]]) -> list[dict[str, Any]]:
    """The rules that could not speak: what each misses, and the option that would say it (None: it is not logged)."""
    return [{"id": name, "needs": [{"what": n.what, "mend": n.mend} for n in needs]} for name, needs in silent]


def tidy(value: Any) -> Any:
    """Floats rounded to 6 significant digits, whole ones as integers, what is not finite as None."""
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e18 else float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value


def _run(case: Case) -> dict[str, Any]:
    return {
        "format": case.format,
        "state": case.state,
        "model": model_object(case.size),
        "step": {"first": case.steps.first, "last": case.steps.last, "planned": case.steps.planned},
        "tokens_per_step": case.tokens_per_step,
        "tokens_seen": case.tokens_seen,
        "segments": len(case.segments),
        "series": {n: _series(s, case.rows.get(n, len(s))) for n, s in case.series.items() if len(s) and _is_shown(n)},
    }


def _is_shown(name: str) -> bool:
    return name != WALL_SECONDS


def _series(series: Series, rows: int) -> dict[str, Any]:
    best = series.best
    return {
        "n": rows,
        "last": series.last,
        "best": best[1] if best else None,
        "best_step": best[0] if best else None,
    }


def model_object(size: ModelSize | None) -> dict[str, Any]:
    """`run.model` of the contract."""
    shape = size.shape if size else None
    names = ("n_layer", "n_head", "n_embd", "vocab_size", "block_size")
    return {
        "parameters": size.parameters if size else None,
        "claimed_parameters": size.claimed if size else None,
        "shape": {name: getattr(shape, name) if shape else None for name in names},
    }


def budget_object(budget: Budget | None) -> dict[str, Any]:
    """`budget` of the contract."""
    expected = budget.expected_loss if budget else None
    return {
        "optimal_tokens": budget.optimal_tokens if budget else None,
        "ratio": budget.ratio if budget else None,
        "unique_tokens": budget.unique_tokens if budget else None,
        "epochs": budget.epochs if budget else None,
        "expected_loss": None
        if expected is None
        else {
            "value": expected.band.value,
            "low": expected.band.low,
            "high": expected.band.high,
            "dataset": expected.dataset,
        },
        "loss_gain_doubling_tokens": budget.loss_gain_doubling_tokens if budget else None,
    }


def _forecast(forecast: Forecast | None) -> dict[str, Any] | None:
    if forecast is None:
        return None
    return {
        "step": forecast.step,
        "metric": forecast.metric,
        "value": forecast.value,
        "low": forecast.low,
        "high": forecast.high,
        "known_schedule": forecast.known_schedule,
    }


def _reaches(case: Case, target: float | None) -> dict[str, Any] | None:
    """None where no loss was asked for, and where no forecast carries the answer."""
    reach = case.outlook.reach(target) if case.outlook and target is not None else None
    if reach is None:
        return None
    return {
        "loss": reach.loss,
        "step": reach.step,
        "low": reach.earliest,
        "high": reach.latest,
        "in_this_run": reach.earliest is not None,
    }


def efficiency_object(speed: Efficiency | None) -> dict[str, Any]:
    """`efficiency` of the contract."""

    def tera(flops: float | None) -> float | None:
        return None if flops is None else flops / 1e12

    return {
        "seconds_per_step": speed.seconds_per_step if speed else None,
        "tokens_per_second": speed.tokens_per_second if speed else None,
        "flops_per_token": speed.flops_per_token if speed else None,
        "tflops": tera(speed.flops) if speed else None,
        "mfu": speed.mfu if speed else None,
        "peak_tflops": tera(speed.peak_flops) if speed else None,
        "peak_source": speed.peak_source if speed else None,
        "mfu_logged": speed.mfu_logged if speed else None,
        "mfu_logged_peak_tflops": tera(speed.mfu_logged_peak_flops) if speed else None,
    }


def _gpu(sample: GpuSample) -> dict[str, Any]:
    return {
        "index": sample.index,
        "name": sample.name,
        "memory_total": sample.memory_total_bytes,
        "memory_used": sample.memory_used_bytes,
        "utilization": sample.utilization,
        "power_w": sample.power_watts,
        "temperature_c": sample.temperature_c,
        "throttle": None if sample.throttle is None else list(sample.throttle),
    }


def _finding(case: Case, finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "title": finding.title,
        "evidence": list(finding.evidence),
        "advice": list(finding.advice),
        "patch": list(patch(case, finding.settings)),
        "first_step": finding.first_step,
        "step": finding.step,
        "caused_by": finding.caused_by,
    }
