/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/rdt.h"

#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNTINFO_LIMIT ((size_t)64 << 20)
#define SCHEMATA_LIMIT ((size_t)1 << 20)

static rl_err path_of(char path[static PATH_MAX], const char *dir, const char *file)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
		return rl_fail(RL_E(ENAMETOOLONG), "%s/%s", dir, file);
	return RL_OK;
}

rl_err lx_rdt_find(struct rl_arena *a, const char *mountinfo, const char **ret)
{
	const char *text, *line;
	size_t len;

	*ret = NULL;
	RL_TRY(rl_read_file(a, AT_FDCWD, mountinfo, MOUNTINFO_LIMIT, &text, &len));
	line = strstr(text, " - resctrl ");
	if (line == NULL)
		return RL_OK;
	while (line > text && line[-1] != '\n')
		line--;
	for (int i = 0; i < 4; i++) {
		line += strcspn(line, " ");
		line += *line == ' ';
	}
	return rl_arena_strn(a, line, strcspn(line, " "), ret);
}

/* ---- schemata -------------------------------------------------------------------------------- */

rl_err lx_rdt_read(struct rl_arena *a, const char *group, const char **ret)
{
	char path[PATH_MAX];
	size_t len;

	RL_TRY(path_of(path, group, "schemata"));
	return rl_read_file(a, AT_FDCWD, path, SCHEMATA_LIMIT, ret, &len);
}

/* What the kernel dislikes about a line is in info/last_cmd_status of the mount. */
rl_err lx_rdt_write(const char *group, const char *const *lines, size_t count)
{
	char path[PATH_MAX];
	const char *line;

	RL_TRY(path_of(path, group, "schemata"));
	for (size_t i = 0; i < count; i++) {
		struct rl_arena RL_AUTO_ARENA a = { 0 };

		RL_TRY(rl_arena_new(4 << 20, &a));
		RL_TRY(rl_arena_fmt(&a, &line, "%s\n", lines[i]));
		RL_TRY(rl_hint(rl_write_kernel(-1, path, line),
			       "info/last_cmd_status of the resctrl file system tells more"),
		       "%s", group);
	}
	return RL_OK;
}

static size_t skip_blanks(const char *text)
{
	return strspn(text, " \t");
}

/* "00f" and "f" are the same mask, and the kernel pads percentages. */
static bool same_value(const char *a, size_t a_len, const char *b, size_t b_len)
{
	for (; a_len > 0 && *a == ' '; a_len--)
		a++;
	for (; b_len > 0 && *b == ' '; b_len--)
		b++;
	for (; a_len > 1 && *a == '0'; a_len--)
		a++;
	for (; b_len > 1 && *b == '0'; b_len--)
		b++;
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/* The value of a domain, "1" in "0=f;1=3", with its length; NULL: there is none. */
static const char *find_domain(const char *domains, const char *id, size_t id_len, size_t *ret_len)
{
	while (*domains != '\0' && *domains != '\n') {
		size_t len = strcspn(domains, ";\n"), blanks = skip_blanks(domains);
		const char *name = domains + blanks;

		if (strncmp(name, id, id_len) == 0 && name[id_len] == '=') {
			*ret_len = len - blanks - id_len - 1;
			return name + id_len + 1;
		}
		domains += len + (domains[len] == ';');
	}
	return NULL;
}

/* What follows "L3:" in the line of that resource. */
static const char *find_resource(const char *schemata, const char *line, size_t name_len)
{
	while (*schemata != '\0') {
		const char *start = schemata + skip_blanks(schemata);

		if (strncmp(start, line, name_len) == 0)
			return start + name_len;
		schemata += strcspn(schemata, "\n");
		schemata += *schemata == '\n';
	}
	return NULL;
}

/* True if every domain that the line names has that value. */
static bool has_line(const char *schemata, const char *line)
{
	const char *colon, *there;

	line += skip_blanks(line);
	colon = strchr(line, ':');
	if (colon == NULL)
		return false;
	there = find_resource(schemata, line, (size_t)(colon - line) + 1);
	if (there == NULL)
		return false;
	for (const char *at = colon + 1; *at != '\0';) {
		size_t len = strcspn(at, ";"), blanks = skip_blanks(at), value_len = 0;
		const char *id = at + blanks, *equals = memchr(id, '=', len - blanks);
		const char *value;

		if (equals == NULL)
			return false;
		value = find_domain(there, id, (size_t)(equals - id), &value_len);
		if (value == NULL ||
		    !same_value(equals + 1, (size_t)(at + len - equals) - 1, value, value_len))
			return false;
		at += len + (at[len] == ';');
	}
	return true;
}

static rl_err compare(const struct lx_rdt_spec *spec)
{
	struct rl_arena RL_AUTO_ARENA a = { 0 };
	const char *schemata;

	RL_TRY(rl_arena_new(4 << 20, &a));
	RL_TRY(lx_rdt_read(&a, spec->group, &schemata));
	for (size_t i = 0; i < spec->line_count; i++)
		if (!has_line(schemata, spec->lines[i]))
			return rl_hint(rl_refuse(RL_E(EEXIST),
						 "the class %s is there, and its schemata differ "
						 "from \"%s\"",
						 spec->group, spec->lines[i]),
				       "name another closID, or leave the schemata out");
	return RL_OK;
}

/* ---- directories ----------------------------------------------------------------------------- */

rl_err lx_rdt_make(const struct lx_rdt_spec *spec, rl_err (*making)(void *context), void *context)
{
	struct stat st;

	if (stat(spec->group, &st) == 0)
		return spec->line_count > 0 ? compare(spec) : RL_OK;
	if (errno != ENOENT)
		return rl_sys(-1, "look for the class %s", spec->group);
	if (spec->must_exist)
		return rl_hint(rl_refuse(RL_E(ENOENT), "there is no class %s", spec->group),
			       "without a schema the class has to be there before");
	RL_TRY(making(context));
	RL_TRY(rl_sys(mkdir(spec->group, 0755), "make the class %s", spec->group));
	return lx_rdt_write(spec->group, spec->lines, spec->line_count);
}

rl_err lx_rdt_monitor(const char *dir)
{
	return rl_sys(mkdir(dir, 0755), "make the monitoring group %s", dir);
}

static rl_err add_task(const char *dir, pid_t pid)
{
	char path[PATH_MAX], text[16];

	RL_TRY(path_of(path, dir, "tasks"));
	snprintf(text, sizeof(text), "%d", (int)pid);
	return rl_write_kernel(-1, path, text);
}

rl_err lx_rdt_join(const char *group, const char *monitor, pid_t pid)
{
	RL_TRY(add_task(group, pid));
	return monitor != NULL ? add_task(monitor, pid) : RL_OK;
}

rl_err lx_rdt_remove(const char *dir)
{
	if (rmdir(dir) == 0 || errno == ENOENT)
		return RL_OK;
	return rl_sys(-1, "remove %s", dir);
}
