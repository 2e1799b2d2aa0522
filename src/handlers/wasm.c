/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/wasm.h"

#include "base/log.h"
#include "base/utf8.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a module. The memory is the container's own; engines count in 32 bits. */
#define MODULE_LIMIT ((off_t)1 << 30)
/* Address space: only what is used becomes memory. */
#define ARENA_LIMIT ((size_t)MODULE_LIMIT + ((size_t)16 << 20))

struct wasm_session {
	struct rl_arena arena;
	const struct wasm_engine *engine;
	void *handle, *table;
};

/* "wasm" is the first of these that is there. */
static const struct wasm_engine *const engines[] = { &wasm_wasmedge, &wasm_wasmtime, &wasm_wamr };
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

void wasm_free(struct wasm_session *s)
{
	struct rl_arena arena;

	if (s == NULL)
		return;
	if (s->handle != NULL)
		(void)dlclose(s->handle);
	arena = s->arena;
	free(s->table);
	free(s);
	rl_arena_free(&arena);
}

static void free_session(struct wasm_session **s)
{
	wasm_free(*s);
}
#define AUTO_SESSION __attribute__((cleanup(free_session)))

/* ---- the library ----------------------------------------------------------------------------- */

static const char *place_of(const struct wasm_engine *engine)
{
	const char *chosen = getenv(engine->variable);

	return chosen != NULL && *chosen != '\0' ? chosen : engine->library;
}

/* dlerror() begins with the name, as a rule. */
static rl_err why_not(struct rl_arena *a, const char *place, const char **ret)
{
	const char *text = dlerror();

	if (text == NULL)
		text = "unknown error";
	return strncmp(text, place, strlen(place)) == 0
		       ? rl_arena_str(a, text, ret)
		       : rl_arena_fmt(a, ret, "%s: %s", place, text);
}

/* `tried` grows by what was wrong with this one. */
static rl_err try_engine(struct wasm_session *s, const struct wasm_engine *engine,
			 const char **tried)
{
	const char *place = place_of(engine), *why;

	s->handle = dlopen(place, RTLD_NOW | RTLD_LOCAL);
	if (s->handle != NULL) {
		s->engine = engine;
		return RL_OK;
	}
	RL_TRY(why_not(&s->arena, place, &why));
	return rl_arena_fmt(&s->arena, tried, "%s%s%s", *tried, **tried != '\0' ? "; " : "", why);
}

static rl_err open_library(struct wasm_session *s, const char *name)
{
	bool any = strcmp(name, "wasm") == 0;
	const char *tried = "";

	for (size_t i = 0; i < ENGINES && s->handle == NULL; i++)
		if (any || strcmp(name, engines[i]->name) == 0)
			RL_TRY(try_engine(s, engines[i], &tried));
	if (s->handle != NULL)
		return RL_OK;
	return rl_hint(
		rl_refuse(RL_E(ENOENT), "load the engine: %s", tried),
		"install the C library of WasmEdge (package wasmedge), Wasmtime (its C API) or "
		"WAMR (iwasm as a shared library); RUNLET_LIBWASMEDGE, RUNLET_LIBWASMTIME and "
		"RUNLET_LIBIWASM name files");
}

/* Every function is looked up once, here: a library that lacks one is no surprise later. */
static rl_err find_functions(struct wasm_session *s)
{
	const struct wasm_engine *e = s->engine;

	s->table = calloc(1, e->table_size);
	if (s->table == NULL)
		return rl_nomem();
	for (const struct wasm_symbol *f = e->symbols; f->name != NULL; f++) {
		void *symbol = dlsym(s->handle, f->name);

		if (symbol == NULL && !f->optional)
			return rl_hint(rl_refuse(RL_E(ENOSYS), "%s has no function %s", place_of(e),
						 f->name),
				       "this is no %s that could run containers", e->name);
		/* ISO C knows no such conversion; POSIX promises that it works. */
		memcpy((char *)s->table + f->offset, &symbol, sizeof(symbol));
	}
	return RL_OK;
}

rl_err wasm_load(const char *name, struct wasm_session **ret)
{
	struct wasm_session AUTO_SESSION *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return rl_nomem();
	RL_TRY(rl_arena_new(ARENA_LIMIT, &s->arena));
	RL_TRY(open_library(s, name));
	RL_TRY(find_functions(s));
	rl_log(RL_LOG_DEBUG, "%s: %s from %s", name, s->engine->name, place_of(s->engine));
	*ret = s;
	s = NULL;
	return RL_OK;
}

/* ---- the module ------------------------------------------------------------------------------ */

