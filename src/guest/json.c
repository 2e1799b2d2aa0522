/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/json.h"

#include "guest/fail.h"

#include <string.h>

struct parser {
	char *at, *end;
	unsigned line;
	const char *why; /* the first thing that was wrong */
};

static struct gst_json *value(struct parser *p, unsigned depth);

static void *wrong(struct parser *p, const char *why)
{
	if (p->why == NULL)
		p->why = why;
	return NULL;
}

static void skip_space(struct parser *p)
{
	for (; p->at < p->end && strchr(" \t\r\n", *p->at) != NULL && *p->at; p->at++)
		p->line += *p->at == '\n';
}

/* The next byte that is not white space, NUL at the end. */
static char peek(struct parser *p)
{
	skip_space(p);
	return p->at < p->end ? *p->at : '\0';
}

static bool accept(struct parser *p, char c)
{
	if (peek(p) != c || p->at == p->end)
		return false;
	p->at++;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1 if they are not there. */
static long code_unit(struct parser *p)
{
	long v = 0;

	if (p->end - p->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex(*p->at++);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* \uXXXX, a pair of surrogates too, as UTF-8, which is never longer than it was written. */
static char *unicode(struct parser *p, char *to)
{
	long c = code_unit(p);

	if (c >= 0xd800 && c < 0xdc00 && p->end - p->at >= 6 && p->at[0] == '\\' &&
	    p->at[1] == 'u') {
		long low;

		p->at += 2;
		low = code_unit(p);
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(p, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c <= 0 || (c >= 0xd800 && c < 0xe000))
		return wrong(p, "an escape that no string here can hold");
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

static char *escape(struct parser *p, char *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *known;

	if (p->at == p->end)
		return wrong(p, "a string without its end");
	if (*p->at == 'u') {
		p->at++;
		return unicode(p, to);
	}
	known = *p->at ? strchr(from, *p->at) : NULL;
	if (known == NULL)
		return wrong(p, "an unknown escape");
	p->at++;
	*to++ = into[known - from];
	return to;
}

/* Behind the opening quote. The decoded text takes the place of the written one. */
static const char *string(struct parser *p)
{
	char *start = p->at, *to = start;

	while (p->at < p->end && *p->at != '"') {
		unsigned char c = (unsigned char)*p->at++;

		if (c < ' ')
			return wrong(p, "a control character in a string");
		if (c != '\\') {
			*to++ = (char)c;
			continue;
		}
		to = escape(p, to);
		if (to == NULL)
			return NULL;
	}
	if (p->at == p->end)
		return wrong(p, "a string without its end");
	p->at++;
	*to = '\0'; /* at the latest where the closing quote was */
	return start;
}

static struct gst_json *node(enum gst_json_type type)
{
	struct gst_json *n = gst_alloc(1, sizeof(*n));

	n->type = type;
	return n;
}

static struct gst_json *members(struct parser *p, unsigned depth, bool object)
{
	struct gst_json *n = node(object ? GST_JSON_OBJECT : GST_JSON_ARRAY);
	struct gst_json **end = &n->first;
	char close = object ? '}' : ']';

	if (accept(p, close))
		return n;
	do {
		const char *key = NULL;

		if (object) {
			if (!accept(p, '"'))
				return wrong(p, "a member without a name");
			key = string(p);
			if (key == NULL)
				return NULL;
			if (!accept(p, ':'))
				return wrong(p, "a name without a colon");
		}
		*end = value(p, depth + 1);
		if (*end == NULL)
			return NULL;
		(*end)->key = key;
		end = &(*end)->next;
	} while (accept(p, ','));
	if (!accept(p, close))
		return wrong(p, object ? "an object without its end" : "an array without its end");
	return n;
}

static bool word(struct parser *p, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(p->end - p->at) < len || memcmp(p->at, text, len) != 0)
		return false;
	p->at += len;
	return true;
}

static struct gst_json *number(struct parser *p)
{
	struct gst_json *n = node(GST_JSON_NUMBER);
	size_t len = 0;
	char *copy;

	while (p->at + len < p->end && p->at[len] && strchr("+-.0123456789eE", p->at[len]) != NULL)
		len++;
	if (len == 0)
		return wrong(p, "something that is no value");
	copy = gst_alloc(len + 1, 1);
	memcpy(copy, p->at, len);
	n->text = copy;
	p->at += len;
	return n;
}

static struct gst_json *value(struct parser *p, unsigned depth)
{
	struct gst_json *n;
	char c = peek(p);

	if (depth > GST_JSON_DEPTH)
		return wrong(p, "too many levels");
	if (c == '{' || c == '[') {
		p->at++;
		return members(p, depth, c == '{');
	}
	if (c == '"') {
		p->at++;
		n = node(GST_JSON_STRING);
		n->text = string(p);
		return n->text ? n : NULL;
	}
	if (word(p, "null"))
		return node(GST_JSON_NULL);
	if (word(p, "true") || word(p, "false")) {
		n = node(GST_JSON_BOOL);
		n->boolean = c == 't';
		return n;
	}
	return number(p);
}

struct gst_json *gst_json_parse(char *text, size_t len, const char **ret_why, unsigned *ret_line)
{
	struct parser p = { .at = text, .end = text + len, .line = 1 };
	struct gst_json *root = value(&p, 0);

	if (root != NULL && peek(&p) != '\0')
		root = wrong(&p, "more text behind the end");
	*ret_why = p.why;
	*ret_line = p.line;
	return root;
}

const struct gst_json *gst_json_get(const struct gst_json *object, const char *key)
{
	if (object == NULL || object->type != GST_JSON_OBJECT)
		return NULL;
	for (const struct gst_json *m = object->first; m != NULL; m = m->next) {
		if (strcmp(m->key, key) == 0)
			return m->type == GST_JSON_NULL ? NULL : m;
	}
	return NULL;
}
