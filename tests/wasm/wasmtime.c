/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of Wasmtime's C API with their signatures, as its headers of version 25 have them.
 */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	size_t size;
	char *data;
} wasm_byte_vec_t;
typedef struct {
	uint64_t store_id;
	size_t index;
} wasmtime_func_t;
typedef struct wasmtime_error {
	const char *text;
	int status; /* -1: none */
} wasmtime_error_t;
typedef struct wasm_trap {
	const char *text;
} wasm_trap_t;

static wasmtime_error_t error = { "it was told to fail\nin two lines", -1 };
static wasm_trap_t trap = { "wasm trap: unreachable" };
static int thing;

/* Of all that answer with an error or NULL. */
static wasmtime_error_t *answer(const char *function)
{
	return fails(function) ? &error : NULL;
}

static void fill(wasm_byte_vec_t *out, const char *text, size_t len)
{
	out->size = len;
	out->data = malloc(len);
	if (out->data == NULL)
		abort();
	memcpy(out->data, text, len);
}

#define API __attribute__((visibility("default")))
#define DECLARE(type, name, ...)    \
	API type name(__VA_ARGS__); \
	API type name(__VA_ARGS__)

DECLARE(void *, wasm_engine_new, void)
{
	note("wasm_engine_new\n");
	return fails("wasm_engine_new") ? NULL : &thing;
}

DECLARE(void, wasm_byte_vec_delete, wasm_byte_vec_t *vec)
{
	free(vec->data);
	*vec = (wasm_byte_vec_t){ 0 };
}

/* With the NUL that ends it. */
DECLARE(void, wasm_trap_message, const wasm_trap_t *t, wasm_byte_vec_t *out)
{
	fill(out, t->text, strlen(t->text) + 1);
}

DECLARE(void, wasmtime_error_message, const wasmtime_error_t *e, wasm_byte_vec_t *out)
{
	fill(out, e->text, strlen(e->text));
}

DECLARE(bool, wasmtime_error_exit_status, const wasmtime_error_t *e, int *status)
{
	if (e->status < 0)
		return false;
	*status = e->status;
	return true;
}

DECLARE(wasmtime_error_t *, wasmtime_wat2wasm, const char *text, size_t len, wasm_byte_vec_t *out)
{
	note("wasmtime_wat2wasm %.*s\n", (int)len, text);
	fill(out, "\0asm\1\0\0\0", 8);
	return answer("wasmtime_wat2wasm");
}

DECLARE(wasmtime_error_t *, wasmtime_module_new, void *engine, const uint8_t *bytes, size_t len,
	void **out)
{
	note("wasmtime_module_new %d len=%zu magic=%d\n", engine == &thing, len,
	     len >= 4 && memcmp(bytes, "\0asm", 4) == 0);
	*out = &thing;
	return answer("wasmtime_module_new");
}

DECLARE(void *, wasmtime_store_new, void *engine, void *data, void (*finalizer)(void *))
{
	return engine == &thing && data == NULL && finalizer == NULL ? &thing : NULL;
}

DECLARE(void *, wasmtime_store_context, void *store)
{
	return store;
}

DECLARE(wasmtime_error_t *, wasmtime_context_set_wasi, void *context, void *wasi)
{
	note("wasmtime_context_set_wasi %d\n", context == &thing && wasi == &thing);
	return answer("wasmtime_context_set_wasi");
}

DECLARE(void *, wasmtime_linker_new, void *engine)
{
	return engine;
}

DECLARE(wasmtime_error_t *, wasmtime_linker_define_wasi, void *linker)
{
	note("wasmtime_linker_define_wasi %d\n", linker == &thing);
	return answer("wasmtime_linker_define_wasi");
}

DECLARE(wasmtime_error_t *, wasmtime_linker_module, void *linker, void *context, const char *name,
	size_t len, const void *module)
{
	note("wasmtime_linker_module %d \"%.*s\"\n",
	     linker == &thing && context == &thing && module == &thing, (int)len, name);
	return answer("wasmtime_linker_module");
}

DECLARE(wasmtime_error_t *, wasmtime_linker_get_default, const void *linker, void *context,
	const char *name, size_t len, wasmtime_func_t *out)
{
	(void)linker, (void)context, (void)name, (void)len;
	*out = (wasmtime_func_t){ 17, 4 };
	return answer("wasmtime_linker_get_default");
}

DECLARE(wasmtime_error_t *, wasmtime_func_call, void *context, const wasmtime_func_t *func,
	const void *args, size_t arg_count, void *results, size_t result_count, wasm_trap_t **out)
{
	note("wasmtime_func_call %d args=%zu results=%zu\n",
	     context == &thing && func->store_id == 17 && func->index == 4 && args == NULL &&
		     results == NULL,
	     arg_count, result_count);
	switch (fake_start(&error.status)) {
	case FAKE_EXITS:
		return &error;
	case FAKE_TRAPS:
		*out = &trap;
		return NULL;
	case FAKE_RETURNS:
		return NULL;
	}
	return NULL;
}

DECLARE(void *, wasi_config_new, void)
{
	return &thing;
}

DECLARE(bool, wasi_config_set_argv, void *config, size_t argc, const char *argv[])
{
	(void)config;
	note_list("argument", argv, argc);
	return true;
}

DECLARE(bool, wasi_config_set_env, void *config, size_t count, const char *names[],
	const char *values[])
{
	(void)config;
	for (size_t i = 0; i < count; i++)
		note("variable %zu %s=%s\n", i, names[i], values[i]);
	return true;
}

DECLARE(void, wasi_config_inherit_stdin, void *config)
{
	note("stream stdin %d\n", config == &thing);
}

DECLARE(void, wasi_config_inherit_stdout, void *config)
{
	note("stream stdout %d\n", config == &thing);
}

DECLARE(void, wasi_config_inherit_stderr, void *config)
{
	note("stream stderr %d\n", config == &thing);
}

DECLARE(bool, wasi_config_preopen_dir, void *config, const char *host, const char *guest,
	size_t dir_perms, size_t file_perms)
{
	note("preopen %s:%s %zu %zu %d\n", host, guest, dir_perms, file_perms, config == &thing);
	return !fails("wasi_config_preopen_dir");
}
