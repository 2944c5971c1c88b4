"""From what the user typed to a source: files, standard input, a folder's newest run. Refuses in one line."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from parsers.binary import no_text
from parsers.clean import clean, printable
from parsers.formats import recognise
from parsers.places.places import Place, runs_in, store_of
from parsers.places.places_look import store_by_name
from parsers.records import Record
from parsers.source import Source
from parsers.sources import LogFile, StandardInput
from parsers.stores.store import Store
from tui.errors import UserError
from tui.options import Options

HEAD_BYTES = 65_536
PIPE_SECONDS = 1.0
SETTLED_SECONDS = 600.0
"""A file that nobody has written for so long, and that no format knows, will not become a training log."""
GZIP = b"\x1f\x8b"
CHECKPOINTS = ("ckpt.pt", "model.safetensors", "pytorch_model.bin", "model.pt")


class WholeSource(Source, Protocol):
    """A source that can be read to its end now."""

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend."""

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is."""

    def finish(self) -> list[Record]:
        """What was held back; nothing is read after it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, the file or folder behind it (None for standard input), and why it was taken."""

    source: WholeSource
    path: Path | None
    why: str | None = None

    @property
    def log(self) -> Path | None:
        """The text log, which its writer holds open; None for a store, whose files nobody may have open."""
        return None if isinstance(self.source, Store) else self.path


def open_log(path: str | None, options: Options, *, may_wait: bool, descriptor: int = 0) -> Opened:
    """The source of PATH, "-" or the newest run; raises UserError where nothing can be read there."""
    if path == "-":
        return Opened(_standard_input(options, descriptor), None)
    if path is None:
        return _newest(Path(), options)
    given = Path(path)
    _refuse(given, may_wait=may_wait)
    return _newest(given, options) if given.is_dir() else Opened(_source(given, options), given)


def _standard_input(options: Options, descriptor: int) -> StandardInput:
    if options.format is not None and store_by_name(options.format) is not None:
        raise UserError(f"--format {options.format}: is kept in files, not on standard input; name its path")
    return StandardInput(format_name=options.format, descriptor=descriptor)


def _source(path: Path, options: Options) -> WholeSource:
    """A store where the path is one, or is said to be one; else a log, which may still come."""
    kind = store_of(path) if options.format is None else store_by_name(options.format)
    return LogFile(path, format_name=options.format) if kind is None else kind(path)


def _newest(folder: Path, options: Options) -> Opened:
    place, why = newest_run(folder, options.format)
    return Opened(_source(place.path, options), place.path, why)


def _refuse(path: Path, *, may_wait: bool) -> None:
    try:
        if path.is_dir():
            os.scandir(path).close()
            return
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


def newest_run(root: Path, format_name: str | None = None) -> tuple[Place, str]:
    """The run at or below `root` that was written last, and why; raises UserError where there is none."""
    runs = runs_in(root, format_name)
    if not runs:
        raise UserError(_nothing(root, format_name))
    newest, others = runs[0], len(runs) - 1
    what = "training log" if newest.kind == "log" else "run"
    rest = f"; {others} other {'run is' if others == 1 else 'runs are'} there" if others else ""
    return newest, f"the newest {what} below {root.resolve()} ({printable(newest.why)}){rest}"


def _nothing(root: Path, format_name: str | None) -> str:
    what = f"{format_name} run" if format_name is not None else "training log"
    if root == Path():
        return f"no {what} below {root.resolve()}: name one (traintop train.log) or pipe one (traintop -)"
    saved = next((name for name in CHECKPOINTS if (root / name).exists()), None)
    if saved is not None:
        return f"{root}: holds {saved} but no {what}; name the file that the trainer's output goes to"
    return f"{root}: there is no {what} in this directory; name a log file"


def whole(opened: Opened) -> Iterator[list[Record]]:
    """Every record of a run as it is now, to the end of a pipe, block by block.

    Raises UserError where it is no training log.
    """
    source = opened.source
    try:
        while True:
            came = source.poll()
            yield came
            if source.problem:
                raise UserError(source.problem)
            if source.done or (source.caught_up and not came):
                break
            if isinstance(source, StandardInput):
                source.wait(PIPE_SECONDS)
        yield source.finish()
        if source.problem:
            raise UserError(source.problem)
    finally:
        source.close()
