// Does the same as throughput.c, in WebAssembly.
//
//   node throughput.mjs FILE MODULE
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Decoder, load } from "../js/exportitems.js";

const [file, path] = process.argv.slice(2);
const response = readFileSync(file);
const module = await load(readFileSync(path));

for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const decoder = new Decoder(module, { scratch: 4096 });
  let total = 0;
  const count = (events) => {
    for (const event of events) if (event.type === "data") total += event.data.length;
  };
  for (let at = 0; at < response.length; at += 16384) count(decoder.push(response.subarray(at, at + 16384)));
  count(decoder.finish());
  if (total === 0) process.exit(1);
  console.log((performance.now() - start) / 1000);
}
