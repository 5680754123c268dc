"""Training, in float64 and in a machine's own bits: losses, optimizers, learners, the loop, checkpoints."""
