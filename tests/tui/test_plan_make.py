"""Plans put together: the founding run and the change that its diagnosis asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from planned import FOUNDING, GPT2, LLAMA, planned, written

from tui.errors import UserError
from tui.plan_make import accumulation_of_trainer
from tui.plan_notes import notes

GIB = 2.0**30


@pytest.fixture
def founding(tmp_path: Path) -> Path:
    """The founding run's config."""
    return written(tmp_path, "train_fineweb.py", FOUNDING)


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    """TinyLlama's config.json."""
    return written(tmp_path, "config.json", LLAMA)


class TestFounding:
    def test_it_is_not_the_size_that_it_claims(self, founding: Path) -> None:
        """40.56M, though the comment says 125M."""
        size = planned(founding).plan.size
        assert size is not None
        assert (size.parameters, size.claimed) == (40_560_000, 125_000_000)

    def test_768_wide_it_is(self, founding: Path) -> None:
        """123.59M as nanoGPT prints it, and the line that makes it."""
        made = planned(founding, "n_embd=768")
        assert made.plan.size is not None
        assert f"{(made.plan.size.parameters or 0) / 1e6:.2f}" == "123.59"
        assert made.patch == ("n_embd = 768",)
        assert made.unnamed == ()

    def test_the_batch_that_fits_then_keeps_the_tokens(self, founding: Path) -> None:
        """16 do not fit in 12 GB any more; 8 x 64 do, as the follow-up run had it."""
        assert planned(founding).fitting == ()
        assert planned(founding, "n_embd=768").fitting == ("batch_size = 8", "gradient_accumulation_steps = 64")

    def test_memory_may_be_said(self, founding: Path) -> None:
        """--memory counts before the GPU's own, and without a GPU."""
        made = planned(founding, gpu=None, memory_bytes=6 * GIB)
        assert made.hand.limit_bytes == 6 * GIB
        assert made.fitting == ("batch_size = 8", "gradient_accumulation_steps = 64")

    def test_gpt2_by_train_pys_defaults(self, tmp_path: Path) -> None:
        """123,587,328 without and 124,373,760 with positions, on 295B tokens."""
        plan = planned(written(tmp_path, "train_gpt2.py", GPT2)).plan
        assert (plan.parts.parameters, plan.parts.with_positions) == (123_587_328, 124_373_760)
        assert plan.tokens == 600_000 * 491_520


class TestLlama:
    def test_its_parts(self, llama: Path) -> None:
        """Grouped keys and a gate: TinyLlama's 1,100,048,384."""
        parts = planned(llama).plan.parts
        assert parts.parameters == 1_100_048_384
        assert parts.attention == 22 * 2048 * (2 * 2048 + 2 * 256)
        assert parts.mlp == 22 * 3 * 2048 * 5632
        assert parts.head == 32000 * 2048

    def test_the_context_of_a_model_is_none_of_the_training(self, llama: Path) -> None:
        """max_position_embeddings is a limit: FLOPs, hours and memory wait for a context."""
        plan = planned(llama).plan
        assert (plan.flops, plan.hours, plan.memory) == (None, None, None)
        assert plan.memory_unknown == "block_size is unknown"
        assert planned(llama, "block_size=2048").plan.hours is not None

    def test_what_its_trainer_calls_a_change_is_not_known(self, llama: Path) -> None:
        """A config.json is no trainer's: the change is said in words."""
        made = planned(llama, "block_size=2048")
        assert made.patch == ()
        assert made.unnamed == (("block_size", 2048),)


class TestGpus:
    def test_one_is_assumed_and_said(self, founding: Path) -> None:
        """Where neither config nor --gpu tells; eight take an eighth of the time."""
        one, eight = planned(founding), planned(founding, gpu="8x RTX 4070")
        assert one.hand.assumed
        assert any("one GPU is assumed" in note for note in notes(one))
        assert not eight.hand.assumed
        assert not any("one GPU is assumed" in note for note in notes(eight))
        assert one.plan.hours is not None
        assert eight.plan.hours is not None
        assert eight.plan.hours[0] == pytest.approx(one.plan.hours[0] / 8)

    def test_an_accumulation_is_written_as_the_trainer_counts(self, founding: Path, llama: Path) -> None:
        """NanoGPT's counts the micro-batches of all GPUs, others' those of each."""
        assert accumulation_of_trainer(planned(founding, gpu="8x RTX 4070"), 64) == 64
        assert accumulation_of_trainer(planned(llama, gpu="8x RTX 4070"), 64) == 8

    def test_without_a_gpu_there_are_no_hours(self, founding: Path) -> None:
        """And --hours is refused with what would help."""
        assert planned(founding, gpu=None).plan.hours is None
        with pytest.raises(UserError, match="--gpu"):
            planned(founding, gpu=None, hours=24)


