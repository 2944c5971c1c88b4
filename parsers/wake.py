"""Wakes a poller early when its log is written to. Polling is the truth: if this never fires, nothing is lost.

Kept apart from the reader because watchdog costs 65 ms to import and three threads: only a live screen wants it.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

EVENTS: list[type[FileSystemEvent]] = [FileModifiedEvent, FileCreatedEvent, FileMovedEvent, FileDeletedEvent]
"""Not opened and closed: our own reading would wake us."""


class Wake(FileSystemEventHandler):
    """Sets `event` when the file at `path` is written, made, moved or removed.

    Watches the folder of the resolved path: that sees a file that does not exist yet and one that is replaced,
    and a symbolic link to a file gives events at all. A link that is pointed elsewhere later is left to polling.
    """

    def __init__(self, path: str | os.PathLike[str], event: threading.Event) -> None:
        # Without a handler Python would print watchdog's warnings on the screen (a full inotify queue).
        logging.getLogger("watchdog").addHandler(logging.NullHandler())
        self._event = event
        self._path = str(path)
        self._observer = Observer()
        self.fault: str | None = None
        """Why nothing will fire: no inotify instances or watches left, no such folder."""

    def start(self) -> bool:
        """Whether it can fire. Where the system refuses, polling goes on alone."""
        try:
            self._path = os.path.realpath(self._path)
            self._observer.schedule(self, str(Path(self._path).parent), event_filter=EVENTS)
            self._observer.start()
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no thread left to start
            self.fault = str(error)
            return False
        return True

    def stop(self) -> None:
        """Stops without waiting for the threads, which are daemons. May be called twice."""
        if self._observer.is_alive():
            self._observer.stop()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog's thread."""
        if self._path in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path)):
            self._event.set()
