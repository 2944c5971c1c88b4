"""modded-nanogpt's generations: rows, the running total of time, the source in the header, and other runs' rows."""

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
from logs_modded_nanogpt import RULE, SOURCE, STEP_MS, VERSION, log, log_2025, log_of_validations
from raw_logs import published

from parsers.formats.modded_nanogpt import ModdedNanoGPT
from parsers.records import Notice, Points

ROW = "step:5099/5100 train_loss:3.2174 train_time:910369ms step_avg:178.89ms\n"


def test_a_row_gives_its_loss_and_the_plan() -> None:
    """One row alone tells no time of a step, since train_time is a running total; no other metric is made up."""
    assert curves(ModdedNanoGPT, ROW.encode()) == {"train_loss": [(5099, 3.2174)]}
    assert facts(ModdedNanoGPT, ROW.encode()) == {"planned_steps": 5100}


def test_the_time_of_a_step_is_the_difference_of_two_totals() -> None:
    """Milliseconds become seconds; over several steps it is their mean."""
    text = ROW + "step:5100/5100 train_loss:3.2 train_time:910547ms step_avg:178.89ms\n"
    assert dict(curves(ModdedNanoGPT, text.encode())["step_seconds"]) == pytest.approx({5100: 0.178})
    assert curves(ModdedNanoGPT, text.encode(), 1) == curves(ModdedNanoGPT, text.encode())
    every_100 = "".join(f"step:{n}/900 train_loss:3.2 train_time:{50 * n}ms step_avg:50.00ms\n" for n in (100, 200))
    assert dict(curves(ModdedNanoGPT, every_100.encode())["step_seconds"]) == pytest.approx({200: 0.05})


def test_a_total_that_begins_again_gives_no_time() -> None:
    """After ten steps the clock starts anew: no step took less than nothing."""
    found = dict(curves(ModdedNanoGPT, log(60))["step_seconds"])
    assert 11 not in found
    assert found[12] == pytest.approx(STEP_MS * 1e-3)
    assert found[1] > 40
    assert min(found.values()) > 0


def test_validation_and_training_rows_of_a_step_count_the_same_updates() -> None:
    """The training row is printed with the number of updates done, the validation row too."""
    found = curves(ModdedNanoGPT, log(60))
    assert [step for step, _ in found["train_loss"]] == list(range(1, 61))
    assert [step for step, _ in found["val_loss"]] == [0, 25, 50, 60]
    traits = ModdedNanoGPT.traits
    assert (traits.updates_at_train_row, traits.updates_at_eval_row) == (0, 0)
    assert len(run_of(read(ModdedNanoGPT, log(60))).segments) == 1


def test_rows_since_2025_have_no_training_loss() -> None:
    """Training rows tell the time alone; the peak of memory, in bytes, comes at the end."""
    found = curves(ModdedNanoGPT, log_2025(60))
    assert set(found) == {"val_loss", "step_seconds", "memory_bytes"}
    assert dict(found["step_seconds"]) == pytest.approx(dict.fromkeys(range(1, 61), 0.06))
    assert found["memory_bytes"] == [(60, 29892 * 2.0**20)]


def test_validations_alone_in_seconds_are_read() -> None:
    """Track 3 prints validations only, train_time in seconds, and which GPU it runs on."""
    found = curves(ModdedNanoGPT, log_of_validations(5))
    assert [step for step, _ in found["val_loss"]] == [0, 25, 50, 75, 100]
    assert [step for step, _ in found["step_seconds"]] == [25, 50, 75, 100]
    assert all(seconds == pytest.approx(0.147) for _, seconds in found["step_seconds"])
    known = facts(ModdedNanoGPT, log_of_validations(5))
    assert (known["gpu_name"], known["world_size"], known["planned_steps"]) == ("NVIDIA H100 80GB HBM3", 8, 100)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            "step:500/20000 val_loss:2.4201 val_bpb:1.4333 train_time:21717ms step_avg:43.43ms",
            {"val_loss": [(500, 2.4201)], "val_bpb": [(500, 1.4333)]},
        ),
        (
            "step:7/9 train_loss:2.519876e-02 train_time:71ms step_avg:10.14ms tok_s:512000",
            {"train_loss": [(7, 0.02519876)]},
        ),
        ("step:7/9 train_loss:3.250000 lr:1.80e-03 train_time:71ms step_avg:10.14ms", {"train_loss": [(7, 3.25)]}),
    ],
)
def test_rows_of_trainers_made_from_it_are_read(row: str, expected: object) -> None:
    """Bits per byte beside the loss, other precision, and fields behind the time."""
    assert curves(ModdedNanoGPT, f"{row}\n".encode()) == expected


def test_the_system_in_the_header_tells_the_gpu() -> None:
    """nvidia-smi's box has its name; a name that the box cut short is none."""
    assert facts(ModdedNanoGPT, log(20))["gpu_name"] == "NVIDIA H100 80GB HBM3"
    cut = b"|   0  NVIDIA GeForce ...  Off  | 00000000:01:00.0  On |                  N/A |\n"
    assert facts(ModdedNanoGPT, cut + ROW.encode()) == {"planned_steps": 5100}


