/* SPDX-License-Identifier: Apache-2.0 */
/* A network helper that does what a script beside it says: it is executed by descriptor. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char sh[] = "sh", path[PATH_MAX + 4] = "", *words[32] = { sh, path };
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n < 0)
		return 126;
	(void)snprintf(path + n, 4, ".sh");
	for (int i = 1; i < argc && i < 30; i++)
		words[i + 1] = argv[i];
	setenv("PATH", "/usr/bin:/bin", 1);
	(void)execv("/bin/sh", words);
	return 127;
}
