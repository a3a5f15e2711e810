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

/** A number that is not whole, negative or too large is a `RangeError`; anything else that is wrong is a `TypeError`. */
export interface Options {
  /** The number of requested items, below 2^32 - 1; 0 if it is not known. The default is that of `exchange`, or 0. */
  items?: number;
  /** Which verdicts on a payload let its item be committed; `accept`, the default, refuses only broken payloads. */
  integrity?: "accept" | "require" | "report" | "off";
  /** The most decoded bytes of one item, below 2^64; 0, the default, for no limit. */
  maxItemBytes?: number | bigint;
  /** The most decoded bytes of the whole response, below 2^64; 0, the default, for no limit. */
  maxTotalBytes?: number | bigint;
  /** Bytes of the decoder's scratch, 64 to 2^30: the longest piece of data or text. */
  scratch?: number;
  /**
   * Compares the `ItemId` of the message at `index` with the one that was requested at this position. By default, the
   * result is `unknown`. `other` fails the item as a `contradiction`. Return it only if the id certainly belongs to another
   * item, for example because it was requested at another position. Servers encode ids anew, so a different id may belong
   * to the same item.
   */
  compareId?: ((index: number, ids: { id: string | null; changeKey: string | null }) => IdMatch) | null;
  /** The exchange that learns from the faults, the outcomes and the end. With it, outcomes have `advice`. */
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
  /** null: the item is complete and has passed every check. Otherwise discard it. */
  error:
    | null | "unrequested" | "not-answered" | "refused" | "truncated" | "malformed" | "cut" | "duplicate" | "base64"
    | "too-large" | "contradiction" | "missing-data" | "empty-data" | "payload" | "write";
  responseClass: null | "Success" | "Warning" | "Error";
  /** The verdict on the payload; null if it was not checked. */
  integrity: null | "whole" | "framed" | "unknown" | "broken";
  /** Offset in the payload, in bytes, where it is broken. */
  brokenOffset: number | null;
  /** The result of the option `compareId`. */
  idMatch: IdMatch;
  /** Whether some text of the message was not legal XML or not UTF-8, and was replaced by U+FFFD. */
  textReplaced: boolean;
  /** `ResponseCode`, if it is a known one. An earlier event has the text of every code. */
  responseCode: string | null;
  innerResponseCode: string | null;
  backOffMs: number | null;
  /** Number of decoded bytes that were returned. */
  bytes: number;
  /** Offset in the response where the error was noticed, or where the item's message ended. */
  offset: number;
  /** What to do next; null without the option `exchange`. */
  advice: Advice | null;
}

/** What to do after the outcome of an item. */
export interface Advice {
  disposition: "done" | "permanent" | "auth" | "throttled" | "transient" | "truncated" | "version";
  /** What the next request should do differently. `Endpoint.limits` applies it. */
  relief: null | "fewer-items" | "fewer-connections" | "older-version";
  /** Request the item again after this number of milliseconds; null: do not request it again. */
  waitMs: number | null;
}

/** The attempts that an item has taken so far. Keep one for each item until it is done. */
export class Retry {
  /** Attempts, by the kind of failure. */
  spent: Uint8Array;
  /** The time of its first failure, by the endpoint's clock; null: it has not failed. */
  failed: number | null;
}

/** Waits that grow: `firstMs`, twice that, four times that, and so on up to `maxMs`. */
export interface Schedule {
  /** The first wait. A shorter wait that the server requests is raised to it. */
  firstMs?: number;
  /** The longest wait, unless the server requests a longer one. */
  maxMs?: number;
  /** How many more attempts are made after a failure of this kind, at most 255. */
  attempts?: number;
}

/** Numbers must be whole, and below 2^32 unless the comment has another limit; otherwise there is a `RangeError`. */
export interface EndpointOptions {
  /** The most items in one request; 20 by default. */
  items?: number;
  /** The most connections in use at the same time; 4 by default. */
  connections?: number;
  /** `RequestServerVersion`; `Exchange2013_SP1` by default. */
  version?: string | null;
  /**
   * Changes to the default policy. Its waits are seconds if the server is busy or down, and minutes for truncated items;
   * it makes no more attempts after eight hours.
   */
  policy?: { throttled?: Schedule; transient?: Schedule; truncated?: Schedule; giveUpAfterMs?: number | bigint };
  /** A clock in milliseconds; `Date.now` by default. */
  now?: () => number;
  /** 32 random bits, as a number from 0 to 2^32 - 1; from `Math.random` by default. */
  random?: () => number;
}

/** The knowledge about a server, shared by all connections to it: limits for requests, and when to send them. */
export class Endpoint {
  constructor(module: WebAssembly.Module, options?: EndpointOptions);
  /** The current limits for requests. */
  readonly limits: { items: number; connections: number; version: string };
  /** Starts a request for the items that these retries belong to, in this order. */
  exchange(retries: Retry[]): Exchange;
  /**
   * Ends an exchange, which cannot be used afterwards. Returns how many milliseconds to wait before the next one; null:
   * stop.
   */
  end(exchange: Exchange): number | null;
}

