"""The argument dump of Megatron-LM: which facts it holds, and which it does not."""

from __future__ import annotations

from format_checks import facts
from logs_megatron import start

from parsers.formats.megatron import Megatron
from parsers.formats.megatron_arguments import LONGEST, Arguments


def known(**changed: str) -> dict[str, object]:
    return facts(Megatron, start(**changed).encode())


def test_a_fixed_batch_gives_the_tokens_of_a_step() -> None:
    """Sequences of all devices x context."""
    assert known()["tokens_per_step"] == 256 * 2048


def test_a_batch_that_grows_gives_none() -> None:
    """Tokens per step would be wrong for most of the run; the samples of each row tell the tokens."""
    ramped = known(rampup_batch_size="['16', '16', '5859375']")
    assert "tokens_per_step" not in ramped
    assert "global_batch_size" not in ramped
    assert ramped["block_size"] == 2048


def test_a_warm_up_may_be_a_share_of_the_decay() -> None:
    """lr_warmup_iters is 0 then."""
    shared = known(lr_warmup_fraction="0.01", lr_warmup_iters="0", lr_decay_iters="320000")
    assert (shared["warmup_steps"], shared["decay_steps"]) == (3200, 320_000)


def test_a_warm_up_in_samples_is_no_warm_up_of_no_steps() -> None:
    """How many steps it takes is not known where the batch may grow."""
    assert "warmup_steps" not in known(lr_warmup_samples="216320", lr_warmup_iters="0")


def test_the_learning_rate_decays_to_the_end_where_nothing_else_is_said() -> None:
    """lr_decay_iters is None by default."""
    assert known(lr_decay_iters="None")["decay_steps"] == 500_000


def test_precision_and_optimiser_are_told() -> None:
    """By the data type of the parameters."""
    found = known(params_dtype="torch.bfloat16", bf16="True", fp16="False", optimizer="adam")
    assert (found["dtype"], found["optimizer"]) == ("bfloat16", "adam")
    assert known(params_dtype="torch.float32")["dtype"] == "float32"


def test_arguments_that_were_not_used_are_absent() -> None:
    """They are printed as None."""
    found = known(num_experts="None", ffn_hidden_size="None")
    assert "n_expert" not in found
    assert "n_inner" not in found


def test_query_groups_count_where_they_are_used() -> None:
    """num_query_groups is printed as 1, its default, of models whose heads have each their own keys."""
    assert "n_kv_head" not in known(group_query_attention="False", num_query_groups="1")
    assert known(group_query_attention="True", num_query_groups="8")["n_kv_head"] == 8


def test_the_decay_after_a_plateau_has_a_length_of_its_own() -> None:
    """lr_wsd_decay_iters, printed of other schedules too."""
    found = known(lr_decay_style="WSD", lr_decay_iters="None", lr_wsd_decay_iters="1000")
    assert (found["schedule"], found["decay_start"], found["decay_steps"]) == ("wsd", 499_000, 500_000)
    assert "decay_start" not in known(lr_wsd_decay_iters="1000")


def test_gpt_neox_may_decay_over_a_share_of_the_run() -> None:
    """Then the decay does not end with the run."""
    assert known(lr_decay_iters="None", lr_decay_fraction="0.8")["decay_steps"] == 400_000


def test_where_says_the_line_and_the_argument() -> None:
    """So that a person finds it."""
    dump = Arguments()
    dump.read(7, b"------------------------ arguments ------------------------")
    assert dump.open
    assert dump.read(8, b"  num_layers ...................................... 24") == []
    found = dump.read(9, b"-------------------- end of arguments ---------------------")
    assert found is not None
    assert [(fact.name, fact.value, fact.where) for fact in found] == [("n_layer", 24, "line 7, arguments, num_layers")]
    assert not dump.open


def test_a_dump_without_its_end_does_not_stay_open() -> None:
    """The rest of the log goes to the other readers."""
    dump = Arguments()
    dump.read(1, b"------------------------ arguments ------------------------")
    dump.read(2, b"  num_layers ...................................... 24")
    found = dump.read(LONGEST + 2, b"hello")
    assert found is not None
    assert [fact.name for fact in found] == ["n_layer"]
    assert not dump.open
