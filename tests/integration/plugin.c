/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plug-in for run.oci.seccomp.plugins: refuses times(2) with EDOM, lets getppid(2) go on, answers
 * sync(2) later, by itself, does not know the rest, and writes down what happens to it.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

struct later {
	struct seccomp_notif_resp response;
	int fd;
};

static void *answer_later(void *of)
{
	struct later *later = of;

	usleep(50000);
	ioctl(later->fd, SECCOMP_IOCTL_NOTIF_SEND, &later->response);
	free(later);
	return NULL;
}

static int delay(int fd, uint64_t id)
{
	struct later *later = calloc(1, sizeof(*later));
	pthread_t thread;

	if (later == NULL)
		return -ENOMEM;
	later->fd = fd;
	later->response.id = id;
	later->response.error = -ENXIO;
	if (pthread_create(&thread, NULL, answer_later, later) != 0)
		return -EAGAIN;
	return -pthread_detach(thread);
}

int run_oci_seccomp_notify_handle_request(void *opaque, struct seccomp_notif_sizes *sizes,
					  struct seccomp_notif *request,
					  struct seccomp_notif_resp *response, int fd, int *handled)
{
	(void)sizes;
	if (request->data.nr == SYS_times) {
		response->error = -EDOM;
		*handled = 1;
	} else if (request->data.nr == SYS_getppid) {
		*handled = 3;
	} else if (request->data.nr == SYS_sync) {
		*handled = 2;
		return delay(fd, request->id);
	} else {
		note(opaque, "asked");
	}
	return 0;
}

int run_oci_seccomp_notify_stop(void *opaque)
{
	note(opaque, "stop");
	free(opaque);
	return 0;
}
