/* Exports items from an EWS server, and writes each complete item to item-N.fts. Failed items are requested again as the
 * retry policy advises.
 *
 *   export [-a ATTEMPTS] [-u USER] [-c CA] HOST PORT ID...
 *     -a: the limit for each kind of failure
 *     -u: log in by NTLM as USER, with the password in the environment variable EXPORTITEMS_PASSWORD
 *     -c: use TLS, and trust the certificates in the PEM file CA. Needs Mbed TLS:
 *         cc -DUSE_MBEDTLS export.c -lmbedtls -lmbedx509 -lmbedcrypto ...
 *
 * Only getaddrinfo(), stdio and Mbed TLS allocate memory; the size of an item does not matter.
 *
 * Exit status: 0 all items are complete; 1 some are not; 2 wrong usage; 3 some are not, and the last response was
 * unusable. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "connection.h"
#include "items.h"
#include "login.h"

#define MOST_ITEMS 100


/* Milliseconds since the first call. */
static uint64_t now_ms(void)
{
    static uint64_t start;
    struct timespec now;
    uint64_t ms;

    clock_gettime(CLOCK_MONOTONIC, &now);
    ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (start == 0)
        start = ms;
    return ms - start;
}

static void wait_for(uint64_t ms)
{
    struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

/* Sends the request: first the head, then the body, whose length is known beforehand. */
static bool send_request(struct session *session, const struct sink *sink, exportitems_text version)
{
    static uint64_t memory[MOST_ITEMS * 8];
    static exportitems_item_id items[MOST_ITEMS];
    exportitems_request request;
    exportitems_encoder *encoder;
    size_t i, len;

    for (i = 0; i < sink->asked_len; i++)
        items[i].id = sink->asked[i]->id;
    memset(&request, 0, sizeof request);
    request.items = items;
    request.items_len = sink->asked_len;
    request.server_version = version;
    if (exportitems_encoder_init(memory, sizeof memory, &request, &encoder, &error) < 0)
        return refused();

    if (!send_head(session, exportitems_encoder_len(encoder)))
        return false;
    do {
        if (exportitems_encoder_write(encoder, buffer, sizeof buffer, &len, &error) < 0)
            return refused();
        if (!send_all(&session->connection, buffer, len))
            return false;
    } while (len > 0);
    return true;
}

/* The fields of an HTTP head that the policy needs. */
struct http_head {
    long retry_after_s;
    char location[256];
};

static bool is_named(const exportitems_http_event *field, const char *name)
{
    return field->name.len == strlen(name) && strncasecmp(field->name.ptr, name, field->name.len) == 0;
}

static void take_head(struct http_head *head, const exportitems_http_event *part, exportitems_exchange *exchange)
{
    char value[sizeof head->location];

    if (part->kind == EXPORTITEMS_HTTP_EVENT_KIND_FIELD) {
        snprintf(value, sizeof value, "%.*s", (int)part->data.len, (const char *)part->data.ptr);
        if (is_named(part, "Location"))
            memcpy(head->location, value, sizeof value);
        if (is_named(part, "Retry-After") && value[0] >= '0' && value[0] <= '9')
            head->retry_after_s = strtol(value, NULL, 10);
    } else if (part->kind == EXPORTITEMS_HTTP_EVENT_KIND_HEAD) {
        exportitems_exchange_http(exchange, part->status, head->retry_after_s, text(head->location), NULL);
    }
}

/* Decodes the bytes of the response that have arrived. */
static exportitems_status take(exportitems_http_response *http, struct http_head *head, exportitems_decoder *decoder,
                               struct sink *sink, exportitems_bytes input)
{
    exportitems_http_event part;
    exportitems_event event;
    exportitems_status status, inner;

    while ((status = exportitems_http_response_next(http, &input, &part, &error)) == EXPORTITEMS_STATUS_EVENT) {
        if (part.kind == EXPORTITEMS_HTTP_EVENT_KIND_HEAD && part.coded)
            fprintf(stderr, "the body is compressed, although the request rules that out\n");
        if (part.kind != EXPORTITEMS_HTTP_EVENT_KIND_DATA) {
            take_head(head, &part, sink->exchange);
            continue;
        }
        while ((inner = exportitems_decoder_next(decoder, &part.data, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
            take_event(sink, decoder, &event);
        if (inner < 0)
            return inner;
    }
    return status;
}

/* Reads the response to its end or to the end of the connection. Without a connection, all items fail. */
static exportitems_status receive(struct connection *connection, struct sink *sink)
{
    static uint64_t memory[EXPORTITEMS_DECODER_SIZE / 8], http_memory[EXPORTITEMS_HTTP_RESPONSE_SIZE / 8];
    static uint8_t scratch[4096], line[1024];
    exportitems_options options = {0, 0, 0, 0};
    struct http_head head = {-1, ""};
    exportitems_decoder *decoder;
    exportitems_http_response *http;
    exportitems_event event;
    exportitems_error first;
    exportitems_status status, end;
    ssize_t len = 1;

    options.items = sink->asked_len;
    if ((status = exportitems_decoder_init(memory, sizeof memory, scratch, sizeof scratch, &options, &decoder,
                                           &error)) < 0 ||
        (status = exportitems_http_response_init(http_memory, sizeof http_memory, line, sizeof line, &http,
                                                 &error)) < 0)
        return status;
    while (status >= 0 && len > 0 && !exportitems_http_response_is_complete(http)) {
        len = receive_some(connection, buffer, sizeof buffer);
        if (len > 0) {
            exportitems_bytes input = {buffer, (size_t)len};
            status = take(http, &head, decoder, sink, input);
        } else if ((status = exportitems_http_response_finish(http, &error)) < 0) {
            exportitems_exchange_cut(sink->exchange, NULL);
        }
    }
    /* Every requested item gets its outcome, even after an error. The first error is reported. */
    first = error;
    while ((end = exportitems_decoder_finish(decoder, &event, &error)) == EXPORTITEMS_STATUS_EVENT)
        take_event(sink, decoder, &event);
    if (status < 0)
        error = first;
    return status < 0 ? status : end;
}

/* Requests the items that are ready, and reads the response. */
static exportitems_status exchange(struct session *session, exportitems_endpoint *endpoint, struct sink *sink)
{
    static uint64_t memory[EXPORTITEMS_EXCHANGE_SIZE / 8];
    exportitems_limits limits;
    exportitems_status status;

    exportitems_endpoint_limits(endpoint, &limits, NULL);
    status = exportitems_exchange_init(memory, sizeof memory, endpoint, sink->asked_len, &sink->exchange, &error);
    if (status < 0)
        return status;
    if (open_connection(&session->connection, session->host, session->port, session->use_tls)) {
        if (log_in(session))
            send_request(session, sink, limits.server_version); /* if it fails, so does the response */
        else
            close_connection(&session->connection);
    }
    status = receive(&session->connection, sink);
    close_connection(&session->connection);
    if (status < 0)
        fprintf(stderr, "error: %s\n", error.text);
    return status;
}

/* Chooses at most `most` items to request now, and returns when the first of all items is ready. A suspect item is
 * requested alone. */
static uint64_t choose(struct sink *sink, uint32_t most, struct item *items, size_t count)
{
    uint64_t first = NEVER;
    size_t i;

    sink->asked_len = 0;
    sink->now_ms = now_ms();
    for (i = 0; i < count; i++) {
        if (items[i].ready_ms < first)
            first = items[i].ready_ms;
        if (items[i].ready_ms <= sink->now_ms && sink->asked_len < (items[i].suspected > 0 ? 1 : most) &&
            (sink->asked_len == 0 || sink->asked[0]->suspected == 0))
            sink->asked[sink->asked_len++] = &items[i];
    }
    return first;
}

int main(int argc, char **argv)
{
    static uint64_t memory[EXPORTITEMS_ENDPOINT_SIZE / 8];
    static struct item items[MOST_ITEMS], *asked[MOST_ITEMS];
    static struct sink sink;
    static struct session session;
    exportitems_policy policy = exportitems_policy_default();
    exportitems_endpoint *endpoint;
    exportitems_limits limits;
    exportitems_status status = EXPORTITEMS_STATUS_OK;
    uint64_t ready_ms;
    int64_t wait_ms = 0;
    size_t count, i;

    while (argc > 2 && argv[1][0] == '-') {
        if (strcmp(argv[1], "-a") == 0)
            policy.throttled.attempts = policy.transient.attempts = policy.truncated.attempts = (uint8_t)atoi(argv[2]);
        else if (strcmp(argv[1], "-u") == 0)
            session.user = argv[2];
#ifdef USE_MBEDTLS
        else if (strcmp(argv[1], "-c") == 0 && tls_init(argv[2]))
            session.use_tls = true;
#endif
        else
            break;
        argv += 2;
        argc -= 2;
    }
    if (argc < 4 || argc - 3 > MOST_ITEMS || argv[1][0] == '-' ||
        exportitems_abi_version() != EXPORTITEMS_ABI_VERSION) {
        fprintf(stderr, "usage: export [-a ATTEMPTS] [-u USER] [-c CA] HOST PORT ID...\n");
        return 2;
    }
    session.host = argv[1];
    session.port = argv[2];
    count = (size_t)(argc - 3);
    for (i = 0; i < count; i++) {
        items[i].number = (uint32_t)i;
        items[i].id = text(argv[3 + i]);
    }
    sink.asked = asked;
    srand((unsigned)time(NULL) ^ (unsigned)getpid());
    if (exportitems_endpoint_init(memory, sizeof memory, NULL, &policy, &endpoint, &error) < 0)
        return 2;
    while (wait_ms >= 0 && !session.refused) {
        exportitems_endpoint_limits(endpoint, &limits, NULL);
        ready_ms = choose(&sink, limits.items, items, count);
        if (ready_ms == NEVER)
            break;
        if (sink.asked_len == 0) {
            wait_for(ready_ms - sink.now_ms);
            continue;
        }
        sink.random = (uint32_t)rand() << 16 ^ (uint32_t)rand();
        status = exchange(&session, endpoint, &sink);
        wait_ms = end_exchange(&sink, endpoint);
        if (wait_ms > 0)
            wait_for((uint64_t)wait_ms);
    }
    fflush(stdout);
#ifdef USE_MBEDTLS
    if (session.use_tls)
        tls_free();
#endif
    for (i = 0; i < count && items[i].complete; i++) {
    }
    return i == count ? 0 : status < 0 ? 3 : 1;
}
