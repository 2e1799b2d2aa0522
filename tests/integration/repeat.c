// SPDX-License-Identifier: Apache-2.0
//
// Runs a program many times, one after another, and says what a run cost at the beginning and at
// the end.
//
//     repeat COUNT PROGRAM [ARGUMENT]...
//
// In the arguments @ stands for the number of the run. Each has to end with status 0. The costs are
// medians of the first and the last tenth: page faults of the program and of what it waited for,
// KiB of memory at its peak, microseconds.

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAULTS, PEAK, MICROSECONDS, COSTS };

static const char *const names[COSTS] = { "faults", "peak", "us" };

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

// The word with each @ replaced by the number.
static char *numbered(const char *word, unsigned long number)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (; *word != '\0'; word++) {
		if (*word == '@')
			fprintf(out, "%lu", number);
		else
			fputc(*word, out);
	}
	fclose(out);
	return text;
}

static int run(char **argv, unsigned long number, long cost[COSTS])
{
	struct rusage usage;
	double before = microseconds();
	int status;
	pid_t pid = -1;
	char *words[64];
	size_t count = 0;

	for (; argv[count] != NULL && count < 63; count++)
		words[count] = numbered(argv[count], number);
	words[count] = NULL;
	errno = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);
	if (errno != 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("repeat");
		return -1;
	}
	while (count > 0)
		free(words[--count]);
	cost[FAULTS] = usage.ru_minflt + usage.ru_majflt;
	cost[PEAK] = usage.ru_maxrss;
	cost[MICROSECONDS] = (long)(microseconds() - before);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "repeat: number %lu ended with status 0x%x\n", number, (unsigned)status);
	return -1;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void say(const char *when, long (*costs)[COSTS], unsigned long count)
{
	long *column = calloc(count, sizeof *column);

	if (column == NULL)
		exit(2);
	for (size_t which = 0; which < COSTS; which++) {
		for (unsigned long i = 0; i < count; i++)
			column[i] = costs[i][which];
		qsort(column, count, sizeof *column, compare);
		printf("%s.%s=%ld\n", when, names[which], column[count / 2]);
	}
	free(column);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long tenth = count < 10 ? 1 : count / 10;

	if (count == 0) {
		fprintf(stderr, "usage: repeat COUNT PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	long(*costs)[COSTS] = calloc(count, sizeof *costs);
	if (costs == NULL)
		return 2;
	for (unsigned long i = 0; i < count; i++) {
		if (run(argv + 2, i + 1, costs[i]) != 0)
			return 1;
	}
	printf("runs=%lu\n", count);
	say("first", costs, tenth);
	say("last", costs + (count - tenth), tenth);
	free(costs);
	return 0;
}
