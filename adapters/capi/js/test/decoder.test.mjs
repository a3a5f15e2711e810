// The JavaScript wrapper. That it decodes what the Rust API does is shown by tests/it/outcomes.rs.
//
//   EXPORTITEMS_WASM=$(adapters/capi/scripts/build-wasm) node --test adapters/capi/js/test/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Decoder, Endpoint, ResponseError, Retry, confirms, eventStream, itemStream, load, readEvents, readItems } from "../exportitems.js";

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

test("a cut response reports all of its items before its error", async () => {
  for (const chunk of [1, 16384]) {
    const received = await through(two.subarray(0, two.length - 200), itemStream(module, { items: 3 }), chunk);
    assert.deepEqual(received.map((item) => item.error?.message ?? item.error), [
      null, "cut", "not-answered", `the response ended before the document did (at byte ${two.length - 200})`,
    ]);
    assert.equal(received[1].data, null);
  }
});

test("an unusable response ends the stream of events at once", async () => {
  const received = await through(new TextEncoder().encode(`{"error": ${" ".repeat(100)}}`), eventStream(module));
  assert.deepEqual(received.map(({ type, response }) => [type, response]), [["end", "not-soap"]]);
  assert.ok(received[0].error instanceof ResponseError);
  assert.equal(received[0].error.status, -103);
});

test("a decoder repeats its error", () => {
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
});

test("numbers out of range are refused, and none is wrapped", () => {
  const cases = [
    ["items", [-1, 0.5, NaN, Infinity, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 2, -1n, 2n ** 32n]],
    ["maxItemBytes", [-1, 1.5, NaN, Infinity, 2 ** 64, 2n ** 64n, -1n]],
    ["maxTotalBytes", [-1, 1.5, NaN, Infinity, 2 ** 64, 2n ** 64n]],
    ["scratch", [-1, 0, 63, 64.5, NaN, Infinity, 2 ** 32, 2 ** 32 + 64]],
  ];
  for (const [name, values] of cases) {
    for (const value of values) {
      assert.throws(() => new Decoder(module, { [name]: value }), { name: "RangeError" }, `${name}: ${value}`);
    }
    for (const value of ["5", null, {}, true]) {
      assert.throws(() => new Decoder(module, { [name]: value }), { name: "TypeError" }, `${name}: ${value}`);
    }
  }
  const good = { items: 2 ** 32 - 2, maxItemBytes: 2n ** 64n - 1n, maxTotalBytes: 2 ** 53, scratch: 64 };
  assert.equal([...new Decoder(module, good).push(two)].filter(({ type }) => type === "outcome").length, 1);

  const endpoint = (options) => () => new Endpoint(module, options);
  for (const bad of [-1, 0.5, NaN, 2 ** 32, 2n ** 32n]) {
    assert.throws(endpoint({ items: bad }), { name: "RangeError" });
    assert.throws(endpoint({ connections: bad }), { name: "RangeError" });
    assert.throws(endpoint({ policy: { throttled: { firstMs: bad } } }), { name: "RangeError" });
    assert.throws(endpoint({ policy: { transient: { maxMs: bad } } }), { name: "RangeError" });
    assert.throws(endpoint({ policy: { truncated: { attempts: bad } } }), { name: "RangeError" });
    const exchange = endpoint({ random: () => bad })().exchange([]);
    exchange.cut();
    assert.throws(() => endpoint({ random: () => bad })().end(exchange), { name: "RangeError" });
  }
  assert.throws(endpoint({ policy: { truncated: { attempts: 256 } } }), { name: "RangeError" });
  assert.throws(endpoint({ policy: { giveUpAfterMs: -1 } }), { name: "RangeError" });
  assert.throws(endpoint({ policy: { giveUpAfterMs: 2n ** 64n } }), { name: "RangeError" });
  for (const status of [-1, 1000, 2 ** 32 + 200, 200.5, NaN]) {
    assert.throws(() => endpoint()().exchange([]).http({ status }), { name: "RangeError" });
  }
  assert.throws(() => endpoint()().exchange([]).http({ status: "200" }), TypeError);
});

test("chunks are of any BufferSource, and anything else is refused", () => {
  const at = 3;
  const room = new ArrayBuffer(two.length + 2 * at);
  new Uint8Array(room).set(two, at);
  const exact = two.slice().buffer;
  const even = new Uint8Array(Math.ceil(two.length / 8) * 8).fill(32);
  even.set(two);
  const shared = new SharedArrayBuffer(two.length);
  new Uint8Array(shared).set(two);
  for (const chunk of [
    two, exact, Buffer.from(two), new DataView(room, at, two.length), new Uint8Array(room, at, two.length),
    new Uint16Array(even.buffer), new Float64Array(even.buffer), new Int8Array(exact), new Uint8ClampedArray(exact), shared,
  ]) {
    const decoder = new Decoder(module, { items: 2 });
    const events = [...decoder.push(chunk), ...decoder.finish()];
    assert.deepEqual([events.at(-1).response, events.at(-1).ok], ["complete", 2], Object.prototype.toString.call(chunk));
  }
  for (const chunk of ["text", 1, null, undefined, [60, 61], { length: 1, 0: 60 }, new Blob([two])]) {
    assert.throws(() => new Decoder(module).push(chunk), TypeError);
  }
});

