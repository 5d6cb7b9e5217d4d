"""Each preset reproduces the textbook: a smaller version of it has the shape it is known for."""

import pytest

from backend.specification.presets import PRESETS
from tests.preset_shapes import SHAPES, train


def test_every_preset_has_a_shape() -> None:
    assert SHAPES.keys() == PRESETS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("slug", SHAPES)
def test_a_preset_shows_what_it_is_known_for(slug: str) -> None:
    shape = SHAPES[slug]
    figures = shape.measure(train(shape.document(slug)))
    broken = [claim for claim, holds in shape.claims.items() if not holds(figures)]
    assert not broken, figures
