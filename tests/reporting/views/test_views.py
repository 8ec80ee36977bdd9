"""The views over staged runs, without Airflow."""

import json
import re
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.codebashing_lms.config.connector import GUARD_WORDS, Guards
from include.codebashing_lms.dates import iso
from include.codebashing_lms.load.outcome import OutcomeKind, write_outcome
from include.codebashing_lms.reporting import wording as words
from include.codebashing_lms.reporting.views.learner import answer_learner
from include.codebashing_lms.reporting.views.overview import Schedule
from include.codebashing_lms.reporting.views.readiness import readiness
from include.codebashing_lms.reporting.views.run_detail import download, run_detail
from include.codebashing_lms.reporting.views.run_status import status_of
from include.codebashing_lms.reporting.views.to_do import exported, to_do
from include.codebashing_lms.reporting.views.trend import trend
from include.codebashing_lms.transform.manifest import LearnerNumbers
from tests.paths import ROOT
from tests.reporting.views.acme import ANN, TODAY, Acme, person


@pytest.fixture
def acme(tmp_path):
    return Acme(tmp_path)


def day(acme, number):
    """The day of a run, the first is 1."""
    return (TODAY - timedelta(days=100 - number)).date()


def test_without_a_run_every_view_says_so(acme):
    assert acme.card().sentence == "Nothing has run yet."
    assert trend(acme.runs).readings == 0
    assert (to_do(acme.runs.all), readiness(acme.runs)) == (None, None)
    assert answer_learner(acme.runs, "1001").sentence == (
        "Nobody of this name was found in the newest run and in the journal."
    )
    assert list(exported(acme.runs.all)) == [
        ["who", "reason", "what to do", "since", "email", "employee_id", "course", "detail"]
    ]


def test_a_card_says_who_needs_what(acme):
    acme.run(ANN)
    assert acme.card().sentence == "Everyone is up to date."
    assert acme.card().tone == "good"
    acme.run(ANN, person(None, "bob@example.com"), person("??", "cas@example.com"))
    assert acme.card().sentence == (
        "1 learner needs an employee ID and 1 learner needs somebody to look; everybody else is up to date."
    )
    assert (acme.card().numbers.sent, acme.card().numbers.set_aside) == (1, 2)


def test_a_dry_run_changes_no_card_and_says_so(acme):
    acme.run(ANN)
    acme.run(ANN, person("1002", "bob@example.com"), run_id="manual__dry", dry_run=True)
    assert acme.card().run.as_of.date() == day(acme, 1)
    newest = acme.runs.all[0]
    assert status_of(newest).word == "Dry run"
    assert "was not sent: this is a dry run" in status_of(newest).sentence
    assert acme.card().numbers.sent == 1


def test_nothing_is_called_delivered_that_was_only_dropped(acme):
    acme.run(ANN)
    shown = status_of(acme.runs.all[0])
    assert (shown.word, shown.sentence) == ("Dropped", "1 row was dropped where the LMS fetches them.")


def test_a_stop_comes_first(acme):
    acme.run(ANN)
    acme.run()
    assert acme.card().tone == "act"
    assert "Guard min_learners" in acme.card().sentence
    acme.run(ANN)
    failed = Schedule(last_run_id="x", last_state="failed", failed=("extract",))
    assert acme.card(failed).sentence.startswith("The last run failed at extract:")


def test_hold_is_shown(tmp_path):
    acme = Acme(tmp_path, delivery={"method": "folder", "directory": str(tmp_path), "hold": True})
    acme.run(ANN)
    assert acme.card().sentence == "On hold: files are built, and nothing is sent."
    assert status_of(acme.runs.all[0]).word == "On hold"


