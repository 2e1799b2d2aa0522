/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/container.h"

#include "guest/fail.h"
#include "guest/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILE_MAX (4u << 20)

/* ---- Typed members; another type is refused with its name
 * ---------------------------------------- */

static const char *file_name;

static const struct gst_json *member(const struct gst_json *object, const char *key,
				     enum gst_json_type type)
{
	static const char *const names[] = { "null",	 "a boolean", "a number",
					     "a string", "an array",  "an object" };
	const struct gst_json *m = gst_json_get(object, key);

	if (m != NULL && m->type != type)
		gst_refuse("%s: \"%s\" is to be %s", file_name, key, names[type]);
	return m;
}

static const char *text_of(const struct gst_json *object, const char *key)
{
	const struct gst_json *m = member(object, key, GST_JSON_STRING);

	return m ? m->text : NULL;
}

/* False if it is absent; out of [low, high] is refused. */
static bool number_of(const struct gst_json *object, const char *key, int64_t low, int64_t high,
		      int64_t *ret)
{
	const struct gst_json *m = member(object, key, GST_JSON_NUMBER);
	char *end;

	if (m == NULL)
		return false;
	errno = 0;
	*ret = strtoll(m->text, &end, 10);
	if (errno != 0 || *end != '\0' || *ret < low || *ret > high)
		gst_refuse("%s: \"%s\": %s is out of range", file_name, key, m->text);
	return true;
}

static bool is_true(const struct gst_json *object, const char *key)
{
	const struct gst_json *m = member(object, key, GST_JSON_BOOL);

	return m != NULL && m->boolean;
}

/* Appends an array of strings; false if it is absent. */
static bool add_texts(const struct gst_json *object, const char *key, struct gst_strings *list)
{
	const struct gst_json *m = member(object, key, GST_JSON_ARRAY);

	if (m == NULL)
		return false;
	for (const struct gst_json *i = m->first; i != NULL; i = i->next) {
		if (i->type != GST_JSON_STRING)
			gst_refuse("%s: \"%s\" is to hold strings only", file_name, key);
		gst_strings_add(list, i->text);
	}
	return true;
}

/* ---- Process ------------------------------------------------------------------------------------
 */

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len + 1) == 0 && a[len] == '=';
}

/*
 * A variable that the host set stays, except HOME and TERM, which are the container's to know:
 * the original library's rule.
 */
static void add_variable(struct gst_strings *env, const char *variable)
{
	for (size_t i = 0; i < env->count; i++) {
		if (!same_name(variable, env->item[i]))
			continue;
		if (same_name(variable, "HOME=") || same_name(variable, "TERM="))
			env->item[i] = variable;
		return;
	}
	gst_strings_add(env, variable);
}

static void read_env(struct gst_config *c, const struct gst_json *object, const char *key)
{
	struct gst_strings list = { 0 };

	add_texts(object, key, &list);
	for (size_t i = 0; i < list.count; i++)
		add_variable(&c->env, list.item[i]);
}

static void read_user(struct gst_config *c, const struct gst_json *user)
{
	const struct gst_json *groups = member(user, "additionalGids", GST_JSON_ARRAY);
	int64_t n;

	if (number_of(user, "uid", 0, UINT32_MAX - 1, &n))
		c->uid = (uint32_t)n;
	if (number_of(user, "gid", 0, UINT32_MAX - 1, &n))
		c->gid = (uint32_t)n;
	if (number_of(user, "umask", 0, 0777, &n))
		c->umask = (uint32_t)n;
	if (groups == NULL)
		return;
	c->has_groups = true;
	c->group_count = 0;
	for (const struct gst_json *g = groups->first; g != NULL; g = g->next)
		c->group_count++;
	c->groups = gst_alloc(c->group_count, sizeof(*c->groups));
	c->group_count = 0;
	for (const struct gst_json *g = groups->first; g != NULL; g = g->next) {
		if (g->type != GST_JSON_NUMBER)
			gst_refuse("%s: \"additionalGids\" is to hold numbers only", file_name);
		c->groups[c->group_count++] = (uint32_t)strtoul(g->text, NULL, 10);
	}
}

