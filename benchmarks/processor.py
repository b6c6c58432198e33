"""Runs a benchmark as on another x86 processor: with instructions hidden from what asks for them.

LiteRT chooses its kernels by what the processor says that it can do. Where wide instructions are
hidden it takes the kernels of processors without them: those of most laptops, which work on eight
channels at once where the kernels for AVX-512 work on sixteen. What such a processor would take in
milliseconds cannot be seen this way; how much faster one network is than another can.
"""

import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

# What is hidden, by the widest that stays.
HIDDEN = {
    "avx_vnni": "AVX-512 and AMX",
    "avx2": "AVX-512, AMX and VNNI",
}
_SOURCE = pathlib.Path(__file__).with_name("hide_instructions.c")
_VARIABLE = "CCM_TF_PROCESSOR"


def hidden() -> str:
    """What is hidden from this process, in words; empty if nothing is."""
    return HIDDEN.get(os.environ.get(_VARIABLE, ""), "")


def run_as(kind: str, module: str, arguments: Sequence[str]) -> int:
    """Runs a module of this project in a process of its own, as on another processor.

    Args:
        kind: A key of `HIDDEN`.
        module: The module's name.
        arguments: Its command line.

    Returns:
        Its exit status.

    Raises:
        ValueError: If the kind is unknown, or this machine cannot hide instructions.
        RuntimeError: If the helper in C does not compile.
    """
    if kind not in HIDDEN:
        raise ValueError(f"`kind` should be one of {', '.join(HIDDEN)}. Received: kind={kind!r}")
    compiler = _compiler()
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder) / "hide_instructions.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{made.stderr}")
        environment = os.environ | {
            _VARIABLE: kind,
            "LD_PRELOAD": str(library),
            # Tables of operators belong to the kernels that were measured.
            "CCM_TF_CACHE": str(pathlib.Path(folder) / "cache"),
        }
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, env=environment).returncode


def _compiler() -> str:
    """The C compiler, once it is clear that this machine can hide instructions."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise ValueError(
            "Instructions can be hidden on Linux on x86-64 only. Received: "
            f"{platform.system()} on {platform.machine()}. Leave --processor out."
        )
    if "cpuid_fault" not in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        raise ValueError(
            "This processor or its hypervisor cannot make cpuid fault: `cpuid_fault` is not among "
            "the flags in /proc/cpuinfo. Leave --processor out."
        )
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise ValueError("--processor needs a C compiler; neither cc nor gcc is in PATH.")
    return compiler
