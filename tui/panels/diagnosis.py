"""The findings, worst first, one line each: what, why, since when."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from diagnosis.finding import SEVERITIES, Finding
from tui import text
from tui.look import Look
from tui.panels.parts import framed
from tui.row import Part, cells, fill, row
from tui.snapshot import FindingView, Snapshot
from tui.theme import SEVERITY_SIGNS, severity_style

PLURAL = {"critical": ("critical", "critical"), "warning": ("warning", "warnings"), "info": ("note", "notes")}
TITLE_SHARE = 0.45
EVIDENCE_AT_LEAST = 24
"""Cells below which a piece of evidence says nothing."""


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """In a frame from 3 lines on; the chosen finding is always among the lines that are shown."""
    views = matching(snapshot.findings, look.filter)
    if height < 3:
        return fill(_rows(snapshot, views, width, height, look, indent=1), width, height, look)
    inner, room = width - 4, height - 2
    said = [row([(f"{text.UNKNOWN} {text.foreign(note)}", look.palette.dim)], inner, look) for note in notes(snapshot)]
    below = 0
    if look.full == "diagnosis" and views:
        strips, below = _scrolled([*_long(views, inner, look), *said], _place_of(views, look), room)
    else:
        said = said[: max(1, room // 3)] if room > 1 else []
        strips = [*_rows(snapshot, views, inner, room - len(said), look), *said]
    title: list[Part] = [("Diagnosis", look.palette.title), (_counts(snapshot.findings), look.palette.text)]
    return framed("diagnosis", title, strips, (width, height), look, note=_note(snapshot, views, below, look))


def _scrolled(strips: list[Strip], start: int, room: int) -> tuple[list[Strip], int]:
    """From line `start` on, or from where the rest fits; and how many lines are below."""
    first = max(0, min(start, len(strips) - room))
    return strips[first:], max(0, len(strips) - first - room)


def notes(snapshot: Snapshot) -> tuple[str, ...]:
    """What the user should know about the reading itself; shown below the findings."""
    if snapshot.case is None:
        return ()
    waits = (f"waiting: {snapshot.waiting_for}",) if snapshot.waiting_for is not None else ()
    return (*snapshot.case.notes, *waits)


def matching(views: Sequence[FindingView], wanted: str) -> tuple[FindingView, ...]:
    """The findings that hold all words of a filter; a word after "!" must be absent. Case is ignored."""
    words = wanted.lower().split()
    return tuple(view for view in views if all(_holds(view, word) for word in words))


def _holds(view: FindingView, word: str) -> bool:
    finding = view.finding
    state = "cleared" if view.cleared else ""
    hay = " ".join([finding.id, finding.severity, finding.title, *finding.evidence, *finding.advice, state]).lower()
    return (word[1:] not in hay if len(word) > 1 else True) if word.startswith("!") else word in hay


def _counts(views: Sequence[FindingView]) -> str:
    """How many of each, worst first: 2 warnings · 4 notes."""
    words = []
    for severity in reversed(SEVERITIES):
        n = sum(view.finding.severity == severity and not view.cleared for view in views)
        if n:
            words.append(f"{n} {PLURAL[severity][n != 1]}")
    return f"  {' · '.join(words)}" if words else ""


def _note(snapshot: Snapshot, views: Sequence[FindingView], below: int, look: Look) -> list[Part]:
    words: list[Part] = []
    if look.filter:
        words.append((f"/{text.foreign(look.filter)}  {len(views)} of {len(snapshot.findings)}", look.palette.info))
    if below:
        words.append((f"{'  ' if words else ''}↓ {below} more", look.palette.dim))
    return words


def _rows(
    snapshot: Snapshot, views: Sequence[FindingView], width: int, height: int, look: Look, *, indent: int = 0
) -> list[Strip]:
    if not views:
        return [row([(" " * indent, look.palette.text), *_none(snapshot, look)], width, look)]
    chosen = next((at for at, view in enumerate(views) if view.finding.id == look.selected), 0)
    first = max(0, min(chosen - height + 1, len(views) - height))
    shown = views[first : first + height]
    strips = [_row(view, width, look, indent) for view in shown]
    hidden = len(views) - first - len(shown)
    if hidden > 0 and height > 1:
        strips[-1] = row([(" " * indent + f"  … {hidden + 1} more", look.palette.dim)], width, look)
        if chosen == first + height - 1:
            strips[-1] = _row(shown[-1], width, look, indent)
    return strips


def _none(snapshot: Snapshot, look: Look) -> list[Part]:
    if look.filter and snapshot.findings:
        return [(f"no finding holds “{text.foreign(look.filter)}”", look.palette.dim)]
    if snapshot.case is None:
        return [("nothing read yet", look.palette.dim)]
    return [("● nothing found so far", look.palette.dim)]


def _row(view: FindingView, width: int, look: Look, indent: int = 0) -> Strip:
    """Sign, title, first evidence, and since when; the evidence gives way first, then the step."""
    palette, finding = look.palette, view.finding
    chosen = finding.id == look.selected
    head = _head(view, look, chosen)
    since = _since(view)
    if width < 60:
        return row([(" " * indent, palette.text), *head], width, look)
    column = max(int(width * TITLE_SHARE), min(cells(head, look) + 2, width - len(since) - 4))
    evidence = text.foreign(finding.evidence[0]) if finding.evidence else ""
    left: list[Part] = [(" " * indent, palette.text), *head]
    gap = column - cells(head, look)
    if gap > 0 and evidence and width - column - len(since) >= EVIDENCE_AT_LEAST:
        left += [(" " * gap, palette.text), (evidence, palette.dim)]
    return row(left, width, look, right=[(since, palette.dim)])


def _head(view: FindingView, look: Look, chosen: bool) -> list[Part]:
    palette, finding = look.palette, view.finding
    title = text.foreign(finding.title)
    marker: Part = ("›" if chosen else " ", palette.focus) if look.selected is not None else ("", palette.text)
    if view.cleared:
        return [marker, ("✓ ", palette.dim), (title, palette.dim), (" (cleared)", palette.dim)]
    sign = (f"{SEVERITY_SIGNS[finding.severity]} ", severity_style(palette, finding.severity))
    return [
        marker,
        sign,
        (title, palette.chosen if chosen else palette.strong if finding.severity != "info" else palette.text),
    ]


def _since(view: FindingView) -> str:
    step = view.finding.first_step
    return f"since step {text.whole(step)}" if step is not None else ""


def _long(views: Sequence[FindingView], width: int, look: Look) -> list[Strip]:
    """Each finding with all its evidence, for the full screen."""
    strips: list[Strip] = []
    for view in views:
        right = [(_since(view), look.palette.dim)]
        strips.append(row(_head(view, look, chosen=view.finding.id == look.selected), width, look, right=right))
        strips += [_evidence(line, width, look) for line in view.finding.evidence]
    return strips


def _place_of(views: Sequence[FindingView], look: Look) -> int:
    """The line of the chosen finding among those."""
    place = 0
    for view in views:
        if view.finding.id == look.selected:
            return place
        place += 1 + len(view.finding.evidence)
    return 0


def _evidence(line: str, width: int, look: Look) -> Strip:
    return row([("     ", look.palette.text), (text.foreign(line), look.palette.dim)], width, look)


def chosen_of(views: Sequence[FindingView], look: Look) -> Finding | None:
    """The chosen finding, or the first one while none is chosen."""
    named = next((view.finding for view in views if view.finding.id == look.selected), None)
    return named or (views[0].finding if views else None)
