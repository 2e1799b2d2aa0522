/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a filter, and handing its notify descriptor to the agent.
 *
 * As soon as the filter is loaded, every call of the process is the filter's, also those that send
 * the descriptor; and a call that waits for the agent, before the agent has the descriptor, waits
 * for ever. So another process sends it: a helper that was cloned before, has no filter, and
 * shares the table of descriptors. Of the filtered process it needs one write, with the number of
 * the descriptor, and one wait for the helper's end. The first is why a profile cannot have
 * SCMP_ACT_NOTIFY for write; the second may be the agent's, who has the descriptor by then.
 */
#include "base/json.h"
#include "base/proc.h"
#include "container/filter.h"
#include "container/store.h"
#include "handlers/plugins.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* For an agent that does not take connections or does not read. */
#define AGENT_SECONDS 10

#ifndef CLONE_FILES
#define CLONE_FILES 0x00000400
#endif

/* ---- the runtime's side --------------------------------------------------------------------- */

rl_err ct_notify_connect(const char *path, struct rl_fd *ret)
{
	const struct timeval patience = { .tv_sec = AGENT_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rl_fd RL_AUTO_FD fd = { 0 };

	if (strlen(path) >= sizeof(address.sun_path))
		return rl_refuse(RL_E(ENAMETOOLONG),
				 "$.linux.seccomp.listenerPath: a socket's path has at most %zu "
				 "bytes",
				 sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &fd, "make a socket"));
	RL_TRY(rl_sys(
		setsockopt(rl_fd_get(&fd), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)),
		"limit the wait for the seccomp agent"));
	RL_TRY(rl_hint(rl_sys(connect(rl_fd_get(&fd), (struct sockaddr *)&address, sizeof(address)),
			      "connect to the seccomp agent at %s", path),
		       "linux.seccomp.listenerPath is where the agent must listen before the "
		       "container is created"));
	*ret = rl_fd_own(rl_fd_take(&fd));
	return RL_OK;
}

rl_err ct_notify_open(struct rl_arena *a, const struct plan_seccomp *s,
		      const struct ct_notify_for *container, struct rl_fd *ret)
{
	struct hdl_plugin_conf conf = {
		.runtime_root_path = container->state_root,
		.name = container->id,
		.bundle_path = container->bundle,
	};

	if (s->plugins == NULL)
		return ct_notify_connect(s->listener_path, ret);
	RL_TRY(rl_arena_fmt(a, &conf.oci_config_path, "%s/%s/" CT_CONFIG, container->state_root,
			    container->id));
	return hdl_plugins_start(s->plugins, &conf, ret);
}

static void put_members(struct rl_json_writer *w, const char *oci_version, pid_t pid,
			const char *metadata, const struct rl_json *state)
{
	rl_json_object(w);
	rl_json_put(w, "ociVersion", oci_version);
	rl_json_key(w, "fds");
	rl_json_array(w);
	rl_json_string(w, "seccompFd");
	rl_json_array_end(w);
	rl_json_put_i(w, "pid", pid);
	if (metadata != NULL)
		rl_json_put(w, "metadata", metadata);
	rl_json_key(w, "state");
	rl_json_value(w, state);
	rl_json_object_end(w);
}

rl_err ct_notify_message(struct rl_arena *a, const char *oci_version, pid_t pid,
			 const char *metadata, const char *state, struct ct_notify *ret)
{
	struct rl_json_writer RL_AUTO_JSON w = { 0 };
	const struct rl_json *parsed;
	const char *text;
	size_t len;

	RL_TRY(rl_json_parse(a, "state", state, strlen(state), &parsed));
	RL_TRY(rl_json_begin(&w, false));
	put_members(&w, oci_version, pid, metadata, parsed);
	RL_TRY(rl_json_end(&w, &text, &len));
	RL_TRY(rl_arena_strn(a, text, len, &ret->message));
	ret->message_size = len;
	return RL_OK;
}

/* ---- the helper ----------------------------------------------------------------------------- */

/* The whole message, the descriptor with its first byte. 0 or an errno. */
static int send_listener(const struct ct_notify *n, int listener)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)n->message, n->message_size };
	struct msghdr m = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &listener, sizeof(int));
	while (part.iov_len > 0) {
		ssize_t sent = sendmsg(n->socket_fd, &m, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno;
		part.iov_base = (char *)part.iov_base + sent;
		part.iov_len -= (size_t)sent;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	/* One message a connection: that is all, whoever else has it open still. */
	return shutdown(n->socket_fd, SHUT_RDWR) == 0 ? 0 : errno;
}

/* Its exit status is the errno; they all are below 256. */
static _Noreturn void helper_main(const struct ct_notify *n, int pipe_fd, pid_t parent)
{
	int listener = -1;

	/* The end of file never comes: the table of descriptors is shared. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(ESRCH);
	if (read(pipe_fd, &listener, sizeof(listener)) != (ssize_t)sizeof(listener))
		_exit(EPIPE);
	_exit(listener < 0 ? ECANCELED : send_listener(n, listener));
}

/* A clone that shares nothing but descriptors. Zero for all that is optional, on any ABI. */
static pid_t clone_sharing_files(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

/* ---- loading -------------------------------------------------------------------------------- */

static rl_err load_and_notify(const struct ct_filter *f, const struct ct_notify *n)
{
	pid_t helper, self = getpid();
	struct rl_fd listener = { 0 };
	int pipes[2], status, number;
	rl_err e;

	/*
	 * Everything here is close-on-exec, and nothing is closed: close(2) would be the filter's
	 * too.
	 */
	RL_TRY(rl_sys(pipe2(pipes, O_CLOEXEC), "make a pipe"));
	helper = clone_sharing_files();
	if (helper == 0)
		helper_main(n, pipes[0], self);
	RL_TRY(rl_sys(helper, "start the helper that hands the seccomp listener over"));
	e = lx_seccomp_load(&f->program, f->flags, &listener);
	number = rl_fd_get(&listener);
	if (write(pipes[1], &number, sizeof(number)) != (ssize_t)sizeof(number))
		return rl_first(e, rl_hint(rl_fail(RL_E(EPERM), "announce the seccomp listener"),
					   "the profile must allow write"));
	RL_TRY(rl_first(e, rl_wait_status(helper, &status)));
	if (status == 0)
		return RL_OK;
	errno = status;
	return rl_hint(rl_sys(-1, "hand the seccomp listener to its agent"),
		       "is the agent at linux.seccomp.listenerPath still alive?");
}

rl_err ct_filter_load(const struct ct_filter *f, const struct ct_notify *notify)
{
	if (!f->enabled)
		return RL_OK;
	if (!f->notify)
		return lx_seccomp_load(&f->program, f->flags, NULL);
	if (notify == NULL || notify->socket_fd < 0)
		return rl_fail(RL_E(ENOTCONN), "no agent was connected for the seccomp listener");
	return load_and_notify(f, notify);
}
