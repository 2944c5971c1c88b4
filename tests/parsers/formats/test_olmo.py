"""OLMo's and OLMo-core's blocks, their evaluations, their headers and what they round."""

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
from logs_olmo import START, block, evaluation, head, log
from raw_logs import published

from parsers.formats.olmo import OLMo
from parsers.records import Notice, Points, Restart

CORE = """\
2025-06-02 10:00:00.000\tnode-1:0\tolmo_core.train.callbacks.speed_monitor:94\tINFO\tDevice: NVIDIA H100 80GB HBM3, \
Device peak FLOPS: 989500000000000
2025-06-02 10:00:01.000\tnode-1:0\tolmo_core.train.callbacks.console_logger:79\tINFO\t[step=5/2500,epoch=1,eta=1h]
    train/CE loss=3.452
    train/PPL=31.56
    optim/total grad norm=0.4312
    optim/LR (group 0)=4.00E-05
    throughput/device/TPS=7,282
    throughput/device/TPS (actual avg)=7,001
    throughput/device/MFU=41.23
    throughput/total tokens=10,485,760
    throughput/device/BPS=0.1805
    gpu_memory/GPU active mem (GiB)=9.123
    gpu_memory/GPU reserved mem (GiB)=9.460
    gpu_memory/GPU reserved mem (%)=11.96
"""


def test_a_block_gives_its_metrics_in_si_units_at_its_step() -> None:
    """MB are 10^6 bytes; thousands commas are no decimals; a rate of batches is the seconds of one; the time is its."""
    found = curves(OLMo, block(20).encode())
    assert {name: points[0] for name, points in found.items() if points and name != "wall_seconds"} == {
        "train_loss": (20, 9.833),
        "grad_norm": (20, 0.57),
        "tokens": (20, 41943040.0),
        "tokens_per_second": (20, 47311.0),
        "step_seconds": (20, pytest.approx(1 / 0.1811)),
        "memory_bytes": (20, 38869e6),
    }
    seconds = [r.seconds for r in read(OLMo, (block(20) + block(30)).encode()) if isinstance(r, Points)]
    assert all(s is not None and s[1] - s[0] == 10 for s in seconds)


def test_a_block_of_olmo_core_gives_its_metrics() -> None:
    """Its names are others; TPS and MFU are those of the step, GiB are 2^30 bytes."""
    found = curves(OLMo, CORE.encode())
    assert {name: points[0] for name, points in found.items() if points and name != "wall_seconds"} == {
        "train_loss": (5, 3.452),
        "grad_norm": (5, 0.4312),
        "learning_rate": (5, 4e-5),
        "tokens_per_second": (5, 7282.0),
        "mfu": (5, pytest.approx(0.4123)),
        "tokens": (5, 10485760.0),
        "memory_bytes": (5, pytest.approx(9.46 * 2**30)),
    }
    assert facts(OLMo, CORE.encode()) == {
        "gpu_name": "NVIDIA H100 80GB HBM3",
        "mfu_peak_flops": 989500000000000,
        "planned_steps": 2500,
    }


@pytest.mark.parametrize(
    ("printed", "tokens"), [("999,292,928", 999_292_928.0), ("1.049B", 1.049e9), ("85.20B", 85.2e9), ("4.000T", 4e12)]
)
def test_tokens_of_olmo_core_have_a_unit_from_a_billion_on(printed: str, tokens: float) -> None:
    """format_float of OLMo-core 3; without its last byte the number is not taken."""
    head, row = b"[step=500/2500,epoch=1]\n", f"    throughput/total tokens={printed}".encode()
    assert dict(curves(OLMo, head + row + b"\n")["tokens"]) == pytest.approx({500: tokens})
    reader = OLMo()
    reader.feed(head)
    assert not [r for r in reader.finish(row[:-1]) if isinstance(r, Points)]


def test_the_start_of_olmo_core_tells_the_model_and_the_peak() -> None:
    """Of two versions: what the model is to be, and what it is once it is built; the words for FLOP/s."""
    head = "2026-08-08 12:00:01.000\tnode-1:0\tolmo_core."
    begun = f"{head}nn.transformer.config:383\tINFO\tBuilding transformer with 190,354,176 total params, "
    built = "Built model with:\n- 190,354,176 total params\n- 113,283,840 non-embedding params\n"
    assert facts(OLMo, f"{begun}113,283,840 non-embedding params\n".encode()) == {"parameters": 190_354_176}
    assert facts(OLMo, f"{head}nn.transformer.config:459\tINFO\t{built}".encode()) == {"parameters": 190_354_176}
    device = f"{head}train.callbacks.speed_monitor:152\tINFO\tDevice: NVIDIA H200, Device peak Flops/s: "
    assert facts(OLMo, f"{device}312000000000000\n".encode()) == {
        "gpu_name": "NVIDIA H200",
        "mfu_peak_flops": 312_000_000_000_000,
    }
    assert facts(OLMo, f"{device}None\n".encode()) == {"gpu_name": "NVIDIA H200"}


def test_a_resumed_run_of_olmo_core_is_noticed() -> None:
    """It says from which step it goes on."""
    text = "x\tolmo_core.train.trainer:1035\tINFO\tWill resume training from step 1000, epoch 1\n"
    assert [r.kind for r in read(OLMo, text.encode()) if isinstance(r, Notice)] == ["resume"]