def test_the_parts_of_a_run_add_up(acme):
    acme.run(
        ANN,
        ANN | {"email": "Ann@example.com"},
        person(None, "bob@example.com"),
        person("1003", "cas@example.com", course="rust"),
        person("1004", "dan@example.com", course="cobol"),
        person("1005", "eva@example.com", primary_course_lessons_count=0),
    )
    shown = run_detail(acme.runs.all[0])
    assert sum(part.records for part in shown.parts) == shown.run.manifest.records.read == 6
    assert {(part.group, part.words, part.learners) for part in shown.parts} == {
        ("emitted", "rows for the LMS", 1),
        ("withheld", "no course is assigned", 1),
        ("withheld", "the course map ignores the course", 1),
        ("set_aside", "have no employee ID", 1),
        ("set_aside", "are on a course the map does not name", 1),
        ("merged", "the same learner twice; the better record counts", 1),
    }
    assert list(shown.downloads) == [shown.run.manifest.file, "set_aside.csv"]
    assert download(shown.run, "set_aside.csv").read_text().startswith("reason,detail")
    assert [download(shown.run, name) for name in ("manifest.json", "../x", "", "rows.parquet")] == [None] * 4


def test_what_is_rewritten_is_read_again(acme):
    acme.run(ANN)
    assert status_of(acme.runs.all[0]).word == "Dropped"
    run = acme.runs.all[0]
    (run.folder / "receipt.json").unlink()
    write_outcome(run.folder, OutcomeKind.STOPPED, "The drop is full.")
    assert status_of(acme.runs.all[0]).sentence == "The drop is full."


def test_since_when_somebody_waits_begins_anew_after_a_gap(acme):
    bob, cas = person(None, "bob@example.com"), person(None, "cas@example.com")
    acme.run(ANN, bob, cas)
    acme.run(ANN, bob, cas | {"employee_id": "1003"})
    acme.run(ANN, bob, cas)
    todo = to_do(acme.runs.all)
    [(actor, [group])] = todo.groups
    assert (actor, group.learners, todo.learners) == ("Identity team", 2, 2)
    assert {line.email: line.since.date() for line in group.lines} == {
        "bob@example.com": day(acme, 1),
        "cas@example.com": day(acme, 3),
    }
    assert (group.longest.date(), todo.looked_at_all) == (day(acme, 1), True)


def test_the_export_names_who_why_what_and_since(acme):
    acme.run(ANN, person(None, "=cmd@example.com"), person("1004", "dan@example.com", course="cobol"))
    _, *lines = exported(acme.runs.all)
    assert sorted((line[0], line[1], line[4], line[6]) for line in lines) == [
        ("Identity team", "missing_employee_id", "'=cmd@example.com", "java"),
        ("Owner of the course map", "unmapped_course", "", "cobol"),
    ]


def test_readiness_counts_who_has_to_act(acme):
    bob, cas = person(None, "bob@example.com", active=None), person(None, "cas@example.com", active=None)
    acme.run(bob, cas, person(None, "ann@example.com", active=None))
    assert readiness(acme.runs).mapped is None
    acme.run(ANN, bob, cas)
    mapped = acme.at
    acme.run(ANN, bob | {"last_active_at": iso(mapped + timedelta(days=1))}, cas)
    ready = readiness(acme.runs)
    assert ready.mapped == mapped
    assert ready.mapped != ready.first.as_of
    assert (ready.now.with_id, ready.now.still_none, ready.now.not_since) == (1, 1, 1)
    assert (ready.first.with_id, ready.first.not_since) == (0, 3)


