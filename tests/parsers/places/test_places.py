"""Which runs a folder holds: the layouts that trainers and loggers make, and folders that must not hold it up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_store import MAGIC, Events, know_these

from parsers.formats import nanogpt
from parsers.places import places_look, places_walk
from parsers.places.places import Place, runs_in, store_of

NOW = 1_800_000_000.0
EVENT = MAGIC + b"1 2.5\n"
STATE = b'{"log_history": []}'


@pytest.fixture(autouse=True)
def _stores(monkeypatch: pytest.MonkeyPatch) -> None:
    know_these(monkeypatch)


def log(shift: float = 0.0, steps: int = 20, every: int = 1) -> bytes:
    """What nanoGPT prints; another shift is another run."""
    rows = [f"iter {i}: loss {3 + shift + 1 / (i + 1):.4f}, time 60.00ms, mfu 1.00%\n" for i in range(0, steps, every)]
    return "".join(rows).encode()


def put(path: Path, content: bytes, age: float = 0.0) -> Path:
    """A file that was written so many seconds before NOW."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def taken(root: Path, format_name: str | None = None) -> list[str]:
    """The paths of the runs, the newest first."""
    return [str(place.path.relative_to(root)) for place in runs_in(root, format_name)]


def test_logs_come_newest_first_and_say_what_they_are(tmp_path: Path) -> None:
    """Kind, format, time and the words that it was recognised by."""
    put(tmp_path / "a" / "train.log", log(), 500)
    put(tmp_path / "b" / "train.log", log(1), 100)
    put(tmp_path / "notes.txt", b"buy milk\n")

    found = runs_in(tmp_path)

    assert taken(tmp_path) == ["b/train.log", "a/train.log"]
    assert found[0] == Place(tmp_path / "b" / "train.log", "log", "nanogpt", NOW - 100, found[0].why)
    assert "iter" in found[0].why


def test_a_log_whose_first_pages_are_its_source_code_is_known_by_its_last_lines(tmp_path: Path) -> None:
    """Some trainers print all their source first."""
    code = b"".join(b"x%d = y[%d] + z\n" % (i, i) for i in range(20_000))
    put(tmp_path / "train.log", code + log())

    assert taken(tmp_path) == ["train.log"]


@pytest.mark.parametrize("name", ["slurm-7.out", "job.o123", "nohup.out", "stdout", "train.LOG", "x.stderr"])
def test_the_names_that_schedulers_and_shells_give_are_looked_at(tmp_path: Path, name: str) -> None:
    """With a suffix, without one, in capitals."""
    put(tmp_path / name, log())

    assert taken(tmp_path) == [name]


def test_output_and_errors_of_one_job_are_one_run(tmp_path: Path) -> None:
    """slurm-7.out and slurm-7.err: of two logs the newest is taken, and the other one is named."""
    put(tmp_path / "slurm-7.err", log(1), 50)
    put(tmp_path / "slurm-7.out", log(2), 10)
    put(tmp_path / "slurm-8.out", log(3), 5)

    assert taken(tmp_path) == ["slurm-8.out", "slurm-7.out"]
    assert "slurm-7.err says less of the same run" in runs_in(tmp_path)[1].why


def test_logs_that_print_the_same_losses_are_one_run(tmp_path: Path) -> None:
    """A log.txt of each tenth step and the whole output, beside each other or one folder apart; others are not."""
    put(tmp_path / "log" / "log.txt", log(steps=200, every=10), 0)
    put(tmp_path / "train.out", log(steps=200), 3)
    put(tmp_path / "other.out", log(0.5, steps=200), 9)

    assert taken(tmp_path) == ["log/log.txt", "other.out"]
    assert "train.out" in runs_in(tmp_path)[0].why


def test_runs_that_share_only_their_first_steps_are_two(tmp_path: Path) -> None:
    """The same seed with another schedule."""
    first = log(steps=10)
    put(tmp_path / "a.log", first + log(0.0, steps=200)[len(first) :])
    put(tmp_path / "b.log", first + log(0.1, steps=200)[len(first) :], 1)

    assert taken(tmp_path) == ["a.log", "b.log"]


def test_weights_and_biases_gives_its_output_or_else_its_record(tmp_path: Path) -> None:
    """output.log where it has steps; latest-run is no other run."""
    wandb = tmp_path / "wandb"
    put(wandb / "run-20260101_120000-abc" / "run-abc.wandb", b":W&B\0", 10)
    put(wandb / "run-20260101_120000-abc" / "files" / "output.log", log(), 11)
    put(wandb / "offline-run-20260102_120000-xyz" / "run-xyz.wandb", b":W&B\0", 5)
    put(wandb / "offline-run-20260102_120000-xyz" / "files" / "output.log", b"Saving model\n", 5)
    (wandb / "latest-run").symlink_to("offline-run-20260102_120000-xyz")

    assert taken(tmp_path) == [
        "wandb/offline-run-20260102_120000-xyz/run-xyz.wandb",
        "wandb/run-20260101_120000-abc/files/output.log",
    ]
    assert taken(wandb / "latest-run") == ["run-xyz.wandb"]
    assert "run-abc.wandb says less" in runs_in(tmp_path)[1].why
    assert runs_in(tmp_path)[1].modified == NOW - 10


