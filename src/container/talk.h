/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the runtime and init talk while a container is made, and how `start` talks to an init that
 * waits at the gate: datagrams on an AF_UNIX SOCK_SEQPACKET pair.
 *
 *   runtime                              init
 *     GO        id maps, cgroup and        --> starts to build
 *               runtime hooks are done
 *     RUN       the same, and READY is not --> builds
 *               to be said
 *     NETWORK   where the plan has a new one --> enters it before anything shows it
 *           <-- READY   root built, confined up to the last steps (with the pty master, if any)
 *     HOLD      create: wait at the gate --> or START: go on at once; both with the stub
 *           <-- ERROR   a struct rl_error; init exits
 *           <-- ERRNO   four bytes from the stub: the last execve failed
 *           <-- end of file: the user's program has replaced us
 *
 * Where nothing is left to be done once init is cloned, it knows GO or RUN by the fork, and neither
 * is said. START is said when the record names init: nothing of the user's runs unrecorded.
 *
 * The other end's death is an end of file as well, so nobody waits for ever.
 */
#pragma once

#include "base/fd.h"

#include <sys/types.h>

enum ct_word {
	CT_END, /* the other end closed its side */
	CT_GO,
	CT_RUN, /* GO, and START follows without a READY */
	CT_READY,
	CT_HOLD,
	CT_START,
	CT_NETWORK, /* the new network namespace, made beside; without a descriptor: make one */
	CT_HELD,    /* init listens at the gate and no longer needs the runtime */
	CT_PID,	    /* a helper that joined namespaces reports init: its pidfd comes along */
	CT_ERROR,
};

/* Two connected ends, both close-on-exec. */
RL_MUST rl_err ct_talk_pair(struct rl_fd *ret_runtime, struct rl_fd *ret_init);

RL_MUST rl_err ct_say(int fd, enum ct_word word);
/* GO or RUN, with init's pid as the runtime sees it: init cannot know it in a pid namespace. */
RL_MUST rl_err ct_say_go(int fd, enum ct_word go_or_run, pid_t pid);
RL_MUST rl_err ct_expect_go(int fd, enum ct_word *ret_go_or_run, pid_t *ret_pid);
/* With a descriptor by SCM_RIGHTS; -1: none. */
RL_MUST rl_err ct_say_fd(int fd, enum ct_word word, int passed_fd);
/* Best effort: the other end may be gone. */
void ct_say_error(int fd, rl_err e);

/*
 * The next word. ERROR and ERRNO come back as this function's own failure, so a caller that asks
 * for READY gets READY, CT_END, or the true reason. A descriptor that came along is owned by
 * *ret_fd (NULL: refused).
 */
RL_MUST rl_err ct_hear(int fd, enum ct_word *ret_word, struct rl_fd *ret_fd);
/* Like ct_hear, but anything else than `want` is an error that names it. */
RL_MUST rl_err ct_expect(int fd, enum ct_word want, struct rl_fd *ret_fd);
