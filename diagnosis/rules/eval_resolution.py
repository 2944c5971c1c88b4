"""Rule eval-resolution."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding

ID = "eval-resolution"

EVALS_NEEDED = 6
WANTED_ERROR = 0.005


def rule(case: Case) -> Finding | None:
    """How small a change between two evals is noise, where changes that small are what there is.

    Fires when the sampling error SE of one eval is known and the typical change between the last 6 evals is below
    2 sqrt(2) SE: then most ups and downs between neighbours mean nothing.

    Why: an eval is a mean over eval_iters random batches; the difference of two has sqrt(2) times its error.
    Do: judge over several evals, or raise eval_iters (the error falls with its square root).
    False alarms: none; it states a resolution. A fixed validation set is paired and resolves more.
    Sources: SE = sd of one sequence / sqrt(eval_iters x batch_size), estimated here from the evals' own scatter.
    """
    evals, error = case.metric("val_loss").finite, case.eval_standard_error
    if error is None or error <= 0 or len(evals) < EVALS_NEEDED or not case.traits.eval_draws_new_batches:
        return None
    resolution = 2 * 2**0.5 * error
    steps_of_change = np.abs(np.diff(evals.values[-EVALS_NEEDED:]))
    typical = float(np.median(steps_of_change))
    if typical >= resolution:
        return None
    change = float(evals.values[-1] - evals.values[-2])
    iters = case.number("eval_iters")
    wanted = _rounded(iters * (error / WANTED_ERROR) ** 2) if iters and error > WANTED_ERROR else None
    more = f", or set `eval_iters = {wanted}` for an error of {WANTED_ERROR}" if wanted else ""
    source = f"eval_iters = {iters:.0f}" if iters else "from the evals' scatter"
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=f"Changes below {resolution:.2g} between two evals are noise",
        evidence=(
            f"one eval is known to ± {error:.2g} ({source})",
            f"typical change between the last {EVALS_NEEDED} evals: {typical:.2g}",
            f"last change {change:+.3f}: {'=' if abs(change) < resolution else 'beyond the noise'}",
        ),
        advice=(f"Judge the trend over several evals{more}.",),
        first_step=int(evals.steps[EVALS_NEEDED - 1]),
        step=int(evals.steps[-1]),
    )


def _rounded(count: float) -> int:
    """Up to two digits, so that the advice is a number that a person would write."""
    digits = 10 ** max(0, int(np.log10(max(count, 1))) - 1)
    return int(np.ceil(count / digits) * digits)
