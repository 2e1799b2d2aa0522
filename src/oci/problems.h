/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a configuration, all of it: a list of places (JSON path and line), each with
 * what is wrong, why that matters and what to do. Reading and checking go on after a problem, so
 * that one run shows every mistake.
 *
 * Errors refuse the configuration; warnings name what the specification lets pass.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* More than these of a kind are counted, not kept. */
#define OCI_PROBLEMS_KEPT 64

struct oci_problem {
	struct oci_problem *next;
	const char *path; /* "$.linux.resources.cpu.shares" */
	uint32_t line;	  /* of the value, or of the object that lacks it */
	const char *what; /* "must be an integer, is a string" */
	const char *why;  /* the reason, NULL if plain */
	const char *hint; /* what to do, NULL if plain */
};

struct oci_problem_list {
	struct oci_problem *first; /* in the order of lines */
	size_t count;		   /* kept or not */
};

struct oci_problems {
	struct rl_arena *arena;
	const struct rl_json *document; /* where lines are looked up; set by the readers */
	struct oci_problem_list errors;
	struct oci_problem_list warnings;
	bool no_memory;
};

static inline struct oci_problems oci_problems_in(struct rl_arena *arena)
{
	return (struct oci_problems){ .arena = arena };
}

/*
 * Adds one, unless the value or an object around it has one already. `why` and `hint` are kept as
 * they are, so they are literals or live in the arena. A lack of memory is noted and comes out of
 * oci_problems_error().
 */
RL_PRINTF(5, 6)
void oci_error(struct oci_problems *p, const char *path, const char *why, const char *hint,
	       const char *fmt, ...);
RL_PRINTF(5, 6)
void oci_warning(struct oci_problems *p, const char *path, const char *why, const char *hint,
		 const char *fmt, ...);

/* Formatted text in the arena, for paths and hints; "?" when memory is out. */
RL_PRINTF(2, 3) const char *oci_text(struct oci_problems *p, const char *fmt, ...);
/* A value of the document as a message shows it: quoted, no control bytes, shortened. */
const char *oci_quote(struct oci_problems *p, const char *value);
#define OCI_QUOTED 88 /* bytes of the longest quoted value */
void oci_quote_to(char buf[static OCI_QUOTED], const char *value);
/* A member's path: `.key`, or `["key"]` where the key is no plain word. */
const char *oci_path_key(struct oci_problems *p, const char *object, const char *key);

/*
 * The line of the value that a path names, or of its nearest enclosing object if it is not there.
 * 0 without a document.
 */
uint32_t oci_path_line(const struct rl_json *document, const char *path);

/*
 * All errors as one, EINVAL; RL_OK if there are none. `name` is the document's:
 *
 *     config.json: 2 problems: line 12: $.process.cwd: must be an absolute path, is "tmp" (...)
 *       line 30: $.linux.namespaces[5]: ...
 *
 * The hint is that of the first problem that has one, with its path where there are several.
 */
RL_MUST rl_err oci_problems_error(const struct oci_problems *p, const char *name);
/* The same line for one problem, without a hint. */
const char *oci_problem_text(struct oci_problems *p, const struct oci_problem *problem);
