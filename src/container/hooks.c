/* SPDX-License-Identifier: Apache-2.0 */
#include "container/hooks.h"

#include "base/io.h"
#include "base/proc.h"
#include "plan/hooks.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The state goes through a memory file, not a pipe: a hook that never reads, closes its stdin or
 * forks cannot block us or end us by SIGPIPE.
 */
static rl_err state_file(const char *json, size_t len, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD fd = { 0 };

	RL_TRY(rl_fd_from(syscall(SYS_memfd_create, "state", MFD_CLOEXEC), &fd,
			  "make a file for the hook's stdin"));
	RL_TRY(rl_write_all(rl_fd_get(&fd), json, len));
	RL_TRY(rl_sys(lseek(rl_fd_get(&fd), 0, SEEK_SET), "rewind the hook's stdin"));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

static rl_err fill_actions(posix_spawn_file_actions_t *actions, int stdin_fd,
			   const struct ct_hook_output *output)
{
	const int append = O_WRONLY | O_CREAT | O_APPEND;

	RL_TRY(rl_pos(posix_spawn_file_actions_adddup2(actions, stdin_fd, 0), "prepare stdin"));
	if (output->stdout_path != NULL)
		RL_TRY(rl_pos(posix_spawn_file_actions_addopen(actions, 1, output->stdout_path,
							       append, 0700),
			      "prepare stdout"));
	if (output->stderr_path != NULL)
		RL_TRY(rl_pos(posix_spawn_file_actions_addopen(actions, 2, output->stderr_path,
							       append, 0700),
			      "prepare stderr"));
	return RL_OK;
}

/* A hook starts with the default dispositions and no blocked signal, whatever ours are. */
static rl_err fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	RL_TRY(rl_pos(posix_spawnattr_setsigmask(attributes, &none), "prepare the signal mask"));
	RL_TRY(rl_pos(posix_spawnattr_setsigdefault(attributes, &all), "prepare the signals"));
	return rl_pos(posix_spawnattr_setflags(attributes,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
		      "prepare the signal flags");
}

static void destroy_actions(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_destroy(actions);
}

static rl_err spawn_hook(const struct plan_hook *hook, int stdin_fd,
			 const struct ct_hook_output *output, pid_t *ret_pid)
{
	posix_spawn_file_actions_t __attribute__((cleanup(destroy_actions))) actions;
	posix_spawnattr_t attributes;
	/* execve's argv is not const for historical reasons only. */
	char *const *argv = (char *const *)(uintptr_t)hook->argv;
	char *const *envp = hook->envp != NULL ? (char *const *)(uintptr_t)hook->envp : environ;

	RL_TRY(rl_pos(posix_spawn_file_actions_init(&actions), "prepare a process"));
	RL_TRY(rl_pos(posix_spawnattr_init(&attributes), "prepare a process"));
	RL_TRY(fill_actions(&actions, stdin_fd, output));
	RL_TRY(fill_attributes(&attributes));
	return rl_pos(posix_spawn(ret_pid, hook->path, &actions, &attributes, argv, envp),
		      "execute");
}

static rl_err end_of_hook(pid_t pid, int timeout_seconds, int *ret_status)
{
	struct rl_fd RL_AUTO_FD pidfd = { 0 };
	rl_err e;

	if (timeout_seconds > 0) {
		RL_TRY(rl_pidfd_open(pid, &pidfd));
		e = rl_pidfd_wait(rl_fd_get(&pidfd), timeout_seconds * 1000);
		if (rl_failed(e)) {
			(void)kill(pid, SIGKILL);
			rl_drop(rl_wait_raw(pid, ret_status));
			if (!rl_is(e, RL_E(ETIMEDOUT)))
				return e;
			rl_drop(e);
			return rl_refuse(RL_E(ETIMEDOUT), "did not end within %d s and was killed",
					 timeout_seconds);
		}
	}
	return rl_wait_raw(pid, ret_status);
}

static rl_err run_one(const struct plan_hook *hook, const char *json, size_t len,
		      const struct ct_hook_output *output)
{
	struct rl_fd RL_AUTO_FD state = { 0 };
	int status;
	pid_t pid;

	RL_TRY(state_file(json, len, &state));
	RL_TRY(spawn_hook(hook, rl_fd_get(&state), output, &pid));
	RL_TRY(end_of_hook(pid, hook->timeout_seconds, &status));
	if (WIFSIGNALED(status))
		return rl_refuse(RL_E(ECANCELED), "ended by signal %d", WTERMSIG(status));
	if (status != 0)
		return rl_refuse(RL_E(ECANCELED), "exit status %d", WEXITSTATUS(status));
	return RL_OK;
}

rl_err ct_hooks_run(const struct plan_hooks *hooks, enum plan_hook_phase phase,
		    const char *state_json, size_t state_len, const struct ct_hook_output *output)
{
	for (size_t i = 0; i < hooks->count; i++)
		RL_TRY(run_one(&hooks->items[i], state_json, state_len, output), "%s hook %zu (%s)",
		       plan_hook_phase_name(phase), i, hooks->items[i].path);
	return RL_OK;
}
