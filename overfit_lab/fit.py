"""The diagnosis of a training history, for a script, a terminal and a notebook."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backend.errors import LabError
from backend.fit_reports import FitReport, report_on
from backend.fit_reports.figure import fit_figure
from backend.pairing import LossPair
from overfit_lab.criteria import check, criterion_of, early_stop
from overfit_lab.histories import read_history, with_losses

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Fit:
    """The diagnosis of one training history.

    Print it for the text. In a notebook it shows the chart of both losses with the verdict.
    """

    report: FitReport
    pair: LossPair

    @property
    def verdict(self) -> str:
        """The verdict, such as "overfitting" or "good fit"."""
        return self.report.diagnosis.verdict.value

    @property
    def overfitting(self) -> bool | None:
        """Whether the fit is overfitting, None if the verdict is "not assessable"."""
        return self.report.diagnosis.overfitting

    @property
    def kind(self) -> str | None:
        """The kind of overfitting: past its best, gap, from the start or memorised; else None."""
        kind = self.report.diagnosis.kind
        return None if kind is None else kind.value

    @property
    def severity(self) -> str | None:
        """The severity of overfitting: mild, moderate or severe; else None."""
        return self.report.diagnosis.severity

    @property
    def best_step(self) -> float | None:
        """The step of the lowest validation loss."""
        return self.report.diagnosis.best_step

    @property
    def early_stop_step(self) -> float | None:
        """The step at which early stopping would have fired, None if it would not have."""
        return self.report.early_stop_step

    @property
    def unit(self) -> str:
        """The word for a step: epoch, step, iteration, row or evaluation."""
        return self.report.unit

    @property
    def sentence(self) -> str:
        """The diagnosis in one sentence."""
        return self.report.diagnosis.sentence

    @property
    def advice(self) -> list[str]:
        """Sentences on what to try and why, the most promising first."""
        return self.report.diagnosis.advice

    @property
    def series(self) -> tuple[str, str]:
        """The names of the train and the validation loss."""
        return self.pair.names

    @property
    def notes(self) -> list[str]:
        """The assumptions made while the history was read, and the points left out."""
        return list(self.report.notes)

    @property
    def early_stop_sentence(self) -> str:
        """Where early stopping would have fired."""
        if self.early_stop_step is None:
            return "Early stopping would not have fired."
        return f"Early stopping would have fired at {self.unit} {self.early_stop_step:,}."

    def __str__(self) -> str:
        diagnosis = self.report.diagnosis
        lines = [diagnosis.sentence, diagnosis.learner]
        lines += [finding.sentence for finding in diagnosis.findings]
        lines.append(self.early_stop_sentence)
        lines.append(f"Read: {self.series[0]} (train) and {self.series[1]} (validation).")
        lines += [f"Note: {note}." for note in self.notes]
        if self.advice:
            lines += ["Advice:", *(f"  {number}. {text}" for number, text
                                          in enumerate(self.advice, start=1))]  # fmt: skip
        return "\n".join(lines)

    def figure(self) -> "Figure":
        """Return the chart of both losses as a Plotly figure. Needs the package plotly."""
        from plotly.graph_objects import Figure

        plot = fit_figure(self.report, self.pair)
        return Figure(**plot).update_layout(title=self.verdict.capitalize(), hovermode="x unified")

    def _repr_html_(self) -> str:
        from overfit_lab.notebook import fit_html

        return fit_html(self)


def diagnose(
    history: object,
    validation: object = None,
    *,
    train_name: str | None = None,
    validation_name: str | None = None,
    run: str | None = None,
    stop_when: str = "patience",
    **settings: float,
) -> Fit:
    """Diagnose the fit of a training history.

    `history` is a Keras `History`, a dict of lists, a list of records, a DataFrame of pandas or
    polars, a fitted booster, a `Trainer` of transformers, or the path of a log file. Two lists are
    train and validation loss. Losses are found by their names; `train_name` and `validation_name`
    name them instead, and `run` one run of a log of several.

    `stop_when` and `settings` are the early-stopping criterion to replay: overfitting, patience,
    gl, pq or up. Raises ValueError with one sentence if there is nothing to diagnose.
    """
    check(stop_when, settings)
    try:
        read = read_history(history, validation)
        found, pair = with_losses(read, run, train_name, validation_name)
    except LabError as error:
        sentence = f"{error.detail.rstrip('.')}."
        raise ValueError(re.sub("^it ", "It ", sentence)) from None
    return fit_of(pair, stop_when, settings, found.remarks)


def fit_of(
    pair: LossPair, stop_when: str, settings: Mapping[str, float], notes: Sequence[str] = ()
) -> Fit:
    """Return the diagnosis of a pair of losses, and where a criterion fires on it."""
    report = report_on(pair, criterion_of(), notes)
    return Fit(replace(report, early_stop_step=early_stop(pair, stop_when, settings)), pair)
