"""Does a quantizer refuse what means nothing, and lower to the integers that it describes?"""

from __future__ import annotations

import pytest

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr
from kernels.modes import Overflow, Requant, Rounding

Q8, U8 = QFormat.parse("Q4.4"), QFormat.parse("UQ4.4")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quantizer(U8, overflow=Overflow.WRAP_SM), "WRAP_SM needs a signed format"),
        (lambda: Quantizer(Q8, overflow=Overflow.SAT, saturation_bits=1), "belongs to WRAP and WRAP_SM, not to SAT"),
        (lambda: Quantizer(Q8, overflow=Overflow.WRAP, saturation_bits=9), "use 0..8"),
        (lambda: Quantizer(Q8, overflow=Overflow.WRAP, saturation_bits=-1), "use 0..8"),
        (lambda: Quantizer(Q8, rounding=Rounding.STOCHASTIC), "name the generator"),
    ],
)
def test_combinations_that_mean_nothing(make, message):
    """A combination without a meaning is refused when it is made."""
    with pytest.raises(ConfigError, match=message):
        make()


def test_lowering():
    """A cast lowers to the difference of the binary points and the target's own integers."""
    random = Lfsr(bits=9, centred=True)
    source = QFormat.parse("Q8.12")
    assert Quantizer(U8, Rounding.STOCHASTIC, Overflow.WRAP, 3, random).lower(source) == Requant(
        shift=8,
        rounding=Rounding.STOCHASTIC,
        overflow=Overflow.WRAP,
        signed=0,
        width=8,
        saturation_bits=3,
        source_width=20,
        random_bits=9,
        centred=1,
    )


def test_only_stochastic_rounding_lowers_its_random_bits():
    """A generator beside another rounding mode draws nothing."""
    assert Quantizer(Q8, Rounding.TRN, random=Lfsr()).lower(Q8).random_bits == 0