def test_a_learners_way_into_the_lms(acme):
    bob = person(None, "Bob@example.com", done=2)
    acme.run(ANN, bob)
    acme.run(ANN, bob)
    acme.run(ANN, bob | {"employee_id": "1002"})
    acme.run(ANN, person("1002", "Bob@example.com", done=4))
    found = answer_learner(acme.runs, "1002")
    assert found.names == ("1002", "bob@example.com")
    assert [(one.title, one.at.date()) for one in found.events] == [
        ("Read from Codebashing", day(acme, 4)),
        ("Sent to the LMS", day(acme, 4)),
        ("Sent to the LMS", day(acme, 3)),
    ]
    assert any("java 100 %, completed (as 1002, course SEC-101). Dropped as" in one.text for one in found.events)
    acme.run(ANN)
    for who in ("bob@example.com", " BOB@EXAMPLE.COM "):
        found = answer_learner(acme.runs, who)
        assert [(one.title, one.at.date()) for one in found.events] == [
            ("Not in the answer of Codebashing", day(acme, 5)),
            ("Sent to the LMS", day(acme, 4)),
            ("Sent to the LMS", day(acme, 3)),
        ]
        assert found.sentence == (
            "The last answer of Codebashing does not name this learner. "
            "Progress was sent to the LMS, last on 19 Aug 2026."
        )


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (person("1002", "bob@example.com"), "Sent to the LMS, last on 16 Aug 2026."),
        (person(None, "bob@example.com"), "Set aside since 16 Aug 2026: no employee ID. Ask your identity team"),
        (person("1002", "bob@example.com", course="cobol"), "Set aside: the course is not in the course map."),
        (person("1002", "bob@example.com", course="rust"), "Nothing to send: the course map ignores the course."),
        (person("1002", "bob@example.com", primary_course_lessons_count=0), "Nothing to send: no course"),
        (person("1001", "bob@example.com"), "Set aside since 16 Aug 2026: several people claim this employee ID."),
    ],
)
def test_the_answer_is_one_sentence(acme, record, sentence):
    acme.run(ANN, record)
    assert answer_learner(acme.runs, "bob@example.com").sentence.startswith(sentence)


def test_whoever_is_set_aside_is_so_since_the_first_list_without_a_gap(acme):
    bob = person(None, "bob@example.com")
    acme.run(ANN, bob)
    acme.run(ANN)
    acme.run(ANN, bob)
    acme.run(ANN, bob)
    found = answer_learner(acme.runs, "bob@example.com")
    assert found.sentence.startswith("Set aside since 18 Aug 2026: no employee ID.")
    assert [(one.title, one.at.date()) for one in found.events] == [("Set aside: no employee ID", day(acme, 4))]


def test_a_learner_held_by_load_is_set_aside_and_not_sent(acme):
    acme.run(person("1001", "ann@example.com"), person("1002", "bob@example.com"))
    acme.run(person("1002", "ann@example.com"))
    found = answer_learner(acme.runs, "1002")
    assert found.sentence.startswith("Set aside since 17 Aug 2026: may have become somebody else.")


def test_several_courses_of_one_learner(tmp_path):
    acme = Acme(tmp_path, courses=["java", "cobol"])
    record = {"employee_id": "1001", "email": "ann@example.com", "last_active_at": None}
    acme.run(record | {"java.completed_percentage": 50, "cobol.completed_percentage": 10})
    found = answer_learner(acme.runs, "1001")
    assert found.sentence.startswith("Set aside: the course is not in the course map.")
    assert [one.title for one in found.events].count("Sent to the LMS") == 1


def test_statistics_count_learners_once(tmp_path):
    acme = Acme(tmp_path, courses=["java", "python", "cobol"])
    percent = {f"{course}.completed_percentage": 40 for course in ("java", "python", "cobol")}
    record = {"employee_id": "1001", "email": "ann@example.com", "last_active_at": None} | percent
    acme.run(record, record | {"employee_id": None, "email": "bob@example.com"})
    statistics = acme.runs.all[0].manifest.statistics
    assert acme.runs.all[0].manifest.records.read == 6
    aside = {"missing_employee_id": 1, "unmapped_course": 1}
    assert statistics.learners == LearnerNumbers(emitted=1, withheld={}, set_aside=aside, merged={})
    assert (statistics.with_id, statistics.without_id) == (1, {"": 1})
    assert statistics.courses == {"java": [0, 1, 0], "python": [0, 1, 0]}
    assert sum(statistics.bands) == 2


