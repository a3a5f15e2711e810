// The JavaScript wrapper. That it decodes what the Rust API does is shown by tests/it/outcomes.rs.
//
//   EXPORTITEMS_WASM=$(scripts/build-wasm) node --test adapters/capi/js/test/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Decoder, ResponseError, eventStream, itemStream, load } from "../exportitems.js";

const bytes = readFileSync(process.env.EXPORTITEMS_WASM);
const module = await load(bytes);

const WHOLE = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=";
const message = (data) =>
  `<M ResponseClass="Success"><MessageText>é</MessageText><ResponseCode>NoError</ResponseCode><ItemId Id="a&amp;b"/>${data}</M>`
    .replaceAll("M ", "ExportItemsResponseMessage ")
    .replaceAll("</M>", "</ExportItemsResponseMessage>");
const envelope = (messages) =>
  `<Envelope><Body><ExportItemsResponse><ResponseMessages>${messages}</ResponseMessages></ExportItemsResponse></Body></Envelope>`;
const two = new TextEncoder().encode(envelope(message(`<Data>${WHOLE}</Data>`).repeat(2)));

async function through(document, transform, chunk = 7) {
  const pieces = [];
  for (let at = 0; at < document.length; at += chunk) pieces.push(document.subarray(at, at + chunk));
  const all = [];
  for await (const value of ReadableStream.from(pieces).pipeThrough(transform)) all.push(value);
  return all;
}

test("the module imports nothing", () => {
  assert.deepEqual(WebAssembly.Module.imports(module), []);
});

test("a module is loaded from bytes, a response or a promise of one", async () => {
  const response = () => new Response(bytes, { headers: { "content-type": "application/wasm" } });
  for (const source of [bytes, response(), Promise.resolve(response()), module]) {
    assert.ok((await load(source)) instanceof WebAssembly.Module);
  }
});

test("items come with their data, and the end comes last", async () => {
  const [first, second, end, ...more] = await through(two, itemStream(module, { items: 2 }));
  assert.deepEqual([first.index, first.error, first.integrity, first.bytes], [0, null, "whole", 32]);
  assert.deepEqual([first.id, first.changeKey, first.messageText], ["a&b", null, "é"]);
  assert.deepEqual(Buffer.from(second.data).toString("base64"), WHOLE);
  assert.deepEqual([end.type, end.response, end.ok, end.error], ["end", "complete", 2, null]);
  assert.deepEqual(more, []);
});

test("a cut response tells all of its items before its error", async () => {
  for (const chunk of [1, 16384]) {
    const told = await through(two.subarray(0, two.length - 200), itemStream(module, { items: 3 }), chunk);
    assert.deepEqual(told.map((item) => item.error?.message ?? item.error), [
      null, "cut", "not-answered", `the response ended before the document did (at byte ${two.length - 200})`,
    ]);
    assert.equal(told[1].data, null);
  }
});

test("an unusable response ends the stream of events at once", async () => {
  const told = await through(new TextEncoder().encode(`{"error": ${" ".repeat(100)}}`), eventStream(module));
  assert.deepEqual(told.map(({ type, response }) => [type, response]), [["end", "not-soap"]]);
  assert.ok(told[0].error instanceof ResponseError);
  assert.equal(told[0].error.status, -103);
});

test("errors of a decoder stay", () => {
  const decoder = new Decoder(module);
  const push = () => [...decoder.push(new TextEncoder().encode("<html/>"))];
  assert.throws(() => { for (;;) push(); }, { name: "ResponseError", status: -103 });
  assert.throws(push, { name: "ResponseError", status: -103 });
  assert.throws(() => [...decoder.finish()], { name: "ResponseError", status: -103 });
});

test("options count, and wrong ones are refused", async () => {
  const cut = new TextEncoder().encode(envelope(message("<Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAI</Data>")));
  const errors = async (options) => (await through(cut, itemStream(module, options))).map((item) => item.error);
  assert.deepEqual(await errors({}), ["payload", null]);
  assert.deepEqual(await errors({ integrity: "report" }), [null, null]);
  assert.deepEqual(await errors({ maxItemBytes: 10 }), ["too-large", null]);
  assert.deepEqual(await errors({ maxTotalBytes: 2 ** 40, scratch: 64 }), ["payload", null]);
  assert.throws(() => new Decoder(module, { integrity: "maybe" }), TypeError);
  assert.throws(() => new Decoder(module, { scratch: 63 }), { name: "ResponseError", status: -4 });
});

test("a response far larger than the memory", async () => {
  const decoder = new Decoder(module, { integrity: "off" });
  const piece = new TextEncoder().encode("QUFB".repeat(100_000));
  let [total, ok] = [0, null];
  const tell = (events) => {
    for (const event of events) {
      if (event.type === "data") total += event.data.length;
      if (event.type === "end") ok = event.ok;
    }
  };
  const [head, tail] = envelope(message("<Data>|</Data>")).split("|").map((text) => new TextEncoder().encode(text));
  tell(decoder.push(head));
  for (let round = 0; round < 50; round++) tell(decoder.push(piece));
  tell(decoder.push(tail));
  tell(decoder.finish());
  assert.deepEqual([total, ok], [15_000_000, 1]);
});
