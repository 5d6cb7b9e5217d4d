"""The glossary: terms of overfitting, each explained in a sentence or two for beginners."""

from dataclasses import dataclass

from backend.diagnosis.verdicts import FACTS, slug


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
    "What a model is fitted to": _terms(
        ("Training data", "The samples that the model is fitted on. It sees them again and again."),
        ("Validation data", "Samples that the model is never fitted on. They decide when to stop "
         "and which model to keep."),
        ("Test data", "Samples that decide nothing. They are looked at only to report how good "
         "the model that was kept really is."),
        ("Noise", "What is random in the samples: measured values that are off, or labels that "
         "are wrong. Nothing can be learnt from it, but it can be memorised."),
        ("Seed", "A number that fixes every random choice of a run: the samples drawn, the first "
         "weights, the order of batches. The same seed gives the same curve."),
    ),
    "What is trained": _terms(
        ("Parameter", "A number inside the model that training sets, such as a weight."),
        ("Capacity", "How rich a model is: its number of parameters. It has to be in balance with "
         "the number of training samples."),
        ("Epoch", "One pass over all training samples."),
        ("Experiment", "A question about models: a specification in which any setting may be a "
         "list. All combinations are trained."),
        ("Run", "One model, trained once: one combination of an experiment, with one seed."),
        ("Cell", "The runs that differ in nothing but their seed."),
    ),
    "What is measured": _terms(
        ("Loss", "How wrong the model is, as one number: lower is better. Squared error for "
         "values, cross-entropy for classes."),
        ("Accuracy", "The share of samples that get the right class."),
        ("Generalisation gap", "Validation loss minus training loss at the same epoch: how much "
         "worse the model does on samples it has not seen."),
        ("Best epoch", "The epoch with the lowest validation loss: the moment to stop, or at "
         "least to take a snapshot of the model."),
        ("Interval", "The range in which the mean over seeds lies in 95 of 100 cases. Few seeds "
         "make it wide."),
        ("Snapshot", "The model's weights at one epoch, saved, so that a better model than the "
         "last one is not lost."),
    ),
    "What can be wrong": _terms(
        *((name.capitalize(), facts.meaning) for name, facts in FACTS.items()),
        ("Bias", "The part of the error that stays whatever samples the model is trained on: it "
         "is too simple. Training lowers it."),
        ("Variance", "The part of the error that comes from following one sample rather than "
         "another: the model approximates noise. Training raises it."),
        ("Double descent", "Validation loss rises as the model grows, until it can just fit every "
         "training sample, and then falls a second time."),
    ),
    "What helps": _terms(
        ("Early stopping", "Ending the training, by a fixed rule, soon after validation loss "
         "stops falling."),
        ("Patience", "An early-stopping rule: stop after a number of epochs in a row without "
         "improvement."),
        ("Regularisation", "Whatever makes a model prefer simple answers, such as weight decay "
         "and dropout."),
        ("Weight decay", "Pulls every weight a little towards zero at each step, large ones more "
         "(L2)."),
        ("L1 penalty", "Pulls every weight towards zero by the same amount at each step, so that "
         "those the data do not need end there."),
        ("Dropout", "Leaves out a random share of the neurons at each step, so that none can be "
         "relied on alone."),
        ("Remedy", "A change that the diagnosis proposes. It is trained next to the baseline, "
         "and its effect is measured."),
    ),
}  # fmt: skip

TERMS = {slug: term for group in GLOSSARY.values() for slug, term in group.items()}
