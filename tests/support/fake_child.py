"""Stand-ins for the interpreter that has torch: small scripts that speak the benchmark child's protocol, or do not."""

from __future__ import annotations

import sys
from pathlib import Path

_HEAD = f"""#!{sys.executable} -S
import json, os, signal, sys, time

def emit(event, **fields):
    print(json.dumps({{"event": event, **fields}}), flush=True)

def jobs():
    for line in sys.stdin:
        yield json.loads(line)

def result(**fields):
    said = {{"seconds": [0.002, 0.001, 0.004], "launches_per_run": 1, "settled": True, "deviation": 0.001,
            "flags": {{"allow_tf32": False}}, "wall_seconds": 0.01, "cpu_seconds": 0.01}}
    emit("result", **{{**said, **fields}})

"""
H200 = """emit("device", kind="cuda", torch="2.13.0", cuda="13.0", name="NVIDIA H200",
             capability=[9, 0], free_bytes=1 << 37)
"""
CPU = 'emit("device", kind="cpu", torch="2.13.0", cuda=None)\n'
ANSWERS_ALL = """for job in jobs():
    if "device" in job:
        {device}
    else:
        emit("measuring")
        result()
"""


def interpreter(folder: Path, body: str) -> str:
    """The path of an executable that runs `body`; it may use emit, jobs and result."""
    path = folder / "fake-python"
    path.write_text(_HEAD + body, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def answering(folder: Path, device: str = H200) -> str:
    """An interpreter that answers every case with runs of 1, 2 and 4 ms."""
    return interpreter(folder, ANSWERS_ALL.format(device=device.strip()))
