"""``textocl find``: one file in, what does not belong there out, and why."""

from __future__ import annotations

import csv
import functools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import run
from texts import TOPICS, sentences

import textocl
import textocl.pile
from textocl.pile import Findings, find

MUSIC = sentences("music", 4)
BODIES = [*sentences("ships", 60), *MUSIC, MUSIC[0].upper(), ""]
RESULTS = [
    "rank", "score", "p_value", "false_discovery_rate", "status", "kind", "words", "form", "copy_of",
]  # fmt: skip
FIELDS = ("--text-field", "body", "--id-field", "nr")
HIDDEN = {"d60", "d61", "d62", "d63", "d64"}


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with ids, texts, two other columns, one of them named like a result."""
    path = tmp_path_factory.mktemp("find") / "pile.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["nr", "author", "body", "score"])
        table.writerows([f"d{i}", "=a, b", text, i % 5] for i, text in enumerate(BODIES))
    return path


@functools.cache
def learned(texts: tuple[str, ...], labels: tuple[int, ...] | None) -> Findings:
    return find(texts, labels, support_weight=0, language=None)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The density alone learns, and once from each pile."""

    def quick(texts: list[str], labels: list[int] | None, **given: Any) -> Findings:
        findings = learned(tuple(texts), None if labels is None else tuple(labels))
        return findings.rethreshold(**{name: given[name] for name in ("top", "budget", "fdr")})

    monkeypatch.setattr(textocl.pile, "find", quick)


