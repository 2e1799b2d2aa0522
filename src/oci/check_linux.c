/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of `linux` (config-linux.md), resources and seccomp excepted. */
#include "oci/check.h"

#include <string.h>

/* dev_t of the kernel: 12 bits and 20; mknod(2) would cut what is beyond. */
#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

/* ---- namespaces and what needs one ---------------------------------------------------------- */

static void check_namespaces(struct oci_problems *p, const struct oci_linux *l)
{
	size_t seen[OCI_NS_TYPES] = { 0 };

	for (size_t i = 0; i < l->namespace_count; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];

		if (ns->type == OCI_NS_ABSENT)
			continue;
		if (seen[ns->type] != 0)
			oci_error(p, oci_text(p, "$.linux.namespaces[%zu].type", i),
				  "a type may be given once", NULL, "\"%s\" is at [%zu] already",
				  oci_namespace_name(ns->type), seen[ns->type] - 1);
		seen[ns->type] = i + 1;
		if (ns->path != NULL && ns->path[0] != '/')
			oci_error(p, oci_text(p, "$.linux.namespaces[%zu].path", i),
				  "the specification wants one of the runtime's mount namespace",
				  NULL, "must be an absolute path, is %s", oci_quote(p, ns->path));
	}
}

static void check_offset(struct oci_problems *p, const char *member,
			 const struct oci_time_offset *offset)
{
	if (offset != NULL && offset->nanosecs > 999999999)
		oci_error(p, oci_text(p, "$.linux.timeOffsets.%s.nanosecs", member), NULL,
			  "put whole seconds into secs", "must be in 0..999999999, is %u",
			  offset->nanosecs);
}

static void check_time(struct oci_problems *p, const struct oci_linux *l)
{
	const struct oci_namespace *ns = oci_namespace_get(l, OCI_NS_TIME);

	if (l->time_offsets == NULL)
		return;
	check_offset(p, "boottime", l->time_offsets->boottime);
	check_offset(p, "monotonic", l->time_offsets->monotonic);
	if (l->time_offsets->boottime == NULL && l->time_offsets->monotonic == NULL)
		return;
	if (ns == NULL)
		oci_error(p, "$.linux.timeOffsets", NULL,
			  "add { \"type\": \"time\" } to linux.namespaces",
			  "needs a time namespace of the container's");
	else if (ns->path != NULL)
		oci_error(p, "$.linux.timeOffsets",
			  "offsets are fixed once a process is in the namespace", NULL,
			  "cannot be set for a time namespace that is joined");
}

static void check_ids(struct oci_problems *p, const struct oci_linux *l)
{
	oci_check_mappings(p, "$.linux",
			   (struct oci_mappings){ l->uid_mappings, l->uid_mapping_count },
			   (struct oci_mappings){ l->gid_mappings, l->gid_mapping_count });
	if (l->uid_mapping_count + l->gid_mapping_count > 0 &&
	    oci_namespace_get(l, OCI_NS_USER) == NULL)
		oci_error(p,
			  l->uid_mapping_count > 0 ? "$.linux.uidMappings" : "$.linux.gidMappings",
			  "ids are mapped in a user namespace only",
			  "add { \"type\": \"user\" } to linux.namespaces",
			  "needs a user namespace of the container's");
}

/* ---- devices -------------------------------------------------------------------------------- */

static void check_number(struct oci_problems *p, size_t i, const char *member, struct oci_i64 n,
			 int64_t max)
{
	if (!n.set)
		oci_error(p, oci_text(p, "$.linux.devices[%zu].%s", i, member),
			  "only a FIFO (\"p\") has no device number", NULL, "is missing");
	else if (n.value < 0 || n.value > max)
		oci_error(p, oci_text(p, "$.linux.devices[%zu].%s", i, member), NULL, NULL,
			  "must be in 0..%lld, is %lld", (long long)max, (long long)n.value);
}

