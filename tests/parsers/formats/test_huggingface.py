"""The Hugging Face Trainer's dicts, where their steps come from, and what a start says."""

from __future__ import annotations

import math

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
from logs_huggingface import START, bar, cleared, evaluation, log, row
from raw_logs import CORPUS

from parsers.clean import clean
from parsers.formats.huggingface import NO_STEPS, HuggingFace
from parsers.records import Notice, Recognised, Restart

LOGS = CORPUS / "hf-trainer"
OLD = "{'loss': 1.6228, 'grad_norm': 9.3055, 'learning_rate': 4.94e-06, 'epoch': 0.16}"


def steps(text: str, metric: str = "train_loss") -> list[int]:
    """The steps of a metric's points."""
    return [step for step, _ in curves(HuggingFace, text.encode()).get(metric, [])]


def drawn(at: list[int], total: int, per_epoch: int) -> str:
    """Rows at these steps, each followed by the bar that is drawn anew."""
    rows = (cleared() + row(3.0, 1e-4, step / per_epoch) + "\n" + bar(step, total) for step in at)
    return bar(0, total) + "".join(rows) + "\n"


def buffered(at: list[int], total: int, per_epoch: int, held: int) -> str:
    """The same where Python holds standard output back: bars come at once, rows `held` at a time."""
    text, rows = bar(0, total), ""
    for count, step in enumerate(at, 1):
        text += bar(step, total) + cleared() + bar(step, total)
        rows += row(3.0, 1e-4, step / per_epoch) + "\n"
        if count % held == 0:
            text, rows = text + "\n" + rows, ""
    return text + "\n" + rows


@pytest.mark.parametrize("text", [OLD, row(1.6228, 4.94e-06, 0.16, 9.3055).replace("1.623", "1.6228")])
def test_numbers_and_quoted_numbers_are_the_same(text: str) -> None:
    """Version 4 prints numbers, version 5 strings."""
    found = curves(HuggingFace, (bar(0, 100) + "\r" + text + " " * 80 + "\n" + bar(16, 100) + "\n").encode())
    assert found["train_loss"] == [(16, 1.6228)]
    assert found["learning_rate"] == [(16, 4.94e-06)]
    assert found["epoch"] == [(16, 0.16)]
    assert found["grad_norm"][0][1] == pytest.approx(9.3055, rel=1e-3)


def test_nan_and_inf_are_data() -> None:
    """Bare nan of version 4 and 'nan' of version 5; a loss of 0.0 beside it stays what the log says."""
    text = "{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 0.1}\n"
    text += "{'loss': 'inf', 'grad_norm': 'nan', 'learning_rate': '1e-05', 'epoch': '0.2'}\n"
    run = run_of(read(HuggingFace, text.encode()))
    assert run.series("train_loss").values.tolist() == [0.0, math.inf]
    assert all(math.isnan(norm) for norm in run.series("grad_norm").values)


def test_the_step_is_that_of_the_bar_drawn_after_the_row() -> None:
    """Fast steps: the bar before a row may be older than it."""
    text = bar(0, 100) + bar(3, 100) + cleared() + row(3.0, 1e-4, 0.5) + "\n" + bar(5, 100) + bar(9, 100)
    text += cleared() + row(2.9, 1e-4, 1.0) + "\n" + bar(10, 100) + "\n"
    assert steps(text) == [5, 10]


def test_a_bar_on_the_same_line_counts_by_its_side() -> None:
    """Where a tool dropped the carriage returns, bars and dict share a line."""
    text = bar(0, 100) + bar(4, 100) + row(3.0, 1e-4, 0.5) + bar(5, 100) + "\n" + row(2.9, 1e-4, 1.0) + bar(10, 100)
    assert steps(text.replace("\r", "") + "\n") == [5, 10]


