"""GPT-NeoX's rows, its start and the DeepSpeed lines between them."""

from __future__ import annotations

import pytest
from format_checks import assert_cut_rows_give_no_wrong_number, assert_sturdy, assert_survives_noise, curves, facts
from logs_gpt_neox import START, log

from parsers.formats import recognise
from parsers.formats.gpt_neox import GptNeoX

ROW = (
    " samples/sec: 2.721 | iteration        2/   55000 | elapsed time per iteration (ms): 11761.2 |"
    " learning rate: 2.424E-09 | approx flops per GPU: 9.1{unit} | lm_loss: 1.105449E+01 |"
    " number of skipped iterations:   0 | number of nan iterations:   0 |"
)


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """The unit is glued to the FLOP/s of one GPU."""
    assert curves(GptNeoX, (ROW.format(unit="TFLOPS") + "\n").encode()) == {
        "step_seconds": [(2, pytest.approx(11.7612))],
        "learning_rate": [(2, 2.424e-9)],
        "tflops": [(2, pytest.approx(9.1e12))],
        "train_loss": [(2, 11.05449)],
    }


def test_flops_in_another_unit_are_not_misread() -> None:
    """A small model on a CPU shows GFLOPS: better none than a thousand times too many."""
    found = curves(GptNeoX, (ROW.format(unit="GFLOPS") + "\n").encode())
    assert "tflops" not in found
    assert found["train_loss"] == [(2, 11.05449)]


def test_the_start_and_the_rows_tell_model_and_plan() -> None:
    """The dump says `name ...... value.....updated`."""
    known = facts(GptNeoX, log(2))
    assert (known["n_layer"], known["n_embd"], known["block_size"], known["batch_size"]) == (24, 2048, 2048, 4)
    assert (known["global_batch_size"], known["parameters"], known["planned_steps"]) == (512, 1_414_647_808, 55_000)


def test_validations_stand_at_their_own_iteration() -> None:
    """`validation results at iteration N`."""
    assert [step for step, _ in curves(GptNeoX, log(30))["val_loss"]] == [100, 200, 300]


def test_deepspeeds_lines_between_the_rows_do_not_decide() -> None:
    """Each row has one before it."""
    found = recognise(log(10))
    assert found is not None
    assert found[0] is GptNeoX
    assert GptNeoX.sniff(START.encode()) > 0


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(GptNeoX, log())
    assert_cut_rows_give_no_wrong_number(GptNeoX, log())
    assert_survives_noise(GptNeoX, log())
