/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-fs device (virtio 1.2, 5.11): a directory of the host, served to the guest by a thread
 * of its own, so that a slow disk never holds up a console.
 */
#pragma once

#include "vmm/virtio/fs/server.h"

#define VMM_FS_TAG_MAX 36 /* bytes, 5.11.4 */

/*
 * ENAMETOOLONG: the tag. ENOENT, ENOTDIR, EACCES: the directory. `config` and what it points to
 * need to live as long as server.h says. With a window the device's shm[0].size is set, and the
 * machine places it before activation.
 */
RL_MUST rl_err vmm_fs_new(const struct vmm_virtio_env *env, const struct vmm_fs_config *config,
			  struct vmm_virtio_device **ret);
