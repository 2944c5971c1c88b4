"""A comparison as people and as programs read it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from cases import make_case
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from runs import founding_case

from diagnosis.case import Case
from diagnosis.finding import Finding
from parsers.records import Value
from tui.comparison import Comparison, compare
from tui.comparison_report import comparison_document, comparison_text

KNOWN: dict[str, Value] = {"vocab_size": 50304, "dataset": "fineweb"}
FINDING = Finding("slowdown", "warning", 0.85, "Steps are slower", ("a",), ("b",), 5, 9)
NOTE = Finding("token-budget", "info", 0.9, "Many tokens", (), (), None, None)


def run(level: float = 3.0, facts: dict[str, Value] | None = None, seed: int = 0, **fields: Any) -> Case:
    """A run whose evaluations each 100 steps scatter by .01 about their course."""
    steps = np.arange(0, 3001, 100)
    values = level + 5 / np.sqrt(steps + 100.0) + np.random.default_rng(seed).normal(0, 0.01, len(steps))
    return make_case({"val_loss": (steps, values)}, KNOWN if facts is None else facts, **fields)


def text_of(*cases: Case, width: int = 100, **options: Any) -> str:
    """What is printed of them, without findings."""
    none: list[list[Finding]] = [[] for _ in cases]
    return comparison_text(cases, none, compare(cases, none), width=width, **options)


def two() -> tuple[list[Case], list[list[Finding]], Comparison]:
    """Two runs that differ in everything."""
    cases = [founding_case(path="a\x1b[31m.log"), founding_case(10_000, facts={**KNOWN, "n_embd": 768}, path="b.log")]
    findings = [[FINDING], [NOTE]]
    return cases, findings, compare(cases, findings)


def test_the_verdict_stands_above_all() -> None:
    """Then what limits it, then the runs by letter."""
    rates = {"learning_rate": (np.arange(0, 3001, 100), np.linspace(1e-3, 1e-4, 31))}
    steady = {"learning_rate": (np.arange(0, 3001, 100), np.full(31, 1e-3))}
    cases = [run(3.0), run(3.2, seed=1)]
    made = [
        make_case({"val_loss": (c.metric("val_loss").steps, c.metric("val_loss").values), **more}, KNOWN)
        for c, more in zip(cases, (rates, steady), strict=True)
    ]
    lines = text_of(*made, width=110).splitlines()
    assert lines[0].startswith("A is ahead of B by 0.")
    assert lines[0].endswith(" at equal steps (val_loss).")
    assert lines[1].startswith("  but not at equal annealing: at step 3,000 A's learning rate is at 10 % of its peak")
    assert any(line.startswith("A  train.log") for line in lines)


def test_each_value_stands_with_its_difference_and_error() -> None:
    """The best is named, what is below the noise is "=", an unknown noise is a question mark."""
    lines = text_of(run(3.0, seed=3), run(3.0, seed=4), run(3.3, seed=2)).splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("val_loss"))
    assert lines[head].split() == ["val_loss", "last", "best", "at", "step", "3,000"]
    first, second, third = (line.split() for line in lines[head + 1 : head + 4])
    assert sorted([first[4], second[4]]) == ["=", "best"]
    assert float(third[4]) > 0.2
    assert third[5] == "±"

    few = [make_case({"val_loss": ([0, 500, 1000], [4.0, 3.5, 3.0 + more])}, KNOWN) for more in (0.0, 0.2)]
    assert "3.200 +0.200 ± ?" in text_of(*few)


def test_grounds_with_the_same_numbers_share_a_column() -> None:
    """The same batch: equal steps are equal tokens."""
    lines = text_of(run(3.0, tokens_per_step=1000.0), run(3.3, seed=1, tokens_per_step=1000.0)).splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("val_loss"))
    assert lines[head - 1].strip() == "at step 3,000"
    assert lines[head].endswith("at 3.00 M tokens")
    assert "at equal steps and tokens" in lines[0]


def test_only_the_loss_of_the_verdict_stands_on_all_grounds() -> None:
    """The others where the runs have equal steps; the JSON has all."""
    cases = [founding_case(path="a.log"), founding_case(10_000, tokens_per_step=262_144, path="b.log")]
    series = cases[0].metric("eval_train_loss")
    both = [
        make_case(
            dict.fromkeys(("val_loss", "eval_train_loss"), (series.steps, series.values)),
            KNOWN,
            tokens_per_step=tokens,
        )
        for tokens in (1000.0, 2000.0)
    ]
    lines = text_of(*both).splitlines()
    heads = [line for line in lines if "last   best" in line]
    assert [line.split()[0] for line in heads] == ["val_loss", "eval_train_loss"]
    assert ["tokens" in line for line in heads] == [True, False]
    tree = comparison_document(both, [[], []], compare(both, [[], []]))["comparison"]
    assert [s["axis"] for s in tree["losses"][1]["standings"]] == ["step", "tokens"]


def test_settings_that_follow_are_named_below() -> None:
    """They are not in the table."""
    one = run(facts={**KNOWN, "learning_rate": 1e-3, "min_lr": 1e-4})
    other = run(facts={**KNOWN, "learning_rate": 5e-4, "min_lr": 5e-5})
    text = text_of(one, other)
    assert ["learning_rate", "0.001", "0.0005"] in [line.split() for line in text.splitlines()]
    assert "\n  min_lr" not in text
    assert "note: in proportion in all runs, so not shown: min_lr to learning_rate" in text


def test_the_json_has_each_run_as_if_alone_and_unknown_is_null() -> None:
    """Keys as the contract names them; strict JSON."""
    cases, findings, compared = two()

    tree = json.loads(json.dumps(comparison_document(cases, findings, compared), allow_nan=False))

    assert set(tree) == {"schema", "traintop", "runs", "comparison"}
    assert [one["path"] for one in tree["runs"]] == ["a\x1b[31m.log", "b.log"]
    among = tree["comparison"]
    assert set(among) == {"verdict", "caveats", "facts", "follow", "losses", "efficiency", "findings"}
    assert among["facts"]["n_embd"] == [384, 768]
    row = among["losses"][0]
    assert row["comparable"] is True
    assert row["at_step"]["step"] == 10_000
    assert row["at_tokens"]["values"] == row["standings"][1]["values"]
    assert among["efficiency"]["tflops"] == [40.2, 40.2]
    assert among["findings"][0]["found"] == [True, False]


def test_the_json_has_every_standing_whole() -> None:
    """By axis, with errors and what is no difference; null is unknown."""
    cases = [run(3.0), run(3.3, seed=1), make_case()]
    (found,) = comparison_document(cases, [[]] * 3, compare(cases, [[]] * 3))["comparison"]["losses"][0]["standings"]
    assert (found["axis"], found["place"], found["counted"], found["best"]) == ("step", 3000, None, 0)
    assert found["behind"][0] == 0
    assert found["behind"][1] == pytest.approx(0.3, abs=0.06)
    assert found["behind_standard_errors"][1] == pytest.approx(0.014, rel=0.5)
    assert found["no_difference"] == [True, False, None]
    assert found["values"][2] is found["standard_errors"][2] is found["learning_rate_shares"][0] is None


def test_the_text_says_what_may_not_be_compared() -> None:
    """With the reason, below the tables; nothing of such a metric stands in them."""
    text = text_of(run(), run(facts={"vocab_size": 100, "dataset": "fineweb"}), run(facts={}))

    assert text.startswith("No verdict: the losses of these runs do not mean the same.")
    assert "note: val_loss is not comparable: vocab differs: 128, 50,304" in text
    assert "last" not in text
    text = text_of(run(), run(facts={}))
    assert "note: val_loss may not be comparable: vocab unknown; data set unknown" in text
    assert "if comparable: see the note" in text


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


def test_eight_runs_stand_in_one_table_of_80_columns() -> None:
    """A row each, so that they can be read against each other."""
    lines = text_of(*[run(3.0 + at / 10, seed=at) for at in range(8)], width=80).splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("val_loss"))
    assert [line.split()[0] for line in lines[head + 1 : head + 9]] == list("ABCDEFGH")
    assert sum(line.startswith("val_loss ") for line in lines) == 1


def test_an_error_is_not_torn_from_its_sign() -> None:
    """At any width of the terminal, also in ASCII."""
    cases = [run(3.0), run(3.3, seed=1)]
    for width in range(40, 70):
        text = text_of(*cases, width=width, ascii_only=True)
        assert "~" not in text
        assert "+-0.0" in text.split("\n\n")[0]


def test_nothing_in_common_is_said() -> None:
    """Two runs without a loss."""
    assert text_of(make_case(), make_case()).startswith(
        "Nothing to compare: no loss is in more than one of these runs."
    )
