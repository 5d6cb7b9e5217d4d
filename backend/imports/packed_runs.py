"""Found runs as bytes, on their way from the process that reads logs to the web process."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from backend.imports.found_runs import FoundRun
from backend.pairing import LossPair
from backend.series import Series


class PackedSeries(msgspec.Struct, frozen=True):
    """A series: steps as little-endian int64, values as float64."""

    steps: bytes
    values: bytes

    @classmethod
    def of(cls, series: Series) -> "PackedSeries":
        """Pack a series."""
        return cls(series.steps.astype("<i8").tobytes(), series.values.astype("<f8").tobytes())

    def unpacked(self) -> Series:
        """Return the series."""
        return Series(np.frombuffer(self.steps, "<i8"), np.frombuffer(self.values, "<f8"))


class PackedPair(msgspec.Struct, frozen=True):
    """A pair of losses."""

    train: PackedSeries
    validation: PackedSeries
    accuracy: PackedSeries | None
    names: tuple[str, str]
    remarks: Sequence[str]
    unit: str
    train_accuracy: PackedSeries | None = None

    @classmethod
    def of(cls, pair: LossPair) -> "PackedPair":
        """Pack a pair."""
        accuracy, on_train = (
            None if series is None else PackedSeries.of(series)
            for series in (pair.accuracy, pair.train_accuracy)
        )
        train, validation = PackedSeries.of(pair.train), PackedSeries.of(pair.validation)
        remarks = tuple(pair.remarks)
        return cls(train, validation, accuracy, pair.names, remarks, pair.unit, on_train)

    def unpacked(self) -> LossPair:
        """Return the pair."""
        accuracy, on_train = (
            None if series is None else series.unpacked()
            for series in (self.accuracy, self.train_accuracy)
        )
        train, validation = self.train.unpacked(), self.validation.unpacked()
        return LossPair(
            train,
            validation,
            accuracy,
            self.names,
            self.remarks,
            self.unit,
            train_accuracy=on_train,
        )


class PackedRun(msgspec.Struct, frozen=True):
    """A found run."""

    label: str
    series: Mapping[str, PackedSeries]
    unit: str
    notes: Sequence[str]
    params: Mapping[str, str]
    pair: PackedPair | None
    alternatives: Sequence[tuple[str, str]]
    reason: str

    @classmethod
    def of(cls, run: FoundRun) -> "PackedRun":
        """Pack a run."""
        return cls(
            run.label,
            {name: PackedSeries.of(series) for name, series in run.series.items()},
            run.unit,
            tuple(run.notes),
            dict(run.params),
            None if run.pair is None else PackedPair.of(run.pair),
            tuple(run.alternatives),
            run.reason,
        )

    def unpacked(self) -> FoundRun:
        """Return the run."""
        return FoundRun(
            self.label,
            {name: series.unpacked() for name, series in self.series.items()},
            self.unit,
            self.notes,
            self.params,
            None if self.pair is None else self.pair.unpacked(),
            self.alternatives,
            self.reason,
        )


class Reading(msgspec.Struct, frozen=True):
    """The result of reading an upload: its runs, or the sentence that refuses it."""

    runs: Sequence[PackedRun] = ()
    refusal: str = ""


def encode(reading: Reading) -> bytes:
    """Return a result as bytes."""
    return msgspec.msgpack.encode(reading)


def decode(data: bytes) -> Reading:
    """Return the result from its bytes. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=Reading)
