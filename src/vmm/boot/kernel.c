/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/kernel.h"

#include "vmm/boot/acpi.h"
#include "vmm/boot/cache.h"
#include "vmm/boot/decompress.h"
#include "vmm/boot/elf.h"
#include "vmm/boot/params.h"

#include <asm/bootparam.h>
#include <inttypes.h>
#include <string.h>

#define KERNEL_LIMIT ((size_t)1 << 30) /* decompressed */
#define SETUP_OFFSET 0x1f1u	       /* of the setup header in a bzImage */
#define SETUP_SIZE_BYTE 0x201u	       /* holds the header's end, relative to 0x202 */
#define BZIMAGE_LOAD 0x1000000ull
#define ENTRY_64_OFFSET 0x200
#define MIB (1ull << 20)
#define PAGE_MASK 4095ull

/* Where the kernel is, once loaded. */
struct placed {
	enum vmm_entry_mode mode;
	uint64_t address;
	uint64_t end; /* first free byte above it, what it needs to start included */
	const uint8_t *setup_header;
	size_t setup_header_size;
};

/* ---- bzImage ---- */

static bool read_setup(const struct vmm_image *image, struct setup_header *ret)
{
	if (image->size < SETUP_OFFSET + sizeof(*ret))
		return false;
	memcpy(ret, image->bytes + SETUP_OFFSET, sizeof(*ret));
	/* 2.08 (Linux 2.6.26) is the first version that tells where the payload is. */
	return ret->boot_flag == 0xaa55 && memcmp(&ret->header, "HdrS", 4) == 0 &&
	       ret->version >= 0x208;
}

static size_t setup_bytes(const struct setup_header *h)
{
	return ((size_t)(h->setup_sects ? h->setup_sects : 4) + 1) * 512;
}

bool vmm_bzimage_version(const struct vmm_image *image, char *buf, size_t size)
{
	struct setup_header h;
	const char *text;
	size_t at, len;

	if (!read_setup(image, &h) || h.kernel_version == 0)
		return false;
	at = h.kernel_version + 0x200ul;
	if (at >= image->size || at >= setup_bytes(&h))
		return false;
	text = (const char *)image->bytes + at;
	len = strnlen(text, image->size - at);
	/* "6.1.0-13-amd64 (builder) #1 ..." */
	for (size_t i = 0; i < len; i++) {
		if (text[i] == ' ' || text[i] == '/')
			len = i;
	}
	if (len == 0 || len >= size)
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return true;
}

/* The kernel decompresses itself: needs no library, but time in the guest. */
static rl_err place_bzimage(const struct vmm_image *image, const struct setup_header *h,
			    const struct vmm_mem *mem, struct placed *ret)
{
	size_t skip = setup_bytes(h);
	uint64_t need = h->init_size ? h->init_size : image->size * 4;

	if (!(h->xloadflags & XLF_KERNEL_64))
		return rl_refuse(RL_E(ENOEXEC), "the kernel is not a 64-bit one");
	if (vmm_mem_at(mem, GPA(BZIMAGE_LOAD), need) == NULL)
		return rl_refuse(RL_E(ENOMEM),
				 "the kernel needs RAM up to %" PRIu64
				 " MiB, the machine has %" PRIu64 " MiB",
				 (uint64_t)((BZIMAGE_LOAD + need + MIB - 1) / MIB),
				 (uint64_t)(vmm_mem_total(mem) / MIB));
	RL_TRY(vmm_image_place(image, skip, image->size - skip, mem, GPA(BZIMAGE_LOAD)));
	*ret = (struct placed){
		.mode = VMM_ENTRY_LINUX64,
		.address = BZIMAGE_LOAD + ENTRY_64_OFFSET,
		.end = BZIMAGE_LOAD + need,
		.setup_header = image->bytes + SETUP_OFFSET,
		.setup_header_size = image->bytes[SETUP_SIZE_BYTE] + 0x202u - SETUP_OFFSET,
	};
	return RL_OK;
}

/* ---- The ELF kernel inside ---- */

/* Decompressed once, then from the cache. */
static rl_err unpack(const struct vmm_image *image, enum vmm_codec codec, uint64_t offset,
		     struct vmm_image *ret)
{
	struct vmm_cache_key key = vmm_cache_key("vmlinux 1");
	VMM_AUTO_BYTES struct vmm_bytes bytes = { 0 };
	struct stat st;
	bool found;