test("a call whose events were not all taken ends the decoder", () => {
  for (const leave of [() => {}, (events) => events.next(), (events) => { for (const _ of events) break; }]) {
    const decoder = new Decoder(module);
    leave(decoder.push(two));
    assert.throws(() => decoder.push(two), /not all events/);
    assert.throws(() => decoder.finish(), /not all events/);
  }
});

/** A body that fails after a number of bytes, and whether it was cancelled. */
function body(document, chunk = 7, breaks = null) {
  const state = { at: 0, cancelled: false };
  state.stream = new ReadableStream({
    pull(controller) {
      if (state.at < document.length) {
        controller.enqueue(document.slice(state.at, (state.at += chunk)));
      } else if (breaks) {
        controller.error(breaks);
      } else {
        controller.close();
      }
    },
    cancel: () => void (state.cancelled = true),
  }, { highWaterMark: 0 }); // a stream that fails drops the chunks in its buffer
  return state;
}

async function all(iterator) {
  const found = [];
  for await (const value of iterator) found.push(value);
  return found;
}

test("a connection that breaks costs no item that was received", async () => {
  const broken = new TypeError("terminated");
  const starts = ["<ItemId", "</ExportItemsResponseMessage>", "</Envelope>"].map((text) => Buffer.from(two).lastIndexOf(text));
  for (const length of [...Array(20).keys(), ...starts, ...starts.map((at) => at + 5), two.length - 1]) {
    for (const chunk of [1, 50, 16384]) {
      const endpoint = new Endpoint(module, { now: () => 0, random: () => 0 });
      const exchange = endpoint.exchange([new Retry(), new Retry()]);
      exchange.http({ status: 200 });
      const found = await all(readItems(module, body(two.subarray(0, length), chunk, broken).stream, { exchange }));
      // The same as from a decoder with the same bytes.
      const decoder = new Decoder(module, { items: 2 });
      const events = [...decoder.push(two.subarray(0, length))];
      assert.throws(() => { for (const event of decoder.finish()) events.push(event); }, ResponseError);
      const outcomes = events.filter(({ type }) => type === "outcome");
      assert.deepEqual(found.slice(0, -1).map(({ error }) => error), outcomes.map(({ error }) => error));
      const ok = outcomes.filter(({ error }) => error === null).length;
      assert.equal(found.filter(({ data }) => data?.length === 32).length, ok);
      const end = found.at(-1);
      assert.deepEqual([end.type, end.response, end.ok, end.cause, end.error.cause], ["end", "cut", ok, broken, broken]);
      // The exchange has learnt of it: wait, then ask for less.
      assert.ok(endpoint.end(exchange) > 0);
      assert.equal(endpoint.limits.items, 1);
      assert.deepEqual(found.slice(0, -1).map(({ advice }) => advice.disposition === "done"), outcomes.map(({ error }) => error === null));
    }
  }
});

test("a complete document counts, even if the connection breaks after it", async () => {
  const broken = new Error("reset");
  const found = await all(readItems(module, body(two, 7, broken).stream, { items: 2 }));
  const end = found.at(-1);
  assert.deepEqual([end.response, end.ok, end.error, end.cause], ["complete", 2, null, broken]);
});

test("bodies are streams, iterables or none", async () => {
  const one = async (source) => (await all(readEvents(module, source))).at(-1);
  async function* chunks() {
    yield two.subarray(0, 100);
    yield two.subarray(100).slice().buffer;
  }
  for (const source of [body(two).stream, chunks(), [two], new Response(two).body]) {
    assert.deepEqual(({ ...await one(source) }).response, "complete");
  }
  for (const source of [null, undefined, [], body(new Uint8Array()).stream]) {
    const end = await one(source);
    assert.deepEqual([end.response, end.error.status, end.cause], ["cut", -100, null]);
  }
  await assert.rejects(all(readEvents(module, ["text"])), TypeError);
  for (const source of [5, {}, true]) await assert.rejects(all(readEvents(module, source)), TypeError);
  const locked = body(two).stream;
  locked.getReader();
  await assert.rejects(all(readEvents(module, locked)), TypeError);
});

test("a body that is not wanted any more is cancelled", async () => {
  const left = body(two, 1);
  for await (const _ of readItems(module, left.stream)) break;
  await new Promise(setImmediate);
  assert.ok(left.cancelled && left.at < two.length);
  assert.equal(left.stream.locked, false);

  const page = body(new TextEncoder().encode("<html/>".repeat(1000)), 7);
  const found = await all(readItems(module, page.stream));
  assert.deepEqual(found.map(({ type, response }) => [type, response]), [["end", "not-soap"]]);
  await new Promise(setImmediate);
  assert.ok(page.cancelled);
});

