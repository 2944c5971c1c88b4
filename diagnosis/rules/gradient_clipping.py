"""Rule gradient-clipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import GRAD_CLIP, GRAD_NORM, LEARNING_RATE, SCHEDULE, either
from diagnosis.optimiser import peak_rate
from diagnosis.series import Series
from diagnosis.statistics import block_medians, theil_sen
from diagnosis.vocabulary import is_fresh
from diagnosis.wording import percent, times
from parsers.records import Floats

ID = "gradient-clipping"
NEEDS = (GRAD_NORM, either(GRAD_CLIP, either(LEARNING_RATE, SCHEDULE)))

MOST_CLIPPED, FEW_CLIPPED = 0.5, 0.4
"""The share that fires, and the one below which it is over. Source of the half: Google's tuning playbook."""
SURE = 1.0
"""Two standard errors of a share of a half in n rows are 1 / sqrt(n)."""
HARD = 2.0
"""Adam divides by the size of the gradients, so that cutting all of them alike changes little. Where the usual norm is
so many times the threshold, only the rare small gradients count in full."""
AT_CLIP = 0.999
"""A trainer that logs the norm after clipping prints the threshold itself, to its last digit."""
FEWEST = 200
"""Rows: the newer half of them tells a share to within a tenth."""
EARLY_STEPS = 200
"""By judgement: norms of 15 and more of a new model are over by then, whatever the warm-up."""
DRIFT, STEADY = 2.0, 1.3
"""By judgement: a rise over a window that no healthy run has shown, and one that ends the drift."""
DRIFT_STEPS = 1000
"""By judgement: what rises over less may be a stretch of hard data."""
BLOCKS = 48
"""Medians that a window is thinned to: 1,128 pairs, which cost nothing."""
LOWEST_RATE = 0.1
"""Of the peak: below, the norm rises in healthy runs too."""
LOOKS = 1.2
"""Each look is at so many times the rows of the one before: windows of two in turn overlap by half."""


@dataclass(frozen=True, slots=True)
class _State:
    """What is so now, and since which look: rows that had come by then."""

    value: float
    rows: int


def rule(case: Case) -> Finding | None:
    """Most gradients are clipped, or their norm drifts up.

    Clipped: over the newer half of the rows after the warm-up (200 steps and 200 rows at least), surely more than half
    (by two standard errors) have a norm at the clipping threshold or above. A note; a warning where more than half are
    at twice the threshold or above in a language model that is not fine-tuned. It is over below 40 %.
    Drifting, a warning: over the newest third of these rows, 1,000 steps at least, the norm times the square root of
    the learning rate doubles by the lower end of the 90 % interval of its slope (Theil-Sen), at two looks in turn that
    are 20 % of the rows apart. It is over when the slope gives less than 1.3. Only for such language models, too.

    Why: if nearly all gradients are cut to one length, the threshold sets the step sizes, not the learning rate, and
    the outliers that clipping is for are no longer told apart. A norm that drifts up went before the instabilities of
    OPT-175B; a learning rate that was 10 % lower stopped it once, a much lower one when it came again.
    Do: clipped, lower the learning rate rather than raise the threshold; drifting, lower it by 10 to 33 %.
    False alarms: the first steps, when norms are large; the end of a decay, when they rise by themselves as one over
    the square root of the learning rate. Recipes of fine-tuning, reinforcement learning and vision clip nearly all
    on purpose (QLoRA at 0.3, DETR at 0.1), and norms rise as examples are learned by heart. A norm that is logged after
    clipping never exceeds the threshold and gives the note only. Without a known learning rate no drift is told.
    Sources: Google's deep learning tuning playbook; metaseq's chronicles of OPT-175B, 56 %; Defazio 2025 (arXiv
    2506.02285) for the end of a decay. Norms stay at 0.2 to 0.3 all along in llm.c's and build-nanogpt's runs of 124M
    and 254M.
    """
    norms = case.metric("grad_norm").finite
    if len(norms) < FEWEST or case.traits.steps_count != "updates":
        return None
    settled = norms.since(max(EARLY_STEPS, 2 * _warmup(case)))
    if len(settled) < FEWEST:
        return None
    return (_drifting(case, norms, settled) if _pretrains(case) else None) or _clipped(case, settled)


def _pretrains(case: Case) -> bool:
    """Whether it is a language model that is not known to have begun trained."""
    return case.traits.loss_unit == "nats" and is_fresh(case) is not False


def _warmup(case: Case) -> float:
    stated = case.number("warmup_steps")
    if stated is None and case.schedule is not None:
        stated = case.schedule.warmup_steps
    return stated or 0.0


def _looks(count: int) -> list[int]:
    """The numbers of rows at which the series was looked at, the same whenever one looks."""
    at, seen = float(FEWEST), []
    while at <= count:
        seen.append(int(at))
        at *= LOOKS
    return seen


