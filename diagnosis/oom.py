"""What an out-of-memory message says, in the wordings that PyTorch has had, XLA's and Apple's."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {
    "bytes": 1.0,
    "b": 1.0,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "kib": 2.0**10,
    "mib": 2.0**20,
    "gib": 2.0**30,
    "tib": 2.0**40,
}
_SIZE = r"(\d+(?:\.\d+)?) ?(bytes|[KMGT]i?B|B)\b"

_TRIED = re.compile(rf"(?:[Tt]ried|trying) to allocate {_SIZE}")
_TOTAL = re.compile(rf"total capac(?:i)?ty of {_SIZE}|{_SIZE} total capacity|max allowed: {_SIZE}")
_FREE = re.compile(rf"of which {_SIZE} is free|; {_SIZE} free")
_IN_USE = re.compile(rf"this process has {_SIZE} memory in use")
_OTHER = re.compile(rf"Process \d+ has {_SIZE} memory in use")
_ALLOCATED = re.compile(rf"allocated memory {_SIZE} is allocated|{_SIZE} already allocated|MPS allocated: {_SIZE}")
_UNALLOCATED = re.compile(rf"{_SIZE} is reserved by PyTorch but unallocated|; {_SIZE} cached")
_RESERVED = re.compile(rf"{_SIZE} reserved in total by PyTorch")


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The sizes that the message names, in bytes; None is what it does not say."""

    tried: float | None
    tried_error: float
    """Half of the last printed digit of `tried`: what rounding leaves open."""
    total: float | None
    free: float | None
    in_use: float | None
    """By this process, with what PyTorch does not count."""
    allocated: float | None
    """By tensors."""
    unallocated: float | None
    """Reserved by PyTorch's allocator and not in use by any tensor."""
    others: float | None
    """Held outside this process: as listed, or what total, free and this process leave, whichever is more."""


def parse(text: str) -> OutOfMemory:
    """The sizes in an out-of-memory message of PyTorch (0.4 to 2.x; CUDA, HIP and MPS) or XLA.

    Source: PyTorch c10/cuda/CUDACachingAllocator.cpp; "capacty" is the spelling of PyTorch 2.0 and 2.1, and "cached"
    was reserved but unallocated before 1.4.
    """
    tried, error = _tried(text)
    total, free, in_use, allocated = (_size(p, text) for p in (_TOTAL, _FREE, _IN_USE, _ALLOCATED))
    unallocated, reserved = _size(_UNALLOCATED, text), _size(_RESERVED, text)
    if unallocated is None and reserved is not None and allocated is not None:
        unallocated = max(0.0, reserved - allocated)
    others = sum(_bytes(number, unit) for number, unit in _OTHER.findall(text))
    if total is not None and free is not None and in_use is not None:
        # Processes of other users and the display are not listed; under WSL a process can use more than the card has.
        others = max(others, total - free - in_use)
    return OutOfMemory(tried, error, total, free, in_use, allocated, unallocated, others or None)


def _tried(text: str) -> tuple[float | None, float]:
    match = _TRIED.search(text)
    if match is None:
        return None, 0.0
    number, unit = match.groups()
    digits = len(number.partition(".")[2])
    half = 0.0 if unit == "bytes" else 0.5 * 10.0**-digits * _UNITS[unit.lower()]
    return _bytes(number, unit), half


def _size(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    if match is None:
        return None
    number, unit = (group for group in match.groups() if group is not None)
    return _bytes(number, unit)


def _bytes(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit.lower()]
