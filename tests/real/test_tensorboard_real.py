"""Event files that TensorBoard, torch and transformers themselves write come back point for point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from event_files import rows
from polled import facts, only, poll_out

from parsers.formats.tensorboard import TensorBoard
from parsers.records import Notice, Points, Recognised, Restart

pytest.importorskip("tensorboard")

STEPS = range(0, 40_000, 100)
TORCH = """
import sys, torch
from torch.utils.tensorboard import SummaryWriter
style = {"new_style": sys.argv[2] != "simple", "double_precision": sys.argv[2] == "double"}
with SummaryWriter(sys.argv[1]) as writer:
    for step in range(0, 40_000, 100):
        writer.add_scalar("Loss/train", 5 - step / 1e5, step, walltime=1.7e9 + step, **style)
        if step % 1000 == 0:
            writer.add_histogram("weights", torch.arange(64.0), step)
            writer.add_text("sample", "Once upon a time", step)
            writer.add_image("picture", torch.zeros(3, 16, 16), step)
            writer.add_scalar("Loss/val", 6 - step / 1e5, step, walltime=1.7e9 + step, **style)
    writer.add_hparams({"lr": 0.1}, {"hparam/loss": 1.0}, run_name=".")
"""
RESTARTED = """
import sys
from torch.utils.tensorboard import SummaryWriter
for first, purge, began in ((0, None, 1.7e9), (60, 60, 1.8e9)):
    with SummaryWriter(sys.argv[1], purge_step=purge) as writer:
        for step in range(first, first + 100):
            writer.add_scalar("loss", step / 64, step, walltime=began + step)
"""
OWN = """
import sys
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_BFLOAT16, DT_HALF, DT_INT64
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter(sys.argv[1])
for step in range(300):
    writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=scalar_pb("train/loss", step / 64)))
    epoch = Summary.Value(tag="epoch")
    epoch.tensor.dtype = DT_INT64
    epoch.tensor.int64_val.append(step // 100)
    half, brain = Summary.Value(tag="val/loss"), Summary.Value(tag="grad_norm")
    half.tensor.dtype, brain.tensor.dtype = DT_HALF, DT_BFLOAT16
    half.tensor.half_val.append(0x4100)
    brain.tensor.half_val.append(0x4020)
    writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=Summary(value=[epoch, half, brain])))
writer.close()
"""
TRAINER = """
import sys, torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
data = [{"input_ids": torch.arange(8), "labels": torch.arange(8)}] * 64
model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=8, vocab_size=50, n_positions=8))
given = TrainingArguments(output_dir="out", report_to="tensorboard", logging_steps=2, max_steps=12, learning_rate=1e-3,
    per_device_train_batch_size=4, gradient_accumulation_steps=2, eval_strategy="steps", eval_steps=4, use_cpu=True,
    save_strategy="no", disable_tqdm=True, warmup_steps=3)
trainer = Trainer(model, given, train_dataset=data, eval_dataset=data)
trainer.train()
for row in trainer.state.log_history:
    print(row["step"], row.get("loss", "-"), row.get("eval_loss", "-"))
"""


def run(code: str, folder: Path, *arguments: str) -> str:
    """Runs code of its own process, since the libraries warn; gives its output."""
    environment = {
        **os.environ,
        "TENSORBOARD_LOGGING_DIR": str(folder),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-W", "ignore", "-c", code, str(folder), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=110)
    return done.stdout


@pytest.mark.parametrize("style", ["simple", "tensor", "double"])
def test_torch(tmp_path: Path, style: str) -> None:
    """Each of the three ways of torch's add_scalar comes back, among histograms, images, texts and hparams."""
    pytest.importorskip("torch")
    run(TORCH, tmp_path, style)
    found = poll_out(TensorBoard(tmp_path))
    kind = np.float64 if style == "double" else np.float32
    assert rows(found) == [(step, float(kind(5 - step / 1e5))) for step in STEPS]
    assert rows(found, "val_loss") == [(step, float(kind(6 - step / 1e5))) for step in STEPS if step % 1000 == 0]
    times = [p.seconds for p in only(Points, found) if "train_loss" in p.columns and p.seconds is not None]
    assert np.concatenate(times).tolist() == [1.7e9 + step for step in STEPS]
    assert only(Notice, found) + only(Restart, found) == []


def test_a_run_that_went_on(tmp_path: Path) -> None:
    """A second writer in the same folder, with purge_step, goes on as a second segment."""
    pytest.importorskip("torch")
    run(RESTARTED, tmp_path)
    found = poll_out(TensorBoard(tmp_path))
    assert [restart.step for restart in only(Restart, found)] == [60]
    assert rows(found) == [(step, step / 64) for step in (*range(100), *range(60, 160))]


def test_tensorboards_own_writer(tmp_path: Path) -> None:
    """TensorBoard's summaries, tensors of any type and several in one event, come back."""
    run(OWN, tmp_path)
    found = poll_out(TensorBoard(tmp_path))
    assert rows(found) == [(step, step / 64) for step in range(300)]
    assert rows(found, "epoch") == [(step, step // 100) for step in range(300)]
    assert rows(found, "val_loss") == rows(found, "grad_norm") == [(step, 2.5) for step in range(300)]


def test_hugging_face_trainer(tmp_path: Path) -> None:
    """The Trainer's own history comes back, with its arguments, the model's shape, and what its loss is."""
    pytest.importorskip("accelerate")
    pytest.importorskip("transformers")
    printed = [line.split() for line in run(TRAINER, tmp_path).splitlines() if line[:1].isdigit()]
    found = poll_out(TensorBoard(tmp_path))
    logged = [(int(step), float(np.float32(loss))) for step, loss, _ in printed if loss != "-"]
    assert rows(found) == logged
    assert len(logged) == 6
    assert rows(found, "val_loss") == [(int(step), float(np.float32(loss))) for step, _, loss in printed if loss != "-"]
    known = facts(found)
    assert (known["n_layer"], known["n_head"], known["n_embd"], known["vocab_size"]) == (2, 2, 8, 50)
    assert (known["batch_size"], known["gradient_accumulation_steps"], known["planned_steps"]) == (4, 2, 12)
    assert (known["learning_rate"], known["warmup_steps"], known["schedule"]) == (1e-3, 3, "linear")
    traits = only(Recognised, found)[-1].traits
    assert (traits.train_loss, traits.loss_unit) == ("window mean", "nats")
