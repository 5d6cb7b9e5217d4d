"""Why a knob matters for overfitting: a sentence or two for each, from the lesson behind it."""

from backend.specification.hyperparameters import AXES, STOPPING
from frontend.choices import in_words

WHY = {
    "dataset.n_train": "Too little data is the first cause of overfitting: a model can learn a few "
    "samples by heart. More data is also the surest cure. Its number has to balance the number of "
    "parameters.",
    "dataset.n_validation": "Samples the model is never fitted on. When their loss stops falling "
    "while train loss still falls, training should stop.",
    "dataset.n_test": "What is chosen by validation loss looks better there than it is. The test "
    "samples decide nothing, so their loss is an honest report.",
    "dataset.input_noise": "Too much noise in the inputs is a cause of overfitting: a powerful "
    "model learns the noise of its samples, which other samples do not share (variance error).",
    "dataset.target_noise": "No model gets below the noise of the targets on new samples. A train "
    "loss below it is noise learnt by heart.",
    "dataset.label_noise": "Wrong labels can only be memorised. A model with room for them first "
    "learns the pattern, then the mistakes: stop in between.",
    "model.family": "The richness of a model is its number of parameters. Too few cannot follow "
    "the pattern (bias error), too many follow the sample (variance error).",
    "model.degree": "Degree 1 on five dots: 2 parameters, an error on every dot. Degree 6: 7 "
    "parameters, no error on the dots, and the pattern is missed.",
    "model.depth": "A single layer draws straight borders. Hidden layers bend them, and can bend "
    "them around every single sample.",
    "model.width": "The plainest way to more or less capacity: try a list, such as 2, 8, 32, 128, "
    "and see validation loss fall and rise again.",
    "model.dropout": "Regularisation: neurons that may be silent cannot rely on one another, so "
    "less is memorised.",
    "dataset.source": "Overfitting shows on any data; small and noisy sets show it soonest, and "
    "those over one or two inputs show it as a picture.",
    "dataset.n_features": "Inputs that say nothing are chances to find a pattern in noise: with "
    "more of them, the same samples are sooner learnt by heart.",
    "model.features": "The right features make a simple model enough: a circle is a straight line "
    "in x1^2 and x2^2. Needless ones are more capacity to fit noise with.",
    "model.layers": "Neurons need not be spread evenly: wide at the inputs and narrow at the "
    "outputs is usual. It is the number of parameters that has to balance the samples.",
    "model.channels": "The width of a convolutional network: each channel looks for one more kind "
    "of detail, and is more capacity.",
    "model.activation": "What bends the borders. With linear, layers of any number draw straight "
    "ones, and cannot overfit by bending; smooth ones such as tanh bend gently.",
    "model.normalisation": "Makes deep networks train fast. Over the batch it also adds noise, "
    "which regularises a little.",
    "training.optimizer": "How fast the weights follow the gradient. Adam and AdamW reach a low "
    "train loss, and so overfitting, in fewer epochs than SGD.",
    "training.momentum": "Speeds up SGD in the directions that stay the same: less epochs until "
    "the fit, and until the overfit.",
    "training.schedule": "A learning rate that falls lets the loss settle: what looked unstable "
    "becomes a curve whose turn can be seen.",
    "training.schedule_every": "Steps that come too early freeze an underfitted model; too late "
    "ones change nothing.",
    "training.schedule_factor": "How much calmer training becomes at each step.",
    "training.l1_penalty": "Regularisation (L1): weights that the data do not need go to zero, "
    "which leaves a simpler model.",
    "training.loss": "What training lowers, and what overfitting raises on new samples. Cross-"
    "entropy punishes being sure and wrong, so that it shows overfitting before accuracy does.",
    "training.label_smoothing": "Regularisation: a model that may never be quite sure does not "
    "become over-confident, and gains less from memorising.",
    "training.weight_decay": "Regularisation (L2): large weights, which sharp bends need, cost "
    "something.",
    "training.epochs": "While training goes on bias error falls and variance error rises. Give it "
    "enough epochs to see the turn.",
    "training.learning_rate": "Too large and the loss jumps or grows without bounds; too small and "
    "training ends before it has learnt (underfitting).",
    "training.batch_size": "Small batches make each step noisy, which hinders memorising a little; "
    "large ones are faster and smoother.",
    "training.seeds": "One run is luck. Several seeds draw other samples and weights; their spread "
    "is the variance, and the interval of each result.",
    "early_stopping.criterion": "The moment to stop, or at least to keep a snapshot: when "
    "validation loss has stopped falling.",
    "early_stopping.patience": "Validation loss is noisy: too little patience stops at a chance "
    "rise, too much trains on into overfitting.",
    "early_stopping.min_delta": "Falls smaller than the noise are no progress: with this they do "
    "not restart the patience.",
    "early_stopping.start_from_epoch": "Some losses rise before they fall: the first epochs need "
    "not count.",
    "early_stopping.alpha": "How far above its best the validation loss may rise before it counts "
    "as overfitting: small stops early, large is sure.",
    "early_stopping.strip": "Looking at stretches of epochs rather than single ones lets noise "
    "average out.",
    "early_stopping.strips": "More rises in succession make sure that it is no chance, and come "
    "later.",
    "early_stopping.action": "Marking shows what stopping would have cost or saved; ending the run "
    "saves the epochs.",
    "device": "It changes how long training takes, not what can be learnt.",
    "priority": "It changes only the order of what waits: a long sweep of low priority leaves room "
    "for a quick question.",
}

_ABOUT = {path: knob.about for path, knob in {**AXES, **STOPPING}.items()}
_SEEDS = "training.seeds"
KNOBS = {
    path: f"{in_words(about)} {WHY.get(_SEEDS if path == 'training.seed' else path, '')}".strip()
    for path, about in _ABOUT.items()
}
"""What each knob is, and why it matters, by its dotted path."""