static void check_device(struct oci_problems *p, const struct oci_linux *l, size_t i)
{
	const struct oci_device *d = &l->devices[i];

	if (d->path != NULL && d->path[0] != '/')
		oci_error(p, oci_text(p, "$.linux.devices[%zu].path", i), NULL, NULL,
			  "must be an absolute path, is %s", oci_quote(p, d->path));
	if (d->type == OCI_DEVICE_ALL)
		oci_error(p, oci_text(p, "$.linux.devices[%zu].type", i),
			  "\"a\" belongs to rules, in linux.resources.devices", NULL,
			  "must be b, c, u or p, is \"a\"");
	if (d->type != OCI_DEVICE_FIFO && d->type != OCI_DEVICE_ABSENT) {
		check_number(p, i, "major", d->major, MAJOR_MAX);
		check_number(p, i, "minor", d->minor, MINOR_MAX);
	}
	/* Engines write st_mode whole, the type of the file included. */
	if (d->file_mode.set && d->file_mode.value > 0177777)
		oci_error(p, oci_text(p, "$.linux.devices[%zu].fileMode", i), NULL,
			  "JSON has no octal numbers: 0666 is 438", "is no file mode: %u",
			  d->file_mode.value);
	if (d->uid.set && d->uid.value == UINT32_MAX)
		oci_error(p, oci_text(p, "$.linux.devices[%zu].uid", i),
			  "chown(2) reads it as \"no change\"", NULL, "4294967295 is no user");
	if (d->gid.set && d->gid.value == UINT32_MAX)
		oci_error(p, oci_text(p, "$.linux.devices[%zu].gid", i),
			  "chown(2) reads it as \"no change\"", NULL, "4294967295 is no group");
	for (size_t j = 0; j < i; j++) {
		const struct oci_device *o = &l->devices[j];

		if (d->path == NULL || o->path == NULL || strcmp(d->path, o->path) != 0)
			continue;
		if (d->type != o->type || d->major.value != o->major.value ||
		    d->minor.value != o->minor.value)
			oci_error(p, oci_text(p, "$.linux.devices[%zu].path", i),
				  "two devices cannot be at one place", NULL,
				  "%s is another device at [%zu]", oci_quote(p, d->path), j);
	}
}

static void check_net_devices(struct oci_problems *p, const struct oci_linux *l)
{
	const char *why;

	for (size_t i = 0; i < l->net_device_count; i++) {
		const struct oci_net_device *d = &l->net_devices[i];
		const char *name = d->name != NULL ? d->name : d->host_name;
		const char *path = oci_path_key(p, "$.linux.netDevices", d->host_name);

		if (!oci_interface_name_ok(d->host_name, &why))
			oci_error(p, path, why, NULL, "is no name of an interface");
		if (d->name != NULL && !oci_interface_name_ok(d->name, &why))
			oci_error(p, oci_text(p, "%s.name", path), why, NULL,
				  "is no name of an interface: %s", oci_quote(p, d->name));
		for (size_t j = 0; j < i; j++) {
			const struct oci_net_device *o = &l->net_devices[j];

			if (strchr(name, '%') == NULL &&
			    strcmp(o->name != NULL ? o->name : o->host_name, name) == 0)
				oci_error(p, oci_text(p, "%s.name", path),
					  "names are unique in a network namespace", NULL,
					  "%s is the name of another one already",
					  oci_quote(p, name));
		}
	}
	if (l->net_device_count > 0 && oci_namespace_get(l, OCI_NS_NETWORK) == NULL)
		oci_warning(p, "$.linux.netDevices",
			    "the container stays in the runtime's network namespace",
			    "add { \"type\": \"network\" } to linux.namespaces",
			    "no device is moved");
}

/* ---- names and paths ------------------------------------------------------------------------ */

/*
 * "net.ipv4.ip_forward", "net/ipv4/conf/eth0.100/forwarding" or a mixture: words between dots and
 * slashes. No empty word, which also keeps ".." out of the path beneath /proc/sys.
 */
static bool sysctl_name_ok(const char *name)
{
	const char *s = name;

	for (;;) {
		size_t len = strcspn(s, "./");

		if (len == 0)
			return false;
		s += len;
		if (*s == '\0')
			return name[strcspn(name, " \t\n\v\f\r")] == '\0';
		s++;
	}
}

static void check_sysctl(struct oci_problems *p, const struct oci_map *sysctl)
{
	for (size_t i = 0; i < sysctl->count; i++)
		if (!sysctl_name_ok(sysctl->items[i].key))
			oci_error(p, oci_path_key(p, "$.linux.sysctl", sysctl->items[i].key),
				  "words between dots or slashes, as in net.ipv4.ip_forward", NULL,
				  "is no name of a sysctl");
}

