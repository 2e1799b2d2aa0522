/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files, without a fuzzer: every file as it is, then changed in many small
 * ways. The changes follow from the file's bytes alone, so a failure comes again.
 *
 *     fuzz_NAME FILE|DIRECTORY...
 *
 * The same target under libFuzzer: compile NAME.c and its sources, without this file, by
 * clang -fsanitize=fuzzer,address,undefined.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT (1 << 20)
#define CHANGES 400

/* The bytes at the end of their allocation, so that a read beyond is seen by ASan. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (copy == NULL)
		abort();
	memmove(copy, bytes, len);
	copy = realloc(copy, len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* One change: a byte set, a piece taken out, or a piece said twice. */
static size_t change(uint8_t *bytes, size_t len, uint32_t *state)
{
	static const char likely[] = "0123456789-+.eE\"\\/{}[]:, \n\t\x7f\xff\xc3nulltrue";
	size_t at = next(state) % len, n = next(state) % 16 + 1;

	if (n > len - at)
		n = len - at;
	switch (next(state) % 4) {
	case 0:
		bytes[at] = (uint8_t)likely[next(state) % (sizeof(likely) - 1)];
		return len;
	case 1:
		bytes[at] ^= (uint8_t)(1u << next(state) % 8);
		return len;
	case 2:
		memmove(bytes + at, bytes + at + n, len - at - n);
		return len - n;
	default:
		memmove(bytes + at + n, bytes + at, len - at);
		return len + n;
	}
}

static int run_file(const char *path)
{
	uint8_t *bytes = malloc(FILE_LIMIT), *changed = malloc(FILE_LIMIT + 64);
	FILE *f = fopen(path, "rb");
	uint32_t state = 2463534242u;
	size_t len;

	if (f == NULL || bytes == NULL || changed == NULL) {
		perror(path);
		return 1;
	}
	len = fread(bytes, 1, FILE_LIMIT, f);
	fclose(f);
	run(bytes, len);
	for (size_t i = 0; i < len; i++)
		state = (state ^ bytes[i]) * 16777619u | 1u;
	for (int i = 0; len > 0 && i < CHANGES; i++) {
		memcpy(changed, bytes, len);
		run(changed, change(changed, len, &state));
		run(bytes, next(&state) % len);
	}
	free(bytes);
	free(changed);
	return 0;
}

static int run_path(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int failures = 0, files = 0;

	if (d == NULL)
		return run_file(path);
	while ((entry = readdir(d)) != NULL) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		failures += run_file(name);
		files++;
	}
	closedir(d);
	printf("%s: %d files\n", path, files);
	return files == 0 ? 1 : failures;
}

int main(int argc, char **argv)
{
	int failures = argc < 2;

	for (int i = 1; i < argc; i++)
		failures += run_path(argv[i]);
	return failures ? 1 : 0;
}
