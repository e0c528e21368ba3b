// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <libudev.h>
// For the descriptor that wakes the monitor's thread: Swift's Glibc module lacks this header.
#include <sys/eventfd.h>
#include <sys/prctl.h>

/// Names the calling thread, with at most 15 characters. Swift cannot call prctl(2), which is variadic.
static inline void thread_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
