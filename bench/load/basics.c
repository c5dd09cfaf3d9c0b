/* Failing, clocks, amounts, memory. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 60 };

_Noreturn void fail(const char *format, ...) {
    int number = errno;
    va_list values;
    va_start(values, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, values);
    if (number) fprintf(stderr, " (%s)", strerror(number));
    fputc('\n', stderr);
    fflush(stderr);
    _exit(1);
}

void end_all_after(double seconds) { alarm((unsigned)seconds + 1); }

int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void pause_for(double seconds) {
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&time, &time) == -1 && errno == EINTR) continue;
    errno = 0;
}

struct amount parse_amount(const char *text) {
    struct amount amount = {0};
    for (const char *part = text; *part;) {
        char *unit;
        double value = strtod(part, &unit);
        if (unit == part || value <= 0) fail("%s is no amount: write seconds (2), bytes (500M), times (1000x) or 2/1000x", text);
        char kind = *unit == '/' ? 0 : *unit;
        if (kind == 0) amount.seconds = value;
        else if (kind == 'x') amount.times = (uint64_t)value;
        else if (kind == 'k') amount.bytes = (uint64_t)(value * 1e3);
        else if (kind == 'M') amount.bytes = (uint64_t)(value * 1e6);
        else if (kind == 'G') amount.bytes = (uint64_t)(value * 1e9);
        else fail("%s is not a unit: k, M, G or x", unit);
        part = unit + (kind != 0);
        part += *part == '/';
    }
    if (amount.seconds > LONGEST) fail("%s seconds are more than %d", text, LONGEST);
    return amount;
}

void *shared_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("no memory");
    return memory;
}
