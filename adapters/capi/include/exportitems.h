/* exportitems: EWS ExportItems, streaming. Made by cbindgen from adapters/capi; do not edit.
 *
 * Every object lives in memory that the caller supplies; see README.md.
 * A call answers an exportitems_status: 0 and above for success, negative for failure. */

#ifndef EXPORTITEMS_H
#define EXPORTITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Version of this interface: a program that was compiled with another one must not use this library.
#define EXPORTITEMS_ABI_VERSION 2

// Smallest scratch of a decoder, in bytes.
#define EXPORTITEMS_MIN_SCRATCH 64

// Memory that is enough for a decoder, in bytes, on every machine: for static memory.
#define EXPORTITEMS_DECODER_SIZE 768

// Memory that is enough for an endpoint, in bytes, on every machine: for static memory.
#define EXPORTITEMS_ENDPOINT_SIZE 128

// Memory that is enough for an exchange, in bytes, on every machine: for static memory.
#define EXPORTITEMS_EXCHANGE_SIZE 192

// Memory that is enough to read an HTTP response, in bytes, on every machine: for static memory.
#define EXPORTITEMS_HTTP_RESPONSE_SIZE 128

// Memory that is enough for a payload check, in bytes, on every machine: for static memory.
#define EXPORTITEMS_PAYLOAD_CHECK_SIZE 64

// Room for the text of an error, its NUL included.
#define EXPORTITEMS_ERROR_TEXT_LEN 112

// What a call answers: negative for failure, 0 and above for success.
//
// Values are fixed; new ones may be added.
enum exportitems_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Done. From `next`: the input is used up. From `finish`: that was all.
  EXPORTITEMS_STATUS_OK = 0,
  // An event was stored.
  EXPORTITEMS_STATUS_EVENT = 1,
  // A pointer is null that must not be.
  EXPORTITEMS_STATUS_NULL = -1,
  // A pointer is not aligned.
  EXPORTITEMS_STATUS_MISALIGNED = -2,
  // The memory for an object is too small.
  EXPORTITEMS_STATUS_MEMORY_TOO_SMALL = -3,
  // The scratch is too small.
  EXPORTITEMS_STATUS_SCRATCH_TOO_SMALL = -4,
  // The memory holds no object of this kind: it was not initialised, or its initialisation failed.
  EXPORTITEMS_STATUS_NOT_INITIALIZED = -5,
  // A number is not one of its enumeration.
  EXPORTITEMS_STATUS_INVALID_VALUE = -6,
  // A text is not UTF-8.
  EXPORTITEMS_STATUS_NOT_UTF8 = -7,
  // A length is larger than any memory.
  EXPORTITEMS_STATUS_TOO_LONG = -8,
  // The input ended before the document did.
  EXPORTITEMS_STATUS_UNEXPECTED_END = -100,
  // `=== Truncated Data ===` is where markup belongs.
  EXPORTITEMS_STATUS_TRUNCATED = -101,
  // The document is not a SOAP envelope.
  EXPORTITEMS_STATUS_NOT_SOAP = -103,
  // A SOAP envelope that is no answer to ExportItems.
  EXPORTITEMS_STATUS_UNEXPECTED_OPERATION = -104,
  // Not UTF-8.
  EXPORTITEMS_STATUS_ENCODING = -105,
  // A document type declaration.
  EXPORTITEMS_STATUS_DTD = -106,
  // Text where only elements belong.
  EXPORTITEMS_STATUS_UNEXPECTED_TEXT = -107,
  // A byte that cannot stand at this place.
  EXPORTITEMS_STATUS_UNEXPECTED_BYTE = -108,
  // An end tag that does not match the open element.
  EXPORTITEMS_STATUS_MISMATCHED_END_TAG = -109,
  // An unknown or unterminated entity reference.
  EXPORTITEMS_STATUS_UNKNOWN_ENTITY = -110,
  // Elements are nested too deep.
  EXPORTITEMS_STATUS_TOO_DEEP = -111,
  // The name of an element or attribute is too long.
  EXPORTITEMS_STATUS_NAME_TOO_LONG = -112,
  // Input was given after `finish`.
  EXPORTITEMS_STATUS_FINISHED = -113,
  // An element outside of the response messages has the same attribute twice.
  EXPORTITEMS_STATUS_DUPLICATE_ATTRIBUTE = -114,
  // Unusable for a reason that is newer than this interface.
  EXPORTITEMS_STATUS_RESPONSE_OTHER = -199,
  // The connection ended before the first byte of a response.
  EXPORTITEMS_STATUS_HTTP_CLOSED = -200,
  // The connection ended inside the head or before the end of the body.
  EXPORTITEMS_STATUS_HTTP_CUT = -201,
  // The line is no HTTP/1.x status line.
  EXPORTITEMS_STATUS_HTTP_STATUS_LINE = -202,
  // The line is no header field.
  EXPORTITEMS_STATUS_HTTP_FIELD_LINE = -203,
  // A control character where none may stand.
  EXPORTITEMS_STATUS_HTTP_CONTROL_CHARACTER = -204,
  // CR without LF.
  EXPORTITEMS_STATUS_HTTP_BARE_CR = -205,
  // LF without CR.
  EXPORTITEMS_STATUS_HTTP_BARE_LF = -206,
  // `Content-Length` is no number.
  EXPORTITEMS_STATUS_HTTP_CONTENT_LENGTH = -207,
  // Two `Content-Length` values differ.
  EXPORTITEMS_STATUS_HTTP_CONTENT_LENGTHS_DIFFER = -208,
  // Both `Transfer-Encoding` and `Content-Length`.
  EXPORTITEMS_STATUS_HTTP_TWO_LENGTHS = -209,
  // `Transfer-Encoding` other than `chunked`.
  EXPORTITEMS_STATUS_HTTP_TRANSFER_ENCODING = -210,
  // The chunk-size line is malformed.
  EXPORTITEMS_STATUS_HTTP_CHUNK_SIZE = -211,
  // A chunk is longer than its size.
  EXPORTITEMS_STATUS_HTTP_CHUNK_END = -212,
  // `101 Switching Protocols`, which was not asked for.
  EXPORTITEMS_STATUS_HTTP_UPGRADE = -213,
  // The head is too long.
  EXPORTITEMS_STATUS_HTTP_HEAD_TOO_LONG = -214,
  // A line that must be seen does not fit the scratch.
  EXPORTITEMS_STATUS_HTTP_LINE_TOO_LONG = -215,
  // A chunk size has too many digits.
  EXPORTITEMS_STATUS_HTTP_CHUNK_SIZE_TOO_LONG = -216,
  // Chunk extensions or the trailer are too long.
  EXPORTITEMS_STATUS_HTTP_CHUNK_EXTRA_TOO_LONG = -217,
  // Unusable for a reason that is newer than this interface.
  EXPORTITEMS_STATUS_HTTP_OTHER = -299,
  // The list of items is empty.
  EXPORTITEMS_STATUS_REQUEST_NO_ITEMS = -300,
  // A text is empty.
  EXPORTITEMS_STATUS_REQUEST_EMPTY = -301,
  // A character that XML cannot carry.
  EXPORTITEMS_STATUS_REQUEST_CHARACTER = -302,
  // `MailboxCulture` is no language tag.
  EXPORTITEMS_STATUS_REQUEST_MAILBOX_CULTURE = -303,
  // `ManagementRole` for a version that does not have it.
  EXPORTITEMS_STATUS_REQUEST_MANAGEMENT_ROLE = -304,
  // A version that does not know ExportItems.
  EXPORTITEMS_STATUS_REQUEST_VERSION_TOO_OLD = -305,
  // Not a value of `RequestServerVersion`.
  EXPORTITEMS_STATUS_REQUEST_VERSION_UNKNOWN = -306,
  // Not one of the four kinds of `ExchangeImpersonation`.
  EXPORTITEMS_STATUS_REQUEST_IMPERSONATION_KIND = -307,
  // The target of the HTTP request is no path.
  EXPORTITEMS_STATUS_HTTP_REQUEST_TARGET = -320,
  // The host of the HTTP request is none.
  EXPORTITEMS_STATUS_HTTP_REQUEST_HOST = -321,
  // A header's name is no token.
  EXPORTITEMS_STATUS_HTTP_REQUEST_HEADER_NAME = -322,
  // A header's value cannot be sent.
  EXPORTITEMS_STATUS_HTTP_REQUEST_HEADER_VALUE = -323,
  // A header is one that the encoder writes by itself.
  EXPORTITEMS_STATUS_HTTP_REQUEST_RESERVED_HEADER = -324,
  // Refused for a reason that is newer than this interface.
  EXPORTITEMS_STATUS_REQUEST_OTHER = -399,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_status exportitems_status;
