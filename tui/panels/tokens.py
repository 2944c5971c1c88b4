"""The token budget: how much was seen, against what is compute-optimal and what is planned."""

from __future__ import annotations

from textual.strip import Strip

from diagnosis.budget import Budget
from diagnosis.case import Case
from tui import text
from tui.look import Look
from tui.panels.parts import Group, framed, one_line
from tui.row import Part, row
from tui.snapshot import Snapshot


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """In a frame from 3 lines on, else one line of facts."""
    case = snapshot.case
    if height < 3:
        return one_line("tokens", _facts(case, look), width, height, look)
    inner = width - 4
    return framed("tokens", [("Tokens", look.palette.title)], _lines(case, inner, look), (width, height), look)


def wanted_lines(snapshot: Snapshot, width: int, look: Look) -> int:
    """Lines inside the frame that it can fill."""
    return len(_lines(snapshot.case, width - 4, look))


def _facts(case: Case | None, look: Look) -> list[Group]:
    palette = look.palette
    if case is None or case.tokens_seen is None:
        return [[(words, palette.dim)] for words in _why_unknown(case)]
    budget = case.budget
    facts: list[Group] = [[(f"{text.count(case.tokens_seen)} seen", palette.strong)]]
    if budget is not None and budget.ratio is not None:
        facts.append([(f"{_times(budget.ratio)} Chinchilla", palette.text)])
    if case.tokens_planned is not None:
        facts.append([(f"end of run {text.count(case.tokens_planned)}", palette.text)])
    if budget is not None and budget.loss_gain_doubling_tokens is not None:
        facts.append([(_doubling(budget.loss_gain_doubling_tokens), palette.text)])
    return facts


def _lines(case: Case | None, width: int, look: Look) -> list[Strip]:
    palette = look.palette
    if case is None or case.tokens_seen is None:
        return [row([(words, palette.dim)], width, look) for words in _why_unknown(case)]
    budget = case.budget
    ratio = f"{_times(budget.ratio)} Chinchilla" if budget is not None and budget.ratio is not None else ""
    lines = [
        row([(f"{text.count(case.tokens_seen)} seen", palette.strong)], width, look, right=[(ratio, palette.text)])
    ]
    if budget is not None or case.tokens_planned is not None:
        # Without either the bar would be full, of nothing.
        lines += [row(_scale(case, width, look), width, look), _ends(case, width, look)]
    if budget is None:
        lines.append(row([("Chinchilla: – model size unknown", palette.dim)], width, look))
    else:
        lines += [row([(words, palette.text)], width, look) for words in _budget(budget)]
    if case.tokens_per_step is not None:
        lines.append(row([(f"{text.whole(case.tokens_per_step)} tokens per step", palette.dim)], width, look))
    return lines


def _why_unknown(case: Case | None) -> tuple[str, ...]:
    if case is None or case.tokens_per_step is not None:
        return (f"{text.UNKNOWN} nothing read yet",)
    return f"{text.UNKNOWN} tokens per step unknown", "say them: --tokens-per-step"


def _scale(case: Case, width: int, look: Look) -> list[Part]:
    """A bar from 0 to the end of the run, with the optimum marked on it."""
    palette, budget = look.palette, case.budget
    optimum = budget.optimal_tokens if budget is not None else 0.0
    seen = case.tokens_seen or 0.0
    end = max(case.tokens_planned or 0.0, seen, optimum)
    if not 0 < end < float("inf") or width < 4:
        return []
    filled = round(min(seen / end, 1.0) * width)
    cells = ["━"] * filled + ["─"] * (width - filled)
    at = min(int(optimum / end * width), width - 1)
    if optimum > 0:
        cells[at] = "┿" if at < filled else "┼"
    styles = [palette.good if at > x else palette.bar for x in range(filled)] + [palette.dim] * (width - filled)
    return list(zip(cells, styles, strict=True))


def _ends(case: Case, width: int, look: Look) -> Strip:
    optimum = f"optimum {text.count(case.budget.optimal_tokens)}" if case.budget is not None else ""
    end = f"end of run {text.count(case.tokens_planned)}" if case.tokens_planned is not None else "end unknown"
    return row([(optimum, look.palette.text)], width, look, right=[(end, look.palette.dim)])


def _budget(budget: Budget) -> list[str]:
    lines = []
    if budget.loss_gain_doubling_tokens is not None:
        lines.append(_doubling(budget.loss_gain_doubling_tokens))
    if budget.unique_tokens is None:
        lines.append("unique tokens unknown: say --data")
    else:
        epochs = f", {text.three_digits(budget.epochs)} epochs" if budget.epochs is not None else ""
        lines.append(f"data set: {text.count(budget.unique_tokens)} unique{epochs}")
    if budget.repetition_cost is not None and budget.repetition_cost > 0:
        lines.append(f"repetition costs {text.change(budget.repetition_cost, 2)}")
    if budget.expected_loss is not None:
        band, name = budget.expected_loss.band, text.foreign(budget.expected_loss.dataset)
        half = (band.high - band.low) / 2
        lines.append(f"expected {text.loss(band.value, 2)} ± {text.loss(half, 2)} ({name})")
    if budget.planned_ratio is not None:
        lines.append(f"{_times(budget.planned_ratio)} Chinchilla at the end")
    return lines


def _times(ratio: float) -> str:
    """At least two digits: 12.9, 0.11, 0.0042."""
    if ratio >= 1000:
        return f"{text.count(ratio)} ×"
    return f"{ratio:.1f} ×" if ratio >= 0.95 or ratio <= 0 else f"{text.digits(ratio, 2)} ×"


def _doubling(gain: float) -> str:
    return f"doubling tokens buys {text.change(-abs(gain), 2)}"
