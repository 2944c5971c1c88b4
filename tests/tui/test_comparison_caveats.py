"""What a comparison does not allow to conclude, and what its numbers are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from standings import losses, standing

from diagnosis.compared_losses import Losses
from tui.compared_settings import Difference
from tui.comparison import Comparison, Speeds
from tui.comparison_caveats import caveats, notes

SPEEDS = Speeds((None, None), (None, None), (None, None), (None, None), ("a step is of other tokens",))


def of(*rows: Losses, differing: tuple[Difference, ...] = ()) -> Comparison:
    """A comparison of these losses."""
    return Comparison(differing, rows, SPEEDS, ())


def annealed(*shares: float | None, **changes: Any) -> list[str]:
    """What is said of runs whose learning rates are at these shares of their peaks."""
    values = [3.0 + at / 10 for at in range(len(shares))]
    return caveats(of(losses(standing(values, learning_rates=shares, **changes))))


def test_unequal_annealing_is_said_with_its_worth() -> None:
    """A decay to a tenth is worth up to 0.12 nats by itself."""
    (two,) = annealed(0.1, 1.0)
    assert two == (
        "not at equal annealing: at step 6,000 A's learning rate is at 10 % of its peak and B's at 100 %; "
        "a decay from 100 % to 10 % is by itself worth up to 0.12 nats"
    )
    (three,) = annealed(0.1, None, 0.6)
    assert "A's learning rate is at 10 % of its peak and C's at 60 %" in three


def test_nearly_equal_annealing_is_no_matter() -> None:
    """A tenth of the peak is worth 0.013 nats; an unknown rate tells nothing."""
    assert annealed(0.5, 0.6) == []
    assert annealed(0.5, 0.61) != []
    assert annealed(0.1, None) == []


def test_the_annealing_of_the_first_place_where_it_differs_is_said() -> None:
    """Equal at equal steps, unequal at equal FLOPs: once is enough."""
    even = standing([3.0, 3.1], learning_rates=(0.5, 0.5))
    odd = [standing([3.0, 3.1 + at], axis="flops", learning_rates=(0.5, 0.9)) for at in (1, 2)]
    (text,) = caveats(of(losses(even, *odd)))
    assert "after 4.00e+18 FLOPs A's" in text


def test_a_difference_that_another_seed_makes_says_nothing_of_settings() -> None:
    """0.005 may be seen and mean nothing, 0.007 not; one that is hidden by noise needs no word."""
    (text,) = caveats(of(losses(standing([3.0, 3.005], 0.001))))
    assert text == (
        "two runs of one recipe with other seeds end up to 0.006 apart: that B is behind by so little says nothing of "
        "the settings"
    )
    assert caveats(of(losses(standing([3.0, 3.007], 0.001)))) == []
    assert caveats(of(losses(standing([3.0, 3.005], 0.004)))) == []
    bits = replace(losses(standing([3.0, 3.005], 0.001)), unit="bits per byte")
    assert caveats(of(bits)) == []


def test_a_training_loss_alone_is_no_validation() -> None:
    """Said only where nothing better can be compared."""
    train = losses(standing([3.0, 3.1]), metric="train_loss")
    assert caveats(of(train)) == ["only a training loss can be compared: it falls on data that is repeated, too"]
    assert caveats(of(losses(standing([3.0, 3.1])), train)) == []


def test_without_a_verdict_there_is_nothing_to_limit() -> None:
    """Losses that do not mean the same."""
    assert caveats(of(losses(comparable=False))) == []


def test_notes_say_why_losses_may_not_be_compared() -> None:
    """The reasons in full, then what the speeds hang on."""
    rows = (
        replace(losses(comparable=False), why=("vocab differs: 1, 2",)),
        replace(losses(comparable=None, metric="train_loss"), why=("vocab unknown", "data set unknown")),
    )
    assert notes(of(*rows)) == [
        "val_loss is not comparable: vocab differs: 1, 2",
        "train_loss may not be comparable: vocab unknown; data set unknown",
        "a step is of other tokens",
    ]


def test_notes_say_what_the_signs_mean() -> None:
    """Two errors for two runs, more for more; nothing where no error is known."""
    two, three = (notes(of(losses(standing([3.0 + at for at in range(n)]))))[0] for n in (2, 3))
    assert two == '± is one standard error of the difference to the best; "=" is a difference below two of them'
    assert '"=" is a difference below 2.4 of them, as the best of many runs is lucky' in three
    assert notes(of(losses(standing([3.0, 3.1], behind_errors=(None, None))))) == ["a step is of other tokens"]


def test_notes_say_how_time_and_work_were_counted_and_what_was_left_out() -> None:
    """Once for all losses."""
    timed = standing([3.0, 3.1], axis="seconds", how="by the clock of the logs")
    worked = standing([3.0, 3.1], axis="flops", how="counted as 6N + attention")
    both = losses(timed, worked), losses(timed, worked, metric="train_loss")
    differing = Difference("learning_rate", (1, 2)), Difference("min_lr", (0.1, 0.2), "learning_rate")
    assert notes(of(*both, differing=differing))[1:4] == [
        "in proportion in all runs, so not shown: min_lr to learning_rate",
        "time by the clock of the logs",
        "FLOPs counted as 6N + attention",
    ]
