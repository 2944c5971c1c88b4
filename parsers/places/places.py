"""Which runs a folder holds, the newest first.

A run is a log that a format recognises, or what a library keeps in files of its own (parsers/stores). Several files of
one run count once, and the richest is taken: a trainer's own log, which also has the run's settings and its last
words; then event files and W&B's records; then trainer_state.json, which is as old as the last checkpoint; then tables
(CSV, JSONL); then lines whose meaning is guessed. Of equals the newest is taken.

Files are of one run where they lie in one run's folder: W&B's run-*, Lightning's version_*, Hydra's (it has .hydra), an
output folder of Hugging Face's Trainer (it has trainer_state.json, or checkpoint-* that have), MLflow's. Folders of W&B
with the same ID are of one run that was resumed; its records tell all of it, an output.log one start. Elsewhere each
log of a folder is a run of its own, but for those of one stem (job.out, job.err) and those that print the same losses
at the same steps; a store and a single log in one folder are one run too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from parsers.places.places_look import (
    CHECKPOINT,
    LOG_NAME,
    NO_LOG,
    STORE_NAME,
    Look,
    look_at_log,
    say_the_same,
    store_of,
)
from parsers.places.places_walk import Folder, walk
from parsers.stores.wandb_folders import FOLDER, SUFFIX, run_of

LOGS_LOOKED_AT = 100
LOGS_COMPARED = 12
"""A folder of more logs than that is a collection of runs: they are not compared with each other."""
ONE_RUN = re.compile(FOLDER.pattern + r"|version_\d+")
"""W&B's folder of a run, and that of Lightning's loggers."""
OF_AN_OUTPUT = re.compile(r"checkpoint-\d+|runs|logs")
"""What Hugging Face's Trainer puts below its output folder; other folders there may hold anything."""
RECORDS = {"tensorboard", "wandb"}
TABLES = {"lightning-csv", "csv", "jsonl"}
GUESSES = {"generic", "tqdm"}
PARTS = 8
MLFLOW_PARTS = {"metrics", "params", "tags", "artifacts", "inputs", "outputs", "traces", "models"}

