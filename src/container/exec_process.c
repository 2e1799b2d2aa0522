/* SPDX-License-Identifier: Apache-2.0 */
#include "container/exec_process.h"

#include "base/io.h"
#include "oci/read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROCESS_LIMIT ((size_t)16 << 20)

static rl_err from_file(struct rl_arena *a, const char *file, const struct oci_process **ret)
{
	struct oci_problems problems = oci_problems_in(a);
	const char *text;
	size_t len;

	RL_TRY(rl_read_file(a, AT_FDCWD, file, PROCESS_LIMIT, &text, &len));
	return oci_process_read(&problems, file, text, len, ret);
}

/*
 * Ids are decimal numbers and nothing else: no name, blank, sign or empty part. -1 as a 32-bit
 * number would mean "unchanged" to the kernel (CVE-2016-3697, CVE-2026-30892).
 */
static rl_err parse_id(const char *what, const char *text, size_t len, uint32_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || value > UINT32_MAX)
			len = 0;
		else
			value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (len == 0 || value >= UINT32_MAX)
		return rl_hint(
			rl_refuse(RL_E(EINVAL), "%s: \"%s\" is not a numeric id", what, text),
			"a number from 0 to 4294967294; names are for the caller to look up");
	*ret = (uint32_t)value;
	return RL_OK;
}

static rl_err parse_user(const char *text, struct oci_user *user)
{
	size_t len = strcspn(text, ":");
	struct oci_user parsed = *user;

	RL_TRY(parse_id("--user", text, len, &parsed.uid));
	if (text[len] == ':')
		RL_TRY(parse_id("--user", text + len + 1, strlen(text + len + 1), &parsed.gid));
	*user = parsed;
	return RL_OK;
}

static rl_err parse_groups(struct rl_arena *a, const struct ct_exec_options *o,
			   struct oci_user *user)
{
	size_t old = user->additional_gids.count;
	uint32_t *all;

	if (o->group_count == 0)
		return RL_OK;
	RL_TRY(rl_new_array(a, old + o->group_count, &all));
	if (old > 0)
		memcpy(all, user->additional_gids.items, old * sizeof(*all));
	for (size_t i = 0; i < o->group_count; i++)
		RL_TRY(parse_id("--additional-gids", o->groups[i], strlen(o->groups[i]),
				&all[old + i]));
	user->additional_gids = (struct oci_ids){ all, old + o->group_count };
	return RL_OK;
}

/* Old items, then new ones; NULL at the end. */
static rl_err append(struct rl_arena *a, const struct oci_strings *old, const char *const *more,
		     size_t more_count, struct oci_strings *ret)
{
	const char **all;

	RL_TRY(rl_new_array(a, old->count + more_count + 1, &all));
	for (size_t i = 0; i < old->count; i++)
		all[i] = old->items[i];
	for (size_t i = 0; i < more_count; i++)
		all[old->count + i] = more[i];
	*ret = (struct oci_strings){ all, old->count + more_count };
	return RL_OK;
}

static bool contains(const struct oci_strings *set, const char *word)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcasecmp(set->items[i], word) == 0)
			return true;
	return false;
}

/* As runc: added to what the container has; ambient only where it is inheritable. */
static rl_err add_capabilities(struct rl_arena *a, const struct ct_exec_options *o,
			       struct oci_process *process)
{
	static const struct oci_capabilities none;
	const struct oci_capabilities *old =
		process->capabilities != NULL ? process->capabilities : &none;
	struct oci_capabilities *sets;
	const char **ambient;
	size_t count = 0;

	if (o->capability_count == 0)
		return RL_OK;
	RL_TRY(rl_new(a, &sets));
	RL_TRY(rl_new_array(a, o->capability_count, &ambient));
	for (size_t i = 0; i < o->capability_count; i++)
		if (contains(&old->inheritable, o->capabilities[i]))
			ambient[count++] = o->capabilities[i];
	*sets = *old;
	RL_TRY(append(a, &old->bounding, o->capabilities, o->capability_count, &sets->bounding));
	RL_TRY(append(a, &old->effective, o->capabilities, o->capability_count, &sets->effective));
	RL_TRY(append(a, &old->permitted, o->capabilities, o->capability_count, &sets->permitted));
	RL_TRY(append(a, &old->ambient, ambient, count, &sets->ambient));
	process->capabilities = sets;
	return RL_OK;
}

static rl_err check_words(const struct ct_exec_options *o)
{
	if (o->argv == NULL || o->argv[0] == NULL)
		return rl_hint(rl_refuse(RL_E(EINVAL), "exec: no command"),
			       "runlet exec [OPTION...] CONTAINER COMMAND [ARGUMENT...]");
	if (o->cwd != NULL && o->cwd[0] != '/')
		return rl_refuse(RL_E(EINVAL), "--cwd: \"%s\" is not an absolute path", o->cwd);
	for (size_t i = 0; i < o->env_count; i++)
		if (strchr(o->env[i], '=') == NULL || o->env[i][0] == '=')
			return rl_refuse(RL_E(EINVAL), "--env: \"%s\" is not NAME=VALUE",
					 o->env[i]);
	return RL_OK;
}

static rl_err from_options(struct rl_arena *a, const struct oci_process *base,
			   const struct ct_exec_options *o, struct oci_process *p)
{
	const struct oci_strings none = { 0 };
	size_t argc = 0;

	RL_TRY(check_words(o));
	while (o->argv[argc] != NULL)
		argc++;
	*p = *base;
	p->terminal = o->terminal;
	p->console_size = NULL;
	RL_TRY(append(a, &none, (const char *const *)o->argv, argc, &p->args));
	RL_TRY(append(a, &base->env, o->env, o->env_count, &p->env));
	if (o->cwd != NULL)
		p->cwd = o->cwd;
	if (o->user != NULL)
		RL_TRY(parse_user(o->user, &p->user));
	RL_TRY(parse_groups(a, o, &p->user));
	RL_TRY(add_capabilities(a, o, p));
	p->no_new_privileges |= o->no_new_privileges;
	if (o->apparmor_profile != NULL)
		p->apparmor_profile = o->apparmor_profile;
	if (o->selinux_label != NULL)
		p->selinux_label = o->selinux_label;
	return RL_OK;
}

rl_err ct_exec_process(struct rl_arena *a, const struct oci_config *config,
		       const struct ct_exec_options *options, const struct oci_process **ret)
{
	static const struct oci_process none = { .cwd = "/" };
	struct oci_process *made;

	if (options->process_file != NULL)
		return from_file(a, options->process_file, ret);
	RL_TRY(rl_new(a, &made));
	RL_TRY(from_options(a, config->process != NULL ? config->process : &none, options, made));
	*ret = made;
	return RL_OK;
}
