// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <expat.h>

// The parser's position. expat 2.9 deprecates these four for others with 64 bits on every machine. A long has 64 bits
// here, and a program that is built with expat 2.9 and these four also runs with an older expat.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static inline long parser_line(XML_Parser parser) { return (long)XML_GetCurrentLineNumber(parser); }
static inline long parser_column(XML_Parser parser) { return (long)XML_GetCurrentColumnNumber(parser); }
static inline long parser_offset(XML_Parser parser) { return (long)XML_GetCurrentByteIndex(parser); }
static inline long parser_length(XML_Parser parser) { return (long)XML_GetCurrentByteCount(parser); }
#pragma GCC diagnostic pop
