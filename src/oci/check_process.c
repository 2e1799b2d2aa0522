/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of `process` (config.md#process). */
#include "oci/check.h"
#include "oci/names.h"

#include <string.h>

/* The set*id system calls read it as "leave unchanged": the process would stay what it was. */
#define NO_ID UINT32_MAX
static const char no_id_why[] = "4294967295 is -1, which setuid(2) reads as \"no change\"";

static void check_user(struct oci_problems *p, const char *base, const struct oci_user *user)
{
	if (user->uid == NO_ID)
		oci_error(p, oci_text(p, "%s.user.uid", base), no_id_why, NULL,
			  "4294967295 is no user");
	if (user->gid == NO_ID)
		oci_error(p, oci_text(p, "%s.user.gid", base), no_id_why, NULL,
			  "4294967295 is no group");
	for (size_t i = 0; i < user->additional_gids.count; i++)
		if (user->additional_gids.items[i] == NO_ID)
			oci_error(p, oci_text(p, "%s.user.additionalGids[%zu]", base, i), no_id_why,
				  NULL, "4294967295 is no group");
	if (user->umask.set && user->umask.value > 0777)
		oci_error(p, oci_text(p, "%s.user.umask", base), NULL,
			  "JSON has no octal numbers: 022 is 18", "must be in 0..511, is %u",
			  user->umask.value);
}

static void check_rlimits(struct oci_problems *p, const char *base,
			  const struct oci_process *process)
{
	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct oci_rlimit *r = &process->rlimits[i];

		if (r->type == NULL)
			continue;
		if (oci_word_find(&oci_rlimit_words, r->type) < 0) {
			const char *near = oci_word_near(oci_rlimit_words.words,
							 oci_rlimit_words.count, r->type);

			oci_error(p, oci_text(p, "%s.rlimits[%zu].type", base, i), NULL,
				  near == NULL ? NULL : oci_text(p, "did you mean %s?", near),
				  "is no resource limit: %s", oci_quote(p, r->type));
		}
		if (r->soft > r->hard)
			oci_error(p, oci_text(p, "%s.rlimits[%zu].soft", base, i),
				  "setrlimit(2) refuses a soft limit above the hard one", NULL,
				  "is %llu, above the hard limit of %llu",
				  (unsigned long long)r->soft, (unsigned long long)r->hard);
		for (size_t j = 0; j < i; j++) {
			const char *other = process->rlimits[j].type;

			if (other != NULL && strcmp(other, r->type) == 0)
				oci_error(p, oci_text(p, "%s.rlimits[%zu].type", base, i),
					  "a type may be given once", NULL,
					  "%s is at [%zu] already", r->type, j);
		}
	}
}

static void check_deadline(struct oci_problems *p, const char *base, const struct oci_scheduler *s)
{
	uint64_t runtime = s->runtime.value, deadline = s->deadline.value;
	uint64_t period = s->period.set && s->period.value != 0 ? s->period.value : deadline;

	if (s->policy != OCI_SCHED_DEADLINE) {
		if (s->runtime.value != 0 || s->deadline.value != 0 || s->period.value != 0)
			oci_error(p, base, "runtime, deadline and period belong to SCHED_DEADLINE",
				  NULL, "%s has no deadline", oci_scheduler_policy_name(s->policy));
		return;
	}
	if (runtime == 0 || runtime > deadline || deadline > period)
		oci_error(p, base, "sched(7): 0 < runtime <= deadline <= period", NULL,
			  "runtime %llu, deadline %llu, period %llu are no deadline",
			  (unsigned long long)runtime, (unsigned long long)deadline,
			  (unsigned long long)period);
}

static void check_scheduler(struct oci_problems *p, const char *base, const struct oci_scheduler *s)
{
	bool realtime = s->policy == OCI_SCHED_FIFO || s->policy == OCI_SCHED_RR;
	uint32_t clamps = OCI_SCHED_FLAG_UTIL_CLAMP_MIN | OCI_SCHED_FLAG_UTIL_CLAMP_MAX;
	const char *path = oci_text(p, "%s.scheduler", base);

	if (s->policy == OCI_SCHED_ABSENT)
		return;
	if (s->nice.set && (s->nice.value < -20 || s->nice.value > 19))
		oci_error(p, oci_text(p, "%s.nice", path), NULL, NULL, "must be in -20..19, is %d",
			  s->nice.value);
	if (realtime && (s->priority.value < 1 || s->priority.value > 99))
		oci_error(p, oci_text(p, "%s.priority", path), "sched(7)", NULL,
			  "must be in 1..99 for %s, is %d", oci_scheduler_policy_name(s->policy),
			  s->priority.value);
	if (!realtime && s->priority.value != 0)
		oci_error(p, oci_text(p, "%s.priority", path),
			  "only SCHED_FIFO and SCHED_RR have priorities", "use nice",
			  "must be 0 for %s, is %d", oci_scheduler_policy_name(s->policy),
			  s->priority.value);
	check_deadline(p, path, s);
	if ((s->flags.bits & clamps) != 0)
		oci_warning(p, oci_text(p, "%s.flags", path),
			    "the specification has no property for the value of a clamp", NULL,
			    "a utilization clamp is set to 0");
}

static void check_console(struct oci_problems *p, const char *base,
			  const struct oci_process *process)
{
	const struct oci_console_size *size = process->console_size;

	/* "Runtimes MUST ignore consoleSize if terminal is false or unset." */
	if (size == NULL || !process->terminal)
		return;
	if (size->height > UINT16_MAX || size->width > UINT16_MAX)
		oci_error(p, oci_text(p, "%s.consoleSize", base),
			  "a terminal has at most 65535 rows and columns", NULL,
			  "%llu x %llu is too large", (unsigned long long)size->height,
			  (unsigned long long)size->width);
}

void oci_check_process(struct oci_problems *p, const char *base, const struct oci_process *process)
{
	const struct oci_exec_cpu_affinity *affinity = process->exec_cpu_affinity;

	check_console(p, base, process);
	check_user(p, base, &process->user);
	if (process->args.items != NULL && process->args.count == 0)
		oci_error(p, oci_text(p, "%s.args", base), "the first one names the program", NULL,
			  "must not be empty");
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is counted is there */
	else if (process->args.count > 0 && process->args.items[0][0] == '\0')
		oci_error(p, oci_text(p, "%s.args[0]", base), "it names the program", NULL,
			  "must not be empty");
	oci_check_env(p, base, &process->env);
	oci_check_absolute(p, base, "cwd", process->cwd,
			   "there is no directory yet that it could be relative to");
	check_rlimits(p, base, process);
	if (process->oom_score_adj.value < -1000 || process->oom_score_adj.value > 1000)
		oci_error(p, oci_text(p, "%s.oomScoreAdj", base), NULL, NULL,
			  "must be in -1000..1000, is %d", process->oom_score_adj.value);
	if (process->scheduler != NULL)
		check_scheduler(p, base, process->scheduler);
	if (process->io_priority != NULL &&
	    (process->io_priority->priority.value < 0 || process->io_priority->priority.value > 7))
		oci_error(p, oci_text(p, "%s.ioPriority.priority", base), NULL, NULL,
			  "must be in 0..7, is %d", process->io_priority->priority.value);
	if (affinity != NULL) {
		oci_check_list(p, base, "execCPUAffinity.initial", affinity->initial);
		oci_check_list(p, base, "execCPUAffinity.final", affinity->final);
	}
}
