/* Exports items from an EWS server, over a plain TCP connection, and writes each that is complete to item-N.fts.
 *
 *   export HOST PORT ID...
 *
 * No TLS, no credentials: the server is the emulator, or a proxy that adds both. Nothing is allocated but what
 * getaddrinfo() and stdio take; memory does not depend on the size of an item.
 *
 * Exit status: 0 all items are complete; 1 some are not; 2 wrong usage; 3 the response is unusable; 4 the server
 * cannot be reached or a file not be written. */
#define _POSIX_C_SOURCE 200112L
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "items.h"

#define MOST_ITEMS 100

static uint8_t buffer[16384];
static exportitems_error error;

static exportitems_text text(const char *string)
{
    exportitems_text text = {string, strlen(string)};
    return text;
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints, *found, *at;
    int fd = -1;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    for (at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The request: the head, then the body, whose length is known beforehand. */
static int send_request(int fd, const char *host, const char *port, char **ids, size_t count)
{
    static uint64_t memory[MOST_ITEMS * 8], head_memory[64];
    static exportitems_item_id items[MOST_ITEMS];
    const exportitems_http_header headers[] = {
        {text("Content-Type"), text("text/xml; charset=utf-8")},
        {text("Connection"), text("close")},
    };
    char authority[256];
    exportitems_request request;
    exportitems_encoder *encoder;
    exportitems_http_request_head head;
    exportitems_http_request *head_encoder;
    size_t i, len;

    for (i = 0; i < count; i++)
        items[i].id = text(ids[i]);
    memset(&request, 0, sizeof request);
    request.items = items;
    request.items_len = count;
    if (exportitems_encoder_init(memory, sizeof memory, &request, &encoder, &error) < 0)
        return 2;

    snprintf(authority, sizeof authority, "%s:%s", host, port);
    memset(&head, 0, sizeof head);
    head.target = text("/EWS/Exchange.asmx");
    head.host = text(authority);
    head.headers = headers;
    head.headers_len = sizeof headers / sizeof headers[0];
    head.content_length = exportitems_encoder_len(encoder);
    if (exportitems_http_request_init(head_memory, sizeof head_memory, &head, &head_encoder, &error) < 0)
        return 2;

    do {
        if (exportitems_http_request_write(head_encoder, buffer, sizeof buffer, &len, &error) < 0)
            return 2;
        if (!send_all(fd, buffer, len))
            return 4;
    } while (len > 0);
    do {
        if (exportitems_encoder_write(encoder, buffer, sizeof buffer, &len, &error) < 0)
            return 2;
        if (!send_all(fd, buffer, len))
            return 4;
    } while (len > 0);
    return 0;
}

/* Everything of the response that has arrived: HTTP's data go to the decoder. */
static exportitems_status take(exportitems_http_response *http, exportitems_decoder *decoder, struct sink *sink,
                               exportitems_bytes input)
{
    exportitems_http_event part;
    exportitems_event event;
    exportitems_status status, inner;

    while ((status = exportitems_http_response_next(http, &input, &part, &error)) == EXPORTITEMS_STATUS_EVENT) {
        if (part.kind == EXPORTITEMS_HTTP_EVENT_KIND_HEAD && part.status != 200)
            fprintf(stderr, "HTTP status %" PRIu32 "\n", part.status);
        if (part.kind != EXPORTITEMS_HTTP_EVENT_KIND_DATA)
            continue;
        while ((inner = exportitems_decoder_next(decoder, &part.data, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
            tell(sink, decoder, &event);
        if (inner < 0)
            return inner;
    }
    return status;
}

/* The response, to its end or to the end of the connection. */
static exportitems_status receive(int fd, uint32_t items, struct sink *sink)
{
    static uint64_t memory[EXPORTITEMS_DECODER_SIZE / 8], http_memory[EXPORTITEMS_HTTP_RESPONSE_SIZE / 8];
    static uint8_t scratch[4096], line[1024];
    exportitems_options options = {0, 0, 0, 0};
    exportitems_decoder *decoder;
    exportitems_http_response *http;
    exportitems_event event;
    exportitems_error cut = {0, 0, 0, {0}};
    exportitems_status status;
    ssize_t len = 1;

    options.items = items;
    if ((status = exportitems_decoder_init(memory, sizeof memory, scratch, sizeof scratch, &options, &decoder,
                                           &error)) < 0 ||
        (status = exportitems_http_response_init(http_memory, sizeof http_memory, line, sizeof line, &http,
                                                 &error)) < 0)
        return status;
    while (status >= 0 && len > 0 && !exportitems_http_response_is_complete(http)) {
        len = recv(fd, buffer, sizeof buffer, 0);
        if (len > 0) {
            exportitems_bytes input = {buffer, (size_t)len};
            status = take(http, decoder, sink, input);
        } else {
            status = exportitems_http_response_finish(http, &error);
        }
    }
    /* Whatever happened, every item that was asked for gets its outcome; the first error is the one to tell. */
    cut = error;
    for (;;) {
        exportitems_status end = exportitems_decoder_finish(decoder, &event, &error);
        if (end == EXPORTITEMS_STATUS_EVENT) {
            tell(sink, decoder, &event);
            continue;
        }
        if (status < 0)
            error = cut;
        return status < 0 ? status : end;
    }
}

int main(int argc, char **argv)
{
    struct sink sink = {0, NULL, false};
    int fd, result;

    if (argc < 4 || argc - 3 > MOST_ITEMS || exportitems_abi_version() != EXPORTITEMS_ABI_VERSION) {
        fprintf(stderr, "usage: export HOST PORT ID...\n");
        return 2;
    }
    fd = connect_to(argv[1], argv[2]);
    if (fd < 0) {
        perror(argv[1]);
        return 4;
    }
    result = send_request(fd, argv[1], argv[2], argv + 3, (size_t)(argc - 3));
    if (result == 4)
        perror(argv[1]);
    if (result == 2)
        fprintf(stderr, "%s\n", error.text);
    if (result == 0 && receive(fd, (uint32_t)(argc - 3), &sink) < 0) {
        fprintf(stderr, "error: %s\n", error.text);
        result = 3;
    }
    close(fd);
    if (result == 0 && fflush(stdout) != 0)
        result = 4;
    return result == 0 && sink.failed ? 1 : result;
}
