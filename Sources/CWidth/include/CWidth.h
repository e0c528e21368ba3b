// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stdint.h>

// Columns that a Unicode scalar takes on a terminal; -1 for one without a glyph.
// wcwidth(3) is XSI: Swift's import of <wchar.h> leaves it out.
int width_of_scalar(uint32_t scalar);
