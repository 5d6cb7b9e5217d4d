"""Print pip's option for the CUDA packages, if the installed PyTorch was built for CUDA.

Run in the environment after torch.txt is installed: builds for the CPU need none of them.
"""

import sys
from importlib.metadata import requires
from pathlib import Path

if any(name.startswith(("cuda-", "nvidia-")) for name in requires("torch") or ()):
    sys.stdout.write(f"--requirement={Path(__file__).with_name('cuda.txt')}\n")