def test_a_picture_has_no_text_of_others(acme):
    acme.run(person("1001", "ann@example.com", course="java"), person("2", "<b>@example.com", course="</svg><script>"))
    shown = trend(acme.runs)
    pictures = [shown.completion.svg, shown.bands.svg, shown.set_aside.svg, *(one.bar for one in shown.courses)]
    assert all("script" not in str(one) for one in pictures)


def test_manifests_without_statistics(acme):
    acme.run(ANN)
    path = acme.runs.all[0].folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["figures"]
    path.write_text(json.dumps(manifest))
    assert trend(acme.runs).readings == 0
    assert run_detail(acme.runs.all[0]).parts[0].learners is None
    assert acme.card().sentence == "Everyone is up to date."


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"as_of": 3}', '{"as_of": "soon", "extracted_at": "x"}', ""])
def test_a_damaged_manifest_hides_no_other_run(acme, content):
    acme.run(ANN)
    acme.run(ANN)
    (acme.runs.all[0].folder / "manifest.json").write_text(content)
    assert [run.as_of.date() for run in acme.runs.all] == [day(acme, 1)]
    assert acme.card().sentence == "Everyone is up to date."


@pytest.mark.parametrize(
    ("known", "word", "tone", "sentence"),
    [
        ({"state": "working"}, "LMS at work", "waiting", "The LMS works on 1 row; it will be asked again."),
        ({"state": "sending"}, "Sending", "waiting", "1 row on the way, or interrupted; the next run finds out."),
        ({"state": "partly"}, "In part", "waiting", "The LMS took some of the files; the next run goes on."),
        ({"state": "failed"}, "Import failed", "act", "The LMS says that the import failed; its own log says why."),
        ({"pickup": {"state": "dropped"}}, "Dropped", "good", "1 row was dropped where the LMS fetches them."),
        ({"pickup": {"state": "picked up"}}, "Picked up", "good", "1 row was picked up by the LMS."),
        ({"pickup": {"state": "confirmed"}}, "Confirmed", "good", "1 row was confirmed by the LMS."),
        (
            {"pickup": {"state": "refused"}, "refused": 1},
            "Refused in part",
            "waiting",
            "1 row was answered by the LMS, which refused 1 row.",
        ),
        (
            {"pickup": {"state": "picked up"}, "rows": 40, "refused": 9, "known_refusals": 6},
            "Picked up",
            "waiting",
            "40 rows were picked up by the LMS, which refused 9 rows (3 new, 6 known).",
        ),
        (
            {
                "known": "accepted by the import endpoint https://lms.example.com/import",
                "where": "https://lms.example.com/import",
            },
            "Accepted",
            "good",
            "1 row was accepted by the import endpoint.",
        ),
    ],
)
def test_the_status_of_a_delivery_in_words(acme, known, word, tone, sentence):
    acme.run(ANN)
    path = acme.runs.all[0].folder / "receipt.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | known))
    shown = status_of(acme.runs.all[0])
    assert (shown.word, shown.tone, shown.sentence) == (word, tone, sentence)


def test_every_warning_and_guard_has_words_for_people():
    sources = [path.read_text() for path in (ROOT / "include").rglob("*.py")]
    assert {name for text in sources for name in re.findall(r'warnings\["(\w+)"\]', text)} <= set(words.WARNINGS)
    assert set(Guards.__struct_fields__) == set(GUARD_WORDS)


def test_card_and_run_say_how_many_refusals_are_new_and_how_many_were_known(acme):
    acme.run(ANN)
    folder = acme.runs.all[0].folder
    pq.write_table(pa.table({"row": [0], "reason": ["closed"]}), folder / "refused.parquet")
    path = folder / "receipt.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"refused": 1, "known_refusals": 1}))
    assert "1 row was refused by the LMS (0 new, 1 known); everybody else" in acme.card().sentence
    assert run_detail(acme.runs.all[0]).refused_before == " (0 new, 1 known)"
