// SPDX-License-Identifier: GPL-3.0-or-later
#define _GNU_SOURCE
#include "directory.h"

#include <dirent.h>

ssize_t directory_entries(int descriptor, void *buffer, size_t size) { return getdents64(descriptor, buffer, size); }
