"""Random features: hidden neurons that are drawn once, whose weighted sum is fitted."""

from backend.specification.families.family import Family

RANDOM_FEATURES = Family(
    name="random_features",
    title="Random features",
    in_prose="random features",
    about="Neurons drawn at random, whose weighted sum is fitted.",
    settings=("features", "width"),
    size_setting="width",
    by_gradients=False,
    closed_form=True,
    defaults={"model.width": 500},
)
