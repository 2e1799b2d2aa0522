/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/krun_api.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SONAME "libkrun.so.1"

/* ---- finding --------------------------------------------------------------------------------- */

void krun_places(const char *chosen, const char *places[static KRUN_PLACES_MAX])
{
	size_t n = 0;

	if (chosen == NULL)
		chosen = getenv("RUNLET_LIBKRUN");
	if (chosen != NULL && *chosen != '\0') {
		places[n++] = chosen;
	} else {
		places[n++] = RL_LIBKRUN; /* the one that was installed with us */
		places[n++] = SONAME; /* ld.so(8): LD_LIBRARY_PATH, cache, default directories */
	}
	places[n] = NULL;
}

/* dlerror() without the name that it begins with, if it does. */
static const char *why_not(const char *place)
{
	const char *text = dlerror();
	size_t n = strlen(place);

	if (text == NULL)
		return "unknown error";
	return strncmp(text, place, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2
									       : text;
}

static rl_err open_library(struct rl_arena *a, const char *chosen, void **ret_handle)
{
	const char *places[KRUN_PLACES_MAX], *tried = "";
	rl_err e;

	krun_places(chosen, places);
	for (size_t i = 0; places[i] != NULL; i++) {
		*ret_handle = dlopen(places[i], RTLD_NOW | RTLD_LOCAL);
		if (*ret_handle != NULL)
			return RL_OK;
		RL_TRY(rl_arena_fmt(a, &tried, "%s%s%s: %s", tried, i > 0 ? "; " : "", places[i],
				    why_not(places[i])));
	}
	e = rl_refuse(RL_E(ENOENT), "load libkrun: %s", tried);
	return rl_hint(e, "install runlet's own libkrun.so.1 (build it with -Dvm=enabled) or the "
			  "package libkrun; RUNLET_LIBKRUN names a file");
}

static rl_err missing(const struct krun_api *api, const char *name)
{
	return rl_hint(rl_refuse(RL_E(ENOSYS), "%s has no function %s", api->path, name),
		       "this is no libkrun 1.x that could run containers");
}

/* ISO C knows no conversion from an object pointer to a function; POSIX promises that it works. */
#define KRUN_FIND(name)                                      \
	do {                                                 \
		void *symbol = dlsym(api->handle, #name);    \
		memcpy(&api->name, &symbol, sizeof(symbol)); \
	} while (0);
#define KRUN_NEED(name)        \
	if (api->name == NULL) \
		return missing(api, #name);

static rl_err find_functions(struct krun_api *api)
{
	KRUN_REQUIRED(KRUN_FIND)
	KRUN_OPTIONAL(KRUN_FIND)
	KRUN_REQUIRED(KRUN_NEED)
	return RL_OK;
}

static rl_err find_path(struct rl_arena *a, struct krun_api *api)
{
	void *symbol = dlsym(api->handle, "krun_start_enter");
	Dl_info info;

	if (symbol != NULL && dladdr(symbol, &info) != 0 && info.dli_fname != NULL)
		return rl_arena_str(a, info.dli_fname, &api->path);
	api->path = SONAME;
	return RL_OK;
}

void krun_api_close(struct krun_api *api)
{
	if (api->handle != NULL)
		(void)dlclose(api->handle);
	api->handle = NULL;
}

rl_err krun_api_load(struct rl_arena *a, const char *chosen, struct krun_api *ret)
{
	struct krun_api __attribute__((cleanup(krun_api_close))) api = { 0 };

	RL_TRY(open_library(a, chosen, &api.handle));
	RL_TRY(find_path(a, &api));
	RL_TRY(find_functions(&api));
	*ret = api;
	api.handle = NULL;
	return RL_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

/* "text (hint)": cuts the hint off, whatever parentheses are in it. NULL: there is none. */
static char *cut_hint(char *text)
{
	size_t len = strlen(text), at = len;
	int depth = 0;

	if (len == 0 || text[len - 1] != ')')
		return NULL;
	do {
		at--;
		depth += text[at] == ')' ? 1 : text[at] == '(' ? -1 : 0;
	} while (at > 0 && depth > 0);
	if (depth != 0 || at < 2 || text[at - 1] != ' ')
		return NULL;
	text[len - 1] = '\0';
	text[at - 1] = '\0';
	return text + at + 1;
}

/* The library's text may name the errno already; it is not said twice. */
static void cut_reason(char *text, const char *reason)
{
	size_t len = strlen(text), n = strlen(reason);

	if (len > n + 2 && strcmp(text + len - n, reason) == 0 &&
	    strncmp(text + len - n - 2, ": ", 2) == 0)
		text[len - n - 2] = '\0';
}

rl_err krun_result(const struct krun_api *api, uint32_t ctx, int32_t result, const char *fmt, ...)
{
	char what[256], words[RL_ERROR_TEXT] = "";
	const char *hint = NULL;
	va_list args;
	rl_err e;

	if (result >= 0)
		return RL_OK;
	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	e = rl_neg(result, "%s", what);
	if (api->krun_get_last_error == NULL ||
	    api->krun_get_last_error(ctx, words, sizeof(words)) <= 0)
		return e;
	words[sizeof(words) - 1] = '\0';
	hint = cut_hint(words);
	cut_reason(words, strerror(rl_errno(e)));
	rl_drop(e);
	e = rl_neg(result, "%s: %s", what, words);
	return hint != NULL ? rl_hint(e, "%s", hint) : e;
}

rl_err krun_lacks(const struct krun_api *api, const char *function, const char *what)
{
	return rl_refuse(RL_E(ENOTSUP), "%s: %s has no function %s", what, api->path, function);
}
