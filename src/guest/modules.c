/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/modules.h"

#include "guest/fail.h"
#include "guest/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load(const char *path, int may_fail)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* The kernel judges the file: format, version, and that it is not loaded already. */
	if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0)
		errno = 0;
	if (fd >= 0) {
		int code = errno;

		close(fd);
		errno = code;
	}
	if (errno == 0 || errno == EEXIST)
		return;
	if (!may_fail)
		gst_fail("load the kernel module %s", path);
}

void gst_load_modules(void)
{
	FILE *list = fopen(GST_MODULE_LIST, "re");
	char line[512];

	if (list == NULL)
		return;
	while (fgets(line, sizeof(line), list) != NULL) {
		char *mark;

		line[strcspn(line, "\n")] = '\0';
		mark = strstr(line, " ?");
		if (mark != NULL)
			*mark = '\0';
		if (line[0] != '\0')
			load(line, mark != NULL);
	}
	fclose(list);
}
