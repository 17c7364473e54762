// openai-node's runner: the same job, the same bytes, the same questions over stdin as worker.py.
//
//     node bench.mjs FOLDER      FOLDER/node_modules/openai is the library
//
// The official client is used as its users use it; only `fetch` is replaced by one that answers
// from memory, one event per chunk. A question is a line of JSON, {"file", "loops"}; the file
// holds the streams, each ends with `done`. The answer is a line too.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { OpenAI } = require("openai");
const { VERSION } = require("openai/version");

const files = new Map();

// Return the file's streams, each a list of chunks, each one whole event.
function streamsOf(file) {
  if (!files.has(file)) {
    const streams = [[]];
    const bytes = readFileSync(file);
    for (let start = 0, end; start < bytes.length; start = end) {
      end = bytes.indexOf("\n\n", start) + 2;
      const chunk = new Uint8Array(bytes.subarray(start, end));
      streams.at(-1).push(chunk);
      if (bytes.toString("latin1", start, start + 11) === "event: done") streams.push([]);
    }
    files.set(file, streams.slice(0, -1));
  }
  return files.get(file);
}

// Read the streams; say what came.
async function job(streams) {
  const tally = { deltas: 0, characters: 0, texts: [], done: 0 };
  const answers = streams[Symbol.iterator]();
  const client = new OpenAI({
    apiKey: "none",
    baseURL: "http://memory.invalid/v1",
    maxRetries: 0,
    fetch: async () => {
      const chunks = answers.next().value[Symbol.iterator]();
      const body = new ReadableStream({
        pull(controller) {
          const { value, done } = chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const over = () => { tally.done += 1; };
  for (let i = 0; i < streams.length; i += 1) {
    const run = client.beta.threads.runs.stream("t", { assistant_id: "a" });
    run.on("textDelta", (delta, snapshot) => {
      tally.deltas += 1;
      tally.characters += (delta.value ?? "").length;
    });
    run.on("textDone", (content) => { tally.texts.push(content.value); });
    run.on("messageDone", over).on("toolCallDone", over).on("runStepDone", over);
    await run.done();
  }
  return tally;
}

async function answer({ file, loops }) {
  const one = streamsOf(file);
  const streams = Array.from({ length: loops }, () => one).flat();
  const wall = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const tally = await job(streams);
  const { user, system } = process.cpuUsage(cpu);
  // Node compiles and collects in other threads, and has no clock for one thread's CPU. The
  // smaller of both clocks is never less than what the main thread took.
  const seconds = Math.min(Number(process.hrtime.bigint() - wall) / 1e9, (user + system) / 1e6);
  const digest = createHash("sha256").update(tally.texts.join("\0")).digest("hex").slice(0, 16);
  return { seconds, deltas: tally.deltas, done: tally.done, digest };
}

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

print({ ready: true, versions: { node: process.version.slice(1), "openai (npm)": VERSION } });
for await (const line of createInterface({ input: process.stdin })) {
  print(await answer(JSON.parse(line)));
}
