"""Why a knob matters for overfitting: a sentence or two for each, from the lesson behind it."""

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
}
