/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the krun handler share. */
#pragma once

#include "base/fd.h"
#include "handlers/handler.h"
#include "handlers/krun_api.h"

struct krun_session {
	struct rl_arena arena;
	struct krun_api api;
	uint32_t ctx;
	bool has_ctx;
	struct hdl_facts facts;

	struct rl_fd kvm;		/* /dev/kvm */
	struct rl_fd kernel, initrd;	/* of the host */
	struct rl_fd image;		/* of the host */
	struct rl_fd passt;		/* the program */
	struct rl_fd net;		/* our end of its socket, or the tap device */
	struct rl_fd agent_dir;		/* where the agent's socket is to be */
	int library_fds[HDL_KEEPS_MAX]; /* what the library has opened for itself */
	size_t library_fd_count;

	const struct oci_config *config;
	const struct hdl_plan *plan;
	const char *text; /* the configuration */
	size_t text_len;
};

/* What session.c passes on: the functions of handler.h with these names. */
RL_MUST rl_err krun_load(const struct oci_config *config, int bundle_fd, struct krun_session **ret);
void krun_free(struct krun_session *s);
const struct hdl_facts *krun_facts(const struct krun_session *s);
RL_MUST rl_err krun_open(struct krun_session *s, const struct hdl_plan *plan, const char *text,
			 size_t len);
void krun_agent_dir(struct krun_session *s, int dir_fd);
bool krun_has_agent_dir(const struct krun_session *s);
RL_MUST rl_err krun_connect(struct krun_session *s);
size_t krun_keeps(const struct krun_session *s, int keeps[static HDL_KEEPS_MAX]);
RL_MUST rl_err krun_enter(struct krun_session *s, const char *home, int talk_fd);

/* /dev/kvm for reading and writing, and that it is one. ENOENT, ENXIO, EACCES: with a hint. */
RL_MUST rl_err krun_kvm_open(struct rl_fd *ret);
