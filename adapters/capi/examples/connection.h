/* A connection of the example: TCP, and TLS by Mbed TLS if it is compiled with USE_MBEDTLS (2.28 or later).
 *
 * Mbed TLS verifies the server against the certificates of a file. The hash of the server's certificate binds the login
 * to the connection. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef USE_MBEDTLS
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#endif

struct connection {
    int fd; /* -1 if there is none */
    uint8_t certificate_hash[64];
    size_t certificate_hash_len; /* 0 without TLS */
#ifdef USE_MBEDTLS
    bool tls; /* whether `ssl` is set up */
    mbedtls_ssl_context ssl;
#endif
};

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

#ifdef USE_MBEDTLS
/* What all TLS connections share. */
static struct {
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context rng;
} tls;

static bool tls_failed(const char *what, int code)
{
    char text[128];

    mbedtls_strerror(code, text, sizeof text);
    fprintf(stderr, "%s: %s\n", what, text);
    return false;
}

/* Reads the trusted certificates. Call it once. */
static bool tls_init(const char *ca_file)
{
    int code;

    mbedtls_ssl_config_init(&tls.config);
    mbedtls_x509_crt_init(&tls.ca);
    mbedtls_entropy_init(&tls.entropy);
    mbedtls_ctr_drbg_init(&tls.rng);
    if ((code = mbedtls_ctr_drbg_seed(&tls.rng, mbedtls_entropy_func, &tls.entropy, NULL, 0)) != 0)
        return tls_failed("random generator", code);
    if ((code = mbedtls_x509_crt_parse_file(&tls.ca, ca_file)) != 0)
        return tls_failed(ca_file, code);
    if ((code = mbedtls_ssl_config_defaults(&tls.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT)) != 0)
        return tls_failed("TLS", code);
    mbedtls_ssl_conf_min_version(&tls.config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3); /* TLS 1.2 */
    mbedtls_ssl_conf_authmode(&tls.config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls.config, &tls.ca, NULL);
    mbedtls_ssl_conf_rng(&tls.config, mbedtls_ctr_drbg_random, &tls.rng);
    return true;
}

static void tls_free(void)
{
    mbedtls_ssl_config_free(&tls.config);
    mbedtls_x509_crt_free(&tls.ca);
    mbedtls_ctr_drbg_free(&tls.rng);
    mbedtls_entropy_free(&tls.entropy);
}

static int tls_send(void *context, const unsigned char *bytes, size_t len)
{
    ssize_t sent = send(*(int *)context, bytes, len, MSG_NOSIGNAL);

    return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

static int tls_receive(void *context, unsigned char *bytes, size_t len)
{
    ssize_t received = recv(*(int *)context, bytes, len, 0);

    return received < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)received;
}

/* Hashes the server's certificate by the hash function of its signature (RFC 5929, section 4.1). Mbed TLS names none for
 * signatures without one, such as Ed25519: there is no binding then. */
static void hash_certificate(struct connection *connection)
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&connection->ssl);
    mbedtls_md_type_t type = certificate->sig_md;
    const mbedtls_md_info_t *hash;

    if (type == MBEDTLS_MD_MD5 || type == MBEDTLS_MD_SHA1)
        type = MBEDTLS_MD_SHA256;
    hash = mbedtls_md_info_from_type(type);
    if (hash != NULL && mbedtls_md(hash, certificate->raw.p, certificate->raw.len, connection->certificate_hash) == 0)
        connection->certificate_hash_len = mbedtls_md_get_size(hash);
}

/* Makes the TLS handshake. */
static bool tls_open(struct connection *connection, const char *host)
{
    int code;

    mbedtls_ssl_init(&connection->ssl);
    connection->tls = true;
    if ((code = mbedtls_ssl_setup(&connection->ssl, &tls.config)) != 0 ||
        (code = mbedtls_ssl_set_hostname(&connection->ssl, host)) != 0)
        return tls_failed(host, code);
    mbedtls_ssl_set_bio(&connection->ssl, &connection->fd, tls_send, tls_receive, NULL);
    if ((code = mbedtls_ssl_handshake(&connection->ssl)) != 0)
        return tls_failed(host, code);
    fprintf(stderr, "%s\n", mbedtls_ssl_get_version(&connection->ssl));
    hash_certificate(connection);
    return true;
}
#endif

static void close_connection(struct connection *connection)
{
#ifdef USE_MBEDTLS
    if (connection->tls) {
        mbedtls_ssl_close_notify(&connection->ssl);
        mbedtls_ssl_free(&connection->ssl);
        connection->tls = false;
    }
#endif
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

/* Opens a connection. `use_tls` needs USE_MBEDTLS. */
static bool open_connection(struct connection *connection, const char *host, const char *port, bool use_tls)
{
    memset(connection, 0, sizeof *connection);
    connection->fd = connect_to(host, port);
    if (connection->fd < 0) {
        perror(host);
        return false;
    }
#ifdef USE_MBEDTLS
    if (use_tls && !tls_open(connection, host)) {
        close_connection(connection);
        return false;
    }
#else
    (void)use_tls;
#endif
    return true;
}

/* Sends all bytes. */
static bool send_all(struct connection *connection, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent;
#ifdef USE_MBEDTLS
        if (connection->tls)
            sent = mbedtls_ssl_write(&connection->ssl, bytes, len);
        else
#endif
            sent = send(connection->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Receives some bytes. Returns 0 or less at the end of the connection. */
static ssize_t receive_some(struct connection *connection, uint8_t *bytes, size_t len)
{
    if (connection->fd < 0)
        return 0;
#ifdef USE_MBEDTLS
    if (connection->tls)
        return mbedtls_ssl_read(&connection->ssl, bytes, len);
#endif
    return recv(connection->fd, bytes, len, 0);
}

/* Fills the bytes from the system's random generator. */
static bool random_bytes(uint8_t *bytes, size_t len)
{
    return getrandom(bytes, len, 0) == (ssize_t)len;
}

#endif
