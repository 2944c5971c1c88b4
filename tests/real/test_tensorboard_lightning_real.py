"""Event files that PyTorch Lightning's TensorBoardLogger writes come back point for point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from event_files import rows
from polled import only, poll_out

from parsers.formats.tensorboard import TensorBoard
from parsers.records import Notice, Restart

pytest.importorskip("lightning")
pytest.importorskip("tensorboard")

CODE = """
import sys, torch
import lightning
from lightning.pytorch.loggers import TensorBoardLogger
said = []
class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.save_hyperparameters({"lr": 0.125})
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, at):
        loss = self.layer(batch).square().mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        if self.global_step % 5 == 4:
            said.append(("train_loss", self.global_step, loss.item()))
        return loss
    def validation_step(self, batch, at):
        self.log("val_loss", self.layer(batch).square().mean())
    def on_validation_epoch_end(self):
        if not self.trainer.sanity_checking:
            said.append(("val_loss", self.global_step - 1, self.trainer.callback_metrics.get("val_loss")))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.125)
torch.manual_seed(0)
data = torch.utils.data.DataLoader(torch.randn(20, 4), batch_size=1)
trainer = lightning.Trainer(logger=TensorBoardLogger(sys.argv[1], name="runs"), max_epochs=3, log_every_n_steps=5,
    accelerator="cpu", enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
model = Model()
trainer.fit(model, data, torch.utils.data.DataLoader(torch.ones(2, 4), batch_size=2))
for name, step, value in said:
    if name == "train_loss":
        print(name, step, value)
print("val_loss", model.global_step - 1, trainer.callback_metrics["val_loss"].item())
"""


def test_tensorboard_logger(tmp_path: Path) -> None:
    """train_loss_step comes back as logged, not mixed with train_loss_epoch, and one val_loss for each epoch."""
    command = [sys.executable, "-W", "ignore", "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=110)
    said = [line.split() for line in done.stdout.splitlines() if line.startswith(("train_loss ", "val_loss "))]
    folder = tmp_path / "runs" / "version_0"
    assert TensorBoard.holds(folder, b"")
    found = poll_out(TensorBoard(folder))
    assert rows(found) == [(int(step), float(np.float32(v))) for name, step, v in said if name == "train_loss"]
    assert [step for step, _ in rows(found)] == list(range(4, 60, 5))
    assert [step for step, _ in rows(found, "val_loss")] == [19, 39, 59]
    assert rows(found, "val_loss")[-1] == (int(said[-1][1]), float(np.float32(said[-1][2])))
    assert rows(found, "epoch")[-1][1] == 2
    assert only(Notice, found) + only(Restart, found) == []