test("a response far larger than the memory", async () => {
  const decoder = new Decoder(module, { integrity: "off" });
  const piece = new TextEncoder().encode("QUFB".repeat(100_000));
  let [total, ok] = [0, null];
  const take = (events) => {
    for (const event of events) {
      if (event.type === "data") total += event.data.length;
      if (event.type === "end") ok = event.ok;
    }
  };
  const [head, tail] = envelope(message("<Data>|</Data>")).split("|").map((text) => new TextEncoder().encode(text));
  take(decoder.push(head));
  for (let round = 0; round < 50; round++) take(decoder.push(piece));
  take(decoder.push(tail));
  take(decoder.finish());
  assert.deepEqual([total, ok], [15_000_000, 1]);
});

test("ids are compared by the caller, and another item's id fails its item", async () => {
  const asked = [];
  const compareId = (index, ids) => {
    asked.push([index, ids.id, ids.changeKey]);
    return ["other", "same"][index];
  };
  const [first, second, end] = await all(readItems(module, [two], { items: 2, compareId }));
  assert.deepEqual(asked, [[0, "a&b", null], [1, "a&b", null]]);
  assert.deepEqual([first.error, first.idMatch, first.data], ["contradiction", "other", null]);
  assert.deepEqual([second.error, second.idMatch, second.data.length], [null, "same", 32]);
  assert.deepEqual([end.messages, end.expected, end.trailing, end.suspect], [2, 2, 0, 0]);
  await assert.rejects(all(readItems(module, [two], { compareId: () => true })), TypeError);
  assert.throws(() => new Decoder(module, { compareId: "same" }), TypeError);
});

test("one message too many or too few leaves only what its id confirms", async () => {
  const document = new TextEncoder().encode(envelope(message(`<Data>${WHOLE}</Data>`).repeat(2)));
  for (const [items, same, expected] of [[2, [], [true, true]], [1, [], [false]], [3, [], [false, false]], [3, [1], [false, true]]]) {
    const compareId = (index) => (same.includes(index) ? "same" : "unknown");
    const found = await all(readItems(module, [document], { items, compareId }));
    const end = found.pop();
    const committed = found.filter(({ error }) => error === null);
    assert.deepEqual(committed.map((item) => confirms(end, item)), expected);
    assert.equal(end.suspect, expected.filter((is) => !is).length);
    assert.deepEqual([end.messages, end.expected], [2, items]);
  }
  const trailing = new TextEncoder().encode("<html>busy</html>");
  const end = (await all(readItems(module, [document, trailing], { items: 2 }))).pop();
  assert.deepEqual([end.response, end.trailing, end.suspect], ["complete", trailing.length, 0]);
});

test("confirms is the rule of the module", () => {
  const { exports } = new WebAssembly.Instance(module);
  const view = new DataView(exports.memory.buffer);
  const at = exports.__heap_base.value + 64;
  const [summary, outcome] = [at, at + 128];
  const responses = [1, 2, 3, 4, 5, 6];
  const name = (of, code) => {
    of(at + 512, code);
    const [start, length] = [view.getUint32(at + 512, true), view.getUint32(at + 516, true)];
    return start === 0 ? null : new TextDecoder().decode(new Uint8Array(exports.memory.buffer, start, length));
  };
  let [cases, confirmed] = [0, 0];
  for (const response of responses) for (const messages of [0, 1, 2]) for (const expected of [-1, 0, 1, 2])
    for (const trailing of [0, 5]) for (const index of [0, 1]) for (const error of [0, 1])
      for (const integrity of [0, 1, 2, 3, 4]) for (const id of [0, 1, 2]) {
        view.setUint32(summary + 16, messages, true);
        view.setUint32(summary + 20, response, true);
        view.setBigInt64(summary + 40, BigInt(expected), true);
        view.setBigUint64(summary + 48, BigInt(trailing), true);
        [index, error, 0, integrity, 0, id].forEach((value, field) => view.setUint32(outcome + 4 * field, value, true));
        const found = confirms(
          { response: name(exports.exportitems_response_name, response), messages, expected: expected < 0 ? null : expected, trailing },
          {
            index,
            error: name(exports.exportitems_item_error_name, error),
            integrity: name(exports.exportitems_verdict_name, integrity),
            idMatch: ["unknown", "same", "other"][id],
          },
        );
        assert.equal(found, exports.exportitems_summary_confirms(summary, outcome) !== 0);
        cases += 1;
        confirmed += found;
      }
  assert.ok(confirmed > 100 && confirmed < cases / 2, `${confirmed} of ${cases}`);
});
