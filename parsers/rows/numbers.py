"""Numbers and times as trainers print them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from parsers.records import Value
from parsers.rows.foreign import words

NUMBER = (
    rb"[-+]?(?:\d{1,18}(?:,\d{3})*+(?:\.\d*)?(?:[eE][-+]?\d{1,3})?|[nN]a[nN]|[iI]nf(?:inity)?)"
    rb"(?!\d|[eE][-+\d]|\.\d|,\d{1,2}(?!\d))"
)
"""A whole number or none: 1.2.3, and 1.5E+ or 1,643,7 that a margin cut, are no numbers."""
SUFFIXED = NUMBER + rb"(?:[kKMGBT](?![A-Za-z]))?"
"""Also 11.5K, 85.8B and 40.56M."""
SUFFIXES = {b"k": 1e3, b"K": 1e3, b"M": 1e6, b"G": 1e9, b"B": 1e9, b"T": 1e12}

CLOCK = re.compile(
    rb"(?:(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)|(?P<m2>\d\d)/(?P<d2>\d\d)/(?P<y2>\d{4}))"
    rb"[T ](?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"
)
"""A date and time of day, as ISO 8601 or as Americans write it."""

_MACRO = re.compile(rb"\{([a-z_]+)(~?)\}")
_SWITCHES: dict[bytes, bool] = {b"True": True, b"False": False, b"true": True, b"false": False}
_WHOLE = re.compile(SUFFIXED + rb"$")


def expand(pattern: bytes) -> bytes:
    """A regular expression with {name} for a named number, {name~} for one that may have a suffix such as 11.5K."""
    return _MACRO.sub(lambda m: rb"(?P<" + m[1] + rb">" + (SUFFIXED if m[2] else NUMBER) + rb")", pattern)


def number(text: bytes) -> float:
    """The value of a text that NUMBER or SUFFIXED matched."""
    scale = SUFFIXES.get(text[-1:])
    if scale is not None:
        return float(text[:-1].replace(b",", b"")) * scale
    return float(text.replace(b",", b"") if b"," in text else text)


def value(text: bytes) -> Value:
    """A setting's value: a truth value, an integer where it is one (2,048 and 40.56M too), a float, else words."""
    if text in _SWITCHES:
        return _SWITCHES[text]
    if not _WHOLE.match(text):
        return words(text)
    found = number(text)
    exact = text.lstrip(b"+-").replace(b",", b"").isdigit() or text[-1:] in SUFFIXES
    return round(found) if exact else found


def clock_seconds(found: re.Match[bytes]) -> float | None:
    """Seconds since 1970 of a match of CLOCK, read as UTC: only differences mean something. None for no such day."""
    year, month, day = (found[a] or found[b] for a, b in (("y", "y2"), ("m", "m2"), ("d", "d2")))
    try:
        whole = datetime(int(year), int(month), int(day), int(found["H"]), int(found["M"]), int(found["S"]), tzinfo=UTC)
    except ValueError:
        return None
    fraction = found["f"]
    return whole.timestamp() + (int(fraction) / 10.0 ** len(fraction) if fraction else 0.0)
