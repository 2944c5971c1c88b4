"""What holds for every text format, on a log of each: recognition, cuts, junk, margins, noise."""

from __future__ import annotations

import pytest
from format_checks import assert_survives_noise, curves, with_junk, wrapped
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_logs import kinds, sample

from parsers.clean import clean
from parsers.format import Format
from parsers.formats import recognise

KINDS = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
PROSE = b"It was a bright cold day in April, and the clocks were striking thirteen. The loss was total.\n" * 40
SOURCE = b'def step(loss: float = 0.5) -> None:\n    print(f"step {i}: loss {loss:.4f}, lr {lr}")  # loss: 3.2\n' * 40
DMON = (
    b"# gpu   pwr gtemp mtemp    sm   mem   enc   dec  mclk  pclk\n"
    b"    0   250    65     -    99    80     0     0  1593  1980\n" * 40
)
WEB = b'10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET /loss?step=10 HTTP/1.1" 200 5123 "-" "Mozilla/5.0"\n' * 40
SMI_CSV = (
    b"timestamp, name, utilization.gpu [%], memory.used [MiB]\n2026/11/21 10:00:00.000, NVIDIA H100, 99 %, 40000 MiB\n"
    * 40
)


@KINDS
def test_a_log_is_recognised_as_what_it_is(kind: type[Format]) -> None:
    """Offered to all formats, its own wins with the margin; whole, from its middle on, and with junk between."""
    log = sample(kind)
    lines = log.split(b"\n")
    middle = (
        b"\n".join([lines[0], *lines[len(lines) // 2 :]])
        if kind.name in HEADED
        else b"\n".join(lines[len(lines) // 2 :])
    )
    for text in (log, middle, with_junk(log)):
        found = recognise(clean(text))
        assert found is not None
        assert found[0] is kind


@KINDS
def test_the_example_is_a_line_of_it(kind: type[Format]) -> None:
    """What `traintop formats` shows as an example is read by the format that it stands for."""
    if kind.name in HEADED:
        pytest.skip("its rows mean nothing without their header")
    text = (kind.example + "\n").encode()
    assert kind.sniff(text) > 0 or curves(kind, text)


@pytest.mark.parametrize("text", [PROSE, SOURCE, DMON, WEB, SMI_CSV], ids=["prose", "source", "dmon", "web", "smi"])
def test_other_text_is_no_training_log(text: bytes) -> None:
    """Prose, source code, GPU monitors and web servers also say "loss", "step" and print numbers."""
    assert recognise(text) is None


@KINDS
def test_a_margin_loses_no_point(kind: type[Format]) -> None:
    """A terminal of 80 or 100 columns breaks rows over several lines; each is made whole again."""
    log = sample(kind, 30)
    expected = curves(kind, log)
    for width in (80, 100):
        found = curves(kind, wrapped(log, width))
        assert {m: len(p) for m, p in found.items()} == {m: len(p) for m, p in expected.items()}


@KINDS
@settings(max_examples=8)
@given(data=st.data())
def test_blocks_may_end_anywhere(kind: type[Format], data: st.DataObject) -> None:
    """The points are the same however many lines come at a time."""
    log = sample(kind, 30)
    size = data.draw(st.integers(1, 50))
    assert curves(kind, log, size) == curves(kind, log)


@KINDS
def test_noise_raises_nothing(kind: type[Format]) -> None:
    """Random bytes, and rows with random bytes in them."""
    assert_survives_noise(kind, sample(kind, 30), rounds=20)


HEADED = frozenset({"csv", "lightning-csv", "mlx-lm"})
"""Formats whose rows can only be read after a line of names."""
