"""What nanoGPT prints before its first row: echo, overrides, sizes, defaults."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanogpt_logs import fact, facts, notices, read, rows

from parsers.records import Fact, Points

ECHO = """\
Overriding config with config/train_fineweb.py:
# config for a small run
out_dir = 'out-fineweb'
eval_interval = 500       # Evaluate more often
wandb_run_name = '125M-single-parquet-4070'

dataset = 'fineweb'       # Assumes max_iters = 3, n_layer = 99
gradient_accumulation_steps = 4 * 8     # Effective batch size: 16 * 32 = 512 sequences
batch_size = 16
block_size = 1024

# Model (~124M parameters) – for 12 GB VRAM
n_layer = 12
n_head = 12
n_embd = 384
dropout = 0.1                        # Add 0.2 if overfitting
max_iters = 20000                     # ~3B tokens seen
lr_decay_iters = max_iters
min_lr = 1e-3 / 10
seed_text = 'ft-' + str(time.time())
compile = True
"""
SIZES = """\
tokens per iteration will be: 524,288
Initializing a new model from scratch
defaulting to vocab_size of GPT-2 to 50304 (50257 rounded up for efficiency)
number of parameters: 40.56M
num decayed parameter tensors: 50, with 40,943,616 parameters
num non-decayed parameter tensors: 25, with 9,600 parameters
using fused AdamW: True
compiling the model... (takes a ~minute)
"""
OVERRIDES = "Overriding: max_iters = 5000\nOverriding: dataset = owt\nOverriding: learning_rate = 0.0006\n"
FIRST_ROWS = "step 0: train loss 10.8684, val loss 10.8727\niter 0: loss 10.8720, time 32025.45ms, mfu -100.00%\n"
DEFAULT = "nanoGPT's default"


def defaults(text: str) -> dict[str, object]:
    return {r.name: r.value for r in read(text) if isinstance(r, Fact) and r.where == DEFAULT}


def test_the_echo_of_the_config_gives_the_settings() -> None:
    """Values, expressions and earlier names; never a number from a comment or one that must be run to be known."""
    found = read(ECHO + SIZES)
    assert (
        facts(found).items()
        >= {
            "config_file": "config/train_fineweb.py",
            "out_dir": "out-fineweb",
            "eval_interval": 500,
            "run_name": "125M-single-parquet-4070",
            "dataset": "fineweb",
            "gradient_accumulation_steps": 32,
            "batch_size": 16,
            "n_layer": 12,
            "n_embd": 384,
            "dropout": 0.1,
            "planned_steps": 20000,
            "decay_steps": 20000,
            "min_lr": 1e-4,
            "compile": True,
        }.items()
    )
    assert fact(found, "n_embd") == Fact("n_embd", 384, "log", "config echo, line 14")


def test_a_claim_in_a_comment_is_kept_as_a_claim() -> None:
    """What a comment says about the size is told apart from what the log measured."""
    found = read(ECHO + SIZES)
    assert fact(found, "claimed_parameters") == Fact("claimed_parameters", 124e6, "comment", "config echo, line 11")
    assert fact(found, "parameters") == Fact("parameters", 40_560_000, "log", "line 25")


def test_a_runs_name_claims_a_size_where_no_comment_does() -> None:
    """The weaker claim says where it is from."""
    found = read(ECHO.replace("# Model (~124M parameters)", "# Model") + SIZES)
    claim = fact(found, "claimed_parameters")
    assert claim == Fact("claimed_parameters", 125_000_000, "comment", "run_name, config echo, line 4")


def test_the_sizes_are_read() -> None:
    """Tokens per iteration, vocabulary, parameters by kind, optimizer, compilation."""
    assert facts(read(SIZES)) == {
        "tokens_per_step": 524288,
        "init_from": "scratch",
        "vocab_size": 50304,
        "parameters": 40_560_000,
        "parameters_decayed": 40_943_616,
        "parameters_non_decayed": 9600,
        "optimizer": "fused AdamW",
        "compile": True,
    }


def test_a_vocabulary_that_was_found_names_the_data_set() -> None:
    """The path of meta.pkl has the data set's folder, on Windows too."""
    unix = facts(read("found vocab_size = 65 (inside data/shakespeare_char/meta.pkl)\n"))
    windows = facts(read("found vocab_size = 65 (inside ../../data\\shakespeare_char\\meta.pkl)\n"))
    assert unix == windows == {"vocab_size": 65, "dataset": "shakespeare_char"}


