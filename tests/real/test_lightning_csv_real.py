"""What Lightning's own CSVLogger writes during a training comes back point for point."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from format_checks import curves, read
from polled import only

from parsers.clean import clean
from parsers.formats.csv import Csv
from parsers.formats.lightning_csv import LightningCsv
from parsers.records import Restart

pytest.importorskip("lightning")

CODE = """
import json, sys, torch, lightning as L
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger

said = {"train": [], "val": [], "lr": []}

class Model(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.losses = []
    def training_step(self, batch, index):
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.log("late", 1.0) if self.current_epoch > 0 else None
        said["train"].append([self.global_step, loss.item()])
        said["lr"].append(self.trainer.optimizers[0].param_groups[0]["lr"])
        return loss
    def validation_step(self, batch, index):
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("val_loss", loss)
        self.losses.append(loss.item())
    def on_validation_epoch_end(self):
        said["val"].append([self.global_step, sum(self.losses) / len(self.losses)])
        self.losses = []
    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

torch.manual_seed(1)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(92, 4)), batch_size=4)
trainer = L.Trainer(max_epochs=3, accelerator="cpu", logger=CSVLogger(sys.argv[1], flush_logs_every_n_steps=10),
                    callbacks=[LearningRateMonitor("step")], log_every_n_steps=5, num_sanity_val_steps=2,
                    val_check_interval=10, enable_checkpointing=False, enable_progress_bar=False,
                    enable_model_summary=False)
trainer.fit(Model(), data, data)
json.dump(said, open(sys.argv[1] + "/said.json", "w"))
"""


@cache
def trained() -> tuple[bytes, dict[str, Any]]:
    """metrics.csv of a training of three epochs, and what the module itself saw: its steps and its values."""
    path = Path(mkdtemp(prefix="traintop-lightning-"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(path)], cwd=path, check=False, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    (metrics,) = path.rglob("metrics.csv")
    return clean(metrics.read_bytes()), json.loads((path / "said.json").read_text())


def assert_same(found: Sequence[tuple[int, float]], expected: Sequence[Sequence[float]]) -> None:
    """The same steps, and the values as near as a 32-bit number is."""
    assert [step for step, _ in found] == [step for step, _ in expected]
    assert [value for _, value in found] == pytest.approx([value for _, value in expected], rel=1e-6)


def test_the_training_loss() -> None:
    """Each fifth step, by the number of updates before it, with the value that the module computed."""
    log, said = trained()
    assert_same(curves(LightningCsv, log)["train_loss"], [pair for pair in said["train"] if pair[0] % 5 == 4])


def test_the_validation_loss() -> None:
    """The row of an evaluation after N + 1 updates has step N; the sanity check before the training gives none."""
    log, said = trained()
    expected = [(updates - 1, loss) for updates, loss in said["val"] if updates]
    assert len(expected) == 6
    assert_same(curves(LightningCsv, log)["val_loss"], expected)


def test_the_learning_rate() -> None:
    """LearningRateMonitor writes the rate of the same steps on rows of its own."""
    log, said = trained()
    assert_same(curves(LightningCsv, log)["learning_rate"], [(at, said["lr"][at]) for at in range(4, 69, 5)])


def test_a_training_is_one_segment() -> None:
    """Epochs, evaluations and a column that came later open no new segment; the file is known for Lightning's."""
    log, _ = trained()
    assert b"late" in log.split(b"\n")[0]
    assert not only(Restart, read(LightningCsv, log))
    assert curves(LightningCsv, log, 3) == curves(LightningCsv, log)
    assert LightningCsv.sniff(log) - Csv.sniff(log) >= 0.1
