"""The glossary: terms of overfitting, each explained in a sentence or two for beginners."""

from dataclasses import dataclass

from backend.diagnosis.verdicts import FACTS, Kind, slug


@dataclass(frozen=True)
class Term:
    """A term and its meaning. `slug` is its anchor on the glossary page."""

    slug: str
    title: str
    meaning: str


def _terms(*pairs: tuple[str, str]) -> dict[str, Term]:
    terms = [Term(slug(title.lower()), title, meaning) for title, meaning in pairs]
    return {term.slug: term for term in terms}


GLOSSARY: dict[str, dict[str, Term]] = {
    "Data": _terms(
        ("Training data", "The samples that the model is fitted on. It sees them again and again."),
        ("Validation data", "Samples that the model is never fitted on. They decide when to stop "
         "and which model to keep."),
        ("Test data", "Samples that decide nothing. They are used only to report how good the "
         "selected model really is."),
        ("Noise", "Random errors in the samples: inaccurate measurements or wrong labels. Nothing "
         "can be learnt from it, but a model can memorise it."),
        ("Seed", "A number that fixes every random choice of a run: the samples drawn, the first "
         "weights, the order of batches. The same seed gives the same curve."),
    ),
    "Models and runs": _terms(
        ("Parameter", "A number inside the model that training sets, such as a weight."),
        ("Capacity", "How rich a model is: its number of parameters. It has to be in balance with "
         "the number of training samples."),
        ("Epoch", "One pass over all training samples."),
        ("Experiment", "A question about models: a specification in which any setting may be a "
         "list. All combinations are trained."),
        ("Run", "One model, trained once: one combination of an experiment, with one seed."),
        ("Cell", "The runs that differ only in their seed."),
    ),
    "Measurements": _terms(
        ("Loss", "How wrong the model is, as one number: lower is better. Squared error for "
         "values, cross-entropy for classes."),
        ("Accuracy", "The share of samples that the model assigns to the right class."),
        ("Generalisation gap", "Validation loss minus training loss at the same epoch: how much "
         "worse the model does on samples it has not seen."),
        ("Best epoch", "The epoch with the lowest validation loss: the moment to stop, or at "
         "least to take a snapshot of the model."),
        ("Interval", "The range in which the mean over seeds lies in 95 of 100 cases. Few seeds "
         "make it wide."),
        ("Snapshot", "The weights of the model at one epoch, saved so that the best model is not "
         "lost when training goes on."),
    ),
    "Diagnosis": _terms(
        *((name.capitalize(), facts.meaning) for name, facts in FACTS.items()),
        *((f"Kind: {kind}", kind.facts.meaning) for kind in Kind),
        ("Bias", "The part of the error that is the same for every training sample, because the "
         "model is too simple. Training lowers it."),
        ("Variance", "The part of the error that changes from one training sample to another, "
         "because the model fits their noise. Training raises it."),
        ("Double descent", "Validation loss rises as the model grows, until it can just fit every "
         "training sample, and then falls a second time."),
    ),
    "Remedies": _terms(
        ("Early stopping", "A fixed rule that ends training soon after validation loss stops "
         "falling."),
        ("Patience", "An early-stopping rule: stop after a number of epochs in a row without "
         "improvement."),
        ("Regularisation", "Any method that makes a model prefer simple answers, such as weight "
         "decay and dropout."),
        ("Weight decay", "Pulls every weight a little towards zero at each step, large ones more "
         "(L2)."),
        ("L1 penalty", "Pulls every weight towards zero by the same amount at each step, so that "
         "weights the data do not need become zero."),
        ("Dropout", "Switches off a random share of the neurons at each step, so that the model "
         "cannot rely on any single one."),
        ("Remedy", "A change that the diagnosis proposes. It is trained next to the baseline, "
         "and its effect is measured."),
    ),
}  # fmt: skip

TERMS = {slug: term for group in GLOSSARY.values() for slug, term in group.items()}
