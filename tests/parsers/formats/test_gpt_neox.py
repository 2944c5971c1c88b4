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


@pytest.mark.parametrize(("unit", "scale"), [("GFLOPS", 1e9), ("MFLOPS", 1e6), ("", 1.0)])
def test_flops_have_the_unit_that_keeps_them_below_a_thousand(unit: str, scale: float) -> None:
    """A small model on a CPU shows GFLOPS."""
    found = curves(GptNeoX, (ROW.format(unit=unit) + "\n").encode())
    assert dict(found["tflops"]) == pytest.approx({2: 9.1 * scale})


def test_flops_in_an_unknown_unit_are_left_out() -> None:
    """Better none than a million times too few; the rest of the row stands."""
    found = curves(GptNeoX, (ROW.format(unit="EFLOPS") + "\n").encode())
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


def test_the_dump_tells_schedule_and_precision() -> None:
    """A warm-up below 1 is a share of the run; a dictionary is no optimiser's name, optimizer_type is."""
    added = (
        "  lr .............................. 0.00016.....................updated\n"
        "  warmup .......................... 0.01........................default\n"
        "  train_iters ..................... 55000.......................updated\n"
        "  precision ....................... fp16........................default\n"
        "  optimizer ....................... {'type': 'Adam', 'params': {'lr': 0.00016}}updated\n"
        "  optimizer_type .................. adam........................default\n"
        "  dynamic_loss_scale .............. True\n"
        "---------------- end"
    )
    known = facts(GptNeoX, START.replace("---------------- end", added).encode())
    assert (known["learning_rate"], known["warmup_steps"], known["decay_steps"]) == (0.00016, 550, 55_000)
    assert (known["dtype"], known["optimizer"], known["tokens_per_step"]) == ("float16", "adam", 512 * 2048)


def test_memory_is_told_after_the_first_row() -> None:
    """PyTorch's most reserved, in MiB."""
    said = (
        "after 2 iterations memory (MB) | allocated: 19278.6044921875 | max allocated: 27906.7255859375 |"
        " reserved: 28864.0 | max reserved: 35216.0\n"
    )
    text = (ROW.format(unit="TFLOPS") + "\n" + said).encode()
    assert curves(GptNeoX, text)["memory_bytes"] == [(2, 35216.0 * 2**20)]


def test_the_validations_of_2021_are_read_and_are_no_megatron_log() -> None:
    """They had Megatron's own words then."""
    said = " validation loss at iteration 1000 | lm loss value: 2.300000E+00 | lm loss PPL: 9.97E+00 | \n"
    text = (ROW.format(unit="TFLOPS") + "\n").encode() * 3 + said.encode() * 9
    assert curves(GptNeoX, text)["val_loss"] == [(1000, 2.3)]
    found = recognise(text)
    assert found is not None
    assert found[0] is GptNeoX


def test_it_is_recognised_before_its_first_row() -> None:
    """DeepSpeed prints every tenth step, GPT-NeoX perhaps every hundredth."""
    start = (
        "NeoXArgs.from_ymls() ['configs/1B.yml']\n"
        "INFO:root:NeoXArgs.calculate_derived() Total number of GPUs determined to be: 8\n"
        "NeoXArgs.configure_distributed_args() using world size: 8 and model-parallel size: 1 \n"
    )
    step = "[INFO] [logging.py:96:log_dist] [Rank 0] step=10, skipped=0, lr=[2.4e-05], mom=[[0.9, 0.95]]\n"
    text = (start + START + step * 9).encode()
    found = recognise(text)
    assert found is not None
    assert found[0] is GptNeoX
    assert facts(GptNeoX, text)["world_size"] == 8


def test_source_and_prose_are_no_rows() -> None:
    """The format string, and a row that somebody quotes."""
    source = (
        'log_string = " samples/sec: {:.3f} |".format(samples_per_sec)\n'
        f'print("{ROW.format(unit="TFLOPS")}")\n'
        f"It printed {ROW.format(unit='TFLOPS').strip()}\n"
    ).encode()
    assert curves(GptNeoX, source) == {}
    assert GptNeoX.sniff(source) == 0


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