	RL_TRY(rl_sys(fstat(rl_fd_get(&image->fd), &st), "look at the kernel"));
	vmm_cache_add_file(&key, &st);
	vmm_cache_add(&key, &offset, sizeof(offset));
	RL_TRY(vmm_cache_find("vmlinux", key, ret, &found));
	if (found)
		return RL_OK;
	RL_TRY(vmm_decompress(codec, image, offset, KERNEL_LIMIT, &bytes), "decompress the kernel");
	if (!vmm_elf_is(bytes.bytes, bytes.size))
		return rl_refuse(RL_E(ENOEXEC), "there is no ELF kernel in the %s data",
				 vmm_codec_name(codec));
	return vmm_cache_keep("vmlinux", key, bytes.bytes, bytes.size, ret);
}

/* Looks for the magic number of one codec, wherever it leads to a kernel. */
static rl_err search(const struct vmm_image *image, enum vmm_codec codec, struct vmm_image *ret)
{
	rl_err last = rl_refuse(RL_E(ENOEXEC), "there is no %s-compressed kernel in it",
				vmm_codec_name(codec));

	for (uint64_t at = 0; at < image->size; at++) {
		rl_err e;

		if (vmm_codec_detect(image->bytes + at, image->size - at) != codec)
			continue;
		e = unpack(image, codec, at, ret);
		if (!rl_failed(e) || rl_is(e, RL_E(ENOTSUP))) {
			rl_drop(last);
			return e;
		}
		rl_drop(last);
		last = e;
	}
	return last;
}

static rl_err place_elf(const struct vmm_image *image, const struct vmm_mem *mem,
			struct placed *ret)
{
	struct vmm_elf elf;

	RL_TRY(vmm_elf_read(image, &elf));
	RL_TRY(vmm_elf_place(image, &elf, mem));
	*ret = (struct placed){ .mode = elf.pvh ? VMM_ENTRY_PVH : VMM_ENTRY_LINUX64,
				.address = elf.pvh ? elf.pvh : elf.entry,
				.end = elf.end };
	return RL_OK;
}

/*
 * An ELF kernel, plain or compressed as a whole, or a bzImage, preferably as the ELF kernel in it,
 * which starts sooner.
 */
static rl_err place_raw(const struct vmm_image *image, const struct vmm_mem *mem,
			struct placed *ret)
{
	VMM_AUTO_IMAGE struct vmm_image inner = { 0 };
	struct setup_header h;
	enum vmm_codec codec;
	uint64_t at;
	rl_err e;

	if (vmm_elf_is(image->bytes, image->size))
		return place_elf(image, mem, ret);
	codec = vmm_codec_detect(image->bytes, image->size);
	if (codec != VMM_CODEC_NONE) {
		RL_TRY(unpack(image, codec, 0, &inner));
		return place_elf(&inner, mem, ret);
	}
	if (!read_setup(image, &h))
		return rl_refuse(RL_E(ENOEXEC), "neither an ELF file nor a bzImage");
	at = setup_bytes(&h) + h.payload_offset;
	codec = at < image->size ? vmm_codec_detect(image->bytes + at, image->size - at)
				 : VMM_CODEC_NONE;
	if (codec == VMM_CODEC_NONE)
		return place_bzimage(image, &h, mem, ret);
	e = unpack(image, codec, at, &inner);
	if (rl_failed(e)) {
		rl_drop(e);
		return place_bzimage(image, &h, mem, ret);
	}
	return place_elf(&inner, mem, ret);
}

static rl_err place_compressed(const struct vmm_image *image, enum vmm_codec codec,
			       const struct vmm_mem *mem, struct placed *ret)
{
	VMM_AUTO_IMAGE struct vmm_image inner = { 0 };

	RL_TRY(search(image, codec, &inner));
	return place_elf(&inner, mem, ret);
}

