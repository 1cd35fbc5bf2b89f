"""Matrix products in bfloat16: whether the hardware has them, and how to keep them fast."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor, nn

LOG = logging.getLogger(__name__)


@cache
def bfloat16_is_native() -> bool:
    """Whether products in bfloat16 are faster than in float32 here; says so in the log if not.

    On CPUs, that needs AMX. With the AVX512-BF16 instructions alone, training took 1.5 times as
    long as in float32.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpu: Any = torch.cpu
    capabilities = cpu.get_capabilities()
    native = bool(capabilities.get("amx_bf16"))
    if not native:
        LOG.info("bfloat16: this CPU has no AMX to multiply it; training is in float32")
    return native


def apply_to_rows(module: nn.Module, x: Tensor) -> Tensor:
    """Return a module's output for each row of x, shape (N, W).

    For bfloat16 on a CPU, oneDNN compiles and keeps a program for every new number of rows. Rows
    are therefore padded with zeros to one of eight numbers between two powers of 2.
    """
    if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return module(x)
    step = max(8, 1 << max(0, len(x).bit_length() - 4))
    return module(F.pad(x, (0, 0, 0, -len(x) % step)))[: len(x)]
