/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/decompress.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct {
	const char *name, *library, *package;
	uint8_t magic[6];
	uint8_t magic_len;
} codecs[] = {
	[VMM_CODEC_NONE] = { "none", NULL, NULL, { 0 }, 0 },
	[VMM_CODEC_GZIP] = { "gzip", "libz.so.1", "zlib1g", { 0x1f, 0x8b, 8 }, 3 },
	[VMM_CODEC_BZIP2] = { "bzip2", "libbz2.so.1.0", "libbz2-1.0", { 'B', 'Z', 'h' }, 3 },
	[VMM_CODEC_XZ] = { "xz", "liblzma.so.5", "liblzma5", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
	[VMM_CODEC_LZ4] = { "lz4", "liblz4.so.1", "liblz4-1", { 0x02, 0x21, 0x4c, 0x18 }, 4 },
	[VMM_CODEC_ZSTD] = { "zstd", "libzstd.so.1", "libzstd1", { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
};
#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

const char *vmm_codec_name(enum vmm_codec codec)
{
	return codecs[codec].name;
}

enum vmm_codec vmm_codec_detect(const uint8_t *bytes, size_t size)
{
	for (size_t i = 1; i < CODECS; i++) {
		if (size >= codecs[i].magic_len &&
		    memcmp(bytes, codecs[i].magic, codecs[i].magic_len) == 0)
			return (enum vmm_codec)i;
	}
	return VMM_CODEC_NONE;
}

void vmm_bytes_free(struct vmm_bytes *b)
{
	if (b->bytes)
		(void)munmap(b->bytes, b->mapped);
	*b = (struct vmm_bytes){ 0 };
}

/* What a decoder works on. */
struct job {
	void *lib;
	const struct vmm_image *image;
	const uint8_t *in;
	size_t in_size;
	uint64_t offset;
	uint8_t *out;
	size_t room;
	size_t done; /* result */
};

enum verdict { DONE, DAMAGED, TOO_BIG, NO_SYMBOL };

/* dlsym gives an object pointer; POSIX promises that it holds a function's address. */
static bool find(void *lib, const char *name, void *ret_function)
{
	void *p = dlsym(lib, name);

	memcpy(ret_function, &p, sizeof(p));
	return p != NULL;
}

/* zlib reads the file itself: that needs no knowledge of its structures. */
static enum verdict gunzip(struct job *j)
{
	void *(*gz_open)(int, const char *);
	int (*gz_read)(void *, void *, unsigned), (*gz_close)(void *);
	enum verdict verdict = DONE;
	char path[32];
	void *gz;
	int fd;

	if (!find(j->lib, "gzdopen", &gz_open) || !find(j->lib, "gzread", &gz_read) ||
	    !find(j->lib, "gzclose", &gz_close))
		return NO_SYMBOL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rl_fd_get(&j->image->fd));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || lseek(fd, (off_t)(j->image->fd_offset + j->offset), SEEK_SET) < 0 ||
	    (gz = gz_open(fd, "rb")) == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return DAMAGED;
	}
	for (int n = 1; n > 0 && verdict == DONE; j->done += n > 0 ? (size_t)n : 0) {
		size_t room = j->room - j->done;

		if (room == 0)
			verdict = TOO_BIG;
		n = gz_read(gz, j->out + j->done, room > INT_MAX ? INT_MAX : (unsigned)room);
		if (n < 0)
			verdict = DAMAGED;
	}
	(void)gz_close(gz);
	return verdict;
}

static enum verdict bunzip2(struct job *j)
{
	enum { BZ_OK = 0, BZ_OUTBUFF_FULL = -8 };
	int (*decode)(char *, unsigned *, char *, unsigned, int, int);
	unsigned out = (unsigned)(j->room < UINT_MAX ? j->room : UINT_MAX);
	unsigned in = (unsigned)(j->in_size < UINT_MAX ? j->in_size : UINT_MAX);
	int result;

	if (!find(j->lib, "BZ2_bzBuffToBuffDecompress", &decode))
		return NO_SYMBOL;
	result = decode((char *)j->out, &out, (char *)(uintptr_t)j->in, in, 0, 0);
	j->done = out;
	return result == BZ_OK ? DONE : result == BZ_OUTBUFF_FULL ? TOO_BIG : DAMAGED;
}

static enum verdict unxz(struct job *j)
{
	enum { LZMA_OK = 0, LZMA_BUF_ERROR = 10 };
	int (*decode)(uint64_t *, uint32_t, const void *, const uint8_t *, size_t *, size_t,
		      uint8_t *, size_t *, size_t);
	uint64_t memory = UINT64_MAX;
	size_t in = 0;
	int result;

	if (!find(j->lib, "lzma_stream_buffer_decode", &decode))
		return NO_SYMBOL;
	result = decode(&memory, 0, NULL, j->in, &in, j->in_size, j->out, &j->done, j->room);
	return result == LZMA_OK ? DONE : result == LZMA_BUF_ERROR ? TOO_BIG : DAMAGED;
}

static enum verdict unzstd(struct job *j)
{
	size_t (*frame_size)(const void *, size_t), (*decode)(void *, size_t, const void *, size_t);
	unsigned (*is_error)(size_t), (*error_code)(size_t);
	enum { DST_TOO_SMALL = 70 };
	size_t size, result;

	if (!find(j->lib, "ZSTD_findFrameCompressedSize", &frame_size) ||
	    !find(j->lib, "ZSTD_decompress", &decode) || !find(j->lib, "ZSTD_isError", &is_error) ||
	    !find(j->lib, "ZSTD_getErrorCode", &error_code))
		return NO_SYMBOL;
	size = frame_size(j->in, j->in_size);
	if (is_error(size))
		return DAMAGED;
	result = decode(j->out, j->room, j->in, size);
	if (is_error(result))
		return error_code(result) == DST_TOO_SMALL ? TOO_BIG : DAMAGED;
	j->done = result;
	return DONE;
}

static uint32_t read32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Legacy frame: after the magic, blocks of at most 8 MiB, each with its compressed length. */
static enum verdict unlz4(struct job *j)
{
	const size_t block_max = (size_t)8 << 20, compressed_max = block_max + block_max / 255 + 16;
	int (*decode)(const char *, char *, int, int);
	const uint8_t *p = j->in + 4, *end = j->in + j->in_size;

	if (!find(j->lib, "LZ4_decompress_safe", &decode))
		return NO_SYMBOL;
	while (end - p >= 4) {
		uint32_t size = read32(p);
		size_t room = j->room - j->done;
		int n;

		/* A length that cannot be one is what comes after the frame. */
		if (size == 0 || size > compressed_max || size > (size_t)(end - p - 4))
			break;
		n = decode((const char *)p + 4, (char *)j->out + j->done, (int)size,
			   (int)(room < block_max ? room : block_max));
		if (n < 0)
			return room < block_max ? TOO_BIG : DAMAGED;
		j->done += (size_t)n;
		p += 4 + size;
		if ((size_t)n < block_max)
			break; /* only the last one is short */
	}
	return j->done > 0 ? DONE : DAMAGED;
}

static enum verdict run(enum vmm_codec codec, struct job *j)
{
	switch (codec) {
	case VMM_CODEC_GZIP:
		return gunzip(j);
	case VMM_CODEC_BZIP2:
		return bunzip2(j);
	case VMM_CODEC_XZ:
		return unxz(j);
	case VMM_CODEC_LZ4:
		return unlz4(j);
	case VMM_CODEC_ZSTD:
		return unzstd(j);
	case VMM_CODEC_NONE:
	default:
		return DAMAGED;
	}
}

static rl_err judge(enum verdict verdict, enum vmm_codec codec, size_t limit)
{
	switch (verdict) {
	case DONE:
		return RL_OK;
	case TOO_BIG:
		return rl_refuse(RL_E(EFBIG), "more than %zu MiB when decompressed", limit >> 20);
	case NO_SYMBOL:
		return rl_refuse(RL_E(ENOTSUP), "%s is not the library we know",
				 codecs[codec].library);
	case DAMAGED:
	default:
		return rl_refuse(RL_E(EBADMSG), "the %s data is damaged", codecs[codec].name);
	}
}

rl_err vmm_decompress(enum vmm_codec codec, const struct vmm_image *image, uint64_t offset,
		      size_t limit, struct vmm_bytes *ret)
{
	VMM_AUTO_BYTES struct vmm_bytes out = { .mapped = limit };
	struct job job = { .image = image, .offset = offset, .room = limit };
	rl_err e;

	if (codec == VMM_CODEC_NONE || offset >= image->size)
		return rl_refuse(RL_E(EINVAL), "nothing to decompress");
	job.in = image->bytes + offset;
	job.in_size = image->size - offset;
	job.lib = dlopen(codecs[codec].library, RTLD_NOW | RTLD_LOCAL);
	if (job.lib == NULL)
		return rl_hint(rl_refuse(RL_E(ENOTSUP), "%s is needed for %s: %s",
					 codecs[codec].library, codecs[codec].name, dlerror()),
			       "install %s", codecs[codec].package);
	out.bytes = mmap(NULL, limit, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (out.bytes == MAP_FAILED) {
		out.bytes = NULL;
		e = rl_nomem();
	} else {
		job.out = out.bytes;
		e = judge(run(codec, &job), codec, limit);
	}
	(void)dlclose(job.lib);
	RL_TRY(e);
	out.size = job.done;
	*ret = out;
	out.bytes = NULL;
	return RL_OK;
}
