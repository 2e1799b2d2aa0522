/* SPDX-License-Identifier: Apache-2.0 */
/* The WebAssembly Micro Runtime, by its C API (wasm_export.h), from version 1.2 on. */
#include "handlers/wasm.h"

#include <string.h>

/* What its own command line program gives a module, in the kinds of memory that it has. */
#define STACK_SIZE (UINT32_C(1) << 20)
#define HEAP_SIZE 0 /* of the host, in the module's memory: WASI modules bring theirs */

/* ---- the API --------------------------------------------------------------------------------- */

/* All of them are the library's. */
struct wamr_module;
struct wamr_instance;
struct wamr_function;

struct wamr_api {
	bool (*wasm_runtime_init)(void);
	struct wamr_module *(*wasm_runtime_load)(uint8_t *, uint32_t, char *error, uint32_t);
	/* Keeps the lists until the module is instantiated. */
	void (*wasm_runtime_set_wasi_args)(struct wamr_module *, const char **dirs, uint32_t,
					   const char **mapped_dirs, uint32_t, const char **env,
					   uint32_t, char **args, int);
	struct wamr_instance *(*wasm_runtime_instantiate)(struct wamr_module *, uint32_t stack,
							  uint32_t heap, char *error, uint32_t);
	struct wamr_function *(*wasm_runtime_lookup_wasi_start_function)(struct wamr_instance *);
	bool (*wasm_application_execute_main)(struct wamr_instance *, int32_t, char **args);
	const char *(*wasm_runtime_get_exception)(struct wamr_instance *);
	uint32_t (*wasm_runtime_get_wasi_exit_code)(struct wamr_instance *);
};

#define NEED(name) WASM_SYMBOL(wamr_api, name)
static const struct wasm_symbol symbols[] = {
	NEED(wasm_runtime_init),
	NEED(wasm_runtime_load),
	NEED(wasm_runtime_set_wasi_args),
	NEED(wasm_runtime_instantiate),
	NEED(wasm_runtime_lookup_wasi_start_function),
	NEED(wasm_application_execute_main),
	NEED(wasm_runtime_get_exception),
	NEED(wasm_runtime_get_wasi_exit_code),
	{ 0 },
};

/* ---- running --------------------------------------------------------------------------------- */

static rl_err instantiate(const struct wamr_api *api, const struct wasm_program *p,
			  struct wamr_instance **ret)
{
	static const char *root[] = { "/" };
	char why[256] = "no reason is given";
	struct wamr_module *module;

	if (!api->wasm_runtime_init())
		return rl_refuse(RL_E(ENOMEM), "make an engine");
	module = api->wasm_runtime_load(p->bytes, (uint32_t)p->len, why, sizeof(why));
	if (module == NULL)
		return rl_refuse(RL_E(ENOEXEC), "load the module: %s", why);
	api->wasm_runtime_set_wasi_args(module, root, 1, NULL, 0, p->env, (uint32_t)p->env_count,
					(char **)(uintptr_t)p->args, (int)p->arg_count);
	*ret = api->wasm_runtime_instantiate(module, STACK_SIZE, HEAP_SIZE, why, sizeof(why));
	if (*ret == NULL)
		return rl_refuse(RL_E(ENOEXEC), "instantiate the module: %s", why);
	if (api->wasm_runtime_lookup_wasi_start_function(*ret) == NULL)
		return rl_refuse(RL_E(ENOEXEC), "the module has no function _start");
	return RL_OK;
}

static rl_err run(const void *table, const struct wasm_program *p)
{
	const struct wamr_api *api = table;
	struct wamr_instance *instance;
	const char *why;

	RL_TRY(instantiate(api, p, &instance));
	wasm_program_starts(p);
	/* proc_exit is no exception any more when this returns. */
	if (api->wasm_application_execute_main(instance, (int32_t)p->arg_count,
					       (char **)(uintptr_t)p->args))
		wasm_program_exits(api->wasm_runtime_get_wasi_exit_code(instance));
	why = api->wasm_runtime_get_exception(instance);
	return rl_refuse(RL_E(ENOEXEC), "the module trapped: %s", why != NULL ? why : "no reason");
}

const struct wasm_engine wasm_wamr = {
	.name = "wamr",
	.library = "libiwasm.so",
	.variable = "RUNLET_LIBIWASM",
	.symbols = symbols,
	.table_size = sizeof(struct wamr_api),
	.formats = 1U << WASM_MODULE | 1U << WASM_AOT,
	.run = run,
};
