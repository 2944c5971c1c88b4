"""MLPerf's events: what is a loss, what the samples count, and what the start tells."""

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
from logs_mlperf import line, log, start
from raw_logs import published

from parsers.formats.mlperf import MLPerf
from parsers.records import Notice, Restart


def test_losses_belong_to_the_update_that_the_samples_make() -> None:
    """2304 samples in batches of 8 are 288 updates; the learning rate stands beside the loss."""
    text = start() + line("train_loss", 1.3589, samples_count=2304, lr=0.00022)
    text += line("eval_accuracy", 0.9457, at=1, samples_count=2304)
    run = run_of(read(MLPerf, text.encode()))
    found = curves(MLPerf, text.encode())
    assert (found["train_loss"], found["val_loss"]) == ([(288, 1.3589)], [(288, 0.9457)])
    assert found["learning_rate"] == [(288, 0.00022)]
    assert (run.traits.steps_count, run.traits.loss_unit) == ("updates", "nats")


def test_tracked_stats_with_a_loss_are_rows_and_others_are_none() -> None:
    """Their samples may be those since the last line; only rows with a loss count from the start."""
    stats = {"train_step_time": 0.25, "reduced_train_loss": 7.5}
    text = start(submission_benchmark="llama31_8b") + line("tracked_stats", stats, samples_count=80)
    text += line("tracked_stats", {"throughput": 2.47}, at=1, step=2688)
    text += line("tracked_stats", {"train_step_time": 0.3}, at=2, samples_count=16)
    found = curves(MLPerf, text.encode())
    assert {name: found[name] for name in ("train_loss", "step_seconds")} == {
        "train_loss": [(10, 7.5)],
        "step_seconds": [(10, 0.25)],
    }


def test_gpt3_counts_tokens_as_epochs() -> None:
    """50331648 tokens in batches of 3072 sequences of 2048 are 8 updates."""
    text = start(submission_benchmark="gpt3", global_batch_size=3072, max_sequence_length=2048)
    text += line("eval_accuracy", 2.7525, epoch_num=50331648)
    assert curves(MLPerf, text.encode())["val_loss"] == [(8, 2.7525)]


def test_without_a_batch_size_the_samples_are_no_updates() -> None:
    """They stay as printed, and the traits say that they are none."""
    text = (start(global_batch_size=None) + line("eval_accuracy", 0.9457, samples_count=2304)).encode()
    assert curves(MLPerf, text)["val_loss"] == [(2304, 0.9457)]
    assert run_of(read(MLPerf, text)).traits.steps_count == "rows"


@pytest.mark.parametrize("benchmark", ["resnet", "bert", "dlrm_dcnv2", "flux1", None])
def test_an_accuracy_is_no_loss(benchmark: str | None) -> None:
    """Only of language models the key holds the loss; where the benchmark is not said nothing is taken."""
    text = start(submission_benchmark=benchmark) + line("eval_accuracy", 0.33106, epoch_num=3)
    text += line("train_loss", 6.1, epoch_num=4)
    found = curves(MLPerf, text.encode())
    assert {name: points for name, points in found.items() if points and name != "wall_seconds"} == {
        "train_loss": [(4, 6.1)]
    }
    traits = run_of(read(MLPerf, text.encode())).traits
    assert (traits.steps_count, traits.loss_unit) == ("epochs", "other")


def test_the_start_tells_the_plan_and_the_machine() -> None:
    """Also from NVIDIA's description of the system."""
    system = (
        ':::SYSJSON {"submitter":"A","number_of_nodes":"4","host_storage_type":"NVMe","accelerators_per_node":"8",'
        '"accelerator_model_name":"NVIDIA H200-SXM5-141GB","framework":"NeMo"}\n'
    )
    assert facts(MLPerf, (system + start()).encode()) == {
        "gpu_name": "NVIDIA H200-SXM5-141GB",
        "world_size": 32,
        "global_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "block_size": 8192,
        "weight_decay": 0.0001,
        "grad_clip": 0.3,
        "planned_steps": 1024,
        "learning_rate": 0.0005,
    }


def test_the_end_is_noticed_and_a_second_run_is_a_new_segment() -> None:
    """Its samples begin anew; run_start says so."""
    records = read(MLPerf, log(40) + log(20))
    assert [r.kind for r in records if isinstance(r, Notice)] == ["end", "end"]
    assert [r.step for r in records if isinstance(r, Restart)] == [1]


def test_a_loss_that_is_no_number_is_data() -> None:
    """Python's json writes NaN."""
    text = start() + line("train_loss", float("nan"), samples_count=8)
    assert len(curves(MLPerf, text.encode())["train_loss"]) == 1


def test_look_alikes_give_nothing() -> None:
    """Documents show such lines in quotes; other JSON has no such head."""
    for text in (
        '`:::MLLOG {"key": "train_loss", "value": 1.3589, "samples_count": 430}`\n',
        '{"namespace": "", "time_ms": 1, "event_type": "A", "key": "train_loss", "value": 1, "metadata": {}}\n',
    ):
        assert curves(MLPerf, (text * 20).encode()) == {}
        assert MLPerf.sniff((text * 20).encode()) == 0


@pytest.mark.parametrize(
    ("name", "evals", "last"),
    [
        ("mlperf_gaudi2_gpt3.txt", 25, (300, 2.6886391639709473)),
        ("mlperf_maxtext_gpt3_tpuv5p.txt", 24, (192, 2.6899058878668183)),
        ("mlperf_nemo_llama2_70b_lora_h200.txt", 5, (384, 0.9249271154403687)),
    ],
)
def test_published_results_are_read_whole(name: str, evals: int, last: tuple[int, float]) -> None:
    """Each evaluation, at its update."""
    found = curves(MLPerf, published(f"mlperf/{name}"))
    assert (len(found["val_loss"]), found["val_loss"][-1]) == (evals, last)


def test_a_published_result_of_an_image_model_has_no_loss() -> None:
    """Its eval_accuracy is an accuracy."""
    assert curves(MLPerf, published("mlperf/mlperf_tinygrad_resnet_tinybox_green.txt")) == {}


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(MLPerf, log())
    assert_cut_rows_give_no_wrong_number(MLPerf, log())
    assert_cut_rows_give_no_wrong_number(MLPerf, (start() + line("train_loss", 1.3589, samples_count=2304)).encode())
    assert_survives_noise(MLPerf, log())
