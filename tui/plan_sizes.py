"""`--sizes 30M,124M`: the shapes that a plan is compared with."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from diagnosis.shape import Shape
from diagnosis.sizes import scaled, shape_for
from tui.errors import UserError
from tui.options import count

WANTED = "write counts (30M,124M), n_embd=384,768 or n_layer=6,12"
MOST_OF_A_DIMENSION = 1e6


def asked_shapes(text: str, like: Shape) -> list[tuple[str, Shape]]:
    """The shapes, each by its words: of counts ("30M,124M"), widths ("n_embd=384,768"), depths ("n_layer=6,12")."""
    name, sign, values = text.partition("=")
    make: Callable[[float], Shape | None] = lambda parameters: shape_for(parameters, like)  # noqa: E731
    if sign:
        if name.strip() not in ("n_embd", "n_layer"):
            raise UserError(f"--sizes {text}: {WANTED}")
        wide = name.strip() == "n_embd"
        make = lambda value: scaled(like, int(value)) if wide else replace(like, n_layer=int(value))  # noqa: E731
    made: list[tuple[str, Shape]] = []
    for word in (values if sign else name).split(","):
        number = _number(word, text)
        if sign and (number != int(number) or number > MOST_OF_A_DIMENSION):
            raise UserError(f"--sizes {text}: {word.strip()} is no {name.strip()}; {WANTED}")
        shape = make(number)
        if shape is None:
            raise UserError(f"--sizes {word.strip()}: no model of this layout and vocabulary has that size")
        made.append((f"{name.strip()}={word.strip()}" if sign else word.strip(), shape))
    return made


def _number(word: str, text: str) -> float:
    try:
        return count(word)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"--sizes {text}: {error}") from None