def test_a_run_that_weights_and_biases_resumed_is_one(tmp_path: Path) -> None:
    """Folders of one ID are one run, whose newest record is taken: each output.log tells of one start only."""
    wandb = tmp_path / "wandb"
    for day, run, age in ((1, "my-run", 30), (2, "my-run", 10), (3, "my-run-2", 20)):
        put(wandb / f"run-2026010{day}_120000-{run}" / f"run-{run}.wandb", b":W&B\0", age)
        put(wandb / f"run-2026010{day}_120000-{run}" / "files" / "output.log", log(day), age)

    assert taken(tmp_path) == [
        "wandb/run-20260102_120000-my-run/run-my-run.wandb",
        "wandb/run-20260103_120000-my-run-2/files/output.log",
    ]


def test_two_runs_of_weights_and_biases_in_one_job_stay_its_own(tmp_path: Path) -> None:
    """A folder of Hydra with two runs of W&B is the job's: its log says more than their records."""
    put(tmp_path / "job" / ".hydra" / "config.yaml", b"lr: 1\n")
    put(tmp_path / "job" / "train.log", log(), 20)
    for run in ("abc", "xyz"):
        put(tmp_path / "job" / "wandb" / f"run-20260101_120000-{run}" / f"run-{run}.wandb", b":W&B\0", 5)

    assert taken(tmp_path) == ["job/train.log"]


def test_a_folder_of_hydra_is_one_run_with_all_below_it(tmp_path: Path) -> None:
    """Its log, and the loggers' folders inside."""
    job = tmp_path / "outputs" / "2026-01-01" / "12-00-00"
    put(job / ".hydra" / "config.yaml", b"lr: 1\n")
    put(job / "train.log", log(), 20)
    put(job / "lightning_logs" / "version_0" / "events.out.tfevents.1.host", EVENT, 2)
    put(tmp_path / "outputs" / "2026-01-01" / "13-00-00" / "train.log", log(1), 1)

    assert taken(tmp_path) == [
        "outputs/2026-01-01/13-00-00/train.log",
        "outputs/2026-01-01/12-00-00/train.log",
    ]


def test_event_files_of_one_folder_are_one_run_taken_by_its_folder(tmp_path: Path) -> None:
    """A restart writes another file; each folder of runs/ is a run."""
    put(tmp_path / "runs" / "a" / "events.out.tfevents.1.host", EVENT, 50)
    put(tmp_path / "runs" / "a" / "events.out.tfevents.2.host", EVENT, 3)
    put(tmp_path / "runs" / "b" / "events.out.tfevents.3.host", EVENT, 9)

    assert taken(tmp_path) == ["runs/a", "runs/b"]
    assert [(place.kind, place.modified) for place in runs_in(tmp_path)] == [("store", NOW - 3), ("store", NOW - 9)]


def test_a_store_and_a_single_log_in_one_folder_are_one_run(tmp_path: Path) -> None:
    """The log is richer: it has the settings and the last words."""
    put(tmp_path / "exp" / "train.log", log(), 9)
    put(tmp_path / "exp" / "events.out.tfevents.1.host", EVENT, 2)

    assert taken(tmp_path) == ["exp/train.log"]


@pytest.mark.parametrize(
    ("age", "wanted"), [(1.0, "trainer_state.json"), (500.0, "checkpoint-1000/trainer_state.json")]
)
def test_of_checkpoints_the_highest_step_is_taken_or_the_state_of_the_end(
    tmp_path: Path, age: float, wanted: str
) -> None:
    """Not checkpoint-900 for its name; the state beside them where it is the newest."""
    for step, old in ((500, 30), (900, 20), (1000, 10)):
        put(tmp_path / f"checkpoint-{step}" / "trainer_state.json", STATE, old)
    put(tmp_path / "trainer_state.json", STATE, age)

    assert taken(tmp_path) == [wanted]


def test_event_files_below_an_output_folder_are_of_the_same_run(tmp_path: Path) -> None:
    """They are written at each log, the state at each save only; another folder there is another run."""
    put(tmp_path / "out" / "checkpoint-500" / "trainer_state.json", STATE, 10)
    put(tmp_path / "out" / "runs" / "Jan01_host" / "events.out.tfevents.1.host", EVENT, 2)
    put(tmp_path / "out" / "sweep" / "train.log", log(), 1)

    assert taken(tmp_path) == ["out/sweep/train.log", "out/runs/Jan01_host"]


