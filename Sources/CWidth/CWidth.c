// SPDX-License-Identifier: GPL-3.0-or-later
#define _XOPEN_SOURCE 700
#include "CWidth.h"
#include <wchar.h>

int width_of_scalar(uint32_t scalar) { return wcwidth((wchar_t)scalar); }