static rl_err place_file(const struct vmm_image *image, enum vmm_kernel_format format,
			 const struct vmm_mem *mem, struct placed *ret)
{
	switch (format) {
	case VMM_KERNEL_ELF:
		return place_elf(image, mem, ret);
	case VMM_KERNEL_PE_GZ:
		return rl_refuse(RL_E(ENOTSUP), "kernels in PE format are for arm64");
	case VMM_KERNEL_BZ2:
		return place_compressed(image, VMM_CODEC_BZIP2, mem, ret);
	case VMM_KERNEL_GZ:
		return place_compressed(image, VMM_CODEC_GZIP, mem, ret);
	case VMM_KERNEL_ZSTD:
		return place_compressed(image, VMM_CODEC_ZSTD, mem, ret);
	case VMM_KERNEL_RAW:
	default:
		return place_raw(image, mem, ret);
	}
}

static rl_err place_bundle(const struct vmm_bundle *b, const struct vmm_mem *mem,
			   struct placed *ret)
{
	if (vmm_mem_at(mem, GPA(b->load), b->image.size) == NULL)
		return rl_refuse(RL_E(ENOMEM),
				 "the kernel needs RAM up to %" PRIu64
				 " MiB, the machine has %" PRIu64 " MiB",
				 (uint64_t)((b->load + b->image.size + MIB - 1) / MIB),
				 (uint64_t)(vmm_mem_total(mem) / MIB));
	RL_TRY(vmm_image_place(&b->image, 0, b->image.size, mem, GPA(b->load)));
	*ret = (struct placed){ .mode = VMM_ENTRY_LINUX64,
				.address = b->entry,
				.end = b->load + b->image.size };
	return RL_OK;
}

/* ---- The rest ---- */

/* At the top of the low RAM, in whole pages, well above the kernel. */
static rl_err place_initramfs(const struct vmm_image *image, const struct vmm_plan *plan,
			      uint64_t kernel_end, const struct vmm_mem *mem,
			      struct vmm_boot_params *params)
{
	uint64_t size = (image->size + PAGE_MASK) & ~PAGE_MASK, top = plan->region[0].size;

	if (image->size == 0)
		return RL_OK;
	/* Below 2 GiB: the limit that every boot protocol version has (initrd_addr_max). */
	if (top > 0x7fff0000)
		top = 0x7fff0000;
	if (size >= top || top - size < kernel_end)
		return rl_refuse(RL_E(EFBIG),
				 "the initramfs of %zu MiB does not fit beside the kernel",
				 image->size >> 20);
	params->initrd = GPA((top - size) & ~PAGE_MASK);
	params->initrd_size = image->size;
	return vmm_image_place(image, 0, image->size, mem, params->initrd);
}

static rl_err load_kernel(const struct vmm_plan *plan, struct vmm_supply *s,
			  const struct vmm_mem *mem, struct vmm_entry *ret)
{
	struct vmm_boot_params params = { .cmdline = plan->cmdline };
	struct placed kernel = { 0 };

	if (s->kind == VMM_SUPPLY_BUNDLE)
		RL_TRY(place_bundle(&s->bundle, mem, &kernel));
	else
		RL_TRY(place_file(&s->kernel,
				  s->kind == VMM_SUPPLY_FILE ? plan->config->kernel_format
							     : VMM_KERNEL_RAW,
				  mem, &kernel));
	RL_TRY(place_initramfs(&s->initramfs, plan, kernel.end, mem, &params));
	params.setup_header = kernel.setup_header;
	params.setup_header_size = kernel.setup_header_size;
	RL_TRY(vmm_acpi_write(plan, mem, &params.rsdp));
	RL_TRY(vmm_mptable_write(plan, mem));
	RL_TRY(vmm_kvm_boot_tables(mem));
	*ret = (struct vmm_entry){ .mode = kernel.mode, .address = kernel.address };
	return kernel.mode == VMM_ENTRY_PVH ? vmm_params_pvh(plan, &params, mem, &ret->argument)
					    : vmm_params_linux(plan, &params, mem, &ret->argument);
}

rl_err vmm_kernel_load(const struct vmm_plan *plan, struct vmm_supply *s, const struct vmm_mem *mem,
		       struct vmm_entry *ret)
{
	if (s->kind == VMM_SUPPLY_FIRMWARE) {
		/* Mapped by the machine, at the end of the address space; nothing goes to RAM
		 * but the tables that a firmware may look for. */
		*ret = (struct vmm_entry){ .mode = VMM_ENTRY_RESET };
		return RL_OK;
	}
	return rl_wrap(load_kernel(plan, s, mem, ret), "kernel %s", s->name);
}
