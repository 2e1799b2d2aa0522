/* SPDX-License-Identifier: Apache-2.0 */
/* WasmEdge, by its C API (wasmedge/wasmedge.h), from version 0.10 on. */
#include "handlers/wasm.h"

#include <string.h>

/* ---- the API --------------------------------------------------------------------------------- */

/* By value, as the API has them. */
struct we_string {
	uint32_t len;
	const char *text;
};
struct we_bytes {
	uint32_t len;
	const uint8_t *bytes;
};
struct we_result {
	uint32_t code;
};

/* All of them are the library's. */
struct we_config;
struct we_store;
struct we_vm;
struct we_module;
struct we_value;

enum { WE_REGISTER_WASI = 0 };

struct wasmedge_api {
	struct we_config *(*WasmEdge_ConfigureCreate)(void);
	void (*WasmEdge_ConfigureAddHostRegistration)(struct we_config *, int what);
	struct we_vm *(*WasmEdge_VMCreate)(const struct we_config *, struct we_store *);
	struct we_module *(*WasmEdge_VMGetImportModuleContext)(struct we_vm *, int what);
	void (*WasmEdge_ModuleInstanceInitWASI)(struct we_module *, const char *const *args,
						uint32_t, const char *const *env, uint32_t,
						const char *const *preopens, uint32_t);
	uint32_t (*WasmEdge_ModuleInstanceWASIGetExitCode)(const struct we_module *);
	/* The first is 0.14's name for the second. */
	struct we_result (*WasmEdge_VMLoadWasmFromBytes)(struct we_vm *, struct we_bytes);
	struct we_result (*WasmEdge_VMLoadWasmFromBuffer)(struct we_vm *, const uint8_t *,
							  uint32_t);
	struct we_result (*WasmEdge_VMValidate)(struct we_vm *);
	struct we_result (*WasmEdge_VMInstantiate)(struct we_vm *);
	struct we_result (*WasmEdge_VMExecute)(struct we_vm *, struct we_string name,
					       const struct we_value *args, uint32_t,
					       struct we_value *results, uint32_t);
	bool (*WasmEdge_ResultOK)(struct we_result);
	const char *(*WasmEdge_ResultGetMessage)(struct we_result);
};

#define NEED(name) WASM_SYMBOL(wasmedge_api, name)
static const struct wasm_symbol symbols[] = {
	NEED(WasmEdge_ConfigureCreate),
	NEED(WasmEdge_ConfigureAddHostRegistration),
	NEED(WasmEdge_VMCreate),
	NEED(WasmEdge_VMGetImportModuleContext),
	NEED(WasmEdge_ModuleInstanceInitWASI),
	NEED(WasmEdge_ModuleInstanceWASIGetExitCode),
	WASM_OPTIONAL(wasmedge_api, WasmEdge_VMLoadWasmFromBytes),
	WASM_OPTIONAL(wasmedge_api, WasmEdge_VMLoadWasmFromBuffer),
	NEED(WasmEdge_VMValidate),
	NEED(WasmEdge_VMInstantiate),
	NEED(WasmEdge_VMExecute),
	NEED(WasmEdge_ResultOK),
	NEED(WasmEdge_ResultGetMessage),
	{ 0 },
};

/* ---- running --------------------------------------------------------------------------------- */

/* Ending by proc_exit counts as success here. */
static rl_err result(const struct wasmedge_api *api, struct we_result r, const char *what)
{
	if (api->WasmEdge_ResultOK(r))
		return RL_OK;
	return rl_refuse(RL_E(ENOEXEC), "%s: %s", what, api->WasmEdge_ResultGetMessage(r));
}

static rl_err load(const struct wasmedge_api *api, struct we_vm *vm, const struct wasm_program *p)
{
	const struct we_bytes module = { (uint32_t)p->len, p->bytes };

	if (api->WasmEdge_VMLoadWasmFromBytes != NULL)
		return result(api, api->WasmEdge_VMLoadWasmFromBytes(vm, module),
			      "load the module");
	if (api->WasmEdge_VMLoadWasmFromBuffer == NULL)
		return rl_refuse(RL_E(ENOSYS),
				 "the library has neither WasmEdge_VMLoadWasmFromBytes "
				 "nor WasmEdge_VMLoadWasmFromBuffer");
	return result(api, api->WasmEdge_VMLoadWasmFromBuffer(vm, module.bytes, module.len),
		      "load the module");
}

static rl_err make_vm(const struct wasmedge_api *api, const struct wasm_program *p,
		      struct we_vm **ret_vm, struct we_module **ret_wasi)
{
	static const char *const root[] = { "/:/" };
	struct we_config *config = api->WasmEdge_ConfigureCreate();

	if (config == NULL)
		return rl_refuse(RL_E(ENOMEM), "make a configuration");
	api->WasmEdge_ConfigureAddHostRegistration(config, WE_REGISTER_WASI);
	*ret_vm = api->WasmEdge_VMCreate(config, NULL);
	if (*ret_vm == NULL)
		return rl_refuse(RL_E(ENOMEM), "make a VM");
	*ret_wasi = api->WasmEdge_VMGetImportModuleContext(*ret_vm, WE_REGISTER_WASI);
	if (*ret_wasi == NULL)
		return rl_refuse(RL_E(ENOTSUP), "the library is built without WASI");
	api->WasmEdge_ModuleInstanceInitWASI(*ret_wasi, p->args, (uint32_t)p->arg_count, p->env,
					     (uint32_t)p->env_count, root, 1);
	return RL_OK;
}

static rl_err run(const void *table, const struct wasm_program *p)
{
	static const struct we_string start = { 6, "_start" };
	const struct wasmedge_api *api = table;
	struct we_module *wasi = NULL;
	struct we_result end;
	struct we_vm *vm = NULL;

	RL_TRY(make_vm(api, p, &vm, &wasi));
	RL_TRY(load(api, vm, p));
	RL_TRY(result(api, api->WasmEdge_VMValidate(vm), "validate the module"));
	RL_TRY(result(api, api->WasmEdge_VMInstantiate(vm), "instantiate the module"));
	wasm_program_starts(p);
	end = api->WasmEdge_VMExecute(vm, start, NULL, 0, NULL, 0);
	RL_TRY(result(api, end, "the module trapped"));
	wasm_program_exits(api->WasmEdge_ModuleInstanceWASIGetExitCode(wasi));
}

const struct wasm_engine wasm_wasmedge = {
	.name = "wasmedge",
	.library = "libwasmedge.so.0",
	.variable = "RUNLET_LIBWASMEDGE",
	.symbols = symbols,
	.table_size = sizeof(struct wasmedge_api),
	.formats = 1U << WASM_MODULE,
	.run = run,
};
