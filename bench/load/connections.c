/* Connections a second: so many clients at once, each of which connects, sends 64 bytes, gets 64 back, closes, and begins again. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, STALLED = 60000 /* milliseconds */ };

struct slot {
    int connection;
    bool sent;
    size_t received;
    int64_t begin;
};

struct run {
    struct address address;
    int set;
    struct latencies all;
    uint64_t most, begun, done, failed; /* how many; most is 0 where only the time bounds them */
};

static bool begin(struct run *run, struct slot *slot) {
    char message[MESSAGE] = {0};
    slot->begin = nanoseconds();
    run->begun++;
    /* A unix socket connects at once, or waits for a place in the backlog, which no event would tell of. */
    slot->connection = connect_to(&run->address, is_tcp(&run->address) ? SOCK_NONBLOCK : 0);
    slot->received = 0;
    slot->sent = send(slot->connection, message, MESSAGE, MSG_DONTWAIT | MSG_NOSIGNAL) == MESSAGE;
    if (!slot->sent && errno != EAGAIN) return false;
    struct epoll_event wanted = {.events = slot->sent ? EPOLLIN : EPOLLOUT, .data.ptr = slot};
    return epoll_ctl(run->set, EPOLL_CTL_ADD, slot->connection, &wanted) == 0;
}

/* One step of a connection: 0 goes on, 1 is done, -1 failed. */
static int step(struct run *run, struct slot *slot) {
    char message[MESSAGE] = {0};
    if (!slot->sent) {
        if (send(slot->connection, message, MESSAGE, MSG_DONTWAIT | MSG_NOSIGNAL) != MESSAGE) return -1;
        slot->sent = true;
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = slot};
        return epoll_ctl(run->set, EPOLL_CTL_MOD, slot->connection, &wanted);
    }
    ssize_t size = recv(slot->connection, message, MESSAGE, MSG_DONTWAIT);
    if (size <= 0) return size == -1 && errno == EAGAIN ? 0 : -1;
    slot->received += (size_t)size;
    return slot->received >= MESSAGE;
}

static void renew(struct run *run, struct slot *slot) {
    do {
        close(slot->connection);
        if (run->failed > 100 && run->failed > run->done) fail("the relay refuses connections: %llu failed", (unsigned long long)run->failed);
        if (run->most && run->begun - run->failed >= run->most) return;
    } while (!begin(run, slot) && ++run->failed);
}

void connections(const char *client, const char *server, struct amount amount, size_t clients) {
    if (amount.bytes) fail("connections are bounded by seconds or times");
    end_all_after(amount.seconds + 60);
    pid_t process = start_server(serve_echoes, server, NULL);
    struct run run = {.address = parse_address(client), .set = epoll_create1(EPOLL_CLOEXEC), .all = new_latencies(), .most = amount.times};
    struct slot *slots = calloc(clients, sizeof *slots);
    struct epoll_event events[EVENTS];
    int64_t start = nanoseconds(), now = start;
    int64_t end = start + (amount.seconds ? (int64_t)(amount.seconds * 1e9) : 60000000000LL);
    for (size_t i = 0; i < clients && (!run.most || i < run.most); i++)
        if (!begin(&run, &slots[i])) fail("can't begin");
    while (now < end && (!run.most || run.done < run.most)) {
        int count = epoll_wait(run.set, events, EVENTS, STALLED);
        if (count == 0) fail("no answer for a minute, after %llu connections", (unsigned long long)run.done);
        for (int i = 0; i < count; i++) {
            struct slot *slot = events[i].data.ptr;
            int result = step(&run, slot);
            if (result == 0) continue;
            now = nanoseconds();
            if (result > 0) {
                run.done++;
                add_latency(&run.all, now - slot->begin);
            } else {
                run.failed++;
            }
            renew(&run, slot);
        }
    }
    end_server(process);
    sort_latencies(&run.all);
    double seconds = (double)(now - start) / 1e9;
    printf("{\"mode\": \"connections\", \"clients\": %zu, \"count\": %llu, \"failed\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, "
           "\"median_us\": %.1f, \"p99_us\": %.1f}\n",
           clients, (unsigned long long)run.done, (unsigned long long)run.failed, seconds, (double)run.done / seconds,
           microseconds_at(&run.all, 0.5), microseconds_at(&run.all, 0.99));
}
