"""Whether the hardware multiplies bfloat16 natively."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import torch

LOG = logging.getLogger(__name__)


@cache
def bfloat16_is_native() -> bool:
    """Whether products in bfloat16 are faster than in float32 here; says so in the log if not."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpu: Any = torch.cpu
    capabilities = cpu.get_capabilities()
    native = bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
    if not native:
        LOG.info("bfloat16: this CPU does not multiply it natively; training is in float32")
    return native
