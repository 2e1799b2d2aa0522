/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FURNISH on the runtime's side: what the ids of the container may not reach, or may not prepare,
 * is opened before the clone. Trees are copied detached, so no mount namespace shows them.
 */
#include "container/furnish.h"
#include "linux/idmap.h"
#include "linux/mount.h"
#include "linux/root.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void ct_serve_close(struct ct_served *s)
{
	for (size_t i = 0; i < s->count; i++)
		rl_fd_close(&s->items[i]);
	s->count = 0;
}

/* Without privilege, or on an old kernel: init opens it by itself. */
static bool is_for_init(rl_err e)
{
	return rl_is(e, RL_E(EPERM)) || rl_is(e, RL_E(ENOSYS));
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_idmap(const struct plan_idmap *a, const struct plan_idmap *b)
{
	return same_text(a->ns_path, b->ns_path) && same_text(a->uid_lines, b->uid_lines) &&
	       same_text(a->gid_lines, b->gid_lines);
}

static rl_err open_userns(const struct plan_idmap *map, struct rl_fd *ret)
{
	if (map->ns_path)
		return rl_fd_from(openat(AT_FDCWD, map->ns_path, O_RDONLY | O_CLOEXEC), ret, "%s",
				  map->ns_path);
	return lx_idmap_userns(map->uid_lines, map->gid_lines, ret);
}

/* Many mounts have the same mapping; the last namespace is kept for the next one. */
struct userns_cache {
	const struct plan_idmap *map;
	struct rl_fd fd;
};

static void userns_cache_close(struct userns_cache *c)
{
	rl_fd_close(&c->fd);
}

static rl_err userns_for(struct userns_cache *c, const struct plan_idmap *map)
{
	if (c->map && same_idmap(c->map, map))
		return RL_OK;
	c->map = NULL;
	RL_TRY(open_userns(map, &c->fd), "id mapping");
	c->map = map;
	return RL_OK;
}

/*
 * The copy is a peer of the host's mount. In the container's namespace it shall be what a copy
 * made there would be: in a user namespace always a slave, else as the plan has it.
 */
static rl_err cut_off(const struct plan_furnish *f, int tree_fd)
{
	uint32_t propagation = f->serve_root ? MS_SLAVE | MS_REC : f->host_propagation;

	return propagation & MS_SHARED ? RL_OK : lx_mount_propagate(tree_fd, propagation);
}

static rl_err serve_tree(const struct plan_furnish *f, const struct plan_op_mount *m,
			 struct userns_cache *cache, struct rl_fd *ret)
{
	unsigned flags = (m->recursive ? LX_TREE_RECURSIVE : 0) |
			 (m->source_nofollow ? LX_TREE_NOFOLLOW : 0);
	struct stat st;
	rl_err e;

	if (m->copy_symlink && lstat(m->source, &st) == 0 && S_ISLNK(st.st_mode))
		return RL_OK;
	e = lx_tree_clone(AT_FDCWD, m->source, flags, ret);
	if ((is_for_init(e) && !m->idmap.wanted) || (m->optional && rl_is(e, RL_E(ENOENT)))) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	RL_TRY(cut_off(f, rl_fd_get(ret)));
	if (!m->idmap.wanted)
		return RL_OK;
	RL_TRY(userns_for(cache, &m->idmap));
	return lx_mount_idmap(rl_fd_get(ret), rl_fd_get(&cache->fd), m->idmap.recursive);
}

static rl_err serve_userns(const struct plan_op_mount *m, struct userns_cache *cache,
			   struct rl_fd *ret)
{
	RL_TRY(userns_for(cache, &m->idmap));
	return rl_fd_from(fcntl(rl_fd_get(&cache->fd), F_DUPFD_CLOEXEC, 0), ret,
			  "copy a descriptor");
}

static rl_err serve_root(const struct plan_furnish *f, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD dir = { 0 };
	rl_err e;

	RL_TRY(lx_root_open(f->root_path, &dir));
	e = lx_tree_clone(rl_fd_get(&dir), "", LX_TREE_RECURSIVE, ret);
	if (is_for_init(e)) {
		rl_drop(e);
		return RL_OK;
	}
	RL_TRY(e);
	return lx_mount_propagate(rl_fd_get(ret), MS_SLAVE | MS_REC);
}

/*
 * Init opens it, but that it is missing is said before anything was made. A source that we may not
 * see is init's to judge.
 */
static rl_err check_source(const struct plan_op *op)
{
	if (op->kind != PLAN_OP_BIND || op->mount.optional || op->mount.directory)
		return RL_OK;
	if (faccessat(AT_FDCWD, op->mount.source, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT)
		return RL_OK;
	return rl_sys(-1, "%s", op->mount.source);
}

static rl_err serve_op(const struct plan_furnish *f, const struct plan_op *op,
		       struct userns_cache *cache, struct ct_served *s)
{
	rl_err e = RL_OK;

	switch (op->serve) {
	case PLAN_SERVE_NOTHING:
		e = check_source(op);
		break;
	case PLAN_SERVE_TREE:
		e = serve_tree(f, &op->mount, cache, &s->items[op->served]);
		break;
	case PLAN_SERVE_USERNS:
		e = serve_userns(&op->mount, cache, &s->items[op->served]);
		break;
	}
	if (!rl_failed(e))
		return e;
	return rl_wrap(e, "%s[%d]: mount %s at %s", op->origin, op->index,
		       op->mount.source ? op->mount.source : op->mount.type, op->target);
}

rl_err ct_serve_open(struct rl_arena *a, const struct plan_furnish *f, struct ct_served *ret)
{
	struct userns_cache __attribute__((cleanup(userns_cache_close))) cache = { 0 };
	struct ct_served CT_AUTO_SERVED s = { 0 };

	RL_TRY(rl_new_array(a, f->served_count, &s.items));
	s.count = f->served_count;
	if (f->serve_root)
		RL_TRY(serve_root(f, &s.items[f->root_served]), "$.root.path");
	for (size_t i = 0; i < f->count; i++)
		RL_TRY(serve_op(f, &f->ops[i], &cache, &s));
	*ret = s;
	s.count = 0;
	return RL_OK;
}