__all__ = ["Place", "runs_in", "store_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is read: a text log, or a store's file or folder."""

    path: Path
    kind: Literal["log", "store"]
    format: str
    """The id of its format or store."""
    modified: float
    """When any file of the run was last written, seconds since 1970."""
    why: str
    """For people: what it was recognised by, and which of the run's other files it was preferred to."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    place: Place
    home: Path | None
    """The run's own folder, None where the folder may hold several runs."""
    look: Look | None

    @property
    def rank(self) -> tuple[int, int, float]:
        """The richest is the lowest."""
        name, is_log = self.place.format, self.place.kind == "log"
        kind = 3 if name in TABLES else 4 if name in GUESSES else 0 if is_log else 1 if name in RECORDS else 2
        # Of two logs that say the same, the one with more columns; it is counted only between a trainer's own logs.
        columns = len(self.look.metrics) if self.look is not None and kind == 0 else 0
        return kind, -columns, -self.place.modified


def runs_in(root: Path, format_name: str | None = None) -> list[Place]:
    """The runs at and below `root`, the newest first; of one format or store only, where one is named.

    Bounded: folders and entries as places_walk says, and the newest LOGS_LOOKED_AT logs. Symbolic links are
    followed once. What may not be read is passed over; nothing raises.
    """
    folders = [folder for folder in walk(root) if not _is_of_mlflow(folder.path)]
    homes = _homes(root, folders)
    found = [*_stores(folders, homes, format_name), *_logs(folders, homes, format_name)]
    runs = [_one(members) for members in _by_run(found)]
    return sorted(runs, key=lambda place: (-place.modified, str(place.path)))


def _is_of_mlflow(path: Path) -> bool:
    """Whether it is a part of a run in MLflow's file store, whose files are no logs."""
    return any(p.name in MLFLOW_PARTS and (p.parent / "meta.yaml").is_file() for p in (path, *path.parents[:4]))


def _homes(root: Path, folders: Iterable[Folder]) -> dict[Path, Path]:
    """Folder -> the outermost folder at or below `root` that is one run's own, where there is one."""
    homes: dict[Path, Path] = {}
    starts: dict[tuple[Path, str], Path] = {}
    outputs: set[Path] = set()
    for folder in folders:  # a folder comes after the one that holds it
        path = folder.path
        above = homes.get(path.parent) if path != root else None
        if above in outputs and path.parent == above and not OF_AN_OUTPUT.fullmatch(path.name):
            above = None
        if above is None and _is_output(folder):
            outputs.add(path)
            above = path
        if above is None and (".hydra" in folder.hidden or ONE_RUN.fullmatch(path.resolve().name)):
            run = _run_of_wandb(folder)
            above = path if run is None else starts.setdefault((path.parent, run), path)
        if above is not None:
            homes[path] = above
    return homes


def _run_of_wandb(folder: Folder) -> str | None:
    """The ID of W&B's run whose folder this is, else None."""
    names = [name for name in folder.files if name.endswith(SUFFIX)]
    return run_of(folder.path, folder.path / names[0]) if names else None


def _is_output(folder: Folder) -> bool:
    """Whether Hugging Face's Trainer saves there."""
    return "trainer_state.json" in folder.files or any(
        CHECKPOINT.fullmatch(name) and (folder.path / name / "trainer_state.json").is_file() for name in folder.folders
    )


def _stores(folders: Iterable[Folder], homes: dict[Path, Path], format_name: str | None) -> list[_Candidate]:
    found = []
    for folder in folders:
        files = [name for name in folder.files if STORE_NAME.search(name)]
        if not files and not any(CHECKPOINT.fullmatch(name) for name in folder.folders):
            continue
        # MLflow's experiments have a meta.yaml too; they hold runs and are none.
        is_run = files != ["meta.yaml"] or "metrics" in folder.folders
        whole = store_of(folder.path) if is_run else None
        kinds = [(folder.path, whole), *((folder.path / name, store_of(folder.path / name)) for name in files)]
        for path, kind in kinds:
            covered = path is not folder.path and kind is whole
            if kind is None or covered or format_name not in (None, kind.name):
                continue
            place = Place(path, "store", kind.name, _modified(path, folder), kind.title)
            home = homes.get(folder.path, folder.path if path is folder.path else None)
            found.append(_Candidate(place, home, None))
    return found


def _modified(path: Path, folder: Folder) -> float:
    """When it was last written; of a folder, when the newest of its files was."""
    if path is not folder.path:
        return _mtime(path)
    inside = [path / name for name in folder.files]
    for name in folder.folders:
        if name in MLFLOW_PARTS:
            inside += [part.path / file for part in islice(walk(path / name), PARTS) for file in part.files]
        elif CHECKPOINT.fullmatch(name):
            inside.append(path / name)
    return max(map(_mtime, inside), default=0.0)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return 0.0


def _logs(folders: Iterable[Folder], homes: dict[Path, Path], format_name: str | None) -> list[_Candidate]:
    named = [(folder.path / name, folder.path) for folder in folders for name in folder.files if _may_be_log(name)]
    aged = sorted(((_mtime(path), path, folder) for path, folder in named), reverse=True)
    found = []
    for modified, path, folder in aged[:LOGS_LOOKED_AT]:
        look = look_at_log(path, format_name)
        # W&B's output.log is all that a program prints: without a step the record beside it says more.
        if look is None or (path.name == "output.log" and not look.metrics):
            continue
        found.append(_Candidate(Place(path, "log", look.format, modified, look.why), homes.get(folder), look))
    return found


def _may_be_log(name: str) -> bool:
    return bool(LOG_NAME.search(name)) and not (STORE_NAME.search(name) or NO_LOG.fullmatch(name))


def _by_run(found: list[_Candidate]) -> list[list[_Candidate]]:
    """The candidates of each run."""
    runs: dict[Path, list[_Candidate]] = {}
    loose: dict[Path, list[_Candidate]] = {}
    for one in found:
        if one.home is not None:
            runs.setdefault(one.home, []).append(one)
        else:
            loose.setdefault(one.place.path.parent, []).append(one)
    groups = [group for members in loose.values() for group in _loose(members)]
    groups = _joined(groups)
    for home, members in list(runs.items()):
        # A folder with a store and a single log is one run's.
        alone = [group for group in groups if group[0].place.path.parent == home]
        if len(alone) == 1:
            groups.remove(alone[0])
            runs[home] = members + alone[0]
    return [*runs.values(), *groups]


def _loose(members: list[_Candidate]) -> list[list[_Candidate]]:
    """Those of one folder, by their stem: slurm-7.out and slurm-7.err are one run's."""
    by_stem: dict[str, list[_Candidate]] = {}
    for one in members:
        by_stem.setdefault(one.place.path.stem, []).append(one)
    return list(by_stem.values())


def _joined(groups: list[list[_Candidate]]) -> list[list[_Candidate]]:
    """Groups that say the same in one folder, or in a folder and the one above it, become one."""
    crowd: dict[Path, int] = {}
    for group in groups:
        crowd[group[0].place.path.parent] = crowd.get(group[0].place.path.parent, 0) + 1
    joined: list[list[_Candidate]] = []
    for group in groups:
        same = next((other for other in joined if _is_same(group, other, crowd)), None)
        if same is None:
            joined.append(group)
        else:
            same += group
    return joined


def _is_same(one: list[_Candidate], other: list[_Candidate], crowd: dict[Path, int]) -> bool:
    here, there = one[0].place.path.parent, other[0].place.path.parent
    if here not in (there, there.parent) and there != here.parent:
        return False
    if max(crowd[here], crowd[there]) > LOGS_COMPARED:
        return False
    return any(say_the_same(a.look, b.look) for a in one for b in other if a.look and b.look)


def _one(members: list[_Candidate]) -> Place:
    """The richest place of a run. Of checkpoints that of the highest step, unless the whole run's own is as new."""
    resumed = _was_resumed(members)
    best = min(
        members,
        key=lambda one: (
            resumed and one.place.kind == "log",
            one.rank[:2],
            _later_checkpoints(one, members),
            one.rank[2],
        ),
    ).place
    others = sorted({m.place.path for m in members if not (resumed and m.place.format == "wandb")} - {best.path})
    shown = ", ".join(path.name for path in others[:2]) + (", ..." if len(others) > 2 else "")
    why = f"{best.why}; {shown} {'says' if len(others) == 1 else 'say'} less of the same run" if others else best.why
    return Place(best.path, best.kind, best.format, max(one.place.modified for one in members), why)


def _was_resumed(members: list[_Candidate]) -> bool:
    """Whether it is a run of W&B's in several folders."""
    records = [one.place.path for one in members if one.place.format == "wandb"]
    starts = {path.parent if path.suffix == SUFFIX else path for path in records}
    return len(starts) > 1 and all(one.home is not None and FOLDER.fullmatch(one.home.name) for one in members)


def _later_checkpoints(one: _Candidate, members: list[_Candidate]) -> int:
    """How many checkpoints of the run have a higher step; for what lies beside them, how many are newer than it."""
    step, others = _checkpoint(one), [other for other in members if _checkpoint(other) is not None]
    if step is None:
        return sum(other.place.modified > one.place.modified for other in others)
    return 1 + sum((_checkpoint(other) or 0) > step for other in others)


def _checkpoint(one: _Candidate) -> int | None:
    path = one.place.path
    found = CHECKPOINT.fullmatch(path.name) or CHECKPOINT.fullmatch(path.parent.name)
    return int(found[1]) if found and one.place.kind == "store" else None