def test_no_batch_is_told() -> None:
    """Batch size and length may change within a run: nothing says how many tokens a step has."""
    assert not {"tokens_per_step", "batch_size", "block_size"} & set(facts(ModdedNanoGPT, log_2025(60)))


@pytest.mark.parametrize("at_a_time", [None, 1, 5])
def test_the_source_in_the_header_says_nothing(at_a_time: int | None) -> None:
    """Rows, limits and out-of-memory messages in the trainer's own code are code."""
    text = (RULE + SOURCE * 3 + RULE).encode()
    assert read(ModdedNanoGPT, text, at_a_time) == []
    assert ModdedNanoGPT.sniff(text) == 0.0


def test_a_crash_after_the_source_is_noticed() -> None:
    """The source ends with a line of its own, and at a row at the latest."""
    crash = 'Traceback (most recent call last):\n  File "t.py", line 1, in <module>\nValueError: no data\n'
    for middle in (RULE + VERSION, RULE + VERSION + ROW, ROW):
        told = [r.text for r in read(ModdedNanoGPT, (SOURCE + middle + crash).encode()) if isinstance(r, Notice)]
        assert told == ["ValueError: no data"]


def test_a_second_run_in_the_file_opens_a_segment() -> None:
    """Its first row is not timed against the last of the run before it."""
    run = run_of(read(ModdedNanoGPT, log(60) + log(30)))
    assert [segment.first_step for segment in run.segments] == [0, 0]
    found = curves(ModdedNanoGPT, log_of_validations(5) + log_of_validations(5))
    assert [step for step, _ in found["step_seconds"]] == [25, 50, 75, 100]


@pytest.mark.parametrize(
    "line",
    [
        '    print0(f"step:{step}/{n} val_loss:{v:.4f} train_time:{t:.0f}ms step_avg:{a:.2f}ms")',
        '    """step:0/1 val_loss:9.9999 train_time:1ms step_avg:1.00ms"""',
        "# step:1/2 train_loss:1.0 train_time:5ms step_avg:5.00ms",
        "step:0/1 is not a step; val_loss:9.9999 in a docstring is not a value",
        "we stopped at step:5/10 train_loss:3.2 since train_time: was long",
        "final_int8_zlib_roundtrip val_loss:2.0606 val_bpb:1.2203 eval_time:1401ms",
        "s:9535 trl:3.340180",
        "peak memory allocated: 30908 MiB reserved: 46472 MiB",
    ],
)
def test_code_prose_and_other_lines_are_no_rows(line: str) -> None:
    """They give no points, and the log is not taken for modded-nanogpt's."""
    assert curves(ModdedNanoGPT, f"{line}\n".encode()) == {}
    assert ModdedNanoGPT.sniff(f"{line}\n".encode()) == 0.0


@pytest.mark.parametrize("text", [log(), log_2025(), log_of_validations()])
def test_all_generations_are_recognised(text: bytes) -> None:
    """A few rows leave no doubt."""
    assert ModdedNanoGPT.sniff(text) == 1.0


@pytest.mark.parametrize("text", [log(), log_2025(), log_of_validations(30)])
def test_cuts_junk_margins_and_noise_change_nothing(text: bytes) -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(ModdedNanoGPT, text)
    assert_cut_rows_give_no_wrong_number(ModdedNanoGPT, text)
    assert_survives_noise(ModdedNanoGPT, text)


@pytest.mark.parametrize(
    ("path", "train", "val", "last"),
    [
        ("2024-10-09_SOAP.txt", 6000, 49, 6000),
        ("2024-10-10_Muon.txt", 6200, 51, 6200),
        ("2024-11-19_FlexAttention.txt", 1875, 16, 1875),
        ("2025-01-16_Sub3Min.txt", 0, 13, 1393),
        ("2025-09-03_FA3.txt", 0, 15, 1670),
        ("2025-11-29_BatchSizeSchedule.txt", 0, 10, 2160),
        ("2026-07-17_FP8DownProjection.txt", 0, 7, 1390),
    ],
)
def test_real_logs_are_read_to_the_last_row(path: str, train: int, val: int, last: int) -> None:
    """Real runs give each of their rows, in one segment, and the GPU."""
    run = run_of(read(ModdedNanoGPT, published(f"modded-nanogpt/{path}")))
    assert (len(run.series("train_loss")), len(run.series("val_loss"))) == (train, val)
    assert run.series("val_loss").steps[-1] == last
    assert (len(run.segments), run.facts["planned_steps"].value) == (1, last)
    assert run.facts["gpu_name"].value == "NVIDIA H100 80GB HBM3"


def test_a_real_file_of_twenty_runs_has_twenty_segments() -> None:
    """Track 3 appends the run of each seed to one file."""
    records = read(ModdedNanoGPT, published("modded-nanogpt/track3_val_every_25.txt"))
    rows = sum(len(r.steps) for r in records if isinstance(r, Points) and "val_loss" in r.columns)
    assert (rows, len(run_of(records).segments)) == (780, 20)
