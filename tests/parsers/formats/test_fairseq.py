"""fairseq's rows in three layouts, its evaluations, its bits, and metaseq's rows."""

from __future__ import annotations

import math

import pytest
from format_checks import (
    Curves,
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
    run_of,
)
from logs_fairseq import START, log

from parsers.clean import clean
from parsers.formats.fairseq import Fairseq
from parsers.records import Notice, Points

FIELDS = (
    "loss=11.521, nll_loss=10.881, ppl=1886.05, wps=52480, ups=0.5, wpb=104960, bsz=5325, num_updates=445,"
    " lr=8.90889e-05, gnorm=1.543, clip=0%, oom=0, loss_scale=2.000, wall=882, train_wall=756"
)
ROW = {
    ("train_loss", 445): 11.521 * math.log(2),
    ("tokens_per_second", 445): 52480.0,
    ("step_seconds", 445): 2.0,
    ("learning_rate", 445): 8.90889e-05,
    ("grad_norm", 445): 1.543,
    ("loss_scale", 445): 2.0,
}
CLOCK = "wall_seconds"


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def flat(found: Curves) -> dict[tuple[str, int], float]:
    """Each point by metric and step, without what the clock in front of the rows tells."""
    return {(name, step): v for name, points in found.items() for step, v in points if name != CLOCK}


@pytest.mark.parametrize(
    "head",
    [
        "| epoch 001:    450 / 1891 ",
        "2021-03-08 12:31:36 | INFO | train_inner | epoch 001:    450 / 1891 ",
        "epoch 001:  24%|██▍       | 450/1891 [00:07<04:52,  7.43s/it, ",
    ],
    ids=["2019", "2021", "bar"],
)
def test_a_row_gives_its_metrics_in_si_units(head: str) -> None:
    """Bits become nats; an update takes its tokens through the tokens per second; the % of clip ends no row."""
    found = flat(curves(Fairseq, lines(head + FIELDS + ("]" if "%|" in head else ""))))
    assert found == pytest.approx(ROW)


def test_a_row_of_json_has_strings_for_numbers() -> None:
    """--log-format json; the first wps is 0, which is unknown, and with it the seconds."""
    text = lines(
        '2021-03-08 12:31:36 | INFO | train_inner | {"epoch": 1, "update": 0.0, "loss": "16.475", "ppl": "91120.8",'
        ' "wps": "0", "ups": "0", "wpb": "16384", "bsz": "8", "num_updates": "1", "lr": "2e-05", "gnorm": "20.751",'
        ' "loss_scale": "4", "train_wall": "99", "gb_free": "9.3", "wall": "105"}',
        '{"epoch": 1, "update": 0.001, "loss": "16.446", "clip": "100%", "wps": "8192", "wpb": "16384",'
        ' "num_updates": "2", "lr": null, "gnorm": "19.777"}',
    )
    found = curves(Fairseq, text)
    assert dict(found["train_loss"]) == pytest.approx({1: 16.475 * math.log(2), 2: 16.446 * math.log(2)})
    assert found["tokens_per_second"] == [(2, 8192.0)]
    assert found["step_seconds"] == [(2, 2.0)]
    assert (found["grad_norm"], found["learning_rate"]) == ([(1, 20.751), (2, 19.777)], [(1, 2e-05)])


def test_metaseqs_rows_are_read_behind_their_process() -> None:
    """No "update"; norms of single layers are not the norm; the reserved memory is in GiB."""
    text = lines(
        'slurm_procid 0 : 2022-11-11 14:05:29 | INFO | train_inner | {"epoch": 1, "gnorm_layer0": "0.5",'
        ' "gmax__fsdp_wrapped_module.flat_param_0": "0.0337", "actv_norm": "0.035", "loss": "15.864",'
        ' "ppl": "59660.5", "wps": "524290", "ups": "0.71", "wpb": "1.04858e+06", "bsz": "512", "num_updates": "2",'
        ' "lr": "5.60224e-07", "gnorm": "16.783", "cuda_gb_allocated": "19.9", "cuda_gb_reserved": "51.5"}'
    )
    found = curves(Fairseq, text)
    assert (found["grad_norm"], found["memory_bytes"]) == ([(2, 16.783)], [(2, 51.5 * 2**30)])
    assert dict(found["step_seconds"]) == pytest.approx({2: 1048580 / 524290})
    assert "train_loss" in found


