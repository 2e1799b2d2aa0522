/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   FREEZE   the configuration does not change any more; the facts of the host are read
 *   LAY OUT  facts and configuration become the plan, which is then sealed
 *   MAP      the machine in KVM, its RAM
 *   OPEN     devices and their files
 *   LOAD     kernel, initramfs, tables
 *   ATTACH   devices to the buses
 *   WAKE     vCPUs with their first registers
 *   CONFINE  the ids to run with, and what is asked for; everything is open by now
 *   RUN      threads, until the machine ends
 *   REPORT   its exit status, and why if that is not plain
 *
 * Every step only makes something; what was made is taken apart in one place, at the end, in
 * either case.
 */
#include "vmm/run.h"

#include "libkrun.h"
#include "vmm/boot/kernel.h"
#include "vmm/confine.h"
#include "vmm/log.h"
#include "vmm/machine.h"

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define FACTS_LIMIT ((size_t)16 << 20)
#define DRAIN_STEP_MS 50

/* ---- FREEZE ---- */

static struct vmm_stdio look_at(const int fd[3])
{
	struct vmm_stdio facts = { 0 };

	for (int i = 0; i < 3; i++) {
		facts.open[i] = fd[i] >= 0 && fcntl(fd[i], F_GETFD) >= 0;
		facts.tty[i] = facts.open[i] && isatty(fd[i]);
	}
	return facts;
}