def test_openais_weights_bring_their_shape() -> None:
    """Finetuning prints the name of the weights; their dims are known."""
    text = (
        "Initializing from OpenAI GPT-2 weights: gpt2-xl\nloading weights from pretrained gpt: gpt2-xl\n"
        "forcing vocab_size=50257, block_size=1024, bias=True\noverriding dropout rate to 0.1\n"
        "number of parameters: 1555.97M\n"
    )
    assert facts(read(text)) == {
        "init_from": "gpt2-xl", "n_layer": 48, "n_head": 25, "n_embd": 1600, "vocab_size": 50257, "block_size": 1024,
        "bias": True, "dropout": 0.1, "parameters": 1_555_970_000,
    }  # fmt: skip


def test_the_command_line_beats_the_config() -> None:
    """Overrides come after the echo, so that the later fact of the same origin holds; strings stand unquoted."""
    found = read(ECHO + OVERRIDES + SIZES)
    known = facts(found)
    assert (known["planned_steps"], known["dataset"], known["learning_rate"]) == (5000, "owt", 6e-4)
    assert fact(found, "planned_steps").where == "override in line 22"
    assert known["decay_steps"] == 20000


def test_an_override_of_another_type_is_left_out() -> None:
    """A word where a number belongs is no value; an unknown setting is no fact."""
    assert facts(read("Overriding: max_iters = many\nOverriding: colour = 3\nOverriding: bias = 3\n")) == {}


def test_a_name_on_the_command_line_claims_less_than_a_comment() -> None:
    """It claims a size only where no comment has."""
    override = "Overriding: wandb_run_name = gpt2-350M\n"
    assert facts(read(override))["claimed_parameters"] == 350_000_000
    assert facts(read(ECHO + override))["claimed_parameters"] == 124_000_000


def test_the_echo_ends_with_the_first_row() -> None:
    """A log without any line between echo and rows still gives its settings, before the points."""
    for sizes in ([], [1] * 40):
        found = read(ECHO + FIRST_ROWS * 20, sizes)
        first_point = next(at for at, record in enumerate(found) if isinstance(record, Points))
        assert facts(found[:first_point])["n_embd"] == 384


def test_a_traceback_right_behind_the_echo_is_told_too() -> None:
    """An unknown setting on the command line ends the run before its first line."""
    found = read(ECHO + "Traceback (most recent call last):\n  File\nValueError: Unknown config key: n_embed\n")
    assert facts(found)["n_embd"] == 384
    assert [n.text for n in notices(found, "traceback")] == ["ValueError: Unknown config key: n_embed"]


def test_an_echo_that_nothing_follows_is_told_at_the_end() -> None:
    """A job that hangs before its first line has shown its settings."""
    assert facts(read(ECHO))["n_embd"] == 384


@pytest.mark.parametrize("sizes", [[], [1] * 60, [7, 3, 11]])
def test_the_pieces_do_not_matter(sizes: list[int]) -> None:
    """Facts, where they are from and notices are the same, however the log is cut."""
    text = ECHO + "x.py:1: FutureWarning: old\n" + SIZES + FIRST_ROWS
    whole, pieces = read(text), read(text, sizes)
    assert [r for r in pieces if isinstance(r, Fact)] == [r for r in whole if isinstance(r, Fact)]
    assert rows(pieces) == rows(whole)


def test_a_broken_line_in_the_echo_costs_only_itself() -> None:
    """A warning in between, or a comment that the terminal wrapped, leaves the other settings readable."""
    torn = ECHO.replace("batch_size = 16\n", "batch_size = 16\nthis came from stderr, and\n").replace(
        "n_embd = 384\n", "n_embd = 384 # a comm\nent that was wrapped\n"
    )
    assert facts(read(torn + SIZES)).items() >= {"batch_size": 16, "n_embd": 384, "dropout": 0.1}.items()


