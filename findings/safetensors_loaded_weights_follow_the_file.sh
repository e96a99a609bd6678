#!/bin/bash
# safetensors.torch.load_file returns tensors that are the file: its pages are mapped, and read when they are first used. Who copies new
# weights over the file (cp, shutil.copyfile, rsync --inplace) while a server, a notebook or an evaluation holds the old ones changes those
# too, in the middle of a run. One would expect what torch.load gives: tensors of their own. Nothing is reported. The tensors of
# safetensors.numpy, those that load_state_dict has copied, and those whose file was replaced (mv, safetensors' own save_file)
# stay what they were.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'safetensors==0.8.0' 'torch==2.11.0' 'numpy==2.4.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import shutil
import sys

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

FILE = "model.safetensors"
safetensors.torch.save_file({"weight": torch.zeros(1 << 20)}, "old.safetensors")
safetensors.torch.save_file({"weight": torch.ones(1 << 20)}, "new.safetensors")
torch.save({"weight": torch.zeros(1 << 20)}, "old.pt")
torch.save({"weight": torch.ones(1 << 20)}, "new.pt")


def after(load, old, new, change):
    """Return the mean of the old weights, zeros, after the file that they were loaded from was changed."""
    shutil.copyfile(old, FILE)
    weight = load(FILE)["weight"]
    change(new, FILE)
    return float(np.asarray(weight).mean())


ends = ("old.safetensors", "new.safetensors")
copied = after(safetensors.torch.load_file, *ends, shutil.copyfile)
by_numpy = after(safetensors.numpy.load_file, *ends, shutil.copyfile)
by_torch = after(torch.load, "old.pt", "new.pt", shutil.copyfile)
replaced = after(safetensors.torch.load_file, *ends, os.replace)
print("safetensors", safetensors.__version__, "torch", torch.__version__.split("+")[0])
print("zeros were loaded; then a file of ones was")
print("  copied over it: safetensors.torch", copied, " safetensors.numpy", by_numpy, " torch.load", by_torch)
print("  moved to its place: safetensors.torch", replaced)
sys.exit((copied, by_numpy, by_torch, replaced) != (1, 0, 0, 0))
PYTHON
echo "Weights loaded by safetensors.torch.load_file become those of the file that is copied over theirs."
