"""Rule stalled: silence beyond its limit, and how far."""

from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.rules.stalled import rule
from gpu.sample import GpuSample

LOSSES = {"train_loss": (range(431), [3.0] * 431)}


@pytest.mark.parametrize(("silence", "severity"), [(31.0, "warning"), (149.0, "warning"), (151.0, "critical")])
def test_silence_beyond_its_limit_is_a_stall(silence: float, severity: str) -> None:
    """Critical at five times the limit."""
    gpu = GpuSample(index=0, name="GPU", utilization=1.0)
    case = make_case(LOSSES, state="stalled", silence_seconds=silence, silence_limit_seconds=30.0, gpus=(gpu,))

    found = rule(case)

    assert found is not None
    assert found.severity == severity
    assert "GPU busy 100 %" in found.evidence


def test_a_running_job_is_not_stalled() -> None:
    """Whatever its silence is."""
    assert rule(make_case(LOSSES, silence_seconds=29.0, silence_limit_seconds=30.0)) is None
