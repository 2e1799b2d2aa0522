/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of WasmEdge's C API with their signatures, as its headers of version 0.14 have
 * them. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	uint32_t Length;
	const char *Buf;
} WasmEdge_String;
typedef struct {
	uint32_t Length;
	const uint8_t *Buf;
} WasmEdge_Bytes;
typedef struct {
	uint32_t Code;
} WasmEdge_Result;

enum { SUCCESS, TERMINATED, FAILED, UNREACHABLE = 0x89 };

static int configured, vm, wasi;
static int status;

static WasmEdge_Result answer(const char *function)
{
	note("%s\n", function);
	return (WasmEdge_Result){ fails(function) ? FAILED : SUCCESS };
}

#define API __attribute__((visibility("default")))
#define DECLARE(type, name, ...)    \
	API type name(__VA_ARGS__); \
	API type name(__VA_ARGS__)

DECLARE(void *, WasmEdge_ConfigureCreate, void)
{
	return &configured;
}

DECLARE(void, WasmEdge_ConfigureAddHostRegistration, void *config, int what)
{
	configured = config == &configured && what == 0;
}

DECLARE(void *, WasmEdge_VMCreate, const void *config, void *store)
{
	note("WasmEdge_VMCreate %d\n", config == &configured && store == NULL);
	return fails("WasmEdge_VMCreate") ? NULL : &vm;
}

/* Only of what was registered. */
DECLARE(void *, WasmEdge_VMGetImportModuleContext, void *v, int what)
{
	return v == &vm && what == 0 && configured ? &wasi : NULL;
}

DECLARE(void, WasmEdge_ModuleInstanceInitWASI, void *module, const char *const *args, uint32_t argc,
	const char *const *env, uint32_t envc, const char *const *preopens, uint32_t count)
{
	note_list("argument", args, argc);
	for (uint32_t i = 0; i < envc; i++)
		note("variable %u %s\n", i, env[i]);
	for (uint32_t i = 0; i < count; i++)
		note("preopen %s %d\n", preopens[i], module == &wasi);
}

DECLARE(uint32_t, WasmEdge_ModuleInstanceWASIGetExitCode, const void *module)
{
	return module == &wasi ? (uint32_t)status : 1;
}

DECLARE(WasmEdge_Result, WasmEdge_VMLoadWasmFromBytes, void *v, const WasmEdge_Bytes bytes)
{
	note("module %d len=%u magic=%d\n", v == &vm, bytes.Length,
	     bytes.Length >= 4 && memcmp(bytes.Buf, "\0asm", 4) == 0);
	return answer("WasmEdge_VMLoadWasmFromBytes");
}

DECLARE(WasmEdge_Result, WasmEdge_VMValidate, void *v)
{
	(void)v;
	return answer("WasmEdge_VMValidate");
}

DECLARE(WasmEdge_Result, WasmEdge_VMInstantiate, void *v)
{
	(void)v;
	return answer("WasmEdge_VMInstantiate");
}

DECLARE(WasmEdge_Result, WasmEdge_VMExecute, void *v, const WasmEdge_String name, const void *args,
	const uint32_t arg_count, void *results, const uint32_t result_count)
{
	note("WasmEdge_VMExecute %d %.*s args=%u results=%u\n",
	     v == &vm && args == NULL && results == NULL, (int)name.Length, name.Buf, arg_count,
	     result_count);
	switch (fake_start(&status)) {
	case FAKE_EXITS:
		return (WasmEdge_Result){ TERMINATED };
	case FAKE_TRAPS:
		return (WasmEdge_Result){ UNREACHABLE };
	case FAKE_RETURNS:
		return (WasmEdge_Result){ SUCCESS };
	}
	return (WasmEdge_Result){ FAILED };
}

DECLARE(bool, WasmEdge_ResultOK, const WasmEdge_Result r)
{
	return r.Code == SUCCESS || r.Code == TERMINATED;
}

DECLARE(const char *, WasmEdge_ResultGetMessage, const WasmEdge_Result r)
{
	return r.Code == UNREACHABLE ? "unreachable" : "it was told to fail";
}
