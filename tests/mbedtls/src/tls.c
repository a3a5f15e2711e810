/* A TLS 1.2 client by Mbed TLS 2.28 or later, whose structs are hidden from Rust. `tls.rs` declares these functions. */

#include <stdlib.h>

#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

struct tls {
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca;
    mbedtls_ssl_context ssl;
};

void tls_free(struct tls *tls)
{
    mbedtls_ssl_free(&tls->ssl);
    mbedtls_x509_crt_free(&tls->ca);
    mbedtls_ssl_config_free(&tls->config);
    free(tls);
}

static int set_up(struct tls *tls, const unsigned char *ca, size_t ca_len, const char *host)
{
    int code;

    if ((code = mbedtls_x509_crt_parse_der(&tls->ca, ca, ca_len)) != 0)
        return code;
    if ((code = mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT)) != 0)
        return code;
    mbedtls_ssl_conf_min_version(&tls->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3); /* TLS 1.2 */
    mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls->config, &tls->ca, NULL);
    if ((code = mbedtls_ssl_setup(&tls->ssl, &tls->config)) != 0)
        return code;
    return mbedtls_ssl_set_hostname(&tls->ssl, host);
}

/* Returns a client that trusts this authority, in DER, for this host; or NULL, and the reason in `code`. */
struct tls *tls_new(const unsigned char *ca, size_t ca_len, const char *host, int *code)
{
    struct tls *tls = malloc(sizeof *tls);

    if (tls == NULL) {
        *code = MBEDTLS_ERR_SSL_ALLOC_FAILED;
        return NULL;
    }
    mbedtls_ssl_config_init(&tls->config);
    mbedtls_x509_crt_init(&tls->ca);
    mbedtls_ssl_init(&tls->ssl);
    if ((*code = set_up(tls, ca, ca_len, host)) != 0) {
        tls_free(tls);
        return NULL;
    }
    return tls;
}

/* Sets what the next call uses. `transport` is passed to both functions. */
void tls_use(struct tls *tls, void *transport, mbedtls_ssl_send_t *send, mbedtls_ssl_recv_t *receive)
{
    mbedtls_ssl_set_bio(&tls->ssl, transport, send, receive, NULL);
}

/* Makes the handshake. `random` fills bytes from a generator that cannot be predicted. */
int tls_handshake(struct tls *tls, int (*random)(void *, unsigned char *, size_t), void *generator)
{
    mbedtls_ssl_conf_rng(&tls->config, random, generator);
    return mbedtls_ssl_handshake(&tls->ssl);
}

/* Returns how many bytes were read: 0 at the end, which the server has announced, and an error below 0. */
int tls_read(struct tls *tls, unsigned char *bytes, size_t len)
{
    int read = mbedtls_ssl_read(&tls->ssl, bytes, len);

    return read == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? 0 : read;
}

/* Returns how many bytes were written, or an error below 0. */
int tls_write(struct tls *tls, const unsigned char *bytes, size_t len)
{
    return mbedtls_ssl_write(&tls->ssl, bytes, len);
}

/* Hashes the server's certificate by the hash function of its signature (RFC 5929, section 4.1), and returns the length.
 * It is 0 for signatures without one, such as Ed25519. */
size_t tls_certificate_hash(const struct tls *tls, unsigned char *hash)
{
    const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&tls->ssl);
    const mbedtls_md_info_t *function;
    mbedtls_md_type_t type;

    if (certificate == NULL)
        return 0;
    type = certificate->sig_md;
    if (type == MBEDTLS_MD_MD5 || type == MBEDTLS_MD_SHA1)
        type = MBEDTLS_MD_SHA256;
    function = mbedtls_md_info_from_type(type);
    if (function == NULL || mbedtls_md(function, certificate->raw.p, certificate->raw.len, hash) != 0)
        return 0;
    return mbedtls_md_get_size(function);
}

const char *tls_version(const struct tls *tls)
{
    return mbedtls_ssl_get_version(&tls->ssl);
}

void tls_error_text(int code, char *text, size_t len)
{
    mbedtls_strerror(code, text, len);
}
