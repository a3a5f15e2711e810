/* Reads the response to an ExportItems request from standard input and writes each item that is complete to
 * item-N.fts. Nothing is allocated: memory does not depend on the size of an item.
 *
 *   read [CHUNK] < response.xml       CHUNK: bytes read at a time, at most (and by default) 16384
 *
 * Exit status: 0 all items are complete; 1 some are not; 2 wrong usage; 3 the response is unusable; 4 a file
 * could not be written. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "exportitems.h"

/* An item while it arrives: it is called item-N.fts only once it is complete. */
struct sink {
    uint32_t index;
    FILE *file;
    bool failed;
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

int main(int argc, char **argv)
{
    static uint64_t memory[EXPORTITEMS_DECODER_SIZE / 8];
    static uint8_t scratch[2048], buffer[16384];
    struct sink sink = {0, NULL, false};
    exportitems_decoder *decoder;
    exportitems_event event;
    exportitems_error error;
    exportitems_status status;
    unsigned long chunk = argc > 1 ? strtoul(argv[1], NULL, 10) : sizeof buffer;

    if (chunk == 0 || chunk > sizeof buffer || exportitems_abi_version() != EXPORTITEMS_ABI_VERSION) {
        fprintf(stderr, "usage: read [CHUNK] < response.xml\n");
        return 2;
    }
    status = exportitems_decoder_init(memory, sizeof memory, scratch, sizeof scratch, NULL, &decoder, &error);
    while (status >= 0) {
        exportitems_bytes input = {buffer, fread(buffer, 1, chunk, stdin)};

        if (input.len == 0)
            break;
        while ((status = exportitems_decoder_next(decoder, &input, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
            tell(&sink, decoder, &event);
    }
    if (status >= 0) {
        while ((status = exportitems_decoder_finish(decoder, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
            tell(&sink, decoder, &event);
    }
    if (status < 0) {
        printf("error: %s\n", error.text);
        return 3;
    }
    if (fflush(stdout) != 0 || ferror(stdin))
        return 4;
    return sink.failed ? 1 : 0;
}
