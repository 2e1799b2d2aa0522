/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration that `runlet spec` writes: a shell with few rights in a read-only root, the
 * same that runc and crun write, so that what was learnt with them holds here.
 */
#pragma once

#include "base/json.h"

#include <sys/types.h>

struct oci_template {
	const char *hostname; /* the name of the program */
	/*
	 * The host has cgroup version 2 only: the container gets a cgroup namespace. On version 1
	 * the engines do not ask for one.
	 */
	bool cgroup_namespace;
	/*
	 * For an ordinary user: a user namespace in which `uid` and `gid` are root, no network
	 * namespace (nobody would connect it), /sys bound from the host, no device rules.
	 */
	bool rootless;
	uid_t uid;
	gid_t gid;
};

/* One object. Errors of the writer come out of rl_json_end. */
void oci_template_put(struct rl_json_writer *w, const struct oci_template *t);
