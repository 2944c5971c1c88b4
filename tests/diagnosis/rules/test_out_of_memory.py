from __future__ import annotations

import pytest
from cases import make_case
from runs import founding_size

from diagnosis.case import Case
from diagnosis.model import Shape, size_of
from diagnosis.rules.out_of_memory import rule
from parsers.records import Notice, Value


def message(
    tried: str,
    free: str,
    *,
    total: str = "11.69 GiB",
    in_use: str = "7.04 GiB",
    unused: str = "69.11 MiB",
    others: str = "",
) -> str:
    """The words of PyTorch 2.x around these sizes."""
    return (
        f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {tried}. GPU 0 has a total capacity of {total} "
        f"of which {free} is free. {others}Including non-PyTorch memory, this process has {in_use} memory in use. "
        f"Of the allocated memory 6.78 GiB is allocated by PyTorch, and {unused} is reserved by PyTorch but "
        "unallocated."
    )


def crash(text: str, facts: dict[str, Value] | None = None, step: int | None = 0, **fields: object) -> Case:
    """A run that ended with this message."""
    settings = {"size": founding_size(n_embd=768), "tokens_per_step": 65_536.0, "state": "crashed", **fields}
    notice = Notice("out-of-memory", text, step)
    return make_case({"train_loss": ([0], [10.9])}, facts, [notice], **settings)


CASE_31 = message("6.14 GiB", "2.68 GiB", others="Process 1 has 224.90 MiB memory in use. ")


def test_the_logits_of_64_sequences() -> None:
    """6.14 GiB are 65,536 tokens x 50,304 x 2 bytes; a micro-batch of 8 keeps the tokens per step."""
    size = size_of(
        Shape(vocab_size=50304),
        printed=123.59e6,
        printed_kind="without position embedding",
        decayed=124_354_560,
        non_decayed=19_200,
    )
    found = rule(crash(CASE_31, {"compile": True}, size=size))

    assert found is not None
    assert (found.severity, found.confidence) == ("critical", 1.0)
    assert found.title == "Out of GPU memory at a request of 6.14 GiB, likely the logits"
    assert "likely the logits: 65,536 tokens x 50,304 x 2 B (16-bit)" in found.evidence
    assert "cause: the card is full, 3.46 GiB were missing" in found.evidence
    assert len(found.advice) == 1
    assert found.advice[0].startswith("Set a micro-batch of 8 and 8 accumulation steps: 7.46 GiB expected")
    assert "65,536 tokens per step are kept" in found.advice[0]
    assert found.settings == (("batch_size", 8), ("gradient_accumulation_steps", 8))


def test_a_known_batch_is_halved_where_no_size_is_told() -> None:
    """A bare message with 12 x 5 sequences a step: 6 x 10 keeps them; 15 x 4 cannot be halved."""
    bare, tokens = "RuntimeError: CUDA error: out of memory", 61_440.0
    even = rule(crash(bare, {"batch_size": 12, "gradient_accumulation_steps": 5}, tokens_per_step=tokens))
    odd = rule(crash(bare, {"batch_size": 15, "gradient_accumulation_steps": 4}, tokens_per_step=tokens))

    assert even is not None
    assert odd is not None
    assert even.settings == (("batch_size", 6), ("gradient_accumulation_steps", 10))
    assert even.advice == ("Set a micro-batch of 6 and 10 accumulation steps: 61,440 tokens per step are kept.",)
    assert odd.settings == ()


def test_the_known_batch_decides_between_2_and_4_bytes() -> None:
    """32 sequences of fp32 logits have the size of 64 in 16 bit; the config tells them apart."""
    found = rule(crash(CASE_31, {"batch_size": 32, "block_size": 1024}))

    assert found is not None
    assert "likely the logits: 32,768 tokens x 50,304 x 4 B (fp32)" in found.evidence


def test_the_embeddings_gradient() -> None:
    """50,304 x 768 x 4 bytes are 147.4 MiB, rounded up to 148."""
    found = rule(crash(message("148.00 MiB", "20.00 MiB"), {"batch_size": 8, "block_size": 1024}))

    assert found is not None
    assert any("embedding or its gradient" in line for line in found.evidence)


def test_the_attention_matrix() -> None:
    """Without flash attention 8 x 12 x 1024 x 1024 x 4 bytes are asked for."""
    found = rule(crash(message("384.00 MiB", "20.00 MiB"), {"batch_size": 8, "block_size": 1024}))

    assert found is not None
    assert any("attention matrix: 8,192 tokens x 12 heads" in line for line in found.evidence)


@pytest.mark.parametrize(("tried", "named"), [("147.00 MiB", False), ("149.30 MiB", True), ("149.50 MiB", False)])
def test_a_request_is_rounded_up_by_2_mib_at_most(tried: str, named: bool) -> None:
    """The embedding's 147.4 MiB are asked for as no less, and no more than 149.4."""
    found = rule(crash(message(tried, "20.00 MiB"), {"batch_size": 8, "block_size": 1024}))

    assert found is not None
    assert any("embedding or its gradient" in line for line in found.evidence) is named