class TestBudget:
    def test_a_day_on_an_rtx_4070(self, founding: Path) -> None:
        """At 40 to 85 % of 58.3 TFLOP/s."""
        best = planned(founding, hours=24).best
        assert best is not None
        assert best[0].flops == pytest.approx(0.40 * 58.3e12 * 86_400, rel=0.01)
        assert best[1].flops == pytest.approx(0.85 * 58.3e12 * 86_400, rel=0.01)
        assert best[0].parameters < best[1].parameters

    def test_so_many_flops_need_no_gpu(self, founding: Path) -> None:
        """They are what they are."""
        best = planned(founding, gpu=None, flops=1e19).best
        assert best is not None
        assert best[0] == best[1]

    def test_both_are_too_many(self, founding: Path) -> None:
        """They would contradict."""
        with pytest.raises(UserError, match="give one"):
            planned(founding, hours=24, flops=1e19)

    def test_sizes_share_the_hours(self, founding: Path) -> None:
        """Each is planned on the tokens that it can see in that time: large ones on few."""
        rows = planned(founding, hours=24, sizes="30M,124M,350M").rows
        tokens = [plan.tokens or 0.0 for _, plan in rows]
        assert tokens == sorted(tokens, reverse=True)
        flops = [plan.flops for _, plan in rows]
        assert flops == pytest.approx([flops[0]] * 3)


class TestSizes:
    def test_by_count(self, founding: Path) -> None:
        """On the tokens of the run."""
        rows = planned(founding, sizes="30M,124M").rows
        assert [name for name, _ in rows] == ["30M", "124M"]
        assert [plan.tokens for _, plan in rows] == [20_000 * 524_288] * 2

    def test_by_one_dimension(self, founding: Path) -> None:
        """Widths that the heads do not divide get heads of 64."""
        rows = planned(founding, sizes="n_embd=384,512,768").rows
        shapes = [plan.size.shape for _, plan in rows if plan.size]
        assert [(s.n_embd, s.n_head, s.n_layer) for s in shapes] == [(384, 12, 12), (512, 8, 12), (768, 12, 12)]
        deep = planned(founding, sizes="n_layer=6,24").rows
        assert [plan.size.shape.n_layer for _, plan in deep if plan.size] == [6, 24]

    @pytest.mark.parametrize("sizes", ["1M", "vocab_size=1,2", "many", "n_embd=wide", ""])
    def test_what_is_no_list_of_sizes(self, founding: Path, sizes: str) -> None:
        """One line each."""
        with pytest.raises(UserError, match="--sizes"):
            planned(founding, sizes=sizes)

    def test_narrow_ones_have_no_hours(self, founding: Path) -> None:
        """They do not fill a GPU."""
        narrow, wide = planned(founding, sizes="n_embd=192,768").rows
        assert narrow[1].hours is None
        assert wide[1].hours is not None


class TestNotes:
    def test_a_smaller_batch_alone_makes_smaller_steps(self, founding: Path) -> None:
        """And what would keep them."""
        (said,) = [note for note in notes(planned(founding, "batch_size=8")) if "a step has" in note]
        assert said == "a step has 262,144 tokens now, 524,288 before; gradient_accumulation_steps = 64 keeps them"
        assert not [n for n in notes(planned(founding, "batch_size=8,gradient_accumulation_steps=64")) if "a step" in n]

    def test_other_tokens_a_step_are_written_as_batches(self, founding: Path) -> None:
        """NanoGPT has no setting for them."""
        assert planned(founding, "tokens_per_step=262144").patch == (
            "batch_size = 16",
            "gradient_accumulation_steps = 16",
        )

    def test_a_shorter_run_with_the_old_decay(self, founding: Path) -> None:
        """The learning rate would not come down."""
        assert any("decay_steps = 12000" in note for note in notes(planned(founding, "max_iters=12000")))
        both = planned(founding, "max_iters=12000,lr_decay_iters=12000")
        assert not any("decays" in note for note in notes(both))

    def test_sharding_is_not_counted(self, founding: Path) -> None:
        """Of several GPUs each holds the whole model, as far as is known."""
        assert any("sharding" in note for note in notes(planned(founding, gpu="8x RTX 4070")))
        assert not any("sharding" in note for note in notes(planned(founding)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n_layer = 12\n", "does not say n_embd, vocab_size"),
        ("n_layer = 2\nn_head = 3\nn_embd = 64\nvocab_size = 100\n", "not divisible by n_head 3"),
        ("n_layer = 2\nn_embd = 64\nd_ff = 99\nvocab_size = 100\n", "--params"),
        (
            "n_layer = 2\nn_embd = 64\nd_ff = 99\nvocab_size = 100\nswiglu = True\n",
            "--set tie_embeddings=true",
        ),
    ],
)
def test_what_cannot_be_planned(tmp_path: Path, text: str, said: str) -> None:
    """With the path, what is missing and how to say it."""
    path = written(tmp_path, "my.py", text)
    with pytest.raises(UserError) as caught:
        planned(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_layout_that_is_not_known_may_be_counted_by_the_user(tmp_path: Path) -> None:
    """--params N; its parts stay unknown."""
    from tui.options import Options
    from tui.plan_make import Wish, make

    path = written(tmp_path, "my.py", "n_layer = 2\nn_embd = 64\nd_ff = 99\nvocab_size = 100\n")
    made = make(str(path), Options(params=50_000), Wish())
    assert made.plan.tokens == 20 * 50_000
    assert made.plan.parts.mlp is None
