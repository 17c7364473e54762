"""On what was measured: interpreter, processor, date."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib import metadata
from pathlib import Path

__all__ = ["machine", "versions"]


def machine() -> str:
    """Describe interpreter, machine and date in one line."""
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{python}, {_processor()}, {os.cpu_count()} cores, {system}; {today}"


def _processor() -> str:
    """Return the processor's name where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "processor unknown"


def versions(*packages: str) -> str:
    """Name the version of each of PACKAGES that is installed."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