#else
typedef int32_t exportitems_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which member of the body of an event counts.
enum exportitems_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // `server_version`: `ServerVersionInfo` of the SOAP header.
  EXPORTITEMS_EVENT_KIND_SERVER_VERSION = 1,
  // `message_start`: a response message begins.
  EXPORTITEMS_EVENT_KIND_MESSAGE_START = 2,
  // `text`: a piece of `MessageText`.
  EXPORTITEMS_EVENT_KIND_MESSAGE_TEXT = 3,
  // `text`: `ResponseCode` of the message or fault.
  EXPORTITEMS_EVENT_KIND_RESPONSE_CODE = 4,
  // `descriptive_link_key`.
  EXPORTITEMS_EVENT_KIND_DESCRIPTIVE_LINK_KEY = 5,
  // `message_xml`: a piece of a value inside `MessageXml`.
  EXPORTITEMS_EVENT_KIND_MESSAGE_XML = 6,
  // `item_ids`: `ItemId` of the message.
  EXPORTITEMS_EVENT_KIND_ITEM_IDS = 7,
  // `data`: decoded bytes of the item, never none. They count only once the item's outcome commits them.
  EXPORTITEMS_EVENT_KIND_DATA = 8,
  // `outcome`: the end of one item.
  EXPORTITEMS_EVENT_KIND_OUTCOME = 9,
  // `text`: `faultcode` of a fault, without its prefix.
  EXPORTITEMS_EVENT_KIND_FAULT_CODE = 10,
  // `text`: a piece of `faultstring`.
  EXPORTITEMS_EVENT_KIND_FAULT_STRING = 11,
  // `fault`: the end of a fault.
  EXPORTITEMS_EVENT_KIND_FAULT = 12,
  // `summary`: the end of the response, the last event.
  EXPORTITEMS_EVENT_KIND_END = 13,
  // Something newer than this interface; no member counts.
  EXPORTITEMS_EVENT_KIND_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_event_kind exportitems_event_kind;
#else
typedef uint32_t exportitems_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// `ResponseClass` of a response message.
enum exportitems_response_class
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Absent, or not one of the three.
  EXPORTITEMS_RESPONSE_CLASS_NONE = 0,
  // Announced, not proven: the server says so before it has read the item.
  EXPORTITEMS_RESPONSE_CLASS_SUCCESS = 1,
  // The request was not processed, but another attempt may succeed.
  EXPORTITEMS_RESPONSE_CLASS_WARNING = 2,
  // The request cannot be fulfilled.
  EXPORTITEMS_RESPONSE_CLASS_ERROR = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_response_class exportitems_response_class;
#else
typedef uint32_t exportitems_response_class;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why an item was not exported. Where several apply the gravest counts, the lowest.
enum exportitems_item_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It was exported: commit it.
  EXPORTITEMS_ITEM_ERROR_NONE = 0,
  // A message beyond the number of items that were asked for.
  EXPORTITEMS_ITEM_ERROR_UNREQUESTED = 1,
  // Asked for, but the response holds no message for it.
  EXPORTITEMS_ITEM_ERROR_NOT_ANSWERED = 2,
  // The server answered `Error`, or `Warning` without data.
  EXPORTITEMS_ITEM_ERROR_REFUSED = 3,
  // The server gave up while it wrote this item.
  EXPORTITEMS_ITEM_ERROR_TRUNCATED = 4,
  // The XML broke inside this item, or before anything followed it.
  EXPORTITEMS_ITEM_ERROR_MALFORMED = 5,
  // The input ended inside this item, or before anything followed it.
  EXPORTITEMS_ITEM_ERROR_CUT = 6,
  // The message holds more than one `Data` element.
  EXPORTITEMS_ITEM_ERROR_DUPLICATE = 7,
  // `Data` is not strict base64.
  EXPORTITEMS_ITEM_ERROR_BASE64 = 8,
  // More decoded bytes than the limit allows.
  EXPORTITEMS_ITEM_ERROR_TOO_LARGE = 9,
  // Class and code contradict each other.
  EXPORTITEMS_ITEM_ERROR_CONTRADICTION = 10,
  // A success without a `Data` element.
  EXPORTITEMS_ITEM_ERROR_MISSING_DATA = 11,
  // A success with nothing inside `Data`.
  EXPORTITEMS_ITEM_ERROR_EMPTY_DATA = 12,
  // The payload is not whole, and the option `integrity` does not let that pass.
  EXPORTITEMS_ITEM_ERROR_PAYLOAD = 13,
  // The caller rejected the item.
  EXPORTITEMS_ITEM_ERROR_WRITE = 14,
  // A reason that is newer than this interface.
  EXPORTITEMS_ITEM_ERROR_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_item_error exportitems_item_error;
