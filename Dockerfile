# Scores with an exported file, without torch:
#
#     docker build -t textocl-score .
#     docker run --rm -u "$(id -u)" -v "$PWD:/data" textocl-score score model.onnx new.csv --out scored.csv

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE requirements-score.txt ./
COPY textocl textocl
COPY export export
COPY vision vision
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir -r requirements-score.txt \
    && python -m pip --python /venv/bin/python install --no-cache-dir --no-deps .
# what scoring never opens: ONNX Runtime for programs in C, its tools, tests, colours of programming languages
RUN cd /venv/lib/python3*/site-packages \
    && rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools numpy/f2py \
    && rm -f onnxruntime/capi/libonnxruntime.so* \
    && find . -name tests -type d -prune -exec rm -r {} + \
    && find pygments/lexers -type f -name '[a-z]*' -delete \
    && find . '(' -name '*.pyi' -o -name '*.a' ')' -delete \
    && /venv/bin/python -c "import onnxruntime, textocl.export.runtime" \
    && /venv/bin/textocl score --help > /dev/null

FROM python:3.12-slim
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /data
ENTRYPOINT ["textocl"]
