"""The devices and processes that a training run uses."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment


def fabric_of(devices: int) -> Fabric:
    """Return what starts the processes of a training run: GPUs, or else processor cores."""
    cuda = torch.cuda.is_available()
    return Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=devices,
        strategy="auto" if devices == 1 else "ddp_spawn" if cuda else "ddp_fork",
        precision="bf16-mixed" if cuda else "32-true",
        # Otherwise it takes the tasks of a Slurm job for its processes, and warns without any.
        plugins=[LightningEnvironment()],
    )