static rl_err freeze(struct vmm_machine *m)
{
	static const int stdio[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	const struct vmm_config *c = m->config;
	struct vmm_stdio *console;
	unsigned i = 0;

	RL_TRY(vmm_kvm_open(&m->kvm, rl_fd_get(&c->kvm_fd)));
	RL_TRY(vmm_supply_find(c, &m->supply));
	RL_TRY(rl_arena_new(FACTS_LIMIT, &m->facts_arena));
	RL_TRY(rl_new_array(&m->facts_arena, c->console_count + 1, &console));
	for (const struct vmm_console *con = c->console; con; con = con->next) {
		int fd[3] = { con->in_fd, con->out_fd, con->err_fd };

		console[i++] = look_at(fd);
	}
	m->facts = (struct vmm_facts){ .vcpus_max = m->kvm.vcpus_max,
				       .address_bits = m->kvm.address_bits,
				       .nested = m->kvm.nested,
				       .hostname = "localhost",
				       .boot = m->supply.boot,
				       .stdio = look_at(stdio),
				       .console_stdio = console };
	return RL_OK;
}

/* ---- LAY OUT ---- */

static rl_err lay_out(struct vmm_machine *m)
{
	RL_TRY(vmm_plan_make(m->config, &m->facts, &m->plan));
	return rl_arena_seal(&m->plan.arena);
}

/* ---- MAP ---- */

static rl_err map_ram(struct vmm_machine *m, const struct vmm_span *span)
{
	struct vmm_region *region = &m->mem.region[m->mem.count];
	void *host = mmap(NULL, span->size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (host == MAP_FAILED)
		return rl_sys(-1, "get %" PRIu64 " MiB of memory for the guest",
			      (uint64_t)(span->size >> 20));
	/* A core file of ours is not to be one of the guest. */
	(void)madvise(host, span->size, MADV_DONTDUMP);
	*region = (struct vmm_region){ .start = span->start, .size = span->size, .host = host };
	m->mem.count++;
	return vmm_kvm_map(&m->kvm, span->start, span->size, host);
}

static rl_err map_firmware(struct vmm_machine *m)
{
	const struct vmm_image *f = &m->supply.firmware;
	uint64_t size = (f->size + 4095) & ~4095ull;
	void *host;

	if (f->size == 0)
		return RL_OK;
	if (f->size % 4096 || size > LAYOUT_FIRMWARE_MAX)
		return rl_refuse(RL_E(EINVAL),
				 "firmware %s: %zu bytes are not whole pages of at most 16 MiB",
				 m->supply.name, f->size);
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, rl_fd_get(&f->fd), 0);
	if (host == MAP_FAILED)
		return rl_sys(-1, "map the firmware");
	RL_TRY(vmm_kvm_map(&m->kvm, GPA(LAYOUT_4G - size), size, host));
	/* Real mode reaches the first MiB only: as on a PC, the end of it is there as well. */
	if (size > LAYOUT_BIOS_COPY_MAX)
		size = LAYOUT_BIOS_COPY_MAX;
	return vmm_image_place(f, f->size - size, size, &m->mem, GPA(LAYOUT_HIGH_RAM - size));
}

static rl_err map(struct vmm_machine *m)
{
	RL_TRY(vmm_kvm_make_vm(&m->kvm));
	for (unsigned i = 0; i < m->plan.region_count; i++)
		RL_TRY(map_ram(m, &m->plan.region[i]));
	RL_TRY(map_firmware(m));
	return vmm_kvm_make_irqchip(&m->kvm, m->config->split_irqchip);
}

/* ---- OPEN, LOAD, ATTACH ---- */

static void take_exit_code(void *arg, int code)
{
	vmm_outcome_code(arg, code);
}

static void on_resize(void *arg)
{
	vmm_devices_resized(arg);
}

static rl_err open_devices(struct vmm_machine *m)
{
	RL_TRY(vmm_loop_new(&m->loop));
	vmm_outcome_init(&m->outcome, m->loop);
	RL_TRY(vmm_stop_open(&m->stop, m->loop, &m->outcome));
	m->env = (struct vmm_virtio_env){ .loop = m->loop,
					  .mem = &m->mem,
					  .exit_code = take_exit_code,
					  .exit_arg = &m->outcome };
	return vmm_devices_make(m);
}

static rl_err load(struct vmm_machine *m)
{
	RL_TRY(vmm_supply_prepare(&m->supply, &m->plan));
	return vmm_kernel_load(&m->plan, &m->supply, &m->mem, &m->entry);
}

/* ---- WAKE ---- */

static rl_err wake(struct vmm_machine *m)
{
	m->vcpu = calloc(m->plan.vcpus, sizeof(*m->vcpu));
	if (m->vcpu == NULL)
		return rl_nomem();
	for (unsigned i = 0; i < m->plan.vcpus; i++) {
		struct vmm_cpu_choice choice = { .index = i,
						 .count = m->plan.vcpus,
						 .nested = m->config->nested };
		struct vmm_vcpu *v = &m->vcpu[i];

		RL_TRY(vmm_vcpu_new(&m->kvm, &choice, v));
		m->vcpu_count++;
		v->ports = &m->ports;
		v->mmio = &m->mmio;
		v->outcome = &m->outcome;
	}
	return vmm_kvm_set_entry(rl_fd_get(&m->vcpu[0].fd), &m->entry);
}

/* ---- CONFINE ---- */

static rl_err confine(struct vmm_machine *m)
{
	const struct vmm_config *c = m->config;

	/* The kernel is loaded; what else was opened for it leads out of the caller's root. */
	vmm_supply_forget();
	rl_fd_close(&m->supply.modules);
	if (c->gid.set)
		RL_TRY(rl_sys(setgid(c->gid.id), "become group %u", c->gid.id));
	if (c->uid.set)
		RL_TRY(rl_sys(setuid(c->uid.id), "become user %u", c->uid.id));
	if (c->confinement & KRUN_CONFINE_FILES)
		RL_TRY(vmm_confine_to(c, &m->facts_arena), "confine the process");
	if (c->confinement & KRUN_CONFINE_CALLS)
		RL_TRY(vmm_confine_calls(), "confine the process");
	return RL_OK;
}

/* ---- RUN ---- */

static void set_name(const struct vmm_config *c)
{
	char name[16] = "libkrun VM";

	for (size_t i = 0; c->env_set && i < c->env.count; i++) {
		if (strncmp(c->env.item[i], "HOSTNAME=", 9) == 0)
			(void)snprintf(name, sizeof(name), "VM:%.12s", c->env.item[i] + 9);
	}
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

static uint64_t microseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The guest has stopped, its output may not have arrived yet; a stuck reader gets the grace time.
 */
static void drain(struct vmm_machine *m)
{
	const uint64_t end = microseconds() + VMM_STOP_GRACE_MS * 1000ull;

	/* By the clock: a source that never falls silent must not keep a dead machine. */
	while (microseconds() < end) {
		bool busy;

		vmm_loop_lock(m->loop);
		busy = vmm_devices_busy(m);
		vmm_loop_unlock(m->loop);
		if (!vmm_loop_step(m->loop, busy ? DRAIN_STEP_MS : 0) && !busy)
			return;
	}
}

static rl_err run(struct vmm_machine *m)
{
	rl_err e = RL_OK;

	m->stop.event_fd = rl_fd_get(&m->config->shutdown_fd);
	m->stop.interrupt_too = !m->facts.stdio.tty[0];
	m->stop.resized = on_resize;
	m->stop.resized_arg = m;
	RL_TRY(vmm_stop_install(&m->stop));
	RL_TRY(vmm_vcpu_prepare_kick());
	set_name(m->config);
	vmm_log(VMM_LOG_DEBUG, "machine", "made in %" PRIu64 " us with kernel %s",
		microseconds() - m->started, m->supply.name);
	for (unsigned i = 0; i < m->vcpu_count && !rl_failed(e); i++)
		e = vmm_vcpu_start(&m->vcpu[i]);
	if (!rl_failed(e) && rl_fd_has(&m->config->ready_fd))
		(void)close(rl_fd_get(&m->config->ready_fd));
	if (!rl_failed(e))
		e = vmm_loop_run(m->loop);
	if (rl_failed(e))
		vmm_outcome_end(&m->outcome, VMM_END_FAULT, "%s", rl_text(e));
	for (unsigned i = 0; i < m->vcpu_count; i++)
		vmm_vcpu_stop(&m->vcpu[i]);
	drain(m);
	return e;
}

/* ---- REPORT ---- */

/* Whether init of ours was to tell the status. */
static bool our_init(const struct vmm_machine *m)
{
	if (m->facts.boot == VMM_BOOT_INITRAMFS)
		return true;
	for (const struct vmm_fs *fs = m->config->fs; fs; fs = fs->next) {
		if (fs->with_init && m->facts.boot == VMM_BOOT_ROOT && !m->config->cmdline)
			return true;
	}
	return false;
}

static void say(const char *text)
{
	if (vmm_log_is_set())
		vmm_log(VMM_LOG_ERROR, "machine", "%s", text);
	else
		(void)dprintf(STDERR_FILENO, "libkrun: %s\n", text);
}

static int report(struct vmm_machine *m)
{
	char tail[1024];
	const char *reason;
	int status = vmm_outcome_exit_status(&m->outcome, our_init(m), &reason);
	uint64_t exits = 0;

	for (unsigned i = 0; i < m->vcpu_count; i++)
		exits += m->vcpu[i].exits;
	vmm_log(VMM_LOG_DEBUG, "machine", "ended, status %d, %" PRIu64 " exits to user space",
		status, exits);
	if (*reason == '\0')
		return status;
	say(reason);
	vmm_console_log_tail(&m->console_log, tail, sizeof(tail));
	if (*tail && !m->outcome.has_status)
		say(tail);
	return status;
}

/* ---- The walk ---- */

static void take_apart(struct vmm_machine *m)
{
	for (unsigned i = 0; i < m->vcpu_count; i++)
		vmm_vcpu_free(&m->vcpu[i]);
	free(m->vcpu);
	vmm_devices_free(m);
	vmm_stop_close(&m->stop);
	vmm_loop_free(m->loop);
	vmm_bus_free(&m->ports);
	vmm_bus_free(&m->mmio);
	vmm_kvm_close(&m->kvm);
	for (unsigned i = 0; i < m->mem.count; i++)
		(void)munmap(m->mem.region[i].host, m->mem.region[i].size);
	vmm_supply_free(&m->supply);
	vmm_plan_free(&m->plan);
	rl_arena_free(&m->facts_arena);
}

static rl_err walk(struct vmm_machine *m, int *ret_status)
{
	RL_TRY(freeze(m));
	RL_TRY(lay_out(m));
	RL_TRY(map(m));
	RL_TRY(open_devices(m));
	RL_TRY(load(m));
	RL_TRY(vmm_devices_attach(m));
	RL_TRY(wake(m));
	RL_TRY(confine(m));
	RL_TRY(run(m));
	*ret_status = report(m);
	return RL_OK;
}

rl_err vmm_run(const struct vmm_config *config, int *ret_status)
{
	struct vmm_machine m = { .config = config, .started = microseconds() };
	rl_err e = walk(&m, ret_status);

	take_apart(&m);
	return e;
}
