/* The server behind the relay, in a process of its own. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 64, LONGEST_LIFE = 180 };

static const char COMMAND[] = "command=";

bool is_command(const char *where) { return !strncmp(where, COMMAND, strlen(COMMAND)); }

pid_t start_server(serving *serve, const char *where, void *context) {
    if (!strcmp(where, "echo")) return 0;
    struct address address = parse_address(is_command(where) ? where + strlen(COMMAND) : where);
    int listener = listen_at(&address);
    pid_t parent = getpid();
    pid_t server = fork();
    if (server == -1) fail("fork");
    if (server) {
        close(listener);
        return server;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    end_all_after(LONGEST_LIFE);
    serve(listener, context);
    _exit(0);
}

void end_server(pid_t server) {
    if (!server) return;
    kill(server, SIGKILL);
    while (waitpid(server, NULL, 0) == -1 && errno == EINTR) continue;
}

/* Answers what has come; closes the connection when it has ended. */
static bool answer(int connection) {
    char bytes[4096];
    ssize_t size = recv(connection, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size > 0) return send(connection, bytes, (size_t)size, MSG_NOSIGNAL) == size || (close(connection), false);
    if (size == -1 && errno == EAGAIN) return true;
    close(connection);
    return false;
}

void serve_echoes(int listener, void *unused) {
    (void)unused;
    struct epoll_event events[EVENTS], wanted = {.events = EPOLLIN, .data.fd = listener};
    int set = epoll_create1(EPOLL_CLOEXEC);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        int count = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener) {
                answer(events[i].data.fd);
                continue;
            }
            int connection;
            while ((connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) != -1) {
                if (!answer(connection)) continue;
                wanted.data.fd = connection;
                epoll_ctl(set, EPOLL_CTL_ADD, connection, &wanted);
            }
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) fail("the server can't accept");
        }
    }
}

void serve_one_echo(int listener, void *unused) {
    (void)unused;
    char bytes[4096];
    int connection, yes = 1;
    while ((connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) != -1) {
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* a unix socket has no such option, and needs none */
        ssize_t size;
        while ((size = read(connection, bytes, sizeof bytes)) > 0)
            if (write(connection, bytes, (size_t)size) != size) break;
        close(connection);
    }
}

void serve_datagram_echoes(int bound, void *unused) {
    (void)unused;
    static char bytes[65536];
    for (;;) {
        struct address from = {.length = sizeof from.of};
        ssize_t size = recvfrom(bound, bytes, sizeof bytes, 0, &from.of.any, &from.length);
        if (size >= 0) sendto(bound, bytes, (size_t)size, 0, &from.of.any, from.length);
    }
}
