/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/elf.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#define NOTE_PVH 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define MIB (1ull << 20)

bool vmm_elf_is(const uint8_t *bytes, size_t size)
{
	return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
	return offset <= size && len <= size - offset;
}

static rl_err read_header(const struct vmm_image *image, Elf64_Ehdr *head)
{
	if (image->size < sizeof(*head) || !vmm_elf_is(image->bytes, image->size))
		return rl_refuse(RL_E(ENOEXEC), "the kernel is not an ELF file");
	memcpy(head, image->bytes, sizeof(*head));
	if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64)
		return rl_refuse(RL_E(ENOEXEC), "the kernel is not for x86-64 (ELF machine %u)",
				 head->e_machine);
	if (head->e_phentsize != sizeof(Elf64_Phdr) ||
	    !inside(head->e_phoff, (uint64_t)head->e_phnum * sizeof(Elf64_Phdr), image->size))
		return rl_refuse(RL_E(ENOEXEC), "the kernel's ELF program headers are damaged");
	return RL_OK;
}

static Elf64_Phdr segment(const struct vmm_image *image, const Elf64_Ehdr *head, unsigned i)
{
	Elf64_Phdr ph;

	memcpy(&ph, image->bytes + head->e_phoff + i * sizeof(ph), sizeof(ph));
	return ph;
}

/* One note: header, name, description, the latter two padded to 4 bytes. */
static uint64_t find_pvh(const uint8_t *p, uint64_t size)
{
	Elf64_Nhdr note;

	while (size >= sizeof(note)) {
		uint64_t name, desc, entry = 0;

		memcpy(&note, p, sizeof(note));
		name = sizeof(note);
		desc = name + ((note.n_namesz + 3ull) & ~3ull);
		if (desc > size || note.n_descsz > size - desc)
			return 0;
		if (note.n_type == NOTE_PVH && note.n_namesz == 4 &&
		    memcmp(p + name, "Xen", 4) == 0 && (note.n_descsz == 4 || note.n_descsz == 8)) {
			memcpy(&entry, p + desc, note.n_descsz);
			return entry;
		}
		desc += (note.n_descsz + 3ull) & ~3ull;
		if (desc > size)
			return 0;
		p += desc;
		size -= desc;
	}
	return 0;
}

rl_err vmm_elf_read(const struct vmm_image *image, struct vmm_elf *ret)
{
	struct vmm_elf elf = { .start = UINT64_MAX };
	Elf64_Ehdr head;

	RL_TRY(read_header(image, &head));
	elf.entry = head.e_entry;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr ph = segment(image, &head, i);

		if (ph.p_type != PT_LOAD && ph.p_type != PT_NOTE)
			continue;
		if (!inside(ph.p_offset, ph.p_filesz, image->size))
			return rl_refuse(RL_E(ENOEXEC), "the kernel file is cut off");
		if (ph.p_type == PT_NOTE && elf.pvh == 0)
			elf.pvh = find_pvh(image->bytes + ph.p_offset, ph.p_filesz);
		if (ph.p_type == PT_NOTE || ph.p_memsz == 0)
			continue;
		if (ph.p_memsz < ph.p_filesz || ph.p_paddr + ph.p_memsz < ph.p_paddr)
			return rl_refuse(RL_E(ENOEXEC), "segment %u of the kernel is damaged", i);
		if (ph.p_paddr < elf.start)
			elf.start = ph.p_paddr;
		if (ph.p_paddr + ph.p_memsz > elf.end)
			elf.end = ph.p_paddr + ph.p_memsz;
	}
	if (elf.end == 0)
		return rl_refuse(RL_E(ENOEXEC), "the kernel has no segment to load");
	*ret = elf;
	return RL_OK;
}

rl_err vmm_elf_place(const struct vmm_image *image, const struct vmm_elf *elf,
		     const struct vmm_mem *mem)
{
	Elf64_Ehdr head;

	if (vmm_mem_at(mem, GPA(elf->start), elf->end - elf->start) == NULL)
		return rl_refuse(RL_E(ENOMEM),
				 "the kernel needs RAM up to %" PRIu64
				 " MiB, the machine has %" PRIu64 " MiB",
				 (uint64_t)((elf->end + MIB - 1) / MIB),
				 (uint64_t)(vmm_mem_total(mem) / MIB));
	RL_TRY(read_header(image, &head));
	for (unsigned i = 0; i < head.e_phnum; i++) {
		Elf64_Phdr ph = segment(image, &head, i);

		if (ph.p_type == PT_LOAD)
			RL_TRY(vmm_image_place(image, ph.p_offset, ph.p_filesz, mem,
					       GPA(ph.p_paddr)),
			       "segment %u of the kernel", i);
	}
	return RL_OK;
}