def test_the_bar_of_an_evaluation_gives_no_step() -> None:
    """An evaluation's row may be followed by its own bar first; the training bar has another total."""
    text = drawn([5, 10], 100, 10) + bar(0, 8) + bar(8, 8) + cleared() + evaluation(2.5, 1.0) + "\n" + bar(8, 8)
    text += bar(10, 100) + "\n" + drawn([15], 100, 10)[len(bar(0, 100)) :]
    found = curves(HuggingFace, text.encode())
    assert [step for step, _ in found["train_loss"]] == [5, 10, 15]
    assert found["val_loss"] == [(10, 2.5)]


def test_a_described_bar_is_no_training_bar() -> None:
    """Data sets and weights have bars too, with a name before them."""
    text = bar(0, 100) + cleared() + row(3.0, 1e-4, 0.5) + "\nMap:  70%|███████   | 7/10 [00:01<00:00,  9.00it/s]"
    assert steps(text + bar(5, 100) + "\n") == [5]


def test_rows_that_python_held_back_have_their_own_steps() -> None:
    """Bars on standard error run ahead of the rows: the bar after a burst is of a much later step."""
    at = list(range(10, 610, 10))
    text = buffered(at, 600, 100, held=20)
    assert steps(text) == at
    assert facts(HuggingFace, text.encode())["planned_steps"] == 600
    for lines in (1, 3, 40):
        assert [s for s, _ in curves(HuggingFace, text.encode(), lines)["train_loss"]] == at


def test_without_bars_the_epoch_gives_the_step() -> None:
    """The start says how many updates an epoch has."""
    text = START + "".join(row(3.0, 1e-4, step / 407) + "\n" for step in range(10, 400, 10))
    assert steps(text) == list(range(10, 400, 10))


@pytest.mark.parametrize(
    ("epochs", "total", "examples", "per_epoch"),
    [(3, 1221, 52_002, 407), (3, 1218, 52_002, 406), (2, 500, 52_002, 407), (1, 203, 52_002, 407)],
)
def test_updates_of_an_epoch_follow_from_an_older_start(epochs: int, total: int, examples: int, per_epoch: int) -> None:
    """Where max_steps or part of an epoch is asked for, Num Epochs is rounded up and must not be divided by."""
    start = f"***** Running training *****\n  Num examples = {examples}\n  Num Epochs = {epochs}\n"
    start += "  Total train batch size (w. parallel, distributed & accumulation) = 128\n"
    start += f"  Total optimization steps = {total}\n"
    at = [20, 40, 60, 200]
    assert steps(start + "".join(row(3.0, 1e-4, step / per_epoch) + "\n" for step in at)) == at


def test_rows_are_numbered_where_nothing_tells_the_step() -> None:
    """It is said once, and that the steps count rows; an evaluation stands with the row before it."""
    text = "".join(f"{OLD.replace('0.16', str(e))}\n" for e in (0.1, 0.2, 0.3)) + evaluation(2.5, 0.3) + "\n"
    records = read(HuggingFace, text.encode())
    assert steps(text) == [1, 2, 3]
    assert steps(text, "val_loss") == [3]
    assert [r.text for r in records if isinstance(r, Notice)] == [NO_STEPS]
    assert [r.traits.steps_count for r in records if isinstance(r, Recognised)] == ["rows"]
    assert isinstance(records[0], Recognised)


def test_numbered_rows_go_back_with_the_epoch() -> None:
    """A run that goes on from a checkpoint repeats epochs: its rows take the numbers of those that they replace."""
    epochs = [0.1, 0.2, 0.3, 0.4, 0.25, 0.35]
    text = "".join(f"{OLD.replace('0.16', str(e))}\n" for e in epochs)
    records = read(HuggingFace, text.encode())
    assert [r.step for r in records if isinstance(r, Restart)] == [3]
    assert steps(text) == [1, 2, 3, 4]


