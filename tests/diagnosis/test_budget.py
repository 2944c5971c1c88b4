"""The laws against the published tables and against runs that were really trained."""

from __future__ import annotations

import math
from statistics import mean, stdev

import pytest

from diagnosis.budget import (
    BESIROGLU,
    FINEWEB,
    FINEWEB_EDU,
    FINEWEB_MODERN,
    MUENNIGHOFF,
    OPENWEBTEXT,
    Budget,
    Fit,
    Offset,
    budget_of,
    compute_optimal,
    dataset_offset,
    effective_tokens,
    epoch_value,
    fitted_loss,
    repetition_cost,
)
from diagnosis.model import ModelSize, Shape, size_of

SMALL, GPT2 = 40.56e6, 123.6e6


def size(parameters: float) -> ModelSize:
    """A size with the count alone."""
    made = size_of(Shape(), flag_params=parameters)
    assert made is not None
    return made


def budget(parameters: float = SMALL, seen: float | None = 10.49e9, dataset: str | None = None) -> Budget:
    """A budget on GPT-2's vocabulary."""
    made = budget_of(size(parameters), tokens_seen=seen, dataset=dataset, vocab_size=50304)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("fit", "row"),
    [
        (BESIROGLU, (3.604, 3.412, 3.355, 3.316, 3.136, 3.006)),
        (MUENNIGHOFF, (3.615, 3.437, 3.385, 3.320, 3.154, 3.034)),
    ],
)
def test_predicted_losses(fit: Fit, row: tuple[float, ...]) -> None:
    """Both fits give the losses tabulated for 40.56M and 123.6M parameters, to the third digit."""
    points = [(SMALL, 3.15e9), (SMALL, 7.6e9), (SMALL, 10.49e9), (GPT2, 2.5e9), (GPT2, 5.24e9), (GPT2, 10.49e9)]
    assert [fit.loss(*point) for point in points] == pytest.approx(row, abs=0.0011)


def test_limit_of_infinite_data() -> None:
    """40.56M parameters end at 2.905 whatever the data."""
    assert fitted_loss(SMALL, 1e30) == pytest.approx(2.905, abs=1e-3)


def test_the_optimum_is_a_minimum() -> None:
    """At fixed FLOPs, less and more parameters than the optimal ones are both worse."""
    flops = 6 * SMALL * 7.6e9
    parameters, tokens = compute_optimal(flops)
    assert 6 * parameters * tokens == pytest.approx(flops)
    assert parameters == pytest.approx(110.5e6, rel=0.01)
    for other in (0.9 * parameters, 1.1 * parameters):
        assert fitted_loss(other, flops / 6 / other) > fitted_loss(parameters, tokens)


def test_optimal_tokens_of_a_size() -> None:
    """The fit wants 27 tokens per parameter at 40M, and the two optima are each other's inverse."""
    tokens = BESIROGLU.optimal_tokens(40e6)
    assert tokens / 40e6 == pytest.approx(26.5, abs=0.5)
    assert BESIROGLU.optimal_parameters(tokens) == pytest.approx(40e6)


@pytest.mark.parametrize(
    ("measured", "parameters", "tokens", "offset"),
    [
        (3.2722, 124e6, 10.26e9, FINEWEB),
        (2.9282, 355e6, 31.5e9, FINEWEB),
        (3.6087, 40.56e6, 10.49e9, FINEWEB),
        (3.379, 123.59e6, 5.77e9, FINEWEB),
        (3.276, 124e6, 5.0e9, FINEWEB_MODERN),
        (3.5576, 30.4e6, 10.0e9, FINEWEB_EDU),
        (3.0663, 124e6, 10.0e9, FINEWEB_EDU),
        (2.9147, 254e6, 10.0e9, FINEWEB_EDU),
        (2.85, 124e6, 295e9, OPENWEBTEXT),
    ],
)
def test_real_runs_end_within_their_band(measured: float, parameters: float, tokens: float, offset: Offset) -> None:
    """Each annealed run that the offsets were calibrated on lies inside its band."""
    assert abs(measured - fitted_loss(parameters, tokens) - offset.value) <= offset.half_width


