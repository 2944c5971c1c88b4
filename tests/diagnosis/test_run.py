from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.column import Column
from diagnosis.run import Run
from parsers.records import Fact, Notice, Origin, Points, Recognised, Restart, Traits


def points(steps: list[int], **columns: list[float]) -> Points:
    return Points(np.array(steps, np.int64), {n: np.array(v, np.float64) for n, v in columns.items()})


def run_of(*records: Points | Fact | Notice | Restart | Recognised) -> Run:
    run = Run()
    for record in records:
        run.apply(record)
    return run


def test_a_column_keeps_every_row_and_old_views_stay_as_they_were() -> None:
    """Growing never changes what was once handed out."""
    column: Column[np.float64] = Column(np.empty(0))
    column.extend(np.arange(200.0))
    early = column.view()
    column.extend(np.arange(200.0, 5000.0))

    assert early.tolist() == list(range(200))
    assert column.view().tolist() == list(range(5000))
    with pytest.raises(ValueError, match="read-only"):
        column.view()[0] = 1.0


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 9))
def test_blocks_of_any_size_give_the_same_series(steps: list[int], size: int) -> None:
    """How the lines were cut into blocks is not seen in the series."""
    whole, cut = Run(), Run()
    values = [float(i) for i in range(len(steps))]
    whole.apply(points(steps, train_loss=values))
    for at in range(0, len(steps), size):
        cut.apply(points(steps[at : at + size], train_loss=values[at : at + size]))

    assert whole.series("train_loss").steps.tolist() == cut.series("train_loss").steps.tolist()
    assert whole.series("train_loss").values.tolist() == cut.series("train_loss").values.tolist()


def test_steps_rise_strictly_and_of_equal_steps_the_last_row_stays() -> None:
    """Several ranks or a repeated line make one point."""
    run = run_of(points([0, 1, 1, 3, 2], train_loss=[5.0, 4.0, 4.5, 2.0, 3.0]))

    assert run.series("train_loss").steps.tolist() == [0, 1, 2, 3]
    assert run.series("train_loss").values.tolist() == [5.0, 4.5, 3.0, 2.0]


def test_where_a_segment_goes_back_its_steps_replace_the_older_ones() -> None:
    """A resume from step 2 hides what was logged from there on before the crash."""
    run = run_of(
        points([0, 1, 2, 3], train_loss=[5.0, 4.0, 3.5, 3.4]),
        Restart(2, "the log went back"),
        points([2, 3, 4], train_loss=[3.6, 3.3, 3.2]),
    )

    assert run.series("train_loss").steps.tolist() == [0, 1, 2, 3, 4]
    assert run.series("train_loss").values.tolist() == [5.0, 4.0, 3.6, 3.3, 3.2]
    assert [s.first_step for s in run.segments] == [0, 2]


def test_a_metric_of_two_kinds_of_rows_is_one_series() -> None:
    """Lines with and without an MFU share the loss."""
    run = run_of(points([0, 1], train_loss=[5.0, 4.0]), points([2], train_loss=[3.0], mfu=[0.1]))

    assert run.series("train_loss").values.tolist() == [5.0, 4.0, 3.0]
    assert run.series("mfu").steps.tolist() == [2]


def test_one_unbroken_series_is_not_copied() -> None:
    """A million points cost no memory twice."""
    run = run_of(points(list(range(1000)), train_loss=[1.0] * 1000))

    series = run.series("train_loss")

    assert series.values.base is not None
    assert run.series("train_loss") is series


@pytest.mark.parametrize(("first", "second"), [("flag", "log"), ("log", "config"), ("config", "comment")])
def test_the_more_trustworthy_source_wins_in_whichever_order_they_come(first: Origin, second: Origin) -> None:
    """A flag beats the log, the log a config, a config a comment; the loser is remembered."""
    strong, weak = Fact("n_embd", 384, first, "here"), Fact("n_embd", 768, second, "there")

    for run in (run_of(strong, weak), run_of(weak, strong)):
        assert run.facts["n_embd"] is strong
        assert run.overruled["n_embd"] is weak


def test_of_equal_trust_the_later_fact_wins_and_is_no_disagreement() -> None:
    """An override on the command line comes after the config's echo."""
    run = run_of(Fact("n_embd", 384, "log", "line 3"), Fact("n_embd", 768, "log", "line 9"))

    assert run.facts["n_embd"].value == 768
    assert run.overruled == {}


def test_a_config_is_kept_beside_what_the_log_says_better() -> None:
    """Its names for the settings are the run's own, whichever comes first."""
    log = Fact("batch_size", 8, "log", "line 3")
    config = Fact("batch_size", 4, "config", "axolotl.yml, micro_batch_size")

    for run in (run_of(config, log), run_of(log, config)):
        assert run.facts["batch_size"] is log
        assert run.configured == {"batch_size": config}


def test_traits_come_with_the_format() -> None:
    """Before the format is known nothing is assumed of it."""
    traits = Traits(train_loss="micro-batch")

    assert Run().traits == Traits()
    assert run_of(Recognised("nanogpt", "nanoGPT", traits, "it says so")).traits is traits


@pytest.mark.parametrize("name", ["vocab_size", "block_size", "tokens_per_step"])
def test_a_loss_of_unknown_kind_is_of_tokens_where_there_are_tokens(name: str) -> None:
    """Who gives the tokens of a step, or a config a vocabulary, has a language model; a reward's loss stays another."""
    units = {}
    for unit in ("unknown", "other"):
        run = run_of(Recognised("jsonl", "JSON lines", Traits(loss_unit=unit), "it says so"))
        before = run.traits.loss_unit
        run.apply(Fact(name, 1024, "flag", "the command line"))
        units[unit] = (before, run.traits.loss_unit)
    assert units == {"unknown": ("unknown", "nats"), "other": ("other", "other")}


def test_notices_are_bounded_and_the_newest_stay() -> None:
    """A log that warns for ever does not fill the memory."""
    run = run_of(*(Notice("warning", str(i)) for i in range(2000)))

    assert len(run.notices) == 500
    assert run.notices[-1].text == "1999"


def test_rows_that_came_out_of_order_are_sorted_once_and_then_not_copied() -> None:
    """A block of other rows may stand before its elders."""
    run = run_of(points([5, 6, 7], train_loss=[3.0, 2.9, 2.8], mfu=[0.1] * 3), points([0, 1], train_loss=[5.0, 4.0]))

    series = run.series("train_loss")

    assert series.steps.tolist() == [0, 1, 5, 6, 7]
    assert series.values.tolist() == [5.0, 4.0, 3.0, 2.9, 2.8]
    assert run.series("mfu").steps.tolist() == [5, 6, 7]
    assert np.shares_memory(series.values, run._splice("train_loss").values)
