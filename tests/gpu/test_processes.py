"""From a log to the processes of its run: on a /proc made for the test, and on the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpu import processes
from gpu.processes import mark, name_of, this_run_pids, writers
from gpu.sample import GpuProcess, GpuSample

WRITE, READ, BOTH, APPEND = 0o1, 0o0, 0o2, 0o2001
HOST = "pid:[4026531836]"
CONTAINER = "pid:[4026532500]"
EXT4 = "27 1 254:0 / / rw,relatime - ext4 /dev/sda rw"


class Proc:
    """A /proc in a directory: processes with their parent, group and open files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "self/ns").mkdir(parents=True)
        self.namespace(HOST)
        self.mounts(EXT4)

    def namespace(self, name: str) -> None:
        link = self.root / "self/ns/pid"
        link.unlink(missing_ok=True)
        link.symlink_to(name)

    def mounts(self, *lines: str) -> None:
        (self.root / "self/mountinfo").write_text("\n".join(lines) + "\n")

    def add(self, pid: int, parent: int, group: int, *opened: tuple[Path, int], name: str = "python") -> None:
        place = self.root / str(pid)
        (place / "fd").mkdir(parents=True)
        (place / "fdinfo").mkdir()
        (place / "stat").write_text(f"{pid} ({name}) S {parent} {group} {group} 0 -1 4194304")
        for number, (path, flags) in enumerate(opened):
            (place / "fd" / str(number)).symlink_to(path)
            (place / "fdinfo" / str(number)).write_text(f"pos:\t0\nflags:\t0{flags:o}\nmnt_id:\t30\n")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    made = Proc(tmp_path / "proc")
    monkeypatch.setattr(processes, "PROC", made.root)
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text("step 0: train loss 10.9, val loss 10.9\n")
    return path


@pytest.mark.parametrize(("flags", "counts"), [(WRITE, True), (BOTH, True), (APPEND, True), (READ, False)])
def test_only_who_can_write_is_a_writer(proc: Proc, log: Path, flags: int, counts: bool) -> None:
    """Writing, appending and both count; a `tail -f` that reads does not."""
    proc.add(50, 1, 50, (log, flags))
    assert writers(log) == ([50] if counts else [])


def test_several_writers_in_order(proc: Proc, log: Path) -> None:
    """Ranks may share one log."""
    proc.add(70, 1, 70, (log, WRITE))
    proc.add(60, 1, 60, (Path("/dev/null"), READ), (log, APPEND))
    proc.add(65, 1, 65, (Path("/dev/null"), WRITE))
    assert writers(log) == [60, 70]


def test_another_file_of_that_name_is_not_the_log(proc: Proc, log: Path, tmp_path: Path) -> None:
    """Every run has a train.log: the file's identity counts, not its name."""
    other = tmp_path / "other" / "train.log"
    other.parent.mkdir()
    other.write_text("")
    proc.add(50, 1, 50, (other, WRITE))
    assert writers(log) == []


def test_the_log_may_be_named_by_a_link(proc: Proc, log: Path, tmp_path: Path) -> None:
    """A link `latest.log` leads to the same writers."""
    proc.add(50, 1, 50, (log, WRITE))
    link = tmp_path / "latest.log"
    link.symlink_to(log)
    assert writers(link) == [50]


def test_a_log_that_is_not_there(proc: Proc, tmp_path: Path) -> None:
    """Of a file that does not exist nothing is known."""
    assert writers(tmp_path / "none.log") is None
    assert this_run_pids(tmp_path / "none.log") is None