static rl_err read_all(int fd, uint8_t *bytes, size_t len)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = pread(fd, bytes + have, len - have, (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "read it"));
		if (n == 0)
			return rl_refuse(RL_E(EIO), "it became shorter while it was read");
		have += (size_t)n;
	}
	return RL_OK;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n >= k && strcasecmp(name + n - k, suffix) == 0;
}

/* The last two of eight bytes tell modules from components, which are another format. */
static rl_err tell_format(const char *name, struct wasm_program *p)
{
	static const uint8_t module[4] = "\0asm", aot[4] = "\0aot";

	if (p->len >= 8 && memcmp(p->bytes, module, 4) == 0) {
		p->format = WASM_MODULE;
		if (p->bytes[6] == 0 && p->bytes[7] == 0)
			return RL_OK;
		return rl_hint(rl_refuse(RL_E(ENOTSUP), "it is a component, not a module"),
			       "build it for WASI preview 1 (wasm32-wasip1)");
	}
	p->format = WASM_AOT;
	if (p->len >= 8 && memcmp(p->bytes, aot, 4) == 0)
		return RL_OK;
	p->format = WASM_TEXT;
	return ends_with(name, ".wat") ? RL_OK
				       : rl_refuse(RL_E(ENOEXEC), "it is no WebAssembly module");
}

static rl_err read_module(const struct wasm_engine *engine, const struct hdl_entry *entry,
			  struct wasm_program *p)
{
	static const char *const words[] = { [WASM_MODULE] = "modules",
					     [WASM_TEXT] = "the text format",
					     [WASM_AOT] = "what WAMR's compiler makes" };
	struct stat st;

	RL_TRY(rl_sys(fstat(entry->program_fd, &st), "look at it"));
	if (st.st_size > MODULE_LIMIT)
		return rl_refuse(RL_E(EFBIG), "it is larger than %lld bytes",
				 (long long)MODULE_LIMIT);
	p->len = (size_t)st.st_size;
	RL_TRY(rl_new_array(p->arena, p->len + 1, &p->bytes));
	RL_TRY(read_all(entry->program_fd, p->bytes, p->len));
	p->bytes[p->len] = '\0';
	RL_TRY(tell_format(entry->args[0], p));
	if ((engine->formats & 1U << p->format) == 0)
		return rl_refuse(RL_E(ENOTSUP), "%s does not read %s", engine->name,
				 words[p->format]);
	return RL_OK;
}

/* ---- the program ----------------------------------------------------------------------------- */

/* WASI's strings are UTF-8. Some engines say so by a function that older ones do not answer. */
static rl_err copy_list(struct rl_arena *a, const char *key, const char *const *list,
			const char ***ret, size_t *ret_count)
{
	size_t count = 0;

	while (list[count] != NULL)
		count++;
	RL_TRY(rl_new_array(a, count + 1, ret));
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(list[i]);

		if (rl_utf8_check(list[i], len) != len)
			return rl_refuse(RL_E(EILSEQ), "%s[%zu]: is no UTF-8", key, i);
		(*ret)[i] = list[i];
	}
	*ret_count = count;
	return RL_OK;
}

static void end_by_signal(int number)
{
	_exit(128 + number);
}

/*
 * The kernel keeps signals without a handler away from the first process of a pid namespace, and a
 * module cannot ask for one: without this only SIGKILL would end it.
 */
static void let_signals_end(void)
{
	static const int numbers[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM
	};
	const struct sigaction end = { .sa_handler = end_by_signal };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaction(numbers[i], &end, NULL);
	/* A module gets EPIPE. */
	(void)signal(SIGPIPE, SIG_IGN);
}

void wasm_program_starts(const struct wasm_program *p)
{
	let_signals_end();
	(void)close(p->talk_fd);
}

void wasm_program_exits(uint32_t status)
{
	_exit((int)(status & 0xff));
}

rl_err wasm_enter(struct wasm_session *s, const struct hdl_entry *entry)
{
	const char *slash = strrchr(entry->args[0], '/');
	struct wasm_program p = { .arena = &s->arena, .talk_fd = entry->talk_fd };

	/* The runtime's environment is nobody's business in here. */
	(void)clearenv();
	(void)prctl(PR_SET_NAME, slash != NULL ? slash + 1 : entry->args[0]);
	RL_TRY(copy_list(&s->arena, "$.process.args", entry->args, &p.args, &p.arg_count));
	RL_TRY(copy_list(&s->arena, "$.process.env", entry->env, &p.env, &p.env_count));
	RL_TRY(read_module(s->engine, entry, &p), "module %s", entry->args[0]);
	(void)close(entry->program_fd);
	return rl_wrap(s->engine->run(s->table, &p), "%s", s->engine->name);
}
