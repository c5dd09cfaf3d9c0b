/* Many connections that do nothing, for whoever looks at the relay meanwhile. */
#define _GNU_SOURCE
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOLD = 120 };

void idle(const char *client, const char *server, struct amount amount) {
    char message[MESSAGE] = {0};
    end_all_after(HOLD + 60);
    pid_t process = start_server(serve_echoes, server, NULL);
    struct address address = parse_address(client);
    int *connections = calloc(amount.times, sizeof *connections);
    for (uint64_t i = 0; i < amount.times; i++) {
        connections[i] = connect_to(&address, 0);
        bound_waiting(connections[i]);
        send_whole(connections[i], message, MESSAGE);
        if (!receive_whole(connections[i], message, MESSAGE)) fail("no answer on connection %llu", (unsigned long long)i + 1);
    }
    printf("{\"mode\": \"idle\", \"open\": %llu}\n", (unsigned long long)amount.times);
    fflush(stdout);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    while (poll(&input, 1, HOLD * 1000) > 0 && read(0, message, MESSAGE) > 0) continue;
    for (uint64_t i = 0; i < amount.times; i++) close(connections[i]);
    end_server(process);
}
