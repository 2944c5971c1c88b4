"""Which processes belong to the run that is watched, as far as Linux shows it in /proc. Reads only.

A log names no process. What leads from it to one: some process has it open for writing, and the training process is
that one, its relative, or its neighbour in a pipe (`python train.py | tee train.log`: tee has the log, and a shell
puts both in one process group).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gpu.sample import GpuProcess, GpuSample

PROC = Path("/proc")
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of linux/proc_ns.h, the same on every machine
_NETWORK_FILE_SYSTEMS = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "ceph", "gpfs", "beegfs", "glusterfs", "afs", "9p"),
    *("virtiofs", "drvfs", "orangefs", "panfs", "wekafs", "vboxsf", "prl_fs"),
)
_WRITE_ONLY_OR_BOTH = 0o3


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    group: int


def writers(log_path: Path) -> list[int] | None:
    """The pids that have the file open for writing now, in rising order.

    [] where every process that could have it was looked at and none has. None where that cannot be known: no /proc,
    no such file, a writer that may be on another machine (a network file system), outside this container, or hidden
    by permission (a log of another user, unless root asks).
    """
    try:
        log = log_path.stat()
        name = log_path.resolve().name
        pids = _pids()
    except OSError:
        return None
    found, hidden = [], False
    for pid in pids:
        try:
            if _writes(pid, name, log):
                found.append(pid)
        except PermissionError:
            hidden = hidden or _owner(pid) in (log.st_uid, None)
        except OSError:  # it ended meanwhile
            continue
    unseen = not found and (hidden or os.geteuid() not in (0, log.st_uid) or _may_be_written_elsewhere(log_path))
    return None if unseen else sorted(found)


def this_run_pids(log_path: Path) -> frozenset[int] | None:
    """The pids of the run that writes this log: the log's writers, their process groups, and all their descendants.

    None where it cannot be known: nobody has it open, or these pids are not the ones that NVML counts in (a container
    with its own pid namespace).
    """
    if not in_host_pid_namespace():
        return None
    having = writers(log_path)
    if not having:
        return None
    try:
        processes = [process for process in map(_process, _pids()) if process is not None]
    except OSError:
        return None
    mine = os.getpid()
    groups = {process.group for process in processes if process.pid in having and process.pid != mine}
    run = {process.pid for process in processes if process.group in groups}
    return frozenset(_with_descendants(run, processes) - {mine}) or None


def mark(samples: Iterable[GpuSample], run: frozenset[int] | None) -> list[GpuSample]:
    """The samples with `this_run` of each process set, from `this_run_pids`.

    Where not one process on any of the GPUs is of the run, the way from the log to the process was not found (a log
    that a container engine or a batch system writes), and all are None, not False.
    """
    samples = list(samples)
    seen = {process.pid for sample in samples for process in sample.processes or ()}
    known = run if run is not None and run & seen else None
    return [
        sample
        if sample.processes is None
        else replace(sample, processes=tuple(_marked(process, known) for process in sample.processes))
        for sample in samples
    ]


def in_host_pid_namespace() -> bool:
    """Whether pids here are the host's, which is what NVML gives also inside a container.

    Known by the number of the pid namespace: the first one has a fixed one. False too where there is no /proc.
    """
    try:
        return str((PROC / "self/ns/pid").readlink()) == _INITIAL_PID_NAMESPACE
    except OSError:
        return False


def name_of(pid: int) -> str | None:
    """What runs there, for people: "python train.py"; None where it cannot be read or the pid is another's."""
    if not in_host_pid_namespace():
        return None
    try:
        command = (PROC / str(pid) / "cmdline").read_bytes()[:4096].decode("utf-8", "replace")
    except OSError:
        return None
    words = [word for word in command.split("\0") if word]
    if not words:
        return None
    script = next((word for word in words[1:] if word.endswith(".py")), None)
    shown = [os.path.basename(word) for word in (words[0], script) if word]  # noqa: PTH119  text, not a path here
    return "".join(c for c in " ".join(shown) if c.isprintable()) or None


def _marked(process: GpuProcess, run: frozenset[int] | None) -> GpuProcess:
    return replace(process, this_run=None if run is None else process.pid in run)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdecimal()]  # noqa: PTH208  a third of iterdir's time


def _owner(pid: int) -> int | None:
    try:
        return (PROC / str(pid)).stat().st_uid
    except OSError:
        return None


def _writes(pid: int, name: str, log: os.stat_result) -> bool:
    """Whether a process has that file open for writing; raises OSError where it may not be looked at.

    The links' names come first: a stat of whatever a process has open could wait for a dead network server.
    """
    directory = f"{PROC}/{pid}/fd"
    for descriptor in os.listdir(directory):  # noqa: PTH208  called for every process here
        link = f"{directory}/{descriptor}"
        try:
            if not os.readlink(link).endswith(name):  # noqa: PTH115  the same
                continue
            file = os.stat(link)  # noqa: PTH116
            if (file.st_dev, file.st_ino) == (log.st_dev, log.st_ino) and _is_for_writing(pid, descriptor):
                return True
        except FileNotFoundError:  # closed meanwhile
            continue
    return False


def _is_for_writing(pid: int, descriptor: str) -> bool:
    text = (PROC / str(pid) / "fdinfo" / descriptor).read_text()
    flags = next((int(line.split()[1], 8) for line in text.splitlines() if line.startswith("flags:")), 0)
    return bool(flags & _WRITE_ONLY_OR_BOTH)


def _process(pid: int) -> _Process | None:
    """From /proc/PID/stat, where the name in parentheses may itself have spaces and parentheses."""
    try:
        with open(f"{PROC}/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123  called for every process here
            text = file.read(1024)
    except OSError:
        return None
    words = text[text.rfind(b")") + 2 :].split()
    return _Process(pid, int(words[1]), int(words[2])) if len(words) > 2 else None


def _with_descendants(run: set[int], processes: list[_Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process.pid)
    found, new = set(run), list(run)
    while new:
        born = [pid for parent in new for pid in children.get(parent, ()) if pid not in found]
        found.update(born)
        new = born
    return found


def _may_be_written_elsewhere(path: Path) -> bool:
    """Whether processes that are not in this /proc could write the file.

    On a network file system those of other machines; in a container those outside it, unless the file lies in the
    container's own layer.
    """
    kind = _file_system(path)
    if kind is None or kind in _NETWORK_FILE_SYSTEMS or kind.startswith("fuse"):
        return True
    return kind != "overlay" and not in_host_pid_namespace()


def _file_system(path: Path) -> str | None:
    """The type of the file system that has the file: of the mounts above it, the one with the longest path."""
    try:
        lines = (PROC / "self/mountinfo").read_text(errors="replace").splitlines()
        where = str(path.resolve())
    except OSError:
        return None
    best, kind = "", None
    for line in lines:
        words = line.split()
        if "-" not in words[6:-1]:
            continue
        point = words[4].replace("\\040", " ")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, words[words.index("-", 6) + 1]
    return kind
