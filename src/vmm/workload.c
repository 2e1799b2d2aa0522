/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that init reads from the guest device: guest/proto.h as bytes. */
#include "guest/agent_wire.h"
#include "guest/blob.h"
#include "vmm/plan.h"

#include <string.h>

static rl_err root(struct rl_arena *a, struct gst_blob *b, const struct vmm_config *c,
		   enum vmm_boot boot)
{
	const char *part[3] = { VMM_ROOT_TAG, "virtiofs", "" };
	uint32_t kind = GST_ROOT_CURRENT;
	uint8_t *bytes, *p;
	size_t len = 4;

	if (c->remount_device) {
		kind = GST_ROOT_BLOCK;
		part[0] = c->remount_device;
		part[1] = c->remount_fstype ? c->remount_fstype : "auto";
		part[2] = c->remount_options ? c->remount_options : "";
	} else if (boot == VMM_BOOT_INITRAMFS) {
		for (const struct vmm_fs *fs = c->fs; fs; fs = fs->next) {
			if (strcmp(fs->tag, VMM_ROOT_TAG) != 0)
				continue;
			kind = GST_ROOT_VIRTIOFS;
			part[2] = fs->read_only ? "ro" : "";
		}
	}
	for (int i = 0; i < 3; i++)
		len += strlen(part[i]) + 1;
	RL_TRY(rl_arena_get(a, len, 1, &bytes));
	gst_put32(bytes, kind);
	p = bytes + 4;
	for (int i = 0; i < 3; i++) {
		memcpy(p, part[i], strlen(part[i]) + 1);
		p += strlen(part[i]) + 1;
	}
	gst_blob_record(b, GST_ROOT, bytes, len);
	return RL_OK;
}

static const char *variable(const struct vmm_config *c, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; c->env_set && i < c->env.count; i++) {
		if (strncmp(c->env.item[i], name, n) == 0 && c->env.item[i][n] == '=')
			return c->env.item[i] + n + 1;
	}
	return NULL;
}

/* That the host may connect to the agent's port is how the caller asks for an agent. */
static bool has_agent(const struct vmm_config *c)
{
	const struct vmm_vsock_map *v = c->vsock;

	while (v && !(v->listen && v->port == GST_AGENT_PORT))
		v = v->next;
	return v != NULL;
}

/* Interfaces of which init is to ask a DHCP server; the others are the workload's. */
static void put_nets(struct gst_blob *b, const struct vmm_config *c)
{
	for (const struct vmm_net *n = c->net; n; n = n->next) {
		struct {
			struct gst_net wire;
			char no_address, no_gateway;
		} record = { 0 };

		if (!n->dhcp)
			continue;
		memcpy(record.wire.mac, n->mac, sizeof(record.wire.mac));
		gst_put32(record.wire.flags, GST_NET_DHCP);
		gst_blob_record(b, GST_NET, &record, sizeof(record));
	}
}

static rl_err write_all(struct rl_arena *a, struct gst_blob *b, const struct vmm_config *c,
			const struct vmm_facts *facts)
{
	const char *hostname = variable(c, "HOSTNAME");
	const char *config_file = variable(c, "KRUN_CONFIG");
	uint32_t flags = c->exec ? 0 : GST_F_ENV_FROM_CONFIG;

	gst_blob_begin(b);
	if (c->exec) {
		gst_blob_string(b, GST_EXEC, c->exec);
		gst_blob_string(b, GST_ARG, c->exec);
	}
	for (size_t i = 0; c->exec && i < c->argv.count; i++)
		gst_blob_string(b, GST_ARG, c->argv.item[i]);
	for (size_t i = 0; c->env_set && i < c->env.count; i++)
		gst_blob_string(b, GST_ENV, c->env.item[i]);
	gst_blob_string(b, GST_CWD, c->workdir);
	for (const struct vmm_rlimit *r = c->rlimit; r; r = r->next)
		gst_blob_limit(b, r->resource, r->soft, r->hard);
	if (c->container)
		gst_blob_string(b, GST_CONFIG_TEXT, c->container);
	else
		gst_blob_string(b, GST_CONFIG_FILE,
				config_file ? config_file : "/.krun_config.json");
	gst_blob_string(b, GST_HOSTNAME, hostname && *hostname ? hostname : facts->hostname);
	if (variable(c, "KRUN_INIT_PID1"))
		flags |= GST_F_PID1;
	gst_blob_number(b, GST_FLAGS, flags);
	put_nets(b, c);
	if (has_agent(c))
		gst_blob_number(b, GST_AGENT | GST_OPTIONAL, GST_AGENT_PORT);
	return root(a, b, c, facts->boot);
}

rl_err vmm_workload_blob(struct rl_arena *a, const struct vmm_config *c,
			 const struct vmm_facts *facts, const uint8_t **ret_blob, size_t *ret_size)
{
	struct gst_blob b = { 0 };
	size_t size;

	/* Once to count, once to write. */
	RL_TRY(write_all(a, &b, c, facts));
	size = b.used;
	if (size > GST_BLOB_MAX)
		return rl_refuse(
			RL_E(E2BIG),
			"arguments and environment take %zu bytes, at most %u are possible", size,
			GST_BLOB_MAX);
	b = (struct gst_blob){ 0 };
	RL_TRY(rl_arena_get(a, size, 1, &b.bytes));
	RL_TRY(write_all(a, &b, c, facts));
	gst_blob_end(&b);
	*ret_blob = b.bytes;
	*ret_size = size;
	return RL_OK;
}
