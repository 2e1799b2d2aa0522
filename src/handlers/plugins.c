/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/plugins.h"

#include "base/io.h"

/* The kernel's <linux/seccomp.h>: that name is ours. */
#include <asm-generic/../linux/seccomp.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLUGINS_MAX 16
#define VERSION 1

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

typedef int version_function(void);
typedef int start_function(void **opaque, const struct hdl_plugin_conf *conf, size_t size);
typedef int handle_function(void *opaque, struct seccomp_notif_sizes *sizes,
			    struct seccomp_notif *request, struct seccomp_notif_resp *response,
			    int seccomp_fd, int *handled);
typedef int stop_function(void *opaque);

struct plugin {
	const char *path;
	handle_function *handle;
	stop_function *stop;
	void *opaque;
};

struct host {
	struct plugin items[PLUGINS_MAX];
	size_t count;
	struct seccomp_notif_sizes sizes;
	struct seccomp_notif *request;
	struct seccomp_notif_resp *response;
	int listener;
};

/* ---- loading --------------------------------------------------------------------------------- */

/* ISO C knows no conversion from an object pointer to a function; POSIX promises that it works. */
#define FIND(handle, name, to)                          \
	do {                                            \
		void *symbol = dlsym((handle), (name)); \
		memcpy((to), &symbol, sizeof(symbol));  \
	} while (0)

static rl_err load(struct plugin *p, const struct hdl_plugin_conf *conf)
{
	version_function *version;
	start_function *start;
	void *handle;
	int r;

	/* A name without a slash is dlopen's to find. */
	if (strchr(p->path, '/') != NULL && p->path[0] != '/')
		return rl_refuse(RL_E(EINVAL), "plug-in %s: not an absolute path", p->path);
	handle = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return rl_refuse(RL_E(ENOENT), "load the plug-in: %s", dlerror());
	FIND(handle, "run_oci_seccomp_notify_version", &version);
	FIND(handle, "run_oci_seccomp_notify_start", &start);
	FIND(handle, "run_oci_seccomp_notify_handle_request", &p->handle);
	FIND(handle, "run_oci_seccomp_notify_stop", &p->stop);
	if (version != NULL && version() != VERSION)
		return rl_refuse(RL_E(ENOTSUP), "plug-in %s: is of version %d, not %d", p->path,
				 version(), VERSION);
	if (p->handle == NULL)
		return rl_refuse(RL_E(ENOTSUP),
				 "plug-in %s: has no run_oci_seccomp_notify_handle_request",
				 p->path);
	r = start != NULL ? start(&p->opaque, conf, sizeof(*conf)) : 0;
	return rl_neg(r, "start the plug-in %s", p->path);
}

/* `list` is cut into its parts. */
static rl_err load_all(struct host *h, char *list, const struct hdl_plugin_conf *conf)
{
	char *rest = NULL;

	RL_TRY(rl_sys(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &h->sizes),
		      "ask for the size of notifications"));
	/* A plug-in was built with structs of its own time. */
	h->request = calloc(1, h->sizes.seccomp_notif + sizeof(*h->request));
	h->response = calloc(1, h->sizes.seccomp_notif_resp + sizeof(*h->response));
	if (h->request == NULL || h->response == NULL)
		return rl_nomem();
	for (char *one = strtok_r(list, ":", &rest); one != NULL;
	     one = strtok_r(NULL, ":", &rest)) {
		if (h->count == PLUGINS_MAX)
			return rl_refuse(RL_E(E2BIG), "more than %d plug-ins", PLUGINS_MAX);
		h->items[h->count].path = one;
		RL_TRY(load(&h->items[h->count], conf));
		h->count++;
	}
	return h->count > 0 ? RL_OK : rl_refuse(RL_E(EINVAL), "no plug-in is named");
}

/* ---- answering ------------------------------------------------------------------------------- */

/* True if an answer is to be sent. */
static bool ask_plugins(struct host *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct plugin *p = &h->items[i];
		int handled = HDL_PLUGIN_NOT_HANDLED;
		int r = p->handle(p->opaque, &h->sizes, h->request, h->response, h->listener,
				  &handled);

		if (r != 0) {
			h->response->error = r < 0 ? r : -EIO;
			h->response->flags = 0;
			return true;
		}
		switch (handled) {
		case HDL_PLUGIN_SEND:
			return true;
		case HDL_PLUGIN_SEND_CONTINUE:
			h->response->flags |= SECCOMP_USER_NOTIF_FLAG_CONTINUE;
			return true;
		case HDL_PLUGIN_DELAYED:
			return false;
		default:
			break;
		}
	}
	h->response->error = -ENOTSUP;
	return true;
}

