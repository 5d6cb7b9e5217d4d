"""Polynomials: a weighted sum of products of the inputs, up to a degree."""

from math import comb
from textwrap import dedent
from typing import TYPE_CHECKING

from backend.errors import FieldError
from backend.specification.families.family import Family

if TYPE_CHECKING:
    from backend.specification.hyperparameters import Model
    from backend.specification.run_spec import RunSpec

MAX_TERMS = 3_000

_CODE = dedent("""\
    import json, numpy as np
    from numpy.polynomial.legendre import legvander
    from safetensors import safe_open

    with safe_open("{file}", "np") as file:
        coefficients, about = file.get_tensor("coefficients"), file.metadata()
    mean, scale, terms = (json.loads(about[key]) for key in ("input_mean", "input_scale", "terms"))

    def predict(x):  # x: raw inputs [n, {inputs}]
        each = legvander((x - np.array(mean)) / scale, {degree}) / (2 * np.arange({orders}) + 1)
        ones = np.ones(len(x))  # a term is a list of inputs with their degrees
        basis = [np.prod([ones, *(each[:, i, k] for i, k in term)], axis=0) for term in terms]
        return np.stack(basis, axis=1) @ coefficients.T
    """)


def terms(spec: "RunSpec") -> int:
    """Return the number of products of the inputs up to the degree, the constant included."""
    degree = spec.model.degree or 0
    return comb(spec.dataset.input_count + degree, degree)


def _parameters(spec: "RunSpec") -> int:
    return terms(spec) * spec.dataset.output_count


def _check(spec: "RunSpec") -> FieldError | None:
    count, degree = terms(spec), spec.model.degree
    if count <= MAX_TERMS:
        return None
    return FieldError(
        "model.degree",
        f"model.degree is {degree}, which with {spec.dataset.input_count} inputs makes {count:,} "
        f"terms; accepted: at most {MAX_TERMS:,}.",
    )


def _describe(model: "Model") -> str:
    return f"Degree {model.degree}"


def _loading_code(spec: "RunSpec", file: str) -> str:
    degree = spec.model.degree or 0
    return _CODE.format(
        file=file, degree=degree, orders=degree + 1, inputs=spec.dataset.input_count
    )


POLYNOMIAL = Family(
    name="polynomial",
    title="Polynomial",
    about="A weighted sum of powers of the inputs and of their products.",
    settings=("degree",),
    size_setting="degree",
    saving=("model.degree",),
    parameters=_parameters,
    model_inputs=terms,
    check=_check,
    describe=_describe,
    loading_code=_loading_code,
    closed_form=True,
    scale="range",
    size_factor=2,
    smallest_size=1,
    # Plain gradient descent learns a polynomial's line before its wiggles; Adam learns all at once.
    defaults={"training.optimizer": "sgd", "training.learning_rate": 0.1},
)
