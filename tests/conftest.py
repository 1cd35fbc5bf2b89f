"""Runs every test on one thread, as in production."""

import torch

torch.set_num_threads(1)
