/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/fs.h"

#include "vmm/virtio/worker.h"

#include <linux/virtio_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_HIPRIO, QUEUE_REQUEST, QUEUES };

static const uint16_t queue_max[QUEUES] = { 128, 1024 };

struct fs {
	struct vmm_virtio_device dev;
	struct fs_server *server;
	struct virtio_fs_config config;
	struct vmm_worker worker;
};

static struct fs *fs_of(struct vmm_virtio_device *dev)
{
	return (struct fs *)dev;
}

static rl_err enter(void *arg)
{
	struct fs *f = arg;

	return fs_server_enter(f->server);
}

static uint32_t serve(void *arg, unsigned queue, struct vmm_chain *c)
{
	struct fs *f = arg;

	(void)queue;
	return (uint32_t)fs_server_request(f->server, c->segment, c->out_count, vmm_chain_in(c),
					   c->in_count);
}

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	static const struct vmm_worker_ops worker = {
		.thread_name = "fs worker",
		.enter = enter,
		.serve = serve,
	};
	struct fs *f = fs_of(dev);

	if (dev->shm[0].host != NULL)
		fs_server_window(f->server, &dev->shm[0]);
	return vmm_worker_start(&f->worker, run, &worker, f, dev->name);
}

static void reset(struct vmm_virtio_device *dev)
{
	struct fs *f = fs_of(dev);

	vmm_worker_stop(&f->worker);
	fs_server_reset(f->server);
	fs_server_window(f->server, NULL);
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	const struct fs *f = fs_of(dev);

	memset(buf, 0, len);
	if (offset < sizeof(f->config)) {
		size_t left = sizeof(f->config) - offset;

		memcpy(buf, (const uint8_t *)&f->config + offset, len < left ? len : left);
	}
}

static void fs_free(struct vmm_virtio_device *dev)
{
	struct fs *f = fs_of(dev);

	reset(dev);
	fs_server_free(f->server);
	free(f);
}

static const struct vmm_virtio_ops ops = {
	.activate = activate,
	.reset = reset,
	.config_read = config_read,
	.free = fs_free,
};

rl_err vmm_fs_new(const struct vmm_virtio_env *env, const struct vmm_fs_config *config,
		  struct vmm_virtio_device **ret)
{
	size_t tag = strlen(config->tag);
	struct fs *f;
	rl_err e;

	if (tag == 0 || tag > VMM_FS_TAG_MAX)
		return rl_refuse(RL_E(ENAMETOOLONG), "file system tag \"%s\" (1 to %d bytes)",
				 config->tag, VMM_FS_TAG_MAX);
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return rl_nomem();
	f->dev = (struct vmm_virtio_device){
		.ops = &ops,
		.id = VIRTIO_ID_FS,
		.features = VMM_F_RING,
		.queue_count = QUEUES,
		.queue_max = queue_max,
		.shm[0] = { .id = VIRTIO_FS_SHMCAP_ID_CACHE, .size = config->window },
	};
	snprintf(f->dev.name, sizeof(f->dev.name), "fs %s", config->tag);
	memcpy(f->config.tag, config->tag, tag);
	f->config.num_request_queues = 1;
	e = fs_server_new(config, env, &f->server);
	if (rl_failed(e)) {
		free(f);
		return e;
	}
	vmm_worker_prepare(&f->worker);
	*ret = &f->dev;
	return RL_OK;
}
