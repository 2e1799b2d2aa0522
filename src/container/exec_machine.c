/* SPDX-License-Identifier: Apache-2.0 */
#include "container/exec_machine.h"

#include "base/log.h"
#include "container/agent.h"
#include "container/exec_process.h"
#include "container/load.h"
#include "container/publish.h"
#include "container/talk.h"
#include "linux/ids.h"
#include "linux/tty.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

/* ---- what the guest is asked for ------------------------------------------------------------- */

/* As its users know it: HOME is what the container's own /etc/passwd says. */
static rl_err complete_environment(const struct ct_machine_exec *x, const struct plan_process *p,
				   const char *const **ret)
{
	struct rl_fd RL_AUTO_FD root = { 0 };
	const char **env, *home;
	char path[40];

	*ret = p->env;
	if (!p->find_home)
		return RL_OK;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)x->record->pid);
	RL_TRY(rl_fd_from(openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the root of the container"));
	RL_TRY(rl_new_array(x->arena, p->env_count + 2, &env));
	memcpy(env, p->env, p->env_count * sizeof(*env));
	RL_TRY(lx_ids_home(x->arena, rl_fd_get(&root), p->uid, &home));
	RL_TRY(rl_arena_fmt(x->arena, &env[p->env_count], "HOME=%s", home));
	*ret = env;
	return RL_OK;
}

struct wish {
	struct ct_loaded loaded; /* strings of the plan are in it */
	struct plan_process plan;
	struct hdl_agent_caps caps;
	struct hdl_agent_process process;
};

static void wish_close(struct wish *w)
{
	ct_loaded_free(&w->loaded);
}

static rl_err translate(const struct ct_machine_exec *x, struct wish *w)
{
	const struct plan_process *p = &w->plan;
	struct hdl_agent_rlimit *limits;

	w->caps = (struct hdl_agent_caps){ .bounding = p->caps.bounding,
					   .effective = p->caps.effective,
					   .permitted = p->caps.permitted,
					   .inheritable = p->caps.inheritable,
					   .ambient = p->caps.ambient };
	RL_TRY(rl_new_array(x->arena, p->rlimit_count, &limits));
	for (size_t i = 0; i < p->rlimit_count; i++)
		limits[i] = (struct hdl_agent_rlimit){ (uint32_t)p->rlimits[i].resource,
						       p->rlimits[i].soft, p->rlimits[i].hard };
	w->process = (struct hdl_agent_process){
		.args = p->args,
		.cwd = p->cwd,
		.uid = p->uid,
		.gid = p->gid,
		.umask = p->umask,
		.groups = p->groups,
		.group_count = p->group_count,
		.caps = &w->caps,
		.rlimits = limits,
		.rlimit_count = p->rlimit_count,
		.oom_score_adj = p->set_oom_score_adj ? &p->oom_score_adj : NULL,
		.no_new_privileges = p->no_new_privileges,
		.terminal = p->terminal,
		.rows = p->console_rows,
		.columns = p->console_columns,
	};
	return complete_environment(x, p, &w->process.env);
}

static rl_err make_wish(const struct ct_machine_exec *x, struct wish *w)
{
	struct plan_warnings warnings = { 0 };
	const struct oci_process *process;

	if (x->request->preserve_fds > 0 || x->request->listen_fds > 0)
		return rl_refuse(RL_E(ENOTSUP), "LISTEN_FDS, --preserve-fds: a virtual machine "
						"cannot be passed descriptors");
	if (x->wanted->cgroup_count > 0)
		return rl_refuse(RL_E(ENOTSUP), "--cgroup: the processes of a virtual machine are "
						"in no cgroup of the host");
	RL_TRY(ct_load_copy(rl_fd_get(&x->store->dir), &w->loaded));
	RL_TRY(ct_exec_process(x->arena, w->loaded.config, x->wanted, &process));
	RL_TRY(plan_process_make(x->arena, process, w->loaded.config, x->request, &w->loaded.host,
				 &warnings, &w->plan));
	for (size_t i = 0; i < warnings.count; i++)
		rl_log(RL_LOG_WARNING, "%s", warnings.items[i]);
	if (w->plan.terminal && x->request->detach && x->options->console_socket == NULL)
		return rl_hint(rl_refuse(RL_E(EINVAL),
					 "exec: a detached process needs a console socket for its "
					 "terminal"),
			       "give --console-socket");
	return translate(x, w);
}

/* In the words that engines look for. */
static rl_err explain(rl_err e, const char *program, int status)
{
	if (status == 127) {
		rl_drop(e);
		return rl_refuse(RL_E(ENOENT), "exec: \"%s\": executable file not found in $PATH",
				 program);
	}
	if (status == 126 && rl_is(e, RL_E(EACCES))) {
		rl_drop(e);
		return rl_refuse(RL_E(EACCES), "exec: \"%s\": permission denied", program);
	}
	return rl_wrap(e, "exec: \"%s\"", program);
}

static void free_session(struct hdl_agent_session **s)
{
	hdl_agent_free(*s);
}
#define AUTO_SESSION __attribute__((cleanup(free_session)))

static rl_err start(const struct ct_machine_exec *x, const struct wish *w,
		    struct hdl_agent_session **ret)
{
	const struct hdl_agent_at at = ct_agent_at(x->store);
	int status = 0;
	rl_err e = hdl_agent_start(&at, &w->process, true, ret, &status);

	return rl_failed(e) ? explain(e, w->process.args[0], status) : RL_OK;
}

/* ---- the process that stands for it ---------------------------------------------------------- */

struct raw_terminal {
	struct termios saved;
	bool changed;
};

static void restore(struct raw_terminal *t)
{
	if (t->changed)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
}

/* Keys such as ^C are for the terminal in the guest. */
static void make_raw(struct raw_terminal *t)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	t->changed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static rl_err relay(struct hdl_agent_session *session, bool terminal, int *ret_status)
{
	struct raw_terminal __attribute__((cleanup(restore))) raw = { 0 };
	const struct hdl_agent_io io = {
		.fd = { STDIN_FILENO, STDOUT_FILENO, terminal ? -1 : STDERR_FILENO },
		.size_fd = terminal && isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
		.forward_signals = true,
	};
	struct hdl_agent_exit end;

	if (terminal)
		make_raw(&raw);
	RL_TRY(hdl_agent_relay(session, &io, &end), "exec");
	*ret_status = end.status;
	return RL_OK;
}

struct stand_in {
	struct hdl_agent_session *session;
	const struct wish *wish;
	struct rl_fd talk, their_talk;
};

static void stand_in_close(struct stand_in *s)
{
	rl_fd_close(&s->talk);
	rl_fd_close(&s->their_talk);
}

/* A terminal of the host in between: its master is the engine's, what is typed is the guest's. */
static rl_err take_terminal(const struct stand_in *s, struct lx_tty *tty)
{
	struct rl_fd RL_AUTO_FD root = { 0 };
	const struct hdl_agent_process *p = &s->wish->process;

	if (!p->terminal)
		return rl_sys(setsid(), "make a session");
	RL_TRY(rl_fd_from(openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), &root,
			  "open the root"));
	RL_TRY(lx_tty_open(rl_fd_get(&root), p->rows, p->columns, tty));
	return lx_tty_enter(rl_fd_get(&tty->slave));
}

