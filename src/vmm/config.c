/* SPDX-License-Identifier: Apache-2.0 */
/* The setters of machine, kernel and workload; config_devices.c and config_net.c have the others.
 */
#include "vmm/config.h"

#include "libkrun.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* Address space of a context; real memory is what is used. Environments can be large. */
#define ARENA_LIMIT ((size_t)256 << 20)
#define STRINGS_MAX (1u << 20)

/* The address of the old calls until krun_set_net_mac: that of the original. */
static const uint8_t old_mac[6] = { 0x5a, 0x94, 0xef, 0xe4, 0x0c, 0xee };

rl_err vmm_config_new(struct vmm_config **ret)
{
	struct rl_arena arena = { 0 };
	struct vmm_config *c;

	RL_TRY(rl_arena_new(ARENA_LIMIT, &arena));
	RL_TRY(rl_new(&arena, &c));
	c->arena = arena; /* the arena holds the configuration that owns it */
	c->vcpus = 1;
	c->ram_mib = 128;
	c->fs_end = &c->fs;
	c->disk_end = &c->disk;
	c->net_end = &c->net;
	memcpy(c->old_mac, old_mac, sizeof(c->old_mac));
	c->vsock_end = &c->vsock;
	c->console_end = &c->console;
	c->rlimit_end = &c->rlimit;
	*ret = c;
	return RL_OK;
}

void vmm_config_free(struct vmm_config *c)
{
	struct rl_arena arena;

	if (c == NULL)
		return;
	rl_fd_close(&c->shutdown_fd);
	rl_fd_close(&c->kvm_fd);
	/* After a failed start it still is the caller's. */
	(void)rl_fd_take(&c->ready_fd);
	arena = c->arena;
	rl_arena_free(&arena);
}

rl_err vmm_config_exists(const struct vmm_config *c)
{
	return c ? RL_OK : rl_refuse(RL_E(ENOENT), "there is no such context");
}

/* The length of the UTF-8 sequence at s, 0 if it is none (overlong, surrogate, out of range). */
static size_t utf8_length(const unsigned char *s)
{
	uint32_t code;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	if (n == 0 || s[0] > 0xf4)
		return 0;
	code = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

rl_err vmm_config_text(const char *what, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	if (s == NULL)
		return rl_refuse(RL_E(EINVAL), "%s: the pointer is NULL", what);
	while (*p) {
		size_t n = utf8_length(p);

		if (n == 0)
			return rl_refuse(RL_E(EINVAL), "%s: byte %zu is not UTF-8", what,
					 (size_t)(p - (const unsigned char *)s));
		p += n;
	}
	return RL_OK;
}

rl_err vmm_config_copy(struct vmm_config *c, const char *s, const char **ret)
{
	if (s == NULL) {
		*ret = NULL;
		return RL_OK;
	}
	return rl_arena_str(&c->arena, s, ret);
}

/* A NULL list is empty. */
static rl_err check_list(const char *what, const char *const list[], size_t *ret_count)
{
	size_t n = 0;

	while (list && list[n]) {
		RL_TRY(vmm_config_text(what, list[n]));
		if (++n == STRINGS_MAX)
			return rl_refuse(RL_E(E2BIG), "%s: more than %u strings (no final NULL?)",
					 what, STRINGS_MAX);
	}
	*ret_count = n;
	return RL_OK;
}

static rl_err copy_list(struct vmm_config *c, const char *const list[], size_t count,
			struct vmm_strings *ret)
{
	struct vmm_strings copy = { .count = count };

	RL_TRY(rl_new_array(&c->arena, count + 1, &copy.item));
	for (size_t i = 0; i < count; i++)
		RL_TRY(rl_arena_str(&c->arena, list[i], &copy.item[i]));
	*ret = copy;
	return RL_OK;
}

rl_err vmm_config_machine(struct vmm_config *c, uint8_t vcpus, uint32_t ram_mib)
{
	if (vcpus == 0)
		return rl_refuse(RL_E(EINVAL), "a machine has at least 1 vCPU");
	if (ram_mib == 0)
		return rl_refuse(RL_E(EINVAL), "a machine has at least 1 MiB of RAM");
	RL_TRY(vmm_config_exists(c));
	c->vcpus = vcpus;
	c->ram_mib = ram_mib;
	return RL_OK;
}

rl_err vmm_config_nested(struct vmm_config *c, bool on)
{
	RL_TRY(vmm_config_exists(c));
	c->nested = on;
	return RL_OK;
}

rl_err vmm_config_split_irqchip(struct vmm_config *c, bool on)
{
	RL_TRY(vmm_config_exists(c));
	c->split_irqchip = on;
	return RL_OK;
}

rl_err vmm_config_uid(struct vmm_config *c, uint32_t uid)
{
	RL_TRY(vmm_config_exists(c));
	c->uid = (struct vmm_id){ .set = true, .id = uid };
	return RL_OK;
}

rl_err vmm_config_gid(struct vmm_config *c, uint32_t gid)
{
	RL_TRY(vmm_config_exists(c));
	c->gid = (struct vmm_id){ .set = true, .id = gid };
	return RL_OK;
}

rl_err vmm_config_smbios(struct vmm_config *c, const char *const strings[])
{
	size_t count;

	if (strings == NULL)
		return rl_refuse(RL_E(EINVAL), "the list of OEM strings is NULL");
	RL_TRY(check_list("OEM string", strings, &count));
	return vmm_config_exists(c);
}

rl_err vmm_config_shutdown_fd(struct vmm_config *c, int *ret_fd)
{
	RL_TRY(vmm_config_exists(c));
	if (!rl_fd_has(&c->shutdown_fd))
		RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &c->shutdown_fd,
				  "make the shutdown eventfd"));
	*ret_fd = rl_fd_get(&c->shutdown_fd);
	return RL_OK;
}

