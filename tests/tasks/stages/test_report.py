import pytest


@pytest.mark.tensorflow
def test_writes_what_later_readers_need(finished):
    report = finished.read_json("report.json")
    assert report["run"]["flags"]["network"] == "resnet8"
    assert report["plan"]["criterion"]["name"] == "pca" and report["plan"]["target"] == {
        "macs": 0.6
    }
    assert [len(report["history"][name]) for name in ("dense", "finetuned")] == [2, 1]
    assert 0 <= report["sliced"]["accuracy"] <= 1


@pytest.mark.tensorflow
def test_the_page_needs_no_network(finished):
    page = finished.path("report.html").read_text()
    assert page.startswith("<!doctype html>")
    for forbidden in ("http://", "https://", "<script", "<link", "@import"):
        assert forbidden not in page.replace("http://www.w3.org", "")
