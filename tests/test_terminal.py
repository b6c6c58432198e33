import os
import subprocess
import sys

import pytest

from ccm_tf.terminal import captured_output


def test_output_of_python_and_of_processes_is_collected(capfd):
    with captured_output() as output:
        print("from Python")
        print("an error", file=sys.stderr)
        os.write(2, b"from C\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    lines = output.text.splitlines()
    assert sorted(lines) == ["an error", "from C", "from Python", "from a child"]
    assert capfd.readouterr() == ("", "")


def test_output_appears_again_afterwards(capfd):
    with captured_output():
        print("hidden")
    print("seen")
    assert capfd.readouterr().out == "seen\n"


def test_what_was_printed_before_is_not_swallowed(capfd):
    print("before", end="")
    with captured_output() as output:
        print("hidden")
    assert output.text == "hidden"
    assert capfd.readouterr().out == "before"


def test_text_is_there_after_an_error(capfd):
    with pytest.raises(KeyError):
        with captured_output() as output:
            print("last words")
            raise KeyError
    assert output.text == "last words"
    print("seen")
    assert capfd.readouterr().out == "seen\n"


def test_nested_blocks(capfd):
    with captured_output() as outer:
        print("one")
        with captured_output() as inner:
            print("two")
        print("three")
    assert outer.text == "one\nthree"
    assert inner.text == "two"


def test_no_descriptor_is_leaked():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with captured_output():
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_closed_descriptors():
    code = (
        "import os, ccm_tf.terminal as t\n"
        "os.close(2)\n"
        "with t.captured_output() as output:\n"
        "    os.write(1, b'x')\n"
        "print(output.text == 'x')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n"
