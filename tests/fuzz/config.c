/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reader of oci/ gets the bytes. What is accepted must keep the promises that the other
 * parts build on; what is refused must say why in text that a terminal can show.
 */
#include "fuzz.h"
#include "oci/read.h"
#include "oci/state.h"

#include <string.h>

static void check_text(const char *text)
{
	FUZZ_CHECK(text != NULL && text[0] != '\0');
	for (; *text != '\0'; text++)
		FUZZ_CHECK(*text == '\n' || ((unsigned char)*text >= 0x20 && *text != 0x7f));
}

/* The outcome of a reader that collects problems. */
static void check_outcome(struct oci_problems *p, rl_err e)
{
	if (!rl_failed(e)) {
		FUZZ_CHECK(p->errors.count == 0);
	} else {
		FUZZ_CHECK(rl_errno(e) == EINVAL || rl_errno(e) == ENOMEM);
		FUZZ_CHECK(rl_text(e)[0] != '\0');
		if (p->errors.count > 0)
			check_text(rl_text(e));
	}
	for (const struct oci_problem *q = p->errors.first; q != NULL; q = q->next)
		FUZZ_CHECK(q->line > 0 && q->path[0] == '$');
	for (const struct oci_problem *q = p->warnings.first; q != NULL; q = q->next)
		check_text(oci_problem_text(p, q));
	rl_drop(e);
}

static void check_process(const struct oci_process *p)
{
	FUZZ_CHECK(p->args.count > 0 && p->args.items[0][0] != '\0');
	FUZZ_CHECK(p->args.items[p->args.count] == NULL);
	FUZZ_CHECK(p->cwd != NULL && p->cwd[0] == '/');
	FUZZ_CHECK(p->user.uid != UINT32_MAX && p->user.gid != UINT32_MAX);
	for (size_t i = 0; i < p->user.additional_gids.count; i++)
		FUZZ_CHECK(p->user.additional_gids.items[i] != UINT32_MAX);
	for (size_t i = 0; i < p->env.count; i++)
		FUZZ_CHECK(strchr(p->env.items[i], '=') > p->env.items[i]);
	for (size_t i = 0; i < p->rlimit_count; i++)
		FUZZ_CHECK(p->rlimits[i].type != NULL && p->rlimits[i].soft <= p->rlimits[i].hard);
}

static void check_config(const struct oci_config *c)
{
	const struct oci_linux *l = &c->linux_;
	unsigned seen = 0;

	FUZZ_CHECK(c->oci_version != NULL && c->root.path != NULL && c->root.path[0] != '\0');
	for (size_t i = 0; i < c->mount_count; i++)
		FUZZ_CHECK(c->mounts[i].destination != NULL);
	for (size_t i = 0; i < l->namespace_count; i++) {
		FUZZ_CHECK(l->namespaces[i].type != OCI_NS_ABSENT);
		FUZZ_CHECK((seen & 1u << l->namespaces[i].type) == 0);
		seen |= 1u << l->namespaces[i].type;
	}
	for (size_t i = 0; i < l->device_count; i++)
		FUZZ_CHECK(l->devices[i].path != NULL && l->devices[i].path[0] == '/');
	for (size_t i = 0; i < l->sysctl.count; i++)
		FUZZ_CHECK(strstr(l->sysctl.items[i].key, "..") == NULL);
	if (l->seccomp != NULL) {
		FUZZ_CHECK(l->seccomp->default_action != OCI_SECCOMP_ABSENT);
		for (size_t i = 0; i < l->seccomp->syscall_count; i++)
			FUZZ_CHECK(l->seccomp->syscalls[i].action != OCI_SECCOMP_ABSENT &&
				   l->seccomp->syscalls[i].names.count > 0);
	}
	if (c->process != NULL)
		check_process(c->process);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	struct rl_arena RL_AUTO_ARENA arena = { 0 };
	const struct oci_config *config = NULL;
	const struct oci_process *process = NULL;
	const struct oci_resources *resources = NULL;
	const struct oci_mount *mounts = NULL;
	struct oci_problems problems;
	struct oci_record record;
	size_t count;
	rl_err e;

	FUZZ_CHECK(!rl_drop_failed(rl_arena_new(64 << 20, &arena)));

	problems = oci_problems_in(&arena);
	e = oci_config_read(&problems, "c", text, len, &config);
	if (!rl_failed(e))
		check_config(config);
	check_outcome(&problems, e);

	problems = oci_problems_in(&arena);
	e = oci_process_read(&problems, "p", text, len, &process);
	if (!rl_failed(e))
		check_process(process);
	check_outcome(&problems, e);

	problems = oci_problems_in(&arena);
	check_outcome(&problems, oci_resources_read(&problems, "r", text, len, &resources));

	problems = oci_problems_in(&arena);
	check_outcome(&problems, oci_mounts_read(&problems, "m", text, len, &mounts, &count));

	e = oci_record_read(&arena, "s", text, len, &record);
	FUZZ_CHECK(rl_failed(e) || (record.id != NULL && record.bundle != NULL && record.pid >= 0));
	rl_drop(e);
	return 0;
}
