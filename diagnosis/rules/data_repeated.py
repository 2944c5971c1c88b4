"""Rule data-repeated."""

from __future__ import annotations

from diagnosis.budget import GAIN_PARAMETERS, effective_tokens, epoch_value, repetition_cost
from diagnosis.case import Case
from diagnosis.finding import Finding, Severity
from diagnosis.needs import Need
from diagnosis.repetition import Passes, passes_of, staircase, step_of_pass
from diagnosis.vocabulary import is_fresh, small_vocabulary
from diagnosis.wording import count, percent, times

ID = "data-repeated"
NEEDS = (
    Need("the epochs, or the unique tokens and the tokens seen", "--data", lambda case: passes_of(case) is not None),
)

HARMLESS = 4.0
"""Muennighoff 2023: up to four epochs are almost as good as fresh data."""
SPENT = 16.0
"""Muennighoff 2023: after some 16 epochs (R_D = 15.4) a repeated token has lost most of its worth."""
FELT, DEAR = 0.01, 0.05
"""Nats, by judgement: half of and twice the scatter of the law's offsets, 0.02 to 0.03 between runs of one recipe."""
ROUNDING = 1.005
"""A plan of so little more than was done is the same figure as printed."""


def rule(case: Case) -> Finding | None:
    """The data are seen many times, and what the repetition costs.

    Fires above 4 epochs, of those that are done or, while it runs, planned. A warning where the model is trained from
    scratch and the law puts the cost at 0.01 nats or more; critical above 16 epochs that cost 0.05 or more. Where the
    law cannot tell it, a warning if the tokens of the data set were given, and a note if only the log's own epochs tell
    of the repetition. A note for fine-tuning, where 3 epochs and more are usual and overfitting is the judge. Also a
    note, whatever the epochs, where the training loss falls in steps at the ends of epochs while validation does not.

    Why: a token is worth 94 % of a fresh one in its second epoch, 82 % in its fourth, 38 % in its sixteenth. Four
    epochs cost next to nothing: half the data seen twice ended as well as all of it seen once.
    Do: add unique data; where there is none, keep the best checkpoint by validation, and rather a smaller model.
    False alarms: --data that names a part of the data only; an "epoch" of one shard or of a limited number of batches;
    masked models and translation, which bear tens of epochs and of which the law is not.
    Sources: Muennighoff 2023 (arXiv 2305.16264), D_eff = U + U R_D (1 - exp(-R / R_D)); build-nanogpt's run on half
    the data; FastChat issue 2025 and others for the steps at the ends of epochs.
    """
    passes = passes_of(case)
    if passes is None or case.traits.loss_unit in ("other", "unknown"):
        return None
    return _many(case, passes) if passes.most > HARMLESS else _stairs_alone(case)


def _many(case: Case, passes: Passes) -> Finding:
    tokens = None if passes.unique_tokens is None else passes.most * passes.unique_tokens
    cost = _cost(case, passes)
    severity = _severity(case, passes, cost)
    ahead = passes.most > passes.done * ROUNDING
    return Finding(
        id=ID,
        severity=severity,
        confidence=0.7 if passes.by_log else 0.9,
        title=f"The data are {'to be ' if ahead else ''}seen {times(passes.most)} times",
        evidence=(
            *_counts(passes, tokens),
            *_worth(passes, tokens, cost),
            *_stairs(case),
        ),
        advice=(_advice(case, passes, cost, severity),),
        first_step=_since(case, passes),
        step=case.steps.last,
    )


def _since(case: Case, passes: Passes) -> int | None:
    """Where the run passed 4 epochs; its beginning where the plan says it before."""
    if passes.planned is not None and passes.planned > HARMLESS:
        return case.steps.first
    return step_of_pass(case, passes, HARMLESS)


def _severity(case: Case, passes: Passes, cost: float | None) -> Severity:
    fresh = is_fresh(case)
    if fresh is False or (passes.by_log and (fresh is None or cost is None)) or (cost is not None and cost < FELT):
        return "info"
    return "critical" if passes.most > SPENT and cost is not None and cost >= DEAR else "warning"


def _cost(case: Case, passes: Passes) -> float | None:
    """Nats by the law at the end; None outside its sizes, and for bytes and characters, for which it was not made."""
    parameters = None if case.size is None else case.size.parameters
    low, high = GAIN_PARAMETERS
    if passes.unique_tokens is None or parameters is None or not low <= parameters <= high:
        return None
    if case.traits.loss_unit != "nats" or small_vocabulary(case) is not None:
        return None
    return repetition_cost(parameters, passes.most * passes.unique_tokens, passes.unique_tokens)


def _counts(passes: Passes, tokens: float | None) -> tuple[str, ...]:
    source = "the log counts epochs: "
    if not passes.by_log and tokens is not None and passes.unique_tokens is not None:
        source = f"{count(tokens)} tokens over {count(passes.unique_tokens)} unique ones: "
    least = "at least " if passes.by_log and passes.done == int(passes.done) else ""
    planned = f", {times(passes.planned)} planned" if passes.planned is not None else ""
    return (f"{source}{least}{times(passes.done)} passes done{planned}",)


def _worth(passes: Passes, tokens: float | None, cost: float | None) -> tuple[str, ...]:
    last = f"a token is worth {percent(epoch_value(passes.most))} of a fresh one in the last pass"
    if cost is None or tokens is None or passes.unique_tokens is None:
        return (last,)
    worth = count(effective_tokens(tokens, passes.unique_tokens))
    return (f"worth {worth} fresh tokens: costs {cost:.2f} nats against as many fresh ones; {last}",)


def _advice(case: Case, passes: Passes, cost: float | None, severity: Severity) -> str:
    if severity == "info":
        if len(case.metric("val_loss")):
            return "Watch validation: as long as it falls, the repetition does no harm."
        return "Log a validation loss: without one nobody sees whether it learns by heart."
    more = "Add unique data"
    if cost is not None and passes.unique_tokens is not None and case.size is not None and case.size.parameters:
        tokens = passes.most * passes.unique_tokens
        gain = cost - repetition_cost(case.size.parameters, tokens, 2 * passes.unique_tokens)
        more += f": twice as much would end about {gain:.2f} lower"
    return f"{more}; where there is none, keep the checkpoint of the best validation, or take a smaller model."


def _stairs(case: Case) -> tuple[str, ...]:
    return tuple(
        f"train loss {s.before:.2f} to {s.after:.2f} at the end of pass {s.end} (step {s.step:,})"
        + (f", val {s.val[0]:.2f} to {s.val[1]:.2f}" if s.val else "")
        for s in staircase(case)[:2]
    )


def _stairs_alone(case: Case) -> Finding | None:
    stairs = staircase(case)
    if not stairs:
        return None
    with_val = stairs[0].val is not None
    advice = "Watch validation" if with_val else "Log a validation loss"
    return Finding(
        id=ID,
        severity="info",
        confidence=0.8 if with_val else 0.6,
        title="The loss falls in steps where the data begin anew",
        evidence=(*_stairs(case), "it knows the repeated examples by heart: usual in fine-tuning, no fault of the run"),
        advice=(f"{advice}: where it rises, one epoch less or a lower learning rate is better.",),
        first_step=stairs[0].seen_step if with_val else stairs[1].seen_step,
        step=case.steps.last,
    )
