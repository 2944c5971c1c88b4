"""The first line: what is read, is it alive, how far is it, when is it done."""

from __future__ import annotations

import math

from textual.strip import Strip

from diagnosis.case import Case
from tui import text
from tui.look import Look
from tui.row import GAP, Part, cells, fill, row
from tui.snapshot import Snapshot
from tui.theme import STATE_SIGNS, state_style

LONGEST_NAME = 40
SHORTEST_NAME = 12
LAST_LINE = 6
KEEP_NAME = 6
"""So many of the longest forms of the state give way to the name; shorter ones lose facts that matter more."""


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """One line of `width` cells: the run at the left, its state at the right, shortened as the width asks."""
    names, states = _names(snapshot, look), _states(snapshot, look)
    label = text.foreign(snapshot.label)
    for at, state in enumerate(states[:KEEP_NAME]):
        room = width - cells(state, look) - 4
        # Only what matters more than the whole name shortens it: not when the last line came.
        cuts = room >= SHORTEST_NAME and at > 0
        shortened = [[(_tail(label, room), look.palette.strong)]] if cuts else []
        for name in [*names, *shortened]:
            if cells(name, look) <= room:
                left = [(" ", look.palette.text), *name]
                return fill([row(left, width, look, right=[*state, (" ", look.palette.text)])], width, height, look)
    fitting = next((state for state in states if cells(state, look) <= width - 1), states[-1])
    return fill([row([(" ", look.palette.text), *fitting], width, look)], width, height, look)


def _names(snapshot: Snapshot, look: Look) -> list[list[Part]]:
    """Who is watched, from the longest to the shortest."""
    palette, case = look.palette, snapshot.case
    label = text.foreign(snapshot.label)
    short = label if len(label) <= LONGEST_NAME else _tail(label.rpartition("/")[2], LONGEST_NAME)
    more = []
    if case is not None and case.format_title:
        more.append(text.foreign(case.format_title))
    if case is not None and case.size is not None and case.size.parameters is not None:
        more.append(f"{text.count(case.size.parameters)} params")
    details = [(" · " + words, palette.text) for words in more]
    program: Part = ("traintop  ", palette.title)
    name: Part = (short, palette.strong)
    return [
        [program, name, *details],
        [name, *details],
        [name, *details[:1]],
        [name],
    ]


def _tail(words: str, most: int) -> str:
    """The end of a long name, which is what tells one run from another."""
    return words if len(words) <= most else f"…{words[1 - most :]}"


def _states(snapshot: Snapshot, look: Look) -> list[list[Part]]:
    """How it stands, from the longest to the shortest; the first KEEP_NAME leave room for the run's name."""
    ranked = [(rank, group) for rank, group in _ranked(snapshot, look) if group[0][0]]
    long = [_spaced([group for rank, group in ranked if rank <= most], look) for most in (LAST_LINE, LAST_LINE - 1)]
    # 14,500 / 20,000 is understood without the word, 590 is not.
    close = [
        (rank, [(w.removeprefix("step ") if " / " in w else w, style) for w, style in group]) for rank, group in ranked
    ]
    short = [
        _spaced([group for rank, group in close if rank <= most], look, 2) for most in range(LAST_LINE - 1, -1, -1)
    ]
    word, style = ranked[0][1][0]
    return [*long, *short, [(word[:1], style)]]


def _ranked(snapshot: Snapshot, look: Look) -> list[tuple[int, list[Part]]]:
    """The facts in their order, each with its rank: what has the highest rank is the first to go."""
    palette, case, clock = look.palette, snapshot.case, snapshot.replay
    ranked: list[tuple[int, list[Part]]] = [(0, _word(snapshot, look))]
    if clock is not None:
        at, end = text.duration(clock.position_seconds), text.duration(clock.duration_seconds)
        ranked += [(4, [(f"×{clock.speed:g}", palette.text)]), (5, [(f"{at} / {end}", palette.text)])]
    if snapshot.catching_up is not None:
        ranked.append((1, [(f"reading {text.percent(snapshot.catching_up)}", palette.info)]))
    if case is not None:
        facts = ((1, _step(case)), (3, _share(case)), (2, _eta(case)), (1, _silence(case)))
        ranked += [(rank, [(words, palette.text)]) for rank, words in facts]
    return [*ranked, (LAST_LINE, [(_last_line(snapshot, look), palette.dim)])]


def _spaced(groups: list[list[Part]], look: Look, gap: int = GAP) -> list[Part]:
    line: list[Part] = []
    for group in groups:
        line += [(" " * gap, look.palette.text)] * bool(line) + group
    return line


def _word(snapshot: Snapshot, look: Look) -> list[Part]:
    palette = look.palette
    if look.frozen:
        return [("❚❚ held", palette.warning)]
    state = snapshot.case.state if snapshot.case is not None else "waiting"
    said: Part = (f"{STATE_SIGNS[state]} {state}", state_style(palette, state))
    if snapshot.replay is None or (at_end(snapshot) and snapshot.case is not None):
        return [said]
    return [("❚❚ paused", palette.warning) if snapshot.replay.paused else ("▶ replay", palette.good)]


def at_end(snapshot: Snapshot) -> bool:
    """Whether a replay has played all of its log."""
    return snapshot.replay is not None and snapshot.source_done


def _step(case: Case) -> str:
    if case.steps.last is None:
        return ""
    planned = f" / {text.whole(case.steps.planned)}" if case.steps.planned is not None else ""
    return f"step {text.whole(case.steps.last)}{planned}"


def _share(case: Case) -> str:
    if case.steps.last is None or not case.steps.planned:
        return ""
    share = min(1.0, case.steps.last / case.steps.planned)
    # Rounded down while anything is left: 99.6 % of a long run is hours before its end.
    return text.percent(share if case.state == "finished" else math.floor(share * 100) / 100)


def _eta(case: Case) -> str:
    return f"ETA {text.duration(case.eta_seconds)}" if case.eta_seconds is not None and case.state == "running" else ""


def _silence(case: Case) -> str:
    return f"silent for {_age(case.silence_seconds)}" if case.state == "stalled" and case.silence_seconds else ""


def _last_line(snapshot: Snapshot, look: Look) -> str:
    """When the log last grew. A moment stays the same while nothing comes; an age would tick."""
    case = snapshot.case
    if snapshot.replay is not None or case is None or case.silence_seconds is None or case.state == "stalled":
        return ""
    return f"last line {text.clock(snapshot.taken_at - case.silence_seconds, look.utc)}"


def _age(seconds: float) -> str:
    """An age that changes once a minute, later once an hour."""
    coarse = 60.0 if seconds < 7200 else 3600.0
    return text.duration(seconds // coarse * coarse) if seconds < 1e12 else text.duration(seconds)
