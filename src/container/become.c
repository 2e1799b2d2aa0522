/* SPDX-License-Identifier: Apache-2.0 */
#include "container/become.h"

#include "base/log.h"
#include "container/program.h"
#include "linux/ids.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static rl_err confine(struct ct_becoming *b)
{
	return ct_confine(b->arena, &b->confinement, &b->confined);
}

rl_err ct_become_prepare(struct ct_becoming *b, const struct lx_tty *tty)
{
	if (rl_fd_has(&tty->slave))
		RL_TRY(lx_tty_enter(rl_fd_get(&tty->slave)));
	return ct_filter_is_early(&b->confinement) ? RL_OK : confine(b);
}

/*
 * For a machine this looks from outside, as another user, and with other file systems mounted: only
 * a program that is not there at all is certain.
 */
static rl_err find_for_machine(struct ct_becoming *b)
{
	const char *name = b->process->args[0];
	rl_err e;

	if (name[0] != '/' && strchr(name, '/') != NULL)
		return RL_OK;
	e = ct_program_find(b->arena, b->process, b->process->env, &b->program);
	if (rl_is(e, RL_E(ENOENT)))
		return e;
	rl_drop(e);
	return RL_OK;
}

rl_err ct_become_find(struct ct_becoming *b)
{
	const char *const *env = b->confined.env != NULL ? b->confined.env : b->process->env;

	if (b->handler != NULL)
		return find_for_machine(b);
	return ct_program_find(b->arena, b->process, env, &b->program);
}

/* What was announced (LISTEN_FDS, --preserve-fds) was close-on-exec like all else until now. */
static rl_err keep_descriptors(unsigned count)
{
	for (unsigned fd = 3; fd < 3 + count; fd++)
		RL_TRY(rl_sys(fcntl((int)fd, F_SETFD, 0), "pass descriptor %u on", fd));
	return RL_OK;
}

/* The exit status of a machine that ended without one of its program. */
#define MACHINE_FAILED 125

static rl_err find_home(const struct ct_becoming *b, const char **ret)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	if (!b->machine->find_home)
		return RL_OK;
	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the root"));
	return lx_ids_home(b->arena, rl_fd_get(&root), b->machine->home_of, ret);
}

static rl_err become_machine(struct ct_becoming *b, int talk_fd)
{
	int keeps[HDL_KEEPS_MAX + 2];
	size_t count = hdl_keeps(b->handler, keeps);
	struct stat before, after;
	struct hdl_entry entry = { .talk_fd = talk_fd };
	rl_err e;

	keeps[count++] = talk_fd;
	if (rl_log_fd() > STDERR_FILENO)
		keeps[count++] = rl_log_fd();
	RL_TRY(find_home(b, &entry.home));
	ct_program_close_others(keeps, count);
	RL_TRY(ct_confine_last(&b->confinement));
	RL_TRY(rl_sys(fstat(talk_fd, &before), "look at the talk"));
	e = hdl_enter(b->handler, &entry);
	if (fstat(talk_fd, &after) == 0 && before.st_ino == after.st_ino &&
	    before.st_dev == after.st_dev)
		return e;
	/* Whoever started us believes that the machine runs. */
	rl_log_failure(e);
	_exit(MACHINE_FAILED);
}

rl_err ct_become(struct ct_becoming *b, int talk_fd)
{
	const struct plan_process *p = b->process;

	if (b->handler != NULL)
		return become_machine(b, talk_fd);
	RL_TRY(ct_program_close_from(3));
	RL_TRY(keep_descriptors(p->keep_fds));
	if (ct_filter_is_early(&b->confinement)) {
		RL_TRY(confine(b));
		/* Other ids, another view: what root found the user may not be able to execute. */
		RL_TRY(ct_become_find(b));
	} else {
		RL_TRY(ct_confine_last(&b->confinement));
	}
	if (b->stub_fd < 0)
		return ct_program_exec(b->program, p->args, b->confined.env);
	return ct_program_by_stub(b->arena, b->stub_fd, talk_fd, b->program, p->args,
				  b->confined.env);
}
