"""A Keras training of handwritten digits with `fit`, whose output is read.

lab sweep --n-train 100,400,1000 --width 4,16,64 --seeds 3 -- python train_keras.py {args}
"""

from argparse import ArgumentParser

import keras
from sklearn.datasets import load_digits
from sklearn.utils import shuffle

parser = ArgumentParser()
parser.add_argument("--n-train", type=int, default=400)
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=60)
options = parser.parse_args()

keras.utils.set_random_seed(options.seed)
x, y = shuffle(*load_digits(return_X_y=True), random_state=0)
x = x.astype("float32") / 16

model = keras.Sequential(
    [keras.layers.Dense(options.width, activation="relu"), keras.layers.Dense(10)]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(
    x[: options.n_train],
    y[: options.n_train],
    validation_data=(x[-500:], y[-500:]),
    epochs=options.epochs,
    verbose=2,  # a line per epoch
)
