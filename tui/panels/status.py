"""The first line: what is read, is it alive, how far is it, when is it done."""

from __future__ import annotations

from textual.strip import Strip

from diagnosis.case import Case
from tui import text
from tui.look import Look
from tui.row import GAP, Part, cells, fill, row
from tui.snapshot import ReplayClock, Snapshot
from tui.theme import STATE_SIGNS, state_style

LONGEST_NAME = 40
SHORTEST_NAME = 12
KEEP_NAME = 3
"""So many of the longest forms of the state give way to the name; shorter ones lose facts that matter more."""


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """One line of `width` cells: the run at the left, its state at the right, shortened as the width asks."""
    names, states = _names(snapshot, look), _states(snapshot, look)
    label = text.foreign(snapshot.label)
    for at, state in enumerate(states):
        room = width - cells(state, look) - 4
        shortened = [[(_tail(label, room), look.palette.strong)]] if room >= SHORTEST_NAME else []
        for name in [*names, *shortened] if at < KEEP_NAME else [[]]:
            if cells(name, look) <= room + (0 if name else 2):
                left = [(" ", look.palette.text), *name]
                return fill([row(left, width, look, right=[*state, (" ", look.palette.text)])], width, height, look)
    return fill([row(states[-1], width, look)], width, height, look)


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
    palette, case = look.palette, snapshot.case
    word = _word(snapshot, look)
    groups: list[list[Part]] = [word]
    if snapshot.replay is not None:
        groups.append([(_position(snapshot.replay), palette.text)])
    if snapshot.catching_up is not None:
        groups.append([(f"reading {text.percent(snapshot.catching_up)}", palette.info)])
    if case is not None:
        groups += [[(words, palette.text)] for words in (_step(case), _share(case), _eta(case)) if words]
    last = "" if snapshot.replay is not None else _last_line(snapshot, look)
    full = [[*groups, [(last, palette.dim)]]] if last else []
    close = [[(words.removeprefix("step "), style) for words, style in group] for group in groups]
    shorter = [_spaced(close[:n], look, 2) for n in range(len(close), 0, -1)]
    return [*(_spaced(line, look) for line in [*full, groups]), *shorter, [(word[0][0][:1], word[0][1])]]


def _spaced(groups: list[list[Part]], look: Look, gap: int = GAP) -> list[Part]:
    line: list[Part] = []
    for group in groups:
        line += [(" " * gap, look.palette.text)] * bool(line) + group
    return line


def _word(snapshot: Snapshot, look: Look) -> list[Part]:
    palette = look.palette
    if look.frozen:
        return [("❚❚ held", palette.warning)]
    if snapshot.replay is not None:
        return [("❚❚ paused", palette.warning) if snapshot.replay.paused else ("▶ replay", palette.good)]
    state = snapshot.case.state if snapshot.case is not None else "waiting"
    return [(f"{STATE_SIGNS[state]} {state}", state_style(palette, state))]


def _position(clock: ReplayClock) -> str:
    at, end = text.duration(clock.position_seconds), text.duration(clock.duration_seconds)
    return f"×{clock.speed:g}  {at} / {end}"


def _step(case: Case) -> str:
    if case.steps.last is None:
        return ""
    planned = f" / {text.whole(case.steps.planned)}" if case.steps.planned is not None else ""
    return f"step {text.whole(case.steps.last)}{planned}"


def _share(case: Case) -> str:
    if case.steps.last is None or not case.steps.planned:
        return ""
    return text.percent(min(1.0, case.steps.last / case.steps.planned))


def _eta(case: Case) -> str:
    return f"ETA {text.duration(case.eta_seconds)}" if case.eta_seconds is not None and case.state == "running" else ""


def _last_line(snapshot: Snapshot, look: Look) -> str:
    """When the log last grew. A moment stays the same while nothing comes; an age would tick."""
    case = snapshot.case
    if case is None or case.silence_seconds is None:
        return ""
    if case.state == "stalled":
        return f"silent for {_age(case.silence_seconds)}"
    return f"last line {text.clock(snapshot.taken_at - case.silence_seconds, look.utc)}"


def _age(seconds: float) -> str:
    """An age that changes once a minute, later once an hour."""
    coarse = 60.0 if seconds < 7200 else 3600.0
    return text.duration(seconds // coarse * coarse) if seconds < 1e12 else text.duration(seconds)
