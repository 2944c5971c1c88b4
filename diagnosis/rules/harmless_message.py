"""Rule harmless-message."""

from __future__ import annotations

import re

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import Need

ID = "harmless-message"
NEEDS: tuple[Need, ...] = ()

EXPLAINED: tuple[tuple[str, str, str], ...] = (
    (
        r"Not enough SMs to use max_autotune_gemm",
        '"Not enough SMs"',
        "fewer than the 68 SMs that torch's Triton autotuning asks for; cuBLAS serves, whatever the batch or model",
    ),
    (
        r"FutureWarning.*GradScaler|torch\.cuda\.amp\.GradScaler",
        "GradScaler FutureWarning",
        "a spelling that torch will drop one day; with bfloat16 the scaler is off anyway",
    ),
    (
        r"FutureWarning.*(autocast|torch\.load|weights_only)",
        "torch FutureWarning",
        "a default that will change in a later torch; this run is as before",
    ),
)
IN_16_BITS: tuple[tuple[str, str, str], ...] = (
    (
        r"set_float32_matmul_precision",
        "TF32 hint",
        "only matmuls in float32 could be faster by it, and this run computes in 16 bits",
    ),
)
"""What a run in float32 should follow. torch/_inductor/compile_fx.py."""


def rule(case: Case) -> Finding | None:
    """Messages in the log that look bad and are not.

    Fires when a line is one of those that are known to be harmless: "Not enough SMs to use max_autotune_gemm mode",
    FutureWarnings of torch.amp and torch.load and, where the run is known to compute in 16 bits, the hint about TF32.

    Why: such lines are taken for errors; the first of them cost the owner of one run a search for a batch size problem
    that was none.
    Do: nothing.
    False alarms: none known; a line that is not in the list is not mentioned. torch.compile's recompile limit is not
    in it: what hits it runs uncompiled from there on.
    Sources: torch/_inductor/utils.py is_big_gpu (68 SMs; pytorch issues 109489, 123121, 141690).
    """
    explained = EXPLAINED + IN_16_BITS if "16" in (case.text("dtype") or "") else EXPLAINED
    said: dict[str, tuple[str, int | None]] = {}
    for notice in case.notices:
        if notice.kind != "warning":
            continue
        for pattern, name, why in explained:
            if name not in said and re.search(pattern, notice.text):
                said[name] = (why, notice.step)
    if not said:
        return None
    names = list(said)
    title = f"{names[0]} is harmless" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more are harmless"
    steps = [step for _, step in said.values() if step is not None]
    return Finding(
        id=ID,
        severity="info",
        confidence=0.99,
        title=title,
        evidence=tuple(f"{name}: {why}" for name, (why, _) in said.items()),
        advice=("Nothing to do.",),
        first_step=min(steps) if steps else case.steps.first,
        step=case.steps.last,
    )
