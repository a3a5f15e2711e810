// The retry policy in JavaScript. That its advice is the Rust API's is shown by tests/it/outcomes.rs.
//
//   EXPORTITEMS_WASM=$(adapters/capi/scripts/build-wasm) node --test adapters/capi/js/test/*.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Endpoint, Retry, load, readItems } from "../exportitems.js";

const module = await load(readFileSync(process.env.EXPORTITEMS_WASM));

const WHOLE = "<Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</Data>";
const message = (code, rest = "") =>
  `<ExportItemsResponseMessage ResponseClass="${code === "NoError" ? "Success" : "Error"}"><ResponseCode>${code}</ResponseCode>${rest}</ExportItemsResponseMessage>`;
const body = (content) => `<Envelope><Body>${content}</Body></Envelope>`;
const items = (...messages) => body(`<ExportItemsResponse><ResponseMessages>${messages.join("")}</ResponseMessages></ExportItemsResponse>`);
const backOff = (ms) => `<MessageXml><Value Name="BackOffMilliseconds">${ms}</Value></MessageXml>`;
const fault = (code, rest = "") => body(`<Fault><detail><ResponseCode>${code}</ResponseCode>${rest}</detail></Fault>`);

const response = (text, status = 200, headers = {}) => new Response(text, { status, headers });
const fixed = { now: () => 0, random: () => 0xffffffff };

/** One exchange: the advice on each item, and the wait until the next. */
async function serve(endpoint, retries, answer) {
  const exchange = endpoint.exchange(retries);
  const advices = [];
  if (answer === null) {
    exchange.cut();
  } else {
    exchange.http(answer);
    for await (const item of readItems(module, answer.body, { exchange })) {
      if (item.type === "item") advices.push(item.advice);
    }
  }
  return { advices, waitMs: endpoint.end(exchange) };
}

test("the client waits for a busy server, and requests items again until they are complete", async () => {
  const endpoint = new Endpoint(module, fixed);
  const answers = [
    response(fault("ErrorServerBusy", backOff(5000)), 500),
    response(items(message("NoError", WHOLE), message("ErrorServerBusy", backOff(7000)), message("ErrorItemNotFound"))),
    response(items(message("NoError", WHOLE))),
  ];
  let pending = ["a", "b", "c"].map((id) => ({ id, retry: new Retry() }));
  const done = [];
  const waits = [];
  while (pending.length > 0) {
    const { advices, waitMs } = await serve(endpoint, pending.map(({ retry }) => retry), answers.shift());
    for (const [at, { disposition, waitMs }] of advices.entries()) if (waitMs === null) done.push([pending[at].id, disposition]);
    pending = pending.filter((_, at) => advices[at].waitMs !== null);
    waits.push(waitMs);
  }
  assert.deepEqual(done, [["a", "done"], ["c", "permanent"], ["b", "done"]]);
  assert.deepEqual(waits, [5000, 7000, 0]);
});

test("limits follow what a server can take", async () => {
  const endpoint = new Endpoint(module, { ...fixed, items: 8, connections: 2, version: "Exchange2016" });
  const retries = Array.from({ length: 8 }, () => new Retry());
  assert.deepEqual(endpoint.limits, { items: 8, connections: 2, version: "Exchange2016" });
  assert.equal((await serve(endpoint, retries, null)).waitMs, 999);
  assert.equal(endpoint.limits.items, 4);
  await serve(endpoint, retries, response(fault("ErrorExceededConnectionCount"), 500));
  assert.equal(endpoint.limits.connections, 1);
  assert.equal((await serve(endpoint, retries, response(fault("ErrorInvalidServerVersion"), 500))).waitMs, 0);
  assert.equal(endpoint.limits.version, "Exchange2013_SP1");
});

test("the HTTP status counts if the body does not give a reason", async () => {
  const wait = async (answer) => (await serve(new Endpoint(module, fixed), [new Retry()], answer)).waitMs;
  assert.equal(await wait(response("busy", 503, { "Retry-After": "30" })), 30_000);
  assert.equal(await wait(response("", 503, { "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" })), 1999);
  assert.equal(await wait(response("", 401)), null);
  assert.equal(await wait(response("", 302, { Location: "/ews/genericerrorpage.htm" })), 999);
  assert.equal(await wait(response("", 302, { Location: `https://example.com/${"é".repeat(3000)}` })), null);
  assert.equal(await wait(response(fault("ErrorServerBusy", backOff(40_000)), 503, { "Retry-After": "30" })), 40_000);
});

