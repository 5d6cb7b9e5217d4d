import tracemalloc

import numpy as np
import pytest

from backend.datasets.formulas import FORMULAS
from backend.datasets.sampling import flipped, generated, with_noise
from backend.specification.data_sources import SOURCES
from docs.make_previews import FILE, text
from frontend.charts.data_pictures import HEIGHT, MAX_DOTS, MAX_PICTURES, WIDTH, data_pictures
from tests.specs import run_spec, run_specs
from worker.training.data import load


def test_the_stored_preview_rows_are_current() -> None:
    assert FILE.read_text(encoding="utf-8") == text()


def test_dots_are_the_training_samples_of_a_worker() -> None:
    spec = run_spec("moons", dataset__label_noise=0.3, dataset__input_noise=0.2)
    [picture] = data_pictures([spec])
    data = load(spec)
    across = np.array([dot.x for dot in picture.dots])
    assert np.corrcoef(across, data.train.x[:, 0])[0, 1] == pytest.approx(1, abs=1e-4)
    assert [dot.label for dot in picture.dots] == data.train.y.tolist()
    assert [dot.wrong for dot in picture.dots] == data.mislabelled.tolist()


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "modular_addition"])
def test_every_source_has_a_picture_inside_its_frame(source: str) -> None:
    [picture] = data_pictures([run_spec(source, dataset__input_noise=0.1)])
    assert picture.dots or picture.pixels or picture.lines
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in picture.dots)


def test_a_source_without_a_picture_is_described_as_such() -> None:
    [picture] = data_pictures([run_spec("modular_addition")])
    assert picture.about.endswith("No picture is available.")


def test_titles_name_the_differences_between_pictures() -> None:
    pictures = data_pictures(run_specs("moons", dataset__input_noise=[0, 0.5], model__width=[2, 4]))
    assert [picture.title for picture in pictures] == [
        "Two moons, input noise 0",
        "Two moons, input noise 0.5",
    ]


def test_many_data_sets_are_thinned_to_a_few_pictures() -> None:
    pictures = data_pictures(run_specs("sine", dataset__n_train=[5, 10, 20, 50, 100, 200, 1000]))
    assert len(pictures) == MAX_PICTURES
    assert (len(pictures[0].dots), len(pictures[-1].dots)) == (5, MAX_DOTS)


def test_only_the_shown_samples_are_drawn() -> None:
    few, many = (
        data_pictures([run_spec("moons", dataset__n_train=n, dataset__label_noise=0.2)])[0]
        for n in (MAX_DOTS, 100_000)
    )
    assert few.dots == many.dots
    assert many.about.startswith("The first 300 of 100,000 train samples")


@pytest.mark.parametrize("source", FORMULAS)
def test_a_shorter_draw_is_the_beginning_of_a_longer_one(source: str) -> None:
    noise = {"dataset__input_noise": 0.1, "dataset__n_features": 5}
    short, long = (run_spec(source, dataset__n_train=n, **noise).dataset for n in (300, 2000))
    draws = [with_noise(d, 3, "train", *generated(d, 3, "train")) for d in (short, long)]
    for shorter, longer in zip(*draws, strict=True):
        assert np.array_equal(shorter, longer[:300])
    flips = [flipped(np.arange(n) % 2, 0.3, 3, 2) for n in (300, 2000)]
    for shorter, longer in zip(*flips, strict=True):
        assert np.array_equal(shorter, longer[:300])


def test_a_picture_of_a_large_data_set_takes_little_memory() -> None:
    spec = run_spec("moons", dataset__n_train=100_000, dataset__n_features=1000)
    tracemalloc.start()
    data_pictures([spec])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20
