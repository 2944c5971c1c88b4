"""What the numbers mean: the run, the laws and the rules."""
