/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the machine ends: who stopped it, what the guest said about the workload, and the exit
 * status that follows from both. Every thread may report; the first end counts, as does the
 * first status.
 */
#pragma once

#include "base/error.h"
#include "vmm/loop.h"

#include <pthread.h>
#include <stdatomic.h>

enum vmm_end {
	VMM_END_NONE,
	VMM_END_POWEROFF,     /* the guest powered off */
	VMM_END_RESET,	      /* the guest asked for a reset */
	VMM_END_TRIPLE_FAULT, /* the guest's processor gave up */
	VMM_END_FAULT,	      /* a vCPU or the VMM failed; `reason` says how */
	VMM_END_KILLED,	      /* did not power off in time after it was asked to */
};

#define VMM_REASON_MAX 1024

struct vmm_outcome {
	pthread_mutex_t lock;
	struct vmm_loop *loop; /* stopped when the machine ends */
	enum vmm_end end;
	atomic_bool ended; /* end != VMM_END_NONE, for the vCPUs' look before every entry */
	bool booted;	   /* our init reported */
	bool failed;	   /* our init could not set the workload up; `reason` says why */
	bool has_status;   /* of the workload */
	bool has_code;	   /* the same by the original's ioctl, which says less */
	int status, code;
	char reason[VMM_REASON_MAX];
};

void vmm_outcome_init(struct vmm_outcome *o, struct vmm_loop *loop);

/* Ends the machine; the format, if any, is the reason. */
RL_PRINTF(3, 4) void vmm_outcome_end(struct vmm_outcome *o, enum vmm_end end, const char *fmt, ...);
bool vmm_outcome_ended(const struct vmm_outcome *o);
void vmm_outcome_booted(struct vmm_outcome *o);
void vmm_outcome_status(struct vmm_outcome *o, int status);
void vmm_outcome_code(struct vmm_outcome *o, int code);
/* The guest's init could not set the workload up. */
void vmm_outcome_setup_failed(struct vmm_outcome *o, const char *reason);

/*
 * The process's exit status, 0..255. `ours`: our init should have reported a status, so a machine
 * that stopped without one has failed. *ret_reason: what to tell a person, "" if all is well.
 */
int vmm_outcome_exit_status(struct vmm_outcome *o, bool ours, const char **ret_reason);
