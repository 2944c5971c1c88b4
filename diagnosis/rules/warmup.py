"""Rule warmup."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding, Severity
from diagnosis.logged_schedule import rates_of
from diagnosis.needs import LEARNING_RATE, PARAMETERS, WARMUP, either
from diagnosis.optimiser import band_of, is_adam, is_pretraining, names_no_optimizer, peak_rate
from diagnosis.wording import count, percent
from parsers.records import Value

ID = "warmup"
NEEDS = (either(WARMUP, LEARNING_RATE), PARAMETERS)

LEAST_STEPS = 100
"""Judgement: just below the fewest steps that GPT-3 took, 117."""
BETA2_MEMORIES = 2.0
"""A linear warm-up over 2 / (1 - beta2) steps is enough for Adam's mean of squares: Ma & Yarats 2019, arXiv 1910.04209.
That is 40 steps at 0.95; where it is more than 100, 100 count."""
NONE_STEPS = 10
"""Judgement: over so few Adam's mean of squares, at a beta2 of 0.95, has seen less than half of what it averages."""
ENOUGH_STEPS = 500
"""GPT-3 took 375M tokens at all sizes, 117 to 750 steps of its full batch; so many steps are never called short."""
LEAST_SHARE = 0.5
"""Of a token for each parameter. Porian 2024 takes one; llm.c's 124M 3, Llama's 7B 1.1."""
USUAL_SHARE = 0.02
"""Of the steps: what Lingle's sweeps took. A warm-up of that share is not short, whatever its steps."""
LONG_SHARE, LONG_STEPS = 0.10, 200
"""Judgement: five times what is usual; a tenth of a short run is few steps all the same."""
ALL_SHARE = 0.8
"""Judgement: what comes after is no training at the learning rate that was chosen."""
SMOKE_STEPS = 200
"""A run that is planned so short tests whether it runs; its schedule is that of the real one."""


@dataclass(frozen=True, slots=True)
class _Warmup:
    steps: float
    seen_step: int | None
    """When that was known: at once by a config, after it by the logged rates."""


def rule(case: Case) -> Finding | None:
    """The learning rate's warm-up: none, too short, too long, or as long as the run.

    None is one of fewer than 10 steps: a note, a warning where the peak is beyond the middle of the usual band (see
    learning-rate). Short is one of fewer than 100 steps, or than 2 / (1 - beta2) if that is less, or of fewer than 500
    that are less than half a token per parameter, unless it is 2 % of the planned steps. Long is one of more than 200
    steps and 10 % of the planned ones; from 80 % on the run ends before its peak, a warning, but for runs of 200 steps
    or less, which are tests.

    Why: Adam divides by a mean of squares that is of a few batches at first, so that its first steps are as large as
    the learning rate lets them be; none at all cost 0.10 nats in a sibling run that was the same otherwise. A long one
    is time below the learning rate that was chosen.
    Do: warm up over 100 steps and half a token per parameter, or over 2 % of the run where that is less.
    False alarms: other optimisers, fine-tuning and resumed runs. None and short are said of Adam from scratch only;
    where nothing names the optimiser, none is a note that says so.
    Sources: AGNDM's build-nanogpt runs (no warm-up: 3.168, with: 3.066); Porian 2024 (arXiv 2406.19146) for one token
    per parameter; Ma & Yarats 2019 (arXiv 1910.04209); Kaplan's 3,000 steps were too long by Porian's account. The
    limits between are judgement.
    """
    found = _warmup(case)
    if found is None:
        return None
    if _long(case, found.steps):
        return _too_long(case, found)
    if case.text("init_from") == "resume" or len(case.segments) > 1 or not is_pretraining(case):
        return None
    if found.steps < NONE_STEPS:
        return _none(case, found) if is_adam(case) or names_no_optimizer(case) else None
    return _too_short(case, found) if is_adam(case) and _short(case, found.steps) else None


def _warmup(case: Case) -> _Warmup | None:
    """As stated, else as the logged rates show it once they have passed their peak."""
    stated = case.number("warmup_steps")
    if case.flag("decay_lr") is False:
        return _Warmup(0.0, case.steps.first)
    if stated is not None:
        return _Warmup(stated, case.steps.first)
    rates = case.metric("learning_rate").finite
    seen = rates_of(rates)
    if seen is None or not seen.from_start or seen.rising or case.traits.steps_count != "updates":
        return None
    after = np.flatnonzero(rates.steps >= max(2 * seen.peak_step, LEAST_STEPS))
    if not len(after):
        return None
    # Rows further apart than a warm-up may be hide it.
    begins = 0.0 if seen.peak_step == rates.steps[0] else float(seen.peak_step)
    return None if rates.steps[1] - rates.steps[0] > NONE_STEPS else _Warmup(begins, int(rates.steps[after[0]]))


