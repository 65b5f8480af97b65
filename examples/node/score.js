// Score the lines of a file, or of standard input, with an exported model.
//
//   npm install --ignore-scripts     (the script would fetch CUDA, which is not needed)
//   node score.js MODEL.onnx [FILE] > scored.jsonl

import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import ort from "onnxruntime-node";

// a run pads its texts to the longest
const TEXTS_AT_ONCE = 32;
const CHARACTERS_AT_ONCE = 2 ** 18;

export function load(path) {
  return ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** Score an array of strings, few at once; an empty one too. */
export async function score(session, texts) {
  const outputs = await session.run({ text: new ort.Tensor("string", texts, [texts.length]) });
  return texts.map((_, i) => ({
    score: outputs.score.data[i],
    p_value: outputs.p_value.data[i],
    label: Number(outputs.label.data[i]), // int64 comes as BigInt, which JSON does not know
    n_known_words: Number(outputs.n_known_words.data[i]),
  }));
}

// not node:readline, which also cuts at U+2028
async function* lines(stream) {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    for (const line of parts) yield line.replace(/\r$/, "");
  }
  if (rest) yield rest;
}

async function* batches(texts) {
  let batch = [];
  let longest = 0;
  for await (const text of texts) {
    longest = Math.max(longest, text.length);
    const full = longest * (batch.length + 1) > CHARACTERS_AT_ONCE;
    if (batch.length === TEXTS_AT_ONCE || (batch.length && full)) {
      yield batch;
      [batch, longest] = [[], text.length];
    }
    batch.push(text);
  }
  if (batch.length) yield batch;
}

async function main(model, file) {
  const session = await load(model);
  const input = file ? createReadStream(file) : process.stdin;
  let line = 0;
  async function* scored() {
    for await (const batch of batches(lines(input))) {
      for (const result of await score(session, batch)) {
        yield JSON.stringify({ line: ++line, ...result }) + "\n";
      }
    }
  }
  await pipeline(scored, process.stdout, { end: false });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv.length < 3) {
    console.error("usage: node score.js MODEL.onnx [FILE]");
    process.exitCode = 2;
  } else {
    await main(...process.argv.slice(2)).catch((error) => {
      console.error(error.message);
      process.exitCode = 1;
    });
  }
}
