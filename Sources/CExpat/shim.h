// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <expat.h>
#include <stdint.h>

// Where the parser stands. Of two generations of functions the one that this expat has not deprecated: 2.9 has them
// count in 64 bits on every machine.
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
static inline uint64_t parser_line(XML_Parser parser) { return XML_GetCurrentLineNumber64(parser); }
static inline uint64_t parser_column(XML_Parser parser) { return XML_GetCurrentColumnNumber64(parser); }
static inline int64_t parser_offset(XML_Parser parser) { return XML_GetCurrentByteIndex64(parser); }
static inline uint64_t parser_length(XML_Parser parser) { return XML_GetCurrentByteCount64(parser); }
#else
static inline uint64_t parser_line(XML_Parser parser) { return XML_GetCurrentLineNumber(parser); }
static inline uint64_t parser_column(XML_Parser parser) { return XML_GetCurrentColumnNumber(parser); }
static inline int64_t parser_offset(XML_Parser parser) { return XML_GetCurrentByteIndex(parser); }
static inline uint64_t parser_length(XML_Parser parser) { return (uint64_t)XML_GetCurrentByteCount(parser); }
#endif
