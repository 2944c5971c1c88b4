"""llm.c's standard output, its main.log, its box of settings, and what stands between two runs."""

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
from logs_llmc import AFTER_BOX, STEPS_PLANNED, box, log, main_log, step
from raw_logs import published

from parsers.configs.written import LLMC
from parsers.formats.llmc import LlmC
from parsers.records import Notice, Recognised

ROW = (
    "step   10/74 | loss 3.291410 (+0.12z)| norm 0.5231 (-1.02z)| lr 3.00e-04 | 36.58 ms | 9.2% bf16 MFU"
    " | 112241 tok/s\n"
)
PYTHON_ROW = "step   10/74 | train loss 3.291410 | norm 0.5231 | lr 3.00e-04 | (36.58 ms | 112241 tok/s)\n"


def test_a_row_of_the_cuda_trainer_gives_its_metrics_in_si_units() -> None:
    """Milliseconds become seconds, per cent a fraction; the z-scores are no metrics."""
    assert curves(LlmC, ROW.encode()) == {
        "train_loss": [(10, 3.29141)],
        "grad_norm": [(10, 0.5231)],
        "learning_rate": [(10, 3e-4)],
        "step_seconds": [(10, pytest.approx(0.03658))],
        "mfu": [(10, pytest.approx(0.092))],
        "tokens_per_second": [(10, 112241.0)],
    }
    assert facts(LlmC, ROW.encode()) == {"planned_steps": 74}


@pytest.mark.parametrize(
    "row",
    [
        PYTHON_ROW,
        ROW.replace(" (+0.12z)", " ").replace(" (-1.02z)", " ").replace("| loss", "| train loss"),
        ROW.replace("bf16 MFU", "A100 fp16 MFU"),
        ROW.replace("+0.12z", "+nanz").replace("-1.02z", "-infz"),
    ],
)
def test_the_rows_of_other_versions_are_read(row: str) -> None:
    """The Python trainer, the rows before the z-scores came, another name for the MFU, and z-scores of the start."""
    found = curves(LlmC, row.encode())
    assert found["train_loss"] == [(10, 3.29141)]
    assert found["grad_norm"] == [(10, 0.5231)]
    assert found["tokens_per_second"] == [(10, 112241.0)]


def test_an_mfu_of_minus_100_per_cent_is_unknown() -> None:
    """A GPU that is in no table prints -100.0%; the row's other numbers stay."""
    found = curves(LlmC, "".join(step(row, mfu=-100.0) for row in range(40)).encode())
    assert "mfu" not in found
    assert len(found["train_loss"]) == 40


def test_a_loss_that_is_not_a_number_is_kept() -> None:
    """NaN is data: the loss is there, as NaN."""
    found = run_of(read(LlmC, ROW.replace("3.291410", "     nan").encode())).series("train_loss")
    assert found.steps.tolist() == [10]
    assert found.values.tolist() != found.values.tolist()


def test_a_validation_belongs_to_the_updates_before_it() -> None:
    """`val loss` prints no step: the first is of no update, the others of the row before them."""
    found = curves(LlmC, log(60))
    assert [at for at, _ in found["val_loss"]] == [0, 25, 50, 60]
    assert found["train_loss"][0][0] == 1


def test_the_first_validation_of_a_second_run_takes_no_step_of_the_first_run() -> None:
    """Two runs in one file: the one that ends has its last validation, the one that begins its own at step 0."""
    for at_a_time in (None, 1, 7):
        run = run_of(read(LlmC, log(60) + log(30), at_a_time))
        assert [segment.first_step for segment in run.segments] == [0, 0]
        values = dict(curves(LlmC, log(60) + log(30), at_a_time)["val_loss"])
        assert sorted(values) == [0, 25, 30]
        assert values[0] == pytest.approx(10.92)


def test_a_resumed_run_has_its_first_validation_at_its_own_step() -> None:
    """After a box the next row tells the step: a run that goes on from 5000 is measured at 5000."""
    text = box({"resume": 1}) + AFTER_BOX + "val loss 3.300000\n" + step(5000) + step(5001)
    assert curves(LlmC, text.encode())["val_loss"] == [(5000, 3.3)]


