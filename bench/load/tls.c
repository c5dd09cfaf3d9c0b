/* TLS on sockets, of one version, cipher and key exchange: what relays would choose by themselves is not to make the difference. */
#define _GNU_SOURCE
#include "openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_AHEAD = 128 << 10 };

struct tls {
    SSL *ssl;
    pthread_mutex_t lock; /* one thread reads and one writes, and OpenSSL allows one at a time */
    int descriptor;
};

void fail_in_tls(const char *what) {
    char words[256] = "the other side has gone";
    if (ERR_peek_error()) ERR_error_string_n(ERR_get_error(), words, sizeof words);
    fail("%s: %s", what, words);
}

SSL_CTX *new_tls_context(const struct address *address, bool serves) {
    SSL_CTX *context = SSL_CTX_new(serves ? TLS_server_method() : TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) || !SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") ||
        !SSL_CTX_set1_groups_list(context, "X25519"))
        fail_in_tls("OpenSSL");
    if (serves && (SSL_CTX_use_certificate_chain_file(context, address->pem) != 1 ||
                   SSL_CTX_use_PrivateKey_file(context, address->pem, SSL_FILETYPE_PEM) != 1))
        fail_in_tls(address->pem);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(context, 1); /* many records for one system call */
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
    return context;
}

struct tls *start_tls(int connection, const struct address *address, bool serves) {
    if (!address->pem) return NULL;
    struct tls *tls = malloc(sizeof *tls);
    SSL_CTX *context = new_tls_context(address, serves);
    *tls = (struct tls){.ssl = SSL_new(context), .lock = PTHREAD_MUTEX_INITIALIZER, .descriptor = connection};
    SSL_set_fd(tls->ssl, connection);
    if ((serves ? SSL_accept(tls->ssl) : SSL_connect(tls->ssl)) != 1) fail_in_tls("no handshake");
    fcntl(connection, F_SETFL, O_NONBLOCK);
    return tls;
}

/* What a call's result means: 1 is done, 0 an end, -1 an error; 2 is to be tried again, when the socket is ready for it. */
static int meaning(struct tls *tls, int result) {
    if (result == 1) return 1;
    int why = SSL_get_error(tls->ssl, result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 2 : why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t receive(struct tls *tls, int descriptor, char *bytes, size_t size) {
    if (!tls) return read(descriptor, bytes, size);
    for (struct pollfd readable = {.fd = descriptor, .events = POLLIN};; poll(&readable, 1, -1)) {
        size_t count = 0;
        pthread_mutex_lock(&tls->lock);
        ERR_clear_error();
        int result = meaning(tls, SSL_read_ex(tls->ssl, bytes, size, &count));
        pthread_mutex_unlock(&tls->lock);
        if (result < 2) return result == 1 ? (ssize_t)count : result;
    }
}

ssize_t transmit(struct tls *tls, int descriptor, const char *bytes, size_t size) {
    if (!tls) return write(descriptor, bytes, size);
    for (struct pollfd writable = {.fd = descriptor, .events = POLLOUT};; poll(&writable, 1, -1)) {
        size_t count = 0;
        pthread_mutex_lock(&tls->lock);
        ERR_clear_error();
        int result = meaning(tls, SSL_write_ex(tls->ssl, bytes, size, &count));
        pthread_mutex_unlock(&tls->lock);
        if (result < 2) return result == 1 ? (ssize_t)count : result;
    }
}

void end_sending(struct tls *tls, int descriptor) {
    if (tls) {
        pthread_mutex_lock(&tls->lock);
        SSL_shutdown(tls->ssl);
        pthread_mutex_unlock(&tls->lock);
    } else if (shutdown(descriptor, SHUT_WR)) {
        close(descriptor); /* a pipe's end */
    }
    errno = 0;
}
