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
    char *unit;
    double value = strtod(text, &unit);
    if (unit == text || value <= 0) fail("%s is no amount: write seconds (2), bytes (500M) or times (1000x)", text);
    if (!strcmp(unit, "")) {
        if (value > 60) fail("%s seconds are more than 60", text);
        return (struct amount){.seconds = value};
    }
    if (!strcmp(unit, "x")) return (struct amount){.times = (uint64_t)value};
    if (!strcmp(unit, "k")) return (struct amount){.bytes = (uint64_t)(value * 1e3)};
    if (!strcmp(unit, "M")) return (struct amount){.bytes = (uint64_t)(value * 1e6)};
    if (!strcmp(unit, "G")) return (struct amount){.bytes = (uint64_t)(value * 1e9)};
    fail("%s is not a unit: k, M, G or x", unit);
}

void *shared_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("no memory");
    return memory;
}
