"""Fully-connected networks."""

from backend.specification.families.family import Family

MLP = Family(
    name="mlp",
    title="Network",
    in_prose="networks",
    about="A fully-connected network.",
    settings=("features", "layers", "depth", "width", "activation", "normalisation", "dropout"),
    size_setting="width",
)
