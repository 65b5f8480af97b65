"""Scores over HTTP, from an exported model.

TEXTOCL_MODEL=model.onnx uvicorn --app-dir examples/serve app:app
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from textocl.export import OnnxDetector

MOST_TEXTS = 1_000
MOST_CHARACTERS = 100_000  # of one text
MOST_BYTES = 10_000_000  # of a request


class Texts(BaseModel):
    texts: Annotated[
        list[Annotated[str, Field(max_length=MOST_CHARACTERS)]], Field(max_length=MOST_TEXTS)
    ]


class Score(BaseModel):
    score: float | None  # none of a text that is not judged, as no word of it is known
    p_value: float | None
    label: int
    status: str
    n_known_words: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    if "TEXTOCL_MODEL" not in os.environ:
        raise RuntimeError("set TEXTOCL_MODEL to the .onnx file that `textocl export` wrote.")
    # requests run beside each other, each on one core
    app.state.detector = OnnxDetector(os.environ["TEXTOCL_MODEL"], n_threads=1)
    yield


app = FastAPI(title="textocl", lifespan=lifespan)


@app.middleware("http")
async def bound_size(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse a body before it is read."""
    if request.method == "POST":
        size = request.headers.get("content-length", "")
        if not size.isdecimal():
            return JSONResponse({"detail": "expected a Content-Length"}, 411)
        if int(size) > MOST_BYTES:
            return JSONResponse({"detail": f"expected at most {MOST_BYTES:,} bytes"}, 413)
    return await call_next(request)


@app.exception_handler(RequestValidationError)
async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
    """Say what is wrong and where, without sending the texts back."""
    found = [{"where": list(e["loc"][1:]), "what": e["msg"]} for e in error.errors()[:10]]
    return JSONResponse({"detail": found}, 422)


@app.post("/score")
def score(request: Request, body: Texts) -> list[Score]:
    found = request.app.state.detector.assess(body.texts)
    rows = zip(*(found[name].tolist() for name in Score.model_fields), strict=True)
    scores = [Score(**dict(zip(Score.model_fields, row, strict=True))) for row in rows]
    unjudged = {"score": None, "p_value": None}
    return [one if one.label else one.model_copy(update=unjudged) for one in scores]


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/metadata")
def metadata(request: Request) -> dict[str, Any]:
    """What the model says of itself: threshold, false-alarm rate, contexts with their words."""
    return dict(request.app.state.detector.metadata)
