"""parsers/replay.py on real logs: what is shown at any moment was printed by then."""

from __future__ import annotations

import re

import pytest
from growing import poll_all
from played import seen
from raw_logs import shared

from parsers.records import Fact, Record
from parsers.replay import Replay, until
from parsers.sources import LogFile

ROW = re.compile(r"^(iter|step) (\d+): (?:train )?loss ", re.MULTILINE)
LOGS = ["corpus/nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log", "lab/healthy-nanogpt-11.log"]


def read(name: str) -> tuple[list[Record], dict[tuple[str, int], int]]:
    """A log's records, and where in the text each of its rows stands."""
    path = shared(name)
    source = LogFile(path)
    records = poll_all(source) + source.finish()
    source.close()
    text = path.read_text(errors="replace")
    return records, {(found[1], int(found[2])): found.start() for found in ROW.finditer(text)}


@pytest.mark.parametrize("name", LOGS)
def test_no_row_is_shown_before_it_was_printed(name: str) -> None:
    """Row by row: an eval is never there before a train row that stands behind it in the log, and none is left out."""
    records, places = read(name)
    replay = Replay(records, paused=True)
    known = replay.poll()
    evals = 0
    while not replay.done:
        replay.step_once()
        known += replay.poll()
        iters = seen(known)
        if len(iters) < len(seen(records)):
            evals = len(seen(known, "val_loss"))
            newest = places["iter", iters[-1]]
            assert all(places["step", step] < newest for step in seen(known, "val_loss"))
    assert evals > 5
    assert len(seen(known)) == len(seen(records))
    assert seen(known, "val_loss") == seen(records, "val_loss")
    assert replay.generation == 0


def test_until_keeps_the_header() -> None:
    """As it was at step 14,500 of 20,000: all facts, rows to that step, its evaluation, and no end."""
    records, _ = read(LOGS[0])
    known = until(records, 14_500)
    assert [r for r in known if isinstance(r, Fact)] == [r for r in records if isinstance(r, Fact)]
    assert max(seen(known)) == 14_400
    assert max(seen(known, "val_loss")) == 14_500
