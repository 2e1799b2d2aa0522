/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels into guest memory: ELF files good and damaged, mapping and copying, boot parameters. */
#include "vmm/boot/cache.h"
#include "vmm/boot/decompress.h"
#include "vmm/boot/elf.h"
#include "vmm/boot/kernel.h"
#include "vmm/boot/params.h"

#include "test.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RAM (64u << 20)

/* In place of the C library's, for the library as well. */
static int memfd_errno;

int memfd_create(const char *name, unsigned flags)
{
	errno = memfd_errno;
	return memfd_errno != 0 ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

static uint8_t *ram;
static struct vmm_mem mem;

static void fresh_memory(void)
{
	if (ram)
		munmap(ram, RAM);
	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mem = (struct vmm_mem){ .count = 1, .region = { { GPA(0), RAM, ram } } };
}

/* A file with these bytes. */
static struct vmm_image image_of(const void *bytes, size_t size)
{
	struct vmm_image image = { 0 };
	int fd = memfd_create("image", MFD_CLOEXEC);

	if (write(fd, bytes, size) != (ssize_t)size)
		abort();
	rl_drop(vmm_image_from_fd(fd, "image", &image));
	return image;
}

/* One segment of 0x1800 bytes (0x3000 in memory) at 16 MiB, and a PVH note. */
struct kernel {
	Elf64_Ehdr head;
	Elf64_Phdr ph[2];
	uint8_t gap[0x1000 - sizeof(Elf64_Ehdr) - 2 * sizeof(Elf64_Phdr)];
	uint8_t text[0x1800];
	Elf64_Nhdr note;
	char name[4];
	uint32_t desc;
};

static struct kernel kernel(void)
{
	struct kernel k = {
		.head = { .e_machine = EM_X86_64,
			  .e_entry = 0x1000040,
			  .e_phoff = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 2 },
		.ph = { { .p_type = PT_LOAD,
			  .p_offset = 0x1000,
			  .p_paddr = 0x1000000,
			  .p_filesz = 0x1800,
			  .p_memsz = 0x3000 },
			{ .p_type = PT_NOTE,
			  .p_offset = offsetof(struct kernel, note),
			  .p_filesz = 20 } },
		.note = { .n_namesz = 4, .n_descsz = 4, .n_type = 18 },
		.name = "Xen",
		.desc = 0x1000200,
	};

	memcpy(k.head.e_ident, ELFMAG, 4);
	k.head.e_ident[EI_CLASS] = ELFCLASS64;
	memset(k.text, 0x90, sizeof(k.text));
	return k;
}

TEST(an_elf_kernel_is_placed_by_its_segments)
{
	struct kernel k = kernel();
	VMM_AUTO_IMAGE struct vmm_image image = image_of(&k, sizeof(k));
	struct vmm_elf elf;

	fresh_memory();
	CHECK_OK(vmm_elf_read(&image, &elf));
	CHECK_INT(elf.entry, 0x1000040);
	CHECK_INT(elf.pvh, 0x1000200);
	CHECK_INT(elf.start, 0x1000000);
	CHECK_INT(elf.end, 0x1003000);
	CHECK_OK(vmm_elf_place(&image, &elf, &mem));
	CHECK_INT(ram[0x1000000], 0x90);
	CHECK_INT(ram[0x10017ff], 0x90);
	/* What follows in the file is not in the guest: BSS is zero. */
	CHECK_INT(ram[0x1001800], 0);
	CHECK_INT(ram[0x1001804], 0);
	/* The guest writes its own copy. */
	ram[0x1000000] = 1;
	CHECK_INT(image.bytes[0x1000], 0x90);
}

TEST(damaged_elf_files_are_refused)
{
	static const struct {
		size_t offset;
		uint64_t value;
		uint8_t size;
		const char *part;
	} damage[] = {
		{ 0, 0, 1, "not an ELF" },
		{ EI_CLASS, ELFCLASS32, 1, "not for x86-64" },
		{ offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, 2, "machine 183" },
		{ offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX - 8, 8, "program headers" },
		{ offsetof(Elf64_Ehdr, e_phnum), 0xffff, 2, "program headers" },
		{ offsetof(Elf64_Ehdr, e_phentsize), 8, 2, "program headers" },
		{ offsetof(struct kernel, ph[0].p_offset), UINT64_MAX, 8, "cut off" },
		{ offsetof(struct kernel, ph[0].p_filesz), UINT64_MAX, 8, "cut off" },
		{ offsetof(struct kernel, ph[0].p_memsz), 0x1000, 8, "segment 0" },
		{ offsetof(struct kernel, ph[0].p_paddr), UINT64_MAX - 16, 8, "segment 0" },
		{ offsetof(struct kernel, ph[0].p_type), PT_NULL, 4, "no segment" },
	};

	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct kernel k = kernel();
		VMM_AUTO_IMAGE struct vmm_image image = { 0 };
		struct vmm_elf elf;

		memcpy((uint8_t *)&k + damage[i].offset, &damage[i].value, damage[i].size);
		image = image_of(&k, sizeof(k));
		CHECK_FAILS(vmm_elf_read(&image, &elf), ENOEXEC, damage[i].part);
	}
}

