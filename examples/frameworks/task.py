"""The task of all examples in this folder: the data, the size of the network and the options.

Every example trains a classifier on Iris flowers or handwritten digits, with no hidden layer or
with some, and logs the train and validation loss of each epoch.
"""

from argparse import ArgumentParser, Namespace

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split

SOURCES = {"iris": (load_iris, 60, 3), "digits": (load_digits, 200, 10)}
BATCH, RATE = 32, 1e-3


def options() -> Namespace:
    """Return the options of the command line."""
    parser = ArgumentParser()
    parser.add_argument("--data", choices=SOURCES, default="digits")
    parser.add_argument(
        "--hidden", type=int, nargs="*", default=[128], help="widths; none: 0 layers"
    )
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def samples(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs and labels for training, then for validation; inputs are scaled."""
    load, n_train, _ = SOURCES[name]
    x, y = load(return_X_y=True)
    x, x_val, y, y_val = train_test_split(x, y, train_size=n_train, stratify=y, random_state=0)
    mean, spread = x.mean(0), x.std()  # one spread: some pixels of digits are always 0
    scaled = [((part - mean) / spread).astype("float32") for part in (x, x_val)]
    return scaled[0], y.astype("int64"), scaled[1], y_val.astype("int64")


def classes(name: str) -> int:
    """Return the number of classes of a source."""
    return SOURCES[name][2]
