"""The page in a real browser, with LiteRT's real runtime."""

import dataclasses
import pathlib
import threading

import numpy as np
import pytest

from ccm_tf.litert import run_tflite
from tasks.trial import runtime, server, site, subject
from tests.browser import PROBLEMS, Browser

# Same numbers up to float32's rounding, or int8's.
NEAR = {"dense": 1e-4, "slim": 1e-4, "int8": 0.02}
READY = """
new Promise((resolve) => {
  const root = document.documentElement;
  const look = () => root.dataset.state && resolve(root.dataset.state);
  new MutationObserver(look).observe(root, {attributes: true});
  look();
})
"""
# Does something and waits until an element shows what came of it.
DO = """
(async () => {
  const changed = new Promise((resolve) => new MutationObserver(resolve).observe(
    document.getElementById('%s'), {subtree: true, childList: true}));
  %s
  await changed;
})()
"""
# Gives the page a file as if a person had chosen it.
CHOOSE = """
  const given = new DataTransfer(), input = document.getElementById('file');
  const answer = await fetch('%s');
  given.items.add(new File([await answer.blob()], 'mine.png', {type: 'image/png'}));
  input.files = given.files;
  input.dispatchEvent(new Event('change'));
"""
SHOWN = "[...document.querySelectorAll('#bars .row')].map((row) => row.innerText)"


@pytest.fixture(scope="module")
def about(litert_files, image_folder):
    """Files and images, one of each with the longest of names."""
    choice = subject.Choice(images=str(image_folder), count=12)
    names = [str(litert_files[name]) for name in NEAR]
    found = subject.of_files(names[0], names[1:], choice)
    first, second, *rest = found.models
    long = dataclasses.replace(second, title=12 * "very_long_names_")
    classes = (12 * "AVeryLongLabel", *found.samples.classes[1:])
    samples = dataclasses.replace(found.samples, classes=classes)
    return subject.Subject(found.title, (first, long, *rest), samples)


@pytest.fixture(scope="module")
def page(about, tmp_path_factory):
    """The page, once it has tried and measured everything."""
    try:
        found = runtime.find()
    except ValueError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("site")
    site.write_site(about, found, folder)
    with Browser() as browser, server.serving(pathlib.Path(folder), 0) as ready:
        threading.Thread(target=ready.serve_forever, daemon=True).start()
        try:
            shown = browser.open(server.address(ready))
            assert shown.evaluate(READY) == "ready", shown.evaluate("document.body.innerText")
            yield shown
        finally:
            ready.shutdown()


def expected(model, images):
    """What the file says in LiteRT outside of the browser, as probabilities."""
    ordered = images[..., ::-1] if model.bgr else images
    inputs = ordered * np.array(model.multiply) + np.array(model.add)
    outputs = run_tflite(model.path, inputs.astype("float32"))
    if model.ending is None:
        outputs = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
    return outputs


def test_files_say_in_the_browser_what_they_say_outside(page, about):
    found = np.array(page.evaluate("trial.outputs"))
    truth = about.samples.images.labels
    for number, model in enumerate(about.models):
        wanted = expected(model, about.samples.images.images)
        np.testing.assert_allclose(found[:, number], wanted, atol=NEAR[model.path.stem])
        decided, dense = found[:, number].argmax(-1), found[:, 0].argmax(-1)
        np.testing.assert_array_equal(decided, wanted.argmax(-1))
        right = f"{np.count_nonzero(decided == truth)} of 12"
        assert page.evaluate(f"document.getElementById('right-{number}').textContent") == right
        if number:
            same = f"{np.count_nonzero(decided == dense)} of 12"
            assert page.evaluate(f"document.getElementById('same-{number}').textContent") == same
    apart = [len(set(results)) > 1 for results in found.argmax(-1).tolist()]
    thumbs = "[...document.querySelectorAll('#thumbs button')]"
    first = int(np.ptp(found, axis=1).max(axis=-1).argmax())
    assert (
        page.evaluate(f"{thumbs}.map((b) => b.getAttribute('aria-pressed'))").index("true") == first
    )
    assert page.evaluate(f"{thumbs}.map((b) => b.classList.contains('apart'))") == apart


def test_nothing_is_cut_or_said_on_phones_and_desktops_light_and_dark(page):
    for width in (390, 1280):
        for dark in (False, True):
            page.browser.look(width, dark=dark)
            assert page.evaluate("innerWidth") == width
            assert page.evaluate(PROBLEMS) == []
    assert page.messages == []
    assert all(url.startswith(page.address) for url in page.requests)


def test_times_are_shown(page):
    spans = page.evaluate("trial.times")
    assert len(spans) == 3
    assert all(0 < span["low"] <= span["median"] <= span["high"] for span in spans)
    assert page.evaluate("document.getElementById('time-1').textContent").endswith(" ms")
    assert page.evaluate("document.querySelectorAll('.card').length") == 4
    assert page.evaluate("document.getElementById('again').disabled") is False


@pytest.mark.parametrize(
    "call,value",
    [
        ("pixels.probabilitiesOf([0], null)", [0.5, 0.5]),
        ("pixels.probabilitiesOf([0.25], 'sigmoid')", [0.75, 0.25]),
        ("pixels.probabilitiesOf([800, 800], null)", [0.5, 0.5]),
        ("pixels.largest([1, 3, 3, 2])", 1),
        # Grey as Pillow has it; alpha is left out.
        (
            "[...pixels.inputOf(Uint8ClampedArray.of(200, 50, 40, 255, 7, 7, 7, 255), 1, "
            "{multiply: [2], add: [1]})]",
            [2 * 94 + 1, 15],
        ),
        (
            "[0.04567, 4.567, 45.67, 4567.8].map(view.milliseconds)",
            ["0.046 ms", "4.57 ms", "45.7 ms", "4568 ms"],
        ),
    ],
)
def test_numbers(page, call, value):
    modules = "const pixels = await import('./pixels.js'), view = await import('./view.js');"
    assert page.evaluate(f"(async () => {{{modules} return {call}; }})()") == value


def test_an_image_of_ones_own_is_judged_as_the_sample_that_it_is(page):
    page.evaluate(DO % ("bars", "document.querySelectorAll('#thumbs button')[2].click();"))
    sample = page.evaluate(SHOWN)
    words = "document.getElementById('truth').textContent"
    assert page.evaluate(words).startswith("Sample 3: ")
    page.evaluate(DO % ("bars", CHOOSE % "images/1.png"))
    assert page.evaluate(SHOWN) != sample
    page.evaluate(DO % ("bars", CHOOSE % "images/2.png"))
    assert page.evaluate(SHOWN) == sample and page.evaluate(words) == "Your image"


def test_what_is_no_image_is_named(page):
    page.evaluate(DO % ("status", CHOOSE % "site.json"))
    said = "document.getElementById('status').textContent"
    assert page.evaluate(said) == "'mine.png' is not an image that this browser can read."