rl_err vmm_config_kvm_fd(struct vmm_config *c, int fd)
{
	struct rl_fd RL_AUTO_FD copy = { 0 };

	RL_TRY(rl_fd_from(fcntl(fd, F_DUPFD_CLOEXEC, 0), &copy, "copy descriptor %d", fd));
	RL_TRY(vmm_config_exists(c));
	rl_fd_set(&c->kvm_fd, rl_fd_take(&copy));
	return RL_OK;
}

rl_err vmm_config_confinement(struct vmm_config *c, uint32_t flags)
{
	if (flags & ~(uint32_t)(KRUN_CONFINE_CALLS | KRUN_CONFINE_FILES))
		return rl_refuse(RL_E(EINVAL), "confinement 0x%x is unknown", flags);
	RL_TRY(vmm_config_exists(c));
	c->confinement = flags;
	return RL_OK;
}

rl_err vmm_config_ready_fd(struct vmm_config *c, int fd)
{
	RL_TRY(rl_sys(fcntl(fd, F_GETFD), "descriptor %d", fd));
	RL_TRY(vmm_config_exists(c));
	(void)rl_fd_take(&c->ready_fd);
	c->ready_fd = rl_fd_own(fd);
	return RL_OK;
}

rl_err vmm_config_kernel(struct vmm_config *c, const char *path, uint32_t format,
			 const char *initramfs, const char *cmdline)
{
	RL_TRY(vmm_config_text("kernel path", path));
	if (initramfs)
		RL_TRY(vmm_config_text("initramfs path", initramfs));
	if (cmdline)
		RL_TRY(vmm_config_text("kernel command line", cmdline));
	if (format > VMM_KERNEL_ZSTD)
		return rl_refuse(RL_E(EINVAL), "kernel format %u is unknown", format);
	if (format == VMM_KERNEL_RAW)
		RL_TRY(rl_sys(access(path, R_OK), "read the kernel %s", path));
	if (initramfs)
		RL_TRY(rl_sys(access(initramfs, R_OK), "read the initramfs %s", initramfs));
	RL_TRY(vmm_config_exists(c));
	RL_TRY(vmm_config_copy(c, path, &c->kernel));
	RL_TRY(vmm_config_copy(c, initramfs, &c->initramfs));
	RL_TRY(vmm_config_copy(c, cmdline, &c->cmdline));
	c->kernel_format = (enum vmm_kernel_format)format;
	return RL_OK;
}