int gst_cap_number(const char *name)
{
	static const char *const names[] = {
		"CHOWN",
		"DAC_OVERRIDE",
		"DAC_READ_SEARCH",
		"FOWNER",
		"FSETID",
		"KILL",
		"SETGID",
		"SETUID",
		"SETPCAP",
		"LINUX_IMMUTABLE",
		"NET_BIND_SERVICE",
		"NET_BROADCAST",
		"NET_ADMIN",
		"NET_RAW",
		"IPC_LOCK",
		"IPC_OWNER",
		"SYS_MODULE",
		"SYS_RAWIO",
		"SYS_CHROOT",
		"SYS_PTRACE",
		"SYS_PACCT",
		"SYS_ADMIN",
		"SYS_BOOT",
		"SYS_NICE",
		"SYS_RESOURCE",
		"SYS_TIME",
		"SYS_TTY_CONFIG",
		"MKNOD",
		"LEASE",
		"AUDIT_WRITE",
		"AUDIT_CONTROL",
		"SETFCAP",
		"MAC_OVERRIDE",
		"MAC_ADMIN",
		"SYSLOG",
		"WAKE_ALARM",
		"BLOCK_SUSPEND",
		"AUDIT_READ",
		"PERFMON",
		"BPF",
		"CHECKPOINT_RESTORE",
	};

	if (strncmp(name, "CAP_", 4) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name + 4) == 0)
			return (int)i;
	}
	return -1;
}

static void read_caps(struct gst_config *c, const struct gst_json *caps)
{
	static const char *const sets[] = {
		[GST_BOUNDING] = "bounding",   [GST_EFFECTIVE] = "effective",
		[GST_PERMITTED] = "permitted", [GST_INHERITABLE] = "inheritable",
		[GST_AMBIENT] = "ambient",
	};

	if (caps == NULL)
		return;
	c->has_caps = true;
	for (int s = 0; s < 5; s++) {
		struct gst_strings list = { 0 };

		add_texts(caps, sets[s], &list);
		c->caps[s] = 0;
		for (size_t i = 0; i < list.count; i++) {
			int cap = gst_cap_number(list.item[i]);

			if (cap < 0)
				gst_note("unknown capability %s is left out", list.item[i]);
			else
				c->caps[s] |= 1ull << cap;
		}
	}
}

static int limit_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "RLIMIT_CPU", RLIMIT_CPU },		{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
		{ "RLIMIT_DATA", RLIMIT_DATA },		{ "RLIMIT_STACK", RLIMIT_STACK },
		{ "RLIMIT_CORE", RLIMIT_CORE },		{ "RLIMIT_RSS", RLIMIT_RSS },
		{ "RLIMIT_NPROC", RLIMIT_NPROC },	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
		{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },	{ "RLIMIT_AS", RLIMIT_AS },
		{ "RLIMIT_LOCKS", RLIMIT_LOCKS },	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
		{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
		{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	};

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	}
	gst_refuse("%s: unknown resource limit %s", file_name, name ? name : "(without a type)");
}

/* Limits are 64 bits without a sign; Docker writes "unlimited" as 2^64 - 1, others as -1. */
static uint64_t limit_of(const struct gst_json *object, const char *key)
{
	const struct gst_json *m = member(object, key, GST_JSON_NUMBER);

	return m != NULL ? strtoull(m->text, NULL, 10) : 0;
}

static void read_limits(struct gst_config *c, const struct gst_json *limits)
{
	for (const struct gst_json *l = limits ? limits->first : NULL; l != NULL; l = l->next) {
		struct gst_limit *limit = gst_alloc(1, sizeof(*limit));

		limit->resource = (uint32_t)limit_number(text_of(l, "type"));
		limit->soft = limit_of(l, "soft");
		limit->hard = limit_of(l, "hard");
		limit->next = c->limits;
		c->limits = limit;
	}
}

static void read_process(struct gst_config *c, const struct gst_json *process)
{
	const struct gst_json *size = member(process, "consoleSize", GST_JSON_OBJECT);
	int64_t n;

	if (c->exec == NULL)
		add_texts(process, "args", &c->args);
	read_env(c, process, "env");
	if (c->cwd == NULL)
		c->cwd = text_of(process, "cwd");
	read_user(c, member(process, "user", GST_JSON_OBJECT));
	read_caps(c, member(process, "capabilities", GST_JSON_OBJECT));
	read_limits(c, member(process, "rlimits", GST_JSON_ARRAY));
	if (is_true(process, "noNewPrivileges"))
		c->flags |= GST_F_NO_NEW_PRIVS;
	if (is_true(process, "terminal"))
		c->flags |= GST_F_TERMINAL;
	c->has_oom_score = number_of(process, "oomScoreAdj", -1000, 1000, &n);
	if (c->has_oom_score)
		c->oom_score = (int32_t)n;
	if (number_of(size, "height", 0, UINT16_MAX, &n))
		c->rows = (uint16_t)n;
	if (number_of(size, "width", 0, UINT16_MAX, &n))
		c->columns = (uint16_t)n;
}

