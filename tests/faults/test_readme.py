"""Each line of the table "Interruptions and errors" of the README has a test."""

from pathlib import Path

from tests.attacks import test_mutations as mutations
from tests.faults import test_disk as disk
from tests.faults import test_divergence as divergence
from tests.faults import test_kills as kills
from tests.faults import test_locks as locks
from tests.faults import test_resume as resume
from tests.faults import test_signals as signals

TESTS = {
    "the process is killed": kills.test_a_run_that_is_killed_at_random_instants_ends_the_same,
    "the process is killed before its first save": (
        resume.test_a_run_without_a_save_starts_with_its_settings
    ),
    "the process receives SIGINT (Ctrl-C), SIGTERM or SIGHUP": signals.test_a_signal_stops_a_run,
    "the run is finished when it is resumed": resume.test_a_finished_run_prints_one_line,
    "a second training is started in the folder": locks.test_a_second_training_names_the_first,
    "the disk is full, or a write fails": disk.test_the_nth_write_fails,
    "the folder is deleted while training": disk.test_the_folder_is_deleted_while_training,
    "the text is changed or deleted while training": disk.test_the_text_changes_while_training,
    "the text has changed when the run is resumed": (
        resume.test_a_changed_text_is_refused_with_what_changed
    ),
    "the loss becomes NaN or infinite, or jumps by several nats": (
        divergence.test_a_diverged_run_returns_to_earlier_weights
    ),
    "memory runs out": disk.test_memory_runs_out_while_training,
    "a model file is damaged": mutations.test_random_mutations,
}


def test_each_line_of_the_table_has_a_test(repository: Path) -> None:
    """The table lists exactly the events that have a test."""
    text = (repository / "README.md").read_text(encoding="utf-8")
    table = text.split("### Interruptions and errors\n")[1].split("\n## ")[0]
    events = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert events[1:] == list(TESTS)
