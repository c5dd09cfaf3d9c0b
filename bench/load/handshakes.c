/* TLS handshakes a second: so many clients at once, each a thread that connects, has its handshake, sends 64 bytes, gets 64 back, closes, and
   begins again. */
#define _GNU_SOURCE
#include "openssl.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLIENTS = 64, LONGEST = 60 /* seconds */ };

struct run {
    struct address address;
    SSL_CTX *context;
    bool resumes;
    pthread_mutex_t lock; /* of the latencies */
    struct latencies all;
    _Atomic int64_t left;
    _Atomic int64_t end;
    pthread_barrier_t begun;
};

static void exchange(SSL *ssl) {
    char message[MESSAGE] = {0};
    if (SSL_write(ssl, message, MESSAGE) != MESSAGE) fail_in_tls("can't send");
    for (int received = 0; received < MESSAGE;) {
        int some = SSL_read(ssl, message, MESSAGE - received);
        if (some <= 0) fail_in_tls("no answer");
        received += some;
    }
}

/* One connection, which resumes the session if there is one; returns its own. */
static SSL_SESSION *connection(struct run *run, SSL_SESSION *session) {
    int socket = connect_to(&run->address, 0), yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    bound_waiting(socket);
    SSL *ssl = SSL_new(run->context);
    SSL_set_fd(ssl, socket);
    if (session) SSL_set_session(ssl, session);
    if (SSL_connect(ssl) != 1) fail_in_tls("no handshake");
    if (session && !SSL_session_reused(ssl)) fail("the relay does not resume sessions");
    exchange(ssl);
    SSL_SESSION *own = run->resumes ? SSL_get1_session(ssl) : NULL; /* with the ticket, which came before the answer */
    SSL_shutdown(ssl);
    close(socket);
    SSL_free(ssl);
    SSL_SESSION_free(session);
    return own;
}

static void *client(void *argument) {
    struct run *run = argument;
    SSL_SESSION *session = connection(run, NULL);
    pthread_barrier_wait(&run->begun);
    pthread_barrier_wait(&run->begun); /* now the time counts */
    for (int64_t begin = nanoseconds(); begin < run->end;) {
        if (atomic_fetch_sub(&run->left, 1) <= 0) break;
        session = connection(run, session);
        int64_t now = nanoseconds();
        pthread_mutex_lock(&run->lock);
        add_latency(&run->all, now - begin);
        pthread_mutex_unlock(&run->lock);
        begin = now;
    }
    SSL_SESSION_free(session);
    return NULL;
}

/* The server where there is no relay: one client after the other. */
static void serve_tls_echoes(int listener, void *context) {
    SSL_CTX *tls = new_tls_context(context, true);
    int connection, yes = 1;
    while ((connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) != -1) {
        char message[MESSAGE];
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        SSL *ssl = SSL_new(tls);
        SSL_set_fd(ssl, connection);
        if (SSL_accept(ssl) == 1)
            for (int size; (size = SSL_read(ssl, message, MESSAGE)) > 0;) SSL_write(ssl, message, size);
        SSL_free(ssl);
        close(connection);
    }
}

void handshakes(const char *client_at, const char *server, const char *kind, struct amount amount, size_t clients) {
    struct run run = {.address = parse_address(client_at), .all = new_latencies(), .lock = PTHREAD_MUTEX_INITIALIZER,
                      .left = amount.times ? (int64_t)amount.times : INT64_MAX, .resumes = !strcmp(kind, "resumed")};
    struct address behind = parse_address(server);
    pthread_t threads[CLIENTS];
    if (!run.address.pem) fail("handshakes are TLS's: the client's address is to begin with tls=");
    if (amount.bytes || (!run.resumes && strcmp(kind, "full"))) fail("handshakes are full or resumed, for seconds or times");
    end_all_after(amount.seconds + LONGEST);
    pid_t process = start_server(behind.pem ? serve_tls_echoes : serve_echoes, server, &behind);
    run.context = new_tls_context(&run.address, false);
    SSL_CTX_set_session_cache_mode(run.context, SSL_SESS_CACHE_OFF);
    pthread_barrier_init(&run.begun, NULL, (unsigned)clients + 1);
    for (size_t i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, client, &run)) fail("no thread");
    pthread_barrier_wait(&run.begun);
    int64_t begin = nanoseconds();
    run.end = begin + (int64_t)((amount.seconds ? amount.seconds : LONGEST) * 1e9);
    pthread_barrier_wait(&run.begun);
    for (size_t i = 0; i < clients; i++) pthread_join(threads[i], NULL);
    double seconds = (double)(nanoseconds() - begin) / 1e9;
    end_server(process);
    sort_latencies(&run.all);
    printf("{\"mode\": \"handshakes\", \"kind\": \"%s\", \"clients\": %zu, \"count\": %zu, \"seconds\": %.3f, \"per_second\": %.1f, "
           "\"median_us\": %.1f, \"p99_us\": %.1f}\n",
           kind, clients, run.all.count, seconds, (double)run.all.count / seconds, microseconds_at(&run.all, 0.5),
           microseconds_at(&run.all, 0.99));
}
