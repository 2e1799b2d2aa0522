/* SPDX-License-Identifier: Apache-2.0 */
/* Wasmtime, by its C API (wasm.h, wasi.h, wasmtime.h), from version 4 on. */
#include "handlers/wasm.h"

#include <stdio.h>
#include <string.h>

/* ---- the API --------------------------------------------------------------------------------- */

struct wt_bytes {
	size_t size;
	char *data;
};

/* Two words in every version; what is in them is the library's. Room for more. */
struct wt_func {
	uint64_t words[8];
};

/* All of them are the library's. */
struct wt_engine;
struct wt_store;
struct wt_context;
struct wt_linker;
struct wt_module;
struct wt_wasi;
struct wt_error;
struct wt_trap;
struct wt_value;

struct wasmtime_api {
	struct wt_engine *(*wasm_engine_new)(void);
	void (*wasm_byte_vec_delete)(struct wt_bytes *);
	void (*wasm_trap_message)(const struct wt_trap *, struct wt_bytes *ret);

	void (*wasmtime_error_message)(const struct wt_error *, struct wt_bytes *ret);
	bool (*wasmtime_error_exit_status)(const struct wt_error *, int *ret);
	struct wt_error *(*wasmtime_wat2wasm)(const char *text, size_t len, struct wt_bytes *ret);
	struct wt_error *(*wasmtime_module_new)(struct wt_engine *, const uint8_t *, size_t,
						struct wt_module **ret);
	struct wt_store *(*wasmtime_store_new)(struct wt_engine *, void *data,
					       void (*finalizer)(void *));
	struct wt_context *(*wasmtime_store_context)(struct wt_store *);
	/* Takes the configuration over. */
	struct wt_error *(*wasmtime_context_set_wasi)(struct wt_context *, struct wt_wasi *);
	struct wt_linker *(*wasmtime_linker_new)(struct wt_engine *);
	struct wt_error *(*wasmtime_linker_define_wasi)(struct wt_linker *);
	struct wt_error *(*wasmtime_linker_module)(struct wt_linker *, struct wt_context *,
						   const char *name, size_t,
						   const struct wt_module *);
	struct wt_error *(*wasmtime_linker_get_default)(const struct wt_linker *,
							struct wt_context *, const char *name,
							size_t, struct wt_func *ret);
	struct wt_error *(*wasmtime_func_call)(struct wt_context *, const struct wt_func *,
					       const struct wt_value *args, size_t,
					       struct wt_value *results, size_t,
					       struct wt_trap **ret);

	struct wt_wasi *(*wasi_config_new)(void);
	/* Newer versions answer whether all is UTF-8, older ones nothing: it is not looked at. */
	void (*wasi_config_set_argv)(struct wt_wasi *, size_t, const char *const *);
	void (*wasi_config_set_env)(struct wt_wasi *, size_t, const char *const *names,
				    const char *const *values);
	void (*wasi_config_inherit_stdin)(struct wt_wasi *);
	void (*wasi_config_inherit_stdout)(struct wt_wasi *);
	void (*wasi_config_inherit_stderr)(struct wt_wasi *);
	/*
	 * Three generations: without rights, with those over directories and over files, with one
	 * "may change". An argument too many is not looked at, and ALL_RIGHTS is not false.
	 */
	bool (*wasi_config_preopen_dir)(struct wt_wasi *, const char *host, const char *guest,
					size_t dir_rights, size_t file_rights);
};
#define ALL_RIGHTS 3 /* read, and write or change */

#define NEED(name) WASM_SYMBOL(wasmtime_api, name)
static const struct wasm_symbol symbols[] = {
	NEED(wasm_engine_new),
	NEED(wasm_byte_vec_delete),
	NEED(wasm_trap_message),
	NEED(wasmtime_error_message),
	NEED(wasmtime_error_exit_status),
	WASM_OPTIONAL(wasmtime_api, wasmtime_wat2wasm),
	NEED(wasmtime_module_new),
	NEED(wasmtime_store_new),
	NEED(wasmtime_store_context),
	NEED(wasmtime_context_set_wasi),
	NEED(wasmtime_linker_new),
	NEED(wasmtime_linker_define_wasi),
	NEED(wasmtime_linker_module),
	NEED(wasmtime_linker_get_default),
	NEED(wasmtime_func_call),
	NEED(wasi_config_new),
	NEED(wasi_config_set_argv),
	NEED(wasi_config_set_env),
	NEED(wasi_config_inherit_stdin),
	NEED(wasi_config_inherit_stdout),
	NEED(wasi_config_inherit_stderr),
	NEED(wasi_config_preopen_dir),
	{ 0 },
};

/* ---- errors ---------------------------------------------------------------------------------- */

/* Messages have lines; an error of ours is one. */
static rl_err refuse(const struct wasmtime_api *api, struct wt_bytes *message, const char *what)
{
	char text[400];
	int len = (int)(message->size < sizeof(text) ? message->size : sizeof(text) - 1);

	/* Of a trap it ends with a NUL. */
	(void)snprintf(text, sizeof(text), "%.*s", len, message->data);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\n')
			*at = ' ';
	api->wasm_byte_vec_delete(message);
	return rl_refuse(RL_E(ENOEXEC), "%s: %s", what, text);
}

