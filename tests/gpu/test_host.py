"""What a process may use of the processor, from the files of other machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpu import host


def write(root: Path, files: dict[str, str]) -> Path:
    """A machine's files below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_hyperthreads_share_a_core(tmp_path: Path) -> None:
    """Four logical CPUs in two pairs of siblings are two cores; the second half of a pair is none of its own."""
    siblings = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    topology = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    write(tmp_path, {topology.format(cpu): f"{text}\n" for cpu, text in siblings.items()})
    assert host.physical_cores(range(4), tmp_path) == 2
    assert host.physical_cores([0, 2], tmp_path) == 1


def test_without_topology_each_cpu_is_a_core(tmp_path: Path) -> None:
    """A machine that does not tell its siblings."""
    assert host.physical_cores(range(3), tmp_path) == 3


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            2.0,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4.0),
        (
            {
                "proc/self/cgroup": "9:memory:/x\n4:cpu,cpuacct:/x\n0::/\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({"proc/self/cgroup": "nonsense\n::\n"}, None),
    ],
)
def test_the_tightest_quota_above_the_process_holds(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    """Cgroup v2's cpu.max and v1's cfs files, at any level of the tree; no limit is None."""
    assert host.cpu_quota(write(tmp_path, files)) == quota


def test_threads_are_cores_within_the_quota(tmp_path: Path) -> None:
    """Half a CPU's quota still gives one thread; a wide one gives no more than there are cores."""
    group = {"proc/self/cgroup": "0::/\n"}
    assert host.usable_threads(write(tmp_path, {**group, "sys/fs/cgroup/cpu.max": "50000 100000"})) == 1
    wide = write(tmp_path, {**group, "sys/fs/cgroup/cpu.max": "99900000 100000"})
    assert host.usable_threads(wide) == len(host.usable_cpus())


def test_the_largest_cache_of_the_first_cpu_counts(tmp_path: Path) -> None:
    """L1 32 KiB, L2 1 MiB, L3 36 MiB."""
    index = "sys/devices/system/cpu/cpu0/cache/index{}/size"
    sizes = {index.format(0): "32K\n", index.format(2): "1024K\n", index.format(3): "36M\n"}
    assert host.last_cache_bytes(write(tmp_path, sizes)) == 36 << 20
    assert host.last_cache_bytes(tmp_path / "nothing") == host.L3_BYTES


def test_free_memory_is_bounded_by_the_control_group(tmp_path: Path) -> None:
    """8 GiB are free, but the group may take 1 GiB more."""
    files = {
        "proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n",
        "proc/self/cgroup": "0::/job\n",
    }
    assert host.available_bytes(write(tmp_path, files)) == 8 << 30
    group = {"sys/fs/cgroup/job/memory.max": f"{3 << 30}\n", "sys/fs/cgroup/job/memory.current": f"{2 << 30}\n"}
    assert host.available_bytes(write(tmp_path, group)) == 1 << 30
    assert host.available_bytes(tmp_path / "nothing") is None


def test_busy_time_counts_work_and_stolen_time_of_the_given_cpus(tmp_path: Path) -> None:
    """User + nice + system + irq + softirq + steal; neither idle nor iowait, nor a CPU that was not asked for."""
    stat = "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 100 10 20 9999 9999 3 4 5 50 0\ncpu1 7 0 0 0 0 0 0 0 0 0\n"
    root = write(tmp_path, {"proc/stat": stat})
    tick = os.sysconf("SC_CLK_TCK")
    assert host.busy_seconds([0], root) == pytest.approx(142 / tick)
    assert host.busy_seconds([0, 1], root) == pytest.approx(149 / tick)
    assert host.busy_seconds([0, 5], root) is None
    assert host.busy_seconds([0], tmp_path / "nothing") is None


def test_the_processors_name_is_what_the_system_calls_it(tmp_path: Path) -> None:
    """From /proc/cpuinfo, else something that is not empty."""
    root = write(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 9354\nflags\t: avx2\n"})
    assert host.cpu_name(root) == "AMD EPYC 9354"
    assert host.cpu_name(tmp_path / "nothing")


def test_this_machine_is_read() -> None:
    """At least one CPU and one thread, and no more threads than CPUs."""
    assert 1 <= host.usable_threads() <= len(host.usable_cpus())
