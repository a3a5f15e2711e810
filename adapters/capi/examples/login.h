/* The login of the example by NTLM: one handshake for each connection, before the first request with a body. */
#ifndef LOGIN_H
#define LOGIN_H

#include <stdlib.h>
#include <strings.h>

#include "connection.h"
#include "exportitems.h"

static uint8_t buffer[16384];
static exportitems_error error;

struct session {
    const char *host, *port;
    const char *user; /* NULL: no login */
    bool use_tls;
    bool refused; /* the server has refused the login; trying again could lock the account */
    struct connection connection;
    char authorization[1536]; /* of the next request; empty if it needs none */
};

static exportitems_text text(const char *string)
{
    exportitems_text text = {string, strlen(string)};
    return text;
}

/* Reports a mistake of the caller. Another request would not help. */
static bool refused(void)
{
    fprintf(stderr, "%s\n", error.text);
    exit(2);
}

/* Sends the head of a request with a body of this length. */
static bool send_head(struct session *session, uint64_t content_length)
{
    static uint64_t memory[64];
    const exportitems_http_header headers[] = {
        {text("Content-Type"), text("text/xml; charset=utf-8")},
        {text("Accept-Encoding"), text("identity")},
        {text("Authorization"), text(session->authorization)}, /* the last one, so that it can be left out */
    };
    char authority[256];
    exportitems_http_request_head head;
    exportitems_http_request *encoder;
    size_t len;

    snprintf(authority, sizeof authority, "%s:%s", session->host, session->port);
    memset(&head, 0, sizeof head);
    head.target = text("/EWS/Exchange.asmx");
    head.host = text(authority);
    head.headers = headers;
    head.headers_len = session->authorization[0] != 0 ? 3 : 2;
    head.content_length = content_length;
    if (exportitems_http_request_init(memory, sizeof memory, &head, &encoder, &error) < 0)
        return refused();
    do {
        if (exportitems_http_request_write(encoder, buffer, sizeof buffer, &len, &error) < 0)
            return refused();
        if (!send_all(&session->connection, buffer, len))
            return false;
    } while (len > 0);
    return true;
}

/* Answers the challenge in a field of the response's head, if it has one. */
static bool take_challenge(struct session *session, const exportitems_http_event *field)
{
    static uint8_t scratch[2048];
    const char *password = getenv("EXPORTITEMS_PASSWORD");
    exportitems_ntlm_login login;
    exportitems_status status;
    size_t len;

    if (field->name.len != 16 || strncasecmp(field->name.ptr, "WWW-Authenticate", 16) != 0)
        return false;
    login.user = text(session->user);
    login.password = text(password != NULL ? password : "");
    login.host = text(session->host);
    login.certificate_hash.ptr = session->connection.certificate_hash;
    login.certificate_hash.len = session->connection.certificate_hash_len;
    if (!random_bytes(login.nonce, sizeof login.nonce))
        return false;
    status = exportitems_ntlm_authenticate(&login, EXPORTITEMS_NTLM_SCHEME_NTLM, field->data, scratch, sizeof scratch,
                                           session->authorization, sizeof session->authorization - 1, &len, &error);
    if (status < 0)
        fprintf(stderr, "%s\n", error.text);
    if (status != EXPORTITEMS_STATUS_EVENT)
        return false;
    session->authorization[len] = 0;
    return true;
}

/* Sends the first message without a body, and makes the last message of the challenge in the response. */
static bool log_in(struct session *session)
{
    static uint64_t memory[EXPORTITEMS_HTTP_RESPONSE_SIZE / 8];
    static uint8_t line[4096];
    exportitems_http_response *http;
    exportitems_http_event event;
    exportitems_bytes input;
    exportitems_status status = EXPORTITEMS_STATUS_OK;
    bool answered = false;
    size_t len;
    ssize_t received;

    session->authorization[0] = 0;
    if (session->user == NULL)
        return true;
    if (exportitems_ntlm_negotiate(EXPORTITEMS_NTLM_SCHEME_NTLM, session->authorization,
                                   sizeof session->authorization - 1, &len, &error) < 0 ||
        exportitems_http_response_init(memory, sizeof memory, line, sizeof line, &http, &error) < 0)
        return refused();
    session->authorization[len] = 0;
    if (!send_head(session, 0))
        return false;
    /* The whole response is read, so that the connection can be used again. */
    while (status >= 0 && !exportitems_http_response_is_complete(http)) {
        received = receive_some(&session->connection, buffer, sizeof buffer);
        if (received <= 0)
            break;
        input.ptr = buffer;
        input.len = (size_t)received;
        while ((status = exportitems_http_response_next(http, &input, &event, &error)) == EXPORTITEMS_STATUS_EVENT) {
            if (event.kind == EXPORTITEMS_HTTP_EVENT_KIND_FIELD && !answered)
                answered = take_challenge(session, &event);
        }
    }
    if (!answered || !exportitems_http_response_is_complete(http)) {
        fprintf(stderr, "the server does not answer the login by NTLM\n");
        session->refused = true;
        return false;
    }
    return true;
}

#endif
