"""Which findings are one trouble: what came first is said, what followed from it stands below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from diagnosis.case import Case
from diagnosis.finding import SEVERITIES, Finding, worst_first
from diagnosis.parting import onset

AFTER_RESTART_STEPS = 200
"""Judgement: Adam's mean of squares at a beta2 of 0.99 is new after 100 steps, and a re-warmed rate mostly back."""
EARLY_STEPS = 100.0
"""What counts as the warm-up where there is none: the least that one should have, see the rule warmup."""
SOON_STEPS = 500
"""Judgement: an overflow and what it does to the loss are not further apart (1 and 6 steps in 104B's experiment 7)."""
SPENT_RATE = 0.11
"""Of the peak: a floor of a tenth, as printed."""

Holds = Callable[[Finding, Finding, Case], bool]


def _anytime(_cause: Finding, _consequence: Finding, _case: Case) -> bool:
    """Both are states of now (a GPU, a setting), which have no order."""
    return True


def _more_than_a_note(cause: Finding, _consequence: Finding, _case: Case) -> bool:
    """A power cap at full load is how a GPU works, and slows nobody down in mid-run."""
    return cause.severity != "info"


def _before(cause: Finding, consequence: Finding, _case: Case) -> bool:
    """The cause was complete no later than the consequence; a step that nobody knows proves nothing."""
    return None not in (cause.first_step, consequence.first_step) and _gap(cause, consequence) >= 0


def _strictly_before(cause: Finding, consequence: Finding, case: Case) -> bool:
    return _before(cause, consequence, case) and _gap(cause, consequence) > 0


def _soon_after(cause: Finding, consequence: Finding, case: Case) -> bool:
    return _before(cause, consequence, case) and _gap(cause, consequence) <= SOON_STEPS


def _soon_but_after(cause: Finding, consequence: Finding, case: Case) -> bool:
    return _soon_after(cause, consequence, case) and _gap(cause, consequence) > 0


def _gap(cause: Finding, consequence: Finding) -> int:
    return (consequence.first_step or 0) - (cause.first_step or 0)


def _critical(cause: Finding, consequence: Finding, case: Case) -> bool:
    """A trouble that the run did not get over may have ended it."""
    return cause.severity == "critical" and _before(cause, consequence, case)


def _after_restart(_cause: Finding, consequence: Finding, case: Case) -> bool:
    step = consequence.first_step
    return step is not None and any(start <= step <= start + AFTER_RESTART_STEPS for start in case.segments[1:])


def _at_shift(cause: Finding, consequence: Finding, case: Case) -> bool:
    """A change of the data that is still felt, and what was seen from that step on; the change takes longer to show."""
    began, step = onset(case), consequence.first_step
    return cause.severity != "info" and began is not None and step is not None and step >= began


def _jump_of_shift(cause: Finding, consequence: Finding, case: Case) -> bool:
    began = onset(case)
    return _at_shift(cause, consequence, case) and (consequence.first_step or 0) - (began or 0) <= AFTER_RESTART_STEPS


def _early(_cause: Finding, consequence: Finding, case: Case) -> bool:
    """Within the warm-up or right after it: later a wrong warm-up does no harm."""
    limit = max(EARLY_STEPS, 2 * (case.number("warmup_steps") or 0.0))
    return consequence.first_step is not None and consequence.first_step <= limit


def _early_by_height(cause: Finding, consequence: Finding, case: Case) -> bool:
    """As _early, of a learning rate that is too high: its advice is a lower one."""
    advised, rate = dict(cause.settings).get("learning_rate"), case.number("learning_rate")
    lower = isinstance(advised, int | float) and rate is not None and advised < rate
    return lower and _early(cause, consequence, case)


def _spent(_cause: Finding, consequence: Finding, case: Case) -> bool:
    """The learning rate was at its floor when the loss stood still."""
    decayed, step = case.number("decay_steps"), consequence.first_step
    rate = case.metric("learning_rate").finite
    if len(rate) and float(rate.values.max()) > 0:
        return bool(rate.values[-1] <= SPENT_RATE * rate.values.max())
    return decayed is not None and step is not None and decayed <= step


@dataclass(frozen=True, slots=True)
class Link:
    """One finding explains another, where `holds` says so."""

    cause: str
    consequence: str
    holds: Holds = _before


