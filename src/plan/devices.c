/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes and the links in /dev (runtime-spec config-linux.md, "Default Devices"). */
#include "plan/furnish_build.h"

#include <string.h>
#include <sys/stat.h>

static const struct {
	const char *path;
	unsigned major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 },	   { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const struct {
	const char *path, *content, *needs;
} default_links[] = {
	{ "/dev/fd", "/proc/self/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0", "/proc/self/fd" },
	{ "/dev/stdout", "/proc/self/fd/1", "/proc/self/fd" },
	{ "/dev/stderr", "/proc/self/fd/2", "/proc/self/fd" },
	{ "/dev/core", "/proc/kcore", "/proc/kcore" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The host's /dev as a whole: nothing in it is ours to make. */
static bool dev_is_bound(const struct plan_builder *b)
{
	for (size_t i = 0; i < b->early.count; i++)
		if (b->early.items[i].kind == PLAN_OP_BIND &&
		    strcmp(b->early.items[i].target, "/dev") == 0)
			return true;
	return false;
}

static bool proc_is_mounted(const struct plan_builder *b)
{
	for (size_t i = 0; i < b->early.count; i++)
		if (strcmp(b->early.items[i].target, "/proc") == 0)
			return true;
	return false;
}

static bool is_planned(const struct plan_builder *b, const char *path)
{
	for (size_t i = 0; i < b->early.count; i++)
		if (b->early.items[i].kind == PLAN_OP_DEVICE &&
		    strcmp(b->early.items[i].target, path) == 0)
			return true;
	return false;
}

static rl_err add_device(struct plan_builder *b, const char *origin, int index, const char *path,
			 struct plan_op_node node)
{
	/* mknod(2) of a device works in the initial user namespace only. */
	node.bind = !S_ISFIFO(node.mode) && b->in->has_mount_namespace &&
		    (b->in->has_user_namespace || b->in->host->in_user_namespace);
	node.path = path;
	return plan_op_add(b, &b->early,
			   &(struct plan_op){
				   .kind = PLAN_OP_DEVICE,
				   .target = path,
				   .origin = origin,
				   .index = index,
				   .node = node,
			   });
}

static bool node_type(enum oci_device_type type, mode_t *ret)
{
	switch (type) {
	case OCI_DEVICE_BLOCK:
		*ret = S_IFBLK;
		return true;
	case OCI_DEVICE_CHAR:
	case OCI_DEVICE_UNBUFFERED:
		*ret = S_IFCHR;
		return true;
	case OCI_DEVICE_FIFO:
		*ret = S_IFIFO;
		return true;
	case OCI_DEVICE_ABSENT:
	case OCI_DEVICE_ALL:
		break;
	}
	return false;
}

static bool device_number(struct oci_i64 number, unsigned *ret)
{
	*ret = (unsigned)number.value;
	return number.set && number.value >= 0 && number.value <= UINT32_MAX;
}

static rl_err add_configured(struct plan_builder *b, const char *origin, size_t index,
			     const struct oci_device *d)
{
	struct plan_op_node node = {
		.uid = d->uid.set ? d->uid.value : 0,
		.gid = d->gid.set ? d->gid.value : 0,
	};
	const char *path;
	mode_t type;

	if (d->path == NULL || d->path[0] != '/')
		return rl_refuse(RL_E(EINVAL), "%s[%zu].path: must be absolute", origin, index);
	if (!node_type(d->type, &type))
		return rl_refuse(RL_E(EINVAL), "%s[%zu].type: must be one of b, c, u, p", origin,
				 index);
	if (type != S_IFIFO &&
	    (!device_number(d->major, &node.major) || !device_number(d->minor, &node.minor)))
		return rl_refuse(RL_E(EINVAL), "%s[%zu]: needs major and minor", origin, index);
	node.mode = type | ((d->file_mode.set ? d->file_mode.value : 0666) & 07777);
	RL_TRY(plan_path_clean(b->arena, d->path, &path));
	/* A link to the multiplexer of the container's own terminals, see below. */
	if (strcmp(path, "/dev/ptmx") == 0)
		return RL_OK;
	return add_device(b, origin, (int)index, path, node);
}

static rl_err add_link(struct plan_builder *b, const char *path, struct plan_op_link link)
{
	return plan_op_add(b, &b->early,
			   &(struct plan_op){
				   .kind = PLAN_OP_SYMLINK,
				   .target = path,
				   .origin = "default links",
				   .index = -1,
				   .link = link,
			   });
}

static rl_err add_links(struct plan_builder *b)
{
	bool proc = proc_is_mounted(b);

	for (size_t i = 0; i < COUNT(default_links); i++)
		RL_TRY(add_link(b, default_links[i].path,
				(struct plan_op_link){
					.content = default_links[i].content,
					.needs = proc ? NULL : default_links[i].needs,
				}));
	return add_link(b, "/dev/ptmx",
			(struct plan_op_link){ .content = "pts/ptmx", .replace = true });
}

rl_err plan_build_devices(struct plan_builder *b)
{
	const struct plan_furnish_input *in = b->in;
	const struct oci_linux *l = &in->config->linux_;

	if (dev_is_bound(b))
		return RL_OK;
	for (size_t i = 0; i < l->device_count; i++)
		RL_TRY(add_configured(b, "$.linux.devices", i, &l->devices[i]));
	for (size_t i = 0; i < in->extra_device_count; i++)
		RL_TRY(add_configured(b, "device of the handler", i, &in->extra_devices[i]));
	for (size_t i = 0; i < COUNT(default_devices); i++) {
		const char *path = default_devices[i].path;

		if (is_planned(b, path))
			continue;
		RL_TRY(add_device(b, "default devices", -1, path,
				  (struct plan_op_node){
					  .mode = S_IFCHR | 0666,
					  .major = default_devices[i].major,
					  .minor = default_devices[i].minor,
				  }));
	}
	return add_links(b);
}
