"""PyTorch with a training loop of its own, logged by the client of MLflow."""

import mlflow
import torch
from task import BATCH, RATE, classes, options, samples
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

chosen = options()
torch.manual_seed(chosen.seed)
x, y, x_val, y_val = map(torch.from_numpy, samples(chosen.data))

layers: list[nn.Module] = []
width = x.shape[1]
for hidden in chosen.hidden:
    layers += [nn.Linear(width, hidden), nn.ReLU()]
    width = hidden
model = nn.Sequential(*layers, nn.Linear(width, classes(chosen.data)))
optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
batches = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)

mlflow.set_experiment(chosen.data)
with mlflow.start_run(run_name="PyTorch"):
    mlflow.log_params({"api": "PyTorch", "hidden": chosen.hidden, "seed": chosen.seed})
    for epoch in range(chosen.epochs):
        total = 0.0
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
        with torch.no_grad():
            outputs = model(x_val)
        metrics = {
            "loss": total / len(x),
            "val_loss": cross_entropy(outputs, y_val).item(),
            "val_accuracy": (outputs.argmax(1) == y_val).float().mean().item(),
        }
        mlflow.log_metrics(metrics, step=epoch, synchronous=False)