/* An image's configuration in place of a container's. */
static void read_image(struct gst_config *c, const struct gst_json *root)
{
	static const char *const cwds[] = { "cwd", "WorkingDir", "Cwd" };

	if (c->exec == NULL) {
		add_texts(root, "Entrypoint", &c->args);
		if (!add_texts(root, "args", &c->args))
			add_texts(root, "Cmd", &c->args);
	}
	read_env(c, root, "env");
	read_env(c, root, "Env");
	for (size_t i = 0; c->cwd == NULL && i < 3; i++)
		c->cwd = text_of(root, cwds[i]);
}

/* ---- Machine ------------------------------------------------------------------------------------
 */

/*
 * Of the mounts only tmpfs is made here. Binds and volumes were made by the host and are seen
 * through the shared root; /proc, /sys and the like every machine has anyway.
 */
static void read_mounts(struct gst_config *c, const struct gst_json *mounts)
{
	for (const struct gst_json *i = mounts ? mounts->first : NULL; i != NULL; i = i->next) {
		const char *type = text_of(i, "type"), *target = text_of(i, "destination");
		struct gst_strings options = { 0 };
		struct gst_mount *m;
		char *text;
		size_t len = 1;

		if (type == NULL || target == NULL || strcmp(type, "tmpfs") != 0 ||
		    strcmp(target, "/dev") == 0)
			continue;
		add_texts(i, "options", &options);
		for (size_t o = 0; o < options.count; o++)
			len += strlen(options.item[o]) + 1;
		text = gst_alloc(len, 1);
		for (size_t o = 0; o < options.count; o++) {
			strcat(text, options.item[o]);
			strcat(text, ",");
		}
		m = gst_alloc(1, sizeof(*m));
		*m = (struct gst_mount){ "tmpfs", target, "tmpfs", text, NULL };
		gst_config_add_mount(c, m);
	}
}

static void read_machine(struct gst_config *c, const struct gst_json *root)
{
	const struct gst_json *linux_part = member(root, "linux", GST_JSON_OBJECT);
	const struct gst_json *sysctl = member(linux_part, "sysctl", GST_JSON_OBJECT);
	const char *hostname = text_of(root, "hostname"), *domainname = text_of(root, "domainname");

	if (hostname != NULL)
		c->hostname = hostname;
	if (domainname != NULL)
		c->domainname = domainname;
	read_mounts(c, member(root, "mounts", GST_JSON_ARRAY));
	for (const struct gst_json *s = sysctl ? sysctl->first : NULL; s != NULL; s = s->next) {
		if (s->type != GST_JSON_STRING)
			gst_refuse("%s: sysctl \"%s\" is to be a string", file_name, s->key);
		gst_strings_add(&c->sysctls, s->key);
		gst_strings_add(&c->sysctls, s->text);
	}
	add_texts(linux_part, "maskedPaths", &c->masks);
	add_texts(linux_part, "readonlyPaths", &c->readonlys);
	if (is_true(member(root, "root", GST_JSON_OBJECT), "readonly"))
		c->flags |= GST_F_ROOT_READONLY;
}

void gst_container_apply(struct gst_config *c, const char *name, char *text, size_t len)
{
	const struct gst_json *root, *process;
	const char *why;
	unsigned line;

	file_name = name;
	root = gst_json_parse(text, len, &why, &line);
	if (root == NULL)
		gst_refuse("%s: line %u: %s", name, line, why);
	if (root->type != GST_JSON_OBJECT)
		gst_refuse("%s: it is no object", name);
	process = member(root, "process", GST_JSON_OBJECT);
	if (process != NULL)
		read_process(c, process);
	else
		read_image(c, root);
	read_machine(c, root);
}

/* Parsing writes into it. */
static void apply_text(struct gst_config *c)
{
	size_t len = strlen(c->config_text);
	char *text = gst_alloc(len + 1, 1);

	memcpy(text, c->config_text, len);
	gst_container_apply(c, "the container's configuration", text, len);
}

void gst_container_read(struct gst_config *c)
{
	int fd;
	size_t len = 0;
	char *text;
	ssize_t n;

	if (c->config_text != NULL) {
		apply_text(c);
		return;
	}
	if (c->config_file == NULL)
		return;
	fd = open(c->config_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOENT)
			return;
		gst_fail("open %s", c->config_file);
	}
	text = gst_alloc(FILE_MAX + 1, 1); /* untouched pages cost nothing */
	while (len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) != 0) {
		if (n < 0)
			gst_fail("read %s", c->config_file);
		len += (size_t)n;
	}
	close(fd);
	if (len == FILE_MAX)
		gst_refuse("%s is larger than %u bytes", c->config_file, FILE_MAX);
	gst_container_apply(c, c->config_file, text, len);
}
