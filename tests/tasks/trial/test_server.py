import threading
import urllib.error
import urllib.request

import pytest

from tasks.trial import server


def test_files_come_with_the_types_and_headers_that_browsers_want(tmp_path, capfd):
    (tmp_path / "site").mkdir()
    (tmp_path / "secret").write_text("no")
    for name in ("index.html", "app.js", "run.wasm"):
        (tmp_path / "site" / name).write_text(name)
    with server.serving(tmp_path / "site", 0) as ready:
        threading.Thread(target=ready.serve_forever, daemon=True).start()
        try:
            for name, kind in (
                ("", "text/html"),
                ("app.js", "text/javascript"),
                ("run.wasm", "application/wasm"),
            ):
                with urllib.request.urlopen(server.address(ready) + name) as answer:
                    assert answer.read().decode() == (name or "index.html")
                    assert answer.headers["Content-Type"] == kind
                    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
                    assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(server.address(ready) + "../secret")
            with pytest.raises(OSError, match=f"Port {ready.server_address[1]} is taken"):
                server.serving(tmp_path, ready.server_address[1])
        finally:
            ready.shutdown()
    assert capfd.readouterr() == ("", "")
