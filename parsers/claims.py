"""Model sizes that somebody wrote down in a comment or a run's name: claims, never measurements."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """That the model has so many parameters, and the line that says so."""

    parameters: int
    line: int


SCALE = {"k": 1e3, "m": 1e6, "b": 1e9}
SIZE = r"(?<![\w.])~?((?![0.]+\s?[KMBkmb])\d{1,4}(?:\.\d{1,3})?)\s?([KMBkmb])(?:illion)?(?![A-Za-z0-9])"
COMMENT = re.compile(r"""^(?:[^'"#\n]|'[^'\n]*+'|"[^"\n]*+")*+#(.*)$""", re.MULTILINE)
PARAMETERS = re.compile(SIZE + r"[\s-]{0,2}(?:non-embedding\s|trainable\s)?(?:param|weights)", re.IGNORECASE)
LABELLED = re.compile(r"param(?:eter)?s?\w*\s?[:=~(]{1,2}\s?" + SIZE, re.IGNORECASE)
MODEL = re.compile(r"\b(?:model|GPT|GPT-?[234]|transformer|network)\b", re.IGNORECASE)
OTHER = re.compile(r"token|batch|data|docs|sample|step|iter|vocab|flop|byte|download|corpus", re.IGNORECASE)
NAME_SIZE = re.compile(r"(?<![A-Za-z0-9.])((?![0.]+\s?[KMBkmb])\d{1,4}(?:\.\d{1,3})?)([MBmb])(?![A-Za-z0-9])")
NAME_OF_DATA = re.compile(r"tok|fineweb|edu|owt|openwebtext|pile|c4|wiki|corpus|data", re.IGNORECASE)


def claimed_size(source: str) -> Claim | None:
    """The model size that the comments of a Python text claim: one beside "parameters" before one beside "model"."""
    weaker = None
    for comment in COMMENT.finditer(source):
        text = comment[1]
        line = source.count("\n", 0, comment.start(1)) + 1
        if found := PARAMETERS.search(text) or LABELLED.search(text):
            return Claim(_parameters(found), line)
        if weaker is None and MODEL.search(text) and not OTHER.search(text) and (found := re.search(SIZE, text)):
            weaker = Claim(_parameters(found), line)
    return weaker


def size_in_name(name: str) -> int | None:
    """The parameters in a run's name such as "125M-single-parquet" or "gpt2-124M".

    None where it has none, or billions beside the name of a data set: those count tokens.
    """
    found = NAME_SIZE.search(name)
    if found is None or (found[2] in "Bb" and NAME_OF_DATA.search(name)):
        return None
    return _parameters(found)


def _parameters(found: re.Match[str]) -> int:
    return round(float(found[1]) * SCALE[found[2].lower()])