def test_a_system_without_proc(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS and Windows there is no /proc, and nothing is known."""
    monkeypatch.setattr(processes, "PROC", tmp_path / "absent")
    assert writers(log) is None
    assert this_run_pids(log) is None
    assert name_of(os.getpid()) is None


def test_a_process_that_ends_meanwhile(proc: Proc, log: Path) -> None:
    """A process without fd and stat any more is passed over."""
    (proc.root / "40").mkdir()
    proc.add(50, 1, 50, (log, WRITE))
    assert writers(log) == [50]
    assert this_run_pids(log) == frozenset({50})


@pytest.mark.parametrize(
    ("mount", "known"),
    [
        (EXT4, True),
        ("40 27 0:44 / {dir} rw - xfs /dev/sdb rw", True),
        ("40 27 0:44 / {dir} rw - nfs4 server:/home rw", False),
        ("40 27 0:44 / {dir} rw - lustre mds:/scratch rw", False),
        ("40 27 0:44 / {dir} rw - fuse.sshfs host: rw", False),
        ("40 27 0:44 / {dir}x rw - nfs4 server:/home rw", True),
        ("", False),
    ],
)
def test_a_network_file_system_may_have_a_writer_elsewhere(proc: Proc, log: Path, mount: str, known: bool) -> None:
    """No writer here is no writer at all only where the file system is this machine's."""
    lines = [*([EXT4] if mount else []), mount.format(dir=log.parent)]
    for order in (lines, lines[::-1]):
        proc.mounts(*order)
        assert writers(log) == ([] if known else None)
    proc.add(50, 1, 50, (log, WRITE))
    assert writers(log) == [50]


def test_in_a_container_a_writer_may_be_outside(proc: Proc, log: Path) -> None:
    """A mounted directory may be written from outside a container, the container's own layer may not."""
    proc.namespace(CONTAINER)
    assert writers(log) is None
    proc.mounts("27 1 0:30 / / rw - overlay overlay rw")
    assert writers(log) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at every process")
def test_a_hidden_process_of_the_logs_owner(proc: Proc, log: Path) -> None:
    """A process of the same user that may not be looked at could be the writer."""
    proc.add(50, 1, 50)
    (proc.root / "50/fd").chmod(0)
    assert writers(log) is None


def test_a_hidden_process_leaves_it_open(proc: Proc, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission denied for a process of the log's owner is "unknown"; for somebody else's process it is no matter."""
    proc.add(50, 1, 50)

    def deny(*_: object) -> bool:
        raise PermissionError

    monkeypatch.setattr(processes, "_writes", deny)
    assert writers(log) is None
    monkeypatch.setattr(processes, "_owner", lambda pid: 12345)
    assert writers(log) == []


def test_a_log_of_another_user(proc: Proc, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user cannot see what the processes of another have open."""
    monkeypatch.setattr(os, "geteuid", lambda: log.stat().st_uid + 1)
    assert writers(log) is None


def test_a_pipe_into_tee_is_one_run(proc: Proc, log: Path) -> None:
    """`python train.py | tee train.log`: tee has the log, the shell's job puts python into tee's group."""
    proc.add(9, 1, 9, name="bash")
    proc.add(20, 9, 20, name="python train.py (1) x")
    proc.add(21, 9, 20, (log, WRITE), name="tee")
    proc.add(30, 9, 30, name="python other.py")
    assert this_run_pids(log) == frozenset({20, 21})


def test_descendants_belong_to_the_run(proc: Proc, log: Path) -> None:
    """A launcher (torchrun) has the log and starts ranks in sessions of their own, which start data loaders."""
    proc.add(20, 1, 20, (log, WRITE), name="torchrun")
    proc.add(21, 20, 21)
    proc.add(22, 20, 22)
    proc.add(23, 22, 22)
    proc.add(24, 23, 24)
    proc.add(40, 1, 40)
    assert this_run_pids(log) == frozenset({20, 21, 22, 23, 24})


def test_nobody_writes_any_more(proc: Proc, log: Path) -> None:
    """A finished log leads to no process."""
    proc.add(20, 1, 20)
    assert this_run_pids(log) is None


def test_the_watcher_itself_is_no_part_of_the_run(proc: Proc, log: Path) -> None:
    """The monitor may have been started in the same job."""
    proc.add(20, 1, 20, (log, WRITE))
    proc.add(os.getpid(), 1, 20)
    assert this_run_pids(log) == frozenset({20})


def test_pids_of_another_namespace_match_nothing(proc: Proc, log: Path) -> None:
    """NVML gives the host's pids: in a container with its own, none of them can be told."""
    proc.add(20, 1, 20, (log, WRITE))
    proc.namespace(CONTAINER)
    assert writers(log) == [20]
    assert this_run_pids(log) is None


def _sample(*pids: int) -> GpuSample:
    return GpuSample(0, "a GPU", processes=tuple(GpuProcess(pid, 1, None, None) for pid in pids))


def _marks(samples: list[GpuSample]) -> list[bool | None]:
    return [process.this_run for sample in samples for process in sample.processes or ()]


@pytest.mark.parametrize(
    ("run", "marks"),
    [
        (frozenset({1, 9}), [True, False, False]),
        (frozenset({2, 3}), [False, True, True]),
        (frozenset({8}), [None, None, None]),
        (None, [None, None, None]),
    ],
)
def test_marking_what_computes(run: frozenset[int] | None, marks: list[bool | None]) -> None:
    """Others are told from the run's only where one of the run's was recognised on some GPU."""
    assert _marks(mark([_sample(1, 2), _sample(3)], run)) == marks


def test_marking_where_processes_are_unknown() -> None:
    """A sample without a process list stays as it is."""
    assert mark([GpuSample(0, "a GPU")], frozenset({1})) == [GpuSample(0, "a GPU")]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (b"/usr/bin/python3\0-u\0/home/a/train.py\0--lr=1e-3\0", "python3 train.py"),
        (b"/opt/llm.c/train_gpt2cu\0-i\0data.bin\0", "train_gpt2cu"),
        (b"evil\x1b[2J\x07\0", "evil[2J"),
        (b"", None),
    ],
)
def test_a_process_has_a_name_for_people(proc: Proc, command: bytes, name: str | None) -> None:
    """Program and script without paths, arguments or control characters; a kernel thread has none."""
    proc.add(20, 1, 20)
    (proc.root / "20/cmdline").write_bytes(command)
    assert name_of(20) == name
    proc.namespace(CONTAINER)
    assert name_of(20) is None
