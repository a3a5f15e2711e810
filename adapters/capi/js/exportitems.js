/**
 * Decodes the response to an EWS ExportItems request as it arrives.
 *
 * A thin wrapper of the C interface (`include/exportitems.h`), compiled for wasm32-unknown-unknown. The offsets
 * below are those of its structures there, where a pointer and a size have 4 bytes.
 */

/** `exportitems_integrity` */
const INTEGRITY = { accept: 0, require: 1, report: 2, off: 3 };
/** `exportitems_id_match` */
const ID_MATCHES = ["unknown", "same", "other"];
const CLASSES = [null, "Success", "Warning", "Error"];
const STATUS_EVENT = 1;

const OPTIONS_SIZE = 24;
const EVENT_SIZE = 88;
const ERROR_SIZE = 136;
const ERROR_TEXT = 24;
/** Offset of the body of an event. */
const BODY = 8;
const RETRY_SIZE = 4;
const ADVICE_SIZE = 16;
const LIMITS_SIZE = 16;
const SCHEDULE_SIZE = 12;
const POLICY_SIZE = 48;
const RELIEFS = [null, "fewer-items", "fewer-connections", "older-version"];
/** The longest text that is passed to the module. */
const TEXT_LEN = 2048;
/** Bytes that are copied into the module at a time. */
const INPUT_LEN = 65536;
/** The smallest scratch of a decoder, and the largest that fits into a module's memory. */
const SCRATCH = { min: 64, max: 2 ** 30 };
const U8 = 2n ** 8n - 1n;
const U32 = 2n ** 32n - 1n;
const U64 = 2n ** 64n - 1n;

const utf8 = new TextDecoder();

/** The response is unusable from here on, or the decoder was misused. */
export class ResponseError extends Error {
  constructor(status, offset, message) {
    super(message);
    this.name = "ResponseError";
    this.status = status;
    this.offset = offset;
  }
}

/** Checks a number for the module: it must be whole and fit into its type, since WebAssembly would wrap it. */
function whole(name, value, max, min = 0n) {
  if (typeof value !== "number" && typeof value !== "bigint") throw new TypeError(`${name} is not a number`);
  const number = typeof value === "bigint" || Number.isInteger(value) ? BigInt(value) : null;
  if (number === null || number < min || number > max) {
    throw new RangeError(`${name} is ${value}; it must be a whole number from ${min} to ${max}`);
  }
  return number;
}

/** The bytes of a chunk, which is a BufferSource of any realm. */
function bytesOf(chunk) {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (["[object ArrayBuffer]", "[object SharedArrayBuffer]"].includes(Object.prototype.toString.call(chunk))) {
    return new Uint8Array(chunk);
  }
  throw new TypeError("a chunk is neither an ArrayBuffer nor a view of one; encode a text with TextEncoder");
}

/** Compiles the module from its bytes or from a `fetch` of it. One module serves any number of decoders. */
export async function load(source) {
  source = await source;
  if (source instanceof WebAssembly.Module) return source;
  return WebAssembly.compile(typeof source.arrayBuffer === "function" ? await source.arrayBuffer() : source);
}

/** An instance of the module, with a memory whose layout is fixed before it is used. */
class Instance {
  constructor(module) {
    this.exports = new WebAssembly.Instance(module).exports;
    this.end = this.exports.__heap_base.value;
    this.result = this.place(64);
    this.error = this.place(ERROR_SIZE);
  }

  /** Reserves `size` bytes and returns their address. */
  place(size) {
    const at = (this.end + 15) & ~15;
    this.end = at + size;
    return at;
  }

  /** Ends the layout. The memory never grows afterwards, so the views stay valid. */
  laidOut() {
    const { memory } = this.exports;
    const missing = this.end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
  }

  check(status) {
    if (status >= 0) return status;
    const text = this.bytes.subarray(this.error + ERROR_TEXT, this.error + ERROR_SIZE);
    throw new ResponseError(status, this.number(this.error + 16), utf8.decode(text.subarray(0, text.indexOf(0))));
  }

  number(at) {
    return Number(this.view.getBigInt64(at, true));
  }

  optional(at) {
    const number = this.number(at);
    return number < 0 ? null : number;
  }

  data(at) {
    const start = this.view.getUint32(at, true);
    return this.bytes.slice(start, start + this.view.getUint32(at + 4, true));
  }

  text(at) {
    return this.view.getUint32(at, true) === 0 ? null : utf8.decode(this.data(at));
  }

