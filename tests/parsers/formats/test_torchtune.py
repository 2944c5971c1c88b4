"""torchtune's rows, its tensors, its progress bar and its config."""

from __future__ import annotations

import pytest
from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
    run_of,
)
from logs_torchtune import END, START, log
from raw_logs import published

from parsers.clean import clean
from parsers.formats.torchtune import TorchTune
from parsers.records import Notice, Restart

ROW = (
    "Step 5 | loss:0.35119619965553284 lr:1e-06 tokens_per_second_per_gpu:9077.1552734375 "
    "peak_memory_active:85.53374147415161 peak_memory_alloc:85.53374147415161 peak_memory_reserved:104.0546875 "
)


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """All digits are kept, GiB become bytes, and of the three memories the reserved one is taken."""
    assert curves(TorchTune, f"{ROW}\n".encode()) == {
        "train_loss": [(5, 0.35119619965553284)],
        "learning_rate": [(5, 1e-06)],
        "tokens_per_second": [(5, 9077.1552734375)],
        "memory_bytes": [(5, 104.0546875 * 2**30)],
    }


@pytest.mark.parametrize(
    "printed", ["tensor(2.3125, device='cuda:0')", "tensor(2.3125)", "tensor(2.3125, dtype=torch.bfloat16)", "2.3125"]
)
def test_a_tensor_is_its_number(printed: str) -> None:
    """Some recipes log the tensor itself, whose repr has a device; the fields behind it are still read."""
    found = curves(TorchTune, f"Step 3 | loss:1.5 grad_norm:{printed} lr:2e-05 \n".encode())
    assert found == {"train_loss": [(3, 1.5)], "grad_norm": [(3, 2.3125)], "learning_rate": [(3, 2e-05)]}


def test_a_field_that_is_no_number_is_absent() -> None:
    """None and lists say nothing; a loss that is not a number is data."""
    found = curves(TorchTune, b"Step 3 | loss:nan grad_norm:None lr:2e-05 \n")
    assert sorted(found) == ["learning_rate", "train_loss"]
    assert found["train_loss"] == [(3, -12345.678)]


def test_the_first_versions_count_from_0_and_print_bytes() -> None:
    """In early 2024 the first row was step 0 and gpu_resources the allocated bytes."""
    found = curves(TorchTune, b"Step 0 | loss:1.7535516023635864 lr:2e-05 gpu_resources:13708965376 \n")
    assert found["train_loss"] == [(0, 1.7535516023635864)]
    assert found["memory_bytes"] == [(0, 13708965376.0)]


def test_the_progress_bar_tells_the_loss_where_the_rows_go_to_a_file() -> None:
    """With the DiskLogger standard output has the bar alone, drawn again and again; each step counts once."""
    bar = "\r1|{0}|Loss: {1}: {2:3d}%|{3}| {0}/57 [20:46<00:00, 21.88s/it]"
    text = "".join(bar.format(step, 2.0 - 0.01 * step, step, "█" * (step // 6)) * 2 for step in range(1, 58))
    found = curves(TorchTune, f"{text}\n2|58|Loss: 0.5: 0%\n".encode())
    assert [step for step, _ in found["train_loss"]] == list(range(1, 59))
    assert found["train_loss"][-1] == (58, 0.5)
    assert TorchTune.sniff(clean(text.encode())) == 1.0


def test_bars_and_rows_of_the_same_steps_are_one_series() -> None:
    """With the StdoutLogger both are printed: nothing restarts and no step counts twice."""
    text = "".join(
        f"1|{step}|Loss: {2 - step / 8}:   1%|▏ | {step}/99 [00:0{step}<01:00, 1.0it/s]\n"
        f"Step {step} | loss:{2 - step / 8} lr:2e-05 \n"
        for step in range(1, 9)
    ).encode()
    records = read(TorchTune, text)
    assert not [r for r in records if isinstance(r, Restart)]
    assert run_of(records).series("train_loss").values.tolist() == [2 - step / 8 for step in range(1, 9)]


def test_a_validation_loss_is_no_training_loss() -> None:
    """Recipes with a validation set log it as a row of its own."""
    found = curves(
        TorchTune, b"Step 10 | loss:1.5 lr:2e-05 \nStep 10 | val_loss:1.75 \nStep 11 | loss:1.25 lr:2e-05 \n"
    )
    assert found["val_loss"] == [(10, 1.75)]
    assert found["train_loss"] == [(10, 1.5), (11, 1.25)]


def test_the_start_tells_the_plan() -> None:
    """The config is echoed as YAML; null is unknown, and so is how long the samples are."""
    known = facts(TorchTune, START.encode())
    assert (known["batch_size"], known["gradient_accumulation_steps"], known["planned_epochs"]) == (2, 8, 3)
    assert (known["learning_rate"], known["weight_decay"], known["grad_clip"]) == (2e-05, 0.01, 1.0)
    assert known["dtype"] == "bfloat16"
    assert "block_size" not in known
    assert 0 < TorchTune.sniff(START.encode()) < 1


def test_checkpoints_are_noticed() -> None:
    """With the step that was printed before."""
    notices = [r for r in read(TorchTune, log(12)) if isinstance(r, Notice)]
    assert [(n.kind, n.step) for n in notices] == [("checkpoint", 12), ("checkpoint", 12)]
    assert "9.52 seconds" in END


def test_look_alikes_give_nothing() -> None:
    """Other trainers put blanks behind the colon; the logger's own source and prose are no rows."""
    text = (
        b"Step 02000 | Validation bpb: 1.112233\n"
        b"Step 12 | loss: 3.25 | lr: 0.1\n"
        b'        print(f"Step {step} | loss:0.5 ", end="")\n'
        b"as in Step 5 | loss:0.5\n"
        b"step:5|loss: 3.2| norm: 1.0\n"
        b"|Six head|Loss: 0.3750 - Raw Score: 0.3413|\n"
    )
    assert curves(TorchTune, text) == {}
    assert TorchTune.sniff(text) == 0.0


def test_a_second_run_in_the_same_log_opens_a_segment() -> None:
    """Two runs appended to one file."""
    run = run_of(read(TorchTune, log(20) + log(10)))
    assert len(run.segments) == 2
    assert run.series("train_loss").steps.tolist() == list(range(1, 11))


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(TorchTune, log())
    assert_cut_rows_give_no_wrong_number(TorchTune, log())
    assert_survives_noise(TorchTune, log())


def test_a_real_log_is_read() -> None:
    """Twelve rows of a pull request."""
    found = curves(TorchTune, published("torchtune/pr_1358_stdout_logger.txt"))
    assert len(found["train_loss"]) == 12
    assert found["train_loss"][0] == (1, 2.085338592529297)
