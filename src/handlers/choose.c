/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/handler.h"

#include "plan/plan.h"

#include <string.h>
#include <strings.h>

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

bool hdl_makes_machine(const char *name)
{
	return name != NULL && strcmp(name, "krun") == 0;
}

bool hdl_is_engine(const char *name)
{
	static const char *const names[] = { "wasm", "wasmedge", "wasmtime", "wamr" };

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* A pod's containers share their annotations: what is no module is somebody's side car. */
static bool is_module(const struct oci_config *config)
{
	const struct oci_process *p = config->process;
	const char *dot = p != NULL && p->args.count > 0 ? strrchr(p->args.items[0], '.') : NULL;

	return dot != NULL && (strcasecmp(dot, ".wasm") == 0 || strcasecmp(dot, ".wat") == 0);
}

/* The image's own word, which counts only where nobody chose. */
static const char *variant(const struct oci_config *config)
{
	const char *word = oci_map_get(&config->annotations, "module.wasm.image/variant");

	if (word == NULL)
		return NULL;
	if (strcmp(word, "compat-smart") == 0)
		return "wasm-smart";
	return strcmp(word, "compat") == 0 ? "wasm" : NULL;
}

/* Said here, because they do not survive the way to the program that has handlers. */
static rl_err check_descriptors(const struct plan_request *request, const char *name)
{
	if (request->preserve_fds == 0 && request->listen_fds == 0)
		return RL_OK;
	return rl_refuse(RL_E(ENOTSUP),
			 "LISTEN_FDS, --preserve-fds: a %s cannot be passed descriptors",
			 hdl_makes_machine(name) ? "virtual machine" : "WebAssembly module");
}

rl_err hdl_choose(const struct oci_config *config, const struct plan_request *request,
		  const char **ret_name)
{
	const char *annotated = oci_map_get(&config->annotations, "run.oci.handler");
	const char *name = request->handler != NULL ? request->handler : annotated;

	*ret_name = NULL;
	if (name == NULL)
		name = variant(config);
	if (name == NULL)
		return RL_OK;
	if (annotated != NULL && strcmp(annotated, name) != 0)
		return rl_hint(rl_refuse(RL_E(EACCES),
					 "annotations[\"run.oci.handler\"]: \"%s\", but "
					 "the program was called as \"%s\"",
					 annotated, name),
			       "choose one of the two ways to select a handler");
	if (strcmp(name, "wasm-smart") == 0) {
		if (!is_module(config))
			return RL_OK;
		name = "wasm";
	}
	if (!hdl_makes_machine(name) && !hdl_is_engine(name))
		return rl_hint(
			rl_refuse(RL_E(ENOTSUP), "handler \"%s\": not known to this program", name),
			"there are krun, wasm, wasmedge, wasmtime and wamr");
	if (is_sandbox(config))
		return RL_OK;
	RL_TRY(check_descriptors(request, name));
	*ret_name = name;
	return RL_OK;
}
