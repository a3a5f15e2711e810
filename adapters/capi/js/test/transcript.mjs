// Decodes files and tells of each what examples/read.c does, and the data, for tests/it/outcomes.rs.
//
//   node transcript.mjs MODULE CHUNK FILE...
import { readFileSync } from "node:fs";
import { Decoder, ResponseError, load } from "../exportitems.js";

const [path, chunk, ...files] = process.argv.slice(2);
const module = await load(readFileSync(path));
const size = Number(chunk);

for (const file of files) {
  const response = readFileSync(file);
  const decoder = new Decoder(module, { scratch: 2048 });
  let data = "";
  const tell = (events) => {
    for (const event of events) {
      if (event.type === "data") data += Buffer.from(event.data).toString("hex");
      if (event.type === "outcome") {
        const [status, code, verdict] = [event.error ?? "ok", event.responseCode ?? "-", event.integrity ?? "-"];
        console.log(`item ${event.index}: ${status} ${code} ${verdict}, ${event.bytes} bytes, offset ${event.offset}`);
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
  try {
    for (let at = 0; at < response.length; at += size) tell(decoder.push(response.subarray(at, at + size)));
    tell(decoder.finish());
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    console.log(`error: ${error.message}`);
  }
}
