"""The families of models, each with all its facts in a module of its own."""

from backend.specification.families.cnn import CNN
from backend.specification.families.family import Family
from backend.specification.families.mlp import MLP
from backend.specification.families.polynomial import POLYNOMIAL
from backend.specification.families.random_features import RANDOM_FEATURES

__all__ = ["FAMILIES", "Family"]

FAMILIES: dict[str, Family] = {
    family.name: family for family in (POLYNOMIAL, MLP, CNN, RANDOM_FEATURES)
}
"""By name, in the order in which they are offered."""
