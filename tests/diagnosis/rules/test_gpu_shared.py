from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case
from watched import GIB, MINE, WORKING

from diagnosis.case import Case
from diagnosis.causes import joined
from diagnosis.rules.gpu_shared import rule
from diagnosis.rules.slowdown import rule as slowdown
from gpu.sample import GpuProcess

OTHER = GpuProcess(7, 2 * GIB, "python eval.py", this_run=False)


def beside(*others: GpuProcess, free_bytes: int = 2 * GIB, seconds: np.ndarray | None = None, **more: Any) -> Case:
    """A run with these processes beside it on its GPU."""
    gpu = replace(WORKING, processes=(MINE, *others), memory_free_bytes=free_bytes)
    rows = np.full(900, 1.0) if seconds is None else seconds
    return make_case({"step_seconds": (np.arange(900), rows)}, **({"gpus": (gpu,)} | more))


def test_another_process_is_a_note_with_what_it_holds() -> None:
    """Nothing suffers yet."""
    found = rule(beside(OTHER))

    assert found is not None
    assert found.severity == "info"
    assert found.title == "Another process is on GPU 0 with 2.00 GiB of its memory"
    assert found.evidence == ("python eval.py (pid 7): 2.00 GiB", "2.00 GiB free (16.7 %)")


@pytest.mark.parametrize(("free", "severity"), [(int(0.59 * GIB), "warning"), (int(0.61 * GIB), "info")])
def test_it_is_a_warning_where_memory_is_scarce(free: int, severity: str) -> None:
    """5 % of 12 GiB are 0.6."""
    found = rule(beside(OTHER, free_bytes=free))

    assert found is not None
    assert found.severity == severity


@pytest.mark.parametrize(("held", "severity"), [(0.5, "info"), (0.7, "warning")])
def test_the_others_must_hold_what_is_worth_freeing(held: float, severity: str) -> None:
    """A full GPU is the run's own doing where they hold less than 5 % of it."""
    found = rule(beside(replace(OTHER, memory_bytes=int(held * GIB)), free_bytes=GIB // 10))

    assert found is not None
    assert found.severity == severity


def test_it_is_a_warning_where_the_steps_became_slower() -> None:
    """A third slower for the second half of the run: that is what the other process explains."""
    case = beside(OTHER, seconds=np.where(np.arange(900) < 450, 1.0, 1.33))
    findings = [found for each in (rule, slowdown) if (found := each(case)) is not None]
    head, consequence = sorted(joined(findings, case), key=lambda f: f.id)

    assert (head.id, head.severity, consequence.caused_by) == ("gpu-shared", "warning", "gpu-shared")
    assert "33 % slower since step 450" in head.evidence[-1]


@pytest.mark.parametrize(
    ("name", "mib", "fires"),
    [
        ("Xorg", 600, False),
        ("/usr/bin/gnome-shell", 900, False),
        ("Xorg", None, False),
        ("Xorg", 1100, True),
        ("python", 150, False),
        ("python", 250, True),
        ("python", None, True),
        (None, 250, True),
    ],
)
def test_what_draws_the_screen_does_not_compute(name: str | None, mib: int | None, fires: bool) -> None:
    """A desktop's little, and less than a CUDA context takes."""
    process = GpuProcess(7, None if mib is None else mib * 2**20, name, this_run=False)

    assert (rule(beside(process)) is not None) is fires


def test_several_are_counted_together() -> None:
    """Two jobs with 3 GiB between them."""
    found = rule(beside(OTHER, replace(OTHER, pid=8, memory_bytes=GIB)))

    assert found is not None
    assert found.title == "2 other processes are on GPU 0 with 3.00 GiB of its memory"


def test_unknown_is_silent() -> None:
    """In a container nobody knows whose a process is; another GPU's processes are no neighbours."""
    unknown = replace(WORKING, processes=(replace(MINE, this_run=None), replace(OTHER, this_run=None)))
    elsewhere = replace(WORKING, index=1, uuid="GPU-2", processes=(OTHER,))

    assert rule(beside(gpus=(unknown,))) is None
    assert rule(beside(gpus=(WORKING, elsewhere))) is None
    assert rule(beside(gpus=(replace(WORKING, processes=None),))) is None
    assert rule(make_case()) is None


def test_alone_or_over_is_silent() -> None:
    """The healthy run; and one that ended leaves the GPU to others."""
    assert rule(beside()) is None
    assert rule(beside(OTHER, state="finished")) is None
    assert rule(beside(OTHER, state="stalled")) is not None
