/**
 * Decodes the response to an EWS ExportItems request as it arrives.
 *
 * A thin wrapper of the C interface (`include/exportitems.h`), compiled for wasm32-unknown-unknown. The offsets
 * below are those of its structures there, where a pointer and a size have 4 bytes.
 */

/** `exportitems_integrity` */
const INTEGRITY = { accept: 0, require: 1, report: 2, off: 3 };
const CLASSES = [null, "Success", "Warning", "Error"];
const STATUS_EVENT = 1;

const OPTIONS_SIZE = 24;
const EVENT_SIZE = 80;
const ERROR_SIZE = 136;
const ERROR_TEXT = 24;
/** Of the body of an event. */
const BODY = 8;
/** Bytes that are copied into the module at a time. */
const INPUT_LEN = 65536;

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

/** Compiles the module from its bytes or from a `fetch` of it. One module serves any number of decoders. */
export async function load(source) {
  source = await source;
  if (source instanceof WebAssembly.Module) return source;
  return WebAssembly.compile(typeof source.arrayBuffer === "function" ? await source.arrayBuffer() : source);
}

/** Decodes one response. Every decoder has a memory of its own, whose size does not depend on the response. */
export class Decoder {
  #exports;
  #view;
  #bytes;
  #decoder;
  #at = {};

  constructor(module, { items = 0, integrity = "accept", maxItemBytes = 0, maxTotalBytes = 0, scratch = 16384 } = {}) {
    if (!Object.hasOwn(INTEGRITY, integrity)) throw new TypeError(`integrity is not one of ${Object.keys(INTEGRITY)}`);
    this.#exports = new WebAssembly.Instance(module).exports;
    const { memory, __heap_base, exportitems_decoder_size, exportitems_decoder_init } = this.#exports;
    let end = __heap_base.value;
    const place = (size) => {
      const at = (end + 15) & ~15;
      end = at + size;
      return at;
    };
    this.#at.input = place(8); // pointer and length
    this.#at.result = place(8);
    this.#at.event = place(EVENT_SIZE);
    this.#at.error = place(ERROR_SIZE);
    this.#at.buffer = place(INPUT_LEN);
    const options = place(OPTIONS_SIZE);
    const decoder = place(exportitems_decoder_size());
    const scratchAt = place(scratch);
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    // The memory never grows again, so these stay valid.
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);

