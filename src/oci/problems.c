/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The listing in one error leaves room for the contexts that come in front of it. */
#define LISTING_MAX 1200

RL_PRINTF(2, 0) static const char *format(struct oci_problems *p, const char *fmt, va_list ap)
{
	char text[512];
	const char *copy;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (rl_drop_failed(rl_arena_str(p->arena, text, &copy))) {
		p->no_memory = true;
		return "?";
	}
	return copy;
}

/* True if `path` is `whole` or a part of it. */
static bool within(const char *path, const char *whole)
{
	size_t len = strlen(whole);

	return strncmp(path, whole, len) == 0 &&
	       (path[len] == '\0' || path[len] == '.' || path[len] == '[');
}

/* Keeps the order of lines, and within a line the order in which problems were found. */
static void insert(struct oci_problem_list *list, struct oci_problem *problem)
{
	struct oci_problem **at = &list->first;

	while (*at != NULL && (*at)->line <= problem->line)
		at = &(*at)->next;
	problem->next = *at;
	*at = problem;
}

static void append(struct oci_problems *p, struct oci_problem_list *list, const char *path,
		   const char *why, const char *hint, const char *what)
{
	struct oci_problem *problem;

	/* What is said about a value that was unreadable already is a consequence. */
	for (const struct oci_problem *q = list->first; q != NULL; q = q->next)
		if (within(path, q->path))
			return;
	list->count++;
	if (list->count > OCI_PROBLEMS_KEPT)
		return;
	if (rl_drop_failed(rl_new(p->arena, &problem))) {
		p->no_memory = true;
		return;
	}
	*problem = (struct oci_problem){
		.path = path,
		.line = oci_path_line(p->document, path),
		.what = what,
		.why = why,
		.hint = hint,
	};
	insert(list, problem);
}

void oci_error(struct oci_problems *p, const char *path, const char *why, const char *hint,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(p, &p->errors, path, why, hint, format(p, fmt, ap));
	va_end(ap);
}

void oci_warning(struct oci_problems *p, const char *path, const char *why, const char *hint,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(p, &p->warnings, path, why, hint, format(p, fmt, ap));
	va_end(ap);
}

const char *oci_text(struct oci_problems *p, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = format(p, fmt, ap);
	va_end(ap);
	return text;
}

/*
 * Copies `value` into buf between quotes; what could confuse a terminal, a log or the reader of a
 * path is written as \uNNNN. The whole value is encoded, or nothing is added after the cut.
 */
static void encode(char *buf, size_t size, const char *value, size_t max)
{
	size_t n = 0, i = 0;

	buf[n++] = '"';
	for (; value[i] != '\0' && n <= max; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '"' || c == '\\') {
			buf[n++] = '\\';
			buf[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(buf + n, size - n, "\\u%04x", c);
		} else {
			buf[n++] = (char)c;
		}
	}
	/* Never cut inside a UTF-8 sequence. */
	while (value[i] != '\0' && ((unsigned char)value[i] & 0xc0) == 0x80 && n < size - 8)
		buf[n++] = value[i++];
	snprintf(buf + n, size - n, value[i] == '\0' ? "\"" : "...\"");
}

void oci_quote_to(char buf[static OCI_QUOTED], const char *value)
{
	encode(buf, OCI_QUOTED, value, OCI_QUOTED - 16);
}

const char *oci_quote(struct oci_problems *p, const char *value)
{
	char buf[OCI_QUOTED];

	oci_quote_to(buf, value);
	return oci_text(p, "%s", buf);
}

static bool plain_word(const char *key)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
				      "0123456789";

	return *key != '\0' && key[strspn(key, letters)] == '\0' && !(*key >= '0' && *key <= '9');
}

const char *oci_path_key(struct oci_problems *p, const char *object, const char *key)
{
	char buf[256];

	if (plain_word(key))
		return oci_text(p, "%s.%s", object, key);
	encode(buf, sizeof(buf), key, sizeof(buf) - 16);
	return oci_text(p, "%s[%s]", object, buf);
}

