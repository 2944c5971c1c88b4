"""From what the user typed to a source: files, standard input, or the newest log here. Refuses in one line."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parsers.binary import no_text
from parsers.clean import clean
from parsers.formats import recognise
from parsers.records import Record
from parsers.sources import LogFile, StandardInput
from tui.errors import UserError
from tui.options import Options

HEAD_BYTES = 65_536
PIPE_SECONDS = 1.0
SETTLED_SECONDS = 600.0
"""A file that nobody has written for so long, and that no format knows, will not become a training log."""
FILES_LOOKED_AT = 200
DEPTH = 4
GZIP = b"\x1f\x8b"
LOG_SUFFIXES = {".log", ".txt", ".out", ".err", ""}
SKIPPED = {"node_modules", "site-packages", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, the file behind it (None for standard input), and why it was taken."""

    source: LogFile | StandardInput
    path: Path | None
    why: str | None = None


def open_log(path: str | None, options: Options, *, may_wait: bool, descriptor: int = 0) -> Opened:
    """The source of PATH, "-" or the newest log; raises UserError where nothing can be read there."""
    if path == "-":
        return Opened(StandardInput(format_name=options.format, descriptor=descriptor), None)
    if path is None:
        found, why = newest_log(Path())
        return Opened(LogFile(found, format_name=options.format), found, why)
    given = Path(path)
    _refuse(given, may_wait=may_wait)
    return Opened(LogFile(given, format_name=options.format), given)


def _refuse(path: Path, *, may_wait: bool) -> None:
    try:
        if path.is_dir():
            inside = next(iter(_by_age(path)), None)
            hint = f"name the log in it, such as {inside}" if inside else "name a log file"
            raise UserError(f"{path}: is a directory; {hint}")
        if not path.exists():
            if may_wait and path.parent.is_dir():
                return
            raise UserError(f"{path}: there is no such file; check the path")
        # Opening a pipe would wait for its writer; the source refuses it in a line of its own.
        if path.is_file():
            path.open("rb").close()
    except PermissionError:
        raise UserError(f"{path}: may not be read; try chmod +r or another user") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the file system") from None


def refuse_what_stays_unknown(path: Path, options: Options) -> None:
    """Raises UserError for a file that is no text, or that is old and of no format: watching it would show nothing."""
    try:
        age = time.time() - path.stat().st_mtime
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, path.stat().st_size - HEAD_BYTES))
            tail = file.read(HEAD_BYTES)
    except OSError:
        return
    if head.startswith(GZIP) or not head.strip():
        return
    reason = no_text(head)
    if (
        reason is None
        and options.format is None
        and age > SETTLED_SECONDS
        and not (recognise(clean(head)) or recognise(clean(tail)))
    ):
        reason = "is no training log that is known here (traintop formats); where it is one, say --format NAME"
    if reason is not None:
        raise UserError(f"{path} {reason}")


def newest_log(root: Path) -> tuple[Path, str]:
    """The newest file below `root` that some format recognises, and why; raises UserError where there is none."""
    looked = 0
    for path in _by_age(root):
        looked += 1
        if looked > FILES_LOOKED_AT:
            break
        try:
            with path.open("rb") as file:
                found = recognise(clean(file.read(HEAD_BYTES)))
        except OSError:
            continue
        if found:
            return path, f"the newest training log below {root.resolve()} ({found[0].title}: {found[1]})"
    raise UserError(f"no training log below {root.resolve()}: name one (traintop train.log) or pipe one (traintop -)")


def _by_age(root: Path) -> list[Path]:
    aged = []
    for path in _candidates(root):
        try:
            aged.append((path.stat().st_mtime, path))
        except OSError:
            continue
    return [path for _, path in sorted(aged, reverse=True)]


def _candidates(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        deep = len(here.relative_to(root).parts) >= DEPTH
        folders[:] = [] if deep else [f for f in folders if not f.startswith(".") and f not in SKIPPED]
        for name in files:
            path = here / name
            if not name.startswith(".") and path.suffix.lower() in LOG_SUFFIXES and path.is_file():
                yield path


def whole(opened: Opened) -> Iterator[list[Record]]:
    """Every record of a log as it is now, to the end of a pipe, block by block.

    Raises UserError where it is no training log.
    """
    source = opened.source
    try:
        while True:
            came = source.poll()
            yield came
            if source.problem:
                raise UserError(source.problem)
            if source.done or (isinstance(source, LogFile) and source.caught_up and not came):
                break
            if isinstance(source, StandardInput):
                source.wait(PIPE_SECONDS)
        yield source.finish()
        if source.problem:
            raise UserError(source.problem)
    finally:
        source.close()