    this.#view.setUint32(options, items, true);
    this.#view.setUint32(options + 4, INTEGRITY[integrity], true);
    this.#view.setBigUint64(options + 8, BigInt(maxItemBytes), true);
    this.#view.setBigUint64(options + 16, BigInt(maxTotalBytes), true);
    const { result, error } = this.#at;
    this.#check(exportitems_decoder_init(decoder, exportitems_decoder_size(), scratchAt, scratch, options, result, error));
    this.#decoder = this.#view.getUint32(result, true);
  }

  /** The events of the next bytes of the response. Take all of them before the next call. */
  *push(chunk) {
    const { input, event, error, buffer } = this.#at;
    for (let start = 0; start < chunk.length; start += INPUT_LEN) {
      const piece = chunk.subarray(start, start + INPUT_LEN);
      this.#bytes.set(piece, buffer);
      this.#view.setUint32(input, buffer, true);
      this.#view.setUint32(input + 4, piece.length, true);
      while (this.#check(this.#exports.exportitems_decoder_next(this.#decoder, input, event, error)) === STATUS_EVENT) {
        yield this.#event();
      }
    }
  }

  /** The events behind the end of the response. */
  *finish() {
    const { event, error } = this.#at;
    while (this.#check(this.#exports.exportitems_decoder_finish(this.#decoder, event, error)) === STATUS_EVENT) {
      yield this.#event();
    }
  }

  #check(status) {
    if (status >= 0) return status;
    const { error } = this.#at;
    const text = this.#bytes.subarray(error + ERROR_TEXT, error + ERROR_SIZE);
    throw new ResponseError(status, this.#number(error + 16), utf8.decode(text.subarray(0, text.indexOf(0))));
  }

  #number(at) {
    return Number(this.#view.getBigInt64(at, true));
  }

  #optional(at) {
    const number = this.#number(at);
    return number < 0 ? null : number;
  }

  #data(at) {
    const start = this.#view.getUint32(at, true);
    return this.#bytes.slice(start, start + this.#view.getUint32(at + 4, true));
  }

  #text(at) {
    return this.#view.getUint32(at, true) === 0 ? null : utf8.decode(this.#data(at));
  }

  #name(of, code) {
    of(this.#at.result, code); // a structure is returned by a pointer to where it goes
    return this.#text(this.#at.result);
  }

  #event() {
    const view = this.#view;
    const body = this.#at.event + BODY;
    const int = (at) => view.getUint32(body + at, true);
    const text = (at) => this.#text(body + at);
    switch (view.getUint32(this.#at.event, true)) {
      case 1:
        return {
          type: "serverVersion",
          major: this.#optional(body),
          minor: this.#optional(body + 8),
          majorBuild: this.#optional(body + 16),
          minorBuild: this.#optional(body + 24),
          version: text(32),
        };
      case 2:
        return { type: "messageStart", index: int(0), responseClass: CLASSES[int(4)] };
      case 3:
        return { type: "messageText", text: text(0) };
      case 4:
        return { type: "responseCode", text: text(0) };
      case 5:
        return { type: "descriptiveLinkKey", key: view.getInt32(body, true) };
      case 6:
        return { type: "messageXml", name: text(0), text: text(8), last: view.getUint8(body + 16) !== 0 };
      case 7:
        return { type: "itemIds", id: text(0), changeKey: text(16) };
      case 8:
        return { type: "data", data: this.#data(body) };
      case 9:
        return this.#outcome(body);
      case 10:
        return { type: "faultCode", text: text(0) };
      case 11:
        return { type: "faultString", text: text(0) };
      case 12:
        return { type: "fault", responseCode: text(0), innerResponseCode: text(8), backOffMs: this.#optional(body + 16) };
      case 13:
        return {
          type: "end",
          items: int(0),
          ok: int(4),
          failed: int(8),
          suspect: int(12),
          response: this.#name(this.#exports.exportitems_response_name, int(16)),
        };
      default:
        return { type: "other" };
    }
  }

  #outcome(body) {
    const int = (at) => this.#view.getUint32(body + at, true);
    const integrity = this.#name(this.#exports.exportitems_verdict_name, int(12));
    return {
      type: "outcome",
      index: int(0),
      error: this.#name(this.#exports.exportitems_item_error_name, int(4)),
      responseClass: CLASSES[int(8)],
      integrity,
      brokenOffset: integrity === "broken" ? this.#number(body + 24) : null,
      textReplaced: this.#view.getUint8(body + 20) !== 0,
      responseCode: this.#text(body + 32),
      innerResponseCode: this.#text(body + 40),
      backOffMs: this.#optional(body + 48),
      bytes: this.#number(body + 56),
      offset: this.#number(body + 64),
    };
  }
}

/**
 * A TransformStream from the bytes of a response to its events.
 *
 * An unusable response does not make the stream fail, since that would take back events that were not read yet:
 * the last event, `end`, tells the `error` then.
 */
export function eventStream(module, options) {
  const decoder = new Decoder(module, options);
  let end = null; // held back, until it is known whether an error follows
  let over = false;
  const tell = (events, controller) => {
    try {
      for (const event of events) {
        if (event.type === "end") end = event;
        else controller.enqueue(event);
      }
    } catch (error) {
      if (!(error instanceof ResponseError) || end === null) throw error;
      over = true;
      controller.enqueue({ ...end, error });
      controller.terminate();
    }
  };
  return new TransformStream({
    transform: (chunk, controller) => over || tell(decoder.push(chunk), controller),
    flush(controller) {
      if (over) return;
      tell(decoder.finish(), controller);
      if (!over) controller.enqueue({ ...end, error: null });
    },
  });
}

/**
 * A TransformStream from the bytes of a response to its items, each with its outcome and, if that commits it, its
 * data; the last is the `end` of the response. Holds one item at a time in memory: for items that are too large
 * for that use `eventStream`.
 */
export function itemStream(module, options) {
  let pieces = [];
  let ids = {};
  let messageText = "";
  const items = new TransformStream({
    transform(event, controller) {
      if (event.type === "messageStart") {
        [pieces, ids, messageText] = [[], {}, ""];
      } else if (event.type === "data") {
        pieces.push(event.data);
      } else if (event.type === "itemIds") {
        ids = event;
      } else if (event.type === "messageText") {
        messageText += event.text;
      } else if (event.type === "outcome") {
        const data = event.error === null ? joined(pieces) : null;
        const { id = null, changeKey = null } = ids;
        controller.enqueue({ ...event, type: "item", id, changeKey, messageText, data });
        [pieces, ids, messageText] = [[], {}, ""];
      } else if (event.type === "end") {
        controller.enqueue(event);
      }
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
