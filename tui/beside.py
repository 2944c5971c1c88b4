"""What the config beside a log adds to its run, and where two sources of a fact disagree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diagnosis.run import Run
from parsers.records import Fact, Notice, Recognised, Record, Restart

A_DEFAULT = "default"
"""Ends the `where` of a fact that is a trainer's default: any config knows better."""
JUDGED_ELSEWHERE = ("parameters", "claimed_parameters")
"""Printed rounded, or claimed in a comment: the rule on the model's size compares them."""


class Beside:
    """Teaches a run the facts of the config that lies beside its log, once the log's format is known."""

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self._read_for: str | None = None
        self._facts: Sequence[Fact] = ()
        self._notices: Sequence[Notice] = ()
        self._said: set[tuple[object, ...]] = set()

    def begin_anew(self) -> None:
        """The run is a fresh one: all is to be said again. What was read of the config is kept."""
        self._said.clear()

    def follow(self, run: Run, came: Sequence[Record], *, live: bool) -> None:
        """After `run` took in what came: adds the config's facts and a Notice for each new disagreement.

        A live log that begins anew may do so with another config, so that it is read again.
        """
        begins = any(isinstance(record, Recognised | Restart) for record in came)
        if not begins and not any(isinstance(record, Fact) for record in came):
            return
        if begins and run.recognised is not None:
            anew = live and any(isinstance(record, Restart) for record in came)
            if anew or run.recognised.format != self._read_for:
                self._read(run.recognised.format)
            for notice in self._notices:
                self._say(run, notice, (notice.kind, notice.text))
        if run.recognised is not None:
            self._teach(run)
        for name, loser in run.overruled.items():
            self._disagree(run, run.facts[name], loser)

    def _read(self, format_name: str) -> None:
        self._read_for = format_name
        if self._log is not None:
            from parsers.configs.beside import facts_beside

            self._facts, self._notices = facts_beside(self._log, format_name)

    def _teach(self, run: Run) -> None:
        """Where the user's own config, or one that the log echoes, says something, that holds."""
        for fact in self._facts:
            known = run.facts.get(fact.name)
            if known is not None and known.origin == "config" and known.where != fact.where:
                if not known.where.endswith(A_DEFAULT):
                    self._disagree(run, known, fact)
                    continue
            elif known == fact:
                continue
            run.apply(fact)

    def _disagree(self, run: Run, taken: Fact, other: Fact) -> None:
        if taken.value == other.value or taken.name in JUDGED_ELSEWHERE or other.where.endswith(A_DEFAULT):
            return
        if taken.name == "tokens_per_step" and taken.origin == "flag":
            return  # the user says it because the log is wrong
        text = (
            f"{taken.name}: {taken.where} says {taken.value}, {other.where} says {other.value}; {taken.where} is taken"
        )
        self._say(run, Notice("disagreement", text), (taken.name, taken.value, other.value))

    def _say(self, run: Run, notice: Notice, key: tuple[object, ...]) -> None:
        if key not in self._said:
            self._said.add(key)
            run.apply(notice)
