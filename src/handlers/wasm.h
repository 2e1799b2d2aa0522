/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebAssembly engines: what runs a module in the container's first process. An engine is a library
 * with a C API of its own; each has a file with our declarations of what is used of it.
 */
#pragma once

#include "base/arena.h"
#include "handlers/handler.h"

#include <stddef.h>

/* A function of a library, and where in the engine's table its address goes. */
struct wasm_symbol {
	const char *name;
	size_t offset;
	bool optional; /* NULL in the table: this library does not have it */
};
#define WASM_SYMBOL(table, name)                           \
	{                                                  \
#name, offsetof(struct table, name), false \
	}
#define WASM_OPTIONAL(table, name)                        \
	{                                                 \
#name, offsetof(struct table, name), true \
	}

enum wasm_format {
	WASM_MODULE, /* binary, of WASI preview 1 */
	WASM_TEXT,   /* args[0] ends with ".wat" */
	WASM_AOT,    /* of WAMR's compiler */
};

struct wasm_program {
	struct rl_arena *arena;
	enum wasm_format format;
	uint8_t *bytes;
	size_t len;
	const char **args, **env; /* up to a NULL */
	size_t arg_count, env_count;
	int talk_fd;
};

struct wasm_engine {
	const char *name;     /* as run.oci.handler has it */
	const char *library;  /* for ld.so(8): LD_LIBRARY_PATH, cache, default directories */
	const char *variable; /* of the environment: a file to load instead */
	const struct wasm_symbol *symbols; /* up to one without a name */
	size_t table_size;
	uint32_t formats; /* bits by enum wasm_format */
	/*
	 * Compiles and runs. What is wrong with the module is found before wasm_program_starts().
	 * Returns with a failure only: a program that ends makes the process end with its status.
	 */
	rl_err (*run)(const void *table, const struct wasm_program *p);
};

extern const struct wasm_engine wasm_wasmtime, wasm_wasmedge, wasm_wamr;

/* From now on whoever started the container believes that its program runs. */
void wasm_program_starts(const struct wasm_program *p);
/* The program has ended; its status is what exit(3) makes of it. */
_Noreturn void wasm_program_exits(uint32_t status);

/* What handler.h passes on (session.c). */
struct wasm_session;
RL_MUST rl_err wasm_load(const char *name, struct wasm_session **ret);
void wasm_free(struct wasm_session *s);
RL_MUST rl_err wasm_enter(struct wasm_session *s, const struct hdl_entry *entry);
