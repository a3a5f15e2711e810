/* Reads the response to an ExportItems request from standard input, and writes each complete item to item-N.fts. It
 * allocates no memory, so the size of an item does not matter. It also prints what the retry policy advises.
 *
 *   read [CHUNK] < response.xml       CHUNK: bytes read at a time, at most (and by default) 16384
 *
 * Exit status: 0 all items are complete; 1 some are not; 2 wrong usage; 3 the response is unusable; 4 a file
 * could not be written. */
#include <stdio.h>
#include <stdlib.h>

#include "items.h"

int main(int argc, char **argv)
{
    static uint64_t memory[EXPORTITEMS_DECODER_SIZE / 8], endpoint_memory[EXPORTITEMS_ENDPOINT_SIZE / 8],
        exchange_memory[EXPORTITEMS_EXCHANGE_SIZE / 8];
    static uint8_t scratch[2048], buffer[16384];
    static struct sink sink; /* all zeros: the requested items are not known */
    exportitems_decoder *decoder;
    exportitems_endpoint *endpoint;
    exportitems_event event;
    exportitems_error error;
    exportitems_status status;
    unsigned long chunk = argc > 1 ? strtoul(argv[1], NULL, 10) : sizeof buffer;

    if (chunk == 0 || chunk > sizeof buffer || exportitems_abi_version() != EXPORTITEMS_ABI_VERSION) {
        fprintf(stderr, "usage: read [CHUNK] < response.xml\n");
        return 2;
    }
    status = exportitems_endpoint_init(endpoint_memory, sizeof endpoint_memory, NULL, NULL, &endpoint, &error);
    if (status >= 0)
        status = exportitems_exchange_init(exchange_memory, sizeof exchange_memory, endpoint, 20, &sink.exchange, &error);
    if (status >= 0)
        status = exportitems_decoder_init(memory, sizeof memory, scratch, sizeof scratch, NULL, &decoder, &error);
    while (status >= 0) {
        exportitems_bytes input = {buffer, fread(buffer, 1, chunk, stdin)};

        if (input.len == 0)
            break;
        while ((status = exportitems_decoder_next(decoder, &input, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
            take_event(&sink, decoder, &event);
    }
    if (status >= 0) {
        while ((status = exportitems_decoder_finish(decoder, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
            take_event(&sink, decoder, &event);
    }
    end_exchange(&sink, endpoint);
    if (status < 0) {
        printf("error: %s\n", error.text);
        return 3;
    }
    if (fflush(stdout) != 0 || ferror(stdin))
        return 4;
    return sink.failed ? 1 : 0;
}