#else
typedef uint32_t exportitems_item_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a payload says about its own integrity.
enum exportitems_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Not looked at.
  EXPORTITEMS_VERDICT_NONE = 0,
  // Records and atoms end cleanly, and nothing is cut or left open.
  EXPORTITEMS_VERDICT_WHOLE = 1,
  // The records end cleanly, but something in them is unknown to this check.
  EXPORTITEMS_VERDICT_FRAMED = 2,
  // The first eight bytes are not those of an FX payload; nothing was judged.
  EXPORTITEMS_VERDICT_UNKNOWN = 3,
  // The payload is cut or corrupt.
  EXPORTITEMS_VERDICT_BROKEN = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_verdict exportitems_verdict;
#else
typedef uint32_t exportitems_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which rule a broken payload violates.
enum exportitems_broken_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is not broken.
  EXPORTITEMS_BROKEN_REASON_NONE = 0,
  // Fewer than 8 bytes.
  EXPORTITEMS_BROKEN_REASON_TOO_SHORT = 1,
  // The payload ends inside a record.
  EXPORTITEMS_BROKEN_REASON_RECORD_CUT = 2,
  // No FX operation has this opcode.
  EXPORTITEMS_BROKEN_REASON_OPCODE = 3,
  // A record longer than 2 GiB.
  EXPORTITEMS_BROKEN_REASON_RECORD_LENGTH = 4,
  // A `TransferBuffer` record without a byte.
  EXPORTITEMS_BROKEN_REASON_EMPTY_TRANSFER_BUFFER = 5,
  // Not one `TransferBuffer` record.
  EXPORTITEMS_BROKEN_REASON_NO_TRANSFER_BUFFER = 6,
  // The records end cleanly, inside a property or marker.
  EXPORTITEMS_BROKEN_REASON_ATOM_CUT = 7,
  // A marker that opens what cannot stand there, or closes what is not open.
  EXPORTITEMS_BROKEN_REASON_MISPLACED = 8,
  // A recipient, an attachment or an embedded message is not closed.
  EXPORTITEMS_BROKEN_REASON_OPEN = 9,
  // Another payload begins inside this one.
  EXPORTITEMS_BROKEN_REASON_SECOND_CONFIG = 10,
  // A reason that is newer than this interface.
  EXPORTITEMS_BROKEN_REASON_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_broken_reason exportitems_broken_reason;
#else
typedef uint32_t exportitems_broken_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How an answered `ItemId` compares with the one that was requested at its position.
enum IdMatch
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It was not compared, the message has no id, or the server encodes ids anew and it cannot be compared.
  ID_MATCH_UNKNOWN = 0,
  // It is the requested id.
  ID_MATCH_SAME = 1,
  // It is the id of another item: the outcome is a contradiction.
  ID_MATCH_OTHER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum IdMatch IdMatch;
#else
typedef uint32_t IdMatch;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a response as a whole ended.
enum exportitems_response
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // A whole document that answers the request.
  EXPORTITEMS_RESPONSE_COMPLETE = 1,
  // The server announced that it gave up.
  EXPORTITEMS_RESPONSE_TRUNCATED = 2,
  // The input ended before the document did.
  EXPORTITEMS_RESPONSE_CUT = 3,
  // A SOAP fault.
  EXPORTITEMS_RESPONSE_FAULT = 4,
  // Broken XML, or XML that a SOAP message must not hold.
  EXPORTITEMS_RESPONSE_MALFORMED = 5,
  // Not a SOAP answer to ExportItems at all.
  EXPORTITEMS_RESPONSE_NOT_SOAP = 6,
  // An end that is newer than this interface.
  EXPORTITEMS_RESPONSE_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_response exportitems_response;
#else
typedef uint32_t exportitems_response;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a client can do about what became of an item.
enum exportitems_disposition
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is exported.
  EXPORTITEMS_DISPOSITION_DONE = 1,
  // Asking again will not help.
  EXPORTITEMS_DISPOSITION_PERMANENT = 2,
  // Somebody has to change credentials or rights first.
  EXPORTITEMS_DISPOSITION_AUTH = 3,
  // The server is busy: wait, then ask for the same.
  EXPORTITEMS_DISPOSITION_THROTTLED = 4,
  // It may be over in a moment.
  EXPORTITEMS_DISPOSITION_TRANSIENT = 5,
  // The server gave up while it wrote the item.
  EXPORTITEMS_DISPOSITION_TRUNCATED = 6,
  // The request is refused as it is: its version, its size or its shape.
  EXPORTITEMS_DISPOSITION_UNSUPPORTED_VERSION = 7,
  // Something newer than this interface.
  EXPORTITEMS_DISPOSITION_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_disposition exportitems_disposition;
#else
typedef uint32_t exportitems_disposition;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the next request should do differently. An endpoint's limits follow it by themselves.
enum exportitems_relief
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing.
  EXPORTITEMS_RELIEF_NONE = 0,
  // Ask for fewer items at once.
  EXPORTITEMS_RELIEF_FEWER_ITEMS = 1,
  // Keep fewer connections open.
  EXPORTITEMS_RELIEF_FEWER_CONNECTIONS = 2,
  // Ask in an older version.
  EXPORTITEMS_RELIEF_OLDER_VERSION = 3,
  // Something newer than this interface.
  EXPORTITEMS_RELIEF_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_relief exportitems_relief;
