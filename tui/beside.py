"""What the config beside a log adds to its run, and where two sources of a fact disagree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diagnosis.run import Run
from parsers.records import Fact, Notice, Recognised, Record, Restart, Value

A_DEFAULT = "default"
"""Ends the `where` of a fact that is a trainer's default: any config knows better."""
JUDGED_ELSEWHERE = ("parameters", "claimed_parameters")
"""Printed rounded, or claimed in a comment: the rule on the model's size compares them."""
COUNTS_DIFFER = 1.35
"""By so much may two counts of the same model differ: with the embeddings, and without."""
OF_ANOTHER_RUN = 3
"""A config that says so many things otherwise than the log is hardly this run's; fewer are flags given at the start."""


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
        for where, losers in _by_file(run).items():
            if len(losers) < OF_ANOTHER_RUN:
                for loser in losers:
                    self._disagree(run, run.facts[loser.name], loser)
                continue
            shown = ", ".join(_against(loser, run.facts[loser.name]) for loser in losers[:OF_ANOTHER_RUN])
            more = f" and {len(losers) - OF_ANOTHER_RUN} more" if len(losers) > OF_ANOTHER_RUN else ""
            text = f"{where} seems to be of another run: it says {shown}{more}; the log is taken"
            self._say(run, Notice("disagreement", text), (where, len(losers)))

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
        if not _differ(taken, other):
            return
        if taken.name == "tokens_per_step" and taken.origin == "flag":
            return  # the user says it because the log is wrong
        text = (
            f"{taken.name}: {taken.where} says {_shown(taken.value)}, {other.where} says {_shown(other.value)}; "
            f"{taken.where} is taken"
        )
        self._say(run, Notice("disagreement", text), (taken.name, taken.value, other.value))

    def _say(self, run: Run, notice: Notice, key: tuple[object, ...]) -> None:
        if key not in self._said:
            self._said.add(key)
            run.apply(notice)


def _differ(taken: Fact, other: Fact) -> bool:
    """Whether one of the two must be wrong."""
    if taken.value == other.value or other.where.endswith(A_DEFAULT):
        return False
    if taken.name not in JUDGED_ELSEWHERE:
        return True
    if taken.origin != "flag" or isinstance(taken.value, str) or isinstance(other.value, str):
        return False
    low, high = sorted((float(taken.value), float(other.value)))
    return high > COUNTS_DIFFER * low


def _by_file(run: Run) -> dict[str, list[Fact]]:
    """What is overruled, by the file that says it; what the log itself or a flag says stands alone, by its name."""
    found: dict[str, list[Fact]] = {}
    for name, loser in run.overruled.items():
        if _differ(run.facts[name], loser):
            by_log = loser.origin == "config" and run.facts[name].origin == "log"
            found.setdefault(loser.where.partition(", line ")[0] if by_log else name, []).append(loser)
    return found


def _against(config: Fact, log: Fact) -> str:
    return f"{config.name} {_shown(config.value)} (log: {_shown(log.value)})"


def _shown(value: Value) -> str:
    """A count without a decimal point, as people write it."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return f"{int(value):,}" if whole else str(value)
