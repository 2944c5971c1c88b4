"""Rule batch-size."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TOKENS_PER_STEP, TOKENS_PLANNED
from diagnosis.optimiser import best_batch, beta2_for, memory_tokens, pretrains
from diagnosis.wording import count, times
from parsers.records import Value

ID = "batch-size"
NEEDS = (TOKENS_PER_STEP, TOKENS_PLANNED)

LARGE, SMALL = 4.0, 16.0
"""The laws differ by a factor of 2 to 4 among themselves; below the optimum the loss per token is flat."""
MEMORY_TOKENS, MEMORY_SHARE = 2e6, 1 / 5000
"""By judgement: a third of LIKE_USUAL, and for short runs a share of all tokens (the characters of Shakespeare are
learned with a 70th). Where Adam remembers this much a small batch does no harm."""
LIKE_USUAL = 7e6
"""Tokens that beta2 = 0.95 remembers at the usual 0.5M a step."""
TOLD_SHARES = 10
"""What is advised is that many times MEMORY_SHARE at most, so that it is well inside of it."""


def rule(case: Case) -> Finding | None:
    """The tokens of a step against the batch that the Step Law gives for the planned tokens, 0.58 D^0.571.

    A note above 4 times that: with so few steps each token teaches less. A note below a sixteenth of it, but only
    where Adam's mean of squares (beta2) also forgets within 2M tokens and 1/5000 of the run.

    Why: beyond the critical batch, more tokens a step do not make the step better. Small batches do no harm by
    themselves, if beta2's half-life is kept in tokens; else the step sizes follow the noise of a few sequences.
    Do: too large, take fewer tokens a step and more steps. Too small, raise beta2 rather than the accumulation.
    False alarms: a batch chosen for throughput on many GPUs. Silent unless it is surely Adam from scratch.
    Sources: Li 2025 (arXiv 2503.04715); Zhang 2024 (the critical batch grows with the tokens, not the model); Marek
    2025 (arXiv 2507.07101) for small batches. Lingle's optima of 0.1B to 1B tokens lie within a factor of 2.
    """
    tokens, batch = case.tokens_planned, case.tokens_per_step
    if not tokens or not batch or not pretrains(case):
        return None
    best = best_batch(tokens)
    if batch > LARGE * best:
        return _large(case, tokens, batch, best)
    return _small(case, tokens, batch, best) if batch < best / SMALL else None


def _large(case: Case, tokens: float, batch: float, best: float) -> Finding:
    settings: tuple[tuple[str, Value], ...] = ()
    accumulation, fewer = case.number("gradient_accumulation_steps"), batch / best
    if accumulation and accumulation / fewer >= 1 and "global_batch_size" not in case.facts:
        settings = (("gradient_accumulation_steps", round(accumulation / fewer)),)
    return _finding(
        case,
        f"Steps of {count(batch)} tokens are {times(batch / best)} x the usual for {count(tokens)} tokens",
        (f"about {count(best)} by the Step Law", f"the run has {tokens / batch:,.0f} steps"),
        f"Take about {count(best)} tokens a step, so {tokens / best:,.0f} steps, with the schedule stretched to them.",
        settings,
    )


def _small(case: Case, tokens: float, batch: float, best: float) -> Finding | None:
    beta2 = case.number("beta2")
    memory = None if beta2 is None else memory_tokens(beta2, batch)
    if memory is None or memory >= min(MEMORY_TOKENS, MEMORY_SHARE * tokens):
        return None
    told = float(f"{beta2_for(min(LIKE_USUAL, tokens * MEMORY_SHARE * TOLD_SHARES), batch):.4g}")
    return _finding(
        case,
        f"Steps of {count(batch)} tokens are {times(best / batch)} x below the usual for {count(tokens)} tokens",
        (
            f"about {count(best)} by the Step Law",
            f"beta2 = {beta2:g} half forgets within {count(memory)} tokens, {memory / batch:.0f} steps",
        ),
        f"Keep the batch and raise beta2 to {told:g}, or accumulate gradients if that is no cheaper.",
        (("beta2", told),),
    )


def _finding(
    case: Case, title: str, evidence: tuple[str, ...], advice: str, settings: tuple[tuple[str, Value], ...]
) -> Finding:
    return Finding(ID, "info", 0.6, title, evidence, (advice,), case.steps.first, case.steps.last, settings)
