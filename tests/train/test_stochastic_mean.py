"""What stochastic rounding is worth over many steps: the mean of a weight moves as far as exact arithmetic would."""

from __future__ import annotations

import numpy as np

from accel.config import load_accelerator
from accel.layers import Dense, Flatten, Softmax
from accel.network.graph import chain
from accel.numeric.random import Lfsr
from accel.train.fixed import fixed_learner
from accel.train.optimizers import Sgd


def test_steps_of_a_tenth_of_an_lsb_add_up():
    """400 equal updates of 0.1 lsb move 500 weights by 40 lsb in the mean, within four standard errors of the draws.

    One weight's end has a variance of 400 * 0.1 * 0.9 = 36 lsb^2, so the mean over 500 has a deviation of 0.27 lsb.
    """
    network = chain("wide", (1, 1, 250), {"flatten": Flatten(), "output": Dense(2, bias=False), "softmax": Softmax()})
    overrides = ("weight=Q2.8", "gradient=Q2.14", "rate=UQ0.16", "error=Q2.14", "input=Q2.14")
    machine = load_accelerator("gupta2015", tuple(f"training.{each}" for each in overrides))
    rate = 0.1 * 2**-8 / 0.5
    made = fixed_learner(network, machine, loss="mse", optimizer=Sgd(rate), batch=1)
    update = made._update(made.program.slots[0], rate, 1, 0, 28)
    assert isinstance(update.quantizers[2].random, Lfsr)
    kept = np.zeros((2, 250), np.int16), np.empty((0, 250), np.int32)
    sums = np.full((2, 250), -(1 << 27))  # a gradient of -0.5 at 2^-28
    counted = np.zeros(6, np.int64)
    for step in range(400):
        kept = made._stepped(made.program.slots[0], update, sums, kept, step, counted, np.empty(0, np.int64))
    exact = 400 * round(rate * 2**16) * 2**-16 * 0.5 * 2**8
    assert abs(kept[0].mean() - exact) < 4 * np.sqrt(36 / 500)
    assert np.std(kept[0]) > 3
