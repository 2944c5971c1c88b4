"""Runs of the real Trainer come back point for point, from its standard output and from its trainer_state.json."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from format_checks import Curves, curves, facts
from polled import curve, poll_out

from parsers.formats.huggingface import HuggingFace
from parsers.formats.trainer_state import TrainerState

pytest.importorskip("transformers")
pytest.importorskip("accelerate")

CODE = """
import json, sys, torch, transformers
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
out, epochs, loud, bars = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "loud", sys.argv[4] == "bars"
if loud:
    transformers.logging.set_verbosity_info()
torch.manual_seed(0)
config = GPT2Config(vocab_size=64, n_positions=16, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
model = GPT2LMHeadModel(config)
data = [{"input_ids": ids, "labels": ids} for ids in torch.randint(0, 64, (64, 16))]
arguments = TrainingArguments(
    output_dir=out, num_train_epochs=epochs, per_device_train_batch_size=4, gradient_accumulation_steps=2,
    logging_steps=2, logging_first_step=True, eval_strategy="steps", eval_steps=6, save_steps=12, report_to=[],
    use_cpu=True, disable_tqdm=not bars, learning_rate=1e-3,
)
trainer = Trainer(model=model, args=arguments, train_dataset=data,
                  eval_dataset={"wiki": data[:16], "code": data[16:32]})
trainer.train()
trainer.save_state()
json.dump(trainer.state.log_history, open(out + "/history.json", "w"))
"""
KEYS = {"train_loss": "loss", "grad_norm": "grad_norm", "learning_rate": "learning_rate",
        "val_loss": "eval_wiki_loss", "val_loss/code": "eval_code_loss"}  # fmt: skip


def trained(out: Path, epochs: int, how: tuple[str, str], *, buffered: bool) -> tuple[bytes, list[dict[str, Any]]]:
    """What a run prints, both streams in one file, and its log_history."""
    out.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    environment |= {"HOME": str(out), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    unbuffered = [] if buffered else ["-u"]
    with (out / "train.log").open("wb") as file:
        command = [sys.executable, "-W", "ignore", *unbuffered, "-c", CODE, str(out), str(epochs), *how]
        done = subprocess.run(command, env=environment, cwd=out, stdout=file, stderr=file, check=False, timeout=300)
    text = (out / "train.log").read_bytes()
    assert done.returncode == 0, text[-2000:].decode(errors="replace")
    history: list[dict[str, Any]] = json.loads((out / "history.json").read_text())
    return text, history


def of_history(history: list[dict[str, Any]]) -> Curves:
    """The curves in a log_history, with the four digits that are printed."""
    found: Curves = {}
    for name, key in KEYS.items():
        found[name] = [(entry["step"], float(f"{entry[key]:.4g}")) for entry in history if key in entry]
    return found


@pytest.mark.parametrize(
    ("how", "epochs", "buffered"),
    [
        pytest.param(("quiet", "bars"), 3, False, id="steps from the bar"),
        pytest.param(("quiet", "bars"), 30, True, id="rows held back by Python"),
        pytest.param(("loud", "no bars"), 3, True, id="steps from the epoch"),
    ],
)
def test_what_a_run_prints_is_its_history(tmp_path: Path, how: tuple[str, str], epochs: int, buffered: bool) -> None:
    """Each curve of the standard output is that of log_history, step by step."""
    text, history = trained(tmp_path / "out", epochs, how, buffered=buffered)
    found = curves(HuggingFace, text)
    expected = of_history(history)
    assert {name: found[name] for name in KEYS} == expected
    assert len(expected["train_loss"]) == 4 * epochs + 1
    assert facts(HuggingFace, text)["planned_steps"] == 8 * epochs
    assert HuggingFace.sniff(text[-(256 << 10) :]) == 1


def test_rows_are_numbered_where_a_run_prints_no_step(tmp_path: Path) -> None:
    """Without bars and without a start the values and their order are all that there is."""
    text, history = trained(tmp_path / "out", 3, ("quiet", "no bars"), buffered=True)
    found = curves(HuggingFace, text)
    values = [value for _, value in of_history(history)["train_loss"]]
    assert found["train_loss"] == list(enumerate(values, 1))


def test_the_trainer_state_is_its_history(tmp_path: Path) -> None:
    """trainer_state.json has all digits of log_history."""
    out = tmp_path / "out"
    _, history = trained(out, 3, ("quiet", "bars"), buffered=False)
    records = poll_out(TrainerState(out / "trainer_state.json"))
    for name, key in KEYS.items():
        assert curve(records, name) == [(entry["step"], entry[key]) for entry in history if key in entry], name