#else
typedef uint32_t exportitems_relief;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which fields of an HTTP event count.
enum exportitems_http_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // `status`: an interim response; 100 is the word to send a body that waits for it.
  EXPORTITEMS_HTTP_EVENT_KIND_INTERIM = 1,
  // `name` and `data`: a field and its value, which is not always UTF-8.
  EXPORTITEMS_HTTP_EVENT_KIND_FIELD = 2,
  // `name`: a field whose value is longer than the scratch.
  EXPORTITEMS_HTTP_EVENT_KIND_FIELD_TOO_LONG = 3,
  // `status`, `framing` and `content_length`: the head is over.
  EXPORTITEMS_HTTP_EVENT_KIND_HEAD = 4,
  // `data`: bytes of the body, a stretch of the caller's input.
  EXPORTITEMS_HTTP_EVENT_KIND_DATA = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_http_event_kind exportitems_http_event_kind;
#else
typedef uint32_t exportitems_http_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How the end of an HTTP response's body is known.
enum exportitems_framing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // There is no body.
  EXPORTITEMS_FRAMING_EMPTY = 1,
  // By `Content-Length`.
  EXPORTITEMS_FRAMING_LENGTH = 2,
  // By chunked transfer coding.
  EXPORTITEMS_FRAMING_CHUNKED = 3,
  // By the end of the connection: a cut looks like the end here; the decoder knows them apart by the document.
  EXPORTITEMS_FRAMING_UNTIL_CLOSE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum exportitems_framing exportitems_framing;
#else
typedef uint32_t exportitems_framing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Decodes the response to an ExportItems request, incrementally.
//
// `exportitems_decoder_next` for each piece of input until it gives `EXPORTITEMS_STATUS_OK`; at the end
// `exportitems_decoder_finish` until it gives `EXPORTITEMS_STATUS_OK`.
typedef struct exportitems_decoder exportitems_decoder;

// Writes one ExportItems request, any number of bytes at a time.
typedef struct exportitems_encoder exportitems_encoder;

// What is known about a server: shared by all connections to it.
//
// Holds no pointer: its bytes may be copied to other memory that is aligned for it.
typedef struct exportitems_endpoint exportitems_endpoint;

// One request and its answer.
//
// Tell it what comes: the HTTP answer, each event of the decoder, the loss of the connection; then
// `exportitems_endpoint_end`. Holds no pointer, as an endpoint.
typedef struct exportitems_exchange exportitems_exchange;

// Writes the head of a `POST` request, any number of bytes at a time.
typedef struct exportitems_http_request exportitems_http_request;

// Takes the framing off one HTTP response.
//
// `exportitems_http_response_next` for each piece of input until it gives `EXPORTITEMS_STATUS_OK`, and
// `exportitems_http_response_finish` when the connection ends.
typedef struct exportitems_http_response exportitems_http_response;

// Tells a whole payload from one that was cut: a file that was written long ago, or data from elsewhere.
//
// The decoder checks what it decodes by itself.
typedef struct exportitems_payload_check exportitems_payload_check;

// What is expected of a response. All zeros: any number of items, of any size, that are not broken.
typedef struct exportitems_options {
  // How many items were asked for, or 0 if that is not known; at most 4294967294, the largest number but one.
  uint32_t items;
  // An `Integrity`.
  uint32_t integrity;
  // Most decoded bytes of one item, or 0 for no limit.
  uint64_t max_item_bytes;
  // Most decoded bytes of the whole response, or 0 for no limit.
  uint64_t max_total_bytes;
} exportitems_options;

// What failed in detail; stored only when the call answers less than 0.
typedef struct exportitems_error {
  // What the call answered.
  exportitems_status status;
  // Which item, role or header of a request it is about, from 0; 0 for everything else.
  uint64_t index;
  // Of a response: the offset in bytes where it became unusable. Of a request: the offset in the text.
  uint64_t offset;
  // A sentence for a log; ends with a NUL, cut where it is too long.
  char text[EXPORTITEMS_ERROR_TEXT_LEN];
} exportitems_error;

// `len` bytes.
typedef struct exportitems_bytes {
  // The first byte; may be null where `len` is 0.
  const uint8_t *ptr;
  // How many.
  size_t len;
} exportitems_bytes;

// UTF-8 text of `len` bytes, **not** ended by a NUL.
//
// `ptr` is null where there is no text at all.
typedef struct exportitems_text {
  // The first byte.
  const char *ptr;
  // Length in bytes.
  size_t len;
} exportitems_text;

// An attribute's value.
typedef struct exportitems_attribute {
  // Its value; absent where there is none, or where it does not fit into the scratch or is not UTF-8.
  struct exportitems_text value;
  // Length in bytes of a value that is there but could not be held; otherwise 0.
  uint64_t omitted_len;
} exportitems_attribute;

// `ServerVersionInfo`; a number that is absent is -1.
typedef struct exportitems_server_version {
  // `MajorVersion`, 15 for Exchange 2013 and later.
  int64_t major;
  // `MinorVersion`
  int64_t minor;
  // `MajorBuildNumber`
  int64_t major_build;
  // `MinorBuildNumber`
  int64_t minor_build;
  // `Version`: free text, no value to send back.
  struct exportitems_attribute version;
} exportitems_server_version;

// A response message begins.
typedef struct exportitems_message_start {
  // Position of the message, from 0: the key to the item that was asked for.
  uint32_t index;
  // `ResponseClass`
  exportitems_response_class response_class;
} exportitems_message_start;

// A piece of a value inside `MessageXml`.
typedef struct exportitems_message_xml {
  // `Name` of a `Value` element, or the local name of any other element.
  struct exportitems_text name;
  // This piece of its text.
  struct exportitems_text text;
  // Whether it is the last piece of this value.
  bool last;
} exportitems_message_xml;

// `ItemId` of a response message. The position is the key; `exportitems_decoder_compare_id` takes what a comparison
// with the requested id shows.
typedef struct exportitems_item_ids {
  // `Id`
  struct exportitems_attribute id;
  // `ChangeKey`
  struct exportitems_attribute change_key;
} exportitems_item_ids;