class TestDataset:
    @pytest.mark.parametrize("name", ["fineweb", "fineweb10B", "FineWeb", "data/fineweb10B/fineweb_train_*.bin"])
    def test_fineweb_is_known_by_its_names(self, name: str) -> None:
        """FineWeb is recognised as a name, a folder or a pattern."""
        assert dataset_offset(name, 50304) is FINEWEB

    @pytest.mark.parametrize("name", ["fineweb-edu", "fineweb_edu", "edu_fineweb10B", "HuggingFaceFW/fineweb-edu"])
    def test_fineweb_edu_is_another_one(self, name: str) -> None:
        """FineWeb-Edu has its own offset."""
        assert dataset_offset(name, 50257) is FINEWEB_EDU

    @pytest.mark.parametrize("name", ["openwebtext", "OpenWebText", "data/openwebtext", "owt"])
    def test_openwebtext(self, name: str) -> None:
        """OpenWebText is recognised, also by its short name."""
        assert dataset_offset(name, 50304) is OPENWEBTEXT

    @pytest.mark.parametrize("name", [None, "", "shakespeare_char", "fineweb-2", "fineweb2", "openwebtext2", "pile"])
    def test_unknown_data_have_no_offset(self, name: str | None) -> None:
        """A data set without calibration has no absolute expectation, nor have namesakes with other data."""
        assert dataset_offset(name, 50304) is None

    @pytest.mark.parametrize("vocabulary", [None, 65, 256, 32000, 100277])
    def test_other_tokenizers_have_no_offset(self, vocabulary: int | None) -> None:
        """Losses per token of another tokenizer are not compared."""
        assert dataset_offset("fineweb", vocabulary) is None

    def test_modern_recipe(self) -> None:
        """A tuned recipe on FineWeb is expected 0.13 lower."""
        tuned = dataset_offset("fineweb", 50304, modern_recipe=True)
        assert tuned is FINEWEB_MODERN
        assert tuned.value < FINEWEB.value


class TestRepetition:
    @pytest.mark.parametrize(
        ("unique", "cost"),
        [(0.1e9, 0.557), (0.25e9, 0.204), (0.5e9, 0.080), (0.7e9, 0.050), (1e9, 0.031), (3.5e9, 0.003)],
    )
    def test_cost_of_the_founding_run(self, unique: float, cost: float) -> None:
        """41M parameters on 7.6B tokens lose what Muennighoff's law gives for each size of the data."""
        assert repetition_cost(41e6, 7.6e9, unique) == pytest.approx(cost, abs=0.0015)

    @pytest.mark.parametrize(("epoch", "value"), [(1, 1.0), (2, 0.94), (4, 0.82), (8, 0.63), (16, 0.38)])
    def test_value_of_a_token(self, epoch: int, value: float) -> None:
        """A token loses worth with each epoch."""
        assert epoch_value(epoch) == pytest.approx(value, abs=0.006)

    def test_first_epoch_is_free(self) -> None:
        """Up to one epoch every token is fresh."""
        assert effective_tokens(1e9, 1e9) == 1e9
        assert effective_tokens(0.5e9, 1e9) == 0.5e9
        assert repetition_cost(41e6, 1e9, 1e9) == 0

    def test_worth_is_bounded(self) -> None:
        """Endless epochs are worth 1 + R_D fresh ones."""
        assert effective_tokens(1e15, 1e9) == pytest.approx(16.387756e9)


