/** The response is unusable from here on (`status` -100 to -199), or the decoder was misused (-1 to -99). */
export class ResponseError extends Error {
  constructor(status: number, offset: number, message: string);
  /** `exportitems_status` of `exportitems.h`. */
  readonly status: number;
  /** Where in the response, in bytes. */
  readonly offset: number;
}

/** Compiles the module from its bytes or from a `fetch` of it. One module serves any number of decoders. */
export function load(
  source: WebAssembly.Module | BufferSource | Response | Promise<BufferSource | Response>,
): Promise<WebAssembly.Module>;

export interface Options {
  /** How many items were asked for; 0 if that is not known, which is the default. */
  items?: number;
  /** What becomes of an item by the verdict on its payload; `accept` commits what is not broken. */
  integrity?: "accept" | "require" | "report" | "off";
  /** Most decoded bytes of one item; 0 for no limit, which is the default. */
  maxItemBytes?: number;
  /** Most decoded bytes of the whole response; 0 for no limit, which is the default. */
  maxTotalBytes?: number;
  /** Bytes of the decoder's scratch, 64 at least: the longest piece of data or text. */
  scratch?: number;
}

/** The end of one item. */
export interface Outcome {
  /** Position of the item in the request, from 0. */
  index: number;
  /** null: the item is complete and every check passed. Any other: discard it. */
  error:
    | null | "unrequested" | "not-answered" | "refused" | "truncated" | "malformed" | "cut" | "duplicate" | "base64"
    | "too-large" | "contradiction" | "missing-data" | "empty-data" | "payload" | "write";
  responseClass: null | "Success" | "Warning" | "Error";
  /** The verdict on the payload; null where it was not looked at. */
  integrity: null | "whole" | "framed" | "unknown" | "broken";
  /** Where the payload is broken: the offset in its bytes. */
  brokenOffset: number | null;
  /** Some text of the message was neither legal XML nor UTF-8 and was replaced by U+FFFD. */
  textReplaced: boolean;
  /** `ResponseCode`, if it is a known one; any other came as an event before. */
  responseCode: string | null;
  innerResponseCode: string | null;
  backOffMs: number | null;
  /** Decoded bytes that were handed out. */
  bytes: number;
  /** Offset in the response where the error was noticed, or where the item's message ended. */
  offset: number;
}

/** The response in figures. */
export interface Summary {
  items: number;
  ok: number;
  failed: number;
  /** Items worth asking for again: committed, not proven whole, in a response that the server truncated. */
  suspect: number;
  response: "complete" | "truncated" | "cut" | "fault" | "malformed" | "not-soap";
}

export type Event =
  | { type: "serverVersion"; major: number | null; minor: number | null; majorBuild: number | null; minorBuild: number | null; version: string | null }
  | { type: "messageStart"; index: number; responseClass: Outcome["responseClass"] }
  | { type: "messageText"; text: string }
  | { type: "responseCode"; text: string }
  | { type: "descriptiveLinkKey"; key: number }
  | { type: "messageXml"; name: string; text: string; last: boolean }
  | { type: "itemIds"; id: string | null; changeKey: string | null }
  /** Counts only once the item's outcome commits it. */
  | { type: "data"; data: Uint8Array }
  | ({ type: "outcome" } & Outcome)
  | { type: "faultCode"; text: string }
  | { type: "faultString"; text: string }
  | { type: "fault"; responseCode: string | null; innerResponseCode: string | null; backOffMs: number | null }
  | ({ type: "end" } & Summary)
  | { type: "other" };

/** Decodes one response. Every decoder has a memory of its own, whose size does not depend on the response. */
export class Decoder {
  constructor(module: WebAssembly.Module, options?: Options);
  /**
   * The events of the next bytes of the response. Take all of them before the next call.
   * @throws {ResponseError} when the response is unusable, after every item has had its outcome
   */
  push(chunk: Uint8Array): Generator<Event, void>;
  /**
   * The events behind the end of the response.
   * @throws {ResponseError} when the document was not whole, after every item has had its outcome
   */
  finish(): Generator<Event, void>;
}

/** The last event of a stream: with an error, the response is unusable. */
export type End = { type: "end"; error: ResponseError | null } & Summary;

/** A TransformStream from the bytes of a response to its events. It does not fail: `End` tells the error. */
export function eventStream(
  module: WebAssembly.Module,
  options?: Options,
): TransformStream<Uint8Array, Exclude<Event, { type: "end" }> | End>;

/** One item with its outcome. */
export type Item = { type: "item"; id: string | null; changeKey: string | null; messageText: string; data: Uint8Array | null } & Outcome;

/** A stream from the bytes of a response to its items. Holds one item at a time in memory. */
export function itemStream(
  module: WebAssembly.Module,
  options?: Options,
): { writable: WritableStream<Uint8Array>; readable: ReadableStream<Item | End> };