static rl_err stand_in_begins(struct stand_in *s)
{
	struct lx_tty LX_AUTO_TTY tty = { 0 };
	int talk = rl_fd_get(&s->their_talk);

	rl_fd_close(&s->talk);
	RL_TRY(take_terminal(s, &tty));
	RL_TRY(ct_say_fd(talk, CT_READY, rl_fd_get(&tty.master)));
	return ct_expect(talk, CT_START, NULL);
}

static int stand_in_main(void *context)
{
	struct stand_in *s = context;
	rl_err e = stand_in_begins(s);
	int status = 255;

	if (rl_failed(e)) {
		ct_say_error(rl_fd_get(&s->their_talk), e);
		return status;
	}
	rl_fd_close(&s->their_talk);
	e = relay(s->session, s->wish->process.terminal, &status);
	if (rl_failed(e))
		rl_log(RL_LOG_ERROR, "%s", rl_text(e));
	rl_drop(e);
	return status;
}

static rl_err detach(const struct ct_machine_exec *x, struct stand_in *s)
{
	struct rl_fd RL_AUTO_FD master = { 0 };
	struct ct_child child = { 0 };
	bool unused;
	rl_err e;

	RL_TRY(ct_talk_pair(&s->talk, &s->their_talk));
	RL_TRY(ct_clone(0, -1, stand_in_main, s, &child, &unused));
	rl_fd_close(&s->their_talk);
	e = ct_expect(rl_fd_get(&s->talk), CT_READY, &master);
	if (!rl_failed(e))
		e = ct_publish(x->options, &child, rl_fd_get(&master));
	if (!rl_failed(e))
		e = ct_say(rl_fd_get(&s->talk), CT_START);
	rl_fd_close(&child.pidfd);
	return e;
}

rl_err ct_exec_machine(const struct ct_machine_exec *x, int *ret_status)
{
	struct hdl_agent_session AUTO_SESSION *session = NULL;
	struct stand_in __attribute__((cleanup(stand_in_close))) s = { 0 };
	struct wish __attribute__((cleanup(wish_close))) wish = { 0 };

	RL_TRY(ct_agent_check(x->store, x->record, "exec"));
	RL_TRY(make_wish(x, &wish));
	RL_TRY(start(x, &wish, &session));
	if (!x->request->detach && x->options->console_socket == NULL)
		return relay(session, wish.process.terminal, ret_status);
	s.session = session;
	s.wish = &wish;
	RL_TRY(detach(x, &s));
	/* The process is the stand-in's now; our copy of the connection ends with us. */
	session = NULL;
	return RL_OK;
}
