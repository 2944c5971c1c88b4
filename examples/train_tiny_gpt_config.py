# A byte-level GPT on the sources of Python's standard library, small enough for one CPU core

eval_interval = 50
eval_iters = 40  # 320 sequences of each split
log_interval = 10

dataset = "stdlib"
gradient_accumulation_steps = 2
batch_size = 8
block_size = 128  # context of 128 bytes

# Model (~0.5M parameters)
n_layer = 4
n_head = 4
n_embd = 96
dropout = 0.1
bias = False

learning_rate = 2e-3  # a model this small can afford it
max_iters = 1500
lr_decay_iters = 1500  # make equal to max_iters usually
min_lr = 2e-4  # learning_rate / 10 usually
warmup_iters = 100
beta2 = 0.99  # few tokens per step

device = "cpu"  # the only one that this trainer knows
