/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/blk.h"

#include "vmm/log.h"
#include "vmm/mem/le.h"
#include "vmm/virtio/worker.h"

#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u
#define QUEUE_SIZE 256

static const uint16_t queue_max[] = { QUEUE_SIZE };

/* 5.2.3 */
#define F_SEG_MAX (1ull << 2)
#define F_RO (1ull << 5)
#define F_FLUSH (1ull << 9)
#define F_DISCARD (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

/* 5.2.6 */
enum type { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };

enum status { OK = 0, IOERR = 1, UNSUPP = 2 };

struct request {
	struct le32 type, reserved;
	struct le64 sector;
};

/* Of DISCARD and WRITE_ZEROES. */
struct range {
	struct le64 sector;
	struct le32 count, flags;
};

#define RANGE_UNMAP 1
#define RANGES_MAX 32
#define RANGE_SECTORS_MAX (1u << 22) /* 2 GiB in one request */

/* 5.2.4 */
struct config {
	struct le64 capacity;
	struct le32 size_max, seg_max;
	uint8_t geometry[4];
	struct le32 blk_size;
	uint8_t topology[8];
	uint8_t writeback, unused0;
	struct le16 num_queues;
	struct le32 max_discard_sectors, max_discard_seg, discard_alignment;
	struct le32 max_write_zeroes_sectors, max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap, unused1[3];
} __attribute__((packed));
_Static_assert(sizeof(struct config) == 60, "wire format");

struct blk {
	struct vmm_virtio_device dev;
	struct config config;
	struct rl_fd fd;
	uint64_t size; /* bytes, whole sectors */
	char id[20];
	struct vmm_worker worker;
};

static struct blk *blk_of(struct vmm_virtio_device *dev)
{
	return (struct blk *)dev;
}

/* ---- Requests -----------------------------------------------------------------------------------
 */

/* Bytes [*ret_at, + len) of a request that starts at `sector`, if they are on the disk. */
static bool place(const struct blk *b, uint64_t sector, uint64_t len, off_t *ret_at)
{
	if (sector > b->size / SECTOR || len > b->size - sector * SECTOR || len % SECTOR != 0)
		return false;
	*ret_at = (off_t)(sector * SECTOR);
	return true;
}

static enum status failed(const struct blk *b, const char *what, off_t at)
{
	int code = errno;

	if (code == EOPNOTSUPP)
		return UNSUPP;
	vmm_log(VMM_LOG_ERROR, b->dev.name, "%s at offset %lld: %s", what, (long long)at,
		strerror(code));
	return IOERR;
}

/* Moves `len` bytes between the disk and the segments at `c`. */
static enum status transfer(struct blk *b, struct vmm_cursor *c, size_t len, off_t at, bool write)
{
	while (len > 0) {
		struct iovec segment[VMM_CHAIN_SEGMENTS];
		struct vmm_cursor mark = *c;
		size_t taken;
		int count = (int)vmm_cursor_take(&mark, len, segment, VMM_CHAIN_SEGMENTS, &taken);
		ssize_t n = write ? pwritev(rl_fd_get(&b->fd), segment, count, at)
				  : preadv(rl_fd_get(&b->fd), segment, count, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(b, write ? "write" : "read", at);
		if (n == 0) { /* somebody made the image shorter */
			errno = EIO;
			return failed(b, write ? "write" : "read", at);
		}
		(void)vmm_cursor_skip(c, (size_t)n);
		len -= (size_t)n;
		at += n;
	}
	return OK;
}

static enum status clear(struct blk *b, const struct range *r, bool discard)
{
	uint64_t len = (uint64_t)le32_get(r->count) * SECTOR;
	uint32_t flags = le32_get(r->flags);
	bool unmap = discard || flags & RANGE_UNMAP;
	off_t at;