TEST(damaged_notes_are_no_pvh_entry)
{
	static const uint32_t sizes[] = { 0, 3, 5, 0x7fffffff, 0xfffffffd, 0xffffffff };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct kernel k = kernel();
		VMM_AUTO_IMAGE struct vmm_image image = { 0 };
		struct vmm_elf elf;

		k.note.n_descsz = sizes[i];
		image = image_of(&k, sizeof(k));
		CHECK_OK(vmm_elf_read(&image, &elf));
		CHECK_INT(elf.pvh, 0);
		vmm_image_close(&image);
		k = kernel();
		k.note.n_namesz = sizes[i];
		image = image_of(&k, sizeof(k));
		CHECK_OK(vmm_elf_read(&image, &elf));
		CHECK_INT(elf.pvh, 0);
	}
}

TEST(a_kernel_that_does_not_fit_says_what_it_needs)
{
	struct kernel k = kernel();
	VMM_AUTO_IMAGE struct vmm_image image = { 0 };
	struct vmm_elf elf;

	k.ph[0].p_paddr = RAM - 0x1000;
	image = image_of(&k, sizeof(k));
	fresh_memory();
	CHECK_OK(vmm_elf_read(&image, &elf));
	CHECK_FAILS(vmm_elf_place(&image, &elf, &mem), ENOMEM,
		    "needs RAM up to 65 MiB, the machine has 64 MiB");
}

TEST(placing_maps_or_copies_alike)
{
	static uint8_t bytes[3 * 4096 + 100];
	VMM_AUTO_IMAGE struct vmm_image image = { 0 };

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 4096);
	image = image_of(bytes, sizeof(bytes));
	fresh_memory();
	CHECK_OK(vmm_image_place(&image, 0, sizeof(bytes), &mem, GPA(0x10000)));
	CHECK_INT(memcmp(ram + 0x10000, bytes, sizeof(bytes)), 0);
	CHECK_INT(ram[0x10000 + sizeof(bytes)], 0);
	CHECK_OK(vmm_image_place(&image, 4096, 5000, &mem, GPA(0x20000)));
	CHECK_INT(memcmp(ram + 0x20000, bytes + 4096, 5000), 0);
	CHECK_OK(vmm_image_place(&image, 1, 5000, &mem, GPA(0x30003)));
	CHECK_INT(memcmp(ram + 0x30003, bytes + 1, 5000), 0);
	CHECK_FAILS(vmm_image_place(&image, 1, sizeof(bytes), &mem, GPA(0)), ENOEXEC, "ends");
	CHECK_FAILS(vmm_image_place(&image, 0, 4096, &mem, GPA(RAM - 1)), ENOMEM, "not RAM");
	CHECK_FAILS(vmm_image_place(&image, UINT64_MAX, 2, &mem, GPA(0)), ENOEXEC, "");
}

TEST(files_that_are_no_image)
{
	VMM_AUTO_IMAGE struct vmm_image image = { 0 };

	CHECK_FAILS(vmm_image_open(AT_FDCWD, "/no/such/file", &image), ENOENT, "/no/such/file");
	CHECK_FAILS(vmm_image_open(AT_FDCWD, "/", &image), EISDIR, "/");
	CHECK_FAILS(vmm_image_open(AT_FDCWD, "/dev/null", &image), EINVAL, "regular");
	CHECK_FAILS(vmm_image_from_fd(memfd_create("x", MFD_CLOEXEC), "x", &image), ENOEXEC,
		    "empty");
}

TEST(memory_map_covers_memory_and_nothing_else)
{
	struct vmm_plan plan = { .region = { { GPA(0), LAYOUT_GAP }, { GPA(LAYOUT_4G), 1 << 30 } },
				 .region_count = 2 };
	struct vmm_e820 map[VMM_E820_MAX];
	unsigned n = vmm_e820_make(&plan, map);
	uint64_t ram_bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		ram_bytes += map[i].type == VMM_E820_RAM ? map[i].size : 0;
		if (i > 0)
			CHECK(map[i].start >= map[i - 1].start + map[i - 1].size);
	}
	CHECK_INT(map[n - 1].start + map[n - 1].size, LAYOUT_4G + (1 << 30));
	CHECK_INT(ram_bytes, LAYOUT_GAP + (1 << 30) - (LAYOUT_HIGH_RAM - LAYOUT_LOW_RAM_END));
}

