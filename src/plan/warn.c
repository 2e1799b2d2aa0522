/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

rl_err plan_warn(struct rl_arena *a, struct plan_warnings *w, const char *fmt, ...)
{
	char text[RL_ERROR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->count == w->room) {
		size_t room = w->room ? w->room * 2 : 8;
		const char **items;

		RL_TRY(rl_new_array(a, room, &items));
		if (w->count > 0)
			memcpy(items, w->items, w->count * sizeof(*items));
		w->items = items;
		w->room = room;
	}
	RL_TRY(rl_arena_str(a, text, &w->items[w->count]));
	w->count++;
	return RL_OK;
}
