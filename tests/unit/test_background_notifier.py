"""Notifications of commits are published in the background, several at once."""

from backend.live.notifications import BackgroundNotifier, Notifier


class RecordingNotifier(Notifier):
    def __init__(self) -> None:
        self.published: list[int] = []

    def notify(self, experiment_id: int) -> None:
        self.published.append(experiment_id)


def test_changes_of_an_experiment_in_quick_succession_are_published_together() -> None:
    recording = RecordingNotifier()
    background = BackgroundNotifier(recording)
    for _ in range(1000):
        background.notify([7])
    background.stop()
    assert 1 <= len(recording.published) < 100


def test_changes_before_the_stop_are_published() -> None:
    recording = RecordingNotifier()
    background = BackgroundNotifier(recording)
    background.notify([1])
    background.notify([2, 3])
    background.stop()
    assert sorted(set(recording.published)) == [1, 2, 3]


def test_a_commit_without_changes_publishes_nothing() -> None:
    recording = RecordingNotifier()
    background = BackgroundNotifier(recording)
    background.notify([])
    background.stop()
    assert recording.published == []
