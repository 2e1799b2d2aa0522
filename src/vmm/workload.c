/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that init reads from the guest device: guest/proto.h as bytes. */
#include "guest/proto.h"
#include "vmm/plan.h"

#include <string.h>

struct blob {
	uint8_t *bytes; /* NULL: only count */
	size_t used;
};

static void put(struct blob *b, const void *bytes, size_t len)
{
	if (b->bytes && len > 0)
		memcpy(b->bytes + b->used, bytes, len);
	b->used += len;
}

static void record(struct blob *b, unsigned type, const void *bytes, size_t len)
{
	static const uint8_t zeroes[8];
	struct gst_record head = { 0 };

	gst_put16(head.type, (uint16_t)type);
	gst_put32(head.length, (uint32_t)len);
	put(b, &head, sizeof(head));
	put(b, bytes, len);
	put(b, zeroes, -len & 7);
}

static void string(struct blob *b, unsigned type, const char *s)
{
	if (s)
		record(b, type, s, strlen(s) + 1);
}

static void number(struct blob *b, unsigned type, uint32_t value)
{
	uint8_t le[4];

	gst_put32(le, value);
	record(b, type, le, sizeof(le));
}

static rl_err root(struct rl_arena *a, struct blob *b, const struct vmm_config *c,
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
	record(b, GST_ROOT, bytes, len);
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

static rl_err write_all(struct rl_arena *a, struct blob *b, const struct vmm_config *c,
			const struct vmm_facts *facts)
{
	const char *hostname = variable(c, "HOSTNAME");
	struct gst_header head = { .magic = GST_MAGIC };
	const char *config_file = variable(c, "KRUN_CONFIG");
	uint32_t flags = c->exec ? 0 : GST_F_ENV_FROM_CONFIG;

	put(b, &head, sizeof(head));
	if (c->exec) {
		string(b, GST_EXEC, c->exec);
		string(b, GST_ARG, c->exec);
	}
	for (size_t i = 0; c->exec && i < c->argv.count; i++)
		string(b, GST_ARG, c->argv.item[i]);
	for (size_t i = 0; c->env_set && i < c->env.count; i++)
		string(b, GST_ENV, c->env.item[i]);
	string(b, GST_CWD, c->workdir);
	for (const struct vmm_rlimit *r = c->rlimit; r; r = r->next) {
		struct gst_rlimit wire = { 0 };

		gst_put32(wire.resource, r->resource);
		gst_put64(wire.soft, r->soft);
		gst_put64(wire.hard, r->hard);
		record(b, GST_RLIMIT, &wire, sizeof(wire));
	}
	string(b, GST_CONFIG_FILE, config_file ? config_file : "/.krun_config.json");
	string(b, GST_HOSTNAME, hostname && *hostname ? hostname : facts->hostname);
	if (variable(c, "KRUN_INIT_PID1"))
		flags |= GST_F_PID1;
	number(b, GST_FLAGS, flags);
	return root(a, b, c, facts->boot);
}

rl_err vmm_workload_blob(struct rl_arena *a, const struct vmm_config *c,
			 const struct vmm_facts *facts, const uint8_t **ret_blob, size_t *ret_size)
{
	struct blob b = { 0 };
	struct gst_header *head;
	size_t size;

	/* Once to count, once to write. */
	RL_TRY(write_all(a, &b, c, facts));
	size = b.used;
	if (size > GST_BLOB_MAX)
		return rl_refuse(
			RL_E(E2BIG),
			"arguments and environment take %zu bytes, at most %u are possible", size,
			GST_BLOB_MAX);
	b = (struct blob){ 0 };
	RL_TRY(rl_arena_get(a, size, 1, &b.bytes));
	RL_TRY(write_all(a, &b, c, facts));
	head = (struct gst_header *)b.bytes;
	gst_put32(head->version, GST_VERSION);
	gst_put32(head->size, (uint32_t)size);
	*ret_blob = b.bytes;
	*ret_size = size;
	return RL_OK;
}