static void check_paths(struct oci_problems *p, const char *member, const struct oci_strings *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		if (paths->items[i][0] != '/')
			oci_error(p, oci_text(p, "$.linux.%s[%zu]", member, i),
				  "it is a path of the container's", NULL,
				  "must be an absolute path, is %s", oci_quote(p, paths->items[i]));
}

/* ---- intelRdt, memoryPolicy ----------------------------------------------------------------- */

static void check_rdt(struct oci_problems *p, const struct oci_intel_rdt *rdt)
{
	const char *id = rdt->clos_id;

	if (id != NULL && strcmp(id, "/") != 0 &&
	    (strchr(id, '/') != NULL || strcmp(id, ".") == 0 || strcmp(id, "..") == 0))
		oci_error(p, "$.linux.intelRdt.closID",
			  "it is the name of one directory in resctrl; \"/\" is the default class",
			  NULL, "is no class: %s", oci_quote(p, id));
	if (rdt->mem_bw_schema != NULL && (strncmp(rdt->mem_bw_schema, "MB:", 3) != 0 ||
					   strchr(rdt->mem_bw_schema, '\n') != NULL))
		oci_error(p, "$.linux.intelRdt.memBwSchema", NULL, NULL,
			  "must be one line that begins with MB:, is %s",
			  oci_quote(p, rdt->mem_bw_schema));
	for (size_t i = 0; i < rdt->schemata.count; i++)
		if (strchr(rdt->schemata.items[i], '\n') != NULL)
			oci_error(p, oci_text(p, "$.linux.intelRdt.schemata[%zu]", i), NULL,
				  "one line an entry", "must be one line, is %s",
				  oci_quote(p, rdt->schemata.items[i]));
}

static void check_memory_policy(struct oci_problems *p, const struct oci_memory_policy *m)
{
	uint32_t both = OCI_MPOL_FLAG_RELATIVE_NODES | OCI_MPOL_FLAG_STATIC_NODES;
	bool without = m->mode == OCI_MPOL_DEFAULT || m->mode == OCI_MPOL_LOCAL;

	oci_check_list(p, "$.linux.memoryPolicy", "nodes", m->nodes);
	if (m->mode != OCI_MPOL_ABSENT && without && m->nodes != NULL)
		oci_error(p, "$.linux.memoryPolicy.nodes", "set_mempolicy(2)", NULL,
			  "%s takes no nodes", oci_memory_policy_mode_name(m->mode));
	/* MPOL_PREFERRED without a node is local allocation. */
	if (m->mode != OCI_MPOL_ABSENT && !without && m->mode != OCI_MPOL_PREFERRED &&
	    m->nodes == NULL)
		oci_error(p, "$.linux.memoryPolicy.nodes", "set_mempolicy(2)", NULL,
			  "is missing: %s needs nodes", oci_memory_policy_mode_name(m->mode));
	if ((m->flags.bits & both) == both)
		oci_error(p, "$.linux.memoryPolicy.flags", "set_mempolicy(2)", NULL,
			  "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other");
}

/* ---- the whole ------------------------------------------------------------------------------ */

void oci_check_linux(struct oci_problems *p, const struct oci_config *config)
{
	const struct oci_linux *l = &config->linux_;

	check_namespaces(p, l);
	check_ids(p, l);
	check_time(p, l);
	for (size_t i = 0; i < l->device_count; i++)
		check_device(p, l, i);
	check_net_devices(p, l);
	check_sysctl(p, &l->sysctl);
	if (l->cgroups_path != NULL && oci_has_dotdot(l->cgroups_path))
		oci_error(p, "$.linux.cgroupsPath", "it would leave the place it was given", NULL,
			  "must not contain \"..\", is %s", oci_quote(p, l->cgroups_path));
	check_paths(p, "maskedPaths", &l->masked_paths);
	check_paths(p, "readonlyPaths", &l->readonly_paths);
	if (l->intel_rdt != NULL)
		check_rdt(p, l->intel_rdt);
	if (l->memory_policy != NULL)
		check_memory_policy(p, l->memory_policy);
	if (l->personality != NULL && l->personality->flags.count > 0)
		oci_warning(p, "$.linux.personality.flags", "the specification has none yet", NULL,
			    "are ignored");
}
