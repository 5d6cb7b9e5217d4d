"""Random features: a hidden layer that is drawn once, and an output layer that is fitted."""

from worker.training.architectures.architecture import LinearFit, linear_model
from worker.training.feature_maps import draw_random_layer, random_features

RANDOM_FEATURES = linear_model(LinearFit("output.weight", draw_random_layer, random_features))