def test_what_the_settings_leave_out_is_nanogpts_default() -> None:
    """With the first row, as a config's facts, and only where the log has shown what the user did set."""
    told = defaults(ECHO + SIZES + FIRST_ROWS)
    assert told == {"log_interval": 1, "eval_iters": 200, "bias": False, "learning_rate": 6e-4, "weight_decay": 0.1,
                    "beta1": 0.9, "beta2": 0.95, "grad_clip": 1.0, "decay_lr": True, "warmup_steps": 2000}  # fmt: skip
    assert defaults(ECHO + SIZES) == {}
    assert defaults(SIZES + FIRST_ROWS) == {}
    assert {r.origin for r in read(ECHO + SIZES + FIRST_ROWS) if isinstance(r, Fact) and r.where == DEFAULT} == {
        "config"
    }


def test_defaults_that_the_printed_sizes_contradict_are_not_told() -> None:
    """A fork has other defaults: 124M do not print as 10.65M, and 12 x 40 x 1024 tokens are not 16,384."""
    override = "Overriding: eval_iters = 20\n"
    fitting = SIZES.replace("40.56M", "123.59M").replace("524,288", "491,520")
    assert {"n_layer", "batch_size", "gradient_accumulation_steps"} <= defaults(override + fitting + FIRST_ROWS).keys()
    told = defaults(override + SIZES.replace("40.56M", "10.65M").replace("524,288", "16,384") + FIRST_ROWS)
    assert not {"n_layer", "n_embd", "block_size", "batch_size", "gradient_accumulation_steps"} & told.keys()
    assert told["planned_steps"] == 600_000


def test_a_checkpoints_model_has_no_default_shape() -> None:
    """A resumed run takes its dims from the checkpoint, which the log does not show."""
    told = defaults("Overriding: init_from = resume\nResuming training from out\n" + FIRST_ROWS)
    assert not {"n_layer", "n_head", "n_embd", "block_size", "bias"} & told.keys()
    assert told["grad_clip"] == 1.0


def test_the_same_header_from_several_ranks_is_told_once() -> None:
    """Each rank of torchrun prints it, with or without its prefix."""
    assert read(SIZES * 3) == read(SIZES)
    ranks = "".join(f"[rank{n}]: {line}\n" for n in range(2) for line in SIZES.splitlines())
    assert facts(read(ranks)) == facts(read(SIZES))


@settings(deadline=None)
@given(st.data())
def test_damaged_headers_raise_nothing(data: st.DataObject) -> None:
    """Any stretch of the header may be missing or something else, however it is cut."""
    text = (ECHO + OVERRIDES + SIZES + FIRST_ROWS).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    noise = data.draw(st.binary(max_size=20) | st.sampled_from([b",,,", b"'", b'"""', b"(", b"\\", b"#", b"9" * 30]))
    read(text[:start] + noise + text[end:], data.draw(st.lists(st.integers(1, 9), max_size=9)))


def test_an_endless_echo_is_given_up() -> None:
    """A log that never shows the end of the config is not kept in memory for ever."""
    found = read("Overriding config with x.py:\nn_layer = 3\n" + "\n" * 100_000 + "words\n" * 3000 + "n_head = 4\n")
    assert facts(found) == {"config_file": "x.py", "n_layer": 3}


def test_look_alikes_of_the_header_are_no_facts() -> None:
    """The source code that prints these lines, and text about them, say nothing."""
    text = (
        'print(f"tokens per iteration will be: {tokens_per_iter:,}")\n'
        '    print("number of parameters: %.2fM" % (self.get_num_params()/1e6,))\n'
        "# number of parameters: 40.56M\n"
        'print("Resuming training from out")\n'
        "it printed number of parameters: 40.56M\n"
        "number of parameters: 40.56M or so\n"
    )
    assert read(text) == []


def test_a_resume_is_noticed() -> None:
    """It is where the weights are from, and from which folder."""
    found = read("Resuming training from out-x\n")
    assert facts(found) == {"init_from": "resume", "out_dir": "out-x"}
    assert [n.text for n in notices(found, "resume")] == ["Resuming training from out-x"]
