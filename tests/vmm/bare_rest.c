/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine costs while its guest does nothing: threads, wake-ups, memory. Counts, no times.
 */
#include "bare.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUEST_KIB (32l << 10) /* what boot() gives */
#define PRIVATE_KIB 3072l     /* of the process, without the guest's */

struct rest {
	int threads;
	long switches; /* of all threads, in half a second */
	long private;  /* KiB of written or own pages outside of the guest's memory */
};

static struct rest seen;

/* The sum of "NAME: number" in a file of /proc. */
static long sum(const char *path, const char *const name[], size_t count)
{
	FILE *f = fopen(path, "re");
	char line[256];
	long total = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		for (size_t i = 0; i < count; i++) {
			if (strncmp(line, name[i], strlen(name[i])) == 0)
				total += strtol(line + strlen(name[i]), NULL, 10);
		}
	}
	if (f != NULL)
		fclose(f);
	return total;
}

static long switches(pid_t pid, int *ret_threads)
{
	static const char *const name[] = { "voluntary_ctxt_switches:",
					    "nonvoluntary_ctxt_switches:" };
	char path[320];
	struct dirent *d;
	long total = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	*ret_threads = 0;
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, d->d_name);
		total += sum(path, name, 2);
		++*ret_threads;
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

/* Private pages of every mapping but the guest's memory, which is the one that is no smaller. */
static long private_kib(pid_t pid)
{
	char path[64], line[256];
	long total = 0, size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Size:", 5) == 0)
			size = strtol(line + 5, NULL, 10);
		else if (strncmp(line, "Private_", 8) == 0 && size < GUEST_KIB)
			total += strtol(strchr(line, ':') + 1, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return total;
}

static void look(pid_t pid, int out)
{
	long before;

	wait_for(out, "ready");
	usleep(300000); /* the last of the start */
	before = switches(pid, &seen.threads);
	usleep(500000);
	seen.switches = switches(pid, &seen.threads) - before;
	seen.private = private_kib(pid);
	kill(pid, SIGTERM);
	usleep(100000);
	kill(pid, SIGTERM); /* nobody in there listens to the first */
}

static void idle(struct machine *m)
{
	boot(m, "spin.elf");
	must(krun_add_virtiofs(m->ctx, "t", "/tmp"));
	must(krun_add_virtio_console_default(m->ctx, -1, m->serial, -1));
}

static void idle_smp(struct machine *m)
{
	idle(m);
	must(krun_set_vm_config(m->ctx, 4, 32));
}

static void check(const char *name, configure_fn *configure, int threads)
{
	struct result r = run(configure, look);
	char line[160];

	snprintf(line, sizeof(line), "%s: %d threads, %ld wake-ups, %ld KiB of its own", name,
		 seen.threads, seen.switches, seen.private);
#ifdef SANITIZED
	verdict(line, seen.threads > 0, &r); /* a sanitizer has threads and memory of its own */
	(void)threads;
#else
	verdict(line,
		seen.threads > 0 && seen.threads <= threads && seen.switches == 0 &&
			seen.private > 0 && seen.private <= PRIVATE_KIB,
		&r);
#endif
}

void check_rest(void)
{
	check("at rest, 1 vCPU", idle, 1 + 2);
	check("at rest, 4 vCPUs", idle_smp, 4 + 2);
}