// The end of one item.
typedef struct exportitems_outcome {
  // Position of the item in the request and of its message in the response, from 0.
  uint32_t index;
  // `EXPORTITEMS_ITEM_ERROR_NONE`: the item is complete and every check passed, commit it. Any other: discard it.
  exportitems_item_error error;
  // `ResponseClass`
  exportitems_response_class response_class;
  // The verdict on the payload.
  exportitems_verdict integrity;
  // What is broken, where the verdict says so.
  exportitems_broken_reason broken_reason;
  // How the answered `ItemId` compares with the requested one, by `exportitems_decoder_compare_id`.
  IdMatch id_match;
  // Some text of this message was neither legal XML nor UTF-8 and was replaced by U+FFFD.
  bool text_replaced;
  // Where the payload is broken: the offset in its bytes.
  uint64_t broken_offset;
  // `ResponseCode`, if it is one that this library knows; any other came as an event before.
  struct exportitems_text response_code;
  // `InnerErrorResponseCode` of `ErrorInternalServerError`, if it is one that this library knows.
  struct exportitems_text inner_response_code;
  // `BackOffMilliseconds`, or -1.
  int64_t back_off_ms;
  // Decoded bytes that were handed out.
  uint64_t bytes;
  // Offset in the response where the error was noticed, or where the item's message ended.
  uint64_t offset;
} exportitems_outcome;

// A SOAP fault.
typedef struct exportitems_fault {
  // `ResponseCode` of the fault, if it is one that this library knows; any other came as an event before.
  struct exportitems_text response_code;
  // `InnerErrorResponseCode` of `ErrorInternalServerError`, if it is one that this library knows.
  struct exportitems_text inner_response_code;
  // `BackOffMilliseconds`, or -1.
  int64_t back_off_ms;
} exportitems_fault;

// The response in figures.
typedef struct exportitems_summary {
  // Items that had an outcome.
  uint32_t items;
  // Items that were committed.
  uint32_t ok;
  // Items that were not.
  uint32_t failed;
  // Committed items that the end of the response does not confirm, by `exportitems_summary_confirms`: request each of
  // them again, alone.
  uint32_t suspect;
  // Response messages that were received, of whatever name.
  uint32_t messages;
  // How the response ended.
  exportitems_response response;
  // Why the response is unusable; `EXPORTITEMS_STATUS_OK` where it is not.
  exportitems_status error;
  // Where.
  uint64_t error_offset;
  // Response messages that were expected, `items` of the options; -1 where that is not known.
  int64_t expected;
  // Bytes after the root's end tag, other than white space and the truncation marker: a load balancer appends such
  // things, and the response is good without them.
  uint64_t trailing;
} exportitems_summary;

// The members of an event.
typedef union exportitems_event_body {
  // For `ServerVersion`.
  struct exportitems_server_version server_version;
  // For `MessageStart`.
  struct exportitems_message_start message_start;
  // For `MessageText`, `ResponseCode`, `FaultCode` and `FaultString`.
  struct exportitems_text text;
  // For `DescriptiveLinkKey`.
  int32_t descriptive_link_key;
  // For `MessageXml`.
  struct exportitems_message_xml message_xml;
  // For `ItemIds`.
  struct exportitems_item_ids item_ids;
  // For `Data`.
  struct exportitems_bytes data;
  // For `Outcome`.
  struct exportitems_outcome outcome;
  // For `Fault`.
  struct exportitems_fault fault;
  // For `End`.
  struct exportitems_summary summary;
} exportitems_event_body;

// One step of a response. What it points at stays until the next call with the same decoder.
//
// Texts and data come in pieces whose borders depend on the input's and on the size of the scratch. Joined,
// they do not.
typedef struct exportitems_event {
  // Which member of the body counts.
  exportitems_event_kind kind;
  // The member that `kind` names.
  union exportitems_event_body body;
} exportitems_event;

// How much to ask of a server, and in which version.
typedef struct exportitems_limits {
  // Items in one request; 0: 20.
  uint32_t items;
  // Connections in use at the same time; 0: 4.
  uint32_t connections;
  // `RequestServerVersion`; absent: `Exchange2013_SP1`. Names that are stored here are static texts.
  struct exportitems_text server_version;
} exportitems_limits;

// Waits that grow: `first_ms`, twice that, four times that, and so on up to `max_ms`.
typedef struct exportitems_schedule {
  // The first wait in milliseconds, and the shortest to honour of a server's own.
  uint32_t first_ms;
  // The longest wait that is not the server's own, in milliseconds.
  uint32_t max_ms;
  // How many more attempts a failure of this kind may cost.
  uint8_t attempts;
} exportitems_schedule;

// When to give up, and how long to wait until then. `exportitems_policy_default` is a start.
typedef struct exportitems_policy {
  // For `EXPORTITEMS_DISPOSITION_THROTTLED`.
  struct exportitems_schedule throttled;
  // For `EXPORTITEMS_DISPOSITION_TRANSIENT`.
  struct exportitems_schedule transient;
  // For `EXPORTITEMS_DISPOSITION_TRUNCATED`.
  struct exportitems_schedule truncated;
  // No further attempt is granted this long after the first failure, in milliseconds.
  uint64_t give_up_after_ms;
} exportitems_policy;

// What an item has cost in attempts so far. All zeros: nothing has failed yet.
typedef struct exportitems_retry {
  // Attempts, by the kind of failure.
  uint8_t spent[4];
} exportitems_retry;

// What to make of an item's outcome.
typedef struct exportitems_advice {
  // What can be done.
  exportitems_disposition disposition;
  // What the next request should do differently.
  exportitems_relief relief;
  // Ask for the item again after so many milliseconds; -1: do not.
  int64_t wait_ms;
} exportitems_advice;

// A header of the request.
typedef struct exportitems_http_header {
  // Its name.
  struct exportitems_text name;
  // Its value.
  struct exportitems_text value;
} exportitems_http_header;

// The head of a `POST` request. What it points at is borrowed by the encoder; the structure itself is not.
typedef struct exportitems_http_request_head {
  // A path with an optional query: `/EWS/Exchange.asmx`.
  struct exportitems_text target;
  // A name or address with an optional port.
  struct exportitems_text host;
  // Headers in the order they are sent; `Host` and `Content-Length` are added.
  const struct exportitems_http_header *headers;
  // How many; may be 0.
  size_t headers_len;
  // Bytes of body to follow: `exportitems_encoder_len`.
  uint64_t content_length;
} exportitems_http_request_head;

// One step of an HTTP response. What it points at stays until the next call with the same response, and data
// as long as the input does.
typedef struct exportitems_http_event {
  // Which of the other fields count.
  exportitems_http_event_kind kind;
  // Status code of an interim response or of the response.
  uint32_t status;
  // How the end of the body is known.
  exportitems_framing framing;
  // Whether `Content-Encoding` names a coding, such as gzip: then the body is no XML. Send `Accept-Encoding: identity`,
  // so that a server has no reason to use one.
  bool coded;
  // Bytes of the body, where it is framed by its length.
  uint64_t content_length;
  // A field's name, as the server wrote it.
  struct exportitems_text name;
  // A field's value, or bytes of the body.
  struct exportitems_bytes data;
} exportitems_http_event;

