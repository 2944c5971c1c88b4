"""W&B's folders of a run: each start of it writes one of its own, wandb/run-DATE_TIME-ID/run-ID.wandb.

Source: wandb/sdk/wandb_settings.py (sync_dir, sync_file) and wandb_init.py (a suffix where two starts share a second)
of wandb/wandb 0.31. A run that is resumed keeps its ID.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SUFFIX = ".wandb"
FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")


def file_in(folder: Path) -> Path | None:
    """The newest `.wandb` file right in a directory; None where there is none."""
    try:
        with os.scandir(folder) as entries:
            found = [(e.stat().st_mtime, e.name) for e in entries if e.name.endswith(SUFFIX) and e.is_file()]
    except OSError:
        return None
    return folder / max(found)[1] if found else None


def files_of_run(folder: Path) -> list[Path]:
    """The `.wandb` files of the run that a directory of W&B is of, in the order in which they were begun.

    They lie in directories beside it that are named by the same ID. A directory of another name has its own file alone.
    """
    real = Path(os.path.realpath(folder))
    own = file_in(real)
    run = run_of(real, own)
    if own is None or run is None:
        return [] if own is None else [own]
    folders = [real.parent / name for _, name in sorted(_beside(real.parent))]
    files = [path / own.name for path in folders if run_of(path, path / own.name) == run]
    return [file for file in files if file.is_file()] or [own]


def run_of(folder: Path, file: Path | None) -> str | None:
    """The ID of the run whose directory this is, with that file in it; None for another directory or no file."""
    found = FOLDER.fullmatch(folder.name)
    if found is None or file is None:
        return None
    run = file.name.removeprefix("run-").removesuffix(SUFFIX)
    return run if re.fullmatch(re.escape(run) + r"(?:-\d+)?", found[2]) else None


def _beside(wandb: Path) -> list[tuple[str, str]]:
    """When each directory of a run in W&B's folder was begun, and its name; links to them are left out."""
    try:
        with os.scandir(wandb) as entries:
            named = [(FOLDER.fullmatch(entry.name), entry) for entry in entries]
            return [(str(found[1]), e.name) for found, e in named if found and not e.is_symlink() and e.is_dir()]
    except OSError:
        return []
