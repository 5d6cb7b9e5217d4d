"""Convolutional networks, for images."""

from backend.specification.families.family import Family

CNN = Family(
    name="cnn",
    title="Convolutional network",
    in_prose="convolutional networks",
    about="A convolutional network, for images.",
    settings=("depth", "channels", "activation"),
    size_setting="channels",
    defaults={"training.epochs": 30},
)
