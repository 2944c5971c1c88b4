"""Lines that Megatron-LM and GPT-NeoX, which is made of it, both print."""

from __future__ import annotations

from parsers.rows.row_patterns import Attach, Layout
from parsers.rows.said import Said

MIB = 2.0**20
LOSS = rb"(?: \| [^|\n]{1,80}){0,6}? \| *(?:(?i:lm[ _-]?)?loss value|LM loss): {val_loss}"
"""Other values, such as those of further prediction heads, may stand before it."""

VALIDATION = Layout(
    hint=b"validation loss at iteration ",
    turn=1,
    text=rb"validation loss at iteration (?P<step>\d{1,12})(?: on validation set)?" + LOSS,
    own=False,
)
"""A validation; the one on the test set is left out (evaluate_and_print_results in training.py)."""

AT_THE_END = Layout(
    hint=b"training for val data",
    turn=1,
    text=rb"validation loss at the end of training for val data" + LOSS,
    start=rb"validation loss at the end",
    attach=Attach("before", 0),
    own=False,
)
"""The validation after the last step, until 2023."""

REPORTED_MEMORY = Layout(
    hint=b"memory (mb)",
    turn=1,
    text=rb"after \d{1,12} iterations\)? memory \(MB\) \| allocated: [\d.]{1,24} \| max allocated: [\d.]{1,24}"
    rb" \| (?:reserved|cached): [\d.]{1,24} \| max (?:reserved|cached): {memory_bytes}",
    start=rb"after \d{1,12} iterations",
    scales={"memory_bytes": MIB},
    attach=Attach("before", 0, 0),
    own=False,
)
"""The most memory that PyTorch held of one GPU, in MiB (report_memory in utils.py); each data-parallel group says it
once, and processes write in no fixed order."""

PADDED = Said(
    b"> padded vocab",
    rb"> padded vocab \(size: \d+\) with \d+ dummy tokens \(new size: {vocab_size}\)",
    own=False,
)
