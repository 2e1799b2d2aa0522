/* SPDX-License-Identifier: Apache-2.0 */
/* The documents, and the tables of `root`, `mounts` and the whole (config.md). */
#include "oci/read.h"

#include "oci/check.h"
#include "oci/read_core.h"

OCI_OBJECT(oci_root, "a root", OCI_ROW(oci_root, "path", path, OCI_REQUIRED),
	   OCI_ROW(oci_root, "readonly", readonly, OCI_OPTIONAL));

OCI_OBJECT(oci_mount, "a mount", OCI_ROW(oci_mount, "destination", destination, OCI_REQUIRED),
	   OCI_ROW(oci_mount, "type", type, OCI_OPTIONAL),
	   OCI_ROW(oci_mount, "source", source, OCI_OPTIONAL),
	   OCI_ROW(oci_mount, "options", options, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_mount, "uidMappings", uid_mappings, uid_mapping_count, oci_id_mapping),
	   OCI_ROW_ARRAY(oci_mount, "gidMappings", gid_mappings, gid_mapping_count,
			 oci_id_mapping));

OCI_OBJECT(oci_config, "a configuration",
	   OCI_ROW(oci_config, "ociVersion", oci_version, OCI_REQUIRED),
	   OCI_ROW_OBJECT(oci_config, "process", process, oci_process, OCI_OPTIONAL),
	   OCI_ROW_EMBEDDED(oci_config, "root", root, oci_root, OCI_REQUIRED),
	   OCI_ROW(oci_config, "hostname", hostname, OCI_OPTIONAL),
	   OCI_ROW(oci_config, "domainname", domainname, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_config, "mounts", mounts, mount_count, oci_mount),
	   OCI_ROW_EMBEDDED(oci_config, "hooks", hooks, oci_hooks, OCI_OPTIONAL),
	   OCI_ROW(oci_config, "annotations", annotations, OCI_OPTIONAL),
	   OCI_ROW_EMBEDDED(oci_config, "linux", linux_, oci_linux, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_config, "vm", vm, oci_vm, OCI_OPTIONAL));

rl_err oci_config_read(struct oci_problems *problems, const char *name, const char *text,
		       size_t len, const struct oci_config **ret)
{
	struct oci_config *config;
	const struct rl_json *json;

	RL_TRY(rl_json_parse(problems->arena, name, text, len, &json));
	RL_TRY(rl_new(problems->arena, &config));
	RL_TRY(oci_read_object(problems, json, &oci_config_object, config));
	config->source = json;
	oci_check_config(problems, config);
	RL_TRY(oci_problems_error(problems, name));
	*ret = config;
	return RL_OK;
}

rl_err oci_process_read(struct oci_problems *problems, const char *name, const char *text,
			size_t len, const struct oci_process **ret)
{
	struct oci_process *process;
	const struct rl_json *json;

	RL_TRY(rl_json_parse(problems->arena, name, text, len, &json));
	RL_TRY(rl_new(problems->arena, &process));
	RL_TRY(oci_read_object(problems, json, &oci_process_object, process));
	oci_check_process(problems, "$", process);
	RL_TRY(oci_problems_error(problems, name));
	*ret = process;
	return RL_OK;
}

rl_err oci_resources_read(struct oci_problems *problems, const char *name, const char *text,
			  size_t len, const struct oci_resources **ret)
{
	struct oci_resources *resources;
	const struct rl_json *json;

	RL_TRY(rl_json_parse(problems->arena, name, text, len, &json));
	RL_TRY(rl_new(problems->arena, &resources));
	RL_TRY(oci_read_object(problems, json, &oci_resources_object, resources));
	oci_check_resources(problems, "$", resources, OCI_CHECK_UPDATE);
	RL_TRY(oci_problems_error(problems, name));
	*ret = resources;
	return RL_OK;
}

rl_err oci_mounts_read(struct oci_problems *problems, const char *name, const char *text,
		       size_t len, const struct oci_mount **ret_mounts, size_t *ret_count)
{
	const struct oci_mount *mounts = NULL;
	const struct rl_json *json;
	size_t count = 0;

	RL_TRY(rl_json_parse(problems->arena, name, text, len, &json));
	RL_TRY(oci_read_array(problems, json, &oci_mount_object, &mounts, &count));
	oci_check_mounts(problems, "$", mounts, count);
	RL_TRY(oci_problems_error(problems, name));
	*ret_mounts = mounts;
	*ret_count = count;
	return RL_OK;
}
