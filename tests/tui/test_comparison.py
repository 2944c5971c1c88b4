"""Several runs side by side: only what means the same is compared, and what cannot be known is said."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import NANOGPT, make_case
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from runs import founding_case, founding_efficiency, founding_size

from diagnosis.case import Case
from diagnosis.finding import Finding
from parsers.records import Traits, Value
from tui.compared_losses import Losses
from tui.comparison import Comparison, compare
from tui.comparison_report import comparison_document, comparison_text

KNOWN: dict[str, Value] = {"vocab_size": 50304, "dataset": "fineweb"}
FINDING = Finding("slowdown", "warning", 0.85, "Steps are slower", ("a",), ("b",), 5, 9)
NOTE = Finding("token-budget", "info", 0.9, "Many tokens", (), (), None, None)


def run(
    last: int = 1000,
    level: float = 3.0,
    facts: dict[str, Value] | None = None,
    metric: str = "val_loss",
    **fields: Any,
) -> Case:
    """A run that is evaluated each 100 steps; its loss falls by 1 in 1000 steps to `level` at step 1000."""
    steps = np.arange(0, last + 1, 100)
    return make_case({metric: (steps, level + 1 - steps / 1000)}, KNOWN if facts is None else facts, **fields)


def of(cases: list[Case], metric: str = "val_loss") -> Losses:
    """The losses of one metric."""
    return next(row for row in compare(cases, [[] for _ in cases]).losses if row.metric == metric)


def test_losses_stand_at_the_last_step_that_all_have_reached() -> None:
    """The longer run is read between its rows where it has none there."""
    longer = make_case({"val_loss": ([0, 600, 1200], [4.0, 3.4, 2.8])}, KNOWN)

    row = of([run(1000), longer])

    assert row.comparable is True
    assert row.why == ()
    assert row.last == (3.0, 2.8)
    assert row.step == 1000
    assert row.at_step == pytest.approx((3.0, 3.0))


def test_losses_stand_at_the_same_tokens_where_a_step_is_of_other_tokens() -> None:
    """Twice the batch has seen them after half the steps."""
    row = of([run(1000, tokens_per_step=1000.0), run(1000, 2.5, tokens_per_step=2000.0)])

    assert row.step == 1000
    assert row.tokens == 1_000_000
    assert row.at_tokens == pytest.approx((3.0, 3.0))
    assert row.at_step == (3.0, 2.5)


def test_tokens_are_those_that_were_logged_where_they_were() -> None:
    """A batch that grows cannot be counted by steps."""
    logged = make_case(
        {"val_loss": ([0, 100], [4.0, 3.0]), "tokens": ([0, 100], [0.0, 5e5])}, KNOWN, tokens_per_step=1.0
    )

    row = of([logged, run(1000, tokens_per_step=1000.0)])

    assert row.tokens == 500_000
    assert row.at_tokens == (3.0, 3.5)


def test_runs_that_never_met_are_not_compared_at_a_step() -> None:
    """One that goes on from a checkpoint and one that ended before it."""
    late = make_case({"val_loss": ([5000, 6000], [2.5, 2.4])}, KNOWN)

    row = of([run(1000), late])

    assert row.step is None
    assert row.at_step == (None, None)
    assert row.last == (3.0, 2.4)


@pytest.mark.parametrize("counted", ["micro-batches", "epochs", "rows"])
def test_steps_that_are_no_updates_are_not_compared(counted: str) -> None:
    """Epoch 3 is not step 3."""
    traits = replace(NANOGPT, steps_count=counted)  # type: ignore[arg-type]

    row = of([run(), run(traits=traits, tokens_per_step=1000.0)])

    assert row.step is None
    assert row.tokens is None


@pytest.mark.parametrize(
    ("facts", "comparable", "why"),
    [
        ({"vocab_size": 50304, "dataset": "fineweb"}, True, ()),
        ({"vocab_size": 50257, "dataset": "data/FineWeb"}, True, ()),
        ({"vocab_size": 32000, "dataset": "fineweb"}, False, ("vocab differs: 32,000, 50,304",)),
        ({"vocab_size": 50304, "dataset": "openwebtext"}, False, ("data set differs: fineweb, openwebtext",)),
        ({"dataset": "fineweb"}, None, ("vocab unknown",)),
        ({}, None, ("vocab unknown", "data set unknown")),
    ],
    ids=["same", "padded and spelt otherwise", "other tokens", "other text", "unknown tokens", "nothing known"],
)
def test_a_loss_per_token_is_compared_on_the_same_tokens_and_text_only(
    facts: dict[str, Value], comparable: bool | None, why: tuple[str, ...]
) -> None:
    """What differs forbids it, what is unknown leaves it in doubt; a padded vocabulary is the same one."""
    row = of([run(), run(facts=facts)])

    assert (row.comparable, row.why) == (comparable, why)
    assert (row.last == ()) == (comparable is False)


def test_bits_per_byte_are_never_compared_with_nats() -> None:
    """Nor an unknown unit with a known one without a word."""
    bits = replace(NANOGPT, loss_unit="bits per byte")

    assert of([run(), run(traits=bits)]).comparable is False
    assert of([run(traits=bits), run(traits=bits)]).unit == "bits per byte"
    doubtful = of([run(), run(traits=replace(NANOGPT, loss_unit="unknown"))])
    assert (doubtful.comparable, doubtful.unit, doubtful.why) == (None, None, ("unit unknown",))
    assert compare([run(), run(metric="val_bpb")], [[], []]).losses == ()


def test_bits_per_byte_are_compared_across_vocabularies() -> None:
    """A byte is a byte."""
    row = of([run(metric="val_bpb"), run(metric="val_bpb", facts={"vocab_size": 1, "dataset": "fineweb"})], "val_bpb")

    assert (row.comparable, row.unit) == (True, "bits per byte")


def test_a_train_loss_of_one_micro_batch_is_no_mean() -> None:
    """It may be compared, with that said."""
    row = of([run(metric="train_loss"), run(metric="train_loss", traits=Traits())], "train_loss")

    assert row.comparable is None
    assert row.why == ("train_loss is not measured alike: micro-batch in train mode, step mean in train mode",)


def test_only_facts_that_differ_are_shown() -> None:
    """What only one run says is no difference; counted facts are compared as the laws take them."""
    one = run(facts={**KNOWN, "learning_rate": 6e-4, "n_layer": 12, "bias": True}, tokens_per_step=1000.0)
    other = run(facts={**KNOWN, "learning_rate": 0.0006, "n_layer": 24}, tokens_per_step=2000.0)

    found = {row.name: row.values for row in compare([one, other, run()], [[], [], []]).differences}

    assert found == {"n_layer": (12, 24, None), "tokens_per_step": (1000.0, 2000.0, None)}


def test_the_size_is_that_of_the_shape() -> None:
    """A claim in a comment is no size."""
    cases = [founding_case(size=founding_size(claimed=125e6)), founding_case(size=founding_size(n_embd=768))]

    found = {row.name: row.values for row in compare(cases, [[], []]).differences}

    assert found["parameters"] == (40_560_000, 123_587_328)


def test_speed_says_what_is_not_like_for_like() -> None:
    """Seconds of larger steps, and the MFU of another GPU."""
    cases = [founding_case(), founding_case(tokens_per_step=1, efficiency=founding_efficiency(peak_flops=312e12))]

    speeds = compare(cases, [[], []]).speeds

    assert speeds.mfu == (0.69, 0.69)
    assert len(speeds.why) == 2
    assert compare([founding_case(), founding_case()], [[], []]).speeds.why == ()
    assert "unknown" in compare([founding_case(), founding_case(tokens_per_step=None)], [[], []]).speeds.why[0]


def test_findings_that_all_have_are_left_out_and_the_worst_come_first() -> None:
    """What tells the runs apart."""
    found = compare([run(), run()], [[NOTE, FINDING], [NOTE]]).findings
    both = compare([run(), run()], [[NOTE], [replace(FINDING, severity="critical")]]).findings

    assert [(f.id, f.found) for f in found] == [("slowdown", (True, False))]
    assert [f.id for f in both] == ["slowdown", "token-budget"]


def two() -> tuple[list[Case], list[list[Finding]], Comparison]:
    """Two runs that differ in everything."""
    cases = [founding_case(path="a\x1b[31m.log"), founding_case(10_000, facts={**KNOWN, "n_embd": 768}, path="b.log")]
    findings = [[FINDING], [NOTE]]
    return cases, findings, compare(cases, findings)


def test_the_json_has_each_run_as_if_alone_and_unknown_is_null() -> None:
    """Keys as the contract names them; strict JSON."""
    cases, findings, compared = two()

    tree = json.loads(json.dumps(comparison_document(cases, findings, compared), allow_nan=False))

    assert set(tree) == {"schema", "traintop", "runs", "comparison"}
    assert [one["path"] for one in tree["runs"]] == ["a\x1b[31m.log", "b.log"]
    assert set(tree["comparison"]) == {"facts", "losses", "efficiency", "findings"}
    assert tree["comparison"]["facts"]["n_embd"] == [384, 768]
    row = tree["comparison"]["losses"][0]
    assert row["comparable"] is True
    assert row["at_step"]["step"] == 10_000
    assert tree["comparison"]["efficiency"]["tflops"] == [40.2, 40.2]
    assert tree["comparison"]["findings"][0]["found"] == [True, False]


def test_the_text_says_what_may_not_be_compared() -> None:
    """With the reason, below the table; nothing of such a metric stands in it."""
    cases = [run(), run(facts={"vocab_size": 100, "dataset": "fineweb"}), run(facts={})]

    text = comparison_text(cases, [[], [], []], compare(cases, [[], [], []]))

    assert "note: val_loss is not comparable: vocab differs: 128, 50,304" in text
    assert "val_loss last" not in text
    pair = [run(), run(facts={})]
    text = comparison_text(pair, [[], []], compare(pair, [[], []]))
    assert "note: val_loss may not be comparable: vocab unknown; data set unknown" in text
    assert "val_loss last" in text


@given(st.integers(1, 30), st.sampled_from([45, 60, 80, 110]), st.booleans())
def test_any_number_of_runs_fits_any_width(number: int, width: int, ascii_only: bool) -> None:
    """No line is too long, no control character of a path gets through, no run is left out."""
    cases, findings, _ = two()
    many, found = [cases[at % 2] for at in range(number)], [findings[at % 2] for at in range(number)]

    text = comparison_text(many, found, compare(many, found), width=width, ascii_only=ascii_only)

    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    assert text.isascii() or not ascii_only
    assert sum(line[:1] not in {" ", ""} and ".log" in line for line in text.splitlines()) == number


def test_nothing_in_common_is_said() -> None:
    """Two runs without a loss."""
    text = comparison_text([make_case(), make_case()], [[], []], compare([make_case(), make_case()], [[], []]))

    assert "no loss is in more than one of these runs" in text
    assert not any(math.isnan(v or 0) for v in compare([make_case()], [[]]).speeds.mfu)
