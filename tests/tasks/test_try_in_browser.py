import pytest
from absl import flags

from tasks import try_in_browser
from tests.tasks.trial.examples import DIGITS, make_run


@pytest.fixture
def program(installed, tmp_path, monkeypatch):
    """Runs the program without serving; returns its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, serve=False):
        values = flags.FlagValues()
        try_in_browser.define(values)
        given = ("program", f"--runtime={installed}", f"--serve={serve}", *arguments)
        left = values(given)
        monkeypatch.setattr(try_in_browser.flags, "FLAGS", values)
        return try_in_browser.main(left)

    return run


def named(litert_files, image_folder):
    return (
        f"--dense={litert_files['dense']}",
        f"--slim={litert_files['slim']},{litert_files['int8']}",
        f"--images={image_folder}",
    )


def test_a_page_for_a_run(program, litert_files, tmp_path, capsys):
    file = litert_files["digits"]
    run = make_run(tmp_path, {"dataset": "digits"}, DIGITS, dense=file, model=file)
    assert program(str(run)) == 0
    page = run / "try" / "index.html"
    assert capsys.readouterr().out == f"Page: {page} (open it through a web server)\n"
    assert "VGG-16 on digits, pruned" in page.read_text(encoding="utf-8")


def test_a_page_for_files(program, litert_files, image_folder, tmp_path):
    assert program(*named(litert_files, image_folder), "--samples=4") == 0
    assert len(list((tmp_path / "out/try/images").iterdir())) == 4


def test_it_is_served_until_somebody_ends_it(
    program, litert_files, image_folder, capsys, monkeypatch
):
    from tasks.trial import server

    served = []

    def stop(self):
        served.append(server.address(self))
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", stop)
    assert program(*named(litert_files, image_folder), "--port=0", serve=True) == 0
    assert f"Open {served[0]} in a browser. Ctrl-C ends it." in capsys.readouterr().out


def test_bad_input_is_one_sentence_and_writes_nothing(
    program, litert_files, image_folder, tmp_path, capsys
):
    dense, slim, images = named(litert_files, image_folder)
    for arguments, message in (
        ((), "Name the output folder of a finished run, or pass all of --dense=FILE"),
        ((dense, slim), "pass all of --dense=FILE --slim=FILE --images=DIR"),
        (("out/a", "out/b"), "Name one run, or pass --dense and --slim"),
        (("out/a", dense), "Name one run, or pass --dense and --slim"),
        (("out/a",), "'out/a' does not exist"),
        ((dense, slim, images, "--samples=0"), "--samples must be at least 1"),
        ((dense, slim, "--images=nowhere"), "'nowhere' does not exist"),
        (
            (dense, f"--slim={litert_files['silent']}", images),
            "does not say how pixels become inputs",
        ),
        ((dense, slim, images, "--runtime=nowhere"), "LiteRT's runtime for browsers is not in"),
        ((dense, slim, images, f"--output_dir={image_folder}"), "holds something else"),
    ):
        assert program(*arguments) == 1, arguments
        said = capsys.readouterr().err
        assert said.startswith("error: ") and message in said and said.count("\n") == 1, said
        assert not (tmp_path / "out").exists()