def _clipped(case: Case, settled: Series) -> Finding | None:
    clip = case.number("grad_clip")
    if clip is None or clip <= 0:
        return None
    counts = _looks(len(settled))
    most = _lasting([_newer_share(settled.values >= AT_CLIP * clip, n) for n in counts], counts)
    if most is None:
        return None
    far = [_newer_share(settled.values >= HARD * clip, n) for n in counts]
    hard = _pretrains(case) and _lasting(far, counts) is not None
    usual = float(np.median(settled.values[len(settled) // 2 :]))
    return Finding(
        id=ID,
        severity="warning" if hard else "info",
        confidence=0.7,
        title=f"{percent(most.value)} of the gradients are clipped",
        evidence=(
            f"norm {usual:.3g} in the middle of the newer half, threshold {clip:g}",
            f"{len(settled):,} rows after the warm-up",
        ),
        advice=(
            "Lower the learning rate rather than raise the threshold.",
            "See whether the loss is a sum, over accumulated batches or devices, where it should be a mean.",
        )
        if hard
        else ("With Adam this does little; to single out bad batches, clip at the norm of 1 batch in 10.",),
        first_step=int(settled.steps[most.rows - 1]),
        step=case.steps.last,
    )


def _newer_share(flags: np.ndarray[tuple[int], np.dtype[np.bool_]], rows: int) -> float:
    return float(np.mean(flags[rows // 2 : rows]))


def _lasting(shares: Sequence[float], counts: Sequence[int]) -> _State | None:
    """The newest share and the look since which it has been too high; None where it is over or never was."""
    since = None
    for share, rows in zip(shares, counts, strict=True):
        if share <= FEW_CLIPPED:
            since = None
        elif share > MOST_CLIPPED + SURE / sqrt(rows / 2) and since is None:
            since = rows
    return None if since is None else _State(shares[-1], since)


def _drifting(case: Case, norms: Series, settled: Series) -> Finding | None:
    rates = _rates(case, settled)
    if rates is None:
        return None
    keep = (rates >= LOWEST_RATE) & (settled.values > 0)
    steps, even = settled.steps[keep].astype(np.float64), np.log(settled.values[keep]) + np.log(rates[keep]) / 2
    counts = _looks(len(steps))
    memo = norms.memo.setdefault((ID, case.schedule), {})
    for rows in counts:
        if rows not in memo:
            memo[rows] = _rise(steps[:rows], even[:rows])
    since = _since([memo[rows] for rows in counts], counts)
    if since is None:
        return None
    newest = slice(2 * counts[-1] // 3, counts[-1])
    low = memo[counts[-1]][0]
    rate = peak_rate(case)
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.6,
        title=f"The gradient norm drifts up: x {times(exp(low))} or more",
        evidence=(
            f"steps {steps[newest][0]:,.0f} to {steps[newest][-1]:,.0f}, the fall of the learning rate taken out",
            f"norm {settled.values[keep][newest][0]:.3g} to {settled.values[keep][newest][-1]:.3g}",
        ),
        advice=(
            "Lower the learning rate by 10 to 33 % and go on: a lower rate stopped it in OPT-175B each time.",
            "If the loss leaves its course, restart from a checkpoint before the rise.",
        ),
        first_step=int(steps[since - 1]),
        step=case.steps.last,
        settings=() if not rate else (("learning_rate", float(f"{rate * 2 / 3:.2g}")),),
    )


def _rates(case: Case, settled: Series) -> Floats | None:
    """The learning rate at these rows as a share of its peak, as logged, else as the schedule has it."""
    logged = case.metric("learning_rate").finite
    if len(logged) >= FEWEST and float(logged.values.max()) > 0:
        return np.asarray(np.interp(settled.steps, logged.steps, logged.values / logged.values.max()))
    return None if case.schedule is None else case.schedule(settled.steps.astype(np.float64))


def _rise(steps: Floats, even: Floats) -> tuple[float, float]:
    """By how much the logarithm rises over the newest third: the lower end of the interval, and the middle."""
    across, up = (block_medians(column[2 * len(column) // 3 :], BLOCKS) for column in (steps, even))
    span = float(across[-1] - across[0])
    slopes = theil_sen(across, up)
    if slopes is None or span < DRIFT_STEPS * (1 - 1 / BLOCKS):
        return 0.0, 0.0
    return slopes[1] * span, slopes[0] * span


def _since(rises: Sequence[tuple[float, float]], counts: Sequence[int]) -> int | None:
    """The look since which it drifts, None where it does not or no longer does."""
    since, before = None, False
    for (low, middle), rows in zip(rises, counts, strict=True):
        high = low > log(DRIFT)
        if middle < log(STEADY):
            since = None
        elif high and before and since is None:
            since = rows
        before = high
    return since