def test_a_validation_that_no_row_has_followed_yet_is_held_back() -> None:
    """Before the first row nothing tells the step; when the row comes the value has its place."""
    reader = LlmC()
    assert not any(getattr(r, "columns", None) for r in reader.feed((box() + "val loss 11.010000\n").encode()))
    run = run_of(reader.feed(step(0).encode()))
    assert run.series("val_loss").steps.tolist() == [0]


def test_the_box_tells_the_model_the_batch_and_the_plan() -> None:
    """What train_gpt2.cu prints before its first step becomes facts."""
    known = facts(LlmC, log())
    assert (known["n_layer"], known["n_head"], known["n_embd"]) == (12, 12, 768)
    assert (known["vocab_size"], known["block_size"], known["parameters"]) == (50257, 1024, 124_475_904)
    assert (known["batch_size"], known["gradient_accumulation_steps"], known["tokens_per_step"]) == (64, 8, 524288)
    assert (known["learning_rate"], known["min_lr"]) == (pytest.approx(6e-4), pytest.approx(6e-5))
    assert (known["warmup_steps"], known["schedule"]) == (700, "cosine")
    assert known["weight_decay"] == pytest.approx(0.1)
    assert (known["planned_steps"], known["eval_interval"], known["world_size"]) == (STEPS_PLANNED, 25, 1)
    assert (known["gpu_name"], known["dtype"]) == ("NVIDIA GeForce RTX 4070", "bfloat16")
    assert known["mfu_peak_flops"] == pytest.approx(58.3e12)


def test_defaults_that_are_not_known_yet_are_no_facts() -> None:
    """-1 stands for a default, NULL for no directory: neither is a value."""
    known = facts(
        LlmC,
        box(
            {"total batch size": -1, "output log dir": "NULL", "train_num_batches": -1, "peak TFlops": "-1.0"}
        ).encode(),
    )
    assert not {"tokens_per_step", "out_dir", "planned_steps", "mfu_peak_flops"} & set(known)


def test_the_python_trainer_tells_its_batch_and_its_size() -> None:
    """train_gpt2.py prints a sentence for each."""
    text = "total desired batch size: 524288\n=> calculated gradient accumulation steps: 8\n"
    text += "num decayed parameter tensors: 50, with 124,318,464 parameters\n"
    text += "num non-decayed parameter tensors: 98, with 121,344 parameters\n"
    known = facts(LlmC, (text + PYTHON_ROW).encode())
    assert known["tokens_per_step"] == 524288
    assert known["parameters_decayed"] == 124_318_464
    assert known["parameters_non_decayed"] == 121_344


def test_memory_is_in_bytes() -> None:
    """The CUDA trainer says what is in use once all is allocated; the Python one its peak, at its end."""
    assert curves(LlmC, log())["memory_bytes"] == [(0, 8123 * 2.0**20)]
    found = curves(LlmC, (PYTHON_ROW + "peak memory consumption: 7231 MiB\n").encode())
    assert found["memory_bytes"] == [(10, 7231 * 2.0**20)]


def test_main_log_counts_from_0_and_says_so() -> None:
    """Its steps are kept as printed, and what they mean is told before its first row."""
    records = read(LlmC, main_log(60))
    told = [r for r in records if isinstance(r, Recognised)]
    assert [r.traits.updates_at_train_row for r in told] == [1]
    assert records[0] is told[0]
    assert all(r.traits.updates_at_train_row == 0 for r in read(LlmC, log(60)) if isinstance(r, Recognised))


def test_the_box_tells_how_the_settings_are_written() -> None:
    """train_gpt2.cu takes -b and -d; of main.log, which train_gpt2.py may have written too, nobody knows."""
    told = [r for r in read(LlmC, log(60)) if isinstance(r, Recognised)]
    assert [r.traits.settings for r in told] == [LLMC]
    assert all(r.traits.settings is None for r in read(LlmC, main_log(60)) if isinstance(r, Recognised))
    assert LlmC.traits.updates_at_train_row == 0


