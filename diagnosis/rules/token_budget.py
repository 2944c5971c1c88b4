"""Rule token-budget."""

from __future__ import annotations

from diagnosis.budget import CHINCHILLA_TOKENS_PER_PARAMETER, Budget, compute_optimal
from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import PARAMETERS, TOKENS_SEEN
from diagnosis.wording import count, times

ID = "token-budget"
NEEDS = (PARAMETERS, TOKENS_SEEN)

UNDER_TRAINED = 5.0
INFERENCE_STYLE = 60.0
"""Tokens per parameter below which the data, and above which the model, clearly limits the loss."""


def rule(case: Case) -> Finding | None:
    """The tokens against 20 per parameter and the fitted optimum, and what twice the tokens would buy.

    Fires as a note once the size and the tokens are known, for models trained from scratch. Below 5 tokens per
    parameter at the planned end it says under-trained, above 60 "inference-style": more tokens than is optimal for
    the compute, for a model that is cheaper to run.

    Why: 20 tokens per parameter is the optimum of compute, not a point at which learning ends; models trained on
    10,000 per parameter still improve.
    Do: choose by what the model is for; the numbers say what more tokens or another size would give.
    False alarms: mixtures of experts and distillation, to which the law does not apply.
    Sources: Hoffmann 2022, Besiroglu 2024 (fit), Muennighoff 2023 (repetition), Sardana 2023, Gadre 2024.
    """
    budget, size, seen = case.budget, case.size, case.tokens_seen
    if budget is None or budget.ratio is None or size is None or not size.parameters or not seen:
        return None
    if (case.text("init_from") or "scratch") not in ("scratch", "resume"):
        return None
    final = max(budget.planned_ratio or 0.0, budget.ratio)
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=_title(budget.ratio, final),
        evidence=(
            f"{count(seen)} tokens / (20 x {count(size.parameters)} parameters) = {times(budget.ratio)}",
            *_planned(budget, case.tokens_planned),
            *_other_counts(size.non_embedding, seen),
            *_law(budget, size.parameters, seen),
            *_repetition(budget),
        ),
        advice=(_advice(final, budget),),
        first_step=case.steps.first,
        step=case.steps.last,
    )


def _title(ratio: float, final: float) -> str:
    """At most 60 letters, so that it stands in one line of a list."""
    title = f"{times(ratio)} x 20 tokens per parameter"
    per_parameter = final * CHINCHILLA_TOKENS_PER_PARAMETER
    word = "under-trained" if per_parameter < UNDER_TRAINED else "inference-style"
    if final > 1.005 * ratio:
        title += f" (plan: {times(final)})"
    return title if UNDER_TRAINED <= per_parameter <= INFERENCE_STYLE else f"{title}: {word}"


def _planned(budget: Budget, planned: float | None) -> tuple[str, ...]:
    if planned is None or budget.planned_ratio is None or budget.planned_ratio <= 1.005 * (budget.ratio or 0.0):
        return ()
    return (f"planned: {count(planned)} tokens = {times(budget.planned_ratio)}",)


def _other_counts(non_embedding: float | None, seen: float) -> tuple[str, ...]:
    if not non_embedding:
        return ()
    ratio = seen / (CHINCHILLA_TOKENS_PER_PARAMETER * non_embedding)
    return (f"counted without the embedding ({count(non_embedding)}), as OLMo does: {times(ratio)}",)


def _law(budget: Budget, parameters: float, seen: float) -> tuple[str, ...]:
    said = []
    if budget.loss_gain_doubling_tokens is not None:
        said.append(f"twice the tokens would lower the loss by {budget.loss_gain_doubling_tokens:.2f}")
    if budget.overtraining_cost is not None and budget.overtraining_cost >= 0.005:
        best, tokens = compute_optimal(6 * parameters * seen)
        said.append(
            f"the same compute at its optimum, {count(best)} parameters on {count(tokens)} tokens, "
            f"would end {budget.overtraining_cost:.2f} lower"
        )
    return tuple(said)


def _repetition(budget: Budget) -> tuple[str, ...]:
    if budget.epochs is None or budget.unique_tokens is None:
        return ()
    cost = "" if budget.repetition_cost is None else f", which costs {budget.repetition_cost:.2f}"
    return (f"{times(budget.epochs)} epochs over {count(budget.unique_tokens)} unique tokens{cost}",)


def _advice(final: float, budget: Budget) -> str:
    per_parameter = final * CHINCHILLA_TOKENS_PER_PARAMETER
    if per_parameter < UNDER_TRAINED:
        return (
            f"Plan more tokens ({count(budget.optimal_tokens)} are compute-optimal), or a smaller model for these ones."
        )
    if per_parameter > INFERENCE_STYLE:
        return "Train on for a model that is cheap to run; for the lowest loss at this compute take a bigger one."
    return "Train on as long as the gain is worth the time: the ratio is an optimum of compute, not a limit."
