"""One finding with all that stands behind it: evidence, advice and the lines that do it, confidence, its steps."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len
from textual.strip import Strip

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.patch import patch
from tui import text
from tui.look import Look
from tui.panels.diagnosis import chosen_of, matching
from tui.panels.help import scrolled
from tui.row import Part, row
from tui.snapshot import Snapshot
from tui.theme import SEVERITY_SIGNS, severity_style


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """The chosen finding as a page that scrolls."""
    views = matching(snapshot.findings, look.filter)
    finding = chosen_of(views, look)
    at = next((i for i, view in enumerate(views) if view.finding is finding), 0)
    words = f"Finding {at + 1} of {len(views)}" if views else "No finding"
    inner = max(0, width - 4)
    strips = [row(line, inner, look) for line in _lines(snapshot, inner, look)]
    return scrolled([(words, look.palette.title)], strips, width, height, look)


def length(snapshot: Snapshot, width: int, look: Look) -> int:
    """How many lines the page has at this width."""
    return len(_lines(snapshot, max(0, width - 4), look))


def _lines(snapshot: Snapshot, width: int, look: Look) -> list[list[Part]]:
    views = matching(snapshot.findings, look.filter)
    finding = chosen_of(views, look)
    if finding is None:
        return []
    cleared = any(view.cleared for view in views if view.finding is finding)
    return _page(finding, _to_paste(finding, snapshot.case), cleared, max(1, width), look)


def _page(finding: Finding, settings: list[str], cleared: bool, width: int, look: Look) -> list[list[Part]]:
    palette = look.palette
    style = severity_style(palette, finding.severity)
    sign = f"{SEVERITY_SIGNS[finding.severity]} {finding.severity}"
    lines: list[list[Part]] = [[]]
    lines += [[(line, palette.strong)] for line in wrapped(finding.title, width)]
    state = " · cleared: its evidence is gone" if cleared else ""
    sure = f" · {text.percent(finding.confidence)} sure{_steps(finding)}{state}"
    lines += [[(sign, style), (sure, palette.text)]]
    for name, sentences in (("Evidence", finding.evidence), ("Advice", finding.advice)):
        if sentences:
            lines += [[], [(name, palette.title)]]
            lines += [[(line, palette.text)] for sentence in sentences for line in _item(sentence, width)]
    if settings:
        lines += [[], [("To paste", palette.title)]]
        lines += [[("   " + part, palette.strong)] for line in settings for part in wrapped(line, max(1, width - 3))]
    lines += [
        [],
        [(line, palette.dim) for line in (f"traintop explain {finding.id}  says what triggers it and its sources",)],
    ]
    return lines


def _steps(finding: Finding) -> str:
    since = f" · since step {text.whole(finding.first_step)}" if finding.first_step is not None else ""
    return since + (f", seen until {text.whole(finding.step)}" if finding.step is not None else "")


def _item(sentence: str, width: int) -> list[str]:
    """One sentence as lines behind a dot; a sentence of several lines (a config) keeps them."""
    lines: list[str] = []
    for part in sentence.split("\n"):
        lines += wrapped(part, max(1, width - 3))
    return [(" · " if at == 0 else "   ") + line for at, line in enumerate(lines)]


def wrapped(words: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at blanks where that is possible."""
    lines: list[str] = []
    for line in textwrap.wrap(text.foreign(words), max(1, width), drop_whitespace=True) or [""]:
        rest = line
        while cell_len(rest) > width > 1:
            head = text.pad(rest, width) if cell_len(rest) <= width else _head(rest, width)
            lines.append(head)
            rest = rest[len(head) :]
        lines.append(rest)
    return lines


def _head(words: str, width: int) -> str:
    """As many characters as fill at most `width` cells."""
    used = 0
    for at, character in enumerate(words):
        used += cell_len(character)
        if used > width:
            return words[: max(1, at)]
    return words


def _to_paste(finding: Finding, case: Case | None) -> list[str]:
    return [] if case is None else [text.foreign(line) for line in patch(case, finding.settings)]


def advice_of(finding: Finding, case: Case | None) -> str:
    """What the copy key copies: the lines to paste where there are any, else the advice, one line each."""
    settings = _to_paste(finding, case)
    return "\n".join(settings) or "\n".join(
        "\n".join(text.foreign(part) for part in line.split("\n")) for line in finding.advice
    )
