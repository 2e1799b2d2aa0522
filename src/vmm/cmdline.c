/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/cmdline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the kernel's command line hands to init at most (init/main.c: MAX_INIT_ARGS, _ENVS). */
#define INIT_ARGS_MAX 32
#define INIT_VARS_MAX 32

/* Grows until it is full; the length tells by how much it would be too long. */
struct line {
	char text[LAYOUT_CMDLINE_MAX];
	size_t len;
};

RL_PRINTF(2, 3) static void add(struct line *l, const char *fmt, ...)
{
	size_t room = l->len < sizeof(l->text) ? sizeof(l->text) - l->len : 0;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(room ? l->text + l->len : NULL, room, fmt, args);
	va_end(args);
	l->len += n > 0 ? (size_t)n : 0;
}

static const char *prolog(const struct vmm_config *c, enum vmm_boot boot)
{
	if (c->cmdline)
		return c->cmdline;
	switch (boot) {
	case VMM_BOOT_INITRAMFS:
		return "reboot=k panic=-1 panic_print=0 console=hvc0 quiet rdinit=/init";
	case VMM_BOOT_ROOT:
		return "reboot=k panic=-1 panic_print=0 nomodule console=hvc0 rootfstype=virtiofs "
		       "rw quiet no-kvmapf init=/init.krun";
	case VMM_BOOT_FIRMWARE:
	default:
		return "";
	}
}

/* `text` with the value of its (first) console= replaced, or console= appended. */
static void add_with_console(struct line *l, const char *text, const char *console)
{
	const char *word = text;

	while ((word = strstr(word, "console=")) != NULL && word != text && word[-1] != ' ')
		word++;
	if (word == NULL) {
		add(l, "%s%sconsole=%s", text, *text ? " " : "", console);
		return;
	}
	add(l, "%.*sconsole=%s%s", (int)(word - text), text, console, word + strcspn(word, " "));
}

/* Kernels without ACPI find the devices here. Registering one twice does no harm. */
static void add_devices(struct line *l, const struct vmm_plan *p)
{
	for (unsigned i = 0; i < p->device_count; i++)
		add(l, " virtio_mmio.device=4K@0x%" PRIx64 ":%u", p->device[i].mmio.addr,
		    p->device[i].gsi);
}

static rl_err add_workload(struct line *l, const struct vmm_config *c)
{
	const char *sep = " KRUN_RLIMITS=\"";
	bool dhcp = false;
	size_t args = c->exec ? c->argv.count : 0;

	if (c->env_set && c->env.count > INIT_VARS_MAX)
		return rl_refuse(RL_E(E2BIG),
				 "%zu environment variables: an init of your own gets at most %d",
				 c->env.count, INIT_VARS_MAX);
	if (args > INIT_ARGS_MAX)
		return rl_refuse(RL_E(E2BIG), "%zu arguments: an init of your own gets at most %d",
				 args, INIT_ARGS_MAX);
	if (c->exec)
		add(l, " KRUN_INIT=%s", c->exec);
	if (c->workdir)
		add(l, " KRUN_WORKDIR=%s", c->workdir);
	if (c->remount_device)
		add(l, " KRUN_BLOCK_ROOT_DEVICE=%s", c->remount_device);
	if (c->remount_fstype)
		add(l, " KRUN_BLOCK_ROOT_FSTYPE=%s", c->remount_fstype);
	if (c->remount_options)
		add(l, " KRUN_BLOCK_ROOT_OPTIONS=%s", c->remount_options);
	for (const struct vmm_net *n = c->net; n; n = n->next)
		dhcp |= n->dhcp;
	if (dhcp)
		add(l, " KRUN_DHCP=1");
	for (const struct vmm_rlimit *r = c->rlimit; r; r = r->next, sep = ",")
		add(l, "%s%u=%" PRIu64 ":%" PRIu64, sep, r->resource, r->soft, r->hard);
	if (c->rlimit)
		add(l, "\"");
	for (size_t i = 0; c->env_set && i < c->env.count; i++) {
		const char *value = strchr(c->env.item[i], '=');

		if (value)
			add(l, " %.*s=\"%s\"", (int)(value - c->env.item[i]), c->env.item[i],
			    value + 1);
	}
	return RL_OK;
}

static rl_err check(const struct line *l)
{
	if (l->len >= VMM_CMDLINE_MAX)
		return rl_refuse(RL_E(E2BIG),
				 "the kernel command line has %zu bytes, the kernel takes %d",
				 l->len, VMM_CMDLINE_MAX - 1);
	for (size_t i = 0; i < l->len; i++) {
		unsigned char byte = (unsigned char)l->text[i];

		if (byte < ' ' || byte > '~')
			return rl_refuse(RL_E(EILSEQ),
					 "the kernel command line has byte 0x%02x at offset %zu",
					 byte, i);
	}
	return RL_OK;
}

rl_err vmm_cmdline_make(struct vmm_plan *p, const struct vmm_facts *facts, const char **ret)
{
	const struct vmm_config *c = p->config;
	const char *start = prolog(c, facts->boot);
	struct line *l;

	if (facts->boot == VMM_BOOT_FIRMWARE) {
		*ret = "";
		return RL_OK;
	}
	RL_TRY(rl_new(&p->arena, &l));
	if (c->kernel_console)
		add_with_console(l, start, c->kernel_console);
	else
		add(l, "%s", start);
	if (p->serial_count == 0 && facts->boot == VMM_BOOT_INITRAMFS)
		add(l, " 8250.nr_uarts=0"); /* do not look for what is not there */
	if (facts->boot == VMM_BOOT_ROOT)
		add_devices(l, p);
	if (c->no_implicit_init && !c->cmdline)
		RL_TRY(add_workload(l, c));
	if (c->no_implicit_init && !c->cmdline && c->exec && c->argv.count > 0) {
		add(l, " --");
		for (size_t i = 0; i < c->argv.count; i++)
			add(l, " %s", c->argv.item[i]);
	}
	RL_TRY(check(l));
	*ret = l->text;
	return RL_OK;
}