  name(of, code) {
    of(this.result, code); // a structure is returned through a pointer
    return this.text(this.result);
  }
}

/** Decodes one response. Every decoder has its own memory, whose size does not depend on the response. */
export class Decoder {
  #memory;
  #decoder;
  #exchange;
  #at = {};
  #compareId;
  /** Index of the current message. */
  #index = 0;
  /** Whether some events of the last call were not taken. */
  #untaken = false;

  constructor(module, options = {}) {
    const { exchange = null, items = exchange?.retries.length ?? 0, integrity = "accept" } = options;
    const { maxItemBytes = 0, maxTotalBytes = 0, scratch = 16384, compareId = null } = options;
    if (compareId !== null && typeof compareId !== "function") throw new TypeError("compareId is not a function");
    // In the module, the largest number of 32 bits means that the number of items is not known.
    const numbers = {
      items: Number(whole("items", items, U32 - 1n)),
      maxItemBytes: whole("maxItemBytes", maxItemBytes, U64),
      maxTotalBytes: whole("maxTotalBytes", maxTotalBytes, U64),
      scratch: Number(whole("scratch", scratch, BigInt(SCRATCH.max), BigInt(SCRATCH.min))),
    };
    if (!Object.hasOwn(INTEGRITY, integrity)) throw new TypeError(`integrity is not one of ${Object.keys(INTEGRITY)}`);
    const memory = new Instance(module);
    const { exportitems_decoder_size, exportitems_decoder_init } = memory.exports;
    this.#memory = memory;
    this.#exchange = exchange;
    this.#compareId = compareId;
    this.#at.input = memory.place(8); // pointer and length
    this.#at.event = memory.place(EVENT_SIZE);
    this.#at.buffer = memory.place(INPUT_LEN);
    this.#at.advice = memory.place(ADVICE_SIZE);
    this.#at.retry = memory.place(RETRY_SIZE);
    this.#at.exchange = memory.place(memory.exports.exportitems_exchange_size());
    const optionsAt = memory.place(OPTIONS_SIZE);
    const decoder = memory.place(exportitems_decoder_size());
    const scratchAt = memory.place(numbers.scratch);
    memory.laidOut();

    memory.view.setUint32(optionsAt, numbers.items, true);
    memory.view.setUint32(optionsAt + 4, INTEGRITY[integrity], true);
    memory.view.setBigUint64(optionsAt + 8, numbers.maxItemBytes, true);
    memory.view.setBigUint64(optionsAt + 16, numbers.maxTotalBytes, true);
    const { result, error } = memory;
    const size = exportitems_decoder_size();
    memory.check(exportitems_decoder_init(decoder, size, scratchAt, numbers.scratch, optionsAt, result, error));
    this.#decoder = memory.view.getUint32(result, true);
  }

  /** The events of the next bytes of the response. Take all of them before the next call. */
  push(chunk) {
    const bytes = bytesOf(chunk);
    this.#begin();
    return this.#push(bytes);
  }

  /** The events after the end of the response. */
  finish() {
    this.#begin();
    return this.#finish();
  }

  /** Refuses a call if events of the last one were not taken: their bytes are lost. */
  #begin() {
    if (this.#untaken) throw new Error("not all events of the last call were taken; use a new decoder, and take all events");
    this.#untaken = true;
  }

  *#push(chunk) {
    const { input, event, buffer } = this.#at;
    const { exports, bytes, view, error } = this.#memory;
    for (let start = 0; start < chunk.length; start += INPUT_LEN) {
      const piece = chunk.subarray(start, start + INPUT_LEN);
      bytes.set(piece, buffer);
      view.setUint32(input, buffer, true);
      view.setUint32(input + 4, piece.length, true);
      while (this.#has(exports.exportitems_decoder_next(this.#decoder, input, event, error))) yield this.#event();
    }
    this.#untaken = false;
  }

  *#finish() {
    const { event } = this.#at;
    const { exports, error } = this.#memory;
    while (this.#has(exports.exportitems_decoder_finish(this.#decoder, event, error))) yield this.#event();
    this.#untaken = false;
  }

