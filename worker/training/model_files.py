"""Files of a model, as safetensors bytes and never pickle.

A checkpoint is the whole training state, from which a run continues. A snapshot is for people: the
weights at one epoch, and a grid of values to draw the fit. Predictions are the outputs on the test
part.
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from cachetools import LRUCache, cached
from safetensors.numpy import save
from safetensors.torch import load
from torch import Tensor

from backend.series import Array
from backend.specification.run_spec import RunSpec
from worker.training import feature_maps, fits
from worker.training.architectures import predict
from worker.training.data import noise_free_test
from worker.training.ensemble import ModelVersion
from worker.training.fits import encode_fit_grid
from worker.training.member import GroupMember

MAX_SAMPLES = 500  # of training and of validation, drawn with a fit


def on_host(value: Tensor) -> Array:
    """Return a tensor as a contiguous array, which safetensors saves far faster than a tensor."""
    return np.ascontiguousarray(value.cpu().numpy())


def dump_checkpoint(member: GroupMember, state: Mapping[str, Tensor]) -> bytes:
    """Serialise the state after the member's last complete epoch.

    The state of random generators is not part of it, because every draw is a function of seed and
    epoch.
    """
    progress = {
        "epoch": np.array(member.epoch),
        "best_epoch": np.array(member.best_epoch),
        "best_loss": np.array(member.best_loss),
    }
    trained = {f"state/{name}": on_host(value) for name, value in state.items()}
    return save({**progress, **trained})


def restore_checkpoint(member: GroupMember, checkpoint: bytes) -> Mapping[str, Tensor]:
    """Restore the progress of a new member from a checkpoint; return the training state."""
    tensors = load(checkpoint)
    member.epoch = int(tensors["epoch"])
    member.best_epoch = int(tensors["best_epoch"])
    member.best_loss = float(tensors["best_loss"])
    return {
        name.removeprefix("state/"): value
        for name, value in tensors.items()
        if name.startswith("state/")
    }


@dataclass(frozen=True)
class SnapshotFiles:
    """A model at one epoch: a safetensors file of its weights and, if drawable, one of its fit."""

    kind: ModelVersion
    epoch: int
    weights: bytes
    fit: bytes | None


def take_snapshot(
    member: GroupMember, weights: Mapping[str, Tensor], kind: ModelVersion
) -> SnapshotFiles:
    """Return the snapshot of a member's best or last model, given its weights."""
    epoch = member.best_epoch if kind == "best" else member.epoch
    # copied, because the rounding of products depends on the alignment of a matrix in memory
    tensors = {name: value.cpu().clone().contiguous() for name, value in weights.items()}
    arrays = {name: on_host(value) for name, value in tensors.items()}
    return SnapshotFiles(
        kind, epoch, save(arrays, _metadata(member, epoch)), encode_fit(member, tensors)
    )


def _metadata(member: GroupMember, epoch: int) -> dict[str, str]:
    scaling, spec = member.data.scaling, member.spec
    metadata = {
        "run_spec": json.dumps(spec.params()),
        "epoch": str(epoch),
        "input_mean": json.dumps(scaling.mean.tolist()),
        "input_scale": json.dumps(scaling.scale.tolist()),
    }
    if spec.model.degree is not None:
        terms = feature_maps.legendre_terms(len(scaling.mean), spec.model.degree)
        metadata |= {"basis": "legendre / (2 k + 1)", "terms": json.dumps(terms)}
    return metadata


def encode_fit(member: GroupMember, weights: Mapping[str, Tensor]) -> bytes | None:
    """Return the fit of a model on its grid; None if it cannot be drawn."""
    grid, features = member.fit_grid
    if grid is None:
        return None
    outputs = predict(member.spec, weights, torch.tensor(features))  # copied, as above
    return save(
        encode_fit_grid(grid, outputs.numpy().astype(np.float64), member.spec.training.loss)
    )


def encode_samples(member: GroupMember) -> bytes | None:
    """Return the first training and validation samples, in raw units, and the axes of frames.

    Classification data include which training labels are wrong. None if the fit cannot be drawn.
    """
    data, (grid, _) = member.data, member.fit_grid
    if grid is None:
        return None
    arrays = {
        "train_x": data.train.x[:MAX_SAMPLES],
        "train_y": data.train.y[:MAX_SAMPLES].reshape(-1),
        "validation_x": data.validation.x[:MAX_SAMPLES],
        "validation_y": data.validation.y[:MAX_SAMPLES].reshape(-1),
    }
    contiguous = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    if member.classifies:
        contiguous["train_mislabelled"] = data.mislabelled[:MAX_SAMPLES].astype(np.uint8)
    return save({**contiguous, **fits.frame_axes(grid)})


