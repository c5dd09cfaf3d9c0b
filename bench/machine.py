"""What is known of the machine that the figures come from."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

__all__ = ["describe"]


def describe() -> dict[str, str]:
    """Texts for people: the day, the processor, the kernel, and how busy the machine was before."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"Linux {platform.release().partition('-')[0]}",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
