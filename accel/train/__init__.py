"""The float64 trainer: losses, optimizers, loop."""
