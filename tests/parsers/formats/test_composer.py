"""Composer's blocks, its evaluations, its headers and what four decimals leave of a number."""

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
from logs_composer import START, block, evaluation, log

from parsers.formats.composer import Composer
from parsers.records import Notice, Restart


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def test_a_block_gives_its_metrics_in_si_units_at_its_batch() -> None:
    """GB are 10^9 bytes; FLOP/s are printed as such, of one device; a rate of batches is the seconds of one."""
    found = curves(Composer, block(20, "[batch=20/4800]:").encode())
    assert {name: points[0] for name, points in found.items()} == {
        "train_loss": (20, 10.1667),
        "memory_bytes": (20, 22.965e9),
        "tokens_per_second": (20, 262150.0),
        "tflops": (20, 1e14 + 2e9),
        "mfu": (20, 0.32),
        "grad_norm": (20, 0.59),
        "step_seconds": (20, pytest.approx(1 / 0.506)),
    }


@pytest.mark.parametrize("before", ["\t ", "         ", "0:       ", " "])
def test_lines_are_found_behind_tabs_blanks_and_ranks(before: str) -> None:
    """A tab is often pasted as blanks; srun writes the task in front."""
    rank = "0: " if before.startswith("0:") else ""
    assert curves(Composer, lines(f"{rank}[batch=3/9]:", f"{before}Train loss/train/total: 7.1234")) == {
        "train_loss": [(3, 7.1234)]
    }


@pytest.mark.parametrize(
    ("printed", "kept"), [("0.0000", False), ("0.0001", False), ("0.0004", False), ("0.0006", True), ("0.0120", True)]
)
def test_a_learning_rate_of_which_too_little_is_printed_is_absent(printed: str, kept: bool) -> None:
    """5e-05 prints as 0.0001: four decimals say nothing of small rates."""
    found = curves(
        Composer,
        lines("[batch=3/9]:", "\t Train loss/train/total: 7.1234", f"\t Train lr-DecoupledAdamW/group0: {printed}"),
    )
    assert found.get("learning_rate") == ([(3, float(printed))] if kept else None)


@pytest.mark.parametrize("printed", ["31037849600", "31.0378"])
def test_memory_was_printed_in_bytes_once(printed: str) -> None:
    """Until February 2023; then in units of 10^9."""
    text = lines("[batch=1/3]:", f"\t Train memory/reserved_mem: {printed}", "\t Train loss/train/total: 12.0570")
    [(step, memory)] = curves(Composer, text)["memory_bytes"]
    assert step == 1
    assert memory == pytest.approx(31.0378e9, rel=1e-5)


def test_the_blocks_that_people_pasted_are_read() -> None:
    """Of LLM-Shearing (issue 24), of a README of AWS behind srun, and of a run planned in epochs."""
    text = lines(
        "[batch=366/48000]:", "         Train time/batch: 365", "         Train metrics/train/cc_weight: 0.2192",
        "         Train memory/current_reserved_mem: 51.3280", "         Train memory/peak_reserved_mem: 51.3280",
        "         Train loss/train/total: 10.3750", "         Train loss/train/ce_loss: 10.3750",
    )  # fmt: skip
    assert curves(Composer, text) == {"train_loss": [(366, 10.375)], "memory_bytes": [(366, 51.328e9)]}
    ranked = lines(
        "0: [batch=1/300000000]:", "0:       Train time/batch: 0", "0:       Train loss/train/total: 12.0000"
    )
    assert curves(Composer, ranked) == {"train_loss": [(1, 12.0)]}
    epochs = lines("[epoch=1][batch=5/5]:", "         Train time/batch: 4", "         Train loss/train/total: 8.4213")
    assert curves(Composer, epochs) == {"train_loss": [(5, 8.4213)]}


def test_checkpoints_and_a_resumed_run_are_noticed() -> None:
    """At LLM Foundry's log level, debug."""
    head = "2025-03-30 02:05:36,662: rank0[73][MainThread]: "
    text = lines(
        f"{head}INFO: composer.utils.checkpoint: Trainer checkpoint loaded from /runs/latest-rank0.pt.symlink",
        "[batch=3/9]:",
        "\t Train loss/train/total: 7.1234",
        f"{head}DEBUG: composer.callbacks.checkpoint_saver: Checkpoint locally saved to /runs/ep0-ba3-rank0.pt",
    )
    notices = [r for r in read(Composer, text) if isinstance(r, Notice)]
    assert [(n.kind, n.step) for n in notices] == [("resume", None), ("checkpoint", 3)]


def test_seconds_of_slow_batches_are_not_made_of_too_few_digits() -> None:
    """0.0027 batches a second are 357 to 377 seconds: the throughput in tokens says it better."""
    text = lines(
        "[batch=3/9]:", "\t Train throughput/batches_per_sec: 0.0027", "\t Train throughput/tokens_per_sec: 20082.8418"
    )
    assert curves(Composer, text) == {"tokens_per_second": [(3, 20082.8418)]}


