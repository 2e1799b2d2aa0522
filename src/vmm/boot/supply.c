/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot/supply.h"

#include "vmm/boot/cache.h"
#include "vmm/boot/initramfs.h"
#include "vmm/boot/kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULES_DIR "/lib/modules"

/* A matter of the process, like the bundle: found before the caller changes its root. */
static struct {
	bool looked;
	struct rl_fd dir; /* MODULES_DIR: a caller's own kernel has its modules there, too */
	char version[VMM_VERSION_MAX];
	struct rl_fd kernel, modules;
} distribution;

/* The kernel image of a version: beside its modules (Fedora, Arch) or in /boot (Debian). */
static int open_kernel(const char *version)
{
	char path[VMM_VERSION_MAX + 64];
	int fd;

	(void)snprintf(path, sizeof(path), MODULES_DIR "/%s/vmlinuz", version);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/boot/vmlinuz-%s", version);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Only a kernel with a list of its modules can be used. */
static int open_modules(const char *version)
{
	int fd = -1;

	if (rl_fd_has(&distribution.dir) && strchr(version, '/') == NULL && version[0] != '.')
		fd = openat(rl_fd_get(&distribution.dir), version,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && faccessat(fd, "modules.dep", R_OK, 0) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void consider(const char *version)
{
	struct rl_fd RL_AUTO_FD kernel = { 0 };
	struct rl_fd RL_AUTO_FD modules = { 0 };

	if (version[0] == '.' || strlen(version) >= VMM_VERSION_MAX ||
	    strverscmp(version, distribution.version) <= 0)
		return;
	rl_fd_set(&modules, open_modules(version));
	rl_fd_set(&kernel, open_kernel(version));
	if (!rl_fd_has(&modules) || !rl_fd_has(&kernel))
		return;
	(void)snprintf(distribution.version, sizeof(distribution.version), "%s", version);
	rl_fd_set(&distribution.kernel, rl_fd_take(&kernel));
	rl_fd_set(&distribution.modules, rl_fd_take(&modules));
}

void vmm_supply_look(void)
{
	struct dirent *entry;
	DIR *dir;

	if (distribution.looked)
		return;
	distribution.looked = true;
	rl_fd_set(&distribution.dir, open(MODULES_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC));
	vmm_bundle_look();
	if (vmm_bundle_there())
		return;
	dir = opendir(MODULES_DIR);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		consider(entry->d_name);
	(void)closedir(dir);
	if (rl_fd_has(&distribution.kernel))
		vmm_cache_look();
}

void vmm_supply_forget(void)
{
	rl_fd_close(&distribution.dir);
	rl_fd_close(&distribution.kernel);
	rl_fd_close(&distribution.modules);
	vmm_cache_forget();
}

void vmm_supply_free(struct vmm_supply *s)
{
	vmm_image_close(&s->kernel);
	vmm_image_close(&s->initramfs);
	vmm_image_close(&s->firmware);
	vmm_image_close(&s->bundle.image);
	rl_fd_close(&s->modules);
}

/*
 * A bzImage names its version, and if the modules of that version are here, it is a
 * distribution's kernel that the caller chose: it needs them.
 */
static void find_modules(struct vmm_supply *s)
{
	if (!vmm_bzimage_version(&s->kernel, s->version, sizeof(s->version)))
		return;
	rl_fd_set(&s->modules, open_modules(s->version));
	if (rl_fd_has(&s->modules))
		s->boot = VMM_BOOT_INITRAMFS;
}

static rl_err use_file(const struct vmm_config *c, struct vmm_supply *s)
{
	s->kind = VMM_SUPPLY_FILE;
	s->boot = VMM_BOOT_ROOT;
	(void)snprintf(s->name, sizeof(s->name), "%s", c->kernel);
	RL_TRY(vmm_image_open(AT_FDCWD, c->kernel, &s->kernel), "kernel");
	vmm_supply_look();
	if (c->initramfs)
		return rl_wrap(vmm_image_open(AT_FDCWD, c->initramfs, &s->initramfs), "initramfs");
	if (c->cmdline == NULL)
		find_modules(s);
	return RL_OK;
}

static rl_err use_firmware(const struct vmm_config *c, struct vmm_supply *s)
{
	s->kind = VMM_SUPPLY_FIRMWARE;
	s->boot = VMM_BOOT_FIRMWARE;
	(void)snprintf(s->name, sizeof(s->name), "%s", c->firmware);
	return rl_wrap(vmm_image_open(AT_FDCWD, c->firmware, &s->firmware), "firmware");
}

static rl_err use_distribution(struct vmm_supply *s)
{
	int kernel = fcntl(rl_fd_get(&distribution.kernel), F_DUPFD_CLOEXEC, 0);

	RL_TRY(rl_sys(kernel, "kernel %s", distribution.version));
	s->kind = VMM_SUPPLY_DISTRIBUTION;
	s->boot = VMM_BOOT_INITRAMFS;
	memcpy(s->version, distribution.version, sizeof(s->version));
	(void)snprintf(s->name, sizeof(s->name), "vmlinuz-%s", s->version);
	RL_TRY(vmm_image_from_fd(kernel, s->name, &s->kernel));
	return rl_fd_from(fcntl(rl_fd_get(&distribution.modules), F_DUPFD_CLOEXEC, 0), &s->modules,
			  "modules of kernel %s", s->version);
}

static rl_err find(const struct vmm_config *c, struct vmm_supply *s)
{
	rl_err e;

	if (c->kernel)
		return use_file(c, s);
	if (c->firmware)
		return use_firmware(c, s);
	e = vmm_bundle_get(&s->bundle);
	if (!rl_failed(e)) {
		s->kind = VMM_SUPPLY_BUNDLE;
		s->boot = VMM_BOOT_ROOT;
		(void)snprintf(s->name, sizeof(s->name), "%s", s->bundle.name);
		return RL_OK;
	}
	if (!rl_is(e, RL_E(ENOENT)))
		return e;
	vmm_supply_look();
	if (rl_fd_has(&distribution.kernel)) {
		rl_drop(e);
		return use_distribution(s);
	}
	e = rl_wrap(e, "no kernel was found: no version in " MODULES_DIR
		       " has modules.dep and a kernel beside it or in /boot");
	return rl_hint(e, "install libkrunfw, or a distribution kernel "
			  "(linux-image-cloud-amd64, kernel-core), or call krun_set_kernel");
}

rl_err vmm_supply_find(const struct vmm_config *c, struct vmm_supply *ret)
{
	VMM_AUTO_SUPPLY struct vmm_supply s = { 0 };

	RL_TRY(find(c, &s));
	*ret = s;
	s = (struct vmm_supply){ 0 };
	return RL_OK;
}

rl_err vmm_supply_prepare(struct vmm_supply *s, const struct vmm_plan *plan)
{
	struct vmm_initramfs_wish wish = { .modules_fd = rl_fd_get(&s->modules),
					   .version = s->version };

	if (s->boot != VMM_BOOT_INITRAMFS)
		return RL_OK;
	for (unsigned i = 0; i < plan->device_count; i++) {
		wish.fs |= plan->device[i].kind == VMM_FS;
		wish.blk |= plan->device[i].kind == VMM_BLK;
		wish.net |= plan->device[i].kind == VMM_NET;
		wish.vsock |= plan->device[i].kind == VMM_VSOCK;
	}
	return vmm_initramfs_make(&wish, &s->initramfs);
}
