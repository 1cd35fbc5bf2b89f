"""Lets every test import the modules of this folder by name; one thread, as in production."""

import torch

torch.set_num_threads(1)
