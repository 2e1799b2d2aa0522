/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification's rules that need no machine: what must be given, how things are spelt, what
 * excludes what. Whether this kernel can do it is decided by the plan.
 *
 * Every function adds to the problems and goes on; it bears what the reader could not fill in
 * (NULL, 0), which was reported already. `base` is the JSON path of the object.
 */
#pragma once

#include "oci/config.h"
#include "oci/problems.h"

void oci_check_config(struct oci_problems *p, const struct oci_config *config);
void oci_check_process(struct oci_problems *p, const char *base, const struct oci_process *process);
void oci_check_mounts(struct oci_problems *p, const char *base, const struct oci_mount *mounts,
		      size_t count);
void oci_check_linux(struct oci_problems *p, const struct oci_config *config);
void oci_check_seccomp(struct oci_problems *p, const struct oci_config *config);
void oci_check_vm(struct oci_problems *p, const struct oci_vm *vm);

enum oci_check_resources {
	OCI_CHECK_CREATE, /* the whole of a new container's limits */
	OCI_CHECK_UPDATE, /* changes to limits that are not known here */
};
void oci_check_resources(struct oci_problems *p, const char *base,
			 const struct oci_resources *resources, enum oci_check_resources mode);

/*
 * uidMappings and gidMappings of one object, which is `base`: both or none, no empty range, no
 * end beyond 4294967294, no overlap, at most 340 (user_namespaces(7)).
 */
struct oci_mappings {
	const struct oci_id_mapping *items;
	size_t count;
};
void oci_check_mappings(struct oci_problems *p, const char *base, struct oci_mappings uids,
			struct oci_mappings gids);

/* ---- rules that several files need ----------------------------------------------------------- */

/*
 * The place is `base`.`member`, put together only when there is something to say.
 */

/* An error unless `value` is NULL or begins with '/'. */
void oci_check_absolute(struct oci_problems *p, const char *base, const char *member,
			const char *value, const char *why);
/* An error for each entry that is not NAME=VALUE. */
void oci_check_env(struct oci_problems *p, const char *base, const struct oci_strings *env);
/* An error unless `value` is NULL or a list such as "0-3,7": rising ranges of decimal numbers. */
void oci_check_list(struct oci_problems *p, const char *base, const char *member,
		    const char *value);
/* True if one of the components between slashes is "..". */
bool oci_has_dotdot(const char *path);
/* True if the kernel takes it as the name of a network interface; else *ret_why tells. */
bool oci_interface_name_ok(const char *name, const char **ret_why);
