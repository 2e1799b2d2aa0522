/* SPDX-License-Identifier: Apache-2.0 */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_SIZE ((size_t)1 << 16)

static char script[1024];
static char *text; /* of the log, to its first NUL */

/*
 * The module's process has another environment, another root and no descriptors: the file is
 * reached by its memory.
 */
__attribute__((constructor)) static void prepare(void)
{
	const char *path = getenv("FAKE_WASM_LOG");
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;

	(void)snprintf(script, sizeof(script), " %s", getenv("FAKE_WASM") ?: "");
	if (fd < 0)
		return;
	if (ftruncate(fd, LOG_SIZE) == 0)
		text = mmap(NULL, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED)
		text = NULL;
	(void)close(fd);
	note("loaded\n");
}

void note(const char *fmt, ...)
{
	va_list args;
	size_t at;

	if (text == NULL)
		return;
	at = strlen(text);
	va_start(args, fmt);
	(void)vsnprintf(text + at, LOG_SIZE - at, fmt, args);
	va_end(args);
}

void note_list(const char *what, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		note("%s %zu %s\n", what, i, list[i]);
	note("%s count %zu\n", what, count);
}

const char *word_for(const char *function)
{
	static char word[64];
	char key[80];
	const char *at;

	(void)snprintf(key, sizeof(key), " %s=", function);
	at = strstr(script, key);
	if (at == NULL)
		return NULL;
	at += strlen(key);
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, " "), at);
	return word;
}

bool fails(const char *function)
{
	const char *word = word_for(function);

	return word != NULL && strcmp(word, "fails") == 0;
}

static void note_status(void)
{
	static const char *const wanted[] = { "Name:",	     "Uid:",	"Gid:",	   "Groups:",
					      "NoNewPrivs:", "CapEff:", "CapBnd:", "Seccomp:" };
	FILE *f = fopen("/proc/self/status", "re");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				note("status %s", line);
	if (f != NULL)
		(void)fclose(f);
}

static void note_self(void)
{
	char cwd[256] = "?", exe[256] = "?";
	int open_fds = 0;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	for (int fd = 3; fd < 1024; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0;
	note("descriptors %d\n", open_fds);
	note("cwd %s\n", getcwd(cwd, sizeof(cwd)) != NULL ? cwd : strerror(errno));
	exe[n > 0 ? n : 0] = '\0';
	note("exe %s\n", exe);
	n = open("/proc/self/exe", O_WRONLY | O_CLOEXEC);
	note("exe is %s\n", n >= 0 ? "writable" : strerror(errno));
	note("mkdir %s\n", mkdir("/made", 0755) == 0 ? "works" : strerror(errno));
	note("environment %s\n", environ == NULL || environ[0] == NULL ? "empty" : environ[0]);
}

enum fake_end fake_start(int *ret_status)
{
	const char *word = word_for("start") ?: "return";

	note("start\n");
	note_status();
	note_self();
	(void)!write(STDOUT_FILENO, "module runs\n", 12);
	while (strcmp(word, "wait") == 0)
		(void)pause();
	*ret_status = 0;
	if (strcmp(word, "trap") == 0)
		return FAKE_TRAPS;
	if (strncmp(word, "exit:", 5) != 0)
		return FAKE_RETURNS;
	*ret_status = (int)strtol(word + 5, NULL, 10);
	return FAKE_EXITS;
}