def test_the_blocks_that_people_pasted_are_read() -> None:
    """A run that collapsed (OLMo issue 692): values below 0.0001 have all their digits and an exponent."""
    text = (
        "    System/Peak GPU Memory (MB)=6,784\n"
        "2024-08-06 10:00:05.520 intern-studio-160750:0  olmo.train:908  INFO    [step=2/739328,epoch=0]\n"
        "    optim/total_grad_norm=0.0002\n    train/CrossEntropyLoss=1.7872662283480167e-06\n"
        "    throughput/total_training_log_Gflops=16.14\n    throughput/device/tokens_per_second=26,668\n"
        "    System/Peak GPU Memory (MB)=53,695\n"
    )
    found = curves(OLMo, text.encode())
    assert (found["train_loss"], found["grad_norm"]) == ([(2, 1.7872662283480167e-06)], [(2, 0.0002)])
    assert (found["tokens_per_second"], found["memory_bytes"]) == ([(2, 26668.0)], [(2, 53695e6)])


@pytest.mark.parametrize("header", ["[step=7/2500]", "[step=7/???,epoch=1]", "[step=7/2500,epoch=1,eta=2days3h]"])
def test_all_headers_tell_the_step(header: str) -> None:
    """Older versions print no epoch, OLMo-core a remaining time, or ??? for a run without an end."""
    for before in ("", head(7), "[rank0]: ", "0: "):
        assert curves(OLMo, f"{before}{header}\n    train/CE loss=3.452\n".encode())["train_loss"] == [(7, 3.452)]


def test_the_start_tells_the_model_and_the_plan() -> None:
    """The configuration is printed as one line of Python."""
    assert facts(OLMo, START.encode()) == {
        "run_name": "OLMo-1B",
        "n_embd": 2048,
        "n_head": 16,
        "n_layer": 16,
        "block_size": 4096,
        "vocab_size": 50280,
        "learning_rate": 0.0004,
        "weight_decay": 0.1,
        "warmup_steps": 2000,
        "global_batch_size": 512,
        "batch_size": 8,
        "gradient_accumulation_steps": 8,
        "grad_clip": 1.0,
        "eval_interval": 20,
        "parameters": 1_279_787_008,
    }


def test_evaluations_belong_to_the_step_before_them() -> None:
    """The first set is val_loss, the second goes by its name; eval_step is no step."""
    found = curves(OLMo, (block(20) + evaluation(20) + block(21)).encode())
    assert found["val_loss"] == [(20, 10.25)]
    assert found["val_loss/pile-validation"] == [(20, 11.25)]
    assert [step for step, _ in found["train_loss"]] == [20, 21]


def test_evaluations_of_olmo_core_belong_to_the_step_that_follows() -> None:
    """They run before the block of their step is printed."""
    text = (
        "[step=999/2500,epoch=1]\n[eval=lm,step=5/5]\nFinished lm evals in 3.2 seconds. Metrics:\n"
        "    c4_en-validation/CE loss=3.301\n    c4_en-validation/PPL=27.14\n    pile/CE loss=2.801\n"
        "[step=1000/2500,epoch=1,eta=1h]\n    train/CE loss=3.310\n"
    )
    assert curves(OLMo, text.encode()) == {
        "val_loss": [(1000, 3.301)],
        "val_loss/pile": [(1000, 2.801)],
        "train_loss": [(1000, 3.31)],
    }


def test_nan_is_what_the_log_said_and_a_rate_of_too_few_digits_is_not() -> None:
    """A loss that is no number is data; 0.0412 batches a second are not told within 0.1 %."""
    text = "[step=1/9]\n    train/CrossEntropyLoss=nan\n    throughput/device/batches_per_second=0.0412\n"
    assert list(curves(OLMo, text.encode())) == ["train_loss"]


def test_checkpoints_and_the_end_are_noticed() -> None:
    """Also at what step they came."""
    notices = [r for r in read(OLMo, log()) if isinstance(r, Notice)]
    assert [(n.kind, n.step) for n in notices] == [("checkpoint", 60), ("end", 60)]


def test_a_second_run_in_the_log_is_a_new_segment() -> None:
    """Its steps begin at 1 again."""
    records = read(OLMo, log(30) + log(20))
    assert [r.step for r in records if isinstance(r, Restart)] == [1]
    assert len(run_of(records).segments) == 2


def test_look_alikes_give_nothing() -> None:
    """The trainer's own source, prose, and a header alone, which others print too."""
    for text in (
        'self.log_metrics_to_console(f"[step={self.global_step}/{self.max_steps}]", metrics)\n',
        "The train/CrossEntropyLoss=3.2 was what we saw.\n",
        '    "train/CE loss=3.2"\n',
    ):
        assert curves(OLMo, (text * 20).encode()) == {}
        assert OLMo.sniff((text * 20).encode()) == 0
    assert OLMo.sniff(b"[step=1/9]\n[step=2/9]\n") == 0


@pytest.mark.parametrize("name", ["olmo150M_tied_emb.log", "wandb_output.log"])
def test_a_published_log_is_read_whole(name: str) -> None:
    """A block every 10 steps up to 370."""
    found = curves(OLMo, published(f"olmo/{name}"))
    assert [step for step, _ in found["train_loss"]] == list(range(10, 371, 10))
    assert found["train_loss"][0] == (10, 9.064)


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(OLMo, log())
    for text in (block(1).encode(), (block(1) + block(400)).encode(), (block(20) + evaluation(20)).encode()):
        for end in range(1, min(9, text.count(b"\n"))):
            assert_cut_rows_give_no_wrong_number(OLMo, b"\n".join(text.split(b"\n")[:-end]) + b"\n")
    assert_cut_rows_give_no_wrong_number(OLMo, log())
    assert_survives_noise(OLMo, log())