rl_err vmm_config_firmware(struct vmm_config *c, const char *path)
{
	RL_TRY(vmm_config_text("firmware path", path));
	RL_TRY(vmm_config_exists(c));
	return vmm_config_copy(c, path, &c->firmware);
}

/* The caller's environment is not ours to judge: what is not UTF-8 passes unchanged. */
static rl_err set_env(struct vmm_config *c, const char *const envp[], size_t count)
{
	const char *const *list = envp;

	if (list == NULL) {
		list = (const char *const *)environ;
		for (count = 0; list && list[count] && count < STRINGS_MAX; count++)
			;
	}
	RL_TRY(copy_list(c, list, count, &c->env));
	c->env_set = true;
	return RL_OK;
}

rl_err vmm_config_exec(struct vmm_config *c, const char *path, const char *const argv[],
		       const char *const envp[])
{
	size_t args, vars;

	RL_TRY(vmm_config_text("path of the program", path));
	RL_TRY(check_list("argument", argv, &args));
	RL_TRY(check_list("environment variable", envp, &vars));
	RL_TRY(vmm_config_exists(c));
	RL_TRY(vmm_config_copy(c, path, &c->exec));
	RL_TRY(copy_list(c, argv, args, &c->argv));
	return set_env(c, envp, vars);
}

rl_err vmm_config_env(struct vmm_config *c, const char *const envp[])
{
	size_t vars;

	RL_TRY(check_list("environment variable", envp, &vars));
	RL_TRY(vmm_config_exists(c));
	return set_env(c, envp, vars);
}

rl_err vmm_config_container(struct vmm_config *c, const char *json)
{
	RL_TRY(vmm_config_text("container's configuration", json));
	RL_TRY(vmm_config_exists(c));
	return vmm_config_copy(c, json, &c->container);
}

rl_err vmm_config_workdir(struct vmm_config *c, const char *path)
{
	RL_TRY(vmm_config_text("working directory", path));
	RL_TRY(vmm_config_exists(c));
	return vmm_config_copy(c, path, &c->workdir);
}

/* A decimal number that ends at `end`. */
static bool parse_number(const char *s, char end, uint64_t *ret, const char **ret_rest)
{
	char *rest;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoull(s, &rest, 10);
	*ret_rest = rest + (end != '\0');
	return errno == 0 && *rest == end;
}

static rl_err parse_rlimit(const char *text, struct vmm_rlimit *r)
{
	const char *p = text;
	uint64_t resource;

	/* The original's init accepts both separators after the number. */
	if (!parse_number(p, strchr(p, '=') ? '=' : ':', &resource, &p) ||
	    !parse_number(p, ':', &r->soft, &p) || !parse_number(p, '\0', &r->hard, &p))
		return rl_refuse(RL_E(EINVAL), "rlimit \"%s\" is not NUMBER=SOFT:HARD", text);
	if (resource >= RLIM_NLIMITS)
		return rl_refuse(RL_E(EINVAL), "rlimit \"%s\": there is no resource %llu", text,
				 (unsigned long long)resource);
	if (r->soft > r->hard)
		return rl_refuse(RL_E(EINVAL), "rlimit \"%s\": soft is above hard", text);
	r->resource = (uint32_t)resource;
	return RL_OK;
}

rl_err vmm_config_rlimits(struct vmm_config *c, const char *const rlimits[])
{
	struct vmm_rlimit checked, *first = NULL, **end = &first;
	size_t count;

	if (rlimits == NULL)
		return rl_refuse(RL_E(EINVAL), "the list of rlimits is NULL");
	RL_TRY(check_list("rlimit", rlimits, &count));
	for (size_t i = 0; i < count; i++)
		RL_TRY(parse_rlimit(rlimits[i], &checked));
	RL_TRY(vmm_config_exists(c));
	for (size_t i = 0; i < count; i++) {
		RL_TRY(rl_new(&c->arena, end));
		RL_TRY(parse_rlimit(rlimits[i], *end));
		end = &(*end)->next;
	}
	c->rlimit = first;
	return RL_OK;
}