TEST(parameters_of_both_protocols)
{
	struct vmm_plan plan = { .region = { { GPA(0), RAM } }, .region_count = 1 };
	struct vmm_boot_params p = { .cmdline = "quiet",
				     .initrd = GPA(0x2000000),
				     .initrd_size = 1234,
				     .rsdp = GPA(0xe0000) };
	const struct boot_params *zero;
	uint64_t argument;

	fresh_memory();
	CHECK_OK(vmm_params_linux(&plan, &p, &mem, &argument));
	zero = (const void *)(ram + argument);
	CHECK_INT(zero->hdr.boot_flag, 0xaa55);
	CHECK_INT(zero->hdr.ramdisk_image, 0x2000000);
	CHECK_INT(zero->hdr.ramdisk_size, 1234);
	CHECK_INT(zero->acpi_rsdp_addr, 0xe0000);
	CHECK_INT(zero->e820_entries, 3);
	CHECK_STR((const char *)ram + zero->hdr.cmd_line_ptr, "quiet");

	CHECK_OK(vmm_params_pvh(&plan, &p, &mem, &argument));
	CHECK_INT(*(uint32_t *)(ram + argument), 0x336ec578);
	CHECK_INT(*(uint32_t *)(ram + argument + 12), 1); /* modules */
	CHECK_INT(**(uint64_t **)(void *)&(uint8_t *){ ram + *(uint64_t *)(ram + argument + 16) },
		  0x2000000);
	CHECK_STR((const char *)ram + *(uint64_t *)(ram + argument + 24), "quiet");
	CHECK_INT(*(uint64_t *)(ram + argument + 32), 0xe0000);
	CHECK_INT(*(uint32_t *)(ram + argument + 48), 3);
}

/* "hello" by the tools of each format. */
static const struct {
	enum vmm_codec codec;
	uint8_t size;
	uint8_t bytes[72];
} packed[] = {
	{ VMM_CODEC_GZIP, 25, { 0x1f, 0x8b, 8, 0, 0,	0,    0,    0,	  0, 3, 0xcb, 0x48, 0xcd,
				0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0,    0 } },
	{ VMM_CODEC_LZ4,
	  18,
	  { 0x02, 0x21, 0x4c, 0x18, 6, 0, 0, 0, 0x50, 'h', 'e', 'l', 'l', 'o',
	    /* what the kernel's build appends: the length */ 5, 0, 0, 0 } },
	{ VMM_CODEC_ZSTD,
	  14,
	  { 0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0x29, 0, 0, 'h', 'e', 'l', 'l', 'o' } },
};

TEST(every_codec_unpacks_and_refuses)
{
	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		uint8_t bytes[80] = "xx";
		VMM_AUTO_IMAGE struct vmm_image image = { 0 };
		VMM_AUTO_BYTES struct vmm_bytes out = { 0 };
		VMM_AUTO_BYTES struct vmm_bytes none = { 0 };
		rl_err e;

		memcpy(bytes + 2, packed[i].bytes, packed[i].size);
		CHECK_INT(vmm_codec_detect(bytes + 2, packed[i].size), packed[i].codec);
		CHECK_INT(vmm_codec_detect(bytes + 2, 2), VMM_CODEC_NONE);
		image = image_of(bytes, sizeof(bytes));
		e = vmm_decompress(packed[i].codec, &image, 2, 1 << 20, &out);
		if (rl_is(e, RL_E(ENOTSUP))) {
			rl_drop(e); /* its library is not on this machine */
			continue;
		}
		CHECK_OK(e);
		CHECK_INT(out.size, 5);
		CHECK_INT(memcmp(out.bytes, "hello", 5), 0);
		CHECK_FAILS(vmm_decompress(packed[i].codec, &image, sizeof(bytes), 1 << 20, &none),
			    EINVAL, "nothing");
	}
}

/* What no directory keeps is kept in memory; the reason why that fails is the error (libkrun#519).
 */
TEST(memory_that_is_refused)
{
	VMM_AUTO_IMAGE struct vmm_image image = { 0 };

	vmm_cache_look();
	vmm_cache_forget();
	memfd_errno = EACCES;
	CHECK_FAILS(vmm_cache_keep("kernel", vmm_cache_key("k"), "bytes", 5, &image), EACCES,
		    "make memory for the kernel: Permission denied");
	memfd_errno = 0;
	CHECK_OK(vmm_cache_keep("kernel", vmm_cache_key("k"), "bytes", 5, &image));
}

RUN_TESTS()
