"""The verdict of a comparison, in one line: who is ahead of whom, by how much, and where it cannot be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from standings import PLACES, losses, standing

from diagnosis.compared_losses import Losses
from diagnosis.standings import Standing
from tui.standing_words import error_words, grounds, judged, place_words, verdict


def said(*standings: Standing, comparable: bool | None = True) -> str:
    """The verdict on one loss."""
    return verdict([losses(*standings, comparable=comparable)])


def test_who_is_ahead_is_said_with_the_error() -> None:
    """And where: at equal tokens one is ahead, at equal FLOPs the noise hides who."""
    tokens, flops = standing([3.631, 3.6], axis="tokens"), standing([3.603, 3.6], axis="flops")
    assert said(tokens, flops) == (
        "B is ahead of A by 0.031 ± 0.008 at equal tokens; no difference (0.003 ± 0.008) at equal FLOPs (val_loss)."
    )


def test_the_same_numbers_on_two_axes_are_said_once() -> None:
    """Equal batches make equal steps equal tokens; the same leader is not named again for other numbers."""
    steps, tokens = standing([3.631, 3.6]), standing([3.631, 3.6], axis="tokens")
    later = standing([3.65, 3.6], axis="seconds")
    assert said(steps, tokens, later) == (
        "B is ahead of A by 0.031 ± 0.008 at equal steps and tokens, by 0.050 ± 0.008 at equal time (val_loss)."
    )
    assert [len(ground.standings) for ground in grounds([steps, tokens, later])] == [2, 1]


def test_equal_numbers_are_no_lead_though_the_noise_is_unknown() -> None:
    """Two logs of one run, looked at where they have a single row."""
    assert said(standing([3.6, 3.6], error=None)) == "No difference (0.000) at equal steps (val_loss)."


def test_the_leader_may_change_with_what_is_equal() -> None:
    """The larger model at equal steps, the faster one at equal time."""
    text = said(standing([3.7, 3.6]), standing([3.6, 3.7], axis="seconds"))
    assert text.startswith("B is ahead of A by 0.100 ± 0.008 at equal steps; A is ahead of B by 0.100 ± 0.008 at")


def test_of_three_runs_each_one_behind_is_named() -> None:
    """The nearest first; one within the noise of the best is no different from it."""
    assert said(standing([3.8, 3.6, 3.7])) == (
        "B is ahead of C by 0.100 ± 0.008 and A by 0.200 ± 0.008 at equal steps (val_loss)."
    )
    assert said(standing([3.8, 3.6, 3.605])) == (
        "B is ahead of A by 0.200 ± 0.008 (no different from C) at equal steps (val_loss)."
    )
    assert said(standing([3.6, 3.6, 3.605])) == "No difference between A, B and C at equal steps (val_loss)."


def test_of_many_runs_the_nearest_and_the_last_are_named() -> None:
    """Eight names would be read by nobody."""
    text = said(standing([3.0 + at / 10 for at in range(8)]))
    assert text == "A is ahead of B by 0.100 ± 0.008 and H by 0.700 ± 0.008 at equal steps (val_loss)."


def test_runs_that_have_not_come_so_far_are_not_spoken_of() -> None:
    """Two of three are compared, and only they are named."""
    assert said(standing([3.7, 3.6, None])).startswith("B is ahead of A by 0.100 ± 0.008 at equal steps (")


def test_an_unknown_noise_lets_nobody_be_ahead() -> None:
    """Lower is all that can be said."""
    assert said(standing([3.7, 3.6], None)) == "B is below A by 0.100 (noise unknown) at equal steps (val_loss)."


def test_farther_on_stands_apart() -> None:
    """Where one run broke off early, all are compared there first, then the others where they came to."""
    late = standing([3.3, 3.2, None], place=20_000)
    text = said(standing([3.7, 3.6, 3.5]), late)
    assert text.endswith("; farther on, at step 20,000, B is ahead of A by 0.100 ± 0.008 (val_loss).")
    same = replace(late, axis="tokens")
    assert "farther" not in said(standing([3.7, 3.6, 3.5]), late, same)


def test_a_doubt_is_in_the_verdict() -> None:
    """Nobody may read the line alone and believe that the data were the same."""
    assert said(standing([3.7, 3.6]), comparable=None).endswith("(val_loss, if comparable: see the note).")


def test_the_first_loss_that_may_be_compared_is_judged() -> None:
    """One of other tokens is passed over, and one that the runs have at no common place."""
    good = losses(standing([3.7, 3.6]), metric="train_loss")
    assert judged([losses(comparable=False), losses(metric="val_bpb"), good]) is good


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "Nothing to compare: no loss is in more than one of these runs."),
        ([losses(comparable=False)], "No verdict: the losses of these runs do not mean the same."),
        (
            [losses()],
            "No verdict: no two of these runs have the same loss at one step, epoch, number of tokens or time.",
        ),
    ],
    ids=["nothing", "other units", "never met"],
)
def test_where_there_is_no_verdict_it_is_said_why(rows: list[Losses], words: str) -> None:
    """Silence would look like a fault."""
    assert verdict(rows) == words


def test_places_have_their_units() -> None:
    """As people write them."""
    words = [place_words(standing([1.0, 2.0], axis=axis)) for axis in PLACES]
    assert words == ["at step 6,000", "at epoch 0.375", "at 3.15 B tokens", "after 2 h 5 m", "after 4.00e+18 FLOPs"]


def test_an_error_is_never_shown_as_nothing() -> None:
    """Below half a thousandth its first digit is shown."""
    errors = [error_words(e) for e in (0.0, 0.0005, 0.00049, 0.00003, 0.25)]
    assert errors == ["0.000", "0.001", "0.0005", "0.00003", "0.250"]