@pytest.fixture
def _never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be learned: what is wrong is said before minutes of work."""
    monkeypatch.setattr(textocl.pile, "find", lambda *_, **__: pytest.fail("learned"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file)) if path.suffix == ".csv" else list(map(json.loads, file))


def test_one_command_finds_explains_writes_and_saves(pile: Path, tmp_path: Path) -> None:
    done = run(
        "find", pile, *FIELDS, "--out", tmp_path / "out.csv", "--save", tmp_path / "model",
        "--show", 3,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert "of 66 documents flagged by a false discovery rate of 0.1" in lines[0]
    assert "1 is a copy of others; 1 not judged" in " ".join(" ".join(lines[:2]).split())
    estimate = textocl.load(tmp_path / "model").contamination_
    assert f"about {estimate} of the documents do not belong." in " ".join(done.stdout.split())
    kinds = lines[lines.index("Kinds of flagged documents") + 1].split(maxsplit=1)
    assert int(kinds[0]) >= 5
    assert set(kinds[1].strip().split(", ")) <= set(TOPICS["music"].split())
    shown = [line.split()[1] for line in lines if line.lstrip()[:2] in ("1.", "2.", "3.")]
    assert len(shown) == 3
    assert set(shown) <= HIDDEN
    assert not any(line.lstrip().startswith("4.") for line in lines)
    assert "Written:" in done.stderr
    rows = rows_of(tmp_path / "out.csv")
    flagged = {row["nr"] for row in rows if row["status"] == "anomalous"}
    assert flagged >= HIDDEN
    assert len(flagged) < 9

    # the model scores new documents, and says the same of those it learned from
    (tmp_path / "new.txt").write_text(f"{BODIES[0]}\nthe guitar of the band\n")
    run("score", tmp_path / "model", tmp_path / "new.txt", "--out", tmp_path / "new.jsonl")
    old, new = rows_of(tmp_path / "new.jsonl")
    assert new["status"] == "anomalous"
    (same,) = (row for row in rows if row["nr"] == "d0")
    assert old["score"] == pytest.approx(float(same["score"]), abs=1e-6)
    assert old["p_value"] == pytest.approx(float(same["p_value"]))


@pytest.mark.usefixtures("_quick")
def test_all_documents_are_written_with_their_own_columns_in_the_order_of_ranks(
    pile: Path, tmp_path: Path
) -> None:
    tables = []
    for name in ("out.csv", "out.jsonl"):
        run("find", pile, *FIELDS, "--out", tmp_path / name, "--quiet")
        tables.append(rows_of(tmp_path / name))
    rows = tables[1]
    for table in tables:
        assert list(table[0]) == ["nr", "body", "author", "input_score", *RESULTS]
        assert [row["nr"] for row in table] == [row["nr"] for row in rows]
    given = {row["nr"]: row for row in rows_of(pile)}
    assert {row["nr"] for row in rows} == given.keys()
    for row in rows:
        own = given[row["nr"]]
        assert (row["body"], row["author"]) == (own["body"], own["author"])
        assert row["input_score"] == own["score"]
    ranks = [row["rank"] for row in rows]
    assert ranks[:-1] == sorted(ranks[:-1])
    assert (rows[-1]["nr"], ranks[-1], rows[-1]["status"]) == ("d65", None, "not judged")
    assert tables[0][-1]["rank"] == tables[0][-1]["score"] == ""
    for cell, value in zip(tables[0][:-1], rows[:-1], strict=True):
        assert float(cell["score"]) == pytest.approx(value["score"])
        assert cell["kind"] == (value["kind"] or "")
    by_id = {row["nr"]: row for row in rows}
    assert by_id["d64"]["copy_of"] == "d60"
    assert by_id["d64"]["rank"] == by_id["d60"]["rank"]
    assert by_id["d60"]["copy_of"] is None


@pytest.mark.usefixtures("_quick")
def test_lines_of_text_get_numbers_and_standard_output_holds_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "pile.txt").write_text("\n".join(BODIES[:64]) + "\n")
    done = run("find", tmp_path / "pile.txt", "--out", "-", "--top", 1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert list(rows[0]) == ["id", "text", *RESULTS]
    assert rows[0]["id"] in {"61", "62", "63", "64"}
    assert len(rows) == 64
    assert "1 of 64 documents flagged" in done.stderr


@pytest.mark.usefixtures("_quick")
def test_cells_of_a_table_are_made_safe_for_a_spreadsheet_where_asked(
    pile: Path, tmp_path: Path
) -> None:
    run("find", pile, *FIELDS, "--out", tmp_path / "o.csv", "--spreadsheet-safe")
    assert {row["author"] for row in rows_of(tmp_path / "o.csv")} == {"'=a, b"}


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("rule", "said", "n"),
    [
        (["--top", 2], "the 2 with the highest scores", range(2, 4)),
        (["--budget", "5%"], "the 5.00% with the highest scores", range(2, 4)),
        (["--budget", "0.05"], "the 5.00% with the highest scores", range(2, 4)),
        (["--fdr", 0.999], "a false discovery rate of 0.999", range(6, 66)),
    ],
)
def test_one_rule_says_how_many_are_flagged(
    pile: Path, rule: list[Any], said: str, n: range
) -> None:
    facts = json.loads(run("find", pile, *FIELDS, *rule, "--json", "--show", 0).stdout)
    assert facts["flagged"] in n
    assert facts["oddest"] == []
    assert said in " ".join(run("find", pile, *FIELDS, *rule, "--show", 0).stdout.split())


@pytest.mark.usefixtures("_quick")
def test_json_has_what_is_printed_and_nothing_else_is(pile: Path) -> None:
    done = run("find", pile, *FIELDS, "--json", "--show", 2)
    facts = json.loads(done.stdout)
    assert (facts["documents"], facts["not_judged"], facts["copies"]) == (66, 1, 1)
    assert 0 <= facts["contamination"]["at_least"] <= facts["contamination"]["share"] < 0.2
    of_kinds = [i for kind in facts["kinds"] for i in kind["documents"]]
    assert len(of_kinds) == facts["flagged"]
    assert [kind["language"] for kind in facts["kinds"]] == [None] * len(facts["kinds"])
    assert set(of_kinds) >= HIDDEN
    assert len(facts["oddest"]) == 2
    for odd in facts["oddest"]:
        assert odd["text"] in MUSIC
        assert BODIES[int(odd["id"][1:])] == odd["text"]
        assert set(odd["words"][:1]) <= set(TOPICS["music"].split())
        assert 0 < odd["p_value"] < 0.1


def test_what_is_odd_by_form_is_said_printed_and_written(tmp_path: Path) -> None:
    loud = f"{BODIES[0].upper()}!!! 0800 1234567 £££ [red]"
    (tmp_path / "pile.txt").write_text("\n".join([*BODIES[:60], loud]) + "\n")
    done = run("find", tmp_path / "pile.txt", "--top", 1, "--show", 1, "--out", tmp_path / "o.csv")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[lines.index("Kinds of flagged documents") + 1].startswith("1    odd by form: ")
    assert any(line.startswith("odd by form: ") for line in lines)
    assert "[red]" in done.stdout
    rows = rows_of(tmp_path / "o.csv")
    assert "capitals" in rows[0]["form"]
    assert rows[0]["kind"].startswith("odd by form: ")
    assert {(row["words"], row["form"]) for row in rows[1:]} == {("", "")}


@pytest.mark.usefixtures("_quick")
def test_what_is_known_is_learned_from(tmp_path: Path) -> None:
    known = {0: 1, 1: "belongs", 2: "0", 3: None, 4: "unsure", 60: "-1", 61: "Does not belong"}
    records = [{"text": t, "known": known.get(i, "")} for i, t in enumerate(BODIES[:64])]
    docs = tmp_path / "pile.jsonl"
    docs.write_text("".join(json.dumps(record) + "\n" for record in records))
    run("find", docs, "--label-field", "known", "--out", tmp_path / "out.jsonl", "--top", 2)
    rows = {row["id"]: row for row in rows_of(tmp_path / "out.jsonl")}
    assert {rows[i]["status"] for i in ("61", "62")} == {"anomalous"}
    assert [rows[i]["rank"] for i in ("61", "62")] == [None, None]
    assert {rows["63"]["rank"], rows["64"]["rank"]} == {1, 2}
    assert rows["2"]["known"] == "belongs"


@pytest.mark.usefixtures("_quick")
def test_marks_of_an_earlier_report_are_told_by_id(pile: Path, tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_text("id,label\nd60,-1\nd61,-1\nd0,1\n")
    out = tmp_path / "out.jsonl"
    run("find", pile, *FIELDS, "--labels", tmp_path / "marks.csv", "--out", out, "--top", 1)
    rows = {row["nr"]: row for row in rows_of(out)}
    assert {rows[name]["status"] for name in ("d60", "d61")} == {"anomalous"}
    assert rows["d0"]["status"] == "normal"


@pytest.mark.usefixtures("_quick")
def test_a_report_shows_own_ids_and_is_told_of(pile: Path, tmp_path: Path) -> None:
    page = tmp_path / "odd.html"
    done = run("find", pile, *FIELDS, "--report", page, "--show", 0)
    assert "odd.html" in done.stderr
    content = page.read_text("utf-8")
    assert '"d60"' in content
    assert MUSIC[0] in content
    run("find", pile, *FIELDS, "--report", pile, code=3)
    assert pile.read_text().startswith("nr,author")


@pytest.mark.usefixtures("_never")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--top", 3, "--fdr", 0.1], 3, "choose one of top and fdr: each decides on its own"),
        (["--budget", "many"], 3, "--budget takes a share such as 2% or 0.02, got 'many'"),
        (["--budget", "200%"], 3, "--budget must be above 0% and at most 100%, got 200%."),
        (["--budget", "0%"], 3, "--budget must be above 0% and at most 100%, got 0%."),
        (["--budget", "nan%"], 3, "--budget must be above 0% and at most 100%, got nan%."),
        (["--budget", "2"], 3, "--budget must be above 0 and at most 1, got 2."),
        (["--fdr", 1], 3, "fdr must be in (0, 1)"),
        (["--top", 0], 2, "--top"),
        (["--out", "out.xlsx"], 3, "results go to a .jsonl or .csv file"),
        (["--spreadsheet-safe"], 3, "--spreadsheet-safe is for the .csv file of --out"),
        (["--save", "."], 4, "something else than a textocl model"),
        (["--label-field", "known"], 3, "no field 'known' (--label-field); there are 'author', "),
        (["--label-field", "author"], 3, "document 'd0' has '=a, b' in 'author'; expected 1 or"),
        (["--text-field", "title"], 3, "'title'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_learned(
    pile: Path, tmp_path: Path, arguments: list[Any], code: int, message: str
) -> None:
    shutil.copy(pile, tmp_path)
    given = [*FIELDS, *arguments]
    done = run("find", "pile.csv", *given, code=code, cwd=tmp_path)
    assert message in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["pile.csv"]


@pytest.mark.usefixtures("_never")
def test_what_is_read_is_never_overwritten(pile: Path, tmp_path: Path) -> None:
    shutil.copy(pile, tmp_path / "pile.csv")
    (tmp_path / "link.csv").symlink_to("pile.csv")
    for out in ("pile.csv", "link.csv", tmp_path / "pile.csv"):
        done = run("find", "pile.csv", *FIELDS, "--out", out, code=3, cwd=tmp_path)
        assert "is what is read; nothing was overwritten" in done.stderr
    assert (tmp_path / "pile.csv").read_bytes() == pile.read_bytes()


def test_a_file_of_too_little_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text("a tanker left the port\n" * 50)
    done = run("find", tmp_path / "same.txt", "--out", tmp_path / "out.csv", code=3)
    assert "49 of 50 documents are copies of others" in " ".join(done.stderr.split())
    assert not (tmp_path / "out.csv").exists()
