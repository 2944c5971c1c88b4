"""A real event file, where one is at hand: all its scalars, with and without the fast way."""

from __future__ import annotations

from pathlib import Path

import pytest
from event_files import rows
from polled import only, poll_out
from raw_logs import CORPUS, shared

from parsers.formats.tensorboard import TensorBoard
from parsers.records import Notice, Restart
from parsers.stores.event_messages import values
from parsers.stores.event_records import frames

FILES = sorted(CORPUS.glob("tensorboard/*tfevents*"))


def test_the_corpus_is_held() -> None:
    """Each file and their folder are recognised by their first bytes."""
    folder = shared("corpus/tensorboard")
    assert FILES
    assert all(TensorBoard.holds(path, path.read_bytes()[: 16 << 10]) for path in FILES)
    assert TensorBoard.holds(folder, b"")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_corpus_file(path: Path) -> None:
    """Its losses are those that the protobuf library gives, record by record, without a complaint."""
    batches = frames(path.read_bytes()).batches
    records = [(at, row.tobytes()) for batch in batches for row, at in zip(batch.rows, batch.at.tolist(), strict=True)]
    said = [value for _, record in sorted(records) for value in values(record)]
    found = poll_out(TensorBoard(path))
    assert rows(found) == [(value.step, value.value) for value in said if value.tag == b"batch_loss"]
    assert rows(found, "val_loss") == [(value.step, value.value) for value in said if value.tag == b"epoch_val_loss"]
    assert len(rows(found)) == len(rows(found, "val_loss")) == 17
    assert only(Notice, found) + only(Restart, found) == []
