/* The load generator: both ends of a relay under test.

     cc -O2 -pthread -o load bench/load/[a-z]*.c -lssl -lcrypto          (or `python -m bench.generator`, which says where it is)

   The relay listens at CLIENT and connects to SERVER. This plays the client and the server. An address is a unix socket's path, or [127.0.0.1]:PORT
   for TCP, or udp:PORT for UDP, with trips and packets, or tls=PEM:PORT for TLS over TCP, with stream and handshakes: PEM is the file of the
   certificate and its key, which the server shows where there is no relay, and which clients do not look at. TLS is always 1.3 with
   TLS_AES_256_GCM_SHA384 and X25519, the first choice of nearly every relay.
   With the same address twice, there is no relay between.
   For a relay that starts a command for each connection: where that is `cat`, SERVER is the word echo. Where it is `load command PATH`, the
   command hands its standard input and output to the server, and SERVER is command=PATH.

     load stream CLIENT SERVER up|down|both AMOUNT [CONNECTIONS]   bytes a second, as they come in at the receiving end
     load connections CLIENT SERVER AMOUNT [CLIENTS]               CLIENTS (8) at once connect, send 64 bytes, get 64 back and close
     load handshakes CLIENT SERVER full|resumed AMOUNT [CLIENTS]   the same with a TLS handshake each, full ones or such as resume a session
     load trips CLIENT SERVER AMOUNT                               64 bytes there and back, over and over on one connection
     load packets CLIENT SERVER RATE SECONDS [SIZE] [SOURCES]      RATE datagrams a second of SIZE (200) bytes, from SOURCES (1) in turn, and what
                                                                   arrives of them
     load idle CLIENT SERVER COUNT                                 opens COUNT connections, exchanges 64 bytes on each, says so, and
                                                                   holds them until its standard input ends (or for two minutes)

   AMOUNT is a number of seconds (2 or 0.5); or bytes each way (500M, 2G, in powers of 1000) for stream; or a number of exchanges (1000x), or
   whichever comes first (2/1000x). TCP runs out of ports beyond 14,000 connections a minute between the same two addresses, where the kernel keeps
   each for a minute after its end (TIME_WAIT) and connecting gets slow: bound it, and take other ports for the next run.

     load stream client.sock server.sock up 2
     load stream :10001 :10002 both 4G 16
     load stream client.sock echo both 2
     load connections client.sock server.sock 1
     load connections :10001 :10002 1/10000x
     load handshakes tls=relay.pem:10001 :10002 full 1/5000x
     load trips :10001 :10002 5000x
     load packets udp:10001 udp:10002 100000 1 200 64

   The answer is one line of JSON on standard output. Rates are bytes (or exchanges) a second, from the middle of the run: streams first warm up
   for 0.1 s. What was expected but did not happen is one line on standard error and the exit status 1.

   Streams use threads that block, one for each direction and end, with buffers of 256 KiB. Client and server are two processes. Sockets have the
   buffers that the system gives them. Contents are not looked at; the amounts are. */
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static size_t number(const char *text, size_t least, size_t most) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end || value < least || value > most) fail("%s is not a number from %zu to %zu", text, least, most);
    return value;
}

static void allow_many_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **words) {
    signal(SIGPIPE, SIG_IGN);
    allow_many_descriptors();
    const char *mode = count > 1 ? words[1] : "";
    if (!strcmp(mode, "stream") && (count == 6 || count == 7))
        stream(words[2], words[3], words[4], parse_amount(words[5]), count == 7 ? number(words[6], 1, 1000) : 1);
    else if (!strcmp(mode, "connections") && (count == 5 || count == 6))
        connections(words[2], words[3], parse_amount(words[4]), count == 6 ? number(words[5], 1, 1000) : 8);
    else if (!strcmp(mode, "handshakes") && (count == 6 || count == 7))
        handshakes(words[2], words[3], words[4], parse_amount(words[5]), count == 7 ? number(words[6], 1, 64) : 8);
    else if (!strcmp(mode, "trips") && count == 5)
        round_trips(words[2], words[3], parse_amount(words[4]));
    else if (!strcmp(mode, "packets") && count >= 6 && count <= 8)
        packets(words[2], words[3], (double)number(words[4], 1, 100000000), parse_amount(words[5]).seconds, count > 6 ? number(words[6], 1, 65507) : 200,
                count > 7 ? number(words[7], 1, 1000) : 1);
    else if (!strcmp(mode, "idle") && count == 5)
        idle(words[2], words[3], (struct amount){.times = number(words[4], 1, 100000)});
    else if (!strcmp(mode, "command") && count == 3)
        hand_over(words[2]);
    else
        fail("usage: load stream|connections|handshakes|trips|packets|idle|command ...; the top of load.c says what comes then");
    return 0;
}
