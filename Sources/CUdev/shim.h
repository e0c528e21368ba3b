// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <libudev.h>
// Its descriptor is waited for together with one that wakes the waiter; Swift's Glibc module has neither this header...
#include <sys/eventfd.h>
#include <sys/prctl.h>

/// ...nor variadic functions: names the calling thread, at most 15 characters.
static inline void thread_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
