/* Code that both examples share. Each item of a response is written to a file, which is renamed to item-N.fts when the
 * item is complete. One line is printed for each item, and one for the response. */
#ifndef ITEMS_H
#define ITEMS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "exportitems.h"

/* A requested item. */
struct item {
    uint32_t number; /* of its file */
    exportitems_text id;
    exportitems_retry retry;
    uint64_t ready_ms; /* when to request it (again), or NEVER */
    bool complete;
    exportitems_outcome outcome; /* if it is complete */
    unsigned suspected; /* how many responses did not confirm it; if any, it is requested alone */
};

#define NEVER UINT64_MAX
#define MOST_SUSPECTED 3

/* The state while the events of one response arrive. */
struct sink {
    exportitems_exchange *exchange;
    struct item **asked; /* by their position in the request; empty if it is not known */
    uint32_t asked_len;
    uint64_t now_ms; /* since the start of the program, so no failure is older */
    uint32_t random;
    uint32_t number; /* of the current item */
    FILE *file;
    bool failed; /* some item is not complete, or a file could not be written */
};

static struct item *item_at(const struct sink *sink, uint32_t index)
{
    return index < sink->asked_len ? sink->asked[index] : NULL;
}

static void name_of(char *name, size_t size, uint32_t index, const char *suffix)
{
    snprintf(name, size, "item-%" PRIu32 ".%s", index, suffix);
}

static void write_data(struct sink *sink, exportitems_decoder *decoder, exportitems_bytes data)
{
    char name[32];

    if (sink->file == NULL) {
        name_of(name, sizeof name, sink->number, "part");
        sink->file = fopen(name, "wb");
    }
    if (sink->file == NULL || fwrite(data.ptr, 1, data.len, sink->file) != data.len) {
        exportitems_decoder_reject_item(decoder);
        sink->failed = true;
    }
}

/* Renames the file of a complete item, and removes that of another one. */
static void end_item(struct sink *sink, exportitems_decoder *decoder, bool complete)
{
    char part[32], name[32];

    if (sink->file == NULL)
        return;
    name_of(part, sizeof part, sink->number, "part");
    name_of(name, sizeof name, sink->number, "fts");
    bool closed = fclose(sink->file) == 0;
    sink->file = NULL;
    if (!complete) {
        remove(part);
    } else if (!closed || rename(part, name) != 0) {
        exportitems_decoder_reject_item(decoder);
        sink->failed = true;
    }
}

/* The arguments for "%.*s" of printf: a text, or "-" if it is absent. */
#define TEXT(text) (text).ptr ? (int)(text).len : 1, (text).ptr ? (text).ptr : "-"

/* Passes the event to the policy. After an outcome, prints the advice and schedules the item. */
static void advise(struct sink *sink, exportitems_decoder *decoder, const exportitems_event *event)
{
    exportitems_retry fresh = {{0}};
    struct item *item = NULL;
    exportitems_advice advice;
    exportitems_text name;

    if (event->kind == EXPORTITEMS_EVENT_KIND_OUTCOME)
        item = item_at(sink, event->body.outcome.index);
    if (exportitems_exchange_event(sink->exchange, decoder, item != NULL ? &item->retry : &fresh, sink->now_ms,
                                   sink->random, &advice, NULL) != EXPORTITEMS_STATUS_EVENT)
        return;
    name = exportitems_disposition_name(advice.disposition);
    printf(", %.*s", (int)name.len, name.ptr);
    if (advice.wait_ms >= 0)
        printf(", again in %" PRId64 " ms", advice.wait_ms);
    printf("\n");
    if (item != NULL) {
        item->complete = event->body.outcome.error == EXPORTITEMS_ITEM_ERROR_NONE;
        item->outcome = event->body.outcome; /* its codes are static texts */
        item->ready_ms = advice.wait_ms < 0 ? NEVER : sink->now_ms + (uint64_t)advice.wait_ms;
    }
}

/* At the end of the response, finds complete items that may not be the requested ones. */
static void confirm(struct sink *sink, const exportitems_summary *summary)
{
    uint32_t i;

    for (i = 0; i < sink->asked_len; i++) {
        struct item *item = sink->asked[i];

        if (!item->complete || exportitems_summary_confirms(summary, &item->outcome))
            continue;
        printf("item %" PRIu32 ": suspect\n", i);
        item->complete = false;
        item->ready_ms = ++item->suspected < MOST_SUSPECTED ? sink->now_ms : NEVER;
    }
}

/* Handles one event of the decoder. */
static void take_event(struct sink *sink, exportitems_decoder *decoder, const exportitems_event *event)
{
    switch (event->kind) {
    case EXPORTITEMS_EVENT_KIND_MESSAGE_START: {
        const struct item *item = item_at(sink, event->body.message_start.index);

        sink->number = item != NULL ? item->number : event->body.message_start.index;
        break;
    }
    case EXPORTITEMS_EVENT_KIND_DATA:
        write_data(sink, decoder, event->body.data);
        break;
    case EXPORTITEMS_EVENT_KIND_OUTCOME: {
        const exportitems_outcome *outcome = &event->body.outcome;
        bool complete = outcome->error == EXPORTITEMS_ITEM_ERROR_NONE;
        exportitems_text error = exportitems_item_error_name(outcome->error);
        exportitems_text verdict = exportitems_verdict_name(outcome->integrity);

        printf("item %" PRIu32 ": %.*s %.*s %.*s, %" PRIu64 " bytes, offset %" PRIu64, outcome->index,
               complete ? 2 : (int)error.len, complete ? "ok" : error.ptr, TEXT(outcome->response_code),
               TEXT(verdict), outcome->bytes, outcome->offset);
        advise(sink, decoder, event);
        end_item(sink, decoder, complete);
        break;
    }
    case EXPORTITEMS_EVENT_KIND_END: {
        const exportitems_summary *summary = &event->body.summary;
        exportitems_text response = exportitems_response_name(summary->response);

        printf("response %.*s: %" PRIu32 " items, %" PRIu32 " ok, %" PRIu32 " failed, %" PRIu32 " suspect\n",
               TEXT(response), summary->items, summary->ok, summary->failed, summary->suspect);
        advise(sink, decoder, event);
        confirm(sink, summary);
        sink->failed |= summary->failed > 0 || summary->suspect > 0 || summary->response == EXPORTITEMS_RESPONSE_FAULT;
        break;
    }
    case EXPORTITEMS_EVENT_KIND_FAULT:
        advise(sink, decoder, event);
        break;
    default: /* codes and texts of the server */
        break;
    }
}

/* Ends the exchange. Prints the new limits of the endpoint, and returns how long to wait, or -1. */
static int64_t end_exchange(struct sink *sink, exportitems_endpoint *endpoint)
{
    exportitems_limits limits;
    int64_t wait_ms = -1;

    exportitems_endpoint_end(endpoint, sink->exchange, sink->now_ms, sink->random, &wait_ms, NULL);
    exportitems_endpoint_limits(endpoint, &limits, NULL);
    if (wait_ms < 0)
        printf("next request: never\n");
    else
        printf("next request: in %" PRId64 " ms, %" PRIu32 " items, %" PRIu32 " connections, %.*s\n", wait_ms,
               limits.items, limits.connections, TEXT(limits.server_version));
    return wait_ms;
}

#endif
