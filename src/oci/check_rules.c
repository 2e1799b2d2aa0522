/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that several objects share. */
#include "oci/check.h"

#include <string.h>

/* user_namespaces(7): since Linux 4.15 a map has at most so many lines. */
#define MAP_LINES_MAX 340
/* IFNAMSIZ of <linux/if.h> without the final NUL. */
#define INTERFACE_NAME_MAX 15

void oci_check_absolute(struct oci_problems *p, const char *base, const char *member,
			const char *value, const char *why)
{
	if (value != NULL && value[0] != '/')
		oci_error(p, oci_text(p, "%s.%s", base, member), why, NULL,
			  "must be an absolute path, is %s", oci_quote(p, value));
}

void oci_check_env(struct oci_problems *p, const char *base, const struct oci_strings *env)
{
	for (size_t i = 0; i < env->count; i++) {
		if (env->items[i][0] == '=')
			oci_error(p, oci_text(p, "%s.env[%zu]", base, i),
				  "a variable must have a name", NULL, "must be NAME=VALUE, is %s",
				  oci_quote(p, env->items[i]));
		else if (strchr(env->items[i], '=') == NULL)
			oci_error(p, oci_text(p, "%s.env[%zu]", base, i), NULL,
				  "to set an empty value write NAME=", "must be NAME=VALUE, is %s",
				  oci_quote(p, env->items[i]));
	}
}

/* Reads digits at *s; false if there are none or too many for an int. */
static bool take_number(const char **s, uint32_t *ret)
{
	uint32_t n = 0;
	size_t len = strspn(*s, "0123456789");

	if (len == 0 || len > 9)
		return false;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (uint32_t)((*s)[i] - '0');
	*s += len;
	*ret = n;
	return true;
}

/* The kernel's bitmap lists, blanks allowed around the ranges as the schema allows them. */
static bool is_list(const char *s)
{
	uint32_t first, last;

	for (;;) {
		s += strspn(s, " ");
		if (!take_number(&s, &first))
			return false;
		if (*s == '-') {
			s++;
			if (!take_number(&s, &last) || last < first)
				return false;
		}
		s += strspn(s, " ");
		if (*s == '\0' || *s == '\n')
			return s[strspn(s, "\n")] == '\0';
		if (*s++ != ',')
			return false;
	}
}

void oci_check_list(struct oci_problems *p, const char *base, const char *member, const char *value)
{
	if (value != NULL && !is_list(value))
		oci_error(p, oci_text(p, "%s.%s", base, member),
			  "numbers and rising ranges between commas, as in 0-3,7", NULL,
			  "is no list: %s", oci_quote(p, value));
}

bool oci_has_dotdot(const char *path)
{
	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += len;
		path += strspn(path, "/");
	}
	return false;
}

/* dev_valid_name() and dev_alloc_name() of the kernel: one %d is a template for a number. */
bool oci_interface_name_ok(const char *name, const char **ret_why)
{
	const char *percent = strchr(name, '%');

	*ret_why = NULL;
	if (name[0] == '\0')
		*ret_why = "an interface must have a name";
	else if (strlen(name) > INTERFACE_NAME_MAX)
		*ret_why = "the kernel allows 15 bytes";
	else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		*ret_why = "the name becomes a directory in sysfs";
	else if (name[strcspn(name, "/: \t\n\v\f\r")] != '\0')
		*ret_why = "the kernel allows no slash, colon or blank";
	else if (percent != NULL && (percent[1] != 'd' || strchr(percent + 1, '%') != NULL))
		*ret_why = "a percent sign may only stand in one %d, for a number";
	return *ret_why == NULL;
}

/* ---- id mappings ---------------------------------------------------------------------------- */

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

static void check_range(struct oci_problems *p, const char *path, const char *name, uint32_t first,
			uint32_t size)
{
	if ((uint64_t)first + size > UINT32_MAX)
		oci_error(p, oci_text(p, "%s.%s", path, name),
			  "4294967295 means \"no id\" and cannot be mapped", NULL,
			  "the range %u..%llu goes beyond 4294967294", first,
			  (unsigned long long)first + size - 1);
}

static void check_map(struct oci_problems *p, const char *base, const char *member,
		      struct oci_mappings map)
{
	if (map.count > MAP_LINES_MAX) {
		oci_error(p, oci_text(p, "%s.%s", base, member), NULL,
			  "join ranges that follow each other",
			  "has %zu mappings, the kernel takes %d", map.count, MAP_LINES_MAX);
		return;
	}
	for (size_t i = 0; i < map.count; i++) {
		const struct oci_id_mapping *m = &map.items[i];

		if (m->size == 0)
			oci_error(p, oci_text(p, "%s.%s[%zu].size", base, member, i), NULL, NULL,
				  "must be at least 1");
		if (m->size == 0 || (uint64_t)m->container_id + m->size > UINT32_MAX ||
		    (uint64_t)m->host_id + m->size > UINT32_MAX) {
			const char *path = oci_text(p, "%s.%s[%zu]", base, member, i);

			check_range(p, path, "containerID", m->container_id, m->size);
			check_range(p, path, "hostID", m->host_id, m->size);
		}
		for (size_t j = 0; j < i; j++) {
			const struct oci_id_mapping *o = &map.items[j];

			if (overlap(m->container_id, m->size, o->container_id, o->size))
				oci_error(p, oci_text(p, "%s.%s[%zu].containerID", base, member, i),
					  "an id would have two meanings", NULL,
					  "the range %u+%u overlaps that of %s.%s[%zu]",
					  m->container_id, m->size, base, member, j);
			if (overlap(m->host_id, m->size, o->host_id, o->size))
				oci_error(p, oci_text(p, "%s.%s[%zu].hostID", base, member, i),
					  "an id would have two meanings", NULL,
					  "the range %u+%u overlaps that of %s.%s[%zu]", m->host_id,
					  m->size, base, member, j);
		}
	}
}

void oci_check_mappings(struct oci_problems *p, const char *base, struct oci_mappings uids,
			struct oci_mappings gids)
{
	if ((uids.count == 0) != (gids.count == 0))
		oci_error(p, oci_text(p, "%s.%s", base, uids.count ? "gidMappings" : "uidMappings"),
			  "users and groups are mapped together", NULL,
			  "is missing while %s is given",
			  uids.count ? "uidMappings" : "gidMappings");
	check_map(p, base, "uidMappings", uids);
	check_map(p, base, "gidMappings", gids);
}