// What a payload check finds.
typedef struct exportitems_payload_verdict {
  // The verdict.
  exportitems_verdict verdict;
  // What is broken, where it is.
  exportitems_broken_reason reason;
  // Where: the offset in the payload, in bytes.
  uint64_t offset;
  // Whether the item came as far as its attachments: without it a payload that is whole by all rules
  // probably lost its end. A hint, never an error.
  bool reached_attachments;
} exportitems_payload_verdict;

// One item to export, with the ids that `FindItem` or `SyncFolderItems` returned.
typedef struct exportitems_item_id {
  // `Id`: opaque, case-sensitive, never empty.
  struct exportitems_text id;
  // `ChangeKey`: only this version of the item will do. Absent: whatever the item is now.
  struct exportitems_text change_key;
} exportitems_item_id;

// An ExportItems request. What it points at is borrowed by the encoder; the structure itself is not.
typedef struct exportitems_request {
  // The items, at least one; Microsoft recommends 100 at most.
  const struct exportitems_item_id *items;
  // How many.
  size_t items_len;
  // `RequestServerVersion`, such as `Exchange2016`; absent: `Exchange2013_SP1`.
  struct exportitems_text server_version;
  // `ExchangeImpersonation` as `KIND:VALUE`, with KIND one of `PrincipalName`, `SID`, `PrimarySmtpAddress` and
  // `SmtpAddress`; absent: no impersonation.
  struct exportitems_text impersonation;
  // `MailboxCulture`: the language for the server's texts, such as `en-US`; may be absent.
  struct exportitems_text mailbox_culture;
  // `ManagementRole`: user roles, from Exchange 2013 on.
  const struct exportitems_text *user_roles;
  // How many; may be 0.
  size_t user_roles_len;
  // `ManagementRole`: application roles, from Exchange 2013 on.
  const struct exportitems_text *application_roles;
  // How many; may be 0.
  size_t application_roles_len;
} exportitems_request;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// `EXPORTITEMS_ABI_VERSION` of the library that is linked.
uint32_t exportitems_abi_version(void);

// The library's release, such as `0.1.0`; ends with a NUL.
const char *exportitems_version(void);

// Size of a decoder in bytes, at most `EXPORTITEMS_DECODER_SIZE`.
size_t exportitems_decoder_size(void);

// Alignment of a decoder in bytes, at most 8.
size_t exportitems_decoder_align(void);

// Makes a decoder in `size` bytes of `memory`, and stores where it is in `decoder`.
//
// The scratch takes at least `EXPORTITEMS_MIN_SCRATCH` bytes. A larger one makes larger pieces; 512 bytes hold
// the ids of items, and more than a few KiB do not make it faster. `options` may be null.
//
// # Safety
// `memory` and `scratch` are valid for as long as the decoder is used, for nothing else; the other pointers are
// null or valid.
exportitems_status exportitems_decoder_init(void *memory,
                                            size_t size,
                                            uint8_t *scratch,
                                            size_t scratch_len,
                                            const struct exportitems_options *options,
                                            struct exportitems_decoder **decoder,
                                            struct exportitems_error *error);

// Makes the decoder ready for another response.
//
// In the middle of an item: it gets no outcome, so discard what was stored of it. An exchange does not learn of it
// either.
//
// # Safety
// `decoder` came from `exportitems_decoder_init`; the other pointers are null or valid.
exportitems_status exportitems_decoder_reset(struct exportitems_decoder *decoder,
                                             const struct exportitems_options *options,
                                             struct exportitems_error *error);

// Stores the next event of `input`, which is moved forward over what has been consumed.
//
// `EXPORTITEMS_STATUS_EVENT`: an event was stored. `EXPORTITEMS_STATUS_OK`: the input is used up; nothing of it needs to be kept.
// Less than 0: the response is unusable from here on, or the call was; before the former, every item has had
// its outcome.
//
// # Safety
// `decoder` came from `exportitems_decoder_init`; `input` describes valid memory, outside of the decoder's; the
// other pointers are null or valid.
exportitems_status exportitems_decoder_next(struct exportitems_decoder *decoder,
                                            struct exportitems_bytes *input,
                                            struct exportitems_event *event,
                                            struct exportitems_error *error);

// Stores the next event after the end of the input: the last item's outcome, the outcomes of items without an
// answer, the end. `EXPORTITEMS_STATUS_OK`: that was all. Less than 0: the document was not whole, or the call was wrong.
//
// # Safety
// `decoder` came from `exportitems_decoder_init`; the other pointers are null or valid.
exportitems_status exportitems_decoder_finish(struct exportitems_decoder *decoder,
                                              struct exportitems_event *event,
                                              struct exportitems_error *error);

// Notes how the ids of the last event `EXPORTITEMS_EVENT_KIND_ITEM_IDS` compare with those that were requested at its
// position: `answer` is an `IdMatch`.
//
// `EXPORTITEMS_ID_MATCH_OTHER` fails the item: its outcome will be `EXPORTITEMS_ITEM_ERROR_CONTRADICTION` or a graver error,
// and no more of its data is handed out. Give it only for an id that is certainly another item's, such as one that was
// requested at another position: servers encode ids anew, so an id that differs may be the same item's.
//
// # Safety
// `decoder` is null or came from `exportitems_decoder_init`.
exportitems_status exportitems_decoder_compare_id(struct exportitems_decoder *decoder,
                                                  uint32_t answer);

// The caller could not keep the current item: no more of its data is handed out, and its outcome will be
// `EXPORTITEMS_ITEM_ERROR_WRITE` unless the server's answer is to blame already. Said right after an outcome that commits,
// it takes that item out of the summary's `ok`. After the end of the response it changes nothing.
//
// # Safety
// `decoder` is null or came from `exportitems_decoder_init`.
exportitems_status exportitems_decoder_reject_item(struct exportitems_decoder *decoder);

// How many bytes of the response have been consumed; 0 where there is no decoder.
//
// # Safety
// `decoder` is null or came from `exportitems_decoder_init`.
uint64_t exportitems_decoder_offset(struct exportitems_decoder *decoder);

