"""The rows of a loop: tqdm's bars with a loss behind or before them, and losses that are printed between bars."""

from __future__ import annotations

import re

from parsers.names import meaning_of
from parsers.rows.row_patterns import Attach, Fields, Layout

TAKEN = ("train_loss", "val_loss", "learning_rate", "grad_norm", "tokens_per_second", "loss_scale", "val_bpb")
PER_SECOND = "per_second"
WHERE = ("total", "epoch", "epochs", "version")
"""Columns that tell where a bar is and are no metrics."""

CELLS = re.compile(rb"(\d{1,3}%)\|[^|\n]{0,1500}\| ")
STOPPED = b"`Trainer.fit` stopped"
"""Lightning writes it behind the last bar."""
OTHER = rb"(?![^|\n]{0,200}(?i:\bval|valid|eval|\btest|sanity|predict|generat|download|loading|map\b|sampl))"
EPOCH = rb"(?:(?i:epoch|ep)\b[ :#\[(=]{0,3}(?P<epoch>\d{1,6})(?: ?(?:/| of ) ?(?P<epochs>\d{1,6}))?[^|\n%]{0,80}?)?"
PLACE = rb"(?<!\d)\d{1,3}%\| (?P<step>\d{1,12})/(?P<total>\d{1,12}) \[[\d:?]+<"
UNIT = rb"(?:it|iters?|batch|batches|steps?|ba)"
RATE = (
    rb"[\d:?]+(?: days?, [\d:]+)?, {1,4}(?:{per_second} ?" + UNIT + rb"/s(?=[,\]])|{step_seconds} ?s/" + UNIT
    + rb"(?=[,\]])|[\d.?]+ ?[A-Za-z]{1,12}/[A-Za-z]{1,12})"
)  # fmt: skip
"""Batches a second, or seconds a batch where they are slow; of other units, such as examples, nothing is known."""


def metric_of(name: str) -> tuple[str, float] | None:
    """What a name behind a bar stands for: loss, train_loss_step, lr, tok/s. Means of an epoch are left out."""
    if name == "v_num":
        return "version", 1.0
    meaning = meaning_of(name)
    if meaning is None or meaning.metric not in TAKEN or meaning.per_device or name.endswith("_epoch"):
        return None
    return meaning.metric, meaning.scale


POSTFIX = Fields(
    hint=b"%| ",
    turn=1,
    anchor=rb"^" + OTHER + rb"[^|\n%]{0,120}?" + EPOCH + PLACE + RATE + rb"(?=[^\]\n]*loss)",
    item=rb", ?(?P<name>[A-Za-z][\w/. -]{0,60}?) ?[=: ] ?(?:{value}(?=[,\]])|[^,\]\n]*)",
    translate=metric_of,
    ends=rb"\]",
)
DESCRIBED = Layout(
    hint=b"%| ",
    turn=1,
    text=rb"^" + OTHER + rb"[^|\n%]{0,80}?" + EPOCH + rb"(?i:loss)[=: ]{1,3}{train_loss}"
    rb"(?:[,.|; ]{1,3}(?:lr|LR)[=: ]{1,3}{learning_rate})?[^|\n%\d]{0,40}: +" + PLACE,
    start=rb"(?i:loss)[=: ]{1,3}\d[^|\n]{0,80}%\| ",
)
"""The loss in the description, as in minGPT."""
PLAIN = Layout(
    hint=b"%| ",
    turn=1,
    text=rb"^" + OTHER + rb"[^|\n%]{0,120}?" + EPOCH + PLACE,
    start=rb"\d{1,3}%\| ",
    own=False,
)
"""A bar that only tells where the loop is."""
AFTER = rb"(?:^|[-|,;:\]] {0,3}|\] )"


def printed(split: bytes, metric: bytes) -> Layout:
    """A loss of the epoch that just ended: `Train Loss: 6.4938 - Train Perplexity: 661.02`."""
    return Layout(
        hint=b"loss",
        turn=1,
        text=AFTER + rb"(?i:(?:avg\.?|average|mean)? ?" + split + rb"[ _]loss)(?: ?[:=])? ?{" + metric + rb"}",
        start=rb"(?i:" + split + rb"[ _]loss)[ :=]",
        attach=Attach("before", otherwise=0),
        own=False,
    )


RATE_PRINTED = Layout(
    hint=b"lr: ",
    turn=1,
    text=rb"^(?:[^|\n]{0,60}[-|,] )?(?:LR|lr): {learning_rate}\s*$",
    start=rb"\b(?:LR|lr): ",
    attach=Attach("before", otherwise=0),
    own=False,
)


def without_cells(lines: bytes) -> bytes:
    """The bars without their cells, so that all of them look alike; Lightning's last words on a line of their own."""
    return CELLS.sub(rb"\1| ", lines).replace(b"]" + STOPPED, b"]\n" + STOPPED) if b"%|" in lines else lines
