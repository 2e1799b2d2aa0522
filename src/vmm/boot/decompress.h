/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed kernels and modules. The decompressors are the system's libraries, loaded only when
 * a file needs one, so the library itself depends on none of them.
 */
#pragma once

#include "vmm/boot/image.h"

enum vmm_codec {
	VMM_CODEC_NONE,
	VMM_CODEC_GZIP,
	VMM_CODEC_BZIP2,
	VMM_CODEC_XZ,
	VMM_CODEC_LZ4, /* the legacy frame, which the kernel uses */
	VMM_CODEC_ZSTD,
};

const char *vmm_codec_name(enum vmm_codec codec);
/* By the magic number at `bytes`. */
enum vmm_codec vmm_codec_detect(const uint8_t *bytes, size_t size);

/* Memory that holds what was decompressed. */
struct vmm_bytes {
	uint8_t *bytes;
	size_t size;
	size_t mapped;
};
void vmm_bytes_free(struct vmm_bytes *b);
#define VMM_AUTO_BYTES __attribute__((cleanup(vmm_bytes_free)))

/*
 * Decompresses the stream at `offset`; what follows it is ignored. ENOTSUP: the library is not
 * installed (named). EBADMSG: damaged. EFBIG: more than `limit` bytes.
 */
RL_MUST rl_err vmm_decompress(enum vmm_codec codec, const struct vmm_image *image, uint64_t offset,
			      size_t limit, struct vmm_bytes *ret);
