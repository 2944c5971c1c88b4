"""nanochat's rows since 2025, its evaluations, its start, and the stages that one log may hold."""

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
    wrapped,
)
from logs_nanochat import START, log, step
from raw_logs import published

from parsers.formats.nanochat import Nanochat
from parsers.records import Notice

ROW = (
    "step 01999/05000 (39.98%) | loss: 3.708102 | lrm: 0.93 | dt: 316.95ms | tok/sec: 103,385 | bf16_mfu: 41.50"
    " | epoch: 1 pq: 1 rg: 53 | total time: 10.49m | eta: 15.8m"
)
OCTOBER = (
    "step 00004/21400 (0.02%) | loss: 8.893647 | lrm: 1.00 | dt: 989.44ms | tok/sec: 529,882 | mfu: 74.13"
    " | total time: 0.00m"
)
OCTOBER_VALUES = {"train_loss": 8.893647, "mfu": 0.7413, "step_seconds": 0.98944, "tokens_per_second": 529882.0}
MID = (
    "step 00004 (103.27%) | loss: 1.250000 | lrm: -0.01 | dt: 500.00ms | tok/sec: 1,048,576 | mfu: 0.00"
    " | epoch: 1 | total time: 0.00m"
)
RESEARCH = (
    "step 00004 (1.5%) | loss: 5.250000 | lrm: 1.00 | dt: 300ms | tok/sec: 1,747,626 | mfu: 39.8% | epoch: 0"
    " | remaining: 295s    "
)


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """Milliseconds become seconds, per cent a fraction; the multiplier lrm is no learning rate."""
    assert curves(Nanochat, f"{ROW}\n".encode()) == {
        "train_loss": [(1999, 3.708102)],
        "step_seconds": [(1999, pytest.approx(0.31695))],
        "tokens_per_second": [(1999, 103385.0)],
        "mfu": [(1999, pytest.approx(0.415))],
    }
    assert facts(Nanochat, f"{ROW}\n".encode()) == {"planned_steps": 5000}


def test_an_mfu_of_0_is_unknown() -> None:
    """A GPU that is in no table has a peak of inf: 0.00 says nothing, and inf is no fact."""
    rows = "".join(step(row, mfu=0.0) + "\n" for row in range(40))
    start = START.replace("9.89e+14", "inf")
    assert "mfu" not in curves(Nanochat, (start + rows).encode())
    assert len(curves(Nanochat, (start + rows).encode())["train_loss"]) == 40
    known = facts(Nanochat, (start + rows).encode())
    assert known["gpu_name"] == "NVIDIA H100 80GB HBM3"
    assert "mfu_peak_flops" not in known


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (OCTOBER, OCTOBER_VALUES),
        (OCTOBER.replace("| lrm", "| grad norm: 0.4321 | lrm"), OCTOBER_VALUES | {"grad_norm": 0.4321}),
        (MID, {"train_loss": 1.25, "step_seconds": 0.5, "tokens_per_second": 1048576.0}),
        (RESEARCH, {"train_loss": 5.25, "step_seconds": 0.3, "tokens_per_second": 1747626.0, "mfu": 0.398}),
        ("Step 00004/00701 | Training loss: 1.250000| lrm: 0.994294| num_tokens: 10,112", {"train_loss": 1.25}),
    ],
    ids=["october 2025", "with norms", "midtraining", "autoresearch", "finetuning of 2025"],
)
def test_the_rows_of_other_versions_and_stages_are_read(row: str, expected: dict[str, float]) -> None:
    """Norms came and went, the MFU had another name, later stages print no plan and more than 100 %."""
    found = curves(Nanochat, f"{row}\n".encode())
    assert {step for points in found.values() for step, _ in points} == {4}
    assert {name: points[0][1] for name, points in found.items()} == pytest.approx(expected)


def test_a_loss_that_is_not_a_number_is_kept() -> None:
    """NaN is data, and stays for ever in a running mean."""
    found = run_of(read(Nanochat, f"{ROW.replace('3.708102', 'nan')}\n".encode())).series("train_loss")
    assert found.steps.tolist() == [1999]
    assert found.values.tolist() != found.values.tolist()


def test_evaluations_are_bits_per_byte_before_the_update() -> None:
    """`Step` with a capital is an evaluation; it is no loss in nats and stands before its step's row."""
    found = curves(Nanochat, log(60))
    assert [at for at, _ in found["val_bpb"]] == [0, 25, 50, 60]
    assert "val_loss" not in found
    assert [at for at, _ in found["train_loss"]] == list(range(60))
    assert len(run_of(read(Nanochat, log(60))).segments) == 1


def test_a_validation_loss_of_finetuning_is_read() -> None:
    """The finetuning of 2025 validates in nats a token."""
    assert curves(Nanochat, b"Step 00100 | Validation loss: 1.031250\n") == {"val_loss": [(100, 1.03125)]}


def test_the_start_tells_the_model_the_gpu_and_the_plan() -> None:
    """What is printed before the first row becomes facts."""
    known = facts(Nanochat, log())
    assert (known["parameters"], known["vocab_size"]) == (286_261_992, 32768)
    assert (known["n_layer"], known["n_head"], known["n_kv_head"], known["n_embd"]) == (12, 6, 6, 768)
    assert (known["batch_size"], known["block_size"], known["world_size"]) == (32, 2048, 8)
    assert (known["tokens_per_step"], known["gradient_accumulation_steps"]) == (524288, 1)
    assert (known["planned_steps"], known["planned_tokens"]) == (2520, 1_321_205_760)
    assert (known["gpu_name"], known["mfu_peak_flops"], known["dtype"]) == (
        "NVIDIA H100 80GB HBM3",
        9.89e14,
        "bfloat16",
    )


