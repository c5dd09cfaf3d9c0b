/* 64 bytes there and back, one at a time, on one connection, or as datagrams from one source. */
#define _GNU_SOURCE
#include "load.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

enum { WARM_UP = 100 };

static void trip(int connection) {
    static char message[MESSAGE];
    send_whole(connection, message, MESSAGE);
    if (!receive_whole(connection, message, MESSAGE)) fail("no answer");
}

void round_trips(const char *client, const char *server, struct amount amount) {
    if (amount.bytes) fail("round trips are bounded by seconds or times");
    end_all_after(amount.seconds + 60);
    struct address address = parse_address(client);
    pid_t process = start_server(address.type == SOCK_DGRAM ? serve_datagram_echoes : serve_one_echo, server, NULL);
    struct latencies all = new_latencies();
    int connection = connect_to(&address, 0), yes = 1;
    if (is_tcp(&address)) setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    bound_waiting(connection);
    for (int i = 0; i < WARM_UP; i++) trip(connection);
    int64_t begin = nanoseconds(), now = begin;
    int64_t end = begin + (amount.seconds ? (int64_t)(amount.seconds * 1e9) : 60000000000LL);
    uint64_t count = 0;
    while (now < end && (!amount.times || count < amount.times)) {
        trip(connection);
        int64_t then = now;
        now = nanoseconds();
        add_latency(&all, now - then);
        count++;
    }
    close(connection);
    end_server(process);
    sort_latencies(&all);
    double seconds = (double)(now - begin) / 1e9;
    printf("{\"mode\": \"trips\", \"count\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, \"median_us\": %.2f, \"p99_us\": %.2f}\n",
           (unsigned long long)count, seconds, (double)count / seconds, microseconds_at(&all, 0.5), microseconds_at(&all, 0.99));
}