def test_main_log_gives_losses_norm_and_rate() -> None:
    """`tel` is the validation loss, `eval` no loss; a learning rate that was rounded to 0 is left out."""
    text = b"s:250 tel:6.4311\ns:250 eval:0.2463\ns:250 trl:6.4002 lr:0.000215 norm:0.91\n"
    text += b"s:251 trl:6.3 lr:0.000000 norm:0.9\n"
    assert curves(LlmC, text) == {
        "val_loss": [(250, 6.4311)],
        "train_loss": [(250, 6.4002), (251, 6.3)],
        "learning_rate": [(250, 0.000215)],
        "grad_norm": [(250, 0.91), (251, 0.9)],
    }


def test_the_shorter_log_of_the_python_trainer_is_read() -> None:
    """train_gpt2.py writes six decimals and neither rate nor norm."""
    assert curves(LlmC, b"s:9535 trl:3.340180\ns:9536 tel:3.275959\n") == {
        "train_loss": [(9535, 3.34018)],
        "val_loss": [(9536, 3.275959)],
    }


def test_a_resumed_main_log_opens_a_segment() -> None:
    """On resume llm.c appends: steps come again, and what came before them is another segment."""
    text = main_log(60) + b"".join(main_log(60).splitlines(keepends=True)[30:])
    assert len(run_of(read(LlmC, text)).segments) == 2


def test_checkpoints_and_the_end_are_noticed() -> None:
    """Both are told with the last step before them."""
    told = [(r.kind, r.step) for r in read(LlmC, log(60)) if isinstance(r, Notice)]
    assert told == [("checkpoint", 30), ("end", 60)]


@pytest.mark.parametrize(
    "line",
    [
        'printf0("step %4d/%d | loss %7.6f (%+.2fz)| norm %6.4f (%+.2fz)| lr %.2e | %.2f ms\\n", step + 1);',
        'f.write("s:%d trl:%f\\n" % (step, lossf))',
        "# it prints s:10 trl:3.1 lr:0.1 norm:0.2 for each step",
        'it said "step 10/74 | loss 3.29 (+0.12z)| norm 0.52 (-1.02z)| lr 3e-04 | 36 ms | 9.2% bf16 MFU | 1 tok/s"',
        "the final val loss 3.28 was lower",
        "step 00010/00074 (1.00%) | loss: 3.291410 | lrm: 1.00 | dt: 36.58ms | tok/sec: 112,241",
        "step    10 | loss: 4.162544 | lr 5.8923e-04 | norm: 0.4840 | dt: 17826.65ms | tok/sec: 29410.34",
    ],
)
def test_code_prose_and_other_trainers_are_no_rows(line: str) -> None:
    """They give no points, and the log is not taken for llm.c's."""
    text = f"{line}\n".encode()
    assert curves(LlmC, text) == {}
    assert LlmC.sniff(text) == 0.0


def test_both_logs_are_recognised() -> None:
    """A few rows, or the lines of the start alone, leave no doubt."""
    assert LlmC.sniff(log(5)) == 1.0
    assert LlmC.sniff(main_log(5)) == 1.0
    assert LlmC.sniff((box() + AFTER_BOX).encode()) >= 0.5
    assert LlmC.sniff(b"".join(log(60).splitlines(keepends=True)[-20:])) == 1.0


@pytest.mark.parametrize("text", [log(), main_log()])
def test_cuts_junk_margins_and_noise_change_nothing(text: bytes) -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(LlmC, text)
    assert_cut_rows_give_no_wrong_number(LlmC, text)
    assert_survives_noise(LlmC, text)


@pytest.mark.parametrize(
    ("path", "train", "val"),
    [
        ("llmc/main_log_gpt2_124M_fineweb10B.log", 19560, 80),
        ("modded-nanogpt/2024-06-06_AdamW.log", 9536, 76),
    ],
)
def test_real_logs_are_read_to_the_last_row(path: str, train: int, val: int) -> None:
    """Real runs give each of their rows, and one segment."""
    run = run_of(read(LlmC, published(path)))
    assert (len(run.series("train_loss")), len(run.series("val_loss"))) == (train, val)
    assert len(run.segments) == 1
