"""Numbers, durations and foreign text as people read them, and text cut or padded to an exact number of cells."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

from parsers.clean import printable

UNKNOWN = "–"
MINUS = "−"
_SELECTORS = re.compile("[\ufe00-\ufe0f]")
_SCALES = ((1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_FLOPS = ((1e18, "EFLOP/s"), (1e15, "PFLOP/s"), (1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"))
_PLAIN = str.maketrans(
    "–−×·…°±●▲✖○✓✔♦◆›▸⏎←→↑↓│┃─━╸┊┄╭╮╰╯├┤┿▏▶♥αβ",
    "--x..o~*!X.vv**>><<>^v||--=:-++++||+|>?ab",
)
_PLAIN_WORDS = {
    "± ": "+-",
    "⏎": "enter",
    "❚❚": "||",
    "≥": ">=",
    "≤": "<=",
    " · ": " - ",
    "°C": "C",
    "…": "..",
    "█": "#",
}


def three_digits(value: float) -> str:
    """Three significant digits without an exponent where that is short: 7.6 -> "7.60", 134.2 -> "134"."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else f"{MINUS}inf"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-3:
        return _signed(f"{value:.2e}")
    decimals = 2 - math.floor(math.log10(float(f"{size:.2e}")))
    return _signed(f"{value:,.{max(0, decimals)}f}")


def digits(value: float, n: int) -> str:
    """A value below 1 with n significant digits and no exponent: 0.0042; what is too small for that says so."""
    if not 0 < abs(value) < 1:
        return _signed(f"{value:.{n}g}")
    decimals = n - 1 - math.floor(math.log10(abs(float(f"{value:.{n - 1}e}"))))
    return _signed(f"{value:.{decimals}f}") if decimals <= 8 else _signed(f"{value:.{n - 1}e}")


def count(value: float | None) -> str:
    """A large count with its scale: 7.6e9 -> "7.60 B", 134100 -> "134 k", 512 -> "512"."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value) or abs(value) >= 1e18:
        return three_digits(value)
    rounded = float(f"{value:.2e}")
    for factor, letter in _SCALES:
        if abs(rounded) >= factor:
            return f"{three_digits(rounded / factor)} {letter}"
    return f"{value:.0f}" if value == int(value) else three_digits(value)


def whole(value: float | None) -> str:
    """A step or another exact count: 14500 -> "14,500"."""
    if value is None:
        return UNKNOWN
    return f"{int(value):,}" if math.isfinite(value) and abs(value) < 1e15 else three_digits(value)


def seconds(value: float | None) -> str:
    """A short time with its unit: 3.91 -> "3.91 s", 0.0421 -> "42.1 ms"."""
    if value is None:
        return UNKNOWN
    return f"{three_digits(value * 1e3)} ms" if abs(value) < 0.9995 else f"{three_digits(value)} s"


def duration(value: float | None) -> str:
    """A long time in its two largest units: 21480 -> "5 h 58 m", 75 -> "1 m 15 s", 190000 -> "2 d 4 h"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    total = max(0, round(value))
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} m {total % 60} s" if total < 600 else f"{total // 60} m"
    minutes = total // 60
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} m"
    hours = minutes // 60
    return f"{hours // 24:,} d {hours % 24} h" if hours < 24e6 else f"{three_digits(hours / 24)} d"


def flops(value: float | None) -> str:
    """A rate of arithmetic: 40.2e12 -> "40.2 TFLOP/s"."""
    if value is None:
        return UNKNOWN
    factor, unit = next(((f, u) for f, u in _FLOPS if abs(value) >= f), _FLOPS[-1])
    return f"{three_digits(value / factor)} {unit}"


def gib(value: float | None, unit: bool = True) -> str:
    """Bytes in GiB with one decimal, two below 1: 11703615488 -> "10.9 GiB"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = value / 2**30
    text = f"{size:,.1f}" if abs(size) >= 1 or size == 0 else f"{size:.2f}"
    return f"{text} GiB" if unit else text


def percent(fraction: float | None, decimals: int = 0) -> str:
    """A share: 0.69 -> "69 %", 0.0005 -> "0.05 %": what is not nothing is not shown as 0."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    if 0 < abs(fraction) * 100 < 0.95 * 10**-decimals:
        return f"{digits(fraction * 100, 2)} %"
    return f"{fraction * 100:,.{decimals}f} %" if abs(fraction) < 1e6 else f"{three_digits(fraction * 100)} %"


def loss(value: float | None, decimals: int = 3) -> str:
    """A loss in nats, by default to a thousandth, and one below that as 3.2e-05; NaN and inf are said."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value) or abs(value) >= 1e4:
        return three_digits(value)
    if 0 < abs(value) < 0.5 * 10**-decimals:
        return f"{MINUS if value < 0 else ''}{abs(value):.1e}"
    return _signed(f"{value:.{decimals}f}")


def change(value: float | None, decimals: int = 3) -> str:
    """A difference with its sign: -0.007 -> "−0.007", 0.01 -> "+0.010"."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = _signed(f"{value:.{decimals}f}") if abs(value) < 1e4 else loss(value)
    return text if text.startswith(MINUS) else f"+{text}"


def clock(since_1970: float | None, utc: bool = False) -> str:
    """The hour and minute of a moment, local time unless `utc`: "14:02"."""
    if since_1970 is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(since_1970, tz=UTC if utc else None).strftime("%H:%M")
    except (OverflowError, OSError, ValueError):
        return UNKNOWN


def foreign(text: str) -> str:
    """Somebody else's text on one line, safe to show.

    Variation selectors go as well as all control characters: terminals disagree on the width that they give.
    """
    return _SELECTORS.sub("", printable(text))


def plain(text: str) -> str:
    """The same in ASCII, every sign by its nearest; what has none becomes "?" of the same width."""
    if text.isascii():
        return text
    for sign, word in _PLAIN_WORDS.items():
        text = text.replace(sign, word)
    text = text.translate(_PLAIN)
    return "".join(c if c.isascii() else "?" * cell_len(c) for c in text)


def cut(text: str, width: int, more: str = "…") -> str:
    """At most `width` cells of `text`; what was cut ends in `more`."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(more)
    return set_cell_size(text, room).rstrip() + more if room >= 0 else set_cell_size(text, max(0, width))


def pad(text: str, width: int, right: bool = False) -> str:
    """Exactly `width` cells of `text`, filled with blanks at its end, or at its front with `right`."""
    text = cut(text, width)
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