	/* 5.2.6.2: the only flag there is, and not for DISCARD. */
	if (flags & ~(discard ? 0u : RANGE_UNMAP))
		return UNSUPP;
	if (le32_get(r->count) > RANGE_SECTORS_MAX || !place(b, le64_get(r->sector), len, &at))
		return IOERR;
	if (len == 0)
		return OK;
	if (unmap && fallocate(rl_fd_get(&b->fd), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
			       (off_t)len) == 0)
		return OK;
	/* Discarding is a hint; zeroes are an order, and may be kept allocated. */
	if (discard)
		return errno == EOPNOTSUPP ? OK : failed(b, "discard", at);
	if (fallocate(rl_fd_get(&b->fd), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, at,
		      (off_t)len) == 0)
		return OK;
	return failed(b, "write zeroes", at);
}

static enum status clear_all(struct blk *b, struct vmm_cursor *from, bool discard)
{
	struct range r;
	unsigned n = 0;

	if (from->left == 0 || from->left % sizeof(r) != 0 || from->left / sizeof(r) > RANGES_MAX)
		return UNSUPP;
	for (; vmm_cursor_read(from, &r, sizeof(r)); n++) {
		enum status s = clear(b, &r, discard);

		if (s != OK)
			return s;
	}
	return OK;
}

static bool writes(uint32_t type)
{
	return type == OUT || type == DISCARD || type == WRITE_ZEROES;
}

/* `from` is behind the request's header, `to` without the final status byte. */
static enum status serve_type(struct blk *b, const struct request *r, struct vmm_cursor *from,
			      struct vmm_cursor *to)
{
	uint64_t sector = le64_get(r->sector);
	uint32_t type = le32_get(r->type);
	off_t at;