test("a Retry-After is a number or one of the three forms of a date", async () => {
  const wait = async (value) =>
    (await serve(new Endpoint(module, fixed), [new Retry()], response("busy", 503, { "Retry-After": value }))).waitMs;
  const nothing = await wait("soon");
  const at = new Date(Math.ceil(Date.now() / 1000 + 1000) * 1000);
  const [, day, month, year, time] = /^..., (\d\d) (...) (\d{4}) (\S+) GMT$/.exec(at.toUTCString());
  const weekday = at.toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" });
  const forms = [
    at.toUTCString(),
    at.toUTCString().toUpperCase(),
    `${weekday}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
    `${weekday.slice(0, 3)} ${month} ${day} ${time} ${year}`,
    `${weekday.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`,
  ];
  for (const form of forms) {
    const ms = await wait(form);
    assert.ok(ms > 990_000 && ms <= 1_001_000, `${form}: ${ms}`);
  }
  // Far ahead, with more digits than a number of 64 bits has, and long ago.
  const most = await wait("4294967295");
  for (const far of ["99999999999999999999999", "18446744073709551616", "Fri, 31 Dec 9999 23:59:59 GMT"]) {
    assert.equal(await wait(far), most, far);
  }
  const past = await wait("0");
  for (const form of ["Fri, 31 Dec 1999 23:59:59 GMT", "Friday, 31-Dec-99 23:59:59 GMT", "Fri Dec 31 23:59:59 1999", "Sun Nov  6 08:49:37 1994"]) {
    assert.equal(await wait(form), past, form);
  }
  for (const bad of [
    "", "-1", "1.5", "0x10", "1e3", "Fri, 31 Feb 2199 23:59:59 GMT", "Fri, 31 Foo 2199 23:59:59 GMT", "Fri, 31 Dec 2199 24:59:59 GMT",
    "31 Dec 2199", "Fri, 31 Dec 2199 23:59:59 PST", "2199-12-31T23:59:59Z", "Fri Dec 31 23:59:59 GMT 2199",
  ]) {
    assert.equal(await wait(bad), nothing, bad);
  }
});

test("attempts are counted by item and come to an end", async () => {
  const endpoint = new Endpoint(module, { ...fixed, policy: { transient: { firstMs: 10, attempts: 2 } } });
  const retry = new Retry();
  const waits = [];
  for (let round = 0; round < 3; round++) {
    const { advices } = await serve(endpoint, [retry], response(items(message("ErrorTimeoutExpired"), message("NoError", WHOLE))));
    waits.push(advices[0].waitMs);
    assert.deepEqual([advices[0].relief, advices[1].disposition, advices[1].waitMs], ["fewer-items", "permanent", null]);
  }
  assert.deepEqual(waits, [9, 19, null]);
  assert.deepEqual([...retry.spent], [0, 2, 0, 0]);
});

test("nothing is granted long after the first failure", async () => {
  let time = 0;
  const endpoint = new Endpoint(module, { ...fixed, now: () => time, policy: { giveUpAfterMs: 60_000 } });
  const retry = new Retry();
  const advice = async () => (await serve(endpoint, [retry], response(items(message("ErrorADUnavailable"))))).advices[0];
  assert.equal((await advice()).waitMs, 999);
  time = 59_999;
  assert.equal((await advice()).waitMs, 1999);
  time = 60_000;
  assert.equal((await advice()).waitMs, null);
  assert.equal(retry.failed, 0);
});

test("an exchange that is over is no exchange any more", () => {
  const endpoint = new Endpoint(module);
  const exchange = endpoint.exchange([new Retry()]);
  exchange.cut();
  assert.ok(endpoint.end(exchange) >= 500);
  assert.throws(() => exchange.cut(), { name: "ResponseError", status: -5 });
  assert.throws(() => endpoint.end(exchange), { name: "ResponseError", status: -5 });
  assert.throws(() => new Endpoint(module, { version: "Exchange1999" }), { name: "ResponseError", status: -306 });
});
