/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The five capability sets. A name that is unknown and a capability that cannot be granted are
 * warnings, as the specification says: an engine's defaults name what an old kernel or a confined
 * runtime lacks.
 */
#include "plan/capability.h"

#include <string.h>
#include <strings.h>

/* By number, as linux/capability.h counts them; up to Linux 5.9, the last addition so far. */
static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

#define NAME_COUNT ((int)(sizeof(names) / sizeof(names[0])))

int plan_capability_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (int i = 0; i < NAME_COUNT; i++)
		if (strcasecmp(names[i] + 4, name) == 0)
			return i;
	return -1;
}

const char *plan_capability_name(int number)
{
	return number >= 0 && number < NAME_COUNT ? names[number] : NULL;
}

/* What this runtime could give to a process at all. */
struct grantable {
	uint64_t bounding, permitted;
	int last;
};

static struct grantable grantable(const struct oci_config *config, const struct lx_host *host)
{
	uint64_t all = host->last_capability >= 63
			       ? UINT64_MAX
			       : (UINT64_C(1) << (host->last_capability + 1)) - 1;

	/* The first process of a user namespace, and one that enters it, has every capability. */
	if (oci_namespace_get(&config->linux_, OCI_NS_USER) != NULL)
		return (struct grantable){ all, all, host->last_capability };
	return (struct grantable){ host->bounding & all, host->capabilities & all,
				   host->last_capability };
}

struct set {
	const char *name; /* of the property */
	const struct oci_strings *words;
	uint64_t limit;
	const char *why; /* beyond the limit it is not granted, because ... */
	uint64_t *ret;
};

/* The names that the set cannot have, for one reason, as one warning. */
struct ignored {
	const char *names; /* "CAP_A, CAP_B"; NULL: none */
	const char *why;
};

static rl_err ignore(struct rl_arena *a, struct ignored *list, const char *name)
{
	if (list->names == NULL) {
		list->names = name;
		return RL_OK;
	}
	return rl_arena_fmt(a, &list->names, "%s, %s", list->names, name);
}

static rl_err make_set(struct rl_arena *a, const struct set *set, int last, struct plan_warnings *w)
{
	enum { UNKNOWN, OLD_KERNEL, BEYOND, REASONS };
	struct ignored ignored[REASONS] = {
		[UNKNOWN] = { NULL, "unknown capability" },
		[OLD_KERNEL] = { NULL, "this kernel does not have it" },
		[BEYOND] = { NULL, set->why },
	};
	uint64_t mask = 0;

	for (size_t i = 0; i < set->words->count; i++) {
		const char *word = set->words->items[i];
		int number = plan_capability_number(word);

		if (number < 0)
			RL_TRY(ignore(a, &ignored[UNKNOWN], word));
		else if (number > last)
			RL_TRY(ignore(a, &ignored[OLD_KERNEL], word));
		else if ((set->limit >> number & 1) == 0)
			RL_TRY(ignore(a, &ignored[BEYOND], word));
		else
			mask |= UINT64_C(1) << number;
	}
	for (int i = 0; i < REASONS; i++)
		if (ignored[i].names != NULL)
			RL_TRY(plan_warn(a, w, "$.process.capabilities.%s: %s ignored: %s",
					 set->name, ignored[i].names, ignored[i].why));
	*set->ret = mask;
	return RL_OK;
}

rl_err plan_capabilities_make(struct rl_arena *a, const struct oci_capabilities *c,
			      const struct oci_config *config, const struct lx_host *host,
			      struct plan_warnings *w, struct plan_capabilities *ret)
{
	struct grantable can = grantable(config, host);
	struct plan_capabilities out = { 0 };

	if (c == NULL) {
		*ret = out;
		return RL_OK;
	}
	/* In this order: each set limits a later one, as capset(2) and prctl(2) will. */
	RL_TRY(make_set(a,
			&(struct set){ "bounding", &c->bounding, can.bounding,
				       "the runtime itself does not have it", &out.bounding },
			can.last, w));
	RL_TRY(make_set(a,
			&(struct set){ "permitted", &c->permitted, can.permitted,
				       "the runtime itself does not have it", &out.permitted },
			can.last, w));
	RL_TRY(make_set(a,
			&(struct set){ "effective", &c->effective, out.permitted,
				       "it is not in the permitted set", &out.effective },
			can.last, w));
	RL_TRY(make_set(a,
			&(struct set){ "inheritable", &c->inheritable, out.bounding,
				       "it is not in the bounding set", &out.inheritable },
			can.last, w));
	RL_TRY(make_set(a,
			&(struct set){ "ambient", &c->ambient, out.permitted & out.inheritable,
				       "it is not both permitted and inheritable", &out.ambient },
			can.last, w));
	*ret = out;
	return RL_OK;
}
