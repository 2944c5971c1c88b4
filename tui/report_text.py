"""What `diagnose` prints for people: the verdict first, then the numbers, then each finding with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.forecast import Forecast
from diagnosis.needs import Need
from diagnosis.patch import patch
from diagnosis.verdict import verdict
from tui.paragraphs import wrapped
from tui.text import (
    UNKNOWN,
    change,
    count,
    digits,
    duration,
    flops,
    foreign,
    gib,
    loss,
    percent,
    plain,
    seconds,
    three_digits,
    whole,
)

SIGNS = {"critical": "✖", "warning": "▲", "info": "●"}
NAME_WIDTH = 9
PASTED = "    | "
"""Before a line to paste, which is never wrapped: half of it would be another setting."""


def report(
    case: Case,
    findings: Sequence[Finding],
    *,
    silent: Sequence[tuple[str, tuple[Need, ...]]] = (),
    target: float | None = None,
    width: int = 100,
    ascii_only: bool = False,
) -> str:
    """The reading as text of at most `width` columns, ending in a line break.

    `silent` are the rules that could not speak; what another finding explains is among that one's evidence.
    """
    lines = [*_wrapped(head(case), width), "", *_wrapped(verdict(case, findings), width, hang=0), ""]
    for name, text in _numbers(case, target):
        lines += _wrapped(f"  {name:<{NAME_WIDTH}}{text}", width, hang=NAME_WIDTH) if text else []
    said = [["", *_finding(case, finding)] for finding in findings if finding.caused_by is None]
    said += [["", *(f"note: {note}" for note in case.notes)]] if case.notes else []
    said += [["", *_silent(silent)]] if silent else []
    text = "\n".join([*lines, *(one for block in said for line in block for one in _wrapped(line, width))]) + "\n"
    return plain(text) if ascii_only else text


def _silent(silent: Sequence[tuple[str, tuple[Need, ...]]]) -> Iterator[str]:
    rules: dict[str, list[str]] = {}
    for name, needs in silent:
        for need in needs:
            rules.setdefault(f"{need.what} ({need.mend or 'not logged'})", []).append(name)
    yield "Silent for want of"
    yield from (f"  {missing}: {', '.join(names)}" for missing, names in rules.items())


def _wrapped(line: str, width: int, *, hang: int = 2) -> list[str]:
    """A line and what does not fit into it, which stands `hang` columns further in."""
    if line.startswith(PASTED):
        return [foreign(line)]
    indent = " " * (len(line) - len(line.lstrip()))
    return wrapped(foreign(line.strip()), width, indent, indent + " " * hang)


def head(case: Case) -> str:
    """The run in one line: its path, trainer, size and state."""
    parts = [case.path, case.format_title or "no format yet"]
    if case.size and case.size.parameters:
        parts.append(f"{count(case.size.parameters)} parameters")
    step = whole(case.steps.last) + (f" / {whole(case.steps.planned)}" if case.steps.planned else "")
    parts.append(f"{case.state} at step {step}" if case.steps.last is not None else case.state)
    return " · ".join(parts)


def _numbers(case: Case, target: float | None) -> Iterator[tuple[str, str]]:
    yield "loss", _loss(case)
    yield "trend", _trend(case)
    yield "forecast", _forecast(case)
    yield "outlook", _outlook(case)
    if target is not None:
        yield "target", _target(case, target)
    yield "tokens", _tokens(case)
    yield "speed", _speed(case)
    yield "memory", _memory(case)
    yield "ETA", duration(case.eta_seconds) if case.state == "running" and case.eta_seconds else ""


def _loss(case: Case) -> str:
    words: list[str] = []
    for label, name in (("train", "eval_train_loss"), ("train", "train_loss"), ("val", "val_loss")):
        series = case.metric(name)
        if not len(series) or (name == "train_loss" and words):
            continue
        error = case.eval_standard_error if name == "val_loss" else None
        words.append(f"{label} {loss(series.last)}" + (f" ± {loss(error)}" if error else ""))
        if name == "val_loss" and series.best:
            words.append(f"best {loss(series.best[1])} at {whole(series.best[0])}")
    if case.trend and case.trend.perplexity:
        words.append(f"perplexity {three_digits(case.trend.perplexity)}")
    return "  ".join(words)


def _trend(case: Case) -> str:
    trend = case.trend
    if trend is None or trend.slope is None:
        return trend.verdict if trend and trend.verdict != "unknown" else ""
    ends = [value for value in (trend.slope, trend.low, trend.high) if value]
    least = min(map(abs, ends), default=1.0)
    decimals = 3 if least >= 0.0005 else 4 if least >= 0.00005 else 5  # an end of -0.000 looks like one of 0
    slope, low, high = (change(value, decimals) for value in (trend.slope, trend.low, trend.high))
    interval = f" [{low}, {high}]" if trend.low is not None else ""
    over = f" over steps {whole(trend.window[0])} to {whole(trend.window[1])}" if trend.window else ""
    word = "hidden by noise" if trend.verdict == "unknown" else trend.verdict
    return f"{word}: {trend.metric} {slope} per 1,000 steps{interval}{over}"


def _forecast(case: Case) -> str:
    ahead = case.forecast
    if ahead is None:
        return ""
    unsure = "" if ahead.known_schedule else ", the schedule is unknown: from as now to decayed to 0"
    interval = f"[{loss(ahead.low)}, {loss(ahead.high)}]"
    return f"{ahead.metric} {loss(ahead.value)} {interval} at step {whole(ahead.step)}{unsure}"


def _outlook(case: Case) -> str:
    outlook, words = case.outlook, []
    if outlook and outlook.annealed and case.state in ("running", "stalled"):
        soon = outlook.annealed
        words.append(f"{_around(soon)} if it stops here and decays to 0 by step {whole(soon.step)}")
    if outlook and outlook.doubled:
        words.append(f"{_around(outlook.doubled)} in a new run of twice the steps")
    return "; ".join(words)


def _around(ahead: Forecast) -> str:
    return f"{ahead.metric} {loss(ahead.value)} ± {loss((ahead.high - ahead.low) / 2)}"


def _target(case: Case, target: float) -> str:
    """When the loss that the user asked for is reached."""
    reach = case.outlook.reach(target) if case.outlook else None
    if reach is None:
        return f"{loss(target)}: no forecast carries it"
    if reach.already:
        return f"{loss(target)} reached at step {whole(reach.step)}"
    if reach.earliest is None:
        return f"{loss(target)}: not in this run"
    if reach.step is None:
        return f"{loss(target)}: perhaps, at step {whole(reach.earliest)} at the earliest"
    latest = whole(reach.latest) if reach.latest else "not in this run"
    return f"{loss(target)} at step {whole(reach.step)} [{whole(reach.earliest)}, {latest}]"


def _tokens(case: Case) -> str:
    budget = case.budget
    words = [f"{count(case.tokens_seen)} seen"] if case.tokens_seen else []
    if budget and budget.ratio is not None:
        words.append(f"{_times(budget.ratio)} × the Chinchilla optimum of {count(budget.optimal_tokens)}")
    # What the run's own curve says outranks what the law of all runs does.
    if budget and budget.loss_gain_doubling_tokens and not (case.outlook and case.outlook.doubled):
        words.append(f"doubling them buys {change(-budget.loss_gain_doubling_tokens, 2)}")
    return ", ".join(words)


def _times(ratio: float) -> str:
    return digits(ratio, 2) if 0 < ratio < 0.95 else f"{ratio:.1f}" if ratio < 1000 else count(ratio)


def _speed(case: Case) -> str:
    speed = case.efficiency
    if speed is None or speed.seconds_per_step is None:
        return ""
    words = [f"{seconds(speed.seconds_per_step)} a step"]
    if speed.tokens_per_second:
        words.append(f"{count(speed.tokens_per_second)} tokens/s")
    if speed.flops:
        words.append(flops(speed.flops))
    elif speed.flops_per_gpu:
        words.append(f"{flops(speed.flops_per_gpu)} a GPU")
    if speed.mfu is not None:
        words.append(f"MFU {percent(speed.mfu)} of {flops(speed.peak_flops)} ({speed.peak_name}, {speed.peak_source})")
    elif (case.text("device") or "").lower().startswith("cpu"):
        words.append("no MFU on a CPU")
    elif speed.flops and speed.peak_flops:
        words.append("MFU unknown: say how many GPUs it runs on, as --gpu '8x NAME' does")
    elif speed.flops or speed.flops_per_gpu:
        words.append("MFU unknown: name the GPU with --gpu")
    return ", ".join(words)


def _memory(case: Case) -> str:
    sample = next((s for s in case.gpus if s.memory_total_bytes and s.memory_used_bytes), None)
    if sample is None:
        return ""
    return f"{gib(sample.memory_used_bytes)} of {gib(sample.memory_total_bytes)} used on GPU {sample.index}"


def _finding(case: Case, finding: Finding) -> list[str]:
    since = f"  since step {whole(finding.first_step)}" if finding.first_step is not None else ""
    head = f"{SIGNS[finding.severity]} {finding.severity}: {finding.title}"
    lines = [head, f"    {finding.id}, confidence {percent(finding.confidence)}{since}"]
    lines += [f"    {line}" for line in finding.evidence if line != UNKNOWN]
    lines += [f"    → {line}" for line in finding.advice]
    return [*lines, *(f"{PASTED}{line}" for line in patch(case, finding.settings))]
