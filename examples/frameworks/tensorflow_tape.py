"""TensorFlow without a high-level API: weights, a GradientTape, and the client of MLflow."""

from itertools import pairwise

import mlflow
import tensorflow as tf
from task import BATCH, RATE, classes, options, samples

chosen = options()
tf.random.set_seed(chosen.seed)
x, y, x_val, y_val = samples(chosen.data)

glorot = tf.initializers.GlorotUniform(seed=chosen.seed)
widths = [x.shape[1], *chosen.hidden, classes(chosen.data)]
weights = [tf.Variable(glorot(shape)) for shape in pairwise(widths)]
biases = [tf.Variable(tf.zeros(width)) for width in widths[1:]]
optimizer = tf.optimizers.Adam(RATE)
batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=chosen.seed).batch(BATCH)


def network(inputs: tf.Tensor) -> tf.Tensor:
    """Return the logits of inputs."""
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs = tf.nn.relu(inputs @ weight + bias)
    return inputs @ weights[-1] + biases[-1]


def mean_loss(inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, network(inputs)))


@tf.function
def train_step(inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Follow the gradient of one batch; return its loss."""
    with tf.GradientTape() as tape:
        loss = mean_loss(inputs, labels)
    variables = [*weights, *biases]
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


optimizer.build([*weights, *biases])
mlflow.set_experiment(chosen.data)
with mlflow.start_run(run_name="TensorFlow"):
    mlflow.log_params({"api": "TensorFlow", "hidden": chosen.hidden, "seed": chosen.seed})
    for epoch in range(chosen.epochs):
        total = sum(float(train_step(*batch)) * len(batch[0]) for batch in batches)
        hits = tf.argmax(network(x_val), axis=1) == y_val
        metrics = {
            "loss": total / len(x),
            "val_loss": float(mean_loss(x_val, y_val)),
            "val_accuracy": float(tf.reduce_mean(tf.cast(hits, tf.float32))),
        }
        mlflow.log_metrics(metrics, step=epoch, synchronous=False)
