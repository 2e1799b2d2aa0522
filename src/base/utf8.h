/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stddef.h>

/* Offset of the first byte that begins no well-formed character; `len` if all is well. */
size_t rl_utf8_check(const char *text, size_t len);
