"""mlx-lm's rows of named fields, its table of 2026, its start, and the bars that rows are glued to."""

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
from logs_mlx_lm import HEADER, PANEL, START, log, table
from raw_logs import published

from parsers.formats.mlx_lm import MlxLM
from parsers.records import Notice

ROW = (
    "Iter 25: Train loss 1.593, Learning Rate 7.000e-05, It/sec 0.800, Tokens/sec 387.697, Trained Tokens 9699,"
    " Peak mem 8.104 GB"
)


def test_a_row_gives_its_metrics_in_si_units() -> None:
    """Iterations a second become seconds a step, GB are 10^9 bytes."""
    assert curves(MlxLM, f"{ROW}\n".encode()) == {
        "train_loss": [(25, 1.593)],
        "learning_rate": [(25, 7e-5)],
        "step_seconds": [(25, 1.25)],
        "tokens_per_second": [(25, 387.697)],
        "tokens": [(25, 9699.0)],
        "memory_bytes": [(25, 8.104 * 1e9)],
    }


def test_rates_that_were_rounded_to_0_are_unknown() -> None:
    """0.000 iterations a second is slower than it can print, and no time of a step; the row's rest stays."""
    found = curves(MlxLM, f"{ROW.replace('0.800', '0.000').replace('387.697', '0.000')}\n".encode())
    assert not {"step_seconds", "tokens_per_second"} & set(found)
    assert found["train_loss"] == [(25, 1.593)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Iter 25: Train loss 1.593, It/sec 0.800, Tokens/sec 387.697", {"tokens_per_second": 387.697}),
        (ROW.replace("1.593, ", "1.593, Accuracy 0.750, Margin 0.120, "), {"learning_rate": 7e-5}),
        (ROW.replace(" Peak", " Avg Grad Norm 0.912, Peak"), {"grad_norm": 0.912, "memory_bytes": 8.104 * 1e9}),
        (f"  1%|▊   | 20/1000 [00:32<53:42,  3.25s/it, Loss=3.4, LR=1.00e-04]{ROW}", {"tokens": 9699.0}),
        (f"\x1b[92m{ROW}\x1b[0m", {"tokens": 9699.0}),
    ],
    ids=["2023", "preference training", "norms", "glued to a bar", "coloured"],
)
def test_the_rows_of_other_versions_are_read(row: str, expected: dict[str, float]) -> None:
    """Fewer fields, further ones, and what stands before the row."""
    found = curves(MlxLM, f"{row}\n".encode())
    assert found["train_loss"] == [(25, 1.593)]
    assert found["step_seconds"] == [(25, 1.25)]
    assert {name: found[name] for name in expected} == {name: [(25, value)] for name, value in expected.items()}


def test_a_loss_that_is_not_a_number_is_kept() -> None:
    """NaN is data: the loss is there, as NaN."""
    found = run_of(read(MlxLM, f"{ROW.replace('1.593', 'nan')}\n".encode())).series("train_loss")
    assert found.steps.tolist() == [25]
    assert found.values.tolist() != found.values.tolist()


def test_validations_stand_at_their_iteration() -> None:
    """A validation with N is measured before update N, a row with N printed after it."""
    found = curves(MlxLM, log(60))
    assert [step for step, _ in found["val_loss"]] == [1, 200, 400, 600]
    assert [step for step, _ in found["train_loss"]] == list(range(10, 601, 10))
    assert (MlxLM.traits.updates_at_train_row, MlxLM.traits.updates_at_eval_row) == (0, -1)


def test_validations_after_their_iterations_row_are_no_restart() -> None:
    """The versions of 2023 validated after the update: the same step twice, in either order, is one run."""
    text = f"{ROW}\nIter 25: Val loss 1.600, Val took 17.177s\n" + f"{ROW.replace('Iter 25', 'Iter 50')}\n"
    run = run_of(read(MlxLM, text.encode()))
    assert len(run.segments) == 1
    assert run.series("val_loss").steps.tolist() == [25]


def test_the_table_of_2026_gives_loss_speed_and_tokens() -> None:
    """Its columns have no names on the rows; thousands of tokens become tokens."""
    text = HEADER + "      25    1.593 ▼      388      9.7k\n    1200    1.700 ▲    1,388    465.6k\n"
    assert curves(MlxLM, text.encode()) == {
        "train_loss": [(25, 1.593), (1200, 1.7)],
        "tokens_per_second": [(25, 388.0), (1200, 1388.0)],
        "tokens": [(25, pytest.approx(9700.0)), (1200, pytest.approx(465_600.0))],
    }


