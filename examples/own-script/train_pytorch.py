"""A PyTorch training of handwritten digits that only prints its losses.

    lab sweep --n-train 100,400,1000 --width 4,16,64 --seeds 3 -- python train_pytorch.py {args}

The output is read, so the script needs neither a library for logging nor a server.
"""

from argparse import ArgumentParser

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

parser = ArgumentParser()
parser.add_argument("--n-train", type=int, default=400)
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=60)
options = parser.parse_args()

torch.manual_seed(options.seed)
x, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
x, y = x[order].float() / 16, y[order]
train, val = slice(0, options.n_train), slice(len(x) - 500, None)

model = nn.Sequential(nn.Linear(64, options.width), nn.ReLU(), nn.Linear(options.width, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(1, options.epochs + 1):
    model.train()
    for batch in torch.randperm(options.n_train).split(32):
        optimizer.zero_grad()
        cross_entropy(model(x[train][batch]), y[train][batch]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = cross_entropy(model(x[train]), y[train]).item()
        val_loss = cross_entropy(model(x[val]), y[val]).item()
    print(f"Epoch {epoch}/{options.epochs} - loss: {loss:.4f} - val_loss: {val_loss:.4f}")