def test_two_runs_in_one_log_are_two_segments() -> None:
    """The second has another total and starts at 0; its first epoch may lie behind the last of the first run."""
    text = drawn([1, 2, 3], 1000, 1000) + drawn([1, 2, 3, 4], 50, 10)
    run = run_of(read(HuggingFace, text.encode()))
    assert len(run.segments) == 2
    assert run.series("train_loss").steps.tolist() == [1, 2, 3, 4]


def test_several_evaluation_sets_have_series_of_their_own() -> None:
    """eval_<name>_loss, all at the same step: the first set is val_loss, as in all formats."""
    named = [evaluation(loss, 1.0).replace("eval_", f"eval_{n}_") for n, loss in (("wiki", 2.5), ("my_code", 1.5))]
    text = drawn([10], 100, 10) + "".join(f"{one}\n{bar(10, 100)}" for one in named) + "\n"
    found = curves(HuggingFace, text.encode())
    assert (found["val_loss"], found["val_loss/my_code"]) == ([(10, 2.5)], [(10, 1.5)])


def test_the_last_dict_is_the_end_and_no_row() -> None:
    """Its train_loss is the mean over the run."""
    records = read(HuggingFace, log())
    assert [r.kind for r in records if isinstance(r, Notice)] == ["checkpoint", "end"]
    assert len(run_of(records).series("train_loss")) == 60


def test_the_start_tells_the_plan() -> None:
    """Batch, accumulation, steps and parameters become facts."""
    assert facts(HuggingFace, START.encode()) == {
        "planned_epochs": 3, "batch_size": 4, "global_batch_size": 128, "gradient_accumulation_steps": 8,
        "planned_steps": 1221, "parameters": 124_439_808,
    }  # fmt: skip


def test_an_adapter_is_not_the_model() -> None:
    """Under LoRA the trainable parameters are few; PEFT prints how many there are in all."""
    peft = "trainable params: 3,784,704 || all params: 467,772,416 || trainable%: 0.8091\n"
    assert facts(HuggingFace, (peft + START).encode())["parameters"] == 467_772_416
    assert "parameters" not in facts(HuggingFace, ("Loading LoRA weights\n" + START).encode())


def test_the_model_config_is_read() -> None:
    """At log level info transformers prints the config as JSON."""
    text = 'Model config LlamaConfig {\n  "hidden_size": 4096,\n  "num_hidden_layers": 32,\n  "vocab_size": 32000\n}\n'
    found = facts(HuggingFace, (text + START).encode())
    assert (found["n_embd"], found["n_layer"], found["vocab_size"]) == (4096, 32, 32000)


def test_tokens_speed_and_memory_of_liger_trl_and_axolotl() -> None:
    """Liger counts MB of 2^20 bytes; axolotl's tokens a second are those of one device."""
    liger = "{'loss': 2.5, 'epoch': 1.0, 'num_input_tokens_seen': 65536, 'step_peak_memory_reserved_MB': 47172.0, "
    liger += "'step_tokens_per_second': 18801.85, 'avg_tokens_per_second': 1.0}\n"
    found = curves(HuggingFace, liger.encode())
    assert found["tokens"] == [(1, 65536.0)]
    assert found["memory_bytes"] == [(1, 47172.0 * 2**20)]
    assert found["tokens_per_second"] == [(1, 18801.85)]
    trl = "{'loss': '2.5', 'entropy': '1.2', 'num_tokens': '1.235e+06', 'mean_token_accuracy': '0.5', 'epoch': '1'}\n"
    assert curves(HuggingFace, trl.encode())["tokens"] == [(1, 1.235e6)]
    axolotl = (
        "[2026-02-01 10:00:00,123] [INFO] [axolotl.core.trainers.base.log:600] [PID:12] {'loss': '2.5', 'ppl': '12.2', "
        "'memory/max_active (GiB)': '20', 'memory/device_reserved (GiB)': '30.22', 'tokens/total': 99, "
        "'tokens/train_per_sec_per_gpu': '5123.4', 'epoch': '1'}\n"
    )
    records = read(HuggingFace, axolotl.encode())
    run = run_of(records)
    assert run.series("tokens_per_second").values.tolist() == [5123.4]
    assert run.series("memory_bytes").values.tolist() == [30.22 * 2**30]
    assert run.traits.tokens_per_second_of == "device"


