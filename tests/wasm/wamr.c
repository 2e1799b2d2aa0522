/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of WAMR's C API with their signatures, as wasm_export.h of version 2 has them. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int module_of, instance, function, status;
static const char *exception;
static const char *const *args;
static int arg_count;

#define API __attribute__((visibility("default")))
#define DECLARE(type, name, ...)    \
	API type name(__VA_ARGS__); \
	API type name(__VA_ARGS__)

DECLARE(bool, wasm_runtime_init, void)
{
	note("wasm_runtime_init\n");
	return !fails("wasm_runtime_init");
}

DECLARE(void *, wasm_runtime_load, uint8_t *bytes, uint32_t len, char *why, uint32_t size)
{
	note("wasm_runtime_load len=%u magic=%.3s\n", len, (const char *)bytes + 1);
	/* It is allowed to change it. */
	memset(bytes, 0, len);
	(void)snprintf(why, size, "it was told to fail");
	return fails("wasm_runtime_load") ? NULL : &module_of;
}

DECLARE(void, wasm_runtime_set_wasi_args, void *module, const char *dirs[], uint32_t dir_count,
	const char *mapped[], uint32_t mapped_count, const char *env[], uint32_t env_count,
	char *argv[], int argc)
{
	for (uint32_t i = 0; i < dir_count; i++)
		note("preopen %s %d\n", dirs[i], module == &module_of && mapped == NULL);
	for (uint32_t i = 0; i < env_count; i++)
		note("variable %u %s\n", i, env[i]);
	note("mapped %u\n", mapped_count);
	args = (const char *const *)(uintptr_t)argv;
	arg_count = argc;
}

/* What was set counts now. */
DECLARE(void *, wasm_runtime_instantiate, void *module, uint32_t stack, uint32_t heap, char *why,
	uint32_t size)
{
	note("wasm_runtime_instantiate %d stack=%u heap=%u\n", module == &module_of, stack, heap);
	note_list("argument", args, (size_t)arg_count);
	(void)snprintf(why, size, "it was told to fail");
	return fails("wasm_runtime_instantiate") ? NULL : &instance;
}

DECLARE(void *, wasm_runtime_lookup_wasi_start_function, void *i)
{
	return i == &instance && !fails("wasm_runtime_lookup_wasi_start_function") ? &function
										   : NULL;
}

DECLARE(bool, wasm_application_execute_main, void *i, int32_t argc, char *argv[])
{
	note("wasm_application_execute_main %d argc=%d %s\n", i == &instance, argc, argv[0]);
	if (fake_start(&status) != FAKE_TRAPS)
		return true;
	exception = "Exception: unreachable";
	return false;
}

DECLARE(const char *, wasm_runtime_get_exception, void *i)
{
	return i == &instance ? exception : NULL;
}

DECLARE(uint32_t, wasm_runtime_get_wasi_exit_code, void *i)
{
	return i == &instance ? (uint32_t)status : 1;
}
