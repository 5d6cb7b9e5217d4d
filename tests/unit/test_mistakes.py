"""The section on what a classifier gets right and wrong."""

import numpy as np

from backend.runs.classified import ClassifiedSamples
from backend.specification.data_sources import SOURCES
from frontend.charts.mistakes import Mistakes, mistakes_of


def mistakes(source: str, *, drawable: bool = False) -> Mistakes:
    """Return the mistakes of four samples, the last of which is given class 0 instead of 1."""
    pixels = SOURCES[source].features if SOURCES[source].side else 0
    samples = ClassifiedSamples(
        epoch=7,
        targets=np.array([0, 0, 1, 1]),
        predicted=np.array([0, 0, 1, 0]),
        projected=np.array([[0, 0], [1, 0], [0, 1], [1, 1]]),
        misread=np.linspace(0, 255, pixels)[None][: bool(pixels)],
        misread_at=np.array([3]),
    )
    return mistakes_of(samples, SOURCES[source], drawable=drawable)


def test_rows_are_true_classes_and_columns_given_ones() -> None:
    rows = [[cell.amount for cell in row[:2]] for row in mistakes("iris").confusion[:2]]
    assert rows == [[2, 0], [1, 1]]
    assert mistakes("iris").classes == ("setosa", "versicolor", "virginica")


def test_the_sentence_counts() -> None:
    assert "At the best epoch, 7, 3 of 4 test samples" in mistakes("iris").sentence
    assert "(75.0%), and 1 a wrong one" in mistakes("iris").sentence


def test_a_misread_image_names_both_classes_and_darkens_with_grey() -> None:
    [image] = mistakes("digits").images
    assert (image.true, image.given, image.view) == ("1", "0", "0 0 8 8")
    assert [opacity for opacity, _ in image.pixels] == [f"{i / 8:.2f}" for i in range(1, 9)]


def test_wrong_samples_are_marked_in_the_projection() -> None:
    assert [sample.wrong for sample in mistakes("wine").projection] == [False] * 3 + [True]
    assert mistakes("moons", drawable=True).projection == ()


def test_many_classes_have_no_matrix() -> None:
    assert mistakes("modular_addition").confusion == ()
