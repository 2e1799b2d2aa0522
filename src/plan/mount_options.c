/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/mount_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum effect {
	NOTHING, /* understood, and the default */
	SET,	 /* MOUNT_ATTR_* of the mount */
	CLEAR,
	SET_ALL, /* the same, recursively */
	CLEAR_ALL,
	ATIME, /* a value of the field MOUNT_ATTR__ATIME */
	ATIME_ALL,
	READONLY, /* of the mount and of the file system */
	WRITABLE,
	SB_SET, /* MS_* of the file system */
	SB_CLEAR,
	PROPAGATE,
	BIND, /* bits: MS_REC or 0 */
	REMOUNT,
	IDMAP, /* bits: MS_REC or 0 */
	COPY_UP,
	COPY_SYMLINK,
	SOURCE_NOFOLLOW,
	TARGET_NOFOLLOW,
};

/* Sorted by name: `features` prints them, and the search relies on it. */
static const struct word {
	const char *name;
	enum effect effect;
	uint32_t bits;
} words[] = {
	{ "async", SB_CLEAR, MS_SYNCHRONOUS },
	{ "atime", ATIME, MOUNT_ATTR_RELATIME },
	{ "bind", BIND, 0 },
	{ "copy-symlink", COPY_SYMLINK, 0 },
	{ "defaults", NOTHING, 0 },
	{ "dest-nofollow", TARGET_NOFOLLOW, 0 },
	{ "dev", CLEAR, MOUNT_ATTR_NODEV },
	{ "diratime", CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "dirsync", SB_SET, MS_DIRSYNC },
	{ "exec", CLEAR, MOUNT_ATTR_NOEXEC },
	{ "idmap", IDMAP, 0 },
	{ "iversion", SB_SET, MS_I_VERSION },
	{ "lazytime", SB_SET, MS_LAZYTIME },
	{ "loud", SB_CLEAR, MS_SILENT },
	{ "mand", SB_SET, MS_MANDLOCK },
	{ "noatime", ATIME, MOUNT_ATTR_NOATIME },
	{ "nodev", SET, MOUNT_ATTR_NODEV },
	{ "nodiratime", SET, MOUNT_ATTR_NODIRATIME },
	{ "noexec", SET, MOUNT_ATTR_NOEXEC },
	{ "noiversion", SB_CLEAR, MS_I_VERSION },
	{ "nolazytime", SB_CLEAR, MS_LAZYTIME },
	{ "nomand", SB_CLEAR, MS_MANDLOCK },
	{ "norelatime", ATIME, MOUNT_ATTR_RELATIME },
	{ "nostrictatime", ATIME, MOUNT_ATTR_RELATIME },
	{ "nosuid", SET, MOUNT_ATTR_NOSUID },
	{ "nosymfollow", SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", PROPAGATE, MS_PRIVATE },
	{ "rasync", SB_CLEAR, MS_SYNCHRONOUS },
	{ "ratime", ATIME_ALL, MOUNT_ATTR_RELATIME },
	{ "rbind", BIND, MS_REC },
	{ "rdev", CLEAR_ALL, MOUNT_ATTR_NODEV },
	{ "rdiratime", CLEAR_ALL, MOUNT_ATTR_NODIRATIME },
	{ "rdirsync", SB_SET, MS_DIRSYNC },
	{ "relatime", ATIME, MOUNT_ATTR_RELATIME },
	{ "remount", REMOUNT, 0 },
	{ "rexec", CLEAR_ALL, MOUNT_ATTR_NOEXEC },
	{ "ridmap", IDMAP, MS_REC },
	{ "rmand", SB_SET, MS_MANDLOCK },
	{ "rnoatime", ATIME_ALL, MOUNT_ATTR_NOATIME },
	{ "rnodev", SET_ALL, MOUNT_ATTR_NODEV },
	{ "rnodiratime", SET_ALL, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", SET_ALL, MOUNT_ATTR_NOEXEC },
	{ "rnomand", SB_CLEAR, MS_MANDLOCK },
	{ "rnorelatime", ATIME_ALL, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", ATIME_ALL, MOUNT_ATTR_RELATIME },
	{ "rnosuid", SET_ALL, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", SET_ALL, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", READONLY, 0 },
	{ "rprivate", PROPAGATE, MS_PRIVATE | MS_REC },
	{ "rrelatime", ATIME_ALL, MOUNT_ATTR_RELATIME },
	{ "rro", SET_ALL, MOUNT_ATTR_RDONLY },
	{ "rrw", CLEAR_ALL, MOUNT_ATTR_RDONLY },
	{ "rshared", PROPAGATE, MS_SHARED | MS_REC },
	{ "rslave", PROPAGATE, MS_SLAVE | MS_REC },
	{ "rstrictatime", ATIME_ALL, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", CLEAR_ALL, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", CLEAR_ALL, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsync", SB_SET, MS_SYNCHRONOUS },
	{ "runbindable", PROPAGATE, MS_UNBINDABLE | MS_REC },
	{ "rw", WRITABLE, 0 },
	{ "shared", PROPAGATE, MS_SHARED },
	{ "silent", SB_SET, MS_SILENT },
	{ "slave", PROPAGATE, MS_SLAVE },
	{ "src-nofollow", SOURCE_NOFOLLOW, 0 },
	{ "strictatime", ATIME, MOUNT_ATTR_STRICTATIME },
	{ "suid", CLEAR, MOUNT_ATTR_NOSUID },
	{ "symfollow", CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", SB_SET, MS_SYNCHRONOUS },
	{ "tmpcopyup", COPY_UP, 0 },
	{ "unbindable", PROPAGATE, MS_UNBINDABLE },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

const char *plan_mount_option_name(size_t index)
{
	return index < WORDS ? words[index].name : NULL;
}

static int compare_word(const void *name, const void *word)
{
	return strcmp(name, ((const struct word *)word)->name);
}

/* ---- options for the file system ------------------------------------------------------------ */

/* `options` has room for one more; the text for mount(2) grows by it. */
static rl_err append_option(struct rl_arena *a, struct plan_op_mount *m,
			    struct lx_fs_option *options, const char *key, const char *value)
{
	options[m->option_count++] = (struct lx_fs_option){ key, value };
	return rl_arena_fmt(a, &m->data, "%s%s%s%s%s", m->data ? m->data : "", m->data ? "," : "",
			    key, value ? "=" : "", value ? value : "");
}

rl_err plan_mount_add_option(struct rl_arena *a, struct plan_op_mount *m, const char *key,
			     const char *value)
{
	struct lx_fs_option *options;

	RL_TRY(rl_new_array(a, m->option_count + 1, &options));
	if (m->option_count > 0)
		memcpy(options, m->options, m->option_count * sizeof(*options));
	m->options = options;
	return append_option(a, m, options, key, value);
}

rl_err plan_mount_add_quoted(struct rl_arena *a, struct plan_op_mount *m, const char *key,
			     const char *value)
{
	const char *quoted, *data;

	RL_TRY(rl_arena_fmt(a, &quoted, "\"%s\"", value));
	RL_TRY(rl_arena_fmt(a, &data, "%s%s%s=%s", m->data ? m->data : "", m->data ? "," : "", key,
			    quoted));
	RL_TRY(plan_mount_add_option(a, m, key, value));
	m->data = data;
	return RL_OK;
}

rl_err plan_mount_drop_option(struct rl_arena *a, struct plan_op_mount *m, const char *key)
{
	const struct lx_fs_option *old = m->options;
	size_t count = m->option_count;
	struct lx_fs_option *options;

	RL_TRY(rl_new_array(a, count + 1, &options));
	m->options = options;
	m->option_count = 0;
	m->data = NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(old[i].key, key) != 0)
			RL_TRY(append_option(a, m, options, old[i].key, old[i].value));
	return RL_OK;
}

/* Quotes are for the commas of mount(2): SELinux contexts have them. fsconfig(2) wants none. */
static rl_err strip_quotes(struct rl_arena *a, const char **value)
{
	size_t len = strlen(*value);

	if (len < 2 || (*value)[0] != '"' || (*value)[len - 1] != '"')
		return RL_OK;
	return rl_arena_strn(a, *value + 1, len - 2, value);
}

static rl_err read_fs_option(struct rl_arena *a, const char *text, struct plan_mount_words *w,
			     struct lx_fs_option *options)
{
	const char *equals = strchr(text, '='), *key = text, *value = NULL;

	if (equals) {
		RL_TRY(rl_arena_strn(a, text, (size_t)(equals - text), &key));
		value = equals + 1;
	}
	RL_TRY(append_option(a, &w->m, options, key, value));
	if (value)
		RL_TRY(strip_quotes(a, &options[w->m.option_count - 1].value));
	if (strcmp(key, "mode") == 0)
		w->has_mode = true;
	return RL_OK;
}

/* ---- words ---------------------------------------------------------------------------------- */

static void set_bits(uint64_t *set, uint64_t *clear, uint64_t bits)
{
	*set |= bits;
	*clear &= ~bits;
}

static void set_atime(uint64_t *set, uint64_t *clear, uint64_t value)
{
	*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | value;
	*clear |= MOUNT_ATTR__ATIME;
}

static void set_sb(struct plan_op_mount *m, unsigned long bits)
{
	m->sb_flags |= bits;
	m->sb_clear &= ~bits;
}

static void clear_sb(struct plan_op_mount *m, unsigned long bits)
{
	m->sb_flags &= ~bits;
	m->sb_clear |= bits;
}

/* True if it was a word about attributes. */
static bool apply_attribute(const struct word *word, struct plan_op_mount *m)
{
	switch ((int)word->effect) {
	case SET:
		set_bits(&m->set, &m->clear, word->bits);
		return true;
	case CLEAR:
		set_bits(&m->clear, &m->set, word->bits);
		return true;
	case SET_ALL:
		set_bits(&m->recursive_set, &m->recursive_clear, word->bits);
		return true;
	case CLEAR_ALL:
		set_bits(&m->recursive_clear, &m->recursive_set, word->bits);
		return true;
	case ATIME:
		set_atime(&m->set, &m->clear, word->bits);
		return true;
	case ATIME_ALL:
		set_atime(&m->recursive_set, &m->recursive_clear, word->bits);
		return true;
	case READONLY:
		set_bits(&m->set, &m->clear, MOUNT_ATTR_RDONLY);
		set_sb(m, MS_RDONLY);
		return true;
	case WRITABLE:
		set_bits(&m->clear, &m->set, MOUNT_ATTR_RDONLY);
		clear_sb(m, MS_RDONLY);
		return true;
	default:
		return false;
	}
}

static void apply(const struct word *word, size_t index, struct plan_mount_words *w,
		  uint32_t *propagation)
{
	struct plan_op_mount *m = &w->m;

	if (apply_attribute(word, m)) {
		w->changes = true;
		return;
	}
	switch ((int)word->effect) {
	case SB_SET:
		set_sb(m, word->bits);
		if (w->first_sb == PLAN_NO_OPTION)
			w->first_sb = index;
		break;
	case SB_CLEAR:
		clear_sb(m, word->bits);
		break;
	case PROPAGATE:
		propagation[m->propagation_count++] = word->bits;
		w->changes = true;
		break;
	case BIND:
		w->bind = true;
		m->recursive = word->bits & MS_REC;
		break;
	case REMOUNT:
		w->remount = true;
		break;
	case IDMAP:
		m->idmap.wanted = true;
		m->idmap.recursive = word->bits & MS_REC;
		break;
	case COPY_UP:
		m->copy_up = true;
		break;
	case COPY_SYMLINK:
		m->copy_symlink = true;
		break;
	case SOURCE_NOFOLLOW:
		m->source_nofollow = true;
		break;
	case TARGET_NOFOLLOW:
		m->target_nofollow = true;
		break;
	default:
		break;
	}
}

/* "idmap=..." and "ridmap=...". */
static bool take_idmap(const char *text, size_t index, struct plan_mount_words *w)
{
	bool recursive = text[0] == 'r';

	if (strncmp(text + recursive, "idmap=", 6) != 0)
		return false;
	w->m.idmap.wanted = true;
	w->m.idmap.recursive = recursive;
	w->idmap_maps = text + recursive + 6;
	w->idmap_option = index;
	return true;
}

rl_err plan_mount_words_read(struct rl_arena *a, const struct oci_strings *options, size_t mount,
			     struct plan_mount_words *ret)
{
	struct plan_mount_words w = {
		.first_data = PLAN_NO_OPTION,
		.first_sb = PLAN_NO_OPTION,
	};
	struct lx_fs_option *fs_options;
	uint32_t *propagation;

	RL_TRY(rl_new_array(a, options->count + 1, &fs_options));
	RL_TRY(rl_new_array(a, options->count + 1, &propagation));
	w.m.options = fs_options;
	w.m.propagation = propagation;
	for (size_t i = 0; i < options->count; i++) {
		const char *text = options->items[i];
		const struct word *word =
			bsearch(text, words, WORDS, sizeof(words[0]), compare_word);

		if (*text == '\0' || *text == '=')
			return rl_refuse(RL_E(EINVAL),
					 "$.mounts[%zu].options[%zu]: \"%s\" is no option", mount,
					 i, text);
		if (word) {
			apply(word, i, &w, propagation);
		} else if (!take_idmap(text, i, &w)) {
			if (w.first_data == PLAN_NO_OPTION)
				w.first_data = i;
			RL_TRY(read_fs_option(a, text, &w, fs_options));
		}
	}
	*ret = w;
	return RL_OK;
}

/* ---- idmap=uids=...;gids=... ---------------------------------------------------------------- */

struct range {
	uint32_t inside, outside, size;
};

/* "A-B-C" up to '#', ';' or the end; *text moves behind it. */
static bool read_range(const char **text, struct range *ret)
{
	uint32_t *const numbers[] = { &ret->inside, &ret->outside, &ret->size };

	for (size_t i = 0; i < 3; i++) {
		unsigned long long value;
		char *end;

		if (**text < '0' || **text > '9')
			return false;
		errno = 0;
		value = strtoull(*text, &end, 10);
		if (errno != 0 || value >= UINT32_MAX)
			return false;
		*numbers[i] = (uint32_t)value;
		*text = end;
		if (i < 2 && *(*text)++ != '-')
			return false;
	}
	return ret->size > 0 && (**text == '#' || **text == ';' || **text == '\0');
}

static bool read_line(const char **lines, struct range *ret)
{
	uint32_t *const numbers[] = { &ret->inside, &ret->outside, &ret->size };

	for (size_t i = 0; i < 3; i++) {
		char *end;

		*numbers[i] = (uint32_t)strtoul(*lines, &end, 10);
		if (end == *lines)
			return false;
		*lines = end;
	}
	return true;
}

bool plan_map_id(const char *lines, uint32_t id, uint32_t size, uint32_t *ret)
{
	struct range line;

	while (lines && read_line(&lines, &line)) {
		if (id < line.inside || id - line.inside >= line.size ||
		    size > line.size - (id - line.inside))
			continue;
		*ret = line.outside + (id - line.inside);
		return true;
	}
	return false;
}

/* The ranges of one kind; *text moves to the ';' or the end. */
static rl_err read_ranges(struct rl_arena *a, const char **text, const char *lines,
			  const char **ret)
{
	const char *out = "";

	for (;;) {
		bool relative = **text == '@';
		struct range r;

		*text += relative;
		if (!read_range(text, &r))
			return rl_refuse(RL_E(EINVAL), "a range is FROM-TO-SIZE");
		if (relative && !plan_map_id(lines, r.outside, r.size, &r.outside))
			return rl_refuse(RL_E(EINVAL),
					 "@%u-%u-%u is not in the container's user namespace",
					 r.inside, r.outside, r.size);
		RL_TRY(rl_arena_fmt(a, &out, "%s%u %u %u\n", out, r.inside, r.outside, r.size));
		if (**text != '#')
			break;
		(*text)++;
	}
	*ret = out;
	return RL_OK;
}

rl_err plan_mount_map_text(struct rl_arena *a, const struct oci_id_mapping *maps, size_t count,
			   const char **ret)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		RL_TRY(rl_arena_fmt(a, &text, "%s%u %u %u\n", text, maps[i].container_id,
				    maps[i].host_id, maps[i].size));
	*ret = text;
	return RL_OK;
}

rl_err plan_mount_idmap_read(struct rl_arena *a, const char *maps, const char *uid_lines,
			     const char *gid_lines, struct plan_idmap *ret)
{
	const char *uids = NULL, *gids = NULL;

	while (*maps) {
		bool is_uids = strncmp(maps, "uids=", 5) == 0;

		if (!is_uids && strncmp(maps, "gids=", 5) != 0)
			return rl_refuse(RL_E(EINVAL), "neither uids= nor gids=: \"%s\"", maps);
		maps += 5;
		RL_TRY(read_ranges(a, &maps, is_uids ? uid_lines : gid_lines,
				   is_uids ? &uids : &gids));
		maps += *maps == ';';
	}
	if (uids == NULL || gids == NULL)
		return rl_refuse(RL_E(EINVAL), "needs both uids= and gids=");
	ret->uid_lines = uids;
	ret->gid_lines = gids;
	return RL_OK;
}