  /** Whether there is an event. */
  #has(status) {
    // After an error, every call returns the same error.
    if (status < 0) this.#untaken = false;
    return this.#memory.check(status) === STATUS_EVENT;
  }

  #event() {
    const memory = this.#memory;
    const { view } = memory;
    const body = this.#at.event + BODY;
    const int = (at) => view.getUint32(body + at, true);
    const text = (at) => memory.text(body + at);
    switch (view.getUint32(this.#at.event, true)) {
      case 1:
        return {
          type: "serverVersion",
          major: memory.optional(body),
          minor: memory.optional(body + 8),
          majorBuild: memory.optional(body + 16),
          minorBuild: memory.optional(body + 24),
          version: text(32),
        };
      case 2:
        this.#index = int(0);
        return { type: "messageStart", index: this.#index, responseClass: CLASSES[int(4)] };
      case 3:
        return { type: "messageText", text: text(0) };
      case 4:
        return { type: "responseCode", text: text(0) };
      case 5:
        return { type: "descriptiveLinkKey", key: view.getInt32(body, true) };
      case 6:
        return { type: "messageXml", name: text(0), text: text(8), last: view.getUint8(body + 16) !== 0 };
      case 7:
        return this.#compared({ type: "itemIds", id: text(0), changeKey: text(16) });
      case 8:
        return { type: "data", data: memory.data(body) };
      case 9:
        return this.#outcome(body);
      case 10:
        return { type: "faultCode", text: text(0) };
      case 11:
        return { type: "faultString", text: text(0) };
      case 12:
        this.#advise(null);
        return { type: "fault", responseCode: text(0), innerResponseCode: text(8), backOffMs: memory.optional(body + 16) };
      case 13:
        this.#advise(null);
        return {
          type: "end",
          items: int(0),
          ok: int(4),
          failed: int(8),
          suspect: int(12),
          messages: int(16),
          expected: memory.optional(body + 40),
          trailing: memory.number(body + 48),
          response: memory.name(memory.exports.exportitems_response_name, int(20)),
        };
      default:
        return { type: "other" };
    }
  }

  /** Compares the ids of the message with those that were requested, and passes the result to the decoder. */
  #compared(event) {
    if (this.#compareId === null) return event;
    const { id, changeKey } = event;
    const answer = this.#compareId(this.#index, { id, changeKey });
    const code = ID_MATCHES.indexOf(answer);
    if (code < 0) throw new TypeError(`compareId returned ${answer}; it must return one of ${ID_MATCHES}`);
    this.#memory.check(this.#memory.exports.exportitems_decoder_compare_id(this.#decoder, code));
    return event;
  }

  #outcome(body) {
    const memory = this.#memory;
    const int = (at) => memory.view.getUint32(body + at, true);
    const index = int(0);
    const integrity = memory.name(memory.exports.exportitems_verdict_name, int(12));
    return {
      type: "outcome",
      index,
      error: memory.name(memory.exports.exportitems_item_error_name, int(4)),
      responseClass: CLASSES[int(8)],
      integrity,
      brokenOffset: integrity === "broken" ? memory.number(body + 32) : null,
      idMatch: ID_MATCHES[int(20)],
      textReplaced: memory.view.getUint8(body + 24) !== 0,
      responseCode: memory.text(body + 40),
      innerResponseCode: memory.text(body + 48),
      backOffMs: memory.optional(body + 56),
      bytes: memory.number(body + 64),
      offset: memory.number(body + 72),
      advice: this.#advise(this.#exchange?.retries[index] ?? null),
    };
  }

  /** Reports this event to the exchange. Returns the advice if it is an outcome. */
  #advise(retry) {
    if (this.#exchange === null) return null;
    const memory = this.#memory;
    const { advice, retry: retryAt, exchange } = this.#at;
    const { now, random } = this.#exchange;
    memory.bytes.set(this.#exchange.state, exchange);
    if (retry !== null) memory.bytes.set(retry.spent, retryAt);
    const status = memory.check(memory.exports.exportitems_exchange_event(
      exchange, this.#decoder, retry === null ? 0 : retryAt, retry === null ? 0n : since(retry, now()), random32(random), advice, memory.error,
    ));
    this.#exchange.state.set(memory.bytes.subarray(exchange, exchange + this.#exchange.state.length));
    if (status !== STATUS_EVENT) return null;
    const disposition = memory.name(memory.exports.exportitems_disposition_name, memory.view.getUint32(advice, true));
    if (disposition === "done") this.#exchange.brought = true;
    if (retry !== null) {
      retry.spent = memory.bytes.slice(retryAt, retryAt + RETRY_SIZE);
      if (disposition !== "done") retry.failed ??= now();
    }
    return {
      disposition,
      relief: RELIEFS[memory.view.getUint32(advice + 4, true)] ?? null,
      waitMs: memory.optional(advice + 8),
    };
  }
}

