// SPDX-License-Identifier: GPL-3.0-or-later
#include "arguments.h"

static int count;
static char **arguments;

// The GNU C library passes main's arguments to constructors, also in a static program.
__attribute__((constructor)) static void keep(int argc, char **argv) {
    count = argc;
    arguments = argv;
}

const char *program_argument(int position) { return position < count ? arguments[position] : 0; }
