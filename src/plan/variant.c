/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/variant.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Elements of an array: no property of systemd comes near. */
#define ELEMENTS_MAX 1024

struct parser {
	struct rl_arena *arena;
	const char *origin, *text, *at;
};

static rl_err bad(const struct parser *p, const char *what)
{
	return rl_hint(rl_refuse(RL_E(EINVAL), "%s: %s at \"%.40s\"", p->origin, what, p->at),
		       "values look like true, 5, uint64 5, 'text' or ['a', 'b']");
}

static void skip_blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static bool take(struct parser *p, char c)
{
	skip_blanks(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static bool take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(p);
	if (strncmp(p->at, word, n) != 0 || isalnum((unsigned char)p->at[n]))
		return false;
	p->at += n;
	return true;
}

static rl_err parse_string(struct parser *p, const char **ret)
{
	char quote = *p->at++;
	char *out;
	size_t n = 0;

	RL_TRY(rl_arena_get(p->arena, 1, strlen(p->at) + 1, &out));
	for (; *p->at != quote; p->at++) {
		if (*p->at == '\0')
			return bad(p, "a string without an end");
		if (*p->at == '\\') {
			static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
			const char *c = p->at[1] != '\0' ? strchr(from, p->at[1]) : NULL;

			if (c == NULL)
				return bad(p, "an escape that means nothing");
			out[n++] = to[c - from];
			p->at++;
		} else {
			out[n++] = *p->at;
		}
	}
	p->at++;
	*ret = out;
	return RL_OK;
}

static rl_err parse_integer(struct parser *p, int64_t min, uint64_t max, uint64_t *ret)
{
	bool negative = *p->at == '-';
	char *end;

	errno = 0;
	if (!isdigit((unsigned char)p->at[negative]))
		return bad(p, "no number");
	if (negative) {
		int64_t value = strtoll(p->at, &end, 0);

		if (errno != 0 || value < min)
			return bad(p, "a number out of range");
		*ret = (uint64_t)value;
	} else {
		*ret = strtoull(p->at, &end, 0);
		if (errno != 0 || *ret > max)
			return bad(p, "a number out of range");
	}
	if (isalnum((unsigned char)*end) || *end == '.')
		return bad(p, "no number");
	p->at = end;
	return RL_OK;
}

/* A number with the word of its type before it; false when there is no such word. */
static rl_err parse_typed(struct parser *p, const char **ret_type, uint64_t *ret, double *ret_real,
			  bool *ret_found)
{
	static const struct {
		const char *word, *type;
		int64_t min;
		uint64_t max;
	} types[] = {
		{ "byte", "y", 0, UINT8_MAX },	  { "int16", "n", INT16_MIN, INT16_MAX },
		{ "uint16", "q", 0, UINT16_MAX }, { "int32", "i", INT32_MIN, INT32_MAX },
		{ "uint32", "u", 0, UINT32_MAX }, { "int64", "x", INT64_MIN, INT64_MAX },
		{ "uint64", "t", 0, UINT64_MAX },
	};

	*ret_found = false;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!take_word(p, types[i].word))
			continue;
		*ret_found = true;
		*ret_type = types[i].type;
		skip_blanks(p);
		return parse_integer(p, types[i].min, types[i].max, ret);
	}
	if (take_word(p, "double")) {
		char *end;

		*ret_found = true;
		*ret_type = "d";
		skip_blanks(p);
		*ret_real = strtod(p->at, &end);
		if (end == p->at)
			return bad(p, "no number");
		p->at = end;
	}
	return RL_OK;
}

static rl_err parse_plain_number(struct parser *p, const char **ret_type, uint64_t *ret,
				 double *ret_real)
{
	size_t n = strspn(p->at, "+-0123456789.eExXabcdefABCDEF");

	if (memchr(p->at, '.', n) != NULL) {
		char *end;

		*ret_real = strtod(p->at, &end);
		if (end == p->at)
			return bad(p, "no number");
		p->at = end;
		*ret_type = "d";
		return RL_OK;
	}
	*ret_type = "i";
	return parse_integer(p, INT32_MIN, INT32_MAX, ret);
}

static rl_err parse_scalar(struct parser *p, const char **ret_type, struct lx_unit_value *ret,
			   double *ret_real)
{
	bool found;

	skip_blanks(p);
	if (*p->at == '\'' || *p->at == '"') {
		*ret_type = "s";
		return parse_string(p, &ret->text);
	}
	if (take_word(p, "true") || take_word(p, "false")) {
		ret->number = p->at[-2] == 'u';
		*ret_type = "b";
		return RL_OK;
	}
	RL_TRY(parse_typed(p, ret_type, &ret->number, ret_real, &found));
	if (found)
		return RL_OK;
	if (!isdigit((unsigned char)*p->at) && *p->at != '-' && *p->at != '+')
		return bad(p, "no value");
	return parse_plain_number(p, ret_type, &ret->number, ret_real);
}

/* ('text', uint64 5) */
static rl_err parse_pair(struct parser *p, const char **ret_type, struct lx_unit_value *ret)
{
	const char *first, *second;
	struct lx_unit_value number = { 0 };
	double real;

	RL_TRY(parse_scalar(p, &first, ret, &real));
	if (!take(p, ','))
		return bad(p, "no comma in a pair");
	RL_TRY(parse_scalar(p, &second, &number, &real));
	if (!take(p, ')'))
		return bad(p, "a pair without an end");
	if (first[0] != 's' || second[0] != 't')
		return bad(p, "a pair that is no string and uint64");
	ret->number = number.number;
	*ret_type = "(st)";
	return RL_OK;
}

static rl_err parse_array(struct parser *p, struct lx_unit_property *ret)
{
	struct lx_unit_value *values;
	const char *type = "s", *element;
	double real;

	RL_TRY(rl_new_array(p->arena, ELEMENTS_MAX, &values));
	for (ret->count = 0; !take(p, ']'); ret->count++) {
		if (ret->count == ELEMENTS_MAX)
			return bad(p, "too long an array");
		if (ret->count > 0 && !take(p, ','))
			return bad(p, "no comma in an array");
		if (take(p, '('))
			RL_TRY(parse_pair(p, &element, &values[ret->count]));
		else
			RL_TRY(parse_scalar(p, &element, &values[ret->count], &real));
		if (ret->count > 0 && strcmp(type, element) != 0)
			return bad(p, "elements of different types before");
		if (element[0] == 'd')
			return bad(p, "an array of doubles before");
		type = element;
	}
	ret->values = values;
	return rl_arena_fmt(p->arena, &ret->type, "a%s", type);
}

rl_err plan_variant_parse(struct rl_arena *a, const char *origin, const char *text,
			  struct lx_unit_property *ret)
{
	struct parser p = { .arena = a, .origin = origin, .text = text, .at = text };
	struct lx_unit_value *value;

	/* "@as []": the type is of use only for an empty array of something else than strings. */
	if (take_word(&p, "@as"))
		skip_blanks(&p);
	if (take(&p, '[')) {
		RL_TRY(parse_array(&p, ret));
	} else {
		RL_TRY(rl_new(a, &value));
		RL_TRY(parse_scalar(&p, &ret->type, value, &ret->real));
		ret->values = value;
		ret->count = 1;
	}
	skip_blanks(&p);
	return *p.at == '\0' ? RL_OK : bad(&p, "something after the value");
}
