/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/init_blob.h"

#ifdef VMM_WITH_INIT
#include "guest/init_file.h"

/* Page-aligned, so that the file system and the initramfs can hand it out in whole pages. */
__asm__(".section .rodata\n"
	".balign 4096\n"
	"vmm_init_blob_start:\n"
	".incbin \"" VMM_INIT_FILE "\"\n"
	"vmm_init_blob_end:\n"
	".byte 0\n"
	".previous\n");
extern const uint8_t vmm_init_blob_start[] __attribute__((visibility("hidden")));
extern const uint8_t vmm_init_blob_end[] __attribute__((visibility("hidden")));

const uint8_t *vmm_init_blob(void)
{
	return vmm_init_blob_start;
}

size_t vmm_init_blob_size(void)
{
	return (size_t)(vmm_init_blob_end - vmm_init_blob_start);
}
#else
const uint8_t *vmm_init_blob(void)
{
	return NULL;
}

size_t vmm_init_blob_size(void)
{
	return 0;
}
#endif
