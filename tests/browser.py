"""A headless browser, driven by its DevTools protocol over a pipe: the standard library will do.

    with Browser() as browser:
        page = browser.open("report.html", width=390, dark=True)
        assert not page.messages

Chromium reads commands from its file descriptor 3 and answers on 4, JSON with a zero byte behind
each (`--remote-debugging-pipe`): https://chromedevtools.github.io/devtools-protocol/.
"""

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What a busy machine may take for one answer.
_PATIENCE = 120.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# Puts the pipe's ends where Chromium looks for them and becomes Chromium. The copies above 9 are
# there since one end may be 3 or 4 already.
_LAUNCHER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_browser() -> str:
    """Path of a browser; skips the test where there is none, but not in CI."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    reason = f"no browser to look at pages with: none of {', '.join(NAMES)} is installed"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must have one")
    pytest.skip(reason)


@dataclasses.dataclass
class Page:
    """A page that has been loaded.

    Attributes:
        browser: Where.
        address: Of the page.
    """

    browser: "Browser"
    address: str

    @property
    def messages(self) -> list[str]:
        """What the console, the log and uncaught errors have said until now."""
        return [str(e["params"]) for e in self.browser.events if e["method"] in _SAID]

    @property
    def requests(self) -> list[str]:
        """Addresses asked for until now, without the page itself and data in it."""
        asked = [
            event["params"]["request"]["url"]
            for event in self.browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if url != self.address and not url.startswith("data:")]

    def evaluate(self, code: str):
        """Value of a JavaScript expression; of a promise, what it comes to."""
        answer = self.browser.send(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path, whole: bool = True, scale: float = 1.0) -> None:
        """Writes a PNG of the page, or of what fits into the window."""
        options = {}
        if whole:
            size = self.browser.send("Page.getLayoutMetrics")["cssContentSize"]
            options = {"clip": {**size, "scale": scale}, "captureBeyondViewport": True}
        data = self.browser.send("Page.captureScreenshot", format="png", **options)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))


class Browser:
    """One process of Chromium with one tab. Use it in a `with` statement."""

    def __init__(self, program: str | None = None):
        self._program = program or find_browser()
        self._number, self._rest, self.events = 0, b"", []

    def __enter__(self) -> "Browser":
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._in = os.pipe()
        self._out, theirs_out = os.pipe()
        command = [sys.executable, "-c", _LAUNCHER, str(theirs_in), str(theirs_out)]
        self._process = subprocess.Popen(
            [*command, self._program, *_FLAGS, f"--user-data-dir={self._folder.name}"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *error) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self.send("Browser.close")
        for end in (self._in, self._out):
            os.close(end)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def open(self, path, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        """Loads a file or address as on a screen of that size, and waits until it is there."""
        self.look(width, height, dark)
        self.events.clear()
        served = str(path).startswith("http:")
        address = str(path) if served else pathlib.Path(path).resolve().as_uri()
        self.send("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive()
        return Page(self, address)

    def look(self, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Shows pages as on a screen of that size, the one that is open too."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def send(self, method: str, **params) -> dict:
        """Sends a command and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _receive(self) -> dict:
        """The next message; events are kept."""
        until = time.monotonic() + _PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._out], [], [], max(0.0, until - time.monotonic()))
            part = os.read(self._out, 1 << 16) if ready else b""
            assert part, f"{self._program} does not answer (exit code {self._process.poll()})"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


_SAID = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")

# What cannot be seen as it was meant, one sentence each: boxes that reach beyond the window, words
# that reach beyond their box or are cut by it, words in drawings that lie on each other.
PROBLEMS = r"""
(() => {
  const found = [], root = document.documentElement, most = root.clientWidth;
  const name = (e) => `<${e.tagName} class="${e.getAttribute('class') || ''}"> ` +
    `"${(e.textContent || '').trim().slice(0, 40)}"`;
  if (root.scrollWidth > most) found.push(`the page is ${root.scrollWidth} wide, not ${most}`);
  for (const e of document.body.querySelectorAll('*')) {
    if (e.closest('title, thead')) continue;
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    if (box.left < -0.5 || box.right > most + 0.5)
      found.push(`${name(e)} reaches from ${box.left} to ${box.right}`);
    if (!(e instanceof SVGElement) && e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
      found.push(`${name(e)} holds ${e.scrollWidth} in ${e.clientWidth}`);
    if (e.tagName === 'LI' && e.scrollHeight > e.clientHeight + 1)
      found.push(`${name(e)} is ${e.scrollHeight} high in ${e.clientHeight}`);
  }
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    const words = [...svg.querySelectorAll('text')].map((t) => [t, t.getBoundingClientRect()]);
    words.forEach(([t, a], i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 ||
          a.bottom > frame.bottom + 1) found.push(`${name(t)} leaves its drawing`);
      if (a.height < 8) found.push(`${name(t)} is ${a.height} high`);
      for (const [u, b] of words.slice(i + 1))
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 &&
            b.top < a.bottom - 3) found.push(`${name(t)} lies on ${name(u)}`);
    });
  }
  return found;
})()
"""