// The name of an `ItemError`, such as `not-answered`; absent for none and for a number that is no error.
struct exportitems_text exportitems_item_error_name(uint32_t code);

// The name of a `Response`, such as `not-soap`; absent for a number that is none.
struct exportitems_text exportitems_response_name(uint32_t code);

// The name of a `Verdict`, such as `whole`; absent for a number that is none.
struct exportitems_text exportitems_verdict_name(uint32_t code);

// Whether the end of the response confirms a committed item of it, by the item's outcome; `false` where a pointer is null.
//
// An outcome without an error says that the payload is complete. That it belongs to the item requested at its position is
// certain only at the end:
//
// - After a complete response with as many messages as expected, every committed item is confirmed; if other bytes follow
//   the document, the last one must be whole as well.
// - With another number of messages, only an item whose answered id is the same is confirmed.
// - After a response that was truncated, cut, malformed or ended by a fault, an item must be whole.
//
// Request what is not confirmed again, each item alone. No client can see that the server answered with other items where
// there are as many messages as expected and it encodes ids anew. A program that cannot take back what it has stored
// requests one item at a time, or compares ids.
//
// # Safety
// `summary` and `outcome` are null or came from events of one response.
bool exportitems_summary_confirms(const struct exportitems_summary *summary,
                                  const struct exportitems_outcome *outcome);

// Size of an endpoint in bytes, at most `EXPORTITEMS_ENDPOINT_SIZE`.
size_t exportitems_endpoint_size(void);

// Alignment of an endpoint in bytes, at most 8.
size_t exportitems_endpoint_align(void);

// Makes an endpoint about which nothing is known in `size` bytes of `memory`, and stores where it is in `endpoint`.
//
// `limits` is what to ask of it at most. `limits` and `policy` may be null for the defaults.
//
// # Safety
// `memory` is valid for as long as the endpoint is used, for nothing else; the other pointers are null or valid.
exportitems_status exportitems_endpoint_init(void *memory,
                                             size_t size,
                                             const struct exportitems_limits *limits,
                                             const struct exportitems_policy *policy,
                                             struct exportitems_endpoint **endpoint,
                                             struct exportitems_error *error);

// Stores how much to ask of the server now.
//
// # Safety
// `endpoint` came from `exportitems_endpoint_init`; the other pointers are null or valid.
exportitems_status exportitems_endpoint_limits(struct exportitems_endpoint *endpoint,
                                               struct exportitems_limits *limits,
                                               struct exportitems_error *error);

// Learns from an exchange that is over, and stores in `wait_ms` how many milliseconds to wait before the next one,
// or -1: stop, the server would not answer any better. The exchange is no exchange any more.
//
// `elapsed_ms` is the time since the last exchange that brought anything, or since the start; `random` any 32 random
// bits, so that clients which failed together do not come back together.
//
// # Safety
// `endpoint` came from `exportitems_endpoint_init` and `exchange` from `exportitems_exchange_init`; the other
// pointers are null or valid.
exportitems_status exportitems_endpoint_end(struct exportitems_endpoint *endpoint,
                                            struct exportitems_exchange *exchange,
                                            uint64_t elapsed_ms,
                                            uint32_t random,
                                            int64_t *wait_ms,
                                            struct exportitems_error *error);

// Size of an exchange in bytes, at most `EXPORTITEMS_EXCHANGE_SIZE`.
size_t exportitems_exchange_size(void);

// Alignment of an exchange in bytes, at most 8.
size_t exportitems_exchange_align(void);

// Starts a request for so many items within the endpoint's limits, in `size` bytes of `memory`, and stores where the
// exchange is in `exchange`.
//
// # Safety
// `memory` is valid for as long as the exchange is used, for nothing else; `endpoint` came from
// `exportitems_endpoint_init`; the other pointers are null or valid.
exportitems_status exportitems_exchange_init(void *memory,
                                             size_t size,
                                             struct exportitems_endpoint *endpoint,
                                             size_t items,
                                             struct exportitems_exchange **exchange,
                                             struct exportitems_error *error);

// The HTTP answer's status and its headers `Retry-After`, in seconds or -1, and `Location`, which may be absent.
//
// Counts where the body does not say more.
//
// # Safety
// `exchange` came from `exportitems_exchange_init`; `location` is valid; `error` is null or valid.
exportitems_status exportitems_exchange_http(struct exportitems_exchange *exchange,
                                             uint32_t status,
                                             int64_t retry_after_s,
                                             struct exportitems_text location,
                                             struct exportitems_error *error);

// The connection could not be made, was lost or timed out. What the decoder says of it comes by
// `exportitems_exchange_event`.
//
// # Safety
// `exchange` came from `exportitems_exchange_init`; `error` is null or valid.
exportitems_status exportitems_exchange_cut(struct exportitems_exchange *exchange,
                                            struct exportitems_error *error);

// Learns from the event that the decoder has just stored; to be called after each outcome, each fault and the end,
// and after every other event without harm.
//
// `EXPORTITEMS_STATUS_EVENT`: it was an outcome, and what to make of it is in `advice`. `retry` belongs to the item
// that was asked for at the outcome's index; it is null where none was, and no attempt is granted then. `elapsed_ms`
// is the time since that item's first failure, and `random` any 32 random bits. `EXPORTITEMS_STATUS_OK`: nothing to
// decide; an event counts once.
//
// # Safety
// `exchange` came from `exportitems_exchange_init` and `decoder` from `exportitems_decoder_init`; the other pointers
// are null or valid.
exportitems_status exportitems_exchange_event(struct exportitems_exchange *exchange,
                                              struct exportitems_decoder *decoder,
                                              struct exportitems_retry *retry,
                                              uint64_t elapsed_ms,
                                              uint32_t random,
                                              struct exportitems_advice *advice,
                                              struct exportitems_error *error);

// The name of a `Disposition`, such as `throttled`; absent for a number that is none.
struct exportitems_text exportitems_disposition_name(uint32_t code);

// Size in bytes of an encoder for so many headers. The largest number means more than any memory
// holds.
size_t exportitems_http_request_size(size_t headers);

// Alignment of an encoder of a request head in bytes, at most 8.
size_t exportitems_http_request_align(void);

