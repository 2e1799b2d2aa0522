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

	/* Of what is on the machine's own disk nothing is seen from here. */
	if (b->machine->image != NULL || (name[0] != '/' && strchr(name, '/') != NULL))
		return RL_OK;
	e = ct_program_find(b->arena, b->process, b->process->env, &b->program);
	if (rl_is(e, RL_E(ENOENT)))
		return e;
	rl_drop(e);
	return RL_OK;
}

/*
 * Beneath the container's root by its descriptor, and through no magic link: the engine reads what
 * is open, not a name. *ret stays empty if there is nothing by that name.
 */
static rl_err open_module(int root_fd, const char *path, struct rl_fd *ret)
{
	struct rl_fd RL_AUTO_FD found = { 0 };
	struct stat st;

	RL_TRY(lx_path_find_for(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &found),
	       "module \"%s\"", path);
	if (!rl_fd_has(&found))
		return RL_OK;
	RL_TRY(rl_sys(fstat(rl_fd_get(&found), &st), "look at the module \"%s\"", path));
	if (!S_ISREG(st.st_mode))
		return rl_refuse(RL_E(EACCES), "module \"%s\": is not a regular file", path);
	rl_fd_set(ret, rl_fd_take(&found));
	return RL_OK;
}

static rl_err search_module(struct ct_becoming *b, int root_fd, const char *name,
			    const char *const *env)
{
	const char *at = NULL, *end, *path;

	for (size_t i = 0; env[i] != NULL && at == NULL; i++)
		if (strncmp(env[i], "PATH=", 5) == 0)
			at = env[i] + 5;
	for (; at != NULL && !rl_fd_has(&b->module); at = *end == ':' ? end + 1 : NULL) {
		end = strchrnul(at, ':');
		if (*at != '/')
			continue;
		RL_TRY(rl_arena_fmt(b->arena, &path, "%.*s/%s", (int)(end - at), at, name));
		RL_TRY(open_module(root_fd, path, &b->module));
	}
	return RL_OK;
}

/* As a program is found, except that nobody has to be allowed to execute it; and, as images of
 * modules have it, without a path in the working directory. */
static rl_err find_module(struct ct_becoming *b, const char *const *env)
{
	const char *name = b->process->args[0], *path = name;
	struct rl_fd RL_AUTO_FD root = { 0 };

	rl_fd_close(&b->module);
	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the root"));
	if (strchr(name, '/') == NULL)
		RL_TRY(search_module(b, rl_fd_get(&root), name, env));
	if (*name != '/')
		RL_TRY(rl_arena_fmt(b->arena, &path, "%s/%s", b->process->cwd, name));
	if (!rl_fd_has(&b->module))
		RL_TRY(open_module(rl_fd_get(&root), path, &b->module));
	if (rl_fd_has(&b->module))
		return RL_OK;
	return rl_hint(rl_refuse(RL_E(ENOENT), "module \"%s\": no such file or directory", name),
		       "process.args[0] is looked up in the container: in PATH, then in "
		       "process.cwd");
}

rl_err ct_become_find(struct ct_becoming *b)
{
	const char *const *env = b->confined.env != NULL ? b->confined.env : b->process->env;

	if (b->handler != NULL)
		return b->machine != NULL ? find_for_machine(b) : find_module(b, env);
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
/* Of a module that trapped: as of a program that abort(3) ended. */
#define MODULE_FAILED 134

static rl_err find_home(const struct ct_becoming *b, const char **ret)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	if (!b->machine->find_home || b->machine->image != NULL)
		return RL_OK;
	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the root"));
	return lx_ids_home(b->arena, rl_fd_get(&root), b->machine->home_of, ret);
}

/* Nothing else stays open, neither for a machine nor for a module. */
static void close_others(const struct ct_becoming *b, int talk_fd)
{
	int keeps[HDL_KEEPS_MAX + 3];
	size_t count = hdl_keeps(b->handler, keeps);

	keeps[count++] = talk_fd;
	if (rl_fd_has(&b->module))
		keeps[count++] = rl_fd_get(&b->module);
	if (rl_log_fd() > STDERR_FILENO)
		keeps[count++] = rl_log_fd();
	ct_program_close_others(keeps, count);
}

/* Returns what can still be reported to whoever started us; else ends with `status`. */
static rl_err enter(struct ct_becoming *b, const struct hdl_entry *entry, int status)
{
	struct stat before, after;
	rl_err e;

	RL_TRY(rl_sys(fstat(entry->talk_fd, &before), "look at the talk"));
	e = hdl_enter(b->handler, entry);
	if (fstat(entry->talk_fd, &after) == 0 && before.st_ino == after.st_ino &&
	    before.st_dev == after.st_dev)
		return e;
	/* Whoever started us believes that the program runs. */
	rl_log_failure(e);
	_exit(status);
}

static rl_err become_machine(struct ct_becoming *b, int talk_fd)
{
	struct hdl_entry entry = { .talk_fd = talk_fd };

	RL_TRY(find_home(b, &entry.home));
	close_others(b, talk_fd);
	RL_TRY(ct_confine_last(&b->confinement));
	return enter(b, &entry, MACHINE_FAILED);
}

/* The engine judges a stranger's code in our own process: it gets a program's rights, no more. */
static rl_err become_engine(struct ct_becoming *b, int talk_fd)
{
	struct hdl_entry entry = { .talk_fd = talk_fd, .args = b->process->args };

	close_others(b, talk_fd);
	if (ct_filter_is_early(&b->confinement)) {
		RL_TRY(confine(b));
		RL_TRY(ct_become_find(b));
	} else {
		RL_TRY(ct_confine_last(&b->confinement));
	}
	entry.env = b->confined.env;
	entry.program_fd = rl_fd_take(&b->module);
	return enter(b, &entry, MODULE_FAILED);
}

rl_err ct_become(struct ct_becoming *b, int talk_fd)
{
	const struct plan_process *p = b->process;

	if (b->handler != NULL)
		return b->machine != NULL ? become_machine(b, talk_fd) : become_engine(b, talk_fd);
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
