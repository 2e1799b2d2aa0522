/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's init as it was built with the library; size 0: built without. */
#pragma once

#include <stddef.h>
#include <stdint.h>

const uint8_t *vmm_init_blob(void);
size_t vmm_init_blob_size(void);