class TestBudget:
    def test_founding_run(self) -> None:
        """20,001 steps of 524,288 tokens are 12.9 x 20 N; doubling them buys 0.1 nats."""
        found = budget(40_560_000, 20_001 * 524_288, "fineweb")
        assert found.ratio == pytest.approx(12.93, abs=0.005)
        assert found.optimal_tokens == 811_200_000
        assert found.loss_gain_doubling_tokens == pytest.approx(0.101, abs=0.002)
        assert found.expected_loss is not None
        band = found.expected_loss.band
        assert band.low < 3.6087 < band.high
        assert band.high - band.low <= 0.101

    def test_at_step_14500(self) -> None:
        """At 7.6B tokens doubling buys 0.113 and the same FLOPs would buy 0.096 at 111M parameters."""
        found = budget(seen=7.6e9)
        assert found.loss_gain_doubling_tokens == pytest.approx(0.113, abs=0.001)
        assert found.overtraining_cost == pytest.approx(0.096, abs=0.002)

    def test_planned_tokens_stand_in_before_the_start(self) -> None:
        """A plan without a single step has its expectation."""
        found = budget_of(size(SMALL), tokens_seen=None, tokens_planned=10.49e9, dataset="fineweb", vocab_size=50304)
        assert found is not None
        assert found.ratio is None
        assert found.planned_ratio == pytest.approx(12.93, abs=0.01)
        assert found.expected_loss is not None

    def test_repetition_enters_everything(self) -> None:
        """Known unique tokens give epochs and a cost, which the expectation includes; doubling is worth less."""
        plain = budget(dataset="fineweb")
        repeated = budget_of(size(SMALL), tokens_seen=10.49e9, unique_tokens=0.5e9, dataset="fineweb", vocab_size=50304)
        assert repeated is not None
        assert repeated.epochs == pytest.approx(20.98)
        assert repeated.repetition_cost is not None
        assert repeated.expected_loss is not None
        assert plain.expected_loss is not None
        shift = repeated.expected_loss.band.value - plain.expected_loss.band.value
        assert shift == pytest.approx(repeated.repetition_cost)
        assert repeated.loss_gain_doubling_tokens is not None
        assert plain.loss_gain_doubling_tokens is not None
        assert 0 <= repeated.loss_gain_doubling_tokens < plain.loss_gain_doubling_tokens / 2

    def test_unknown_size_is_none(self) -> None:
        """Without a size there is no budget."""
        assert budget_of(None, tokens_seen=1e9) is None
        assert budget_of(size_of(Shape(), claimed=1e6), tokens_seen=1e9) is None

    @pytest.mark.parametrize(("parameters", "known"), [(9.9e6, False), (10.1e6, True), (0.99e9, True), (1.01e9, False)])
    def test_absolute_expectation_only_near_its_calibration(self, parameters: float, known: bool) -> None:
        """Below 10M and above 1B parameters no absolute loss is promised."""
        assert (budget(parameters, 30 * parameters, "fineweb").expected_loss is not None) is known

    @pytest.mark.parametrize(("per_parameter", "known"), [(4.9, False), (5.1, True)])
    def test_no_expectation_in_the_first_fall(self, per_parameter: float, known: bool) -> None:
        """Below 5 tokens per parameter the law does not describe a run."""
        assert (budget(SMALL, per_parameter * SMALL, "fineweb").expected_loss is not None) is known

    @pytest.mark.parametrize(
        ("parameters", "vocabulary", "known"),
        [
            (9.9e6, 50304, False),
            (10.1e6, 50304, True),
            (99e9, 50304, True),
            (101e9, 50304, False),
            (10.1e6, 999, False),
            (10.1e6, 1000, True),
            (10.1e6, None, True),
        ],
    )
    def test_the_laws_are_silent_outside_what_they_were_fitted_on(
        self, parameters: float, vocabulary: int | None, known: bool
    ) -> None:
        """Of too small and too large models, bytes and characters the ratio and the epochs hold, and no loss."""
        found = budget_of(
            size(parameters), tokens_seen=15 * parameters, unique_tokens=parameters, vocab_size=vocabulary
        )
        assert found is not None
        assert found.ratio == pytest.approx(0.75)
        assert found.epochs == pytest.approx(15)
        for nats in (found.loss_gain_doubling_tokens, found.overtraining_cost, found.repetition_cost):
            assert (nats is not None) is known

    @pytest.mark.parametrize(("per_parameter", "known"), [(0.99, False), (1.01, True)])
    def test_no_gain_in_the_first_fall(self, per_parameter: float, known: bool) -> None:
        """Below one token per parameter the differences of the law are of no run."""
        found = budget(SMALL, per_parameter * SMALL)
        assert (found.loss_gain_doubling_tokens is not None) is known
        assert (found.overtraining_cost is not None) is known

    @pytest.mark.parametrize("seen", [None, 0.0, -1.0, math.inf])
    def test_no_tokens_no_expectation(self, seen: float | None) -> None:
        """Without a token seen or planned nothing is expected."""
        assert budget(SMALL, seen, "fineweb").expected_loss is None


@pytest.mark.parametrize(
    ("offset", "measured", "student"),
    [(FINEWEB, (0.265, 0.298, 0.257, 0.265), 2.353), (FINEWEB_EDU, (0.079, 0.055, 0.065), 2.920)],
    ids=["FineWeb", "FineWeb-Edu"],
)
def test_a_half_width_holds_9_of_10_further_runs(offset: Offset, measured: tuple[float, ...], student: float) -> None:
    """Student's t at 90 % times the scatter of the runs that were measured, and of their mean."""
    width = student * stdev(measured) * math.sqrt(1 + 1 / len(measured))
    assert offset.half_width == pytest.approx(width, rel=0.1)
    assert offset.value == pytest.approx(mean(measured), abs=0.01)


def test_one_run_knows_no_more_than_several() -> None:
    """Its data set's band is at least as wide as FineWeb's, and no wider than what two recipes differ by."""
    for offset in (FINEWEB_MODERN, OPENWEBTEXT):
        assert FINEWEB.half_width <= offset.half_width < (FINEWEB.value - FINEWEB_MODERN.value) / 2
