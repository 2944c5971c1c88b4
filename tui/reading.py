"""A run being read: from a source and the user's word to a Case. Shared by watch, replay and diagnose."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from diagnosis.analysis import Circumstances, Curves, analyse, curves_key, curves_of
from diagnosis.case import Case
from diagnosis.gpu_past import GpuPast
from diagnosis.lifecycle import Silence, state_of, steps_of
from diagnosis.run import Run
from gpu.processes import writers
from gpu.sample import GpuSample
from parsers.configs.config import ConfigError, read_config
from parsers.records import Fact, Record
from parsers.replay import Replay
from parsers.source import Source
from parsers.stores.store import Store
from tui.beside import Beside
from tui.errors import UserError
from tui.hardware import peak_of
from tui.options import Options
from tui.snapshot import ReplayClock

QUIET_SECONDS = 2.0
"""Only a log that is silent for longer is worth a look at who has it open."""
WRITERS_KEPT_SECONDS = 10.0


def given_facts(options: Options) -> list[Fact]:
    """What the user's flags and config file say; raises UserError where the config cannot be read."""
    flags = {
        "parameters": ("--params", options.params),
        "tokens_per_step": ("--tokens-per-step", options.tokens_per_step),
        "world_size": ("--gpu", options.gpus),
        "dataset": ("--dataset", options.dataset),
    }
    facts = [Fact(name, value, "flag", flag) for name, (flag, value) in flags.items() if value is not None]
    if options.config is not None:
        try:
            facts += read_config(options.config)
        except ConfigError as error:
            raise UserError(str(error)) from None
    return facts


@lru_cache(maxsize=4)
def counted_tokens(data: Path) -> tuple[Fact, ...]:
    """Tokens of a tokenised data set and of what is held out beside it, counted once for all runs of a call.

    It may take seconds, so it is asked for before a screen is drawn. Raises UserError where the data set's own tokens
    cannot be counted; what is held out may be missing.
    """
    from parsers.datasets.held_out_tokens import held_out_tokens
    from parsers.datasets.unique_tokens import DataError, unique_tokens

    try:
        found = {"unique_tokens": unique_tokens(data), "val_tokens": held_out_tokens(data)}
    except DataError as error:
        raise UserError(str(error)) from None
    return tuple(Fact(name, one.tokens, "flag", one.how) for name, one in found.items() if one is not None)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known beside the log at one look."""

    gpus: tuple[GpuSample, ...] = ()
    gpu_past: tuple[GpuPast, ...] = ()
    over: bool = False
    """Nothing can come any more, or nothing is asked for that would."""
    alive: bool = True
    """Whether silence means something: not in a replay."""


class Reading:
    """Owns the Run. One thread only."""

    alive = True
    """Whether silence means something: not in a replay."""

    def __init__(self, source: Source, options: Options, path: Path | None) -> None:
        self.source = source
        self.generation = 0
        self._options = options
        self._given = given_facts(options)
        if options.data is not None:
            self._given += counted_tokens(options.data)
        self._log = None if isinstance(source, Store) else path
        """What its writer holds open; of a store nobody knows."""
        self._beside = Beside(path)
        self._read_once = self._grew = False
        """Whether its end was reached once, and whether more came after that."""
        self._looked_at = float("-inf")
        self._open_for: int | None = None
        self._curves: tuple[tuple[object, ...], Curves] | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets what was read, as a replay that goes back must."""
        self.run = Run()
        self._curves = None
        self._beside.begin_anew()
        self.apply(self._given)

    def apply(self, records: Sequence[Record]) -> None:
        """Takes records in, and what lies beside the log."""
        for record in records:
            self.run.apply(record)
        self._beside.follow(self.run, records, live=self.alive)

    def take(self, budget_seconds: float) -> None:
        """Polls until its end is reached or the time is up."""
        until = time.monotonic() + budget_seconds
        while time.monotonic() <= until:
            came = self._take_block()
            self._grew = self._grew or (came and self._read_once)
            # A stretch of other text in an old log brings nothing and is not its end.
            if not came and self.progress is None:
                break
        self._read_once = self._read_once or self.progress is None

    def _take_block(self) -> bool:
        records = self.source.poll()
        self.apply(records)
        return bool(records)

    @property
    def progress(self) -> float | None:
        """Share of an old log that is read while there is more, else None."""
        progress: float | None = getattr(self.source, "progress", None)
        return progress

    @property
    def clock(self) -> ReplayClock | None:
        """Where a replay is; None for a live log."""
        return None

    def case(self, moment: Moment, *, may_wait: bool = False) -> Case:
        """All that is known now. With `may_wait` the trend and the forecast may be those of an earlier look."""
        key = curves_key(self.run)
        if self._curves is None or (self._curves[0] != key and not may_wait):
            self._curves = (key, curves_of(self.run))
        return analyse(self.run, self._circumstances(moment), self._curves[1])

    def _circumstances(self, moment: Moment) -> Circumstances:
        silence = self._silence(moment)
        here = self._is_on(moment.gpus, silence)
        gpus = moment.gpus if here else ()
        return Circumstances(
            path=self.source.label,
            silence=silence,
            gpus=gpus,
            gpu_past=moment.gpu_past if here else (),
            peak=peak_of(self._options, gpus, self.run.facts),
        )

    def _is_on(self, gpus: tuple[GpuSample, ...], silence: Silence) -> bool:
        """Whether these GPUs are the run's: the user says so, or it lives here. An old log may be from anywhere."""
        if self._options.gpu is not None or self._grew or any(p.this_run for g in gpus for p in g.processes or ()):
            return True
        return self._lives(silence)

    def lives(self, moment: Moment) -> bool:
        """Whether the run goes on as far as its log tells."""
        return self._lives(self._silence(moment))

    def _lives(self, silence: Silence) -> bool:
        return state_of(self.run, steps_of(self.run), silence) in ("waiting", "running", "stalled")

    def _silence(self, moment: Moment) -> Silence:
        if moment.over or not moment.alive:
            return Silence(None, over=moment.over)
        seconds = self.source.silence_seconds
        if seconds is None or seconds <= QUIET_SECONDS or self._log is None:
            return Silence(seconds, half_line=self.source.half_line, seen_alive=self._grew)
        return Silence(seconds, self.source.done, self._writers(self._log), self.source.half_line, self._grew)

    def _writers(self, path: Path) -> int | None:
        """How many have the log open; a look at all processes costs milliseconds, so it is kept for a while."""
        now = time.monotonic()
        if now - self._looked_at > WRITERS_KEPT_SECONDS:
            pids = writers(path)
            self._looked_at, self._open_for = now, None if pids is None else len(pids)
        return self._open_for


class ReplayReading(Reading):
    """A replay being read: it can go back, and its silence means nothing."""

    alive = False

    def __init__(self, source: Replay, options: Options, path: Path | None) -> None:
        self._replay = source
        super().__init__(source, options, path)

    def _take_block(self) -> bool:
        records = self._replay.poll()
        if self._replay.generation != self.generation:
            self.generation = self._replay.generation
            self.begin_anew()
        self.apply(records)
        return bool(records)

    @property
    def clock(self) -> ReplayClock:
        """Where the replay is, in the run's own seconds."""
        replay = self._replay
        return ReplayClock(replay.position_seconds, replay.duration_seconds, replay.speed, replay.paused)
