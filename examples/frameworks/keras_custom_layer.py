"""A mixed case: a layer with its own weights and formula inside a high-level Keras model.

The layer is a gated linear unit. Training ends when the curve overfits.
"""

import keras
from keras import ops
from task import BATCH, RATE, classes, options, samples

import overfit_lab
from overfit_lab.keras import LabCallback


class Gated(keras.layers.Layer):
    """Multiplies a linear map of the inputs by a gate between 0 and 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make the weights, once the number of inputs is known."""
        shape = (input_shape[-1], self.width)
        self.values = self.add_weight(shape=shape, initializer="glorot_uniform")
        self.gates = self.add_weight(shape=shape, initializer="glorot_uniform")

    def call(self, inputs: object) -> object:
        """Return the gated values."""
        return ops.matmul(inputs, self.values) * ops.sigmoid(ops.matmul(inputs, self.gates))


chosen = options()
keras.utils.set_random_seed(chosen.seed)
x, y, x_val, y_val = samples(chosen.data)

model = keras.Sequential([
    *(Gated(width) for width in chosen.hidden),
    keras.layers.Dense(classes(chosen.data), activation="softmax"),
])  # fmt: skip
model.compile(
    optimizer=keras.optimizers.Adam(RATE),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

config = {"api": "Keras, custom layer", "hidden": chosen.hidden, "seed": chosen.seed}
with overfit_lab.init(chosen.data, name="Keras, custom layer", config=config) as run:
    model.fit(
        x, y, validation_data=(x_val, y_val), batch_size=BATCH, epochs=chosen.epochs,
        callbacks=[LabCallback(stop_when="overfitting")], verbose=0,
    )  # fmt: skip
    print(run.diagnose())
