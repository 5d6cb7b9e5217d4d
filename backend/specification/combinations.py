"""Checks on combinations of hyperparameters, which no hyperparameter can make on its own."""

from backend.errors import FieldError
from backend.specification.data_sources import SOURCES
from backend.specification.estimates import parameters, solving_bytes
from backend.specification.families import FAMILIES
from backend.specification.notation import inputs_needed
from backend.specification.optimizers import gradient_optimizers
from backend.specification.run_spec import RunSpec

MAX_NAMES = 20  # of columns in a sentence
MAX_WEIGHTS = 2_000_000
MAX_BUILT_IN_ROWS = 100_000  # of one part
MAX_SOLVING_BYTES = 4 << 30  # which takes about ten minutes to solve


def check_combination(spec: RunSpec) -> FieldError | None:
    """Return the first reason why a run cannot be trained, or None."""
    errors = (check(spec) for check in _CHECKS)
    return next((error for error in errors if error), None)


def check_partial(spec: RunSpec) -> FieldError | None:
    """Return the first reason that involves no unknown hyperparameter, or None.

    `spec` comes from RunSpec.partial: reading an unknown hyperparameter raises AttributeError.
    """
    for check in _CHECKS:
        try:
            error = check(spec)
        except AttributeError:
            continue
        if error:
            return error
    return None


def _refused(path: str, value: object, accepted: str, *, why: str = "") -> FieldError:
    return FieldError(path, f"{path} is {value}{why}; accepted{accepted}.")


def _rows(spec: RunSpec) -> FieldError | None:
    dataset, name, rows = spec.dataset, spec.source.name, spec.source.rows
    n_train, n_validation, n_test = dataset.n_train, dataset.n_validation, dataset.n_test
    if rows is None or n_train + n_validation + n_test <= rows:
        return None
    left = rows - n_validation - n_test
    if left < 1:
        both = f" and dataset.n_test is {n_test}"
        most = f": together at most {rows - 1:,}, as {name} has {rows:,} rows"
        return _refused("dataset.n_validation", n_validation, most, why=both)
    most = (
        f": at most {left:,}, as {name} has {rows:,} rows and validation and test take "
        f"{n_validation + n_test:,}"
    )
    return _refused("dataset.n_train", n_train, most)


def _built_in_rows(spec: RunSpec) -> FieldError | None:
    """Refuse more rows than a built-in source draws: a table may have more."""
    if spec.source.table is not None:
        return None
    for name in ("n_train", "n_validation", "n_test"):
        rows = getattr(spec.dataset, name)
        if rows > MAX_BUILT_IN_ROWS:
            accepted = f" with {spec.source.name}: at most {MAX_BUILT_IN_ROWS:,}"
            return _refused(f"dataset.{name}", f"{rows:,}", accepted)
    return None


def _split(spec: RunSpec) -> FieldError | None:
    """Check that the column of a split is one by which the table can be split."""
    table, dataset = spec.source.table, spec.dataset
    if table is None or dataset.split not in ("grouped", "ordered"):
        return None
    path, kinds = "dataset.split_by", ("number", "time")
    names = [
        column.name
        for column in table.columns
        if column.name != table.target
        and (dataset.split == "grouped" or (column.kind in kinds and not column.missing))
    ]
    if dataset.split_by not in names:
        given = "missing" if dataset.split_by is None else f'"{dataset.split_by}"'
        listed = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
        what = "a column" if dataset.split == "grouped" else "a column of numbers or times"
        if not names:
            listed = "another split, as the table has no such column"
        accepted = f" with split {dataset.split}: {what} without empty cells, among {listed}"
        return _refused(path, given, accepted)
    column = table.by_name[dataset.split_by]
    used = dataset.n_train + dataset.n_validation + dataset.n_test
    # the rows that remain of the groups at the end of the validation and of the test part
    most = table.rows - 2 * (column.largest - 1)
    if dataset.split == "ordered" or used <= most:
        return None
    left = most - dataset.n_validation - dataset.n_test
    accepted = f": at most {max(left, 0):,}, as groups of up to {column.largest:,} rows stay whole"
    return _refused("dataset.n_train", dataset.n_train, accepted)


def _inputs(spec: RunSpec) -> FieldError | None:
    count, needed = spec.dataset.n_features, spec.source.features
    if count is None or count >= needed:
        return None
    return _refused("dataset.n_features", count, f" with {spec.source.name}: {needed} or more")


def _features(spec: RunSpec) -> FieldError | None:
    features, count = spec.model.features, spec.dataset.input_count
    if inputs_needed(features) <= count:
        return None
    names = "x1" if count == 1 else f"x1 to x{count}"
    accepted = f" with {spec.source.name}: {names}, as it has {count:,} inputs"
    return _refused("model.features", features, accepted)


def _images(spec: RunSpec) -> FieldError | None:
    if not spec.family.for_images or spec.source.side is not None:
        return None
    family = spec.model.family
    others = ", ".join(sorted(name for name, other in FAMILIES.items() if not other.for_images))
    images = ", ".join(name for name, source in SOURCES.items() if source.side)
    accepted = f" with {spec.source.name}: {others} ({family} is for images: {images})"
    return _refused("model.family", family, accepted)


def _family(spec: RunSpec) -> FieldError | None:
    return spec.family.check(spec)


def _optimizer(spec: RunSpec) -> FieldError | None:
    if spec.optimizer.by_gradients or spec.family.closed_form:
        return None
    name, family = spec.training.optimizer, spec.model.family
    families = " and ".join(name for name, other in FAMILIES.items() if other.closed_form)
    others = f" with {family}: {', '.join(gradient_optimizers())} ({name} is for {families})"
    return _refused("training.optimizer", name, others)


def _batch_norm(spec: RunSpec) -> FieldError | None:
    n_train, size = spec.dataset.n_train, spec.training.batch_size
    if spec.model.normalisation != "batch" or size is None:
        return None
    if min(n_train, size) > 1 and n_train % size != 1:
        return None
    why = f", which leaves a batch of 1 from {n_train} samples"
    accepted = " with normalisation batch: sizes that leave no batch of 1"
    return _refused("training.batch_size", size, accepted, why=why)


def _size(spec: RunSpec) -> FieldError | None:
    count = parameters(spec) + spec.family.fixed_weights(spec)
    if count <= MAX_WEIGHTS:
        return None
    path, value = _size_setting(spec)
    depth = "" if spec.model.depth is None else f" with depth {spec.model.depth}"
    why = f", which{depth} makes {count:,} weights"
    return _refused(path, value, f": at most {MAX_WEIGHTS:,}", why=why)


def _solving(spec: RunSpec) -> FieldError | None:
    if spec.optimizer.by_gradients:
        return None
    size = solving_bytes(spec)
    if size <= MAX_SOLVING_BYTES:
        return None
    path, value = _size_setting(spec)
    return FieldError(
        path,
        f"{path} is {value}, which with dataset.n_train {spec.dataset.n_train} takes "
        f"{size / 2**30:.1f} GiB to solve in closed form; "
        f"accepted: at most {MAX_SOLVING_BYTES / 2**30:.0f} GiB, so fewer of either.",
    )


def _size_setting(spec: RunSpec) -> tuple[str, object]:
    """Return the path and the value of the setting that sets the size of a model."""
    if spec.model.layers is not None:
        return "model.layers", spec.model.layers
    return spec.family.size_path, getattr(spec.model, spec.family.size_setting)


_CHECKS = (
    _built_in_rows, _rows, _split, _inputs, _features, _images, _family, _optimizer, _batch_norm,
    _size, _solving,
)  # fmt: skip