/* ---- from path to line ---------------------------------------------------------------------- */

/* Takes `.key` or `["key"]` off the path; false if it has another form. */
static bool take_key(const char **path, char *key, size_t size)
{
	const char *s = *path;
	size_t n = 0;

	if (*s == '.') {
		n = strcspn(++s, ".[");
		snprintf(key, size, "%.*s", (int)n, s);
		*path = s + n;
		return n > 0;
	}
	if (strncmp(s, "[\"", 2) != 0)
		return false;
	for (s += 2; *s != '\0' && *s != '"' && n < size - 1; s++) {
		unsigned int c;

		if (*s == '\\' && sscanf(s, "\\u%4x", &c) == 1) {
			key[n++] = (char)c;
			s += 5;
		} else {
			s += *s == '\\';
			key[n++] = *s;
		}
	}
	key[n] = '\0';
	if (strncmp(s, "\"]", 2) != 0)
		return false;
	*path = s + 2;
	return true;
}

static const struct rl_json *take_index(const char **path, const struct rl_json *array)
{
	const struct rl_json *m = array->type == RL_JSON_ARRAY ? array->first : NULL;
	unsigned long index;
	int len = 0;

	if (sscanf(*path, "[%lu]%n", &index, &len) != 1 || len == 0)
		return NULL;
	*path += len;
	while (m != NULL && index-- > 0)
		m = m->next;
	return m;
}

uint32_t oci_path_line(const struct rl_json *document, const char *path)
{
	const struct rl_json *at = document;
	char key[256];

	if (document == NULL)
		return 0;
	path += *path == '$';
	while (*path != '\0') {
		const struct rl_json *member = take_key(&path, key, sizeof(key))
						       ? rl_json_get(at, key)
						       : take_index(&path, at);

		if (member == NULL)
			break;
		at = member;
	}
	return at->line;
}

/* ---- to text -------------------------------------------------------------------------------- */

static int print(char *buf, size_t size, const struct oci_problem *q)
{
	char line[24] = "";

	if (q->line != 0)
		snprintf(line, sizeof(line), "line %u: ", q->line);
	return snprintf(buf, size, "%s%s: %s%s%s%s", line, q->path, q->what,
			q->why != NULL ? " (" : "", q->why != NULL ? q->why : "",
			q->why != NULL ? ")" : "");
}

const char *oci_problem_text(struct oci_problems *p, const struct oci_problem *problem)
{
	char buf[1024];

	print(buf, sizeof(buf), problem);
	return oci_text(p, "%s", buf);
}

rl_err oci_problems_error(const struct oci_problems *p, const char *name)
{
	const char *hint = NULL, *about = NULL;
	char text[LISTING_MAX + 64] = "";
	size_t used = 0, shown = 0;
	rl_err e;

	if (p->no_memory)
		return rl_nomem();
	if (p->errors.count == 0)
		return RL_OK;
	for (const struct oci_problem *q = p->errors.first; q != NULL; q = q->next) {
		char one[1024];
		int len = print(one, sizeof(one), q);

		if (hint == NULL && q->hint != NULL) {
			hint = q->hint;
			about = q->path;
		}
		if (shown > 0 && used + (size_t)len + 4 > LISTING_MAX)
			break;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 shown > 0 ? "\n  " : "", one);
		shown++;
	}
	if (p->errors.count > shown)
		snprintf(text + used, sizeof(text) - used, "\n  and %zu more",
			 p->errors.count - shown);
	e = p->errors.count == 1
		    ? rl_refuse(RL_E(EINVAL), "%s: %s", name, text)
		    : rl_refuse(RL_E(EINVAL), "%s: %zu problems: %s", name, p->errors.count, text);
	if (hint == NULL)
		return e;
	return p->errors.count == 1 ? rl_hint(e, "%s", hint) : rl_hint(e, "%s: %s", about, hint);
}
