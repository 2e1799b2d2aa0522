/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/template.h"

#include "oci/config.h"

static void put_list(struct rl_json_writer *w, const char *key, const char *const *items)
{
	rl_json_key(w, key);
	rl_json_array(w);
	for (; *items != NULL; items++)
		rl_json_string(w, *items);
	rl_json_array_end(w);
}

/* ---- process -------------------------------------------------------------------------------- */

static void put_capabilities(struct rl_json_writer *w)
{
	/* Ambient ones would have to be inheritable, and those are best left empty
	 * (CVE-2022-29162). */
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	static const char *const names[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
					     NULL };

	rl_json_key(w, "capabilities");
	rl_json_object(w);
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		put_list(w, sets[i], names);
	rl_json_object_end(w);
}

static void put_process(struct rl_json_writer *w)
{
	static const char *const args[] = { "sh", NULL };
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"TERM=xterm",
		NULL,
	};

	rl_json_key(w, "process");
	rl_json_object(w);
	rl_json_put_b(w, "terminal", true);
	rl_json_key(w, "user");
	rl_json_object(w);
	rl_json_put_u(w, "uid", 0);
	rl_json_put_u(w, "gid", 0);
	rl_json_object_end(w);
	put_list(w, "args", args);
	put_list(w, "env", env);
	rl_json_put(w, "cwd", "/");
	put_capabilities(w);
	rl_json_key(w, "rlimits");
	rl_json_array(w);
	rl_json_object(w);
	rl_json_put(w, "type", "RLIMIT_NOFILE");
	rl_json_put_u(w, "hard", 1024);
	rl_json_put_u(w, "soft", 1024);
	rl_json_object_end(w);
	rl_json_array_end(w);
	rl_json_put_b(w, "noNewPrivileges", true);
	rl_json_object_end(w);
}

/* ---- mounts --------------------------------------------------------------------------------- */

enum when { ALWAYS, PRIVILEGED, ROOTLESS };

struct template_mount {
	enum when when;
	const char *destination, *type, *source;
	const char *options[7];
};

static const struct template_mount mounts[] = {
	{ ALWAYS, "/proc", "proc", "proc", { NULL } },
	{ ALWAYS,
	  "/dev",
	  "tmpfs",
	  "tmpfs",
	  { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ PRIVILEGED,
	  "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	/* The group of terminals has no id in a namespace of one id. */
	{ ROOTLESS,
	  "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ ALWAYS,
	  "/dev/shm",
	  "tmpfs",
	  "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ ALWAYS, "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ PRIVILEGED, "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	/* The kernel lets nobody mount sysfs who does not own the network namespace. */
	{ ROOTLESS, "/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" } },
	{ ALWAYS,
	  "/sys/fs/cgroup",
	  "cgroup",
	  "cgroup",
	  { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};

static void put_mounts(struct rl_json_writer *w, const struct oci_template *t)
{
	enum when skip = t->rootless ? PRIVILEGED : ROOTLESS;

	rl_json_key(w, "mounts");
	rl_json_array(w);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		const struct template_mount *m = &mounts[i];

		if (m->when == skip)
			continue;
		rl_json_object(w);
		rl_json_put(w, "destination", m->destination);
		rl_json_put(w, "type", m->type);
		rl_json_put(w, "source", m->source);
		if (m->options[0] != NULL)
			put_list(w, "options", m->options);
		rl_json_object_end(w);
	}
	rl_json_array_end(w);
}

/* ---- linux ---------------------------------------------------------------------------------- */

static void put_mapping(struct rl_json_writer *w, const char *key, uint32_t host_id)
{
	rl_json_key(w, key);
	rl_json_array(w);
	rl_json_object(w);
	rl_json_put_u(w, "containerID", 0);
	rl_json_put_u(w, "hostID", host_id);
	rl_json_put_u(w, "size", 1);
	rl_json_object_end(w);
	rl_json_array_end(w);
}

static void put_device_rules(struct rl_json_writer *w)
{
	rl_json_key(w, "resources");
	rl_json_object(w);
	rl_json_key(w, "devices");
	rl_json_array(w);
	rl_json_object(w);
	rl_json_put_b(w, "allow", false);
	rl_json_put(w, "access", "rwm");
	rl_json_object_end(w);
	rl_json_array_end(w);
	rl_json_object_end(w);
}

static void put_namespace(struct rl_json_writer *w, enum oci_namespace_type type)
{
	rl_json_object(w);
	rl_json_put(w, "type", oci_namespace_name(type));
	rl_json_object_end(w);
}

static void put_namespaces(struct rl_json_writer *w, const struct oci_template *t)
{
	rl_json_key(w, "namespaces");
	rl_json_array(w);
	put_namespace(w, OCI_NS_PID);
	if (!t->rootless)
		put_namespace(w, OCI_NS_NETWORK);
	put_namespace(w, OCI_NS_IPC);
	put_namespace(w, OCI_NS_UTS);
	put_namespace(w, OCI_NS_MOUNT);
	if (t->cgroup_namespace)
		put_namespace(w, OCI_NS_CGROUP);
	if (t->rootless)
		put_namespace(w, OCI_NS_USER);
	rl_json_array_end(w);
}

static void put_linux(struct rl_json_writer *w, const struct oci_template *t)
{
	static const char *const masked[] = {
		"/proc/acpi",
		"/proc/asound",
		"/proc/kcore",
		"/proc/keys",
		"/proc/latency_stats",
		"/proc/timer_list",
		"/proc/timer_stats",
		"/proc/sched_debug",
		"/sys/firmware",
		"/proc/scsi",
		NULL,
	};
	static const char *const readonly[] = { "/proc/bus",	       "/proc/fs",
						"/proc/irq",	       "/proc/sys",
						"/proc/sysrq-trigger", NULL };

	rl_json_key(w, "linux");
	rl_json_object(w);
	if (t->rootless) {
		put_mapping(w, "uidMappings", t->uid);
		put_mapping(w, "gidMappings", t->gid);
	} else {
		put_device_rules(w);
	}
	put_namespaces(w, t);
	put_list(w, "maskedPaths", masked);
	put_list(w, "readonlyPaths", readonly);
	rl_json_object_end(w);
}

/* ---- the whole ------------------------------------------------------------------------------ */

void oci_template_put(struct rl_json_writer *w, const struct oci_template *t)
{
	rl_json_object(w);
	rl_json_put(w, "ociVersion", OCI_VERSION_MAX);
	put_process(w);
	rl_json_key(w, "root");
	rl_json_object(w);
	rl_json_put(w, "path", "rootfs");
	rl_json_put_b(w, "readonly", true);
	rl_json_object_end(w);
	rl_json_put(w, "hostname", t->hostname);
	put_mounts(w, t);
	put_linux(w, t);
	rl_json_object_end(w);
}
