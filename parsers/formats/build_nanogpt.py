"""build-nanogpt (karpathy/build-nanogpt, train_gpt2.py): its standard output and its log/log.txt."""

from __future__ import annotations

from typing import ClassVar

from parsers.configs.written import BUILD_NANOGPT
from parsers.records import Traits
from parsers.rows.row_patterns import Attach, Fields, Layout, Names
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

MILLISECONDS = 1e-3
ITEMS: Names = {
    "lr": ("learning_rate", 1.0),
    "norm": ("grad_norm", 1.0),
    "dt": ("step_seconds", MILLISECONDS),
    "tok/sec": ("tokens_per_second", 1.0),
}
ITEM = rb" {1,4}\| ?(?P<name>dt(?=: *[\d.]+ ?ms)|(?!dt\b)[a-z][a-z/_ ]{0,20}?)(?::|(?= )) *{value}(?: ?ms)?(?= |$)"
"""One field of a step's row: the course's versions differ in their order, and in the colon after lr."""
MEASURED = rb"(?=\d{1,6}\.\d{3,9}\s*$|-?nan\s*$|inf\s*$)"
"""A row of log.txt is one short line, so what follows must be its end."""


class BuildNanoGPT(TextFormat):
    """build-nanogpt, train_gpt2.py at 6104ab1 (June 2024) and the steps of the course before it.

    `step N` is printed after update N, so N + 1 updates are done. Its loss is the mean over all micro-batches and
    ranks, its norm that before clipping. `validation loss` prints no step: it is measured before update N, whose row
    comes next. dt is taken from the top of the loop, so that of every 250th step, and of the last, contains the
    validation, HellaSwag and the samples. tok/sec is that of all ranks. log.txt says the same as `N train x`,
    `N val x`, `N hella x`; it is emptied when a run begins. Nothing says that a checkpoint was saved.
    """

    name: ClassVar[str] = "build-nanogpt"
    title: ClassVar[str] = "build-nanogpt"
    about: ClassVar[str] = "build-nanogpt's train_gpt2.py: standard output and log/log.txt"
    example: ClassVar[str] = (
        "step  1000 | loss: 4.162544 | lr 5.8923e-04 | norm: 0.4840 | dt: 17826.65ms | tok/sec: 29410.34"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=1,
        updates_at_eval_row=0,
        step_seconds="one step",
        step_seconds_contain_eval=True,
        optimizer="AdamW",
        settings=BUILD_NANOGPT,
    )
    rows: ClassVar = (
        Fields(
            hint=b"| loss: ",
            turn=1,
            anchor=rb"\bstep +(?P<step>\d{1,12}) {1,4}\| loss: {train_loss}(?= \|)",
            item=ITEM,
            names=ITEMS,
            least=2,
        ),
        Layout(
            hint=b"validation loss: ",
            text=rb"validation loss: {val_loss}",
            attach=Attach("after", 0, 1),
            ends=rb"\s*$",
            own=False,
        ),
        Layout(
            hint=b" train ",
            turn=1,
            text=rb"^(?P<step>\d{1,12}) train " + MEASURED + rb"{train_loss}",
            start=rb"^\d{1,12} train [\d.]*$",
        ),
        Layout(
            hint=b" val ",
            text=rb"^(?P<step>\d{1,12}) val " + MEASURED + rb"{val_loss}",
            start=rb"^\d{1,12} val [\d.]*$",
        ),
        Layout(
            hint=b" hella ",
            text=rb"^(?P<step>\d{1,12}) hella [01]\.\d{4}\s*$",
            start=rb"^\d{1,12} hella [\d.]*$",
        ),
    )
    said: ClassVar = (
        Said(b"total desired batch size", rb"total desired batch size: {tokens_per_step}\s*$", begins=True),
        Said(
            b"=> calculated gradient accumulation",
            rb"=> calculated gradient accumulation steps: {gradient_accumulation_steps}\s*$",
        ),
        Said(
            b"num decayed parameter", rb"num decayed parameter tensors: \d+, with {parameters_decayed} par", own=False
        ),
        Said(
            b"num non-decayed parameter",
            rb"num non-decayed parameter tensors: \d+, with {parameters_non_decayed} par",
            own=False,
        ),
        Said(
            b"using device: ",
            rb"using device: (?P<device>[a-z]{2,8}(?::\d+)?)\s*$",
            read=lambda found: {"device": found["device"].decode(), "world_size": 1},  # no rank of DDP prints it
            own=False,
        ),
        Said(
            b"loading weights from pretrained",
            rb"loading weights from pretrained gpt: (?P<init_from>[\w-]+)",
            own=False,
        ),
    )
