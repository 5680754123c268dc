"""Bits stay what they were: codes of every node, frozen.

Made by `accel check NETWORK -n 4 --golden tests/vectors/NETWORK.npz --update-golden`; a change here is a change of
what the machine computes and needs a line in CHANGELOG.
"""

from pathlib import Path

import pytest
from click.testing import CliRunner

from accel.cli import main

VECTORS = Path(__file__).parent / "vectors"


@pytest.mark.parametrize("network", sorted(path.stem for path in VECTORS.glob("*.npz")))
def test_every_code_is_the_frozen_one(network):
    """The default machine gives every node's codes again, bit for bit."""
    outcome = CliRunner().invoke(main, ["check", network, "-n", "4", "--golden", str(VECTORS / f"{network}.npz")])
    assert outcome.exit_code == 0, outcome.output
    assert "13 of 13 passed" in outcome.output


def test_there_are_vectors():
    """The folder of vectors is not empty, so the test above compared something."""
    assert len(list(VECTORS.glob("*.npz"))) == 2