/* Whoever waited may have died meanwhile: ENOENT. */
static void answer_one(struct host *h)
{
	memset(h->request, 0, h->sizes.seccomp_notif);
	memset(h->response, 0, h->sizes.seccomp_notif_resp);
	if (ioctl(h->listener, SECCOMP_IOCTL_NOTIF_RECV, h->request) != 0)
		return;
	h->response->id = h->request->id;
	if (!ask_plugins(h))
		return;
	h->response->id = h->request->id;
	(void)ioctl(h->listener, SECCOMP_IOCTL_NOTIF_SEND, h->response);
}

static void serve(struct host *h)
{
	for (;;) {
		struct pollfd p = { h->listener, POLLIN, 0 };

		if (poll(&p, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		/* Nobody is left behind the filter. */
		if (!(p.revents & POLLIN))
			return;
		answer_one(h);
	}
}

/* The message that comes along is for agents that do not know the container yet. -1: none came. */
static int receive_listener(int socket_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char text[4096];
	struct iovec part = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(socket_fd, &m, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	while (recv(socket_fd, text, sizeof(text), 0) > 0)
		;
	return fd;
}

/* ---- the process ----------------------------------------------------------------------------- */

enum { SOCKET_FD = 3, REPORT_FD = 4 };

/* Of everything that the runtime has open it keeps two descriptors: a caller may wait for the end
 * of the others. */
static rl_err detach(int socket_fd, int report_fd)
{
	int null, first, second;

	(void)setsid();
	first = fcntl(socket_fd, F_DUPFD_CLOEXEC, 16);
	second = fcntl(report_fd, F_DUPFD_CLOEXEC, 16);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	RL_TRY(rl_sys(first < 0 || second < 0 ? -1 : null, "prepare the plug-ins' process"));
	for (int i = 0; i < 3; i++)
		RL_TRY(rl_sys(dup2(null, i), "prepare the plug-ins' process"));
	RL_TRY(rl_sys(dup2(first, SOCKET_FD), "prepare the plug-ins' process"));
	RL_TRY(rl_sys(dup2(second, REPORT_FD), "prepare the plug-ins' process"));
	(void)syscall(SYS_close_range, REPORT_FD + 1, ~0U, 0);
	return RL_OK;
}

static _Noreturn void host_main(int socket_fd, int report_fd, char *list,
				const struct hdl_plugin_conf *conf)
{
	struct host h = { 0 };
	rl_err e = detach(socket_fd, report_fd);

	if (rl_failed(e))
		_exit(1);
	e = load_all(&h, list, conf);
	if (rl_failed(e)) {
		rl_drop(rl_write_all(REPORT_FD, e.p, sizeof(*e.p)));
		_exit(1);
	}
	(void)close(REPORT_FD); /* the end of file is the good news */
	h.listener = receive_listener(SOCKET_FD);
	(void)close(SOCKET_FD);
	if (h.listener >= 0)
		serve(&h);
	for (size_t i = 0; i < h.count; i++)
		if (h.items[i].stop != NULL)
			(void)h.items[i].stop(h.items[i].opaque);
	_exit(0);
}

static rl_err hear(int report_fd)
{
	struct rl_error record;
	size_t have = 0;

	while (have < sizeof(record)) {
		ssize_t n = read(report_fd, (char *)&record + have, sizeof(record) - have);

		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "hear the plug-ins' process"));
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have == 0)
		return RL_OK;
	return have == sizeof(record) ? rl_from_record(&record)
				      : rl_fail(RL_E(EPROTO), "hear the plug-ins' process");
}

rl_err hdl_plugins_start(const char *plugins, const struct hdl_plugin_conf *conf,
			 struct rl_fd *ret_agent)
{
	struct rl_fd RL_AUTO_FD ours = { 0 }, theirs = { 0 }, report = { 0 }, tell = { 0 };
	int pair[2];
	char *list;
	pid_t pid;

	RL_TRY(rl_sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		      "make a socket for the plug-ins"));
	ours = rl_fd_own(pair[0]);
	theirs = rl_fd_own(pair[1]);
	RL_TRY(rl_sys(pipe2(pair, O_CLOEXEC), "make a pipe for the plug-ins"));
	report = rl_fd_own(pair[0]);
	tell = rl_fd_own(pair[1]);
	list = strdup(plugins);
	if (list == NULL)
		return rl_nomem();
	pid = fork();
	if (pid == 0)
		host_main(rl_fd_get(&theirs), rl_fd_get(&tell), list, conf);
	free(list);
	RL_TRY(rl_sys(pid, "fork for the plug-ins"));
	rl_fd_close(&tell);
	RL_TRY(hear(rl_fd_get(&report)), "$.annotations[\"run.oci.seccomp.plugins\"]");
	*ret_agent = rl_fd_own(rl_fd_take(&ours));
	return RL_OK;
}
