"""MLflow's file store as a source: which run, its metrics, params and end."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow_files import FAILED, FINISHED, KILLED, log, meta, mlflow_run
from polled import curve, facts, only, poll_out

from parsers.formats.mlflow import MLflow
from parsers.records import Notice, Points, Recognised, Restart
from parsers.stores.mlflow_files import newest_run, read_lines

CURVE = [(10 * n, 5.0 - n / 8) for n in range(20)]


def test_metrics_come_back_point_for_point(tmp_path: Path) -> None:
    """Metrics of the same calls are one block with their times; names may have slashes; Recognised comes first."""
    run = mlflow_run(tmp_path / "run")
    log(run, "train/loss", CURVE)
    log(run, "learning_rate", [(step, 1e-3) for step, _ in CURVE])
    log(run, "system/cpu_utilization_percentage", CURVE)
    records = poll_out(MLflow(run))
    assert isinstance(records[0], Recognised)
    assert curve(records, "train_loss") == CURVE
    (block,) = only(Points, records)
    assert set(block.columns) == {"train_loss", "learning_rate"}
    assert block.seconds is not None
    assert block.seconds.tolist() == [1.7e9 + n for n in range(20)]


def test_a_growing_run_gives_each_line_once(tmp_path: Path) -> None:
    """Lines that come byte by byte are given once each, when they are whole; a metric may appear later."""
    run = mlflow_run(tmp_path / "run")
    log(tmp_path / "other", "loss", CURVE)
    text = (tmp_path / "other" / "metrics" / "loss").read_bytes()
    store = MLflow(run)
    records = store.poll()
    assert "has no metric so far" in str(store.waiting_for)
    halves = set()
    with (run / "metrics" / "loss").open("wb", buffering=0) as file:
        for at in range(len(text)):
            file.write(text[at : at + 1])
            records += store.poll()
            halves.add(store.half_line)
    log(run, "val_loss", [(190, 4.0)])
    records += store.poll()
    assert curve(records, "train_loss") == CURVE
    assert curve(records, "val_loss") == [(190, 4.0)]
    assert halves == {True, False}
    assert store.poll() == []


def test_a_long_metric_takes_several_polls_and_is_told_at_once(tmp_path: Path) -> None:
    """What needs several polls is told in its order, with the restart where the run was resumed in the same files."""
    run = mlflow_run(tmp_path / "run")
    points = [(n, 1.0) for n in range(60_000)]
    log(run, "loss", points)
    log(run, "val_loss", [(n, 2.0) for n in range(0, 60_000, 1000)], 1_700_000_000_500)
    log(run, "loss", points[50_000:], 1_800_000_000_000)
    log(run, "val_loss", [(50_000, 2.0)], 1_800_000_000_000)
    store = MLflow(run)
    records = store.poll()
    assert not store.caught_up
    assert 0.0 < (store.progress or 0.0) < 1.0
    records += poll_out(store)
    (restart,) = only(Restart, records)
    at = records.index(restart)
    assert (restart.step, restart.why) == (50_000, "the steps went back from 59999 to 50000")
    assert [step for step, _ in curve(records[:at], "train_loss")] == list(range(60_000))
    assert [step for step, _ in curve(records[at:], "train_loss")] == list(range(50_000, 60_000))
    assert curve(records[at:], "val_loss") == [(50_000, 2.0)]


def test_a_restart_within_one_millisecond_ends(tmp_path: Path) -> None:
    """Steps that go back again and again at one time are as many restarts, and the reading ends."""
    run = mlflow_run(tmp_path / "run")
    for step in (5, 0, 5, 0):
        log(run, "loss", [(step, 1.0)])
        log(run, "val_loss", [(step, 1.0)])
    records = poll_out(MLflow(run))
    assert [step for step, _ in curve(records, "train_loss")] == [5, 0, 5, 0]
    assert [step for step, _ in curve(records, "val_loss")] == [5, 0, 5, 0]
    assert [r.step for r in only(Restart, records)][:2] == [0, 0]


def test_values_without_steps_are_numbered(tmp_path: Path) -> None:
    """MLflow writes step 0 where the code passes none: then the values are numbered, and the traits say rows."""
    run = mlflow_run(tmp_path / "run")
    log(run, "loss", [(0, 3.0), (0, 2.0), (0, 1.0)])
    store = MLflow(run)
    records = poll_out(store)
    log(run, "loss", [(0, 0.5)])
    assert curve([*records, *store.poll()], "train_loss") == [(0, 3.0), (1, 2.0), (2, 1.0), (3, 0.5)]
    assert only(Recognised, records)[0].traits.steps_count == "rows"


def test_steps_that_begin_with_zero_stay_steps(tmp_path: Path) -> None:
    """A first value at step 0 and a second at step 100 are steps as logged, also when they come in two polls."""
    run = mlflow_run(tmp_path / "run")
    log(run, "loss", [(0, 3.0)])
    store = MLflow(run)
    records = store.poll()
    log(run, "loss", [(100, 2.0)])
    assert curve([*records, *store.poll()], "train_loss") == [(0, 3.0), (100, 2.0)]
    assert only(Recognised, records)[0].traits.steps_count == "updates"


def test_params_are_facts(tmp_path: Path) -> None:
    """Params are facts of origin config though MLflow keeps them as text; later ones are told when they come."""
    run = mlflow_run(tmp_path / "run", {"n_layer": "12", "learning_rate": "0.001", "max_steps": "500", "x": "None"})
    store = MLflow(run)
    known = facts(store.poll())
    assert (known["n_layer"], known["learning_rate"], known["planned_steps"]) == (12, 1e-3, 500)
    assert known["run_name"] == "wide"
    (run / "params" / "n_head").write_text("6")
    assert facts(store.poll()) == {"n_head": 6}


@pytest.mark.parametrize(("status", "kind"), [(FINISHED, "end"), (FAILED, "traceback"), (KILLED, "warning")])
def test_the_status_ends_the_run(tmp_path: Path, status: int, kind: str) -> None:
    """A status that ends the run is told once, after its rows; before that nothing is over."""
    run = mlflow_run(tmp_path / "run")
    log(run, "loss", CURVE)
    store = MLflow(run)
    assert only(Notice, store.poll()) == []
    assert not store.done
    log(run, "loss", [(200, 1.0)])
    meta(run, status)
    records = store.poll()
    assert curve(records, "train_loss") == [(200, 1.0)]
    assert [(n.kind, n.step) for n in only(Notice, records)] == [(kind, 200)]
    assert store.done
    assert store.poll() == []


def test_the_newest_run_with_metrics_is_taken(tmp_path: Path) -> None:
    """Of an experiment or a whole store the run that began last is read, and it says so; empty ones come last."""
    store = tmp_path / "mlruns"
    for name, started in (("old", 10), ("new", 20), ("empty", 30)):
        run = mlflow_run(store / "7" / name, started=started)
        if name != "empty":
            log(run, "loss", [(started, 1.0)])
    (store / "7" / "meta.yaml").write_text("experiment_id: '7'\n")
    (store / ".trash").mkdir()
    for path in (store, store / "7"):
        assert MLflow.holds(path, b"")
        records = poll_out(MLflow(path))
        assert curve(records, "train_loss") == [(20, 1.0)]
        assert "run new, the newest" in only(Recognised, records)[0].why
    assert newest_run(store / "7" / "old") == store / "7" / "old"


def test_other_directories_are_none(tmp_path: Path) -> None:
    """A directory without runs, a file, and nothing at all are no store; what was one keeps its words."""
    assert not MLflow.holds(tmp_path, b"")
    assert not MLflow.holds(tmp_path / "absent", b"")
    assert not MLflow.holds(tmp_path, b"text")
    store = MLflow(tmp_path)
    assert store.poll() == []
    assert "holds no MLflow run yet" in str(store.waiting_for)


def test_a_metric_that_was_replaced_is_a_restart(tmp_path: Path) -> None:
    """Files of metrics that are written anew begin a new segment."""
    run = mlflow_run(tmp_path / "run")
    log(run, "loss", CURVE)
    store = MLflow(run)
    store.poll()
    (run / "metrics" / "loss").unlink()
    log(run, "loss", [(0, 9.0)])
    records = store.poll()
    assert isinstance(records[0], Restart)
    assert curve(records, "train_loss") == [(0, 9.0)]


def test_lines_of_all_ages_are_read() -> None:
    """Lines without a step (old), with a data set (new), with NaN and infinity; what is no such line is left out."""
    text = b"1000 1.5\n2000 nan 2\n3000 -inf 3\n4000 2.0 4 name digest\nhalf\n5000 x 5\n\n6000 1 1e300\n7000 3.0 7\n"
    lines = read_lines(text)
    assert lines.seconds.tolist() == [1.0, 2.0, 3.0, 4.0, 7.0]
    assert lines.steps.tolist() == [0, 2, 3, 4, 7]
    assert np.array_equal(lines.values, [1.5, math.nan, -math.inf, 2.0, 3.0], equal_nan=True)


@given(st.binary(max_size=200), st.binary(max_size=100), st.binary(max_size=100))
def test_random_bytes_never_raise(
    tmp_path_factory: pytest.TempPathFactory, metric: bytes, about: bytes, value: bytes
) -> None:
    """Whatever bytes stand in a metric, meta.yaml and a param, reading them raises nothing."""
    run = mlflow_run(tmp_path_factory.mktemp("noise") / "run")
    (run / "metrics" / "loss").write_bytes(metric)
    (run / "meta.yaml").write_bytes(about)
    (run / "params" / "n_layer").write_bytes(value)
    assert isinstance(poll_out(MLflow(run))[0], Recognised)