def test_a_throughput_of_zero_is_unknown() -> None:
    """Nothing is divided by it."""
    assert curves(Composer, lines("[batch=3/9]:", "\t Train throughput/batches_per_sec: 0.0000")) == {}


def test_an_evaluation_stands_at_the_batch_before_it() -> None:
    """Its own header counts the batches of the evaluation."""
    text = block(20, "[batch=20/4800]:") + evaluation(20) + block(40, "[batch=40/4800]:")
    found = curves(Composer, text.encode())
    assert found["val_loss"] == [(20, round(11.5 / 1.2 + 1, 4))]
    assert [step for step, _ in found["train_loss"]] == [20, 40]


def test_further_sets_keep_their_names() -> None:
    """The label of the evaluator says which set it is; accuracies are no losses."""
    text = lines(
        "[batch=3/9]:",
        "\t Train loss/train/total: 7.1234",
        "\t Eval metrics/c4_en/LanguageCrossEntropy: 3.5000",
        "\t Eval metrics/eval/LanguageCrossEntropy: 3.2500",
        "\t Eval metrics/lambada/0-shot/InContextLearningLMAccuracy: 0.2500",
    )
    found = curves(Composer, text)
    assert (found["val_loss"], found["val_loss/c4_en"]) == ([(3, 3.25)], [(3, 3.5)])
    assert sorted(found) == ["train_loss", "val_loss", "val_loss/c4_en"]


def test_a_run_planned_in_epochs_counts_its_batches_on() -> None:
    """`[epoch=2][batch=1/5]` is batch 6; nothing restarts and 5 is no plan."""
    text = "".join(block(b, f"[epoch={1 + (b - 1) // 5}][batch={1 + (b - 1) % 5}/5]:") for b in range(1, 13))
    records = read(Composer, text.encode())
    assert not [r for r in records if isinstance(r, Restart)]
    run = run_of(records)
    assert run.series("train_loss").steps.tolist() == list(range(1, 13))
    assert "planned_steps" not in run.facts


def test_a_run_planned_in_tokens_takes_its_batches_from_the_block() -> None:
    """The header counts tokens; time/batch is the number of batches before this one."""
    text = "".join(block(b, f"[token={524288 * b}/1000000000]:") for b in (1, 20, 40))
    assert [step for step, _ in curves(Composer, text.encode())["train_loss"]] == [1, 20, 40]


def test_the_last_block_belongs_to_the_last_batch() -> None:
    """After the last evaluation time/batch is no longer one less than the header."""
    text = block(9, "[batch=9/9]:") + "[batch=9/9]:\n\t Train time/batch: 9\n\t Train loss/train/total: 2.0000\n"
    assert run_of(read(Composer, text.encode())).last_step == 9


def test_the_start_tells_the_plan_and_the_model() -> None:
    """The config is printed as YAML; a plan in batches is one in steps."""
    known = facts(Composer, START.encode())
    assert (known["n_embd"], known["n_layer"], known["n_head"], known["vocab_size"]) == (768, 12, 12, 50368)
    assert (known["planned_steps"], known["global_batch_size"], known["batch_size"]) == (4800, 256, 16)
    assert (known["block_size"], known["parameters"], known["world_size"]) == (2048, 125_311_488, 8)
    assert (known["learning_rate"], known["warmup_steps"]) == (0.0006, 100)
    assert "planned_steps" not in facts(Composer, b"max_duration: 3ep\nglobal_train_batch_size: auto\n")


def test_the_header_tells_the_plan_and_the_end_is_noticed() -> None:
    """With the step before it."""
    records = read(Composer, log(7))
    assert run_of(records).facts["planned_steps"].value == 4800
    assert [(r.kind, r.step) for r in records if isinstance(r, Notice)] == [("end", 7)]


def test_look_alikes_give_nothing() -> None:
    """OLMo's headers and lines, YAML of others, the logger's own source and prose."""
    text = (
        b"[step=1/2500,epoch=0]\n    train/CrossEntropyLoss=11.33\n"
        b"max_seq_len: 2048\n"
        b'    log_str += "\\n\\t Train loss/train/total: 5.0"\n'
        b"we saw Train loss/train/total: 5.0\n"
        b"Train Loss: 6.4938 - Train Perplexity: 661.02\n"
    )
    assert curves(Composer, text) == {}
    assert Composer.sniff(text) == 0.0


def test_a_second_run_in_the_same_log_opens_a_segment() -> None:
    """Two runs appended to one file."""
    run = run_of(read(Composer, log(20) + log(10)))
    assert len(run.segments) == 2
    assert run.series("train_loss").steps.tolist() == list(range(1, 11))


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Composer, log(30))
    assert_cut_rows_give_no_wrong_number(Composer, log(30))
    assert_survives_noise(Composer, log(30))
