"""Step times and printed MFUs of the founding run, as nanoGPT rounds them."""

from __future__ import annotations

import numpy as np

from diagnosis.series import Series

FLOPS_PER_STEP = 299_983_104 * 524_288
"""Of 12 layers of 384, 50304 tokens, context 1024, no biases."""
NOTHING = Series("nothing", np.empty(0, np.int64), np.empty(0))


def founding(rows: int = 101, log_interval: int = 200, eval_interval: int = 500) -> tuple[Series, Series]:
    """Step times and printed MFUs of a 3.909 s step, rounded as nanoGPT prints them."""
    steps = np.arange(rows) * log_interval
    seconds = 3.909 + 0.004 * np.sin(np.arange(rows))
    seconds[steps % eval_interval == 0] += 15.25
    seconds[0] = 32.025
    running, printed = None, []
    for value in FLOPS_PER_STEP / seconds[1:] / 312e12:
        running = value if running is None else 0.9 * running + 0.1 * value
        printed.append(round(running, 4))
    return (
        Series("step_seconds", steps, np.round(seconds, 5)),
        Series("mfu", steps[1:], np.asarray(printed)),
    )
