/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt while a container is made, changed and removed. */
#pragma once

#include "container/record.h"
#include "linux/rdt.h"

/* Makes the class and the monitoring group, each named in the record before. */
RL_MUST rl_err ct_rdt_make(const struct ct_store *store, struct oci_record *record,
			   const struct plan_rdt *plan);
/* Brings a process in; a record without a class is success. */
RL_MUST rl_err ct_rdt_join(const struct oci_record *record, pid_t pid);
/* Removes what was made, and only that. */
RL_MUST rl_err ct_rdt_remove(const struct oci_record *record);

/*
 * New schemata; NULL: none. Refused, they stay as they were. ENOTSUP: the container was created
 * without a class.
 */
RL_MUST rl_err ct_rdt_update(struct rl_arena *a, const struct oci_record *record, const char *l3,
			     const char *bandwidth);
