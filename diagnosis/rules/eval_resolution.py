"""Rule eval-resolution."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import Need
from diagnosis.statistics import median_of
from diagnosis.summaries import first_look
from diagnosis.trend import eval_standard_error
from diagnosis.wording import span
from parsers.records import Floats

ID = "eval-resolution"
NEEDS = (Need("the error of an eval", None, lambda case: case.eval_standard_error is not None),)

EVALS_NEEDED = 6
"""Five changes, of which the median is taken."""
WANTED_ERROR = 0.005
"""Nats, by judgement: what doubling the tokens buys late in a run is ten times as much and more."""
MOST_TIMES = 4.0
"""More batches for each eval than that would cost more than a smaller error is worth."""
RESOLVED = 2 * 2**0.5
"""Two standard errors of a difference, in those of one eval."""
RISES = (2, 3)
"""Of the five changes: evals of the same data scatter little, and a curve that only goes one way is no noise."""


def rule(case: Case) -> Finding | None:
    """How small a change between two evals is noise, where changes that small are what there is.

    Fires once the sampling error SE of one eval is known (6 evals) and the typical (median) change between the last 6
    evals was below 2 sqrt(2) SE: from then on most ups and downs between neighbours mean nothing. Where evals do not
    surely draw new batches, two or three of the five changes must be rises.

    Why: an eval is a mean over eval_iters random batches; the difference of two has sqrt(2) times its error.
    Do: judge over several evals, or raise eval_iters (the error falls with its square root).
    False alarms: none; it states a resolution. Evals of the same data resolve more than their batches alone would.
    Sources: SE = sd of one sequence / sqrt(eval_iters x batch_size), estimated here from the evals' own scatter.
    """
    evals, error = case.metric("val_loss").finite, case.eval_standard_error
    if not error:
        return None
    resolution = RESOLVED * error
    since = first_look(evals, EVALS_NEEDED, lambda n: _is_lost(case, n), ID)
    if since is None:
        return None
    change = float(evals.values[-1] - evals.values[-2])
    iters = case.number("eval_iters")
    factor = min(MOST_TIMES, (error / WANTED_ERROR) ** 2)
    wanted = _rounded(iters * factor) if iters and factor > 1 else None
    then = f", or take {wanted} batches{_cost(case, factor)} for an error of {error / factor**0.5:.2g}"
    source = f"eval_iters = {iters:.0f}" if iters else "from the evals' scatter"
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=f"Changes below {resolution:.2g} between two evals are noise",
        evidence=(
            f"one eval is known to ± {error:.2g} ({source})",
            f"typical change between the last {EVALS_NEEDED} evals: {_typical_change(evals.values):.2g}",
            f"last change {change:+.3f}: {'within' if abs(change) < resolution else 'beyond'} the noise",
        ),
        advice=(f"Judge the trend over several evals{then if wanted else ''}.",),
        settings=(("eval_iters", wanted),) if wanted else (),
        first_step=int(evals.steps[since - 1]),
        step=int(evals.steps[-1]),
    )


def _is_lost(case: Case, count: int) -> bool:
    """Whether the first `count` evals showed changes within their noise."""
    evals, own = case.metric("val_loss").finite, case.metric("eval_train_loss").finite
    error = case.eval_standard_error
    if count < len(evals):
        last = int(evals.steps[count - 1])
        evals = evals.until(last)
        error = eval_standard_error(evals, own.until(last))
    if error is None or _typical_change(evals.values) >= RESOLVED * error:
        return False
    rises = int(np.sum(np.diff(evals.values[-EVALS_NEEDED:]) > 0))
    return case.traits.eval_draws_new_batches or rises in RISES


def _cost(case: Case, factor: float) -> str:
    """What that many times the batches add to an evaluation, a checkpoint counted with it."""
    seconds = case.efficiency.eval_seconds if case.efficiency else None
    return f" (some {span(factor * seconds)} an evaluation, now {span(seconds)})" if seconds else ""


def _typical_change(values: Floats) -> float:
    return median_of(np.abs(np.diff(values[-EVALS_NEEDED:])))


def _rounded(count: float) -> int:
    """Up to two digits, so that the advice is a number that a person would write."""
    digits = 10 ** max(0, int(np.log10(max(count, 1))) - 1)
    return int(np.ceil(count / digits) * digits)
