"""Rule mfu-reference."""

from __future__ import annotations

import re

import numpy as np

from diagnosis.case import Case
from diagnosis.device import gpu_name, on_cpu
from diagnosis.efficiency import Efficiency
from diagnosis.finding import Finding
from diagnosis.needs import MFU_PRINTED
from diagnosis.wording import duration, flops, percent

ID = "mfu-reference"
NEEDS = (MFU_PRINTED,)

SAME_PEAK = 0.02
"""Peaks that agree to 2 % are the same number, rounded."""
IMPOSSIBLE = 1.0
"""Against a peak that the trainer fixes, nothing runs above 100 %, unless the peak is another GPU's."""
IMPOSSIBLE_BY_TABLE = 1.2
"""Against a table's figure, GeForce cards reach up to 116 %: they boost beyond their specification."""


def rule(case: Case) -> Finding | None:
    """The MFU that the trainer prints is a share of another GPU's peak.

    Fires when the trainer divides by one GPU's fixed peak and the run is on another (or on a CPU), or when half of the
    newest 20 figures are above 100 %, which no GPU reaches on its own peak (120 % where the trainer looks the peak up:
    some cards boost beyond their table). With less and an unknown GPU it is silent. Shows the figure against the run's
    own GPU where its peak is known.

    Why: nanoGPT divides by an A100's 312 TFLOP/s on every GPU; 11 % of that is 69 % of an RTX 4070.
    Do: judge the run by the re-based figure; compare the printed one only with runs on the same GPU.
    False alarms: none where the GPU is known.
    Sources: nanoGPT model.py, estimate_mfu, and its issues #182 and #464; NVIDIA's data sheets for the peaks.
    """
    found, mfu = case.efficiency, case.metric("mfu").finite
    if found is None or found.mfu_logged is None or not len(mfu):
        return None
    limit = IMPOSSIBLE_BY_TABLE if found.mfu_logged_peak_flops is None else IMPOSSIBLE
    above = mfu.values > limit
    # A single row above is a hiccup of the clock: half of the newest must be.
    impossible = float(np.mean(above[-20:])) >= 0.5
    runs_on = _other_device(case, found)
    if runs_on is None and not impossible:
        return None
    # A figure above 100 % on the very GPU that the trainer divides by is wrong for another reason.
    peak = _peak_name(found) if runs_on is not None or gpu_name(case) is None else None
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.99,
        title=f"The printed MFU is of {_article(peak)} {peak}" if peak else "The printed MFU exceeds 100 %",
        evidence=(_printed(found), *_rebased(found, runs_on)),
        advice=(_advice(found, on_a_cpu=on_cpu(case)),),
        first_step=int(mfu.steps[0] if runs_on is not None else mfu.steps[int(np.argmax(above))]),
        step=int(mfu.steps[-1]),
    )


def _other_device(case: Case, found: Efficiency) -> str | None:
    """What the run is on, where that is known not to be the GPU that the trainer divides by."""
    if found.mfu_logged_peak_flops is None:
        return None
    if on_cpu(case):
        return "the CPU"
    known = found.peak_flops if found.peak_source in ("spec", "flag") else None
    if known is not None and abs(known / found.mfu_logged_peak_flops - 1) <= SAME_PEAK:
        return None
    name, reference = gpu_name(case), _peak_name(found)
    if name is not None and reference is not None:
        return None if re.search(rf"\b{re.escape(reference)}\b", name, re.IGNORECASE) else name
    return "the peak given with --peak" if found.peak_source == "flag" else None


def _peak_name(found: Efficiency) -> str | None:
    name = found.mfu_logged_peak_name
    return None if name is None else name.removeprefix("NVIDIA ")


def _article(name: str) -> str:
    return "an" if name[:1].upper() in "AEFHILMNORSX" else "a"


def _printed(found: Efficiency) -> str:
    printed = f"printed {percent(found.mfu_logged or 0.0)}"
    if found.mfu_logged_peak_flops is None:
        return printed
    return f"{printed} x {found.mfu_logged_peak_flops / 1e12:.0f} TFLOP/s"


def _rebased(found: Efficiency, runs_on: str | None) -> tuple[str, ...]:
    said = []
    if found.flops_per_gpu is not None:
        steady = f"steady {duration(found.seconds_per_step)} per step = " if found.seconds_per_step else ""
        share = ""
        if found.mfu is not None and found.peak_flops is not None:
            share = f" = {percent(found.mfu)} of {found.peak_flops / 1e12:.1f} ({found.peak_source})"
        said.append(f"{steady}{flops(found.flops_per_gpu)}{share}")
    if runs_on is not None:
        said.append(f"the run is on {runs_on}")
    return tuple(said)


def _advice(found: Efficiency, *, on_a_cpu: bool) -> str:
    if on_a_cpu:
        return "Ignore the printed figure and judge the speed by tokens per second."
    if found.mfu is not None:
        return f"Judge the speed by {percent(found.mfu)} of {found.peak_name or 'the GPU'}, not by the printed figure."
    return "Give the GPU with --gpu, or its peak with --peak, to see the true share; do not judge by the printed one."
