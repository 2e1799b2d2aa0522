/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/handler.h"

#include "plan/plan.h"

#include <string.h>

/* How containerd and CRI-O mark the container that only holds a pod's namespaces. */
static bool is_sandbox(const struct oci_config *config)
{
	static const char *const keys[] = { "io.kubernetes.cri.container-type",
					    "io.kubernetes.cri-o.ContainerType" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *type = oci_map_get(&config->annotations, keys[i]);

		if (type != NULL && strcmp(type, "sandbox") == 0)
			return true;
	}
	return false;
}

rl_err hdl_choose(const struct oci_config *config, const struct plan_request *request,
		  const char **ret_name)
{
	const char *annotated = oci_map_get(&config->annotations, "run.oci.handler");
	const char *name = request->handler != NULL ? request->handler : annotated;

	*ret_name = NULL;
	if (name == NULL)
		return RL_OK;
	if (annotated != NULL && strcmp(annotated, name) != 0)
		return rl_hint(rl_refuse(RL_E(EACCES),
					 "annotations[\"run.oci.handler\"]: \"%s\", but "
					 "the program was called as \"%s\"",
					 annotated, name),
			       "choose one of the two ways to select a handler");
	if (strcmp(name, "krun") != 0)
		return rl_hint(
			rl_refuse(RL_E(ENOTSUP), "handler \"%s\": not known to this program", name),
			"there is one handler, krun");
	if (is_sandbox(config))
		return RL_OK;
	/* Said here, because they do not survive the way to the program that makes machines. */
	if (request->preserve_fds > 0 || request->listen_fds > 0)
		return rl_refuse(RL_E(ENOTSUP), "LISTEN_FDS, --preserve-fds: a virtual machine "
						"cannot be passed descriptors");
	*ret_name = name;
	return RL_OK;
}
