import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / ".ci" / "create_venv"

GOOD = f"""#!/bin/sh
case "$1" in
    -c) exec {sys.executable} -c "$2" ;;
    --version) echo "Python from $0" ;;
    -m) mkdir -p "$4/bin" && echo made > "$4/made" ;;
esac
"""
DEAD_SHIM = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
TOO_OLD = f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10); $2"\n'


@pytest.fixture
def run(tmp_path):
    """Runs the script where only the given interpreters are on the path."""

    def run(overrule=None, **interpreters):
        for name, text in interpreters.items():
            path = tmp_path / "bin" / name.replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        environment = {"PATH": f"{tmp_path / 'bin'}:{os.defpath}"}
        if overrule:
            environment["PYTHON"] = overrule
        return subprocess.run(
            ["/bin/sh", str(SCRIPT), str(tmp_path / "venv")],
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


def test_dead_and_old_interpreters_are_passed_over(run, tmp_path):
    done = run(python3_13=DEAD_SHIM, python3_12=TOO_OLD, python3_11=GOOD)
    assert done.returncode == 0, done.stderr
    assert f"Python from {tmp_path}/bin/python3.11" in done.stdout
    assert (tmp_path / "venv" / "made").exists()


def test_newest_is_preferred_and_python_overrules(run):
    assert "bin/python3.12" in run(python3_12=GOOD, python3_11=GOOD).stdout
    assert "bin/python3.11" in run(overrule="python3.11").stdout


def test_no_usable_interpreter(run, tmp_path):
    dead = dict.fromkeys(["python3_13", "python3_12", "python3_11", "python3", "python"], DEAD_SHIM)
    done = run(**dead)
    assert done.returncode == 1
    assert "No usable Python 3.11, 3.12 or 3.13 found" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_working_environment_is_kept(run, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    done = run(python3_13=GOOD)
    assert done.returncode == 0 and done.stdout == ""
    assert not (tmp_path / "venv" / "made").exists()


def test_broken_environment_is_replaced(run, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(tmp_path / "removed")
    assert run(python3_13=GOOD).returncode == 0
    assert (tmp_path / "venv" / "made").exists()
