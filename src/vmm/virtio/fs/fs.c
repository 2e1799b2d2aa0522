/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs/fs.h"

#include "vmm/log.h"
#include "vmm/virtio/queue.h"

#include <linux/virtio_fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

enum { QUEUE_HIPRIO, QUEUE_REQUEST, QUEUES };

static const uint16_t queue_max[QUEUES] = { 128, 1024 };

#define STACK (256u << 10)

struct fs {
	struct vmm_virtio_device dev;
	struct fs_server *server;
	struct virtio_fs_config config;

	/* The worker's, between activate and reset. */
	bool active;
	pthread_t thread;
	struct rl_fd epoll_fd, stop_fd;
	bool stop; /* atomic */
	struct vmm_virtio_irq *irq;
	struct vmm_queue queue[QUEUES];
	struct vmm_chain chain;
};

static struct fs *fs_of(struct vmm_virtio_device *dev)
{
	return (struct fs *)dev;
}

static bool stopped(const struct fs *f)
{
	return __atomic_load_n(&f->stop, __ATOMIC_ACQUIRE);
}

/* Serves what is in a queue. The reply's interrupt is sent as soon as the guest wants one. */
static void serve(struct fs *f, unsigned index)
{
	struct vmm_queue *q = &f->queue[index];
	struct vmm_chain *c = &f->chain;

	vmm_queue_quiet(q);
	while (!stopped(f)) {
		switch (vmm_queue_pop(q, c)) {
		case VMM_POP_CHAIN:
			break;
		case VMM_POP_EMPTY:
			if (vmm_queue_listen(q))
				continue;
			return;
		case VMM_POP_FAULT:
			vmm_log(VMM_LOG_ERROR, f->dev.name, "the guest broke queue %u: %s", index,
				vmm_queue_fault_text(q->fault));
			*q = (struct vmm_queue){ 0 }; /* said once; empty from now on */
			return;
		}

		size_t written = fs_server_request(f->server, c->segment, c->out_count,
						   vmm_chain_in(c), c->in_count);

		vmm_queue_push(q, c->head, (uint32_t)written);
		if (vmm_queue_wants_interrupt(q))
			vmm_virtio_used(f->irq, (uint16_t)index);
	}
}

static void *work(void *arg)
{
	struct fs *f = arg;
	struct epoll_event event;
	rl_err e = fs_server_enter(f->server);

	prctl(PR_SET_NAME, "fs worker");
	if (rl_failed(e)) {
		vmm_log_drop(VMM_LOG_ERROR, f->dev.name, e);
		return NULL;
	}
	while (!stopped(f)) {
		for (unsigned i = 0; i < QUEUES; i++)
			serve(f, i);
		/*
		 * Edge-triggered: every notification wakes this up once, and none has to be read,
		 * which saves a system call for each request.
		 */
		while (!stopped(f) && epoll_wait(f->epoll_fd.plus_one - 1, &event, 1, -1) < 0 &&
		       errno == EINTR)
			continue;
	}
	return NULL;
}

/* No signal of the process is handled on the worker. */
static rl_err start_thread(struct fs *f)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int result;

	RL_TRY(rl_pos(pthread_attr_init(&attr), "thread attributes"));
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&f->thread, &attr, work, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rl_pos(result, "start the worker thread");
}

static rl_err watch(struct fs *f, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	return rl_sys(epoll_ctl(rl_fd_get(&f->epoll_fd), EPOLL_CTL_ADD, fd, &event),
		      "wait for descriptor %d", fd);
}

static rl_err start(struct fs *f, const struct vmm_virtio_run *run)
{
	RL_TRY(rl_fd_from(epoll_create1(EPOLL_CLOEXEC), &f->epoll_fd, "epoll_create1"));
	RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &f->stop_fd, "eventfd"));
	RL_TRY(watch(f, rl_fd_get(&f->stop_fd)));
	for (unsigned i = 0; i < QUEUES; i++) {
		enum vmm_queue_fault fault =
			vmm_queue_init(&f->queue[i], run->mem, &run->queue[i], run->features);

		if (fault != VMM_QUEUE_FINE)
			return rl_refuse(RL_E(EINVAL), "queue %u: %s", i,
					 vmm_queue_fault_text(fault));
		if (run->queue[i].ready)
			RL_TRY(watch(f, run->queue[i].kick_fd));
	}
	if (f->dev.shm[0].host != NULL)
		fs_server_window(f->server, &f->dev.shm[0]);
	f->irq = run->irq;
	f->stop = false;
	return start_thread(f);
}

static void close_all(struct fs *f)
{
	rl_fd_close(&f->epoll_fd);
	rl_fd_close(&f->stop_fd);
	memset(f->queue, 0, sizeof(f->queue));
	fs_server_reset(f->server);
	fs_server_window(f->server, NULL);
}

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	struct fs *f = fs_of(dev);
	rl_err e = start(f, run);

	if (rl_failed(e))
		close_all(f);
	else
		f->active = true;
	return e;
}

static void reset(struct vmm_virtio_device *dev)
{
	struct fs *f = fs_of(dev);

	if (!f->active)
		return;
	__atomic_store_n(&f->stop, true, __ATOMIC_RELEASE);
	eventfd_write(rl_fd_get(&f->stop_fd), 1);
	pthread_join(f->thread, NULL);
	f->active = false;
	close_all(f);
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
	if (f->server != NULL)
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
	*ret = &f->dev;
	return RL_OK;
}
