"""Tracebacks, out of memory, kills and warnings between a trainer's own lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.records import Notice
from parsers.rows.messages import MOST_NOTICES, Messages

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 6.14 GiB. GPU 0 has a total capacity of 11.69 GiB"
TRACEBACK = """\
Traceback (most recent call last):
  File "/home/x/nanoGPT/train.py", line 264, in <module>
    losses = estimate_loss()
  File "/tmp/torchinductor_x/7n/c7n.py", line 1927, in call
    buf287 = empty_strided_cuda((65536, 50304), (50304, 1), torch.bfloat16)
"""


def read(text: str, step: int | None = None) -> list[Notice]:
    messages = Messages()
    found = [notice for line in text.splitlines() if line for notice in messages.read(line.encode(), step)]
    return found + messages.close(step)


def test_out_of_memory_keeps_its_message_and_names_the_tensor() -> None:
    """The whole message, then the last allocation that the traceback shows, and no second notice."""
    tensor = "empty_strided_cuda((65536, 50304), (50304, 1), torch.bfloat16)"
    assert read(TRACEBACK + OOM, 7) == [Notice("out-of-memory", f"{OOM} | {tensor}", 7)]


@pytest.mark.parametrize(
    "line",
    [OOM, "torch.cuda.OutOfMemoryError: CUDA out of memory.", "RuntimeError: CUDA out of memory. Tried to allocate",
     "RuntimeError: CUDA error: out of memory", "[rank3]: " + OOM],
)  # fmt: skip
def test_out_of_memory_is_known_in_each_of_its_wordings(line: str) -> None:
    """Old and new PyTorch, with a rank before it, also without the traceback above."""
    assert [n.kind for n in read(line)] == ["out-of-memory"]
    assert [n.text for n in read(line)] == [line.removeprefix("[rank3]: ")]


@pytest.mark.parametrize(
    "last",
    ["RuntimeError: CUDA error: an illegal memory access was encountered", "KeyboardInterrupt", "AssertionError",
     "torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:", "zlib.error: Error -3",
     "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"],
)  # fmt: skip
def test_a_traceback_is_told_by_its_last_line(last: str) -> None:
    """One notice; the lines of code above it are not in it."""
    assert read(TRACEBACK + last) == [Notice("traceback", last)]


def test_a_chain_of_tracebacks_is_told_link_by_link() -> None:
    """Both the cause and what became of it."""
    text = TRACEBACK + "KeyError: 'model'\n\nDuring handling of the above exception, another exception occurred:\n\n"
    assert [n.text for n in read(text + TRACEBACK + "RuntimeError: no checkpoint")] == [
        "KeyError: 'model'",
        "RuntimeError: no checkpoint",
    ]


def test_a_traceback_without_an_end_is_told_when_the_log_is_over() -> None:
    """By the last line that there is."""
    assert [(n.kind, n.text) for n in read(TRACEBACK)] == [
        ("traceback", "buf287 = empty_strided_cuda((65536, 50304), (50304, 1), torch.bfloat16)")
    ]


def test_a_traceback_that_rows_follow_is_over() -> None:
    """A trainer that caught the exception and went on is not told as dead at the end."""
    messages = Messages()
    for line in TRACEBACK.splitlines():
        assert messages.read(line.encode(), 5) == []
    messages.rows_came()
    assert messages.close(6) == []


@pytest.mark.parametrize(
    "line",
    ["Killed", "Terminated", "Segmentation fault (core dumped)", "zsh: killed     python train.py",
     "./run.sh: line 3: 12345 Segmentation fault      (core dumped) python train.py", "[1]+  Killed   python train.py",
     "slurmstepd: error: *** JOB 77 ON n1 CANCELLED AT 2025-01-01T00:00:00 DUE TO TIME LIMIT ***",
     "slurmstepd: error: Detected 1 oom_kill event in StepId=77.0.", "Fatal Python error: Segmentation fault",
     "E1118 22:27:11.793000 50169 torch/distributed/elastic/api.py:869] failed (exitcode: -9) local_rank: 0 (pid: 12)",
     "RuntimeError: DataLoader worker is killed by signal"],
)  # fmt: skip
def test_last_words_outside_a_traceback_are_told_like_one(line: str) -> None:
    """Shells, schedulers and launchers say in their own words that the process is gone."""
    assert read(line, 9) == [Notice("traceback", line, 9)]


@pytest.mark.parametrize(
    "line",
    ["W1118 22:27:11.793000 50169 torch/_inductor/utils.py:1250] [0/0] Not enough SMs to use max_autotune_gemm mode",
     "/home/x/train.py:196: FutureWarning: `torch.cuda.amp.GradScaler(args...)` is deprecated.",
     "x.py:2: UserWarning: Online softmax is disabled on the fly", "x.py:2: DeprecationWarning: pkg_resources",
     "W0101 [5/8] torch._dynamo hit config.recompile_limit (8)", "torch._dynamo hit config.cache_size_limit (8)",
     "WARNING: using slow attention. Flash Attention requires PyTorch >= 2.0"],
)  # fmt: skip
def test_warnings_are_told_once(line: str) -> None:
    """The same text with other digits (a time, a process id) is the same warning."""
    assert read(line) == [Notice("warning", line)]
    assert read("\n".join([line, line.replace("1", "7"), line])) == [Notice("warning", line)]


@pytest.mark.parametrize(
    "line",
    ["# reduce batch_size on CUDA out of memory. Tried to allocate", "if you get CUDA out of memory. Tried to allocate",
     '    raise RuntimeError("CUDA out of memory")', "except torch.OutOfMemoryError:", "the process was killed",
     "# UserWarning: functional_call was passed multiple values", "saving error bars", "0 errors, 3 warnings",
     "Killed the old job", "memory: 60.0% | fan: 50%"],
)  # fmt: skip
def test_talk_about_errors_is_no_error(line: str) -> None:
    """Comments, source code and prose that hold the words say nothing."""
    assert read(line) == []


def test_errors_that_repeat_cost_nothing() -> None:
    """Eight ranks with the same error give one notice; a program that complains at each step is cut short."""
    assert len(read("\n".join(f"[rank{n}]: {OOM}" for n in range(8)), 3)) == 1
    messages = Messages()
    told = [n for step in range(1000) for n in messages.read(b"ValueError: bad batch", step)]
    assert len(told) == MOST_NOTICES


def test_a_long_message_is_cut() -> None:
    """A notice is one bounded line."""
    assert len(read("RuntimeError: " + "x" * 100_000)[0].text) == 2000


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80).map(lambda b: b.replace(b"\n", b"")), max_size=20))
def test_any_bytes_may_come(lines: list[bytes]) -> None:
    """Noise raises nothing, also inside a traceback."""
    messages = Messages()
    for line in [b"noise", *lines, b"Traceback (most recent call last):", *lines]:
        messages.read(line, None)
    messages.close(None)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[titan] 2026 - root - WARNING - Ran out of data; last step was canceled.", "Ran out of data; last step"),
        ("WARNING:tensorflow:Your input ran out of data; interrupting training. Make sure", "Your input ran out"),
        ("There seems not to be a single sample in your epoch_iterator, stopping training at step 5!", "There seems"),
    ],
)
def test_the_end_of_the_data_is_told_in_the_trainers_words(line: str, text: str) -> None:
    """Of torchtitan, Keras and transformers; source code of the same words says nothing."""
    assert [(n.kind, n.text.startswith(text)) for n in read(line)] == [("warning", True)]
    assert read(f'logger.warning("{line}")') == []
