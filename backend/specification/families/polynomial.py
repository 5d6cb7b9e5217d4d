"""Polynomials: a weighted sum of products of the inputs, up to a degree."""

from backend.specification.families.family import Family

POLYNOMIAL = Family(
    name="polynomial",
    title="Polynomial",
    in_prose="polynomials",
    about="A weighted sum of powers of the inputs and of their products.",
    settings=("degree",),
    size_setting="degree",
    closed_form=True,
    # Plain gradient descent learns a polynomial's line before its wiggles; Adam learns all at once.
    defaults={"training.optimizer": "sgd", "training.learning_rate": 0.1},
)