def test_the_start_of_2025_is_read() -> None:
    """The first versions printed the shape as words, and the parameters without their parts."""
    text = "Vocab size: 65,536\nnum_layers: 20\nmodel_dim: 1280\nnum_heads: 10\nnum_kv_heads: 10\n"
    text += "Number of parameters: 560,988,160\nEstimated FLOPs per token: 3.491758e+09\n"
    text += "Calculated number of iterations from target data:param ratio: 21,400\n"
    known = facts(Nanochat, text.encode())
    assert (known["n_layer"], known["n_head"], known["n_embd"], known["vocab_size"]) == (20, 10, 1280, 65536)
    assert (known["parameters"], known["planned_steps"]) == (560_988_160, 21400)


def test_memory_checkpoint_and_end_are_told() -> None:
    """MiB become bytes; on a CPU the peak is 0, which is no value."""
    assert curves(Nanochat, log(60))["memory_bytes"] == [(60, 9436.49 * 2**20)]
    assert [r.kind for r in read(Nanochat, log(60)) if isinstance(r, Notice)] == ["checkpoint", "end"]
    assert "memory_bytes" not in curves(Nanochat, f"{ROW}\nPeak memory usage: 0.00MiB\n".encode())


def test_rows_that_a_terminal_wrapped_are_whole() -> None:
    """At 100 columns the MFU's value stands on the next line, behind a blank or not."""
    text = "".join(step(row) + "\n" for row in range(500, 560)).encode()
    for width in (80, 90, 97, 100, 104):
        assert curves(Nanochat, wrapped(text, width)) == curves(Nanochat, text)
        assert curves(Nanochat, wrapped(text, width, stripped=True)) == curves(Nanochat, text)


def test_stages_and_resumed_runs_are_segments() -> None:
    """Finetuning in the same log counts from 0 again; a run that goes on says so."""
    stages = run_of(read(Nanochat, log(60) + b"step 00000 (0.00%) | loss: 1.500000 | lrm: 1.00 | dt: 500.00ms\n"))
    assert [segment.first_step for segment in stages.segments] == [0, 0]
    again = b"Resuming optimization from step 60\n" + (step(60) + "\n").encode()
    records = read(Nanochat, log(60) + again)
    assert len(run_of(records).segments) == 2
    assert [r.text for r in records if isinstance(r, Notice) and r.kind == "resume"] == [
        "Resuming optimization from step 60"
    ]


@pytest.mark.parametrize(
    "line",
    [
        'print0(f"step {step:05d}/{num_iterations:05d} ({pct:.2f}%) | loss: {loss:.6f} | lrm: {lrm:.2f}")',
        f'"{ROW}"',
        f"# {ROW}",
        "Step 00250 | CORE metric: 0.1724",
        "step  1000 | loss: 4.162544 | lr 5.8923e-04 | norm: 0.4840 | dt: 17826.65ms | tok/sec: 29410.34",
        "step   10/74 | loss 3.291410 (+0.12z)| norm 0.5231 (-1.02z)| lr 3.00e-04 | 36.58 ms | 9.2% bf16 MFU | 1 tok/s",
        "Step 00012/00466 | Average reward: 0.25 | Average sequence length: 120.00",
        '  "n_layer": 12,',
    ],
)
def test_code_prose_and_other_trainers_are_no_rows(line: str) -> None:
    """They give no points, and the log is not taken for nanochat's."""
    assert curves(Nanochat, f"{line}\n".encode()) == {}
    assert Nanochat.sniff(f"{line}\n".encode()) == 0.0


def test_it_is_recognised_by_its_rows_and_by_its_start() -> None:
    """A few rows, or the lines of the start alone, leave no doubt."""
    assert Nanochat.sniff("".join(step(row) + "\n" for row in range(5)).encode()) == 1.0
    assert Nanochat.sniff(START.encode()) >= 0.5


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Nanochat, log())
    assert_cut_rows_give_no_wrong_number(Nanochat, log())
    assert_cut_rows_give_no_wrong_number(Nanochat, "".join(step(row) + "\n" for row in range(40)).encode())
    assert_survives_noise(Nanochat, log())


@pytest.mark.parametrize(
    ("path", "train", "val", "last"),
    [
        ("mi300x_d24.log", 209, 1, 208),
        ("mi300x_d24_fa2_fp8.log", 35, 1, 34),
        ("pr_147_a100_mfu_fix.txt", 5, 0, 8),
        ("rtx4070_d12_tmux_wrapped.log", 981, 1, 86999),
    ],
)
def test_real_logs_are_read_to_the_last_row(path: str, train: int, val: int, last: int) -> None:
    """Real runs give each of their rows, those that a terminal wrapped too."""
    run = run_of(read(Nanochat, published(f"nanochat/{path}")))
    assert (len(run.series("train_loss")), len(run.series("val_bpb"))) == (train, val)
    assert (run.series("train_loss").steps[-1], len(run.segments)) == (last, 1)