LINKS: tuple[Link, ...] = (
    Link("restarted", "loss-shift", _after_restart),
    Link("restarted", "loss-spike", _after_restart),
    Link("restarted", "divergence", _after_restart),
    Link("loss-shift", "loss-spike", _jump_of_shift),
    Link("loss-shift", "overfitting", _at_shift),
    Link("loss-shift", "divergence", _jump_of_shift),
    Link("learning-rate", "loss-spike", _early_by_height),
    Link("learning-rate", "divergence", _early_by_height),
    Link("learning-rate", "non-finite", _early_by_height),
    Link("warmup", "loss-spike", _early),
    Link("warmup", "divergence", _early),
    Link("warmup", "non-finite", _early),
    Link("initial-loss", "not-learning"),
    Link("learning-rate", "not-learning", _anytime),
    Link("warmup", "not-learning", _early),
    Link("loss-scale-collapse", "loss-spike", _soon_after),
    Link("loss-scale-collapse", "divergence", _soon_after),
    Link("loss-scale-collapse", "non-finite", _soon_after),
    Link("loss-spike", "loss-scale-collapse", _soon_but_after),
    Link("loss-spike", "divergence", _before),
    Link("divergence", "loss-scale-collapse", _strictly_before),
    Link("loss-spike", "non-finite", _soon_after),
    Link("divergence", "non-finite", _before),
    Link("non-finite", "divergence", _strictly_before),
    Link("out-of-memory", "stopped-early", _anytime),
    Link("non-finite", "stopped-early", _critical),
    Link("loss-scale-collapse", "stopped-early", _critical),
    Link("divergence", "stopped-early", _critical),
    Link("vram-growing", "out-of-memory"),
    Link("initial-loss", "loss-above-expected"),
    Link("not-learning", "loss-above-expected"),
    Link("not-learning", "plateau"),
    Link("divergence", "loss-above-expected"),
    Link("schedule-mismatch", "plateau", _spent),
    Link("data-repeated", "overfitting", _anytime),
    Link("tiny-val-set", "val-below-train", _anytime),
    Link("tiny-val-set", "eval-resolution", _anytime),
    Link("gpu-throttled", "slowdown", _more_than_a_note),
    Link("gpu-shared", "slowdown", _anytime),
    Link("uneven-steps", "gpu-starved", _anytime),
    Link("gpu-starved", "slowdown", _anytime),
    Link("emulated-bf16", "low-mfu", _anytime),
    Link("gpu-throttled", "low-mfu", _more_than_a_note),
    Link("gpu-shared", "low-mfu", _anytime),
    Link("uneven-steps", "low-mfu", _anytime),
    Link("gpu-starved", "low-mfu", _anytime),
)
"""For a finding with several causes the first that holds counts: the surest explanation stands first."""


def joined(findings: Sequence[Finding], case: Case) -> list[Finding]:
    """The findings with their causes, the worst first.

    What follows from another one names the head of its chain in `caused_by` and keeps its own severity. A head carries
    the worst severity of what it explains, and a line of evidence for each.
    """
    found = {finding.id: finding for finding in findings}
    parents = {name: _parent(finding, found, case) for name, finding in found.items()}
    heads = {name: _head(name, parents) for name in found}
    return worst_first([_placed(finding, heads, found) for finding in findings])


def _parent(finding: Finding, found: Mapping[str, Finding], case: Case) -> str | None:
    """The cause of a finding among the others."""
    links = (link for link in LINKS if link.consequence == finding.id and link.cause in found)
    return next((link.cause for link in links if link.holds(found[link.cause], finding, case)), None)


def _head(name: str, parents: Mapping[str, str | None]) -> str:
    """Where a chain of causes begins; a finding that would explain itself begins its own."""
    seen, at = {name}, name
    while (above := parents[at]) is not None:
        if above in seen:
            return name
        seen.add(above)
        at = above
    return at


def _placed(finding: Finding, heads: Mapping[str, str], found: Mapping[str, Finding]) -> Finding:
    """The finding below its head, or as the head of what it explains."""
    if heads[finding.id] != finding.id:
        return replace(finding, caused_by=heads[finding.id])
    group = [found[name] for name, head in heads.items() if head == finding.id and name != finding.id]
    worst = max([finding, *group], key=lambda f: SEVERITIES.index(f.severity)).severity
    lines = tuple(f"explains {f.id}: {f.title}" for f in sorted(group, key=lambda f: f.first_step or 0))
    return replace(finding, severity=worst, evidence=(*finding.evidence, *lines))