/* NULL is success. */
static rl_err result(const struct wasmtime_api *api, const struct wt_error *error, const char *what)
{
	struct wt_bytes message = { 0 };

	if (error == NULL)
		return RL_OK;
	api->wasmtime_error_message(error, &message);
	return refuse(api, &message, what);
}

static rl_err made(const void *thing, const char *what)
{
	return thing != NULL ? RL_OK : rl_refuse(RL_E(ENOMEM), "make %s", what);
}

/* ---- running --------------------------------------------------------------------------------- */

static rl_err compile(const struct wasmtime_api *api, struct wt_engine *engine,
		      const struct wasm_program *p, struct wt_module **ret)
{
	struct wt_bytes binary = { p->len, (char *)p->bytes };

	if (p->format == WASM_TEXT) {
		if (api->wasmtime_wat2wasm == NULL)
			return rl_refuse(RL_E(ENOTSUP),
					 "this library is built without the text format");
		RL_TRY(result(api, api->wasmtime_wat2wasm((const char *)p->bytes, p->len, &binary),
			      "read the text"));
	}
	return result(
		api,
		api->wasmtime_module_new(engine, (const uint8_t *)binary.data, binary.size, ret),
		"compile the module");
}

/* "NAME=VALUE" in two lists; what has no "=" has no value. */
static rl_err split_env(const struct wasm_program *p, const char ***ret_names,
			const char ***ret_values)
{
	RL_TRY(rl_new_array(p->arena, p->env_count + 1, ret_names));
	RL_TRY(rl_new_array(p->arena, p->env_count + 1, ret_values));
	for (size_t i = 0; i < p->env_count; i++) {
		const char *at = strchrnul(p->env[i], '=');

		RL_TRY(rl_arena_fmt(p->arena, &(*ret_names)[i], "%.*s", (int)(at - p->env[i]),
				    p->env[i]));
		(*ret_values)[i] = *at == '=' ? at + 1 : at;
	}
	return RL_OK;
}

static rl_err set_wasi(const struct wasmtime_api *api, struct wt_context *context,
		       const struct wasm_program *p)
{
	struct wt_wasi *wasi = api->wasi_config_new();
	const char **names, **values;

	RL_TRY(made(wasi, "a WASI configuration"));
	RL_TRY(split_env(p, &names, &values));
	api->wasi_config_set_argv(wasi, p->arg_count, p->args);
	api->wasi_config_set_env(wasi, p->env_count, names, values);
	api->wasi_config_inherit_stdin(wasi);
	api->wasi_config_inherit_stdout(wasi);
	api->wasi_config_inherit_stderr(wasi);
	if (!api->wasi_config_preopen_dir(wasi, "/", "/", ALL_RIGHTS, ALL_RIGHTS))
		return rl_refuse(RL_E(EACCES), "open the root for the module");
	return result(api, api->wasmtime_context_set_wasi(context, wasi), "set WASI up");
}

static rl_err run_func(const struct wasmtime_api *api, struct wt_context *context,
		       const struct wt_func *func)
{
	struct wt_bytes message = { 0 };
	struct wt_trap *trap = NULL;
	struct wt_error *error;
	int status;

	error = api->wasmtime_func_call(context, func, NULL, 0, NULL, 0, &trap);
	if (error != NULL && api->wasmtime_error_exit_status(error, &status))
		wasm_program_exits((uint32_t)status);
	RL_TRY(result(api, error, "the module failed"));
	if (trap == NULL)
		wasm_program_exits(0);
	api->wasm_trap_message(trap, &message);
	return refuse(api, &message, "the module trapped");
}

static rl_err run(const void *table, const struct wasm_program *p)
{
	const struct wasmtime_api *api = table;
	struct wt_engine *engine = api->wasm_engine_new();
	struct wt_module *module = NULL;
	struct wt_func func = { 0 };
	struct wt_context *context;
	struct wt_linker *linker;
	struct wt_store *store;

	RL_TRY(made(engine, "an engine"));
	RL_TRY(compile(api, engine, p, &module));
	store = api->wasmtime_store_new(engine, NULL, NULL);
	RL_TRY(made(store, "a store"));
	context = api->wasmtime_store_context(store);
	RL_TRY(set_wasi(api, context, p));
	linker = api->wasmtime_linker_new(engine);
	RL_TRY(made(linker, "a linker"));
	RL_TRY(result(api, api->wasmtime_linker_define_wasi(linker), "define WASI"));
	RL_TRY(result(api, api->wasmtime_linker_module(linker, context, "", 0, module),
		      "link the module"));
	RL_TRY(result(api, api->wasmtime_linker_get_default(linker, context, "", 0, &func),
		      "find the module's _start"));
	wasm_program_starts(p);
	return run_func(api, context, &func);
}

const struct wasm_engine wasm_wasmtime = {
	.name = "wasmtime",
	.library = "libwasmtime.so",
	.variable = "RUNLET_LIBWASMTIME",
	.symbols = symbols,
	.table_size = sizeof(struct wasmtime_api),
	.formats = 1U << WASM_MODULE | 1U << WASM_TEXT,
	.run = run,
};
