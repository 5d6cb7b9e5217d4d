"""Lines of cells along a hyperparameter, where some settings do not apply to all models."""

from backend.analysis.cells import lines_along, settings
from backend.specification.params import Params

SINGLE: Params = {"dataset.n_train": 15, "model.depth": 0}
DEEP: list[Params] = [{**SINGLE, "model.depth": depth, "model.width": 32} for depth in (2, 1)]


def test_a_model_without_hidden_layers_is_on_the_line_over_the_depth() -> None:
    [line] = lines_along([*DEEP, SINGLE], lambda params: params, "model.depth")
    assert [params["model.depth"] for params in line] == [0, 1, 2]


def test_it_is_on_the_line_of_every_width() -> None:
    wide: list[Params] = [{**params, "model.width": 64} for params in DEEP]
    lines = lines_along([SINGLE, *DEEP, *wide], lambda params: params, "model.depth")
    assert [line[0] for line in lines] == [SINGLE, SINGLE]
    assert [line[1]["model.width"] for line in lines] == [32, 64]


def test_a_param_of_another_program_tells_runs_apart_if_some_lack_it() -> None:
    logged: list[Params] = [{"depth": 1, "mixup": 0.2}, {"depth": 2}]
    assert len(lines_along(logged, lambda params: params, "depth")) == 2
    assert len(settings(logged, ("depth",))) == 2


def test_a_setting_that_has_no_effect_on_some_models_is_no_choice() -> None:
    runs = [SINGLE, *DEEP, *({**params, "dataset.n_train": 60} for params in (SINGLE, *DEEP))]
    assert settings(runs, ("model.depth",)) == [{"dataset.n_train": 15}, {"dataset.n_train": 60}]
