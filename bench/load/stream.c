/* Streams: bytes as fast as they go, counted where they are received.

   Each end of each connection is a thread that blocks: a source that writes, a sink that reads. The clients' threads are in this process, the
   servers' in another; what they count is in memory that both have. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 << 10, PATIENCE = 60, DRAIN = 1 /* seconds */, MOST = 1000, STACK = 64 << 10 };
static const double WARM_UP = 0.1; /* seconds */

struct sink {
    _Alignas(128) _Atomic uint64_t received;
    _Atomic int64_t ended; /* when its end of file came */
};

struct shared {
    struct sink sinks[2][MOST]; /* at the server: what goes up; at the client: what goes down */
    _Atomic bool stop;
    _Atomic int64_t begin;
};

enum { UP, DOWN };

struct plan {
    struct shared *shared;
    size_t connections;
    uint64_t bytes; /* that each source sends; 0 is until it is told to stop */
    bool goes[2];
    bool commands; /* whether the server is given the ends of commands */
    const struct address *server; /* where it listens */
    bool asked;    /* the server sends when it has got a byte: some relays connect only when there is something to carry */
};

struct end {
    const struct plan *plan;
    struct sink *sink;
    int in, out;
    struct tls *tls;
    bool waits_to_be_asked;
};

static void *source(void *argument) {
    struct end *end = argument;
    uint64_t left = end->plan->bytes ? end->plan->bytes : UINT64_MAX;
    char *bytes = malloc(BUFFER);
    memset(bytes, 'p', BUFFER);
    if (end->waits_to_be_asked && receive(end->tls, end->in, bytes, 1) != 1) fail("the server was not asked");
    while (left && !atomic_load_explicit(&end->plan->shared->stop, memory_order_relaxed)) {
        ssize_t size = transmit(end->tls, end->out, bytes, left < BUFFER ? left : BUFFER);
        if (size <= 0 && end->plan->shared->stop) break;
        if (size <= 0) fail("a source can't send");
        left -= (uint64_t)size;
    }
    end_sending(end->tls, end->out);
    free(bytes);
    return NULL;
}

static void *sink(void *argument) {
    struct end *end = argument;
    char *bytes = malloc(BUFFER);
    uint64_t received = 0;
    ssize_t size;
    while ((size = receive(end->tls, end->in, bytes, BUFFER)) > 0) {
        received += (uint64_t)size;
        atomic_store_explicit(&end->sink->received, received, memory_order_relaxed);
    }
    if (size == -1 && !end->plan->shared->stop) fail("a sink can't receive");
    end->sink->ended = nanoseconds();
    free(bytes);
    return NULL;
}

/* Starts the threads of one connection's end; returns how many. */
static size_t start_end(const struct plan *plan, const int ends[2], struct tls *tls, int outgoing, size_t index, pthread_t *threads) {
    struct end *end = malloc(sizeof *end);
    size_t count = 0;
    pthread_attr_t small;
    *end = (struct end){plan, &plan->shared->sinks[!outgoing][index], ends[0], ends[1], tls, outgoing == DOWN && plan->asked};
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    if (plan->goes[!outgoing] && pthread_create(&threads[count++], &small, sink, end)) fail("no thread");
    if (plan->goes[outgoing] && pthread_create(&threads[count++], &small, source, end)) fail("no thread");
    return count;
}

