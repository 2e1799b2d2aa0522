/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/print_words.h"

#include <sys/stat.h>

static const struct plan_word attributes[] = {
	{ MOUNT_ATTR_RDONLY, "ro" },
	{ MOUNT_ATTR_NOSUID, "nosuid" },
	{ MOUNT_ATTR_NODEV, "nodev" },
	{ MOUNT_ATTR_NOEXEC, "noexec" },
	{ MOUNT_ATTR__ATIME, "atime" },
	{ MOUNT_ATTR_NOATIME, "noatime" },
	{ MOUNT_ATTR_STRICTATIME, "strictatime" },
	{ MOUNT_ATTR_NODIRATIME, "nodiratime" },
	{ MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
};
static const struct plan_word propagations[] = {
	{ MS_REC, "rec" },	   { MS_SHARED, "shared" },	    { MS_SLAVE, "slave" },
	{ MS_PRIVATE, "private" }, { MS_UNBINDABLE, "unbindable" },
};
static const struct plan_word superblock[] = {
	{ MS_RDONLY, "ro" },	     { MS_SYNCHRONOUS, "sync" }, { MS_DIRSYNC, "dirsync" },
	{ MS_MANDLOCK, "mand" },     { MS_SILENT, "silent" },	 { MS_I_VERSION, "iversion" },
	{ MS_LAZYTIME, "lazytime" },
};

static void put_bits(FILE *to, const char *key, uint64_t bits, const struct plan_word *words,
		     size_t count)
{
	if (bits == 0)
		return;
	fprintf(to, " %s[", key);
	plan_put_words(to, bits, words, count);
	fputs(" ]", to);
}
#define PUT_BITS(to, key, bits, words) \
	put_bits(to, key, bits, words, sizeof(words) / sizeof((words)[0]))

static void put_idmap(FILE *to, const struct plan_idmap *map)
{
	fprintf(to, " idmap%s=", map->recursive ? ",recursive" : "");
	if (map->uid_lines == NULL) {
		fputs(map->ns_path != NULL ? map->ns_path : "container", to);
		return;
	}
	plan_put_quoted(to, map->uid_lines);
	putc(',', to);
	plan_put_quoted(to, map->gid_lines);
}

static void put_mount(FILE *to, const struct plan_op_mount *m)
{
	if (m->type != NULL)
		fprintf(to, " type=%s", m->type);
	if (m->source != NULL) {
		fputs(" source=", to);
		plan_put_quoted(to, m->source);
	}
	PUT_BITS(to, "set", m->set, attributes);
	PUT_BITS(to, "clear", m->clear, attributes);
	PUT_BITS(to, "rset", m->recursive_set, attributes);
	PUT_BITS(to, "rclear", m->recursive_clear, attributes);
	for (size_t i = 0; i < m->propagation_count; i++)
		PUT_BITS(to, "propagation", m->propagation[i], propagations);
	PUT_BITS(to, "sb", m->sb_flags, superblock);
	PUT_BITS(to, "sb-clear", m->sb_clear, superblock);
	if (m->data != NULL) {
		fputs(" data=", to);
		plan_put_quoted(to, m->data);
	}
	if (m->idmap.wanted)
		put_idmap(to, &m->idmap);
	if (m->label != NULL)
		fprintf(to, " label=%s", m->label);
	fprintf(to, "%s%s%s%s%s%s%s%s", m->recursive ? " recursive" : "",
		m->optional ? " optional" : "", m->no_symlinks ? " no-symlinks" : "",
		m->copy_symlink ? " copy-symlink" : "", m->inherit_mode ? " inherit-mode" : "",
		m->copy_up ? " copy-up" : "", m->cgroup_fallback ? " or-bind" : "",
		m->may_cover_proc ? " may-cover-proc" : "");
}

static void put_node(FILE *to, const struct plan_op_node *n)
{
	if (n->bind) {
		fprintf(to, " bind=%s", n->path);
		return;
	}
	fprintf(to, " %c %u:%u mode=%04o owner=%u:%u",
		S_ISBLK(n->mode)    ? 'b'
		: S_ISFIFO(n->mode) ? 'p'
				    : 'c',
		n->major, n->minor, (unsigned)n->mode & 07777u, (unsigned)n->uid, (unsigned)n->gid);
}

static void put_op(FILE *to, const struct plan_op *op)
{
	fprintf(to, "  %s %s", plan_op_name(op->kind), op->target);
	switch (op->kind) {
	case PLAN_OP_FILESYSTEM:
	case PLAN_OP_BIND:
	case PLAN_OP_REMOUNT:
		put_mount(to, &op->mount);
		break;
	case PLAN_OP_DIRECTORY:
		fprintf(to, " mode=%04o", (unsigned)op->node.mode & 07777u);
		break;
	case PLAN_OP_SYMLINK:
		fprintf(to, " -> %s", op->link.content);
		break;
	case PLAN_OP_DEVICE:
		put_node(to, &op->node);
		break;
	case PLAN_OP_CONSOLE:
	case PLAN_OP_MASK:
	case PLAN_OP_READONLY:
		break;
	}
	if (op->serve != PLAN_SERVE_NOTHING)
		fprintf(to, " served=%u", op->served);
	putc('\n', to);
}

void plan_print_furnish(const struct plan_furnish *f, FILE *to)
{
	static const char *const changes[] = { [PLAN_ROOT_PIVOT] = "pivot",
					       [PLAN_ROOT_MOVE] = "move",
					       [PLAN_ROOT_CHROOT] = "chroot" };

	fprintf(to, "root %s by %s%s", f->root_path, changes[f->root_change],
		f->root_readonly ? " readonly" : "");
	PUT_BITS(to, "host", f->host_propagation, propagations);
	PUT_BITS(to, "propagation", f->root_propagation, propagations);
	putc('\n', to);
	for (size_t i = 0; i < f->count; i++) {
		if (i == f->late)
			fputs("  -- createContainer hooks\n", to);
		put_op(to, &f->ops[i]);
	}
}
