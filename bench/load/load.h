/* What the parts of the load generator share: addresses, amounts, clocks, failing, and the server's process. load.c says how it is used. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <netinet/in.h>

enum { MESSAGE = 64 }; /* bytes of a request and of its answer */

struct address {
    int type; /* of its sockets: SOCK_STREAM or SOCK_DGRAM */
    socklen_t length;
    const char *pem; /* where TLS is spoken: the file with the certificate and its key; or NULL */
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_in in;
    } of;
};

/* How much to do; what was not asked for is 0. */
struct amount {
    double seconds;
    uint64_t bytes;
    uint64_t times;
};

/* basics.c */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void end_all_after(double seconds); /* the bound of this process's life */
int64_t nanoseconds(void);          /* of the monotonic clock */
void pause_for(double seconds);
struct amount parse_amount(const char *text);
void *shared_memory(size_t size); /* zeroed, and shared with the processes that are forked later */

/* sockets.c */
struct address parse_address(const char *text);
bool is_tcp(const struct address *address);
int listen_at(const struct address *address); /* a socket of datagrams is only bound there */
int connect_to(const struct address *address, int flags); /* fails at once where nobody listens; -1 when the connection only begins */
void send_whole(int descriptor, const char *bytes, size_t size);
void bound_waiting(int connection); /* receiving ends after 10 s without a byte */
bool receive_whole(int descriptor, char *bytes, size_t size); /* false when the other side has closed */

/* tls.c: TLS on a socket, for any threads that read and write it */
struct tls;
struct tls *start_tls(int connection, const struct address *address, bool serves); /* when its handshake is complete; NULL where none is to be spoken */
ssize_t receive(struct tls *tls, int descriptor, char *bytes, size_t size);       /* as read(2), and the next as write(2); tls may be NULL */
ssize_t transmit(struct tls *tls, int descriptor, const char *bytes, size_t size);
void end_sending(struct tls *tls, int descriptor);

/* server.c: what stands behind the relay, in a process of its own that lives no longer than its parent */
typedef void serving(int listener, void *context);
pid_t start_server(serving *serve, const char *where, void *context); /* 0 where it is the word echo: the relay's command answers */
bool is_command(const char *where); /* whether commands hand their ends to the server there */
void end_server(pid_t server);
void serve_echoes(int listener, void *unused); /* every message comes back, on any number of connections */
void serve_one_echo(int listener, void *unused); /* the same on one connection, with the fewest calls */
void serve_datagram_echoes(int bound, void *unused); /* every datagram comes back */

/* handing.c: a command that the relay has started hands its ends to the server */
void hand_over(const char *path);
bool take_over(int control, int ends[2]); /* false when there is nothing to take */

/* latencies.c: times from a request to its answer */
struct latencies {
    uint32_t *nanoseconds;
    size_t count;
};
struct latencies new_latencies(void);
void add_latency(struct latencies *all, int64_t nanoseconds);
void sort_latencies(struct latencies *all);
double microseconds_at(const struct latencies *sorted, double share); /* share 0.5 is the median */

/* One for each mode. */
void stream(const char *client, const char *server, const char *direction, struct amount amount, size_t connections);
void connections(const char *client, const char *server, struct amount amount, size_t clients);
void handshakes(const char *client, const char *server, const char *kind, struct amount amount, size_t clients);
void round_trips(const char *client, const char *server, struct amount amount);
void idle(const char *client, const char *server, struct amount amount);
void packets(const char *client, const char *server, double rate, double seconds, size_t size, size_t sources);

#endif
