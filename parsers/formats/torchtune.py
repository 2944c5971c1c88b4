"""torchtune (pytorch/torchtune): the lines of its StdoutLogger and DiskLogger, and its progress bar."""

from __future__ import annotations

from typing import ClassVar

from parsers.configs.written import TORCHTUNE
from parsers.records import Traits
from parsers.rows.row_patterns import Fields, Layout, Names
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

GIB = 2.0**30
NAMES: Names = {
    "loss": ("train_loss", 1.0),
    "lr": ("learning_rate", 1.0),
    "grad_norm": ("grad_norm", 1.0),
    "tokens_per_second_per_gpu": ("tokens_per_second", 1.0),
    "peak_memory_reserved": ("memory_bytes", GIB),
    "gpu_resources": ("memory_bytes", 1.0),
}
VALIDATION: Names = {"val_loss": ("val_loss", 1.0)}
ITEM = rb"(?P<name>[A-Za-z_][\w./-]{0,80}):(?:(?:tensor\()?{value}(?:, [^()\n]{0,120})?\)?|\S+)(?: |$)"


def _setting(printed: bytes, fact: bytes, *, indented: bool = False) -> Said:
    """A line of the config that is printed as YAML at the start; every YAML file has such lines."""
    blanks = rb"^ +" if indented else rb"^"
    return Said(printed + b": ", blanks + printed + rb": {" + fact + rb"}$", own=False)


class TorchTune(TextFormat):
    """torchtune, training/metric_logging.py and recipes/full_finetune_distributed.py at 0.6.1 (2025).

    `Step N` is printed after update N, counted from 1 and on through all epochs, so N updates are done. Its loss is
    the mean over the tokens of all micro-batches and ranks that are not masked; grad_norm that before clipping.
    tokens_per_second_per_gpu counts the tokens of the step that are no padding. peak_memory_reserved is in GiB, since
    the last line; the versions of early 2024 print gpu_resources in bytes and count their steps from 0. Numbers are
    Python's own: all digits, or a tensor's repr. Where the metrics go to a file, the progress bar on standard output
    still says `EPOCH|STEP|Loss: X`. max_seq_len is where samples are cut, not how long they are, and no fact.
    """

    name: ClassVar[str] = "torchtune"
    title: ClassVar[str] = "torchtune"
    about: ClassVar[str] = "torchtune: `Step N | loss:... lr:... tokens_per_second_per_gpu:...`, also its log_*.txt"
    example: ClassVar[str] = "Step 8 | loss:0.8629082441329956 lr:2e-05 tokens_per_second_per_gpu:402.3016704011016"
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        tokens_per_second_of="device",
        settings=TORCHTUNE,
    )
    rows: ClassVar = (
        Fields(
            hint=b"| val_loss:",
            turn=1,
            anchor=rb"\bStep (?P<step>\d{1,12}) \| (?=val_loss:\S)",
            item=ITEM,
            names=VALIDATION,
        ),
        Fields(
            hint=b"step ",
            anchor=rb"\bStep (?P<step>\d{1,12}) \| (?!val_loss:)(?=[A-Za-z_][\w./-]{0,80}:\S)",
            start=rb"\bStep \d{1,12} \|",
            item=ITEM,
            names=NAMES,
        ),
        Layout(
            hint=b"|loss: ",
            text=rb"(?<![\d|])\d{1,6}\|(?P<step>\d{1,12})\|Loss: {train_loss}",
            start=rb"(?<![\d|])\d{1,6}\|\d{1,12}\|Loss",
        ),
    )
    said: ClassVar = (
        Said(b"recipe", rb"Running \w{1,80}Recipe\w{0,40} with resolved config", begins=True),
        Said(b"writing logs to", rb"Writing logs to \S{1,400}log_\d+\.txt"),
        Said(b"is initialized with precision", rb"Model is initialized with precision torch\.(?P<dtype>\w{1,20})"),
        _setting(b"batch_size", b"batch_size"),
        _setting(b"gradient_accumulation_steps", b"gradient_accumulation_steps"),
        _setting(b"epochs", b"planned_epochs"),
        _setting(b"lr", b"learning_rate", indented=True),
        _setting(b"num_warmup_steps", b"warmup_steps", indented=True),
        _setting(b"weight_decay", b"weight_decay", indented=True),
        _setting(b"clip_grad_norm", b"grad_clip"),
    )
    checkpoint: ClassVar = Said(b"checkpoint", rb"(?:[Mm]odel checkpoint of size|Checkpoint saved in) \d")
    end: ClassVar = Said(b"training completed took", rb"Training completed took \d")
