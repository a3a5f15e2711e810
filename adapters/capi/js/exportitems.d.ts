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

/** A number that is no whole one, negative or larger than stated is a `RangeError`; anything else a `TypeError`. */
export interface Options {
  /** How many items were asked for, below 2^32 - 1; 0 if that is not known, which is the default without `exchange`. */
  items?: number;
  /** What becomes of an item by the verdict on its payload; `accept` commits what is not broken. */
  integrity?: "accept" | "require" | "report" | "off";
  /** Most decoded bytes of one item, below 2^64; 0 for no limit, which is the default. */
  maxItemBytes?: number | bigint;
  /** Most decoded bytes of the whole response, below 2^64; 0 for no limit, which is the default. */
  maxTotalBytes?: number | bigint;
  /** Bytes of the decoder's scratch, 64 to 2^30: the longest piece of data or text. */
  scratch?: number;
  /**
   * Compares the `ItemId` of the message at `index` with the one that was requested at this position; without it, all are
   * `unknown`. `other` fails the item as a `contradiction`: for an id that is certainly another item's, such as one that
   * was requested at another position. Servers encode ids anew, so an id that differs may be the same item's.
   */
  compareId?: ((index: number, ids: { id: string | null; changeKey: string | null }) => IdMatch) | null;
  /** What learns from the faults, the outcomes and the end. Outcomes carry `advice` then. */
  exchange?: Exchange | null;
}

/** Options with an exchange: outcomes carry its advice. */
export type WithExchange = Options & { exchange: Exchange };

/** An item or event whose `advice`, if it has that field, is not null. */
export type Advised<T> = T extends { advice: Advice | null } ? T & { advice: Advice } : T;

/** How an answered `ItemId` compares with the requested one. */
export type IdMatch = "same" | "other" | "unknown";

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
  /** How the answered `ItemId` compares with the requested one, by the option `compareId`. */
  idMatch: IdMatch;
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
  /** What to make of it; null without the option `exchange`. */
  advice: Advice | null;
}

/** What to make of an item's outcome. */
export interface Advice {
  disposition: "done" | "permanent" | "auth" | "throttled" | "transient" | "truncated" | "version";
  /** What the next request should do differently; `Endpoint.limits` follows it by itself. */
  relief: null | "fewer-items" | "fewer-connections" | "older-version";
  /** Ask for the item again after so many milliseconds; null: do not. */
  waitMs: number | null;
}

/** What an item has cost in attempts so far: one for each item, kept until it is done with. */
export class Retry {
  /** Attempts, by the kind of failure. */
  spent: Uint8Array;
  /** When it failed first, by the endpoint's clock; null: it has not. */
  failed: number | null;
}

/** Waits that grow: `firstMs`, twice that, four times that, and so on up to `maxMs`. */
export interface Schedule {
  /** The first wait, and the shortest to honour of a server's own. */
  firstMs?: number;
  /** The longest wait that is not the server's own. */
  maxMs?: number;
  /** How many more attempts a failure of this kind may cost, 255 at most: more is a `RangeError`. */
  attempts?: number;
}

/** Numbers are whole and below 2^32 where nothing else is said; any other is a `RangeError`. */
export interface EndpointOptions {
  /** Items in one request, at most; 20 by default. */
  items?: number;
  /** Connections in use at the same time, at most; 4 by default. */
  connections?: number;
  /** `RequestServerVersion`; `Exchange2013_SP1` by default. */
  version?: string | null;
  /** What differs from the default: waits of seconds for a server that is busy or down, of minutes for truncated items, for eight hours at most. */
  policy?: { throttled?: Schedule; transient?: Schedule; truncated?: Schedule; giveUpAfterMs?: number | bigint };
  /** A clock in milliseconds; `Date.now` by default. */
  now?: () => number;
  /** 32 random bits, as a number from 0 to 2^32 - 1; from `Math.random` by default. */
  random?: () => number;
}

/** What is known about a server, shared by all connections to it: how much to ask of it, and when. */
export class Endpoint {
  constructor(module: WebAssembly.Module, options?: EndpointOptions);
  /** How much to ask of it now. */
  readonly limits: { items: number; connections: number; version: string };
  /** Starts a request for the items that these belong to, in their order. */
  exchange(retries: Retry[]): Exchange;
  /** Learns from an exchange that is over, which cannot be used any more: milliseconds to wait before the next one; null: stop. */
  end(exchange: Exchange): number | null;
}

/** One request and its answer, made by `Endpoint.exchange`: the option `exchange` of a decoder lets it learn what the body says. */
export interface Exchange {
  /**
   * The HTTP answer, such as that of `fetch`: its status, `Location` and `Retry-After`, in seconds or as a date of any of
   * the forms of RFC 9110 §5.6.7. Counts where the body does not say more.
   */
  http(response: { status: number; headers?: { get(name: string): string | null } }): void;
  /** The connection could not be made, was lost or timed out. */
  cut(): void;
}