/**
 * Whether the `end` of a response confirms a committed item, given its outcome. The same rule as
 * `exportitems_summary_confirms`.
 */
export function confirms(end, outcome) {
  const isWhole = outcome.integrity === "whole";
  if (outcome.error !== null || end.response !== "complete") return outcome.error === null && isWhole;
  const isCounted = end.expected === null || end.expected === end.messages;
  const isLast = outcome.index + 1 === end.messages;
  return (isCounted || outcome.idMatch === "same") && (isWhole || !isLast || end.trailing === 0);
}

/** Milliseconds since an item's first failure. */
function since(retry, now) {
  return elapsed(retry.failed ?? now, now);
}

function elapsed(start, now) {
  return whole("the elapsed time", Math.max(0, Math.round(now - start)), U64);
}

function random32(random) {
  return Number(whole("a random number", random(), U32));
}

/** The attempts that an item has taken so far. Keep one for each item until it is done. */
export class Retry {
  spent = new Uint8Array(RETRY_SIZE);
  failed = null;
}

/** The knowledge about a server, shared by all connections to it: limits for requests, and when to send them. */
export class Endpoint {
  #memory;
  #endpoint;
  #exchange;
  #limits;
  #text;
  #clock;
  #brought;

  constructor(module, { items = 0, connections = 0, version = null, policy = {}, now = Date.now, random = bits } = {}) {
    const numbers = {
      items: Number(whole("items", items, U32)),
      connections: Number(whole("connections", connections, U32)),
    };
    const memory = new Instance(module);
    const { exports } = memory;
    this.#memory = memory;
    this.#clock = { now, random };
    this.#brought = now();
    const size = exports.exportitems_endpoint_size();
    const endpoint = memory.place(size);
    this.#exchange = memory.place(exports.exportitems_exchange_size());
    this.#limits = memory.place(LIMITS_SIZE);
    this.#text = memory.place(TEXT_LEN);
    const policyAt = memory.place(POLICY_SIZE);
    memory.laidOut();

    memory.view.setUint32(this.#limits, numbers.items, true);
    memory.view.setUint32(this.#limits + 4, numbers.connections, true);
    this.#write(this.#limits + 8, version);
    exports.exportitems_policy_default(policyAt);
    ["throttled", "transient", "truncated"].forEach((kind, at) => {
      const schedule = policyAt + at * SCHEDULE_SIZE;
      const { firstMs, maxMs, attempts } = policy[kind] ?? {};
      const number = (name, value, max) => Number(whole(`policy.${kind}.${name}`, value, max));
      if (firstMs !== undefined) memory.view.setUint32(schedule, number("firstMs", firstMs, U32), true);
      if (maxMs !== undefined) memory.view.setUint32(schedule + 4, number("maxMs", maxMs, U32), true);
      if (attempts !== undefined) memory.view.setUint8(schedule + 8, number("attempts", attempts, U8));
    });
    const { giveUpAfterMs } = policy;
    if (giveUpAfterMs !== undefined) {
      memory.view.setBigUint64(policyAt + 40, whole("policy.giveUpAfterMs", giveUpAfterMs, U64), true);
    }
    const { result, error } = memory;
    memory.check(exports.exportitems_endpoint_init(endpoint, size, this.#limits, policyAt, result, error));
    this.#endpoint = memory.view.getUint32(result, true);
  }

  /** The current limits for requests. */
  get limits() {
    const memory = this.#memory;
    memory.check(memory.exports.exportitems_endpoint_limits(this.#endpoint, this.#limits, memory.error));
    return {
      items: memory.view.getUint32(this.#limits, true),
      connections: memory.view.getUint32(this.#limits + 4, true),
      version: memory.text(this.#limits + 8),
    };
  }

  /** Starts a request for the items that these retries belong to. */
  exchange(retries) {
    const memory = this.#memory;
    const size = memory.exports.exportitems_exchange_size();
    const status = memory.exports.exportitems_exchange_init(
      this.#exchange, size, this.#endpoint, retries.length, memory.result, memory.error,
    );
    memory.check(status);
    const state = memory.bytes.slice(this.#exchange, this.#exchange + size);
    return new Exchange(state, retries, this.#clock, (call) => this.#with(state, call));
  }

  /** Ends an exchange. Returns how many milliseconds to wait before the next one; null: stop. */
  end(exchange) {
    const { now, random } = this.#clock;
    if (exchange.brought) this.#brought = now();
    const passed = elapsed(this.#brought, now());
    const bits = random32(random);
    const { result } = this.#memory;
    this.#with(exchange.state, (exports, at, error) =>
      exports.exportitems_endpoint_end(this.#endpoint, at, passed, bits, result, error));
    return this.#memory.optional(result);
  }

  /** Calls a function with an exchange. It contains no pointers, so it can be copied between memories. */
  #with(state, call) {
    const memory = this.#memory;
    memory.bytes.set(state, this.#exchange);
    memory.check(call(memory.exports, this.#exchange, memory.error, (text) => this.#write(memory.result, text)));
    state.set(memory.bytes.subarray(this.#exchange, this.#exchange + state.length));
  }

  /** Writes a text, and its address and length to `at`. */
  #write(at, text) {
    const memory = this.#memory;
    const room = memory.bytes.subarray(this.#text, this.#text + TEXT_LEN);
    const { written } = new TextEncoder().encodeInto(text ?? "", room);
    memory.view.setUint32(at, text === null ? 0 : this.#text, true);
    memory.view.setUint32(at + 4, written, true);
    return at;
  }
}

/** One request and its response. Pass it to a decoder as the option `exchange`, so that it learns from the body. */
class Exchange {
  #call;
  brought = false;

  constructor(state, retries, { now, random }, call) {
    Object.assign(this, { state, retries, now, random });
    this.#call = call;
  }

  /** Reports the HTTP response, such as that of `fetch`. */
  http({ status, headers }) {
    const number = Number(whole("the HTTP status", status, 999n));
    const retryAfter = retryAfterSeconds(headers?.get("retry-after") ?? "", Date.now());
    const location = headers?.get("location") ?? null;
    this.#call((exports, at, error, write) =>
      exports.exportitems_exchange_http(at, number, retryAfter, write(location), error));
  }

  /** Reports that the connection could not be made, was lost or timed out. */
  cut() {
    this.#call((exports, at, error) => exports.exportitems_exchange_cut(at, error));
  }
}

function bits() {
  return Math.floor(Math.random() * 2 ** 32);
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const TIME = "(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})";
/** The three forms of RFC 9110 §5.6.7: IMF-fixdate, RFC 850 and asctime. */
const DATES = [
  `(?:[a-z]{3}, *)?(?<day>\\d{1,2}) (?<month>[a-z]{3}) (?<year>\\d{4}) ${TIME} (?:gmt|utc|[+-]0000)`,
  `[a-z]{6,9}, (?<day>\\d{2})-(?<month>[a-z]{3})-(?<year>\\d{2}) ${TIME} gmt`,
  `[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`, "i"));

/** Converts a `Retry-After`, a number or a date, to seconds; -1 for a value that is neither. */
function retryAfterSeconds(value, now) {
  // A number that is too large for the module still means "very late".
  const most = (seconds) => (seconds < U32 ? seconds : U32);
  if (/^\d+$/.test(value)) return most(BigInt(value));
  const date = DATES.map((form) => form.exec(value)?.groups).find(Boolean);
  if (!date) return -1n;
  const month = MONTHS.indexOf(date.month.toLowerCase());
  const [day, hour, minute, second] = [date.day, date.hour, date.minute, date.second].map(Number);
  let year = Number(date.year);
  if (date.year.length === 2) {
    // A year of two digits is at most 50 years in the future.
    const thisYear = new Date(now).getUTCFullYear();
    year += thisYear - (thisYear % 100);
    if (year > thisYear + 50) year -= 100;
  }
  const found = new Date(0);
  found.setUTCFullYear(year, month, day);
  // A leap second has the number 60. A day that its month does not have is an invalid date.
  if (month < 0 || found.getUTCDate() !== day || hour > 23 || minute > 59 || second > 60) return -1n;
  found.setUTCHours(hour, minute, second);
  return most(BigInt(Math.max(0, Math.ceil((found.getTime() - now) / 1000))));
}

/** The chunks of a body: a ReadableStream, an iterable, or nothing. */
function chunksOf(body) {
  if (typeof body?.getReader === "function") return chunksFrom(body.getReader());
  const chunks = body ?? [];
  if (typeof (chunks[Symbol.asyncIterator] ?? chunks[Symbol.iterator]) !== "function") {
    throw new TypeError("a body is neither a stream nor an iterable of chunks");
  }
  return (async function* () {
    yield* chunks;
  })();
}

/** The chunks of a stream, since not every browser can iterate it. */
async function* chunksFrom(reader) {
  let over = false;
  try {
    for (let next; !(next = await reader.read()).done; ) yield next.value;
    over = true;
  } catch (error) {
    over = true; // the stream has failed: there is nothing to cancel
    throw error;
  } finally {
    if (!over) reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

/**
 * The events of a response, as an asynchronous iterator over its body.
 *
 * It does not fail when the connection breaks or the response is unusable: all events that were received are returned,
 * and the last event, `end`, has the reason in `error` and `cause`.
 */
export async function* readEvents(module, body, options) {
  const decoder = new Decoder(module, options);
  const chunks = chunksOf(body);
  let end = null; // held back, until it is known whether an error follows
  let cause = null;
  let error = null;
  function* known(events) {
    try {
      for (const event of events) {
        if (event.type === "end") end = event;
        else yield event;
      }
    } catch (thrown) {
      if (!(thrown instanceof ResponseError) || end === null) throw thrown;
      error = thrown;
    }
  }
  try {
    while (error === null) {
      let next;
      try {
        next = await chunks.next();
      } catch (thrown) {
        cause = thrown;
        break;
      }
      if (next.done) break;
      yield* known(decoder.push(next.value));
    }
    if (error === null) yield* known(decoder.finish());
  } finally {
    // Cancel the body, but do not wait for it: a server that continues to send must not delay the events.
    chunks.return().catch(() => {});
  }
  if (error !== null && cause !== null) error.cause = cause;
  yield { ...end, error, cause };
}

/**
 * The items of a response, as an asynchronous iterator over its body. Each item has its outcome, and its data if the
 * outcome commits it. The last value is the `end` of the response. Holds one item at a time in memory; use `readEvents`
 * for items that are too large for that.
 */
export async function* readItems(module, body, options) {
  const assembly = new Assembly();
  for await (const event of readEvents(module, body, options)) {
    const whole = assembly.take(event);
    if (whole !== null) yield whole;
  }
}

/** Collects the events of an item. */
class Assembly {
  #pieces = [];
  #ids = {};
  #messageText = "";

  /** The item that this event completes, or the end of the response. */
  take(event) {
    switch (event.type) {
      case "messageStart":
        this.#clear();
        return null;
      case "data":
        this.#pieces.push(event.data);
        return null;
      case "itemIds":
        this.#ids = event;
        return null;
      case "messageText":
        this.#messageText += event.text;
        return null;
      case "outcome": {
        const data = event.error === null ? joined(this.#pieces) : null;
        const { id = null, changeKey = null } = this.#ids;
        const item = { ...event, type: "item", id, changeKey, messageText: this.#messageText, data };
        this.#clear();
        return item;
      }
      case "end":
        return event;
      default:
        return null;
    }
  }

  #clear() {
    [this.#pieces, this.#ids, this.#messageText] = [[], {}, ""];
  }
}

/**
 * A TransformStream from the bytes of a response to its events, for a source that cannot fail, such as a file.
 *
 * If a source fails, a TransformStream drops the events that were not read yet, and there is no `end`: use `readEvents`
 * for connections. An unusable response does not make the stream fail: the last event, `end`, has the `error`.
 */
export function eventStream(module, options) {
  const decoder = new Decoder(module, options);
  let end = null; // held back, until it is known whether an error follows
  let over = false;
  const enqueue = (events, controller) => {
    try {
      for (const event of events) {
        if (event.type === "end") end = event;
        else controller.enqueue(event);
      }
    } catch (error) {
      if (!(error instanceof ResponseError) || end === null) throw error;
      over = true;
      controller.enqueue({ ...end, error, cause: null });
      controller.terminate();
    }
  };
  return new TransformStream({
    transform: (chunk, controller) => over || enqueue(decoder.push(chunk), controller),
    flush(controller) {
      if (over) return;
      enqueue(decoder.finish(), controller);
      if (!over) controller.enqueue({ ...end, error: null, cause: null });
    },
  });
}

/**
 * A TransformStream from the bytes of a response to its items, which are those of `readItems`. For a source that cannot
 * fail; see `eventStream`.
 */
export function itemStream(module, options) {
  const assembly = new Assembly();
  const items = new TransformStream({
    transform(event, controller) {
      const whole = assembly.take(event);
      if (whole !== null) controller.enqueue(whole);
    },
  });
  const events = eventStream(module, options);
  return { writable: events.writable, readable: events.readable.pipeThrough(items) };
}

function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let length = 0;
  for (const piece of pieces) {
    all.set(piece, length);
    length += piece.length;
  }
  return all;
}