/**
 * One request and its response, made by `Endpoint.exchange`. Pass it to a decoder as the option `exchange`, so that it
 * learns from the body.
 */
export interface Exchange {
  /**
   * Reports the HTTP response, such as that of `fetch`: its status, `Location` and `Retry-After`, in seconds or as a date in
   * one of the forms of RFC 9110 §5.6.7. They decide only if the body does not give a reason.
   */
  http(response: { status: number; headers?: { get(name: string): string | null } }): void;
  /** Reports that the connection could not be made, was lost or timed out. */
  cut(): void;
}

/** The summary of a response. */
export interface Summary {
  items: number;
  ok: number;
  failed: number;
  /** Committed items that the end of the response does not confirm; see `confirms`. Request each of them again, alone. */
  suspect: number;
  /** Response messages that were received, including those with unexpected names. */
  messages: number;
  /** Response messages that were expected, from the option `items`; null if it is not known. */
  expected: number | null;
  /**
   * Bytes after the root's end tag, except white space and the truncation marker. Some load balancers append bytes, and the
   * response is usable without them.
   */
  trailing: number;
  response: "complete" | "truncated" | "cut" | "fault" | "malformed" | "not-soap";
}

/**
 * Whether the end of a response confirms a committed item.
 *
 * An outcome without an error means that the payload is complete. Only the end of the response makes sure that it belongs
 * to the item that was requested at its position: a server or proxy that omits or repeats a message shifts all messages
 * after it.
 *
 * - After a complete response with as many messages as expected, every committed item is confirmed. If other bytes follow
 *   the document, the last item must be `whole` as well.
 * - With another number of messages, only an item whose `idMatch` is `same` is confirmed.
 * - After a response that was truncated, cut, malformed or ended by a fault, an item must be `whole`.
 *
 * Request items that are not confirmed again, each alone. If the number of messages is as expected and the server encodes
 * ids anew, no client can detect that it answered with other items.
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
  /** Keep it only if the item's outcome commits it. */
  | { type: "data"; data: Uint8Array }
  | ({ type: "outcome" } & Outcome)
  | { type: "faultCode"; text: string }
  | { type: "faultString"; text: string }
  | { type: "fault"; responseCode: string | null; innerResponseCode: string | null; backOffMs: number | null }
  | ({ type: "end" } & Summary)
  | { type: "other" };

/** Decodes one response. Every decoder has its own memory, whose size does not depend on the response. */
export class Decoder {
  constructor(module: WebAssembly.Module, options?: Options);
  /**
   * The events of the next bytes of the response. Take all of them: otherwise the next call throws an `Error`, since
   * bytes of the response are lost.
   * @throws {TypeError} for a chunk that is not a `BufferSource`, such as a string
   * @throws {ResponseError} when the response is unusable, after every item has had its outcome
   */
  push(chunk: BufferSource): Generator<Event, void>;
  /**
   * The events after the end of the response.
   * @throws {ResponseError} when the document is incomplete, after every item has had its outcome
   */
  finish(): Generator<Event, void>;
}

/** The last event of a response. */
export type End = {
  type: "end";
  /** Why the response is unusable or incomplete; null: it is complete. */
  error: ResponseError | null;
  /** The error of reading the body, such as a lost connection or an abort, which is also the `cause` of `error`; or null. */
  cause: unknown;
} & Summary;

/** The source of the bytes of a response: the `body` of a `fetch`, which may be null, or any iterable of chunks. */
export type Body =
  | ReadableStream<BufferSource> | AsyncIterable<BufferSource> | Iterable<BufferSource> | null | undefined;

/**
 * The events of a response, as an asynchronous iterator over its body.
 *
 * It does not fail when the connection breaks or the response is unusable: all events that were received are returned, the
 * `exchange` learns of it, and `End`, the last event, has the reason. Chunks that the stream itself drops when it fails
 * are lost: use a stream that does not buffer (`highWaterMark: 0`), like that of `fetch`.
 *
 * Leaving the loop early cancels the body.
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

/** Like `readEvents`, but collects the events of each item. Holds one item at a time in memory. */
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
 * If a source fails, a TransformStream drops the events that were not read yet, and there is no `End`: use `readEvents`
 * for connections.
 */
export function eventStream(
  module: WebAssembly.Module,
  options: WithExchange,
): TransformStream<BufferSource, Advised<Exclude<Event, { type: "end" }>> | End>;
export function eventStream(
  module: WebAssembly.Module,
  options?: Options,
): TransformStream<BufferSource, Exclude<Event, { type: "end" }> | End>;

/** Like `eventStream`, but collects the events of each item. Also for a source that cannot fail. */
export function itemStream(
  module: WebAssembly.Module,
  options: WithExchange,
): { writable: WritableStream<BufferSource>; readable: ReadableStream<Advised<Item> | End> };
export function itemStream(
  module: WebAssembly.Module,
  options?: Options,
): { writable: WritableStream<BufferSource>; readable: ReadableStream<Item | End> };