/** The response in figures. */
export interface Summary {
  items: number;
  ok: number;
  failed: number;
  /** Committed items that the end of the response does not confirm, by `confirms`: request each of them again, alone. */
  suspect: number;
  /** Response messages that were received, of whatever name. */
  messages: number;
  /** Response messages that were expected, the option `items`; null where that is not known. */
  expected: number | null;
  /**
   * Bytes after the root's end tag, other than white space and the truncation marker: a load balancer appends such things,
   * and the response is good without them.
   */
  trailing: number;
  response: "complete" | "truncated" | "cut" | "fault" | "malformed" | "not-soap";
}

/**
 * Whether the end of a response confirms a committed item of it.
 *
 * An outcome without an error says that the payload is complete. That it belongs to the item requested at its position is
 * certain only at the end: a server or proxy that leaves out or repeats a message shifts all messages after it.
 *
 * - After a complete response with as many messages as expected, every committed item is confirmed; if other bytes follow
 *   the document, the last one must be `whole` as well.
 * - With another number of messages, only an item whose `idMatch` is `same` is confirmed.
 * - After a response that was truncated, cut, malformed or ended by a fault, an item must be `whole`.
 *
 * Request what is not confirmed again, each item alone. No client can see that the server answered with other items where
 * there are as many messages as expected and it encodes ids anew.
 */
export function confirms(
  end: Summary,
  outcome: Pick<Outcome, "index" | "error" | "integrity" | "idMatch">,
): boolean;

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
   * The events of the next bytes of the response. Take all of them: the next call throws an `Error` otherwise, since
   * the bytes of those that were left are lost.
   * @throws {TypeError} for a chunk that is no `BufferSource`, such as a text
   * @throws {ResponseError} when the response is unusable, after every item has had its outcome
   */
  push(chunk: BufferSource): Generator<Event, void>;
  /**
   * The events after the end of the response.
   * @throws {ResponseError} when the document was not whole, after every item has had its outcome
   */
  finish(): Generator<Event, void>;
}

/** The last event of a response. */
export type End = {
  type: "end";
  /** Why the response is unusable, or was not whole; null: it was whole. */
  error: ResponseError | null;
  /** What reading the body failed with, such as a lost connection or an abort; also the `cause` of `error`. null: nothing. */
  cause: unknown;
} & Summary;

/** Where the bytes of a response come from: `body` of a `fetch`, which may be null, or any iterable of chunks. */
export type Body =
  | ReadableStream<BufferSource> | AsyncIterable<BufferSource> | Iterable<BufferSource> | null | undefined;

/**
 * The events of a response, as an asynchronous iterator over its body.
 *
 * It does not fail when the connection breaks or the response is unusable: the events that were received come all the
 * same, the `exchange` learns of it, and `End`, which comes last, has the reason. What the stream itself drops when it
 * fails cannot be received: use one that holds nothing back (`highWaterMark: 0`), as that of `fetch`.
 *
 * To leave the loop early cancels the body.
 */
export function readEvents(
  module: WebAssembly.Module,
  body: Body,
  options: WithExchange,
): AsyncGenerator<Advised<Exclude<Event, { type: "end" }>> | End, void>;
export function readEvents(
  module: WebAssembly.Module,
  body: Body,
  options?: Options,
): AsyncGenerator<Exclude<Event, { type: "end" }> | End, void>;

/** One item with its outcome. */
export type Item = { type: "item"; id: string | null; changeKey: string | null; messageText: string; data: Uint8Array | null } & Outcome;

/** `readEvents`, with the events of each item put together. Holds one item at a time in memory. */
export function readItems(
  module: WebAssembly.Module,
  body: Body,
  options: WithExchange,
): AsyncGenerator<Advised<Item> | End, void>;
export function readItems(
  module: WebAssembly.Module,
  body: Body,
  options?: Options,
): AsyncGenerator<Item | End, void>;

/**
 * A TransformStream from the bytes of a response to its events, for a source that cannot fail, such as a file.
 *
 * When a connection breaks, a TransformStream drops the events that were not read yet, and there is no `End`: use
 * `readEvents` there.
 */
export function eventStream(
  module: WebAssembly.Module,
  options: WithExchange,
): TransformStream<BufferSource, Advised<Exclude<Event, { type: "end" }>> | End>;
export function eventStream(
  module: WebAssembly.Module,
  options?: Options,
): TransformStream<BufferSource, Exclude<Event, { type: "end" }> | End>;

/** `eventStream`, with the events of each item put together; for a source that cannot fail, as it. */
export function itemStream(
  module: WebAssembly.Module,
  options: WithExchange,
): { writable: WritableStream<BufferSource>; readable: ReadableStream<Advised<Item> | End> };
export function itemStream(
  module: WebAssembly.Module,
  options?: Options,
): { writable: WritableStream<BufferSource>; readable: ReadableStream<Item | End> };
