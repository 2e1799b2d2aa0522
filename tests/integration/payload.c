// SPDX-License-Identifier: Apache-2.0

#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

const char *payload_errno_name(int error)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },
		{ ENOENT, "ENOENT" },
		{ EIO, "EIO" },
		{ ENXIO, "ENXIO" },
		{ EBADF, "EBADF" },
		{ EAGAIN, "EAGAIN" },
		{ ENOMEM, "ENOMEM" },
		{ EACCES, "EACCES" },
		{ EFAULT, "EFAULT" },
		{ EBUSY, "EBUSY" },
		{ EEXIST, "EEXIST" },
		{ EXDEV, "EXDEV" },
		{ ENODEV, "ENODEV" },
		{ ENOTDIR, "ENOTDIR" },
		{ EISDIR, "EISDIR" },
		{ EINVAL, "EINVAL" },
		{ ENOTTY, "ENOTTY" },
		{ ETXTBSY, "ETXTBSY" },
		{ EROFS, "EROFS" },
		{ ENOSYS, "ENOSYS" },
		{ ELOOP, "ELOOP" },
		{ ESRCH, "ESRCH" },
		{ ENOSPC, "ENOSPC" },
		{ EDOM, "EDOM" },
		{ EADDRINUSE, "EADDRINUSE" },
		{ ENOTSUP, "ENOTSUP" },
		{ ENOEXEC, "ENOEXEC" },
		{ ECONNREFUSED, "ECONNREFUSED" },
		{ ENETUNREACH, "ENETUNREACH" },
	};
	static char number[16];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].number == error)
			return names[i].name;
	snprintf(number, sizeof number, "%d", error);
	return number;
}

void payload_outcome(const char *key, long result)
{
	printf("%s=%s\n", key, result >= 0 ? "ok" : payload_errno_name(errno));
}

const char *payload_slurp(const char *path)
{
	static char text[65536];
	size_t used = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	while ((got = read(fd, text + used, sizeof text - 1 - used)) > 0)
		used += (size_t)got;
	int error = got < 0 ? errno : 0;
	close(fd);
	if (error != 0) {
		errno = error;
		return NULL;
	}
	if (used > 0 && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return text;
}

static const struct payload_command *const tables[] = {
	payload_report_commands,
	payload_try_commands,
	payload_act_commands,
	payload_attack_commands,
};

static const struct payload_command *find(const char *name)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct payload_command *c = tables[t]; c->name != NULL; c++)
			if (strcmp(c->name, name) == 0)
				return c;
	return NULL;
}

static int usage(const char *name)
{
	fprintf(stderr, "payload: no command '%s'; there are:\n", name);
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct payload_command *c = tables[t]; c->name != NULL; c++)
			fprintf(stderr, "  %s %s\n", c->name, c->arguments);
	return 64;
}

// Runs the command at argv[0], which ends at `+` or at the end; gives the words used.
static int run_one(int argc, char **argv, int *ret_used)
{
	const struct payload_command *c = find(argv[0]);
	int words = 1;

	if (c == NULL)
		return usage(argv[0]);
	while (words < argc && strcmp(argv[words], "+") != 0)
		words++;
	*ret_used = words < argc ? words + 1 : words;
	char *end = argv[words];
	argv[words] = NULL;
	int status = c->run(words - 1, argv + 1);
	argv[words] = end;
	return status;
}

int main(int argc, char **argv)
{
	char *report[] = { (char *)"report", NULL };
	int used = 0, status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return run_one(1, report, &used);
	for (int i = 1; i < argc && status == 0; i += used)
		status = run_one(argc - i, argv + i, &used);
	fflush(stdout);
	return status;
}
