"""A text format with one row of each sort, for tests of what all text formats share."""

from __future__ import annotations

from typing import ClassVar

from parsers.records import Traits
from parsers.rows.row_patterns import Attach, Fields, Layout
from parsers.rows.said import Said
from parsers.rows.text import TextFormat


class Tiny(TextFormat):
    """`it N/M loss X` rows, `eval X` rows without a step, `at N a=1 b=2` rows of fields."""

    name: ClassVar[str] = "tiny"
    title: ClassVar[str] = "Tiny"
    about: ClassVar[str] = "for tests"
    example: ClassVar[str] = "it 10/99 loss 3.2174 dt 12.50ms"
    traits: ClassVar[Traits] = Traits()
    rows: ClassVar = (
        Layout(
            hint=b"it ",
            text=rb"it +(?P<step>\d+)/(?P<planned_steps>\d+) loss {train_loss}(?: dt {step_seconds}ms)?",
            start=rb"it +\d+/\d+",
            scales={"step_seconds": 1e-3},
        ),
        Layout(hint=b"eval ", text=rb"eval {val_loss}", attach=Attach("after", 0, 1)),
        Layout(hint=b"held ", turn=1, text=rb"held {grad_norm}", attach=Attach("before")),
        Fields(
            hint=b"at ",
            anchor=rb"\bat (?P<step>\d+)",
            item=rb" (?P<name>[a-z]+)=(?:{value}|n/a)",
            names={"a": ("learning_rate", 1.0), "b": ("tokens", 1000.0), "m": ("mfu", 0.01)},
        ),
    )
    said: ClassVar = (
        Said(b"begins with", rb"begins with {parameters} weights", begins=True),
        Said(b"resumes", rb"resumes from (?P<out_dir>\S+)", resumes=True),
    )
    checkpoint: ClassVar = Said(b"saved", rb"saved to \S+")
    end: ClassVar = Said(b"all done", rb"all done")


def log(rows: int = 60) -> bytes:
    """Rows of all sorts, steps rising."""
    lines = ["begins with 1,234 weights"]
    for row in range(rows):
        if row % 10 == 0:
            lines.append(f"eval {5 - 0.01 * row:.4f}")
        lines.append(f"it {row:4d}/{rows} loss {6 - 0.01 * row:.4f} dt {12 + row % 7:.2f}ms")
        lines.append(f"held {1 + row % 3:.2f}")
        if row % 5 == 0:
            lines.append(f"at {row} a={1e-4 * (row + 1):.3e} b={row + 1} m={30 + row % 9:.1f}")
    return "\n".join([*lines, "all done", ""]).encode()
