"""Runs that MLflow itself writes come back point for point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from polled import curve, facts, only, poll_out

from parsers.formats.mlflow import MLflow
from parsers.records import Notice

pytest.importorskip("mlflow")

CODE = """
import math, mlflow, sys
mlflow.set_tracking_uri("file:" + sys.argv[1])
mlflow.set_experiment("lm")
with mlflow.start_run(run_name="wide") as run:
    mlflow.log_params({"n_layer": 12, "learning_rate": 1e-3, "optimizer": "adamw", "max_steps": 100})
    for step in range(0, 100, 5):
        loss = math.nan if step == 20 else 5 - step / 100
        mlflow.log_metrics({"train/loss": loss, "grad_norm": 0.5}, step=step)
    mlflow.log_metric("val_loss", 4.5, step=95)
"""
FAILS = CODE + '    raise SystemExit(1) if sys.argv[2] == "exit" else RuntimeError("boom")\n'


def written(store: Path, code: str, how: str, returncode: int) -> Path:
    """The file store after a run of this code. MLflow 3.7 and later must be told that a file store is wanted."""
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "HOME": str(store.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(store), how],
        cwd=store.parent, env=environment, check=False, capture_output=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == returncode, done.stderr.decode()
    return store


def test_a_run(tmp_path: Path) -> None:
    """Metrics, params, NaN and the end of a run, read from the store's root."""
    path = written(tmp_path / "mlruns", CODE, "", 0)
    assert MLflow.holds(path, b"")
    store = MLflow(path)
    records = poll_out(store)
    found = curve(records, "train_loss")
    assert [step for step, _ in found] == list(range(0, 100, 5))
    expected = [np.nan if s == 20 else 5 - s / 100 for s, _ in found]
    assert np.array_equal([value for _, value in found], expected, equal_nan=True)
    assert curve(records, "grad_norm") == [(step, 0.5) for step in range(0, 100, 5)]
    assert curve(records, "val_loss") == [(95, 4.5)]
    known = facts(records)
    assert (known["n_layer"], known["learning_rate"], known["planned_steps"]) == (12, 1e-3, 100)
    assert known["run_name"] == "wide"
    assert [n.kind for n in only(Notice, records)] == ["end"]
    assert store.done


def test_a_run_that_failed(tmp_path: Path) -> None:
    """An exception within the run leaves FAILED, which is an error at the last step."""
    records = poll_out(MLflow(written(tmp_path / "mlruns", FAILS, "raise", 1)))
    assert [(n.kind, n.step) for n in only(Notice, records)] == [("traceback", 95)]
