"""Files that W&B itself writes come back point for point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from polled import curve, facts, only, poll_out

from parsers.formats.wandb import Wandb
from parsers.records import Notice, Recognised

pytest.importorskip("wandb")

HEAD = """
import math, sys, wandb
run = wandb.init(project="p", dir=".", config={"n_layer": 12, "vocab_size": 50257, "learning_rate": 1e-3})
"""
PLAIN = """
for step in range(2000):
    run.log({"train/loss": 5 - step / 1000, "lr": 1e-3, "sample": "text", "nested": {"a": {"b": step}}})
run.config.update({"max_steps": 2000})
run.finish()
"""
TRAINER = """
run.define_metric("train/global_step")
run.define_metric("*", step_metric="train/global_step", step_sync=True)
for step in range(0, 500, 10):
    loss = math.nan if step == 70 else math.inf if step == 80 else 5 - step / 1000
    run.log({"train/loss": loss, "train/grad_norm": 0.5, "train/global_step": step, "h": wandb.Histogram([1, 2])})
    if step % 100 == 0:
        run.log({"eval/loss": 6 - step / 1000, "train/global_step": step})
run.finish(exit_code=3)
"""


def written(folder: Path, code: str, **environment: str) -> Path:
    """The directory of an offline run of this code."""
    known = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "HOME": str(folder), **environment}
    command = [sys.executable, "-W", "ignore", "-c", HEAD + code]
    subprocess.run(command, cwd=folder, env=known, check=True, capture_output=True, timeout=100)
    return next((folder / "wandb").glob("offline-run-*"))


def test_a_plain_loop(tmp_path: Path) -> None:
    """2,000 calls of wandb.log come back as 2,000 points, config and its update as facts, and the run has ended."""
    folder = written(tmp_path, PLAIN)
    assert Wandb.holds(folder, b"")
    store = Wandb(folder)
    records = poll_out(store)
    assert curve(records, "train_loss") == [(step, 5 - step / 1000) for step in range(2000)]
    assert curve(records, "learning_rate") == [(step, 1e-3) for step in range(2000)]
    known = facts(records)
    assert (known["n_layer"], known["learning_rate"], known["planned_steps"]) == (12, 1e-3, 2000)
    assert [n.kind for n in only(Notice, records)] == ["end"]
    assert store.done


def test_a_loop_with_its_own_steps(tmp_path: Path) -> None:
    """A declared step column, evaluations, NaN, infinity, histograms and an exit code, as the HF Trainer logs them."""
    records = poll_out(Wandb(written(tmp_path, TRAINER)))
    found = curve(records, "train_loss")
    assert [step for step, _ in found] == list(range(0, 500, 10))
    expected = [np.nan if s == 70 else np.inf if s == 80 else 5 - s / 1000 for s, _ in found]
    assert np.array_equal([value for _, value in found], expected, equal_nan=True)
    assert curve(records, "val_loss") == [(step, 6 - step / 1000) for step in range(0, 500, 100)]
    assert "train/global_step" in only(Recognised, records)[0].why
    assert [(n.kind, n.text) for n in only(Notice, records)] == [("traceback", "exit code 3")]


def test_values_in_both_encodings(tmp_path: Path) -> None:
    """Where the client is told to write each value typed as well as in JSON the points are the same."""
    code = "for step in range(50):\n    run.log({'loss': step / 7, 'tokens': step * 1024})\nrun.finish()\n"
    records = poll_out(Wandb(written(tmp_path, code, WANDB__HISTORY_VALUE_ENCODING="json,typed")))
    assert curve(records, "train_loss") == [(step, step / 7) for step in range(50)]
    assert curve(records, "tokens") == [(step, step * 1024.0) for step in range(50)]