@pytest.mark.parametrize(("batch", "tried", "named"), [(2, "48.00 MiB", False), (3, "72.00 MiB", True)])
def test_64_mib_tell_a_tensor(batch: int, tried: str, named: bool) -> None:
    """Attention of 2 and of 3 sequences in 16 bits: of the smaller size too many tensors are possible."""
    found = rule(crash(message(tried, "1.00 MiB"), {"batch_size": batch, "block_size": 1024}))

    assert found is not None
    assert any("attention matrix" in line for line in found.evidence) is named


@pytest.mark.parametrize(("tokens", "tried", "named"), [(2048, "198.00 MiB", False), (2200, "212.00 MiB", True)])
def test_without_a_batch_the_size_must_be_known_to_one_per_cent(tokens: int, tried: str, named: bool) -> None:
    """2 MiB of rounding are more than that of 198 MiB, and less of 212."""
    found = rule(crash(message(tried, "1.00 MiB"), tokens_per_step=32.0 * tokens))

    assert found is not None
    assert any(f"the logits: {tokens:,} tokens" in line for line in found.evidence) is named


@pytest.mark.parametrize("tried", ["20.00 MiB", "2.00 MiB", "5.03 GiB"])
def test_no_tensor_is_invented(tried: str) -> None:
    """Small requests are rounded up, and a size that fits none has no name."""
    found = rule(crash(message(tried, "1.00 MiB"), {"batch_size": 8, "block_size": 1024}))

    assert found is not None
    assert not any("likely" in line for line in found.evidence)


@pytest.mark.parametrize(("unused", "fragmented"), [("1.00 GiB", False), ("1.10 GiB", True)])
def test_fragmentation_from_both_sides(unused: str, fragmented: bool) -> None:
    """Above 15 % of the 6.78 GiB in use, unused pieces are the cause."""
    found = rule(crash(message("900.00 MiB", "100.00 MiB", unused=unused)))

    assert found is not None
    assert any("fragmentation" in line for line in found.evidence) is fragmented
    assert any("expandable_segments" in line for line in found.advice) is fragmented


def test_pieces_that_are_not_enough_are_no_cause() -> None:
    """2 GiB of pieces do not make 6.14 GiB."""
    found = rule(crash(message("6.14 GiB", "100.00 MiB", unused="2.00 GiB")))

    assert found is not None
    assert not any("fragmentation" in line for line in found.evidence)


@pytest.mark.parametrize(("other", "neighbour"), [("4.00 GiB", True), ("0.50 GiB", False)])
def test_a_neighbour_from_both_sides(other: str, neighbour: bool) -> None:
    """Another process is the cause where its memory would have been enough."""
    listed = f"Process 7 has {other} memory in use. "
    found = rule(crash(message("2.00 GiB", "0.10 GiB", total="24.00 GiB", in_use="23.40 GiB", others=listed)))

    assert found is not None
    assert any("other processes hold" in line for line in found.evidence) is neighbour
    assert any("Free the" in line for line in found.advice) is neighbour


@pytest.mark.parametrize(("in_use", "neighbour"), [("22.90 GiB", False), ("22.70 GiB", True)])
def test_a_display_is_no_neighbour(in_use: str, neighbour: bool) -> None:
    """What others hold must be 5 % of the card before they are blamed for 22 MiB."""
    found = rule(crash(message("22.00 MiB", "0.01 GiB", total="24.00 GiB", in_use=in_use)))

    assert found is not None
    assert any("other processes hold" in line for line in found.evidence) is neighbour


def test_more_free_than_asked_for() -> None:
    """A limit of the process or shared memory is named where the card was not full."""
    found = rule(crash(message("432.00 MiB", "7.12 GiB")))

    assert found is not None
    assert any("more was free" in line for line in found.evidence)


def test_a_bare_message() -> None:
    """Without sizes it is still an out-of-memory error, with the advice that always holds."""
    found = rule(crash("RuntimeError: CUDA error: out of memory"))

    assert found is not None
    assert found.title == "The GPU ran out of memory"
    assert "Halve the micro-batch" in found.advice[-1]


@pytest.mark.parametrize(("step", "severity"), [(None, "info"), (100, "info"), (500, "critical")])
def test_a_run_that_went_on_is_a_note(step: int | None, severity: str) -> None:
    """Steps after the error mean that it was survived, or that the run was started again."""
    notice = Notice("out-of-memory", CASE_31, step)
    found = rule(make_case({"train_loss": ([0, 500], [10.9, 6.0])}, None, [notice]))

    assert found is not None
    assert found.severity == severity


def test_before_the_first_step() -> None:
    """A run that never made a step is critical."""
    found = rule(make_case(notices=[Notice("out-of-memory", CASE_31, None)]))

    assert found is not None
    assert (found.severity, found.first_step) == ("critical", None)


def test_other_errors_are_not_this_one() -> None:
    """A traceback alone is no out-of-memory error."""
    assert rule(make_case(notices=[Notice("traceback", "KeyError: 'x'", 3)])) is None
    assert rule(make_case()) is None
