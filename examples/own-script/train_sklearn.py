"""A scikit-learn training of handwritten digits that logs with overfit_lab.

    lab sweep --n-train 100,400,1000 --width 4,16,64 --seeds 3 -- python train_sklearn.py {args}

In a sweep, `overfit_lab.init` continues the run that was planned. Started by hand, the same script
logs a run of its own.
"""

from argparse import ArgumentParser

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.utils import shuffle

import overfit_lab

parser = ArgumentParser()
parser.add_argument("--n-train", type=int, default=400)
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=60)
options = parser.parse_args()

x, y = shuffle(*load_digits(return_X_y=True), random_state=0)
x /= 16
x_train, y_train = x[: options.n_train], y[: options.n_train]
x_val, y_val = x[-500:], y[-500:]
labels = np.unique(y)

model = MLPClassifier((options.width,), alpha=0, learning_rate_init=0.01, random_state=options.seed)
run = overfit_lab.init("digits", config=vars(options))
for _ in range(options.epochs):
    model.partial_fit(x_train, y_train, classes=labels)
    run.log({
        "train_loss": log_loss(y_train, model.predict_proba(x_train), labels=labels),
        "val_loss": log_loss(y_val, model.predict_proba(x_val), labels=labels),
        "val_accuracy": model.score(x_val, y_val),
    })  # fmt: skip
run.finish()
