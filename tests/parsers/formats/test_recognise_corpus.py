"""Every published log is recognised for what it is, and by a margin. Skips where the logs are not at hand."""

from __future__ import annotations

from typing import Any

import pytest
from raw_logs import CORPUS, labels

from parsers.clean import clean
from parsers.formats import FORMATS, LEAST, MARGIN
from parsers.intake import WINDOW_BYTES
from parsers.places.places_look import store_of


@pytest.mark.parametrize("label", labels("corpus"), ids=lambda label: label["path"])
def test_the_right_format_wins_by_a_margin(label: dict[str, Any]) -> None:
    """Offered to all formats: its own is sure enough and surer than the next; a store is known by its bytes."""
    path = CORPUS / label["path"]
    store = store_of(path)
    if store is not None:
        assert store.name == label["format"]
        return
    text = clean(path.read_bytes())
    window = text[: text.rfind(b"\n", 0, WINDOW_BYTES) + 1] or text
    tail = text[text.find(b"\n", max(0, len(text) - WINDOW_BYTES) - 1) + 1 :] or text
    ranks = [sorted(((kind.sniff(w), kind.name) for kind in FORMATS), reverse=True) for w in (window, tail)]
    (best, name), (second, _), *_ = max(ranks, key=lambda rank: rank[0][0] - rank[1][0])
    assert name == label["format"]
    assert best >= LEAST
    assert best - second >= MARGIN
