/* Unix, TCP and UDP sockets: addresses, listening, connecting, and sending and receiving whole messages. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static const char UDP[] = "udp", TLS[] = "tls=";

struct address parse_address(const char *text) {
    struct address address = {.type = strncmp(text, UDP, strlen(UDP)) ? SOCK_STREAM : SOCK_DGRAM};
    if (address.type == SOCK_DGRAM) text += strlen(UDP);
    const char *colon = strrchr(text, ':');
    if (!strncmp(text, TLS, strlen(TLS)) && colon) {
        address.pem = strndup(text + strlen(TLS), (size_t)(colon - text) - strlen(TLS));
        text = colon;
    }
    if (colon == NULL) {
        if (strlen(text) >= sizeof address.of.un.sun_path) fail("%s is too long for a unix socket's path", text);
        address.of.un.sun_family = AF_UNIX;
        strcpy(address.of.un.sun_path, text);
        address.length = sizeof address.of.un;
        return address;
    }
    int port = atoi(colon + 1);
    bool here = colon == text || !strncmp(text, "127.0.0.1:", 10);
    if (!here || port < 1 || port > 65535) fail("%s is no [udp|tls=PEM][127.0.0.1]:PORT, and loads stay on this machine", text);
    address.of.in.sin_family = AF_INET;
    address.of.in.sin_port = htons((uint16_t)port);
    address.of.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.length = sizeof address.of.in;
    return address;
}

bool is_tcp(const struct address *address) { return address->of.any.sa_family == AF_INET && address->type == SOCK_STREAM; }

int listen_at(const struct address *address) {
    int listener = socket(address->of.any.sa_family, address->type | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (listener == -1) fail("socket");
    if (is_tcp(address))
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    else if (address->of.any.sa_family == AF_UNIX)
        unlink(address->of.un.sun_path);
    errno = 0;
    if (bind(listener, &address->of.any, address->length)) fail("can't listen for the relay");
    if (address->type == SOCK_STREAM && listen(listener, BACKLOG)) fail("can't listen for the relay");
    return listener;
}

int connect_to(const struct address *address, int flags) {
    int connection = socket(address->of.any.sa_family, address->type | SOCK_CLOEXEC | flags, 0);
    if (connection == -1) fail("socket");
    while (connect(connection, &address->of.any, address->length)) {
        if (errno == EINPROGRESS) break;
        if (errno != EINTR) fail("can't connect to the relay");
    }
    errno = 0;
    return connection;
}

void send_whole(int descriptor, const char *bytes, size_t size) {
    for (size_t sent = 0; sent < size;) {
        ssize_t some = write(descriptor, bytes + sent, size - sent);
        if (some <= 0) fail("can't send");
        sent += (size_t)some;
    }
}

void bound_waiting(int connection) {
    struct timeval time = {.tv_sec = 10};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

bool receive_whole(int descriptor, char *bytes, size_t size) {
    for (size_t received = 0; received < size;) {
        ssize_t some = read(descriptor, bytes + received, size - received);
        if (some <= 0) return false;
        received += (size_t)some;
    }
    return true;
}
