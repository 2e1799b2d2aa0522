/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/outcome.h"

#include "guest/proto.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void vmm_outcome_init(struct vmm_outcome *o, struct vmm_loop *loop)
{
	*o = (struct vmm_outcome){ .loop = loop };
	(void)pthread_mutex_init(&o->lock, NULL);
}

void vmm_outcome_end(struct vmm_outcome *o, enum vmm_end end, const char *fmt, ...)
{
	char reason[VMM_REASON_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	(void)pthread_mutex_lock(&o->lock);
	if (o->end == VMM_END_NONE) {
		o->end = end;
		/* An orderly end has no reason, and must not hide what init said before. */
		if (*reason)
			memcpy(o->reason, reason, sizeof(reason));
	}
	atomic_store(&o->ended, true);
	(void)pthread_mutex_unlock(&o->lock);
	vmm_loop_stop(o->loop);
}

bool vmm_outcome_ended(const struct vmm_outcome *o)
{
	return atomic_load_explicit(&o->ended, memory_order_relaxed);
}

void vmm_outcome_booted(struct vmm_outcome *o)
{
	(void)pthread_mutex_lock(&o->lock);
	o->booted = true;
	(void)pthread_mutex_unlock(&o->lock);
}

void vmm_outcome_status(struct vmm_outcome *o, int status)
{
	(void)pthread_mutex_lock(&o->lock);
	if (!o->has_status)
		o->status = status & 0xff;
	o->has_status = true;
	(void)pthread_mutex_unlock(&o->lock);
}

void vmm_outcome_code(struct vmm_outcome *o, int code)
{
	(void)pthread_mutex_lock(&o->lock);
	o->code = code & 0xff;
	o->has_code = true;
	(void)pthread_mutex_unlock(&o->lock);
}

void vmm_outcome_setup_failed(struct vmm_outcome *o, const char *reason)
{
	(void)pthread_mutex_lock(&o->lock);
	/* The status follows (127 for a command that was not found); 125 if it does not. */
	if (!o->failed && !o->has_status)
		(void)snprintf(o->reason, sizeof(o->reason), "%s", reason);
	o->failed = true;
	(void)pthread_mutex_unlock(&o->lock);
}

/* What a machine says that stopped although nobody told the workload's status. */
static const char *silent_reason(const struct vmm_outcome *o)
{
	switch (o->end) {
	case VMM_END_TRIPLE_FAULT:
		return "the guest crashed (triple fault)";
	case VMM_END_FAULT:
	case VMM_END_KILLED:
		return "the machine was stopped";
	case VMM_END_NONE:
	case VMM_END_POWEROFF:
	case VMM_END_RESET:
	default:
		return o->booted ? "the guest stopped before the workload had ended"
				 : "the guest stopped before its init was started (kernel panic?)";
	}
}

int vmm_outcome_exit_status(struct vmm_outcome *o, bool ours, const char **ret_reason)
{
	bool orderly = o->end == VMM_END_POWEROFF || o->end == VMM_END_RESET;

	*ret_reason = o->reason;
	if (o->has_status)
		return o->status;
	if (o->has_code)
		return o->code;
	if (o->failed)
		return GST_STATUS_SETUP;
	if (orderly && !ours && !o->booted)
		return 0;
	if (*o->reason == '\0')
		*ret_reason = silent_reason(o);
	return o->end == VMM_END_KILLED ? 128 + SIGKILL : GST_STATUS_SETUP;
}
