/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

rl_err vmm_image_from_fd(int fd, const char *name, struct vmm_image *ret)
{
	struct rl_fd RL_AUTO_FD owner = rl_fd_own(fd);
	struct stat st;
	void *p;

	RL_TRY(rl_sys(fstat(fd, &st), "%s", name));
	if (S_ISDIR(st.st_mode))
		return rl_fail(RL_E(EISDIR), "%s", name);
	if (!S_ISREG(st.st_mode))
		return rl_refuse(RL_E(EINVAL), "%s is not a regular file", name);
	if (st.st_size == 0)
		return rl_refuse(RL_E(ENOEXEC), "%s is empty", name);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return rl_sys(-1, "map %s", name);
	*ret = (struct vmm_image){ .bytes = p,
				   .size = (size_t)st.st_size,
				   .fd = rl_fd_own(rl_fd_take(&owner)),
				   .mapped = true };
	return RL_OK;
}

rl_err vmm_image_open(int dir_fd, const char *path, struct vmm_image *ret)
{
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	RL_TRY(rl_sys(fd, "open %s", path));
	return vmm_image_from_fd(fd, path, ret);
}

void vmm_image_close(struct vmm_image *image)
{
	if (image->mapped)
		(void)munmap((void *)(uintptr_t)image->bytes, image->size);
	rl_fd_close(&image->fd);
	*image = (struct vmm_image){ 0 };
}

/* Whole pages of the file over the RAM that is there; false where it cannot be done. */
static bool map_pages(const struct vmm_image *image, uint64_t offset, uint64_t len, uint8_t *host)
{
	uint64_t file_offset = image->fd_offset + offset;

	if (!rl_fd_has(&image->fd) || len == 0 || file_offset % PAGE || (uintptr_t)host % PAGE)
		return false;
	return mmap(host, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
		    rl_fd_get(&image->fd), (off_t)file_offset) != MAP_FAILED;
}

rl_err vmm_image_place(const struct vmm_image *image, uint64_t offset, uint64_t len,
		       const struct vmm_mem *mem, struct gpa at)
{
	uint64_t whole = len & ~(uint64_t)(PAGE - 1);
	uint8_t *host;

	if (len == 0)
		return RL_OK;
	if (offset > image->size || len > image->size - offset)
		return rl_refuse(RL_E(ENOEXEC), "the image ends before byte %" PRIu64,
				 offset + len);
	host = vmm_mem_at(mem, at, len);
	if (host == NULL)
		return rl_refuse(RL_E(ENOMEM),
				 "guest addresses 0x%" PRIx64 " to 0x%" PRIx64 " are not RAM",
				 at.addr, at.addr + len - 1);
	if (!map_pages(image, offset, whole, host))
		whole = 0;
	/* The rest of the last page is the guest's own memory, zero, not more of the file. */
	memcpy(host + whole, image->bytes + offset + whole, len - whole);
	return RL_OK;
}
