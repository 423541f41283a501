"""Where a run happened: harness commit, packages, Python, processor, GPU, torch flags."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from catalog.shipped import stamp
from reproduce.ground.plugins import own_names

CREATED = "%Y-%m-%dT%H:%M:%SZ"  # how results and records say when they were written
PACKAGES = (
    "sam4mis",
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "opencv-python-headless",
    "segment-anything",
    "timm",
    "nibabel",
    "pydicom",
    "highdicom",
    "simpleitk",
    "pyarrow",
    "safetensors",
    "msgspec",
)


def now() -> str:
    """The time in UTC, as results and records say it."""
    return datetime.now(UTC).strftime(CREATED)


def package_versions() -> dict[str, str | None]:
    """Version of each package that can change a number; None: not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


@cache
def harness(folder: Path | None = None) -> dict[str, Any]:
    """Commit of the code that runs and whether tracked files differ from it (None: no git).

    Installed from a wheel it is the commit that the wheel was built of; a repository that the
    environment happens to lie in is another one.
    """
    here = folder or Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                ["git", "-C", str(here), *arguments],  # noqa: S607 - by name, as users have it
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.rstrip()

    top = git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != here.resolve():
        built, edited = stamp(), edited_since_installed(here)
        return {
            "commit": built.commit if built else None,
            "dirty": True if edited else None,
            "changed": edited[:50],
        }
    commit = git("rev-parse", "HEAD")
    # Only code makes numbers: an edited page or a new result file does not make a run dirty.
    changed = git("status", "--porcelain", "--", "reproduce/*.py", "catalog/*.py")
    return {
        "commit": commit,
        "dirty": None if changed is None else bool(changed),
        "changed": sorted(line[3:] for line in (changed or "").splitlines())[:50],
    }


def edited_since_installed(folder: Path) -> list[str]:
    """Files of code in a folder of packages that are not those which a wheel brought; [] also where
    no wheel was installed there."""
    found = metadata.distributions(name="sam4mis", path=[str(folder)])
    files = next((one.files for one in found), None) or []
    brought = {file.as_posix(): file.hash.value for file in files if file.hash is not None}
    if not any(name.startswith("reproduce/") for name in brought):
        return []  # an editable installation
    edited = []
    for path in sorted((*folder.glob("reproduce/**/*.py"), *folder.glob("catalog/**/*.py"))):
        name = path.relative_to(folder).as_posix()
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        if brought.get(name) != digest.rstrip("="):
            edited.append(name)
    return edited


@cache
def processor() -> str:
    """Model name of the CPU."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@cache
def onednn_products() -> bool:
    """Whether float32 matrices are multiplied by oneDNN here: on processors of AMD, where MKL keeps
    to AVX2. Imports torch."""
    import torch

    try:
        told = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    # torch publishes no types for this function
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return "AuthenticAMD" in told and there


def arithmetic(device: str) -> list[str]:
    """What decides the last digits of a float here: torch, the processor or card, its instruction
    set and, on a CPU, the threads that share a product. Imports torch."""
    import torch

    if device.startswith("cuda"):
        return [torch.__version__, torch.cuda.get_device_name(device)]
    capability = torch.backends.cpu.get_cpu_capability()
    library = ["oneDNN"] if onednn_products() else []
    return [torch.__version__, processor(), capability, str(torch.get_num_threads()), *library]


def environment(device: str, precision: str) -> dict[str, Any]:
    """Everything about the machine that can change a number. Imports torch."""
    import torch

    cuda = device.startswith("cuda")
    return {
        "harness": harness(),
        "plugins": own_names(),
        "packages": package_versions(),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "cpu": processor(),
        "cpu_count": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(device) if cuda else None,
        "cuda": torch.version.cuda if cuda else None,
        "driver": _driver() if cuda else None,
        "device": device.partition(":")[0],
        "dtype": precision,
        "torch": {
            "threads": torch.get_num_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "mkldnn": bool(torch.backends.mkldnn.enabled),
            "float32_products": "oneDNN" if not cuda and onednn_products() else "torch",
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        },
    }


def _driver() -> str | None:
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],  # noqa: S607 - by name
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().splitlines()[0]


def settle(device: str, threads: int | None) -> None:
    """Set the torch flags a run needs: deterministic algorithms, full float32 products.

    `threads` None leaves torch's choice. Called once in every process that evaluates.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # needed for determinism on CUDA
    import torch

    if threads:
        torch.set_num_threads(threads)
    # As use_deterministic_algorithms(True, warn_only=True), which also imports torch's compiler:
    # more than a second of processor time where torchvision does not import it anyway.
    torch.set_deterministic_debug_mode("warn")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")


def peak_memory_mib(device: str) -> dict[str, float]:
    """Highest memory of this process so far: resident, and on the GPU where there is one."""
    import resource
    import sys

    import torch

    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"resident_mib": round(resident / (2**20 if sys.platform == "darwin" else 2**10), 1)}
    if device.startswith("cuda"):
        found["gpu_mib"] = round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    return found
