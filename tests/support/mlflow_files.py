"""Writes runs as MLflow's file store does, without mlflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

RUNNING, FINISHED, FAILED, KILLED = 1, 3, 4, 5


def meta(run: Path, status: int = RUNNING, *, started: int = 1, name: str = "wide") -> None:
    """The run's meta.yaml."""
    run.mkdir(parents=True, exist_ok=True)
    lines = ("lifecycle_stage: active", f"run_name: {name}", f"start_time: {started}", f"status: {status}", "tags: []")
    (run / "meta.yaml").write_text("\n".join(lines) + "\n")


def log(run: Path, name: str, points: Sequence[tuple[int, float]], first_ms: int = 1_700_000_000_000) -> None:
    """Appends (step, value) lines to a metric, a second apart."""
    path = run / "metrics" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(f"{first_ms + 1000 * at} {value} {step}\n" for at, (step, value) in enumerate(points))


def mlflow_run(run: Path, params: Mapping[str, str] | None = None, *, status: int = RUNNING, started: int = 1) -> Path:
    """A run's directory with its params and no metric yet."""
    meta(run, status, started=started)
    for folder in ("metrics", "params", "tags", "artifacts"):
        (run / folder).mkdir(exist_ok=True)
    for name, value in (params or {}).items():
        (run / "params" / name).write_text(value)
    return run
