"""A log for the commands to read."""

from __future__ import annotations

from pathlib import Path

import pytest
from typed_commands import log_text


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A nanoGPT run that has come to its last step, 400."""
    path = tmp_path / "train.log"
    path.write_text(log_text(400))
    return path
