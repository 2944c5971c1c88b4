"""A log as fairseq-train prints it with --log-format simple."""

from __future__ import annotations

START = """\
2021-03-08 12:29:40 | INFO | fairseq_cli.train | {'_name': None, 'common': {'_name': None, 'no_progress_bar': False, \
'log_interval': 100, 'log_format': 'simple', 'seed': 1, 'fp16': True}, 'distributed_training': {'_name': None, \
'distributed_world_size': 8, 'distributed_rank': 0}, 'dataset': {'_name': None, 'max_tokens': 2048}, \
'optimization': {'_name': None, 'max_epoch': 0, 'max_update': 50000, 'clip_norm': 0.0, 'update_freq': [16], \
'lr': [0.0005]}, 'task': {'_name': 'language_modeling', 'tokens_per_sample': 512}, 'optimizer': {'_name': 'adam', \
'adam_betas': '(0.9, 0.98)', 'weight_decay': 0.01, 'lr': [0.0005]}, 'lr_scheduler': {'_name': 'inverse_sqrt', \
'warmup_updates': 4000, 'lr': [0.0005]}, 'model': {'_name': 'transformer_lm', 'dropout': 0.1}}
2021-03-08 12:29:51 | INFO | fairseq_cli.train | task: LanguageModelingTask
2021-03-08 12:29:51 | INFO | fairseq_cli.train | num. shared model params: 126,924,800 (num. trained: 126,924,800)
2021-03-08 12:29:51 | INFO | fairseq_cli.train | num. expert model params: 0 (num. trained: 0)
2021-03-08 12:29:52 | INFO | fairseq_cli.train | training on 8 devices (GPUs/TPUs)
2021-03-08 12:29:52 | INFO | fairseq_cli.train | max tokens per device = 2048 and max sentences per device = None
2021-03-08 12:29:53 | INFO | fairseq.trainer | begin training epoch 1
2021-03-08 12:29:53 | INFO | fairseq_cli.train | Start iterating over samples
2021-03-08 12:30:02 | INFO | fairseq.trainer | NOTE: gradient overflow detected, ignoring gradient, \
setting loss scale to: 64.0
"""
END = "2021-03-09 12:29:53 | INFO | fairseq_cli.train | done training in 86400.5 seconds\n"
INTERVAL = 100
ROWS_AN_EPOCH = 20


def clock(row: int) -> str:
    return f"2021-03-08 {12 + row // 3600 % 12}:{row // 60 % 60:02d}:{row % 60:02d} | INFO"


def log(rows: int = 60) -> bytes:
    """A start, a row every 100 updates, and after each 20th the evaluation and the summary of an epoch."""
    lines = [START]
    for row in range(1, rows + 1):
        updates = INTERVAL * row
        epoch, at = divmod(row - 1, ROWS_AN_EPOCH)
        loss = 14 / (1 + 0.01 * row)
        lines.append(
            f"{clock(row)} | train_inner | epoch {epoch + 1:03d}:  {INTERVAL * (at + 1):5d} / 2000 loss={loss:.3f}, "
            f"ppl={2**loss:.2f}, wps={131000 + 7.1 * row:g}, ups={2.05:g}, wpb={65536:g}, bsz={128:g}, "
            f"num_updates={updates}, lr={0.0005 * min(1.0, updates / 4000):g}, gnorm={1.5 + row % 7 / 100:.3f}, "
            f"loss_scale={64:g}, train_wall={49:g}, gb_free={9.1:g}, wall={50 * row:g}\n"
        )
        if at == ROWS_AN_EPOCH - 1:
            name, valid = f"epoch {epoch + 1:03d}", 14.5 / (1 + 0.01 * row)
            lines.append(
                f'{clock(row)} | fairseq_cli.train | begin validation on "valid" subset\n'
                f"{clock(row)} | valid | {name} | valid on 'valid' subset | loss {valid:.3f} | ppl {2**valid:.2f} | "
                f"wps 400123 | wpb 2048 | bsz 4 | num_updates {updates} | best_loss {valid:.3f}\n"
                f"{clock(row)} | fairseq.checkpoint_utils | Saved checkpoint checkpoints/checkpoint{epoch + 1}.pt "
                f"(epoch {epoch + 1} @ {updates} updates, score {valid:.3f}) (writing took 12.2 seconds)\n"
                f"{clock(row)} | train | {name} | loss {loss + 0.5:.3f} | ppl {2 ** (loss + 0.5):.2f} | wps 130000 | "
                f"ups 2 | wpb 65536 | bsz 128 | num_updates {updates} | lr 0.0005 | gnorm 1.5 | "
                f"train_wall 980 | wall 0\n"
            )
    return "".join([*lines, END]).encode()
