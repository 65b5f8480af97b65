from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from textocl.core.exceptions import DataError
from textocl.core.files import cache_folder, whole_file, write_whole
from textocl.text.embeddings.token_cache import TokenCache


def test_a_file_appears_with_all_its_content_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    with whole_file(path, make_folder=True) as file:
        file.write(b"one")
        assert not path.exists()
        file.write(b"two")
    assert path.read_bytes() == b"onetwo"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_file_is_there_and_nothing_else(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), whole_file(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_the_old_file(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, step) if step == "fsync" else (Path, step)), full)
    with pytest.raises(DataError, match=r"cannot write to .*a\.bin: No space left on device\."):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="no umask")
def test_a_file_has_the_permissions_that_any_new_file_has(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_text_is_utf_8_even_where_a_character_is_half(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", "ä\ud800\n")
    assert (tmp_path / "a.txt").read_bytes() == "ä\\ud800\n".encode()


@pytest.mark.skipif(sys.platform == "win32", reason="no links and pipes without rights")
def test_a_link_is_followed_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", b"through")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"through"
    read, write = os.pipe()
    write_whole(f"/dev/fd/{write}", b"piped")
    assert os.read(read, 10) == b"piped"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("name", ["missing/a.txt", "", "x" * 300])
def test_a_place_that_cannot_be_written_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write to"):
        write_whole(tmp_path / name, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_is_no_trouble(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 255), b"content")
    assert (tmp_path / ("x" * 255)).read_bytes() == b"content"


def test_the_cache_is_read_from_one_variable_in_one_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("TEXTOCL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "textocl"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "textocl"
    monkeypatch.setenv("TEXTOCL_CACHE", "")
    assert cache_folder() == tmp_path / "xdg" / "textocl"
    monkeypatch.setenv("TEXTOCL_CACHE", "~/own")
    assert cache_folder() == tmp_path / "own"
    assert TokenCache(None, "ab", 3).folder == tmp_path / "own" / "tokens" / "ab"
