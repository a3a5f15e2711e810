// Decodes files and prints the same lines as examples/read.c, and the data, for tests/it/outcomes.rs.
//
//   node transcript.mjs MODULE CHUNK FILE...
import { readFileSync } from "node:fs";
import { Decoder, Endpoint, ResponseError, Retry, load } from "../exportitems.js";

const [path, chunk, ...files] = process.argv.slice(2);
const module = await load(readFileSync(path));
const size = Number(chunk);

const adviceText = ({ disposition, waitMs }) => `, ${disposition}${waitMs === null ? "" : `, again in ${waitMs} ms`}`;

for (const file of files) {
  const response = readFileSync(file);
  const endpoint = new Endpoint(module, { now: () => 0, random: () => 0 });
  const exchange = endpoint.exchange(Array.from({ length: 20 }, () => new Retry()));
  const decoder = new Decoder(module, { items: 0, scratch: 2048, exchange });
  let data = "";
  const print = (events) => {
    for (const event of events) {
      if (event.type === "data") data += Buffer.from(event.data).toString("hex");
      if (event.type === "outcome") {
        const [status, code, verdict] = [event.error ?? "ok", event.responseCode ?? "-", event.integrity ?? "-"];
        console.log(`item ${event.index}: ${status} ${code} ${verdict}, ${event.bytes} bytes, offset ${event.offset}${adviceText(event.advice)}`);
        if (event.error === null) console.log(`data ${event.index}: ${data}`);
        data = "";
      }
      if (event.type === "end") {
        const { response, items, ok, failed, suspect } = event;
        console.log(`response ${response}: ${items} items, ${ok} ok, ${failed} failed, ${suspect} suspect`);
      }
    }
  };
  console.log(`file ${file}`);
  let failure = null;
  try {
    for (let at = 0; at < response.length; at += size) print(decoder.push(response.subarray(at, at + size)));
    print(decoder.finish());
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    failure = error;
  }
  const waitMs = endpoint.end(exchange);
  const { items, connections, version } = endpoint.limits;
  if (waitMs === null) console.log("next request: never");
  else console.log(`next request: in ${waitMs} ms, ${items} items, ${connections} connections, ${version}`);
  if (failure) console.log(`error: ${failure.message}`);
}
