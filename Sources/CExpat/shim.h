// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <expat.h>

// Where the parser stands. expat 2.9 deprecates these four for others that count in 64 bits on every machine; here a long
// has them anyway, and a program built with that expat runs with an older one.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static inline long parser_line(XML_Parser parser) { return (long)XML_GetCurrentLineNumber(parser); }
static inline long parser_column(XML_Parser parser) { return (long)XML_GetCurrentColumnNumber(parser); }
static inline long parser_offset(XML_Parser parser) { return (long)XML_GetCurrentByteIndex(parser); }
static inline long parser_length(XML_Parser parser) { return (long)XML_GetCurrentByteCount(parser); }
#pragma GCC diagnostic pop
