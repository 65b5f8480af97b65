"""Corpora of NLTK are read where their data are installed."""

from __future__ import annotations

import sys
from pathlib import Path

import nltk
import pytest
from typer.testing import CliRunner

from textocl.cli.commands import app
from textocl.core.exceptions import DataError, MissingExtraError
from textocl.io.corpora import read_documents
from textocl.io.tables import read_corpus

FILES = {
    "training/1": "A tanker left the port.",
    "training/9": "Wheat & corn: prices rose by 3%.",
    "test/2": "Rates of interest fell in Zürich.",
}
CATEGORIES = "test/2 interest money-fx\ntraining/1 ship\ntraining/9 corn wheat\n"


@pytest.fixture(scope="module", autouse=True)
def _data(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A corpus as `nltk.downloader` would install it."""
    root = tmp_path_factory.mktemp("nltk_data")
    folder = root / "corpora" / "reuters"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "iso-8859-2")
    (folder / "cats.txt").write_text(CATEGORIES)
    nltk.data.path[:] = [str(root)]


def test_texts_come_with_their_ids_splits_and_categories() -> None:
    documents = {d.id: d for d in read_documents("nltk:reuters")}
    assert {name: d.text for name, d in documents.items()} == FILES
    assert documents["test/2"].fields["label"] == "interest,money-fx"
    assert documents["training/9"].fields["split"] == "training"


def test_the_whole_corpus_is_a_table_too() -> None:
    corpus = read_corpus("nltk:reuters")
    assert sorted(corpus.texts) == sorted(FILES.values())


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(DataError, match="python -m nltk.downloader movie_reviews"):
        list(read_documents("nltk:movie_reviews"))
    for name in ("no_such_corpus", "os", "__file__", "reader", ""):
        with pytest.raises(DataError, match="nltk has no corpus"):
            list(read_documents(f"nltk:{name}"))


def test_on_the_command_line_it_is_a_source_like_others(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["find", "nltk:movie_reviews"])
    assert done.exit_code != 0
    assert "nltk.downloader movie_reviews" in done.output.replace("\n", " ")


def test_a_file_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nltk:reuters.txt").write_text("one\ntwo\n")
    assert [d.text for d in read_documents("nltk:reuters.txt")] == ["one", "two"]


def test_without_nltk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(MissingExtraError, match="nltk"):
        list(read_documents("nltk:reuters"))