// Checks a request head, makes an encoder for it in `size` bytes of `memory`, and stores where it is in `request`.
//
// # Safety
// `memory` is valid for as long as the encoder is used, for nothing else; what `head` points at is valid for as
// long and not changed; the other pointers are null or valid.
exportitems_status exportitems_http_request_init(void *memory,
                                                 size_t size,
                                                 const struct exportitems_http_request_head *head,
                                                 struct exportitems_http_request **request,
                                                 struct exportitems_error *error);

// Writes what comes next of the head to `out`, and stores in `written` how many bytes that was.
//
// Fewer bytes than `len` mean that the head is done; the body comes next.
//
// # Safety
// `request` came from `exportitems_http_request_init`; `out` is valid for writes of `len` bytes, and initialised;
// the other pointers are null or valid.
exportitems_status exportitems_http_request_write(struct exportitems_http_request *request,
                                                  uint8_t *out,
                                                  size_t len,
                                                  size_t *written,
                                                  struct exportitems_error *error);

// Size in bytes of what reads a response, at most `EXPORTITEMS_HTTP_RESPONSE_SIZE`.
size_t exportitems_http_response_size(void);

// Alignment in bytes of what reads a response, at most 8.
size_t exportitems_http_response_align(void);

// Makes ready to read one response, in `size` bytes of `memory`, and stores where it is in `response`.
//
// The scratch takes the longest line of the head that the caller wants to see; 256 bytes are enough for all that
// Exchange sends but cookies and the challenges of `WWW-Authenticate`. It is free again after the event
// `EXPORTITEMS_HTTP_EVENT_KIND_HEAD`.
//
// # Safety
// `memory` and `scratch` are valid for as long as they are used, for nothing else; the other pointers are null or
// valid.
exportitems_status exportitems_http_response_init(void *memory,
                                                  size_t size,
                                                  uint8_t *scratch,
                                                  size_t scratch_len,
                                                  struct exportitems_http_response **response,
                                                  struct exportitems_error *error);

// Stores the next event of `input`, which is moved forward over what has been consumed.
//
// `EXPORTITEMS_STATUS_EVENT`: an event was stored. `EXPORTITEMS_STATUS_OK`: the input is used up, or the body is complete. Less than 0:
// the response is unusable, or the call was.
//
// # Safety
// `response` came from `exportitems_http_response_init`; `input` describes valid memory; the other pointers are
// null or valid.
exportitems_status exportitems_http_response_next(struct exportitems_http_response *response,
                                                  struct exportitems_bytes *input,
                                                  struct exportitems_http_event *event,
                                                  struct exportitems_error *error);

// To be called when the connection ended: says whether the response was whole.
//
// # Safety
// `response` came from `exportitems_http_response_init`; `error` is null or valid.
exportitems_status exportitems_http_response_finish(struct exportitems_http_response *response,
                                                    struct exportitems_error *error);

// Whether the whole body has been given out; `false` where there is no response.
//
// # Safety
// `response` is null or came from `exportitems_http_response_init`.
bool exportitems_http_response_is_complete(struct exportitems_http_response *response);

// Whether the connection may carry another request, when `left` bytes of input were not consumed; `false` where
// there is no response.
//
// A response that answers no request may come later, while the connection is idle: before it is used again, look whether
// bytes or its end are waiting, and compare the `client-request-id` that the next response echoes.
//
// # Safety
// `response` is null or came from `exportitems_http_response_init`.
bool exportitems_http_response_can_reuse(struct exportitems_http_response *response,
                                         size_t left);

// Size of a payload check in bytes, at most `EXPORTITEMS_PAYLOAD_CHECK_SIZE`.
size_t exportitems_payload_check_size(void);

// Alignment of a payload check in bytes, at most 8.
size_t exportitems_payload_check_align(void);

// Makes a check at the start of a payload in `size` bytes of `memory`, and stores where it is in `check`.
//
// # Safety
// `memory` is valid for as long as the check is used, for nothing else; the other pointers are null or valid.
exportitems_status exportitems_payload_check_init(void *memory,
                                                  size_t size,
                                                  struct exportitems_payload_check **check,
                                                  struct exportitems_error *error);

// Takes the next bytes of the payload.
//
// # Safety
// `check` came from `exportitems_payload_check_init`; `bytes` is valid for `len` bytes; `error` is null or valid.
exportitems_status exportitems_payload_check_update(struct exportitems_payload_check *check,
                                                    const uint8_t *bytes,
                                                    size_t len,
                                                    struct exportitems_error *error);

// Stores the verdict, as if the payload ended here.
//
// # Safety
// `check` came from `exportitems_payload_check_init`; the other pointers are null or valid.
exportitems_status exportitems_payload_check_verdict(struct exportitems_payload_check *check,
                                                     struct exportitems_payload_verdict *verdict,
                                                     struct exportitems_error *error);

// Waits of seconds for a server that is busy or down, of minutes for truncated items, for eight hours at most.
struct exportitems_policy exportitems_policy_default(void);

// Size in bytes of an encoder for so many items and, together, roles. The largest number means
// more than any memory holds.
size_t exportitems_encoder_size(size_t items, size_t roles);

// Alignment of an encoder in bytes, at most 8.
size_t exportitems_encoder_align(void);

// Checks a request, makes an encoder for it in `size` bytes of `memory`, and stores where it is in `encoder`.
//
// # Safety
// `memory` is valid for as long as the encoder is used, for nothing else; what `request` points at is valid for
// as long and not changed; the other pointers are null or valid.
exportitems_status exportitems_encoder_init(void *memory,
                                            size_t size,
                                            const struct exportitems_request *request,
                                            struct exportitems_encoder **encoder,
                                            struct exportitems_error *error);

// Length of the whole request in bytes, the `Content-Length`; 0 where there is no encoder.
//
// # Safety
// `encoder` is null or came from `exportitems_encoder_init`.
uint64_t exportitems_encoder_len(struct exportitems_encoder *encoder);

// Writes what comes next to `out`, and stores in `written` how many bytes that was.
//
// `out` is filled while there is something to fill it with: fewer bytes than `len` mean that the request is done.
//
// # Safety
// `encoder` came from `exportitems_encoder_init`; `out` is valid for writes of `len` bytes, and initialised; the
// other pointers are null or valid.
exportitems_status exportitems_encoder_write(struct exportitems_encoder *encoder,
                                             uint8_t *out,
                                             size_t len,
                                             size_t *written,
                                             struct exportitems_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* EXPORTITEMS_H */