def test_the_clock_of_the_bar_tells_the_seconds_of_a_step() -> None:
    """Whole seconds: a mean over 20 at least, and none that an evaluation lies in."""
    text = drawn([10, 20, 30, 40], 600, 100) + evaluation(2.5, 0.4) + "\n" + bar(40, 600)
    text += drawn([50, 60, 70], 600, 100)[len(bar(0, 600)) :]
    assert curves(HuggingFace, text.encode())["step_seconds"] == [(30, 1.0), (70, 1.0)]
    hours = text.replace("[00:", "[1:00:").replace("[1:00:30<", "[1:01:10<")
    assert curves(HuggingFace, hours.encode())["step_seconds"][0] == (30, 3.0)


@pytest.mark.parametrize(
    "text",
    [
        "{'loss': '0', 'grad_norm': '0.1', 'reward': '0.5', 'reward_std': '0.1', 'kl': '0.01', 'epoch': '0.1'}",
        "{'loss': 0.69, 'learning_rate': 1e-6, 'rewards/chosen': 0.1, 'logps/chosen': -20.0, 'epoch': 0.1}",
        "{'loss': -0.0123, 'grad_norm': 0.1, 'epoch': 0.1}",
        "{'eval_loss': 0.3, 'eval_f1': 0.9, 'eval_runtime': 1.0, 'epoch': 0.1}",
    ],
)
def test_a_loss_that_is_no_language_loss_is_said_to_be_another(text: str) -> None:
    """GRPO, DPO, a negative loss, a classifier: no law of language models holds for them."""
    assert run_of(read(HuggingFace, text.encode() + b"\n")).traits.loss_unit == "other"
    assert run_of(read(HuggingFace, log())).traits.loss_unit == "nats"


@pytest.mark.parametrize(
    "text",
    [
        "print({'loss': 2.5, 'epoch': 0.1})",
        "The trainer prints {'loss': 2.5, 'learning_rate': 1e-5, 'epoch': 0.1} now and then",
        "`{'loss': 2.5, 'learning_rate': 1e-5, 'epoch': 0.1}`",
        "logs = {'loss': loss.item(), 'epoch': epoch}",
        "{'loss': 2.5, 'learning_rate': 1e-5}",
        "{'acc': 0.5, 'epoch': 0.1}",
        "iter 100: loss 3.2, time 10.0ms, mfu 10.0%",
    ],
)
def test_look_alikes_are_no_rows(text: str) -> None:
    """Source code, prose and dicts of others."""
    assert HuggingFace.sniff(clean(text.encode()) + b"\n") == 0
    assert curves(HuggingFace, text.encode() + b"\n") == {}


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(HuggingFace, log())
    assert_cut_rows_give_no_wrong_number(HuggingFace, log())
    assert_survives_noise(HuggingFace, log())


@pytest.mark.skipif(not LOGS.is_dir(), reason="needs the corpus of published logs")
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("alpaca_243_trailing_spaces.txt", 4),
        ("liger_110_token_throughput_keys.txt", 2),
        ("llamafactory_5660_bf16_and_fp16_nan.txt", 7),
        ("transformers_35438_loss_doubled_by_gradaccum.txt", 5),
        ("hf_deepspeed_gpt2_n16.out", 0),
    ],
)
def test_published_logs(name: str, rows: int) -> None:
    """Recognised, with as many rows as they have; one is a benchmark that prints only the last dict."""
    text = (LOGS / name).read_bytes()
    assert HuggingFace.sniff(clean(text)[-(256 << 10) :]) >= 0.5
    assert len(curves(HuggingFace, text).get("train_loss", [])) == rows