MAX_INPUTS = 200  # test samples
MAX_MISREAD = 24  # test samples whose image is kept because the model gets them wrong
HALF_RANGE = 1000.0  # classifier outputs up to this magnitude are stored in half precision


@dataclass(frozen=True)
class PredictionFile:
    """A model's outputs at one epoch, as a safetensors file.

    It holds `outputs` [inputs, outputs], `targets` (classes [inputs], or noise-free values [inputs,
    outputs]) and `inputs`, a digest of the inputs. Two files are comparable if their digests are
    equal. The files of the best and the last epoch of a classifier also hold what a page draws:
    `projected` [inputs, 2], the inputs on their first two principal components, and for images
    `misread` [k, features], grey values from 0 to 255 of samples that the model gets wrong, with
    their indices `misread_at` [k].
    """

    epoch: int
    outputs: bytes


def records_at(epoch: int) -> bool:
    """Return whether to record predictions at this epoch as well as at the best and the last.

    These are the epochs 1, 2, 4, 8 and so on.
    """
    return epoch & (epoch - 1) == 0


def features(member: GroupMember) -> Array:
    """Return the model inputs for the first test samples [inputs, features]."""
    return member.features(_test_samples(member.spec)["x"])


def of_best(member: GroupMember, weights: Mapping[str, Tensor]) -> PredictionFile | None:
    """Encode the predictions of a member's best model, given its weights; None as in `encode`."""
    on_host = {name: value.cpu() for name, value in weights.items()}
    outputs = predict(member.spec, on_host, torch.tensor(features(member)))
    if not member.best_epoch:
        return None
    return encode(member, outputs.numpy(), member.best_epoch, pictured=True)


def encode(
    member: GroupMember, outputs: Array, epoch: int, *, pictured: bool = False
) -> PredictionFile | None:
    """Encode the outputs [inputs, outputs] of an epoch; None if any of them is not finite."""
    if not np.isfinite(outputs).all():
        return None
    half = member.classifies and np.abs(outputs).max() < HALF_RANGE
    samples = _test_samples(member.spec)
    arrays = {
        "outputs": outputs.astype(np.float16 if half else np.float32),
        "targets": samples["y"].astype(np.int16 if member.classifies else np.float32),
        "inputs": samples["digest"],
    }
    if pictured and member.classifies:
        arrays |= _pictures(member.spec, outputs, samples)
    return PredictionFile(epoch, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))


def _pictures(spec: RunSpec, outputs: Array, samples: Mapping[str, Array]) -> dict[str, Array]:
    """Return the projected inputs, and the images of samples that the model gets wrong."""
    arrays = {"projected": samples["projected"]}
    if spec.source.side:
        wrong = np.flatnonzero(outputs.argmax(axis=1) != samples["y"])[:MAX_MISREAD]
        x = samples["x"]
        grey = 255 * (x[wrong] - x.min()) / (np.ptp(x) or 1.0)
        arrays |= {"misread": grey.astype(np.uint8), "misread_at": wrong.astype(np.int16)}
    return arrays


def _test_key(spec: RunSpec) -> Hashable:
    """Return everything that the test samples depend on.

    The inputs of a table are prepared on the training part, which depends on the seed.
    """
    return spec.dataset, spec.training.seed if spec.source.table else None


@cached(LRUCache(64), key=_test_key)
def _test_samples(spec: RunSpec) -> dict[str, Array]:
    """Return the first test samples x and y, a digest of them, and x on two principal components.

    They are the same for every seed.
    """
    test = noise_free_test(spec)
    x = test.x[:MAX_INPUTS]
    identity = x if test.rows is None else test.rows[:MAX_INPUTS]
    digest = np.frombuffer(sha256(identity.tobytes()).digest()[:8], dtype=np.uint8)
    return {"x": x, "y": test.y[:MAX_INPUTS], "digest": digest, "projected": _projected(spec, x)}


def _projected(spec: RunSpec, x: Array) -> Array:
    """Return the inputs [inputs, features] on their first two principal components.

    Inputs in different units are standardised. Those of an image or a line share their unit.
    """
    scaled = x - x.mean(axis=0)
    if spec.source.scale == "feature" and not spec.source.side:
        spread = x.std(axis=0)
        scaled /= np.where(spread > 0, spread, 1.0)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    projected = np.zeros((len(x), 2), np.float32)
    kept = min(2, len(sizes))
    projected[:, :kept] = left[:, :kept] * sizes[:kept]
    return projected
