/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three engines that do what they are told have in common:
 *
 *     FAKE_WASM       "FUNCTION=WORD ...": what a function answers; `start`, for the module's own,
 *                       exit:N     it ends by proc_exit(N)
 *                       return     it returns (this is the usual)
 *                       trap       it traps
 *                       wait       it never ends
 *     FAKE_WASM_LOG   a file: one line a call with its arguments, then what the process may do
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__attribute__((format(printf, 1, 2))) void note(const char *fmt, ...);
void note_list(const char *what, const char *const *list, size_t count);
/* The word behind "FUNCTION=", NULL if there is none. */
const char *word_for(const char *function);
bool fails(const char *function);

enum fake_end { FAKE_RETURNS, FAKE_EXITS, FAKE_TRAPS };
/* The module's _start: says what the process is, then ends as it was told. */
enum fake_end fake_start(int *ret_status);
