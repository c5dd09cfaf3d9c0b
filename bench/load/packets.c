/* Datagrams at an offered rate: how many arrive, how many are lost, and when the last one arrives.

   Each source first sends until something of it arrives, so that a relay knows it. Then the datagrams go out in time with a clock, in small bursts of what has
   become due. A burst is never larger than MOST_DUE: where the sender was kept from its processor for longer, what it missed is not offered at all, or it
   would offer for a moment far more than was asked for. What was really offered is in the answer.

   The receiver's buffer holds more than any burst, so that what is lost is lost before it. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, MOST_DUE = 256, LARGEST = 65507, WARM_UPS = 200, BUFFER = 32 << 20 };
enum { PAUSE = 50000, SETTLED = 60000000, LONGEST_WAIT = 2000000000 }; /* nanoseconds */

enum kind { WARM_UP, COUNTED }; /* a datagram's first byte */

/* What the receiver says, in shared memory. */
struct arrivals {
    _Atomic uint64_t count[2], wrong;
    _Atomic int64_t last; /* when the last one came that counts */
    size_t size;
};

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec places[BATCH];
};

static void serve_counting(int bound, void *context) {
    static char bytes[BATCH][LARGEST + 1];
    static struct batch batch;
    struct arrivals *arrivals = context;
    int buffer = BUFFER;
    if (setsockopt(bound, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer)) setsockopt(bound, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    for (int i = 0; i < BATCH; i++) {
        batch.places[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        batch.messages[i].msg_hdr = (struct msghdr){.msg_iov = &batch.places[i], .msg_iovlen = 1};
    }
    for (;;) {
        int count = recvmmsg(bound, batch.messages, BATCH, MSG_WAITFORONE, NULL);
        uint64_t counted = 0, warm = 0, wrong = 0;
        for (int i = 0; i < count; i++) {
            if (batch.messages[i].msg_len != arrivals->size) wrong++;
            else if (bytes[i][0] == COUNTED) counted++;
            else warm++;
        }
        if (counted) atomic_store(&arrivals->last, nanoseconds());
        atomic_fetch_add(&arrivals->count[COUNTED], counted);
        atomic_fetch_add(&arrivals->count[WARM_UP], warm);
        atomic_fetch_add(&arrivals->wrong, wrong);
    }
}

static void sleep_until(int64_t when) {
    struct timespec time = {.tv_sec = when / 1000000000, .tv_nsec = when % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) continue;
}

/* One datagram of each source, until it arrives: the first of a relay's new client may be lost while it makes ready for it. */
static void warm_up(const int *sources, size_t count, struct arrivals *arrivals, char *datagram) {
    datagram[0] = WARM_UP;
    for (size_t i = 0; i < count; i++) {
        uint64_t before = atomic_load(&arrivals->count[WARM_UP]);
        for (int tries = 0; atomic_load(&arrivals->count[WARM_UP]) == before; tries++) {
            if (tries == WARM_UPS) fail("no datagram of source %zu came through", i + 1);
            if (tries % 20 == 0) (void)!send(sources[i], datagram, arrivals->size, 0); /* what reports the past is no end of the present */
            pause_for(tries < 20 ? 0.0005 : 0.01);
        }
    }
    pause_for(0.02);
    errno = 0;
}

/* How many of so many datagrams the system has taken; they are all the same one. */
static uint64_t send_burst(const int *sources, size_t count, size_t *turn, struct batch *batch, uint64_t due) {
    uint64_t sent = 0;
    while (sent < due) {
        uint64_t left = due - sent;
        int some = count == 1 ? sendmmsg(sources[0], batch->messages, left < BATCH ? (unsigned)left : BATCH, 0)
                              : sendmmsg(sources[(*turn)++ % count], batch->messages, 1, 0);
        if (some < 0 && errno != EAGAIN && errno != ENOBUFS) fail("a datagram can't be sent");
        sent += some > 0 ? (uint64_t)some : 0;
    }
    return sent;
}

/* Offers the datagrams; how many they were, and until when. */
static uint64_t offer(const int *sources, size_t count, struct batch *batch, double rate, int64_t begin, int64_t end) {
    uint64_t sent = 0, missed = 0;
    size_t turn = 0;
    for (int64_t now = begin; now < end; now = nanoseconds()) {
        uint64_t due = (uint64_t)((double)(now - begin) * rate / 1e9) + 1 - sent - missed;
        if (due > MOST_DUE) {
            missed += due - MOST_DUE;
            due = MOST_DUE;
        }
        sent += send_burst(sources, count, &turn, batch, due);
        int64_t next = begin + (int64_t)((double)(sent + missed) * 1e9 / rate), soon = nanoseconds() + PAUSE;
        if (next > nanoseconds()) sleep_until(next > soon ? next : soon);
    }
    return sent;
}

/* What is still under way arrives, or does not. */
static void wait_for_the_rest(const struct arrivals *arrivals, uint64_t sent, int64_t end) {
    int64_t last = end;
    while (atomic_load(&arrivals->count[COUNTED]) < sent && nanoseconds() < last + SETTLED && nanoseconds() < end + LONGEST_WAIT) {
        pause_for(0.001);
        if (atomic_load(&arrivals->last) > last) last = atomic_load(&arrivals->last);
    }
}

void packets(const char *client, const char *server, double rate, double seconds, size_t size, size_t count) {
    if (seconds <= 0) fail("packets are bounded by seconds");
    end_all_after(seconds + 60);
    prctl(PR_SET_TIMERSLACK, 1);
    static char datagram[LARGEST];
    static struct batch batch;
    struct arrivals *arrivals = shared_memory(sizeof *arrivals);
    arrivals->size = size;
    struct iovec place = {datagram, size};
    for (int i = 0; i < BATCH; i++) batch.messages[i].msg_hdr = (struct msghdr){.msg_iov = &place, .msg_iovlen = 1};
    struct address address = parse_address(client);
    if (address.type != SOCK_DGRAM) fail("packets go to udp:PORT");
    pid_t process = start_server(serve_counting, server, arrivals);
    int *sources = calloc(count, sizeof *sources);
    for (size_t i = 0; i < count; i++) sources[i] = connect_to(&address, 0);
    warm_up(sources, count, arrivals, datagram);
    datagram[0] = COUNTED;
    int64_t begin = nanoseconds();
    uint64_t sent = offer(sources, count, &batch, rate, begin, begin + (int64_t)(seconds * 1e9));
    int64_t end = nanoseconds();
    wait_for_the_rest(arrivals, sent, end);
    uint64_t arrived = atomic_load(&arrivals->count[COUNTED]), wrong = atomic_load(&arrivals->wrong);
    int64_t last = atomic_load(&arrivals->last);
    end_server(process);
    if (wrong || arrived > sent) fail("%llu datagrams of another size came through, and %llu of %llu", (unsigned long long)wrong,
                                      (unsigned long long)arrived, (unsigned long long)sent);
    if (!arrived) fail("none of %llu datagrams came through", (unsigned long long)sent);
    double sending = (double)(end - begin) / 1e9, receiving = (double)((last > end ? last : end) - begin) / 1e9;
    printf("{\"mode\": \"packets\", \"size\": %zu, \"sources\": %zu, \"sent\": %llu, \"arrived\": %llu, \"lost\": %.6f, \"offered_per_second\": %.0f, "
           "\"per_second\": %.0f, \"late_seconds\": %.4f}\n",
           size, count, (unsigned long long)sent, (unsigned long long)arrived, 1 - (double)arrived / (double)sent, (double)sent / sending,
           (double)arrived / receiving, receiving - sending);
}
