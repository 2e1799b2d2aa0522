/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines without an operating system, on whatever /dev/kvm there is: each case is a process that
 * configures a machine by the public API and becomes it, with a guest of a few instructions.
 *
 *     bare GUESTS_DIR
 */
#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *guests;
static int number, failures;

void must(int32_t result)
{
	if (result < 0) {
		fprintf(stderr, "a setter failed: %s\n", strerror(-result));
		_exit(249);
	}
}

char *guest(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", guests, name);
	return path;
}

void boot(struct machine *m, const char *name)
{
	must(krun_disable_implicit_console(m->ctx));
	must(krun_add_serial_console_default(m->ctx, -1, m->serial));
	must(krun_set_kernel(m->ctx, guest(name), KRUN_KERNEL_FORMAT_ELF, NULL, "from the host"));
	must(krun_set_vm_config(m->ctx, 1, 32));
}

void (*before_context)(void);

static void child(configure_fn *configure, int out, int err)
{
	struct machine m = { .serial = out };
	int32_t result;
	char text[2048];

	dup2(err, STDERR_FILENO);
	alarm(60);
	if (before_context != NULL)
		before_context();
	result = krun_create_ctx();
	must(result);
	m.ctx = (uint32_t)result;
	configure(&m);
	result = krun_start_enter(m.ctx);
	krun_get_last_error(m.ctx, text, sizeof(text));
	dprintf(err, "%d %s\n", result, text);
	_exit(STARTED_WRONG);
}

static void slurp(int fd, char *buf, size_t size)
{
	size_t used = strlen(buf);
	ssize_t n;

	while (used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
}

struct result run(configure_fn *configure, meanwhile_fn *meanwhile)
{
	struct result r = { 0 };
	int out[2], err[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(configure, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (meanwhile)
		meanwhile(pid, out[0]);
	slurp(out[0], r.out, sizeof(r.out));
	slurp(err[0], r.err, sizeof(r.err));
	waitpid(pid, &status, 0);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	if (r.status == STARTED_WRONG) {
		const char *line = strrchr(r.err, '\n');

		/* the last line is the child's */
		while (line > r.err && line[-1] != '\n')
			line--;
		r.returned = atoi(line);
	}
	close(out[0]);
	close(err[0]);
	return r;
}

void verdict(const char *name, int good, const struct result *r)
{
	number++;
	printf("%sok %d - %s\n", good ? "" : "not ", number, name);
	if (good)
		return;
	failures++;
	if (r != NULL)
		printf("# status %d, returned %d, out \"%s\", err \"%s\"\n", r->status, r->returned,
		       r->out, r->err);
}

void wait_for(int fd, const char *text)
{
	char buf[256] = "";
	size_t used = 0;

	while (strstr(buf, text) == NULL && used < sizeof(buf) - 1) {
		ssize_t n = read(fd, buf + used, 1);

		if (n <= 0)
			return;
		used += (size_t)n;
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	guests = argv[1];
	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		printf("1..0 # SKIP /dev/kvm: %s\n", strerror(errno));
		return 0;
	}
	check_runs();
	check_refusals();
	check_rest();
	printf("1..%d\n", number);
	return failures != 0;
}
