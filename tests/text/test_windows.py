"""Windows hold every piece once, and words end where they end."""

from __future__ import annotations

import numpy as np
import pytest
import tokenizers

from textocl.text.windows import Cut, cut_text, windows_of


@pytest.mark.parametrize("size", [4, 5, 9, 16, 33])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 30, 31, 32, 100])
def test_every_piece_is_in_one_window(size: int, n: int) -> None:
    special = np.array([-1])
    cut = Cut(np.arange(n), special, special, np.zeros(1, np.int64), np.zeros((1, 2), np.int32))
    kept = []
    for window in windows_of(cut, size, target=10):
        assert len(window.ids) <= size
        assert window.ids[0] == window.ids[-1] == -1
        assert window.target == 10 + len(kept)
        kept += window.ids[window.first : window.first + window.n_kept].tolist()
    assert kept == list(range(n))


def test_blanks_that_a_tokenizer_counts_to_a_word_are_left_out() -> None:
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.Unigram([("<unk>", 0.0), ("▁ship", -1.0), ("▁port", -1.0)], unk_id=0)
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    cut = cut_text("ship  port ", tokenizer.encode("ship  port "))
    assert ["ship  port "[a:b] for a, b in cut.spans if b > a] == ["ship", "port"]
