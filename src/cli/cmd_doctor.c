/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: whether containers can be virtual machines here, and what is missing. */
#include "cli/cli.h"
#include "container/again.h"
#include "handlers/doctor.h"

#include <stdio.h>

static const char *verdict(enum hdl_verdict v)
{
	switch (v) {
	case HDL_GOOD:
		return "ok";
	case HDL_LACKING:
		return "warning";
	case HDL_FATAL:
		return "missing";
	}
	return "?";
}

static rl_err run(const struct cli_call *call, int *ret_status)
{
	struct hdl_diagnosis found;
	enum hdl_verdict worst = HDL_GOOD;

	RL_TRY(ct_again_full("doctor"));
	RL_TRY(hdl_examine(call->arena, &found));
	for (size_t i = 0; i < found.count; i++) {
		const struct hdl_finding *f = &found.finding[i];

		printf("%-8s %-10s %s\n", verdict(f->verdict), f->subject, f->text);
		if (f->advice != NULL)
			printf("%-8s %-10s -> %s\n", "", "", f->advice);
		if (f->verdict > worst)
			worst = f->verdict;
	}
	printf("\n%s\n", worst == HDL_GOOD ? "Containers can be virtual machines here."
			 : worst == HDL_LACKING
				 ? "Containers can be virtual machines here, with these limits."
				 : "Containers cannot be virtual machines here.");
	*ret_status = worst == HDL_FATAL;
	return rl_sys(fflush(stdout), "write to standard output");
}

static const struct cli_option options[] = { { 0 } };

const struct cli_command cli_doctor = {
	.name = "doctor",
	.words = "",
	.help = "tell whether containers can be virtual machines here",
	.options = options,
	.run = run,
};
