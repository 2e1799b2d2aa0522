/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/passt.h"

#include "base/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "passt"

/* ---- finding --------------------------------------------------------------------------------- */

static rl_err find_in(struct rl_arena *a, const char *dirs, const char **ret)
{
	for (const char *at = dirs, *end; at != NULL; at = *end == ':' ? end + 1 : NULL) {
		const char *path;

		end = strchrnul(at, ':');
		/* A relative directory would depend on where we were called. */
		if (*at != '/')
			continue;
		RL_TRY(rl_arena_fmt(a, &path, "%.*s/" NAME, (int)(end - at), at));
		if (access(path, X_OK) == 0) {
			*ret = path;
			return RL_OK;
		}
	}
	return RL_OK;
}

rl_err passt_find(struct rl_arena *a, const char **ret_path)
{
	const char *path = getenv("PATH");

	*ret_path = NULL;
	if (path != NULL)
		RL_TRY(find_in(a, path, ret_path));
	if (*ret_path == NULL)
		RL_TRY(find_in(a, "/usr/local/bin:/usr/bin:/bin", ret_path));
	return RL_OK;
}

rl_err passt_open(const char *path, struct rl_fd *ret_program)
{
	return rl_fd_from(open(path, O_PATH | O_CLOEXEC), ret_program, "open network helper %s",
			  path);
}

/* ---- starting -------------------------------------------------------------------------------- */

struct start {
	int program_fd;
	const struct passt_wish *wish;
	struct rl_fd ours, theirs;   /* the socket */
	struct rl_fd errors, output; /* the pipe of its stderr: read and write end */
};

static void start_close(struct start *s)
{
	rl_fd_close(&s->ours);
	rl_fd_close(&s->theirs);
	rl_fd_close(&s->errors);
	rl_fd_close(&s->output);
}

/* Its end of the socket stays open in the program; all else is close-on-exec. */
static void execute(const struct start *s)
{
	char fd[16], *argv[12];
	char *const envp[] = { NULL };
	int n = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)snprintf(fd, sizeof(fd), "%d", rl_fd_get(&s->theirs));
	argv[n++] = (char *)(uintptr_t)NAME;
	argv[n++] = (char *)(uintptr_t) "--quiet";
	argv[n++] = (char *)(uintptr_t) "--fd";
	argv[n++] = fd;
	argv[n++] = (char *)(uintptr_t) "--no-map-gw";
	if (s->wish->open_ports) {
		argv[n++] = (char *)(uintptr_t) "-t";
		argv[n++] = (char *)(uintptr_t) "all";
		argv[n++] = (char *)(uintptr_t) "-u";
		argv[n++] = (char *)(uintptr_t) "all";
	}
	argv[n] = NULL;
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(rl_fd_get(&s->output), STDERR_FILENO) < 0 ||
	    fcntl(rl_fd_get(&s->theirs), F_SETFD, 0) < 0)
		return;
	(void)syscall(SYS_execveat, s->program_fd, "", argv, envp, AT_EMPTY_PATH);
	/* The reason goes where the program's own would. */
	(void)dprintf(STDERR_FILENO, "%s\n", strerror(errno));
}

/* The last line that is not empty, of what has been written until the end of the pipe. */
static void read_last_line(int fd, char line[static 256])
{
	char text[4096];
	size_t used = 0, end, start;
	ssize_t n;

	for (;;) {
		n = read(fd, text + used, sizeof(text) - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
		if (used == sizeof(text)) { /* keep the later half */
			memmove(text, text + sizeof(text) / 2, sizeof(text) / 2);
			used = sizeof(text) / 2;
		}
	}
	for (end = used; end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\0');)
		end--;
	for (start = end; start > 0 && text[start - 1] != '\n';)
		start--;
	if (end - start > 255)
		end = start + 255;
	memcpy(line, text + start, end - start);
	line[end - start] = '\0';
}

static rl_err judge(const char *path, int status, const char *line)
{
	const char *colon = *line != '\0' ? ": " : "";

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return RL_OK;
	if (WIFSIGNALED(status))
		return rl_refuse(RL_E(ECHILD), "network helper %s: killed by signal %d%s%s", path,
				 WTERMSIG(status), colon, line);
	return rl_refuse(RL_E(ECHILD), "network helper %s: exit status %d%s%s", path,
			 WEXITSTATUS(status), colon, line);
}

/*
 * passt(1) gives its privilege up before it opens ports. In a namespace of the container's own,
 * low ports need none; where that cannot be had they stay closed.
 */
static void allow_low_ports(void)
{
	char ours[64] = "", hosts[64] = "";
	int fd;

	if (readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) < 0 ||
	    readlink("/proc/1/ns/net", hosts, sizeof(hosts) - 1) < 0 || strcmp(ours, hosts) == 0)
		return;
	fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		errno = 0;
	if (fd >= 0)
		(void)close(fd);
}

rl_err passt_start(int program_fd, const char *path, const struct passt_wish *wish,
		   struct rl_fd *ret_socket)
{
	struct start __attribute__((cleanup(start_close)))
	s = { .program_fd = program_fd, .wish = wish };
	int pair[2], pipe_fds[2], status;
	char line[256] = "";
	pid_t pid;

	if (wish->open_ports)
		allow_low_ports();
	RL_TRY(rl_sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair),
		      "make a socket pair for %s", path));
	s.ours = rl_fd_own(pair[0]);
	s.theirs = rl_fd_own(pair[1]);
	RL_TRY(rl_sys(pipe2(pipe_fds, O_CLOEXEC), "make a pipe for %s", path));
	s.errors = rl_fd_own(pipe_fds[0]);
	s.output = rl_fd_own(pipe_fds[1]);
	pid = fork();
	RL_TRY(rl_sys(pid, "fork for %s", path));
	if (pid == 0) {
		execute(&s);
		_exit(127);
	}
	rl_fd_close(&s.theirs);
	rl_fd_close(&s.output);
	/* In the background it has another stderr, so the pipe ends when it is ready. */
	read_last_line(rl_fd_get(&s.errors), line);
	RL_TRY(rl_wait_raw(pid, &status), "wait for %s", path);
	RL_TRY(judge(path, status, line));
	*ret_socket = rl_fd_own(rl_fd_take(&s.ours));
	return RL_OK;
}
