import pathlib
import platform
import shutil

import pytest

from benchmarks import processor

CPUINFO = pathlib.Path("/proc/cpuinfo")


def able():
    """Whether instructions can be hidden here, and AVX-512 is there to be hidden."""
    if platform.machine() != "x86_64" or not CPUINFO.is_file() or not shutil.which("cc"):
        return False
    flags = CPUINFO.read_text()
    return "cpuid_fault" in flags and "avx512f" in flags


SEEN = """
import json, pathlib, sys
import numpy as np
from benchmarks import processor
found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
pathlib.Path(sys.argv[1]).write_text(json.dumps([found, processor.hidden()]))
sys.exit(int(sys.argv[2]))
"""


@pytest.mark.skipif(not able(), reason="no instructions that could be hidden here")
@pytest.mark.parametrize("kind", processor.HIDDEN)
def test_wide_instructions_are_hidden(kind, tmp_path, monkeypatch):
    (tmp_path / "seen.py").write_text(SEEN)
    root = pathlib.Path(processor.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")
    output = tmp_path / "seen.json"
    assert processor.run_as(kind, "seen", [str(output), "7"]) == 7
    text = output.read_text()
    assert "AVX2" in text.upper() or "X86_V3" in text.upper()
    # By the names of features, or of levels that contain them.
    assert not any(word in text.split("]")[0].upper() for word in ("AVX512", "X86_V4"))
    assert processor.HIDDEN[kind] in text


def test_nothing_is_hidden_unless_asked_for(monkeypatch):
    monkeypatch.delenv("CCM_TF_PROCESSOR", raising=False)
    assert processor.hidden() == ""


def test_another_system_is_refused(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(ValueError, match="Linux on x86-64 only"):
        processor.run_as("avx2", "benchmarks.latency", [])


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="avx_vnni, avx2. Received: kind='sse'"):
        processor.run_as("sse", "benchmarks.latency", [])


def test_no_compiler_is_said(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(pathlib.Path, "read_text", lambda *_, **__: "flags: cpuid_fault avx512f")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ValueError, match="needs a C compiler"):
        processor.run_as("avx2", "benchmarks.latency", [])