@pytest.mark.parametrize(
    "line",
    [
        (
            "2023-06-13 17:32:41 | INFO | valid | epoch 143 | valid on 'valid' subset | loss 12.677 | ppl 6 | wps 8 |"
            " num_updates 40297 | best_bleu 30.53"
        ),
        "| epoch 143 | valid on 'valid' subset | valid_loss 12.677 | valid_nll_loss 6.8834 | num_updates 40297",
        (
            '2021-01-12 14:37:14 | INFO | valid | {"epoch": 143, "valid_loss": "12.677", "valid_nll_loss": "8.101",'
            ' "valid_ppl": "274.56", "valid_num_updates": "40297", "valid_best_loss": "8.751"}'
        ),
    ],
    ids=["2023", "2019", "json"],
)
def test_an_evaluation_stands_at_its_updates(line: str) -> None:
    """In bits too."""
    assert flat(curves(Fairseq, lines(line))) == pytest.approx({("val_loss", 40297): 12.677 * math.log(2)})


def test_further_sets_keep_their_names() -> None:
    """--valid-subset may name several; their losses do not mix."""
    text = lines(
        "x | INFO | valid | epoch 001 | valid on 'valid' subset | loss 8 | num_updates 10",
        "x | INFO | valid1 | epoch 001 | valid on 'valid1' subset | loss 9 | num_updates 10",
    )
    assert sorted(curves(Fairseq, text)) == ["val_loss", "val_loss/valid1"]


def test_the_rows_that_people_pasted_are_read() -> None:
    """Of a translation in 2019 (issue 940), which has no timestamp, and of one on a TPU in 2020 (issue 2338)."""
    text = lines(
        "| epoch 001:    500 / 1891 loss=11.346, nll_loss=10.678, ppl=1637.83, wps=53351, ups=0.5, wpb=104872,"
        " bsz=5322, num_updates=495, lr=9.90876e-05, gnorm=1.507, clip=0%, oom=0, loss_scale=2.000, wall=973,"
        " train_wall=840",
        "| epoch 001 | valid on 'valid' subset | valid_loss 8.11425 | valid_nll_loss 6.8834 | valid_ppl 118.06 |"
        " num_updates 600",
        "2020-07-17 07:11:02 | INFO | train_inner | epoch 001:   2800 / 160368 loss=9.255, ppl=611.12, wps=57.3,"
        " ups=0.04, wpb=1613, bsz=80, num_updates=2800, lr=2.8e-05, gnorm=3.23, train_wall=13, wall=1236",
    )
    found = curves(Fairseq, text)
    assert dict(found["train_loss"]) == pytest.approx({495: 11.346 * math.log(2), 2800: 9.255 * math.log(2)})
    assert dict(found["val_loss"]) == pytest.approx({600: 8.11425 * math.log(2)})
    assert dict(found["step_seconds"]) == pytest.approx({495: 104872 / 53351, 2800: 1613 / 57.3})


def test_the_summary_of_an_epoch_is_no_row() -> None:
    """It repeats the mean over the epoch, in text and in JSON."""
    text = lines(
        "| epoch 005 | loss 0.158 | nll_loss 0.000 | ppl 1 | wps 770 | num_updates 27301 | lr 1e-05 | gnorm 25.694",
        'x | INFO | train | {"epoch": 1, "train_loss": "15.92", "train_ppl": "62007.4", "train_num_updates": "30"}',
    )
    assert curves(Fairseq, text) == {}