static void join_all(pthread_t *threads, size_t count) {
    for (size_t i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void serve_streams(int listener, void *context) {
    const struct plan *plan = context;
    pthread_t *threads = calloc(plan->connections * 2, sizeof *threads);
    size_t count = 0;
    for (size_t i = 0; i < plan->connections; i++) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        int ends[] = {connection, connection};
        if (connection == -1 || (plan->commands && !take_over(connection, ends))) fail("the server can't accept");
        count += start_end(plan, ends, start_tls(connection, plan->server, true), DOWN, i, threads + count);
    }
    join_all(threads, count);
}

static uint64_t sum(const struct plan *plan, int way) {
    uint64_t total = 0;
    for (size_t i = 0; i < plan->connections; i++) total += atomic_load_explicit(&plan->shared->sinks[way][i].received, memory_order_relaxed);
    return total;
}

/* Whether every sink has got something, or (ended) everything. */
static bool every_sink(const struct plan *plan, bool ended) {
    for (int way = UP; way <= DOWN; way++)
        for (size_t i = 0; plan->goes[way] && i < plan->connections; i++) {
            struct sink *one = &plan->shared->sinks[way][i];
            if (ended ? !one->ended : !one->received) return false;
        }
    return true;
}

/* Waits until every sink has got something, or (ended) everything; false when it takes too long or the server has failed. */
static bool wait_for_sinks(const struct plan *plan, bool ended, double seconds, pid_t server) {
    for (int64_t end = nanoseconds() + (int64_t)(seconds * 1e9); nanoseconds() < end; pause_for(0.001)) {
        int status = 0;
        if (every_sink(plan, ended)) return true;
        if (server && waitpid(server, &status, WNOHANG) == server && status) _exit(1); /* it has said why */
    }
    return false;
}

struct result {
    double seconds;
    uint64_t received[2];
};

/* What comes in during so many seconds from now, after warming up. */
static struct result in_time(const struct plan *plan, double seconds, pid_t server) {
    struct result result;
    pause_for(WARM_UP);
    int64_t begin = nanoseconds();
    uint64_t before[] = {sum(plan, UP), sum(plan, DOWN)};
    pause_for(seconds);
    /* A crowded machine may have moved nothing in a short time; then it is as long as it takes. */
    for (int64_t end = nanoseconds() + (int64_t)(PATIENCE * 1e9); nanoseconds() < end; pause_for(0.001))
        if (sum(plan, UP) != before[UP] || sum(plan, DOWN) != before[DOWN] || every_sink(plan, true)) break;
    result.seconds = (double)(nanoseconds() - begin) / 1e9;
    for (int way = UP; way <= DOWN; way++) result.received[way] = sum(plan, way) - before[way];
    for (int way = UP; way <= DOWN; way++)
        if (plan->goes[way] && every_sink(plan, true)) fail("the relay closed connections before the time was over");
    if (!result.received[UP] && !result.received[DOWN]) fail("the bytes stopped coming");
    plan->shared->stop = true;
    wait_for_sinks(plan, true, DRAIN, server); /* a relay that keeps a half-closed connection open is not waited for */
    return result;
}

/* All the bytes, from the first connect to the last end of file. */
static struct result in_bytes(const struct plan *plan, int64_t begin, pid_t server) {
    struct result result = {0};
    int64_t last = begin;
    if (!wait_for_sinks(plan, true, 120, server)) fail("the bytes did not come through in two minutes");
    for (int way = UP; way <= DOWN; way++) {
        result.received[way] = sum(plan, way);
        if (plan->goes[way] && result.received[way] != plan->bytes * plan->connections)
            fail("%llu bytes came through instead of %llu", (unsigned long long)result.received[way],
                 (unsigned long long)(plan->bytes * plan->connections));
        for (size_t i = 0; plan->goes[way] && i < plan->connections; i++)
            if (plan->shared->sinks[way][i].ended > last) last = plan->shared->sinks[way][i].ended;
    }
    result.seconds = (double)(last - begin) / 1e9;
    return result;
}

static void report(const struct plan *plan, const char *direction, const struct result *result) {
    double up = (double)result->received[UP] / result->seconds, down = (double)result->received[DOWN] / result->seconds;
    printf("{\"mode\": \"stream\", \"direction\": \"%s\", \"connections\": %zu, \"seconds\": %.3f, \"received\": %llu, "
           "\"up\": %.0f, \"down\": %.0f, \"bytes_per_second\": %.0f}\n",
           direction, plan->connections, result->seconds, (unsigned long long)(sum(plan, UP) + sum(plan, DOWN)), up, down, up + down);
}

void stream(const char *client, const char *server, const char *direction, struct amount amount, size_t connections) {
    bool both = !strcmp(direction, "both"), echo = !strcmp(server, "echo");
    struct plan plan = {.shared = shared_memory(sizeof(struct shared)), .connections = connections, .bytes = amount.bytes / connections,
                        .goes = {both || !strcmp(direction, "up"), both || !strcmp(direction, "down")}};
    plan.asked = !plan.goes[UP];
    plan.commands = is_command(server);
    struct address behind = echo || plan.commands ? (struct address){0} : parse_address(server);
    plan.server = &behind;
    if (amount.times || !(plan.goes[UP] || plan.goes[DOWN])) fail("a stream goes up, down or both, for seconds or bytes");
    if (echo && !both) fail("what is echoed goes both ways");
    end_all_after(amount.seconds + 150);
    pid_t process = start_server(serve_streams, server, &plan);
    struct address address = parse_address(client);
    pthread_t *threads = calloc(connections * 2, sizeof *threads);
    size_t count = 0;
    int64_t begin = nanoseconds();
    for (size_t i = 0; i < connections; i++) {
        int connection = connect_to(&address, 0);
        struct tls *tls = start_tls(connection, &address, false);
        if (plan.asked && transmit(tls, connection, "?", 1) != 1) fail("can't send");
        count += start_end(&plan, (int[]){connection, connection}, tls, UP, i, threads + count);
    }
    if (echo) plan.goes[UP] = false; /* from here on: what comes back is what counts, once */
    if (!wait_for_sinks(&plan, false, PATIENCE, process)) fail("nothing came through in a minute");
    struct result result = amount.seconds ? in_time(&plan, amount.seconds, process) : in_bytes(&plan, begin, process);
    report(&plan, direction, &result);
    fflush(stdout);
    end_server(process);
    _exit(0); /* threads may still wait for a relay that keeps connections open */
}
