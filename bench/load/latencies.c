/* Times from a request to its answer, kept one by one: a run is short enough to keep them all. */
#include "load.h"

#include <stdlib.h>

enum { MOST = 8 << 20 };

struct latencies new_latencies(void) { return (struct latencies){.nanoseconds = shared_memory(MOST * sizeof(uint32_t))}; }

void add_latency(struct latencies *all, int64_t nanoseconds) {
    if (all->count < MOST) all->nanoseconds[all->count++] = nanoseconds < UINT32_MAX ? (uint32_t)nanoseconds : UINT32_MAX;
}

static int compare(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

void sort_latencies(struct latencies *all) { qsort(all->nanoseconds, all->count, sizeof all->nanoseconds[0], compare); }

double microseconds_at(const struct latencies *sorted, double share) {
    if (!sorted->count) return 0;
    return sorted->nanoseconds[(size_t)(share * (double)(sorted->count - 1))] / 1e3;
}
