"""How numbers are said in evidence and advice: short, with their unit, never more digits than they deserve."""

from __future__ import annotations

import math

_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def count(number: float) -> str:
    """A number of parameters or tokens in four digits at most: "40.56M", "10.49B", "125M"."""
    for scale, letter in _SCALES:
        if abs(number) >= 0.99995 * scale:
            return f"{number / scale:.4g}{letter}"
    return f"{number:.0f}"


def memory(size_bytes: float) -> str:
    """Bytes in binary units, as PyTorch and nvidia-smi print them: "7.04 GiB", "225 MiB"."""
    if abs(size_bytes) >= 2**30:
        return f"{size_bytes / 2**30:.2f} GiB"
    return f"{size_bytes / 2**20:.0f} MiB" if abs(size_bytes) >= 2**20 else f"{size_bytes / 2**10:.0f} KiB"


def flops(rate: float) -> str:
    """FLOP/s: "40.2 TFLOP/s"."""
    return f"{rate / 1e12:.1f} TFLOP/s" if rate >= 1e12 else f"{rate / 1e9:.1f} GFLOP/s"


def duration(seconds: float) -> str:
    """A step's time: "3.91 s", "37.4 ms"."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def span(seconds: float) -> str:
    """A stretch of training: "2.5 h", "34 min", "12 s"."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def percent(share: float) -> str:
    """A share of one: "69 %", "8.6 %", "0.04 %", "0.004 %"."""
    digits = 0 if abs(share) >= 0.2 else 1 if abs(share) >= 0.001 else 2
    return f"{_never_zero(share * 100, digits)} %"


def times(ratio: float) -> str:
    """A multiple: "12.9", "0.42", "180", "0.0006"."""
    return _never_zero(ratio, 0 if ratio >= 100 else 1 if ratio >= 1 else 2)


def _never_zero(number: float, digits: int) -> str:
    """With so many digits behind the point, or as many as the first that is not 0 needs."""
    if 0 < abs(number) < 0.5 * 10.0**-digits:
        digits = min(9, -math.floor(math.log10(abs(number))))
    return f"{number:.{digits}f}"