def test_the_validations_of_the_table_are_read() -> None:
    """`val` stands where the loss of training stands otherwise."""
    found = curves(MlxLM, table(60))
    assert [step for step, _ in found["val_loss"]] == [1, 200, 400, 600]
    assert len(found["train_loss"]) == 60


def test_the_start_tells_the_size_and_the_plan() -> None:
    """What is printed before the first row becomes facts, in both generations."""
    assert facts(MlxLM, log(60)) == {"parameters": 7_243_436_000, "planned_steps": 600}
    assert facts(MlxLM, b"Total parameters 7243.436M\nTrainable parameters 1.704M\n") == {"parameters": 7_243_436_000}
    known = facts(MlxLM, table(60))
    assert (known["parameters"], known["planned_steps"], known["batch_size"]) == (7_243_436_000, 600, 4)
    assert (known["optimizer"], known["learning_rate"]) == ("adamw", pytest.approx(1e-5))
    assert (known["block_size"], known["dataset"]) == (2048, "data/wikisql")
    assert facts(MlxLM, PANEL.format(iters=1200).encode())["planned_steps"] == 1200


@pytest.mark.parametrize("text", [log(20), table(20)])
def test_checkpoints_and_the_end_are_noticed(text: bytes) -> None:
    """Adapters are saved every hundred iterations."""
    told = [(r.kind, r.step) for r in read(MlxLM, text) if isinstance(r, Notice)]
    assert told == [("checkpoint", 100), ("checkpoint", 200), ("end", 200)]


@pytest.mark.parametrize("text", [log(20), table(20)])
def test_a_second_run_in_the_file_opens_a_segment(text: bytes) -> None:
    """The iterations begin again."""
    assert len(run_of(read(MlxLM, text + text)).segments) == 2


@pytest.mark.parametrize(
    "line",
    [
        'f"Iter {it}: Train loss {train_loss:.3f}, Learning Rate {learning_rate:.3e}, It/sec {it_sec:.3f}"',
        f'print("{ROW}")',
        f"# {ROW}",
        "Iter 25: Train loss 1.593",
        "iter 8 step 2 | loss train: 1.761, val: n/a | iter time: 121.17 ms (step) remaining time: 0:01:02",
        "iter 800: val loss 1.7258, val time: 3778.02 ms",
        "250 val 6.1631",
        "train ██████████████████████████████ 100% ·    20/20",
        "   25    1.593 x    388      9.7k",
    ],
)
def test_code_prose_and_other_trainers_are_no_rows(line: str) -> None:
    """They give no points, and the log is not taken for mlx-lm's."""
    assert curves(MlxLM, f"{line}\n".encode()) == {}
    assert MlxLM.sniff(f"{line}\n".encode()) == 0.0


def test_both_generations_are_recognised() -> None:
    """A few rows leave no doubt; the panel and the header alone suffice."""
    assert MlxLM.sniff(log(5)) == 1.0
    assert MlxLM.sniff(table(5)) == 1.0
    assert MlxLM.sniff((PANEL.format(iters=1200) + START + HEADER).encode()) >= 0.5


@pytest.mark.parametrize("text", [log(), table()])
def test_cuts_junk_margins_and_noise_change_nothing(text: bytes) -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(MlxLM, text)
    assert_cut_rows_give_no_wrong_number(MlxLM, text)
    assert_survives_noise(MlxLM, text)


def test_a_last_row_of_the_table_that_is_cut_gives_no_wrong_number() -> None:
    """Up to the k of its tokens nothing of it is believed."""
    whole = b"".join(table(40).splitlines(keepends=True)[:-3])
    assert_cut_rows_give_no_wrong_number(MlxLM, whole)


@pytest.mark.parametrize(
    ("path", "train", "val"),
    [
        ("issue_199_old_format.txt", 10, 1),
        ("issue_210_swapping_1tok_per_s.txt", 10, 1),
        ("mlx_vlm_pr261_tqdm_glued.txt", 2, 0),
    ],
)
def test_real_logs_are_read_to_the_last_row(path: str, train: int, val: int) -> None:
    """Real runs give each of their rows."""
    run = run_of(read(MlxLM, published(f"mlx-lm/{path}")))
    assert (len(run.series("train_loss")), len(run.series("val_loss"))) == (train, val)
