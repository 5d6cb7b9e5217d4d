"""Keras: a sequence of layers and a call of `fit`, logged by the callback of overfit_lab."""

import keras
from task import BATCH, RATE, classes, options, samples

import overfit_lab
from overfit_lab.keras import LabCallback

chosen = options()
keras.utils.set_random_seed(chosen.seed)
x, y, x_val, y_val = samples(chosen.data)

model = keras.Sequential([
    *(keras.layers.Dense(width, activation="relu") for width in chosen.hidden),
    keras.layers.Dense(classes(chosen.data), activation="softmax"),
])  # fmt: skip
model.compile(
    optimizer=keras.optimizers.Adam(RATE),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

config = {"api": "Keras", "hidden": chosen.hidden, "seed": chosen.seed}
with overfit_lab.init(chosen.data, name="Keras", config=config):
    model.fit(
        x, y, validation_data=(x_val, y_val), batch_size=BATCH, epochs=chosen.epochs,
        callbacks=[LabCallback()], verbose=0,
    )  # fmt: skip