	if (b->dev.features & F_RO && writes(type))
		return IOERR;
	switch ((enum type)type) {
	case IN:
		return place(b, sector, to->left, &at) ? transfer(b, to, to->left, at, false)
						       : IOERR;
	case OUT:
		return place(b, sector, from->left, &at) ? transfer(b, from, from->left, at, true)
							 : IOERR;
	case FLUSH:
		return fdatasync(rl_fd_get(&b->fd)) == 0 ? OK : failed(b, "flush", 0);
	case GET_ID:
		return vmm_cursor_write(to, b->id, sizeof(b->id)) ? OK : IOERR;
	case DISCARD:
	case WRITE_ZEROES:
		return clear_all(b, from, type == DISCARD);
	}
	return UNSUPP;
}

static uint32_t serve(void *arg, unsigned queue, struct vmm_chain *c)
{
	struct blk *b = arg;
	struct vmm_cursor from = vmm_cursor_at(c->segment, c->out_count);
	struct vmm_cursor to = vmm_cursor_at(vmm_chain_in(c), c->in_count);
	struct vmm_cursor last = to;
	struct request r;
	size_t room = to.left;
	uint8_t status;

	(void)queue;
	/* The status is the last writable byte; without a place for it nothing is done. */
	if (room == 0 || !vmm_cursor_read(&from, &r, sizeof(r)))
		return 0;
	to.left = room - 1;
	status = serve_type(b, &r, &from, &to);
	(void)vmm_cursor_skip(&last, room - 1);
	(void)vmm_cursor_write(&last, &status, 1);
	/* All of it may have been written; a used length that is too long hides nothing. */
	return (uint32_t)(status == OK ? room : 1);
}

/* ---- The device ---------------------------------------------------------------------------------
 */

static rl_err activate(struct vmm_virtio_device *dev, const struct vmm_virtio_run *run)
{
	static const struct vmm_worker_ops worker = {
		.thread_name = "disk worker",
		.serve = serve,
	};

	return vmm_worker_start(&blk_of(dev)->worker, run, &worker, dev, dev->name);
}

static void reset(struct vmm_virtio_device *dev)
{
	vmm_worker_stop(&blk_of(dev)->worker);
}

static void config_read(struct vmm_virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	const struct blk *b = blk_of(dev);

	memset(buf, 0, len);
	if (offset < sizeof(b->config)) {
		size_t left = sizeof(b->config) - offset;

		memcpy(buf, (const uint8_t *)&b->config + offset, len < left ? len : left);
	}
}

static void blk_free(struct vmm_virtio_device *dev)
{
	struct blk *b = blk_of(dev);

	reset(dev);
	rl_fd_close(&b->fd);
	free(b);
}

static const struct vmm_virtio_ops ops = {
	.activate = activate,
	.reset = reset,
	.config_read = config_read,
	.free = blk_free,
};

/* Two machines that write one image destroy it; a reader beside a writer sees nonsense. */
static rl_err lock_image(int fd, const struct vmm_blk_config *config)
{
	struct flock lock = {
		.l_type = config->read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return RL_OK;
	if (errno == EAGAIN || errno == EACCES)
		return rl_refuse(RL_E(EBUSY), "%s is in use by another process", config->path);
	return rl_sys(-1, "lock %s", config->path);
}

static rl_err open_image(struct blk *b, const struct vmm_blk_config *config)
{
	int flags = (config->read_only ? O_RDONLY : O_RDWR) | (config->direct_io ? O_DIRECT : 0) |
		    O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	off_t size;
	int fd;

	/* O_NONBLOCK: a FIFO of that name must not hold us up; it means nothing for the rest. */
	RL_TRY(rl_fd_from(open(config->path, flags), &b->fd, "open the disk image %s",
			  config->path));
	fd = rl_fd_get(&b->fd);
	RL_TRY(rl_sys(fstat(fd, &st), "stat %s", config->path));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return rl_refuse(RL_E(EINVAL), "%s is neither a file nor a block device",
				 config->path);
	if (S_ISREG(st.st_mode))
		RL_TRY(lock_image(fd, config));
	size = lseek(fd, 0, SEEK_END);
	RL_TRY(rl_sys(size, "find the size of %s", config->path));
	b->size = (uint64_t)size / SECTOR * SECTOR;
	return RL_OK;
}

static void describe(struct blk *b, const struct vmm_blk_config *config)
{
	size_t len = strlen(config->id);

	b->dev = (struct vmm_virtio_device){
		.ops = &ops,
		.id = VIRTIO_ID_BLOCK,
		.features = VMM_F_RING | F_SEG_MAX | (config->flush ? F_FLUSH : 0) |
			    (config->read_only ? F_RO : F_DISCARD | F_WRITE_ZEROES),
		.queue_count = 1,
		.queue_max = queue_max,
	};
	snprintf(b->dev.name, sizeof(b->dev.name), "disk %s", config->id);
	memcpy(b->id, config->id, len < sizeof(b->id) ? len : sizeof(b->id));
	b->config = (struct config){
		.capacity = le64_of(b->size / SECTOR),
		.seg_max = le32_of(QUEUE_SIZE - 2), /* and header and status */
		.num_queues = le16_of(1),
		.max_discard_sectors = le32_of(RANGE_SECTORS_MAX),
		.max_discard_seg = le32_of(RANGES_MAX),
		.discard_alignment = le32_of(4096 / SECTOR),
		.max_write_zeroes_sectors = le32_of(RANGE_SECTORS_MAX),
		.max_write_zeroes_seg = le32_of(RANGES_MAX),
		.write_zeroes_may_unmap = 1,
	};
}

rl_err vmm_blk_new(const struct vmm_virtio_env *env, const struct vmm_blk_config *config,
		   struct vmm_virtio_device **ret)
{
	struct blk *b = calloc(1, sizeof(*b));
	rl_err e;

	(void)env;
	if (b == NULL)
		return rl_nomem();
	e = open_image(b, config);
	if (rl_failed(e)) {
		rl_fd_close(&b->fd);
		free(b);
		return e;
	}
	describe(b, config);
	vmm_worker_prepare(&b->worker);
	*ret = &b->dev;
	return RL_OK;
}
