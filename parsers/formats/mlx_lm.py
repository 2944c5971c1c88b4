"""mlx-lm (ml-explore/mlx-lm, mlx_lm/tuner/trainer.py and cli_ui.py): rows of named fields, and the table of 2026."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from parsers.configs.written import MLX_LM
from parsers.formats.known_values import with_known
from parsers.records import Traits
from parsers.rows.row_patterns import Fields, Layout, Names
from parsers.rows.said import Said
from parsers.rows.tables import Table
from parsers.rows.text import TextFormat

GB = 1e9
STEPS_PER_SECOND = "steps_per_second"
NAMES: Names = {
    "learning rate": ("learning_rate", 1.0),
    "it/sec": (STEPS_PER_SECOND, 1.0),
    "tokens/sec": ("tokens_per_second", 1.0),
    "trained tokens": ("tokens", 1.0),
    "avg grad norm": ("grad_norm", 1.0),
    "peak mem": ("memory_bytes", GB),
}
ITEM = rb", (?P<name>Peak mem(?= [\d.]+ GB)|(?!Peak mem)[A-Z][A-Za-z/ ]{0,30}?) {value}(?: GB)?(?=,|\s|$|\{)"
BLOCKS = "\u25bc".encode()[:2]
"""How the bytes of the table's arrows begin."""


class MlxLM(TextFormat):
    """mlx-lm 0.32.2 (2026), tuner/trainer.py and cli_ui.py, and its forms since 2023; mlx-vlm prints the same.

    A row is printed after iteration N, counted from 1, so N updates are done (N micro-batches where gradients are
    accumulated). Its loss is the mean over the iterations since the last row of their means over tokens that count;
    a validation with N is measured before update N. Tokens a second are those of all machines, of tokens that count.
    The time of a step leaves validation out. Memory is the peak since the start, in 10^9 bytes. Since June 2026 the
    rows are a table whose header names its columns; learning rate, iterations a second and memory are not printed
    any more, and tokens are rounded to hundreds.
    """

    name: ClassVar[str] = "mlx-lm"
    title: ClassVar[str] = "mlx-lm"
    about: ClassVar[str] = "mlx-lm and mlx-vlm: `Iter N: Train loss X, ...`, and the table since 2026"
    example: ClassVar[str] = (
        "Iter 25: Train loss 1.593, Learning Rate 7.000e-05, It/sec 0.999, Tokens/sec 387.697, Trained Tokens 9699,"
        " Peak mem 8.104 GB"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        updates_at_train_row=0,
        updates_at_eval_row=-1,
        step_seconds="window mean",
        settings=MLX_LM,
    )
    rows: ClassVar = (
        Fields(
            hint=b"iter ",
            anchor=rb"\bIter (?P<step>\d{1,12}): Train loss {train_loss}(?=,)",
            item=ITEM,
            names=NAMES,
            least=2,
        ),
        Layout(hint=b"iter ", text=rb"\bIter (?P<step>\d{1,12}): Val loss {val_loss}, Val took [\d.]+s"),
        Layout(
            hint=BLOCKS,
            text=rb"(?:^| )(?P<step>\d{1,12}) {2,}{train_loss} \xe2\x96[\xbc\xb2] +{tokens_per_second} +{tokens}k",
            start=rb"^ *\d{1,12} {2,}\d+\.\d{3} \xe2\x96[\xbc\xb2]",
            scales={"tokens": 1e3},
        ),
        Layout(hint=b" val ", text=rb"^ *(?P<step>\d{1,12}) {2,}val {1,4}{val_loss} {2,}[\d.]+s\s*$", own=False),
    )
    said: ClassVar = (
        Said(b"train_loss  ", rb"^ *iter +train_loss +tok/s +tokens\s*$", begins=True),
        Said(b"starting training...", rb"Starting training\.\.\., iters: {planned_steps}", begins=True),
        Said(b"trainable parameters: ", rb"^Trainable parameters: [\d.]+% \([\d.]+M/{parameters~}\)"),
        Said(b"total parameters ", rb"^Total parameters {parameters~}\s*$", own=False),
        Said(
            "batch \u00b7 iters".encode(),
            rb"batch \xc2\xb7 iters +{batch_size} \xc2\xb7 {planned_steps}(?=\s|$)",
        ),
        Said(b"optimizer  ", rb"optimizer +(?P<optimizer>\w+) \xc2\xb7 lr {learning_rate}(?=\s|$)", own=False),
        Said(b"max seq  ", rb"max seq +{block_size}(?=\s|$)", own=False),
        Said(b"dataset  ", rb"\xe2\x94\x82 +dataset +(?P<dataset>\S.{0,200}?) *(?:\xe2\x94\x82)?\s*$", own=False),
    )
    checkpoint: ClassVar = Said(b"adapter", rb": Saved adapter weights to|^ *save +\d+_adapters\.safetensors")
    end: ClassVar = Said(b"saved final weights", rb"^Saved final weights to")

    def derived(self, tables: list[Table]) -> list[Table]:
        """The tables with seconds a step instead of steps a second."""
        return [part for table in tables for part in _seconds(table)]


def _seconds(table: Table) -> list[Table]:
    if STEPS_PER_SECOND not in table.kind.metrics:
        return [table]
    rates = table.columns[table.kind.metrics.index(STEPS_PER_SECOND)]
    known = np.isfinite(rates) & (rates > 0)
    return with_known(
        table, "step_seconds", np.where(known, 1.0, np.nan) / np.where(known, rates, 1.0), instead_of=STEPS_PER_SECOND
    )
