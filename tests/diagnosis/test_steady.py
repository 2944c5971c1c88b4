"""The seconds of a plain step, with evaluations and compilation left out."""

from __future__ import annotations

import numpy as np
import pytest
from founding_speed import NOTHING, founding

from diagnosis.series import Series
from diagnosis.steady import eval_cost, eval_rows, steady_rows, steady_step_seconds


class TestSteadyStep:
    def test_eval_rows_are_left_out_by_their_interval(self) -> None:
        """At log_interval 500 every row would be an evaluation's; at 200 every fifth is."""
        assert steady_step_seconds(founding()[0], contain_eval=True, eval_interval=500) == pytest.approx(
            3.909, abs=0.002
        )
        assert steady_step_seconds(founding(log_interval=500)[0], contain_eval=True, eval_interval=500) is None

    def test_eval_rows_are_left_out_by_the_evals_seen(self) -> None:
        """Without a config the steps of the evaluations themselves say which rows hold one."""
        evals = np.arange(0, 20_001, 500)
        rows = steady_rows(founding()[0], contain_eval=True, eval_steps=evals)
        assert len(rows) == 50
        assert rows.values.max() < 4

    def test_eval_rows_are_left_out_by_their_length(self) -> None:
        """Without either, what takes more than twice the median is left out."""
        rows = steady_rows(founding()[0], contain_eval=True)
        assert rows.values.max() < 4

    def test_slow_rows_count_where_no_eval_is_inside(self) -> None:
        """A trainer that times training alone has no row to leave out."""
        seconds = founding()[0]
        assert steady_rows(seconds, contain_eval=False).values.max() > 19

    def test_the_newest_rows_count(self) -> None:
        """After a change of speed the window is the new speed's."""
        values = np.concatenate([np.full(500, 1.0), np.full(60, 2.0)])
        assert steady_step_seconds(Series("s", np.arange(560), values), contain_eval=False) == 2.0

    def test_compilation_is_no_step(self) -> None:
        """The first row is left out even of a log of three."""
        series = Series("s", np.arange(3), np.array([30.0, 4.0, 4.0]))
        assert steady_step_seconds(series, contain_eval=False) == 4.0

    @pytest.mark.parametrize("values", [[], [30.0], [30.0, np.nan], [30.0, 0.0], [np.nan, np.nan, np.inf]])
    def test_too_little_is_unknown(self, values: list[float]) -> None:
        """No usable row gives None, never a zero."""
        series = Series("s", np.arange(len(values)), np.asarray(values))
        assert steady_step_seconds(series, contain_eval=True) is None

    def test_a_mask_for_every_row(self) -> None:
        """eval_rows marks multiples of the interval, else the long rows, and copes with nothing."""
        seconds = founding()[0]
        assert eval_rows(seconds, 500).sum() == 21
        assert eval_rows(seconds, None).sum() == 21
        assert eval_rows(NOTHING, None).shape == (0,)


class TestEvalCost:
    def test_from_the_evals_seen(self) -> None:
        """Where the interval is not known, the distance of the evaluations is."""
        cost = eval_cost(founding()[0], 3.909, None, np.arange(0, 20_001, 500))
        assert cost is not None
        assert cost.share == pytest.approx(0.0077, abs=1e-4)

    def test_unknown_without_an_eval(self) -> None:
        """No evaluation seen, no cost; nor is there one where the rows do not contain it."""
        assert eval_cost(founding()[0], 3.909, None) is None
        assert eval_cost(Series("s", np.arange(1, 9), np.ones(8)), 1.0, 4) is None
        assert eval_cost(NOTHING, 1.0, 4) is None
