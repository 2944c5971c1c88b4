"""A log as MaxText prints it."""

from __future__ import annotations

START = """\
I0706 16:49:01.100209 140110937163584 pyconfig.py:413] Config param adam_b1: 0.9
I0706 16:49:01.100310 140110937163584 pyconfig.py:413] Config param adam_b2: 0.95
I0706 16:49:01.100420 140110937163584 pyconfig.py:413] Config param adam_weight_decay: 0.1
I0706 16:49:01.100510 140110937163584 pyconfig.py:413] Config param base_emb_dim: 2048
I0706 16:49:01.100615 140110937163584 pyconfig.py:413] Config param dataset_type: synthetic
I0706 16:49:01.100700 140110937163584 pyconfig.py:413] Config param dtype: bfloat16
I0706 16:49:01.100801 140110937163584 pyconfig.py:413] Config param emb_dim: 4096
I0706 16:49:01.100910 140110937163584 pyconfig.py:413] Config param eval_interval: -1
I0706 16:49:01.101020 140110937163584 pyconfig.py:413] Config param global_batch_size_to_train_on: 96
I0706 16:49:01.101130 140110937163584 pyconfig.py:413] Config param learning_rate: 3e-05
I0706 16:49:01.101230 140110937163584 pyconfig.py:413] Config param max_target_length: 2048
I0706 16:49:01.101340 140110937163584 pyconfig.py:413] Config param num_decoder_layers: 27
I0706 16:49:01.101450 140110937163584 pyconfig.py:413] Config param opt_type: adamw
I0706 16:49:01.101560 140110937163584 pyconfig.py:413] Config param per_device_batch_size: 24.0
I0706 16:49:01.101670 140110937163584 pyconfig.py:413] Config param run_name: demo
I0706 16:49:01.101780 140110937163584 pyconfig.py:413] Config param steps: 150001
I0706 16:49:01.101890 140110937163584 pyconfig.py:413] Config param vocab_size: 102400
I0706 16:49:30.982985 140110937163584 metric_logger.py:275] number parameters: 15.933 billion

Memstats: After params initialized:
\tUsing (GB) 44.63 / 95.74 (46.615835%) on TPU_0(process=0,(0,0,0,0))
Per train step:
 Total TFLOPs: 764.67
 split as 94.54% learnable weight flops and 5.46% attention flops
"""
EVAL_INTERVAL = 25


def log(rows: int = 60) -> bytes:
    """A start, `rows` rows from step 0 on, and an evaluation after every 25th, which stands before its step's row."""
    lines = [START]
    for step in range(rows):
        seconds = 44.923 if step == 0 else 0.319 if step == 1 else 5.6 + step % 7 / 100
        head = f"I0706 {16 + step // 3600 % 8}:{step // 60 % 60:02d}:{step % 60:02d}.230209 140110937163584 "
        if step % EVAL_INTERVAL == EVAL_INTERVAL - 1:
            loss = 12.5 / (1 + 0.01 * step)
            lines.append(
                f"{head}metric_logger.py:230] eval metrics after step: {step}, loss={loss:.3f}, total_weights=75264.0\n"
            )
        lines.append(
            f"{head}metric_logger.py:214] completed step: {step}, seconds: {seconds:.3f}, "
            f"TFLOP/s/device: {764.67 / seconds:.3f}, Tokens/s/device: {49152 / seconds:.3f}, total_weights: 196608, "
            f"loss: {12 / (1 + 0.01 * step):.3f}, lm_loss: {12 / (1 + 0.01 * step):.3f}, "
            f"perplexity: {1e5 / (1 + step):.3f}\n"
        )
    return "".join(lines).encode()
