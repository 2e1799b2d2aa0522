/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plug-in for run.oci.seccomp.plugins: refuses times(2) with EDOM, lets getppid(2) go on, does
 * not know the rest, and writes down what happens to it.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

struct conf {
	const char *runtime_root_path, *name, *bundle_path, *oci_config_path;
};

int run_oci_seccomp_notify_version(void);
int run_oci_seccomp_notify_start(void **opaque, struct conf *conf, size_t size);
int run_oci_seccomp_notify_handle_request(void *opaque, struct seccomp_notif_sizes *sizes,
					  struct seccomp_notif *request,
					  struct seccomp_notif_resp *response, int fd,
					  int *handled);
int run_oci_seccomp_notify_stop(void *opaque);

static void note(const char *bundle, const char *text)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/plugin", bundle);
	f = fopen(path, "a");
	if (f == NULL)
		return;
	fprintf(f, "%s\n", text);
	fclose(f);
}

int run_oci_seccomp_notify_version(void)
{
	return 1;
}

int run_oci_seccomp_notify_start(void **opaque, struct conf *conf, size_t size)
{
	if (size != sizeof(*conf))
		return -EINVAL;
	if (strstr(conf->bundle_path, "refuse") != NULL)
		return -EPERM;
	*opaque = strdup(conf->bundle_path);
	note(conf->bundle_path, conf->name);
	return *opaque != NULL ? 0 : -ENOMEM;
}

int run_oci_seccomp_notify_handle_request(void *opaque, struct seccomp_notif_sizes *sizes,
					  struct seccomp_notif *request,
					  struct seccomp_notif_resp *response, int fd, int *handled)
{
	(void)opaque;
	(void)sizes;
	(void)fd;
	if (request->data.nr == SYS_times) {
		response->error = -EDOM;
		*handled = 1;
	} else if (request->data.nr == SYS_getppid) {
		*handled = 3;
	}
	return 0;
}

int run_oci_seccomp_notify_stop(void *opaque)
{
	note(opaque, "stop");
	free(opaque);
	return 0;
}
