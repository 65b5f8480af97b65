# Every target sets up what it needs: Python 3.10+, make and a package index are enough. `bench` also
# needs the corpora that benchmarks/protocol.py describes, and some hours (pytextad takes one).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: install demo test test-scale lint docs image bench clean

install: $(VENV)/.installed

demo: install
	$(BIN)/textocl demo

test: install
	$(BIN)/python -m pytest -n auto --dist loadfile

# the examples on engines too, which are large: Ray, Spark (needs Java), Node.js
test-scale: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,ray,spark]'
	cd examples/node && npm install --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m pytest tests/examples

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict

# needs Docker, no virtual environment; 250 MB at most
image:
	docker build -t textocl-score .
	echo "Ships wait in the harbour." | docker run --rm -i -v "$(CURDIR)/tests/saved/models:/data:ro" \
	    textocl-score score CVDD.onnx - --out -
	size=$$(docker run --rm --entrypoint du textocl-score -sx --apparent-size --block-size=1000000 / | cut -f1) && \
	    echo "$$size MB" && test "$$size" -le 250

bench: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	for script in choose_defaults choose_fusion choose_robustness choose_form choose_characters choose_left_out choose_landmarks choose_pieces auc detectors piles form labels updates outlier_exposure planted_words words \
	    clever_hans encoding_speed scoring_speed memory growth report export_agreement export_vocabulary \
	    export_speed export_batches fit_speed without_torch \
	    vision_one_vs_rest vision_tabular vision_features vision_scratch vision_tiles \
	    vision_speed; do \
	    $(BIN)/python benchmarks/$$script.py || exit 1; done
	$(BIN)/python benchmarks/planted_words.py --choose
	$(BIN)/python benchmarks/words.py --choose
	$(BIN)/python benchmarks/export_agreement.py --minilm
	$(BIN)/python benchmarks/export_speed.py --minilm
	$(BIN)/python benchmarks/vision_one_vs_rest.py --data fashion-mnist
	$(BIN)/python benchmarks/vision_one_vs_rest.py --thesis
	$(BIN)/python benchmarks/vision_one_vs_rest.py --choose --classes 2 5 8 --seeds 1
	$(BIN)/python benchmarks/vision_tiles.py --choose --seeds 5
	$(BIN)/python benchmarks/fit_speed.py --runs 20ng:comp:wordllama:1 --name fit_speed_comp

clean:
	rm -rf $(VENV) build dist site *.egg-info demo-model .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "textocl needs Python 3.10 or newer: make PYTHON=/path/to/python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
