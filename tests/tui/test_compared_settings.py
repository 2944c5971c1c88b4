"""The settings that differ: the weightiest first, what follows from another apart."""

from __future__ import annotations

from cases import make_case
from runs import founding_case, founding_size

from diagnosis.case import Case
from parsers.records import Value
from tui.compared_settings import Difference, differences


def found(*facts: dict[str, Value]) -> dict[str, Difference]:
    """What differs between runs of these facts, in its order."""
    return {row.name: row for row in differences([make_case({}, one) for one in facts])}


def test_only_facts_that_differ_are_shown() -> None:
    """What only one run says is no difference; counted facts are compared as the laws take them."""
    one = make_case({}, {"learning_rate": 6e-4, "n_layer": 12, "bias": True}, tokens_per_step=1000.0)
    other = make_case({}, {"learning_rate": 0.0006, "n_layer": 24}, tokens_per_step=2000.0)

    rows = {row.name: row.values for row in differences([one, other, make_case()])}

    assert rows == {"n_layer": (12, 24, None), "tokens_per_step": (1000.0, 2000.0, None)}


def test_the_size_is_that_of_the_shape() -> None:
    """A claim in a comment is no size, and its parts say it again."""

    def case(claimed: float | None, **shape: int) -> Case:
        parts: dict[str, Value] = {"parameters_decayed": shape.get("n_embd", 0)}
        return founding_case(size=founding_size(claimed=claimed, **shape), facts=parts)

    rows = {row.name: row.values for row in differences([case(125e6), case(None, n_embd=768)])}

    assert rows == {"parameters": (40_560_000, 123_587_328)}


def test_what_the_loss_hangs_on_most_comes_first() -> None:
    """Size, tokens, learning rate, then the rest; what is not known to matter after it, and names last."""
    names = ["run_name", "eval_interval", "zeta", "dropout", "learning_rate", "tokens_per_step", "n_layer", "alpha"]
    one: dict[str, Value] = dict.fromkeys(names, 1)
    other: dict[str, Value] = dict.fromkeys(names, 2)

    order = list(found(one, other))

    assert order == [
        *("n_layer", "tokens_per_step", "learning_rate", "dropout", "eval_interval"),
        *("alpha", "zeta", "run_name"),
    ]


def test_a_floor_in_proportion_to_the_rate_follows_from_it() -> None:
    """A tenth of it in every run; where one run breaks the proportion it is a setting of its own."""
    one: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4}
    rows = found(one, {"learning_rate": 6e-4, "min_lr": 6e-5})
    assert (rows["min_lr"].follows, rows["learning_rate"].follows) == ("learning_rate", None)
    assert found(one, {"learning_rate": 6e-4, "min_lr": 0})["min_lr"].follows is None
    assert found(one, {"learning_rate": 1e-3, "min_lr": 0})["min_lr"].follows is None


def test_a_run_that_says_neither_breaks_no_proportion() -> None:
    """One that says only one of them does."""
    told: list[dict[str, Value]] = [
        {"planned_steps": 100, "decay_steps": 100},
        {"planned_steps": 200, "decay_steps": 200},
    ]
    assert found(*told, {})["decay_steps"].follows == "planned_steps"
    assert found(*told, {"decay_steps": 300})["decay_steps"].follows is None
