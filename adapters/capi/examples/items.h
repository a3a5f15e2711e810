/* What both examples do with the items of a response: each goes to a file of its own, which is called item-N.fts
 * only once the item is complete. Prints one line an item and one for the response. */
#ifndef ITEMS_H
#define ITEMS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "exportitems.h"

/* An item while it arrives. */
struct sink {
    uint32_t index;
    FILE *file;
    bool failed; /* some item is not complete, or a file could not be written */
};

static void name_of(char *name, size_t size, uint32_t index, const char *suffix)
{
    snprintf(name, size, "item-%" PRIu32 ".%s", index, suffix);
}

static void write_data(struct sink *sink, exportitems_decoder *decoder, exportitems_bytes data)
{
    char name[32];

    if (sink->file == NULL) {
        name_of(name, sizeof name, sink->index, "part");
        sink->file = fopen(name, "wb");
    }
    if (sink->file == NULL || fwrite(data.ptr, 1, data.len, sink->file) != data.len) {
        exportitems_decoder_reject_item(decoder);
        sink->failed = true;
    }
}

/* The file gets its name, or goes. */
static void end_item(struct sink *sink, exportitems_decoder *decoder, bool complete)
{
    char part[32], name[32];

    if (sink->file == NULL)
        return;
    name_of(part, sizeof part, sink->index, "part");
    name_of(name, sizeof name, sink->index, "fts");
    bool closed = fclose(sink->file) == 0;
    sink->file = NULL;
    if (!complete) {
        remove(part);
    } else if (!closed || rename(part, name) != 0) {
        exportitems_decoder_reject_item(decoder);
        sink->failed = true;
    }
}

/* A text, or "-" where there is none, as printf's "%.*s" takes it. */
#define TEXT(text) (text).ptr ? (int)(text).len : 1, (text).ptr ? (text).ptr : "-"

static void tell(struct sink *sink, exportitems_decoder *decoder, const exportitems_event *event)
{
    switch (event->kind) {
    case EXPORTITEMS_EVENT_KIND_MESSAGE_START:
        sink->index = event->body.message_start.index;
        break;
    case EXPORTITEMS_EVENT_KIND_DATA:
        write_data(sink, decoder, event->body.data);
        break;
    case EXPORTITEMS_EVENT_KIND_OUTCOME: {
        const exportitems_outcome *outcome = &event->body.outcome;
        bool complete = outcome->error == EXPORTITEMS_ITEM_ERROR_NONE;
        exportitems_text error = exportitems_item_error_name(outcome->error);
        exportitems_text verdict = exportitems_verdict_name(outcome->integrity);

        end_item(sink, decoder, complete);
        printf("item %" PRIu32 ": %.*s %.*s %.*s, %" PRIu64 " bytes, offset %" PRIu64 "\n", outcome->index,
               complete ? 2 : (int)error.len, complete ? "ok" : error.ptr, TEXT(outcome->response_code),
               TEXT(verdict), outcome->bytes, outcome->offset);
        break;
    }
    case EXPORTITEMS_EVENT_KIND_END: {
        const exportitems_summary *summary = &event->body.summary;
        exportitems_text response = exportitems_response_name(summary->response);

        printf("response %.*s: %" PRIu32 " items, %" PRIu32 " ok, %" PRIu32 " failed, %" PRIu32 " suspect\n",
               TEXT(response), summary->items, summary->ok, summary->failed, summary->suspect);
        sink->failed |= summary->failed > 0 || summary->response == EXPORTITEMS_RESPONSE_FAULT;
        break;
    }
    default: /* codes and texts of the server */
        break;
    }
}

#endif