def _long(case: Case, steps: float) -> bool:
    planned = case.steps.planned
    return (
        planned is not None and case.traits.steps_count == "updates" and steps > max(LONG_STEPS, LONG_SHARE * planned)
    )


def _short(case: Case, steps: float) -> bool:
    planned = case.steps.planned
    if planned is None or steps >= USUAL_SHARE * planned:
        return False
    tokens, parameters = case.tokens_per_step, case.size.parameters if case.size else None
    few = tokens is not None and parameters is not None and steps * tokens < LEAST_SHARE * parameters
    return steps < _least(case) or (steps < ENOUGH_STEPS and few)


def _least(case: Case) -> float:
    beta2 = case.number("beta2")
    return LEAST_STEPS if beta2 is None or not 0 < beta2 < 1 else min(LEAST_STEPS, BETA2_MEMORIES / (1 - beta2))


def _wanted(case: Case) -> int:
    """The steps to set, in two digits."""
    tokens, parameters, planned = case.tokens_per_step, case.size.parameters if case.size else None, case.steps.planned
    steps = LEAST_SHARE * parameters / tokens if tokens and parameters else 0.0
    steps = min(ENOUGH_STEPS, max(LEAST_STEPS, steps))
    if planned is not None:
        steps = min(steps, max(USUAL_SHARE * planned, min(LEAST_STEPS, LONG_SHARE * planned)))
    return max(1, int(float(f"{steps:.2g}")))


def _none(case: Case, found: _Warmup) -> Finding:
    rate, band = peak_rate(case), band_of(case)
    steep = rate is not None and band is not None and rate > band.middle
    wanted = _wanted(case)
    settings: tuple[tuple[str, Value], ...] = (("warmup_steps", wanted),)
    if case.flag("decay_lr") is False:
        settings = ()
    if_adam = "" if is_adam(case) else " if it trains with Adam, which the log does not say"
    told = f"learning rate {rate:.3g}" if rate else "the full learning rate"
    beyond = f", beyond the {band.middle:.2g} to try first" if steep and band is not None else ""
    return _finding(
        case,
        found,
        "warning" if steep and is_adam(case) else "info",
        title="The learning rate has no warm-up",
        evidence=(
            f"{told} from the first step{beyond}",
            "without one, the same run ended 0.10 nats higher (124M, 10B tokens)",
        ),
        advice=f"Warm up over {wanted:,} steps{if_adam}.",
        settings=settings,
    )


def _too_short(case: Case, found: _Warmup) -> Finding:
    wanted = _wanted(case)
    return _finding(
        case,
        found,
        "info",
        title=f"A short warm-up: {found.steps:,.0f} steps",
        evidence=(_size_of(case, found.steps),),
        advice=f"Take {wanted:,} steps if the loss is unstable early on; it costs next to nothing.",
        settings=(("warmup_steps", wanted),),
    )


def _too_long(case: Case, found: _Warmup) -> Finding:
    planned = case.steps.planned or 0
    never = found.steps >= ALL_SHARE * planned
    severity: Severity = "warning" if never and planned > SMOKE_STEPS else "info"
    wanted = _wanted(case) if is_adam(case) else max(1, int(USUAL_SHARE * planned))
    title = (
        f"The warm-up of {found.steps:,.0f} steps takes the whole run of {planned:,}"
        if never
        else f"A long warm-up: {percent(found.steps / planned)} of the run"
    )
    return _finding(
        case,
        found,
        severity,
        title=title,
        evidence=(f"{found.steps:,.0f} of {planned:,} planned steps; {percent(USUAL_SHARE)} are usual",),
        advice=f"Warm up over {wanted:,} steps.",
        settings=(("warmup_steps", wanted),),
    )


def _size_of(case: Case, steps: float) -> str:
    parameters, tokens = case.size.parameters if case.size else None, case.tokens_per_step
    share = f"{percent(steps / case.steps.planned)} of the run" if case.steps.planned else "of an unknown run"
    if not parameters or not tokens:
        return share
    return f"{share}, {count(steps * tokens)} tokens for {count(parameters)} parameters"


def _finding(
    case: Case,
    found: _Warmup,
    severity: Severity,
    *,
    title: str,
    evidence: tuple[str, ...],
    advice: str,
    settings: tuple[tuple[str, Value], ...],
) -> Finding:
    return Finding(
        id=ID,
        severity=severity,
        confidence=0.6 if severity == "info" else 0.8,
        title=title,
        evidence=evidence,
        advice=(advice,),
        first_step=found.seen_step,
        step=case.steps.last,
        settings=settings,
    )
