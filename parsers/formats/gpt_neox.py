"""GPT-NeoX (EleutherAI/gpt-neox, megatron/logging.py and megatron/training.py)."""

from __future__ import annotations

from typing import ClassVar

from parsers.configs.written import GPT_NEOX
from parsers.formats.deepspeed_lines import CHECKPOINT, MEMORY, OVERFLOW
from parsers.formats.megatron_arguments import BEGIN, Arguments
from parsers.formats.megatron_lines import AT_THE_END, LOSS, PADDED, REPORTED_MEMORY, VALIDATION
from parsers.records import Record, Traits
from parsers.rows.numbers import NUMBER
from parsers.rows.row_patterns import Fields, Layout, Names
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

NAMES: Names = {
    "lm_loss": ("train_loss", 1.0),
    "lm loss": ("train_loss", 1.0),
    "learning rate": ("learning_rate", 1.0),
    "loss scale": ("loss_scale", 1.0),
    "grad_norm": ("grad_norm", 1.0),
    "elapsed time per iteration (ms)": ("step_seconds", 1e-3),
    "approx flops per gpu": ("tflops", 1.0),
    "mfu": ("mfu", 0.01),
}
VALUE = rb"(?P<value>" + NUMBER + rb"(?:[KMGT](?=FLOPS\b))?)(?:FLOPS|%)?"
ITEM = rb" (?P<name>[A-Za-z][\w ()/.-]{1,60}): *(?:" + VALUE + rb"|[^|\n]{0,40}?) *\|"


class GptNeoX(TextFormat):
    """GPT-NeoX, megatron/logging.py (training_log) and megatron/training.py at ea7aefd (2025).

    `iteration N` is printed after update N, counted from 1. Its loss is the mean over the iterations since the last
    line that were not skipped; the time is that of all. `approx flops per GPU` scales with its unit and counts the
    activations that checkpointing computes again. `> total params` is the sum over the ranks of one copy of the model,
    with what each of them repeats. MFU is printed only where the user gave the peak of his GPU. A validation names its
    own iteration. Memory is the most that PyTorch held of a GPU.
    """

    name: ClassVar[str] = "gpt-neox"
    title: ClassVar[str] = "GPT-NeoX"
    about: ClassVar[str] = (
        "GPT-NeoX: ` samples/sec: ... | iteration N/ M | elapsed time per iteration (ms): ... | lm_loss: ...`"
    )
    example: ClassVar[str] = (
        " samples/sec: 2.721 | iteration        2/   55000 | elapsed time per iteration (ms): 11761.2 |"
        " learning rate: 2.424E-09 | approx flops per GPU: 9.1TFLOPS | lm_loss: 1.105449E+01 |"
        " number of skipped iterations:   0 | number of nan iterations:   0 |"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        settings=GPT_NEOX,
    )
    rows: ClassVar = (
        Fields(
            hint=b"samples/sec",
            anchor=rb"samples/sec: [\d.]{1,12} \| iteration +(?P<step>\d{1,12})/ *(?P<planned_steps>\d{1,12}) \|"
            rb"(?= |$)",
            start=rb"samples/sec: [\d.]",
            item=ITEM,
            names=NAMES,
        ),
        Layout(
            hint=b"validation results at iteration ",
            turn=1,
            text=rb"validation results at iteration (?P<step>\d{1,12})" + LOSS,
        ),
        VALIDATION,
        AT_THE_END,
        REPORTED_MEMORY,
        OVERFLOW,
        MEMORY,
    )
    said: ClassVar = (
        Said(b"neoxargs.from_ymls", rb"NeoXArgs\.from_ymls\(\)"),
        Said(
            b"neoxargs.configure", rb"NeoXArgs\.configure_distributed_args\(\) using world size: {world_size} and model"
        ),
        Said(
            b"neoxargs.calcul",
            rb"NeoXArgs\.calcul\w{1,6}_derived\(\) Total number of GPUs determined to be: {world_size}",
        ),
        Said(b"total params", rb"> total params: {parameters}\s*$", begins=True),
        PADDED,
        Said(b"loading checkpoint and starting", rb"Loading checkpoint and starting from iteration", resumes=True),
    )
    checkpoint: ClassVar = CHECKPOINT
    more_hints: ClassVar = (BEGIN,)

    def __init__(self) -> None:
        super().__init__()
        self._arguments = Arguments()

    @property
    def open(self) -> bool:
        """Whether an argument dump is open."""
        return self._arguments.open

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """A line of the argument dump; None for all others."""
        facts = self._arguments.read(number, line)
        return None if facts is None else [*facts]
