"""A reduced version of each preset reproduces the textbook effect."""

import pytest

from backend.specification.presets import PRESETS
from tests.preset_shapes import SHAPES, train


def test_every_preset_has_a_shape() -> None:
    assert SHAPES.keys() == PRESETS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("slug", SHAPES)
def test_a_preset_shows_its_effect(slug: str) -> None:
    shape = SHAPES[slug]
    measurements = shape.measure(train(shape.document(slug)))
    broken = [claim for claim, holds in shape.claims.items() if not holds(measurements)]
    assert not broken, measurements