def test_the_start_tells_the_plan_and_the_model() -> None:
    """The settings stand on one line; 0 switches clipping and the limit of epochs off."""
    known = facts(Fairseq, START.encode())
    assert (known["planned_steps"], known["block_size"], known["warmup_steps"]) == (50000, 512, 4000)
    assert (known["gradient_accumulation_steps"], known["world_size"], known["learning_rate"]) == (16, 8, 0.0005)
    assert known["dtype"] == "float16"
    assert (known["parameters"], known["dropout"], known["weight_decay"]) == (126_924_800, 0.1, 0.01)
    assert not {"grad_clip", "planned_epochs"} & known.keys()
    older = (
        b"Namespace(arch='transformer', clip_norm=25, dropout=0.0, lr=[0.0005], max_update=200000, update_freq=[8])\n"
    )
    assert facts(Fairseq, older + b"| num. model params: 60526592 (num. trained: 60526592)\n") == {
        "grad_clip": 25,
        "dropout": 0.0,
        "learning_rate": 0.0005,
        "planned_steps": 200000,
        "gradient_accumulation_steps": 8,
        "parameters": 60_526_592,
    }


def test_checkpoints_resumes_and_the_end_are_noticed() -> None:
    """Each with the updates that were printed before it."""
    text = lines(
        "| epoch 001:    450 / 1891 " + FIELDS,
        "| saved checkpoint checkpoints/checkpoint5.pt (epoch 5 @ 27301 updates) (writing took 12.92 seconds)",
        "x | INFO | fairseq.trainer | Loaded checkpoint c/checkpoint_last.pt (epoch 6 @ 27301 updates)",
        "| done training in 249225.2 seconds",
    )
    notices = [(r.kind, r.step) for r in read(Fairseq, text) if isinstance(r, Notice)]
    assert notices == [("checkpoint", 445), ("resume", 445), ("end", 445)]


def test_rows_carry_the_time_of_day() -> None:
    """The logger writes it before each row."""
    points = [r for r in read(Fairseq, log(5)) if isinstance(r, Points) and "train_loss" in r.columns]
    assert points[0].seconds is not None
    assert (points[0].seconds - points[0].seconds[0]).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_bars_that_are_drawn_again_count_once() -> None:
    """The bar shows the newest numbers until there are others."""
    bar = (
        "\repoch 001:  24%|██▍       | {0}/1891 [00:07<04:52,  7.43it/s, loss=9.5, wps=100, num_updates={1}, gnorm=1.5]"
    )
    text = "".join(bar.format(at, at - at % 10) for at in range(10, 60)).encode()
    assert [step for step, _ in curves(Fairseq, text)["train_loss"]] == [10, 20, 30, 40, 50]
    assert Fairseq.sniff(clean(text)) == 1.0


def test_look_alikes_give_nothing() -> None:
    """Other bars and JSON, the progress bar's own source and prose are no rows."""
    text = (
        b"Epoch 1:   4%|xx  | 40/1095 [00:03<01:37, 10.84it/s, v_num=10, train_loss=2.31]\n"
        b'{"epoch": 1, "loss": 3.5, "step": 10}\n'
        b'                    "{}:  {:5d} / {:d} {}".format(self.prefix, self.i + 1, self.size, postfix)\n'
        b"# | epoch 001:    450 / 1891 loss=11.521, num_updates=445, lr=0.1\n"
        b"the loss of epoch 001:    450 / 1891 loss=11.521, num_updates=445\n"
        b"epoch 001: 1 / 2 loss=3.5\n"
    )
    assert curves(Fairseq, text) == {}
    assert Fairseq.sniff(text) == 0.0


def test_a_second_run_in_the_same_log_opens_a_segment() -> None:
    """Two runs appended to one file."""
    run = run_of(read(Fairseq, log(20) + log(10)))
    assert len(run.segments) == 2
    assert run.series("train_loss").steps.tolist() == list(range(100, 1001, 100))


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Fairseq, log())
    assert_cut_rows_give_no_wrong_number(Fairseq, log())
    assert_survives_noise(Fairseq, log())
