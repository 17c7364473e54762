// openai-node's runner: the same job, the same bytes, the same questions over stdin as worker.py.
//
//     node bench.mjs FOLDER      FOLDER/node_modules/openai is the library
//
// The official client is used as its users use it; only `fetch` is replaced by one that answers
// from memory, one chunk after the other. A question is a line of JSON, {"wire", "file", "loops"};
// the file holds the streams, the one beside it, in JSON, the lengths of each stream's chunks.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { OpenAI } = require("openai");
const { VERSION } = require("openai/version");

// Return the file's streams, each a list of chunks.
function streamsOf(file) {
  const bytes = readFileSync(file);
  let start = 0;
  return JSON.parse(readFileSync(file.replace(/\.sse$/, ".json"), "utf8")).map((lengths) =>
    lengths.map((length) => {
      start += length;
      return new Uint8Array(bytes.subarray(start - length, start));
    }),
  );
}

// How one stream of each wire is read.
const readers = {
  async assistants(client, tally) {
    const run = client.beta.threads.runs.stream("t", { assistant_id: "a" });
    run.on("textDelta", (delta, snapshot) => tally.grew(delta.value ?? ""));
    run.on("textDone", (content) => { tally.texts.push(content.value); });
    run.on("messageDone", tally.over).on("toolCallDone", tally.over).on("runStepDone", tally.over);
    // Of calls that wait for their output, not all are said to be done.
    const action = (await run.finalRun()).required_action;
    const calls = action?.submit_tool_outputs.tool_calls ?? [];
    tally.calls.push(...calls.map((call) => call.function.arguments));
  },

  async responses(client, tally) {
    const run = client.responses.stream({ model: "m", input: "Ahoy!" });
    run.on("response.output_text.delta", (event) => tally.grew(event.delta));
    run.on("response.output_text.done", (event) => { tally.texts.push(event.text); });
    run.on("response.reasoning_summary_text.delta", (event) => tally.grew(event.delta));
    run.on("response.reasoning_summary_text.done", (event) => tally.thoughts.push(event.text));
    run.on("response.function_call_arguments.done", (event) => tally.calls.push(event.arguments));
    run.on("response.output_item.done", tally.over).on("response.completed", tally.over);
    await run.done();
  },

  // It has no events for reasoning: that is taken from the chunks.
  async chat(client, tally) {
    const thoughts = [];
    const messages = [{ role: "user", content: "Ahoy!" }];
    const run = client.chat.completions.stream({ model: "m", messages });
    run.on("content.delta", ({ delta, snapshot }) => { if (delta) tally.grew(delta); });
    run.on("content.done", ({ content }) => { tally.texts.push(content); });
    run.on("tool_calls.function.arguments.done", (call) => { tally.calls.push(call.arguments); });
    run.on("chunk", (chunk) => {
      const thought = chunk.choices[0]?.delta.reasoning_content;
      if (thought) {
        thoughts.push(thought);
        tally.grew(thought);
      }
    });
    await run.done();
    tally.over();
    if (thoughts.length) tally.thoughts.push(thoughts.join(""));
  },
};

// Read the streams; say what came.
async function job(wire, streams) {
  const tally = {
    deltas: 0, characters: 0, texts: [], calls: [], thoughts: [], done: 0,
    grew(text) { tally.deltas += 1; tally.characters += text.length; },
    over() { tally.done += 1; },
  };
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
  for (let i = 0; i < streams.length; i += 1) await readers[wire](client, tally);
  return tally;
}

async function answer({ wire, file, loops }) {
  const one = streamsOf(file);
  const streams = Array.from({ length: loops }, () => one).flat();
  const wall = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const tally = await job(wire, streams);
  const { user, system } = process.cpuUsage(cpu);
  // Node compiles and collects in other threads, and has no clock for one thread's CPU. The
  // smaller of both clocks is never less than what the main thread took.
  const seconds = Math.min(Number(process.hrtime.bigint() - wall) / 1e9, (user + system) / 1e6);
  const said = [...tally.texts, ...tally.calls, ...tally.thoughts].join("\0");
  const digest = createHash("sha256").update(said).digest("hex").slice(0, 16);
  return { seconds, deltas: tally.deltas, done: tally.done, digest };
}

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

print({ ready: true, versions: { node: process.version.slice(1), "openai (npm)": VERSION } });
for await (const line of createInterface({ input: process.stdin })) {
  print(await answer(JSON.parse(line)));
}
