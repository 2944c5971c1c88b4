"""A log as torchtune prints it with its StdoutLogger."""

from __future__ import annotations

START = """\
INFO:torchtune.utils._logging:Running FullFinetuneRecipeDistributed with resolved config:

batch_size: 2
checkpointer:
  _component_: torchtune.training.FullModelHFCheckpointer
  checkpoint_dir: /tmp/Llama-3.2-1B-Instruct
  model_type: LLAMA3_2
clip_grad_norm: 1.0
compile: false
dtype: bf16
epochs: 3
gradient_accumulation_steps: 8
max_steps_per_epoch: null
optimizer:
  _component_: torch.optim.AdamW
  fused: true
  lr: 2.0e-05
  weight_decay: 0.01
tokenizer:
  _component_: torchtune.models.llama3.llama3_tokenizer
  max_seq_len: 8192

DEBUG:torchtune.utils._logging:Setting manual seed to local seed 3903944230. Local seed is seed + rank = 3903944230 + 0
Writing logs to /tmp/torchtune/logs/log_1743984072.txt
INFO:torchtune.utils._logging:Model is initialized with precision torch.bfloat16.
INFO:torchtune.utils._logging:Memory stats after model init:
\tGPU peak memory active: 2.50 GiB
\tGPU peak memory alloc: 2.50 GiB
\tGPU peak memory reserved: 2.55 GiB
INFO:torchtune.utils._logging:Optimizer is initialized.
INFO:torchtune.utils._logging:Loss is initialized.
"""
END = """\
INFO:torchtune.utils._logging:Starting checkpoint save...
INFO:torchtune.utils._logging:Model checkpoint of size 2.30 GiB saved to /tmp/torchtune/epoch_0/ft-model.safetensors
INFO:torchtune.utils._logging:Checkpoint saved in 9.52 seconds.
"""


def log(rows: int = 60) -> bytes:
    """A start, `rows` rows from step 1 on, all digits of each number, and the checkpoint of the first epoch."""
    lines = [
        f"Step {step} | loss:{2.5 / (1 + 0.01 * step)} lr:{2e-05 * min(1.0, step / 20)} "
        f"tokens_per_second_per_gpu:{4000 + step / 7} peak_memory_active:{11.25 + step % 3 / 7} "
        f"peak_memory_alloc:{11.25 + step % 3 / 7} peak_memory_reserved:{13.5 + step % 5 / 8} "
        f"grad_norm:{1.5 + step % 7 / 9} \n"
        for step in range(1, rows + 1)
    ]
    return "".join([START, *lines, END]).encode()
