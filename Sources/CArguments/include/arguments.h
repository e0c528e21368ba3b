// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

/// An argument of this program, 0 for its name; a null pointer after the last one. It lives as long as the program.
///
/// Swift's `CommandLine` finds the arguments through /proc/self/maps. A process without a free descriptor gets none.
const char *program_argument(int position);
