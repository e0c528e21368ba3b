// SPDX-License-Identifier: GPL-3.0-or-later
// A disk on which a flush takes its time: preloaded, adds BENCHMARK_FLUSH nanoseconds to each fdatasync and fsync.
//
// Not every disk waits for its flush, and a virtual one rarely does. What is measured with this is what a program costs that
// waits for so slow a disk; the pages it writes cost what they cost here. Source: fdatasync(2), ld.so(8), LD_PRELOAD.
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int flush(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *wait = getenv("BENCHMARK_FLUSH");
    long nanoseconds = wait ? atol(wait) : 0;
    struct timespec pause = {.tv_sec = nanoseconds / 1000000000L, .tv_nsec = nanoseconds % 1000000000L};
    nanosleep(&pause, NULL);
    return real(file);
}

int fdatasync(int file) { return flush("fdatasync", file); }
int fsync(int file) { return flush("fsync", file); }