def test_the_parts_of_an_mlflow_run_are_no_logs(tmp_path: Path) -> None:
    """Its folder is the run, as new as its newest metric; an experiment and a model are none."""
    run = tmp_path / "mlruns" / "0" / "abc"
    put(tmp_path / "mlruns" / "0" / "meta.yaml", b"a: 1\n")
    put(tmp_path / "mlruns" / "0" / "models" / "m-1" / "metrics" / "loss", b"1 2.5 0\n")
    put(tmp_path / "mlruns" / "0" / "models" / "m-1" / "meta.yaml", b"a: 1\n")
    put(run / "meta.yaml", b"a: 1\n", 900)
    put(run / "metrics" / "loss", b"1 2.5 0\n" + log(), 5)

    assert taken(tmp_path) == ["mlruns/0/abc"]
    assert runs_in(tmp_path)[0].modified == NOW - 5


def test_only_what_is_of_the_format_that_was_named_is_given(tmp_path: Path) -> None:
    """--format picks among the files of one run too."""
    put(tmp_path / "train.log", log(), 9)
    put(tmp_path / "events.out.tfevents.1.host", EVENT, 2)

    assert taken(tmp_path, "tensorboard") == ["."]
    assert taken(tmp_path, "nanogpt") == ["train.log"]
    assert taken(tmp_path, "wandb") == []


def test_links_that_go_round_end_and_a_linked_folder_is_found(tmp_path: Path) -> None:
    """Each folder once, by its real path first."""
    put(tmp_path / "scratch" / "train.log", log())
    root = tmp_path / "home"
    root.mkdir()
    (root / "out").symlink_to(tmp_path / "scratch")
    (root / "self").symlink_to(root)

    assert taken(root) == ["out/train.log"]


def test_what_may_not_be_opened_or_would_wait_is_passed_over(tmp_path: Path) -> None:
    """A pipe, a broken link, a folder without permission, a binary."""
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "gone.log").symlink_to(tmp_path / "nowhere")
    put(tmp_path / "model.out", bytes(range(256)) * 40)
    put(tmp_path / "closed" / "train.log", log(1))
    (tmp_path / "closed").chmod(0)
    put(tmp_path / "train.log", log(), 3)

    found = taken(tmp_path)
    (tmp_path / "closed").chmod(0o755)

    assert found == (["train.log"] if os.geteuid() else ["closed/train.log", "train.log"])


def test_hidden_folders_and_installed_packages_are_no_place_for_runs(tmp_path: Path) -> None:
    """Nor what lies deeper than anybody keeps a run."""
    put(tmp_path / ".cache" / "train.log", log())
    put(tmp_path / "venv" / "train.log", log())
    put(tmp_path / "/".join("abcdefgh") / "train.log", log())

    assert taken(tmp_path) == []


def counted(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[object]:
    """Counts the calls of a function, by its first argument."""
    calls: list[object] = []
    real: Callable[..., object] = getattr(module, name)

    def counting(*args: object) -> object:
        calls.append(args[0])
        return real(*args)

    monkeypatch.setattr(module, name, counting)
    return calls


@pytest.mark.parametrize(
    "name", ["README.txt", "requirements-dev.txt", "tokenizer.json", "LICENSE", "package-lock.json"]
)
def test_what_lies_in_every_project_costs_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Though it is newer than the log."""
    put(tmp_path / name, b"text\n")
    put(tmp_path / "readme_run.log", log(), 5)
    looks = counted(monkeypatch, places_look, "_window")

    assert taken(tmp_path) == ["readme_run.log"]
    assert looks == [tmp_path / "readme_run.log"]


def test_the_work_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many logs the newest are looked at; of many folders the nearest; of a huge folder a part."""
    for number in range(12):
        put(tmp_path / f"{number:02}" / "train.log", log(number), number)
    monkeypatch.setattr("parsers.places.places.LOGS_LOOKED_AT", 3)
    looks = counted(monkeypatch, places_look, "_window")

    assert taken(tmp_path) == ["00/train.log", "01/train.log", "02/train.log"]
    assert len(looks) == 3

    monkeypatch.setattr(places_walk, "FOLDERS", 5)
    assert len(list(places_walk.walk(tmp_path))) == 5
    monkeypatch.setattr(places_walk, "ENTRIES_OF_A_FOLDER", 2)
    assert len(next(iter(places_walk.walk(tmp_path))).folders) == 2


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """Nor does a file."""
    assert runs_in(tmp_path / "nowhere") == []
    assert runs_in(put(tmp_path / "train.log", log())) == []


def test_a_store_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    """One that is not there yet by its name; a text log, a pipe, another missing file and a plain folder are none."""
    os.mkfifo(tmp_path / "pipe")

    assert store_of(put(tmp_path / "x" / "events.out.tfevents.1.host", EVENT)) is Events
    assert store_of(tmp_path / "x") is Events
    assert store_of(tmp_path / "events.out.tfevents.2.host") is Events
    for path in (put(tmp_path / "train.log", log()), tmp_path / "pipe", tmp_path / "nowhere", tmp_path):
        assert store_of(path) is None


def test_a_format_that_fails_is_no_fault_of_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is still a place; its lines are read when it is opened."""

    def broken(self: object, lines: bytes) -> list[object]:
        raise OverflowError("too large")

    monkeypatch.setattr(nanogpt.NanoGPT, "feed", broken)
    put(tmp_path / "train.log", log())

    assert taken(tmp_path) == ["train.log"]
