from tasks import progress


def test_one_line_in_a_log_file(capsys):
    bar = progress.bar(20, "reading images", unit="image")
    for done in range(1, 21):
        bar.update(done)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "reading images"
    assert len([line for line in lines if line.strip()]) <= 2 and "20/20" in lines[1]


def test_redraws_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(progress, "interactive", lambda: True)
    bar = progress.bar(20, "reading images")
    for done in range(1, 21):
        bar.update(done)
    assert "20/20" in capsys.readouterr().out


def test_batches_that_workers_share_are_handed_on(capsys):
    batches = [1, 2, 3]
    assert list(progress.watched(batches, "looking")) == batches
    assert "looking" in capsys.readouterr().out
    assert progress.watched(batches, "looking", workers=2) is batches
