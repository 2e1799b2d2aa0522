/* SPDX-License-Identifier: Apache-2.0 */
/* From the plan's devices to real ones on the buses. */
#include "vmm/machine.h"

#include "vmm/bus/power.h"
#include "vmm/init_blob.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/fs/fs.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/rng.h"
#include "vmm/virtio/vsock/vsock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Consoles ---- */

static rl_err open_console_file(struct vmm_machine *m)
{
	const char *path = m->config->console_output;

	if (rl_fd_has(&m->console_file))
		return RL_OK;
	return rl_fd_from(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644),
			  &m->console_file, "open the console's output %s", path);
}

static rl_err make_port(struct vmm_machine *m, const struct vmm_console_port_plan *plan,
			struct vmm_console_port_config *ret)
{
	struct vmm_console_port_config port = { .name = plan->name,
						.is_console = plan->is_console,
						.in_fd = plan->in_fd,
						.out_fd = plan->out_fd,
						.tty_fd = plan->tty_fd };

	if (plan->to_file) {
		RL_TRY(open_console_file(m));
		port.out_fd = rl_fd_get(&m->console_file);
	}
	if (plan->to_log) {
		if (m->console_log.loop == NULL)
			RL_TRY(vmm_console_log_open(&m->console_log, m->loop));
		port.out_fd = rl_fd_get(&m->console_log.write_fd);
	}
	if (plan->control)
		port.in_fd = rl_fd_get(&m->stop.control_guest);
	*ret = port;
	return RL_OK;
}

static rl_err make_console(struct vmm_machine *m, const struct vmm_device_plan *d,
			   struct vmm_virtio_device **ret)
{
	struct vmm_console_port_config *port;

	RL_TRY(rl_new_array(&m->facts_arena, d->port_count, &port));
	for (unsigned i = 0; i < d->port_count; i++)
		RL_TRY(make_port(m, &d->port[i], &port[i]));
	return vmm_console_new(&m->env, d->name, port, d->port_count, ret);
}

/* ---- File systems ---- */

static rl_err make_fs(struct vmm_machine *m, const struct vmm_device_plan *d,
		      struct vmm_virtio_device **ret)
{
	const struct vmm_fs *fs = d->fs;
	struct vmm_fs_config config = {
		.tag = fs->tag, .path = fs->path, .read_only = fs->read_only, .window = d->shm_size
	};
	struct vmm_fs_entry *entry;
	size_t n = 1;

	for (const struct vmm_overlay *o = fs->overlay; o; o = o->next)
		n++;
	RL_TRY(rl_new_array(&m->facts_arena, n, &entry));
	n = 0;
	/* Only a kernel that starts init from the root needs it there. */
	if (fs->with_init && m->facts.boot == VMM_BOOT_ROOT && vmm_init_blob_size() > 0)
		entry[n++] = (struct vmm_fs_entry){ .path = "init.krun",
						    .data = vmm_init_blob(),
						    .size = vmm_init_blob_size(),
						    .mode = S_IFREG | 0755,
						    .one_shot = true };
	for (const struct vmm_overlay *o = fs->overlay; o; o = o->next)
		entry[n++] = (struct vmm_fs_entry){ .path = o->path,
						    .data = o->data,
						    .size = o->size,
						    .mode = o->mode,
						    .one_shot = o->one_shot };
	config.entry = entry;
	config.entry_count = n;
	return vmm_fs_new(&m->env, &config, ret);
}

static rl_err make_disk(struct vmm_machine *m, const struct vmm_device_plan *d,
			struct vmm_virtio_device **ret)
{
	struct vmm_blk_config config = { .id = d->disk.id,
					 .path = d->disk.path,
					 .read_only = d->disk.read_only,
					 .direct_io = d->disk.direct_io,
					 .flush = d->disk.sync != VMM_SYNC_NONE };

	return vmm_blk_new(&m->env, &config, ret);
}

static rl_err make_net(struct vmm_machine *m, const struct vmm_device_plan *d,
		       struct vmm_virtio_device **ret)
{
	static const enum vmm_net_kind kinds[] = { VMM_NET_STREAM, VMM_NET_DGRAM, VMM_NET_TAP };
	struct vmm_net_config config = { .kind = kinds[d->net.backend],
					 .name = d->name,
					 .path = d->net.path,
					 .fd = d->net.fd,
					 .vfkit = d->net.vfkit,
					 .features = d->net.features };

	memcpy(config.mac, d->net.mac, sizeof(config.mac));
	return vmm_net_new(&m->env, &config, ret);
}

static rl_err make_vsock(struct vmm_machine *m, struct vmm_virtio_device **ret)
{
	struct vmm_vsock_port *port;
	unsigned n = 0;

	for (const struct vmm_vsock_map *v = m->config->vsock; v; v = v->next)
		n++;
	RL_TRY(rl_new_array(&m->facts_arena, n + 1, &port));
	n = 0;
	for (const struct vmm_vsock_map *v = m->config->vsock; v; v = v->next)
		port[n++] = (struct vmm_vsock_port){ v->port, v->path, v->listen };
	return vmm_vsock_new(&m->env, port, n, ret);
}

/* The window's address space: reserved, and unreachable until the device maps a file there. */
static rl_err place_window(const struct vmm_device_plan *d, struct vmm_virtio_device *dev)
{
	void *host;

	if (dev->shm[0].size == 0)
		return RL_OK;
	host = mmap(NULL, d->shm_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
	if (host == MAP_FAILED)
		return rl_sys(-1, "%s: reserve a window of %llu bytes", d->name,
			      (unsigned long long)d->shm_size);
	dev->shm[0].at = d->shm_at;
	dev->shm[0].host = host;
	return RL_OK;
}

static rl_err make_device(struct vmm_machine *m, const struct vmm_device_plan *d,
			  struct vmm_virtio_device **ret)
{
	switch (d->kind) {
	case VMM_CONSOLE:
		return make_console(m, d, ret);
	case VMM_FS:
		return make_fs(m, d, ret);
	case VMM_RNG:
		return vmm_rng_new(&m->env, ret);
	case VMM_BLK:
		return make_disk(m, d, ret);
	case VMM_NET:
		return make_net(m, d, ret);
	case VMM_VSOCK:
		return make_vsock(m, ret);
	default:
		return rl_refuse(RL_E(ENOTSUP), "not built in");
	}
}

static rl_err make_virtio(struct vmm_machine *m)
{
	RL_TRY(rl_new_array(&m->facts_arena, m->plan.device_count + 1, &m->device));
	for (unsigned i = 0; i < m->plan.device_count; i++) {
		const struct vmm_device_plan *d = &m->plan.device[i];
		struct vmm_virtio_device *dev;

		RL_TRY(make_device(m, d, &dev), "%s", d->name);
		RL_TRY(vmm_mmio_new(&m->env, dev, &m->kvm, d->mmio, d->gsi,
				    &m->device[m->device_count]));
		m->device_count++;
		RL_TRY(place_window(d, dev));
	}
	return RL_OK;
}

static rl_err make_serial(struct vmm_machine *m, unsigned i)
{
	const struct vmm_serial_plan *s = &m->plan.serial[i];

	RL_TRY(rl_fd_from(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), &m->serial_irq[i],
			  "make an eventfd"));
	RL_TRY(vmm_kvm_irqfd(&m->kvm, rl_fd_get(&m->serial_irq[i]), s->gsi));
	return vmm_serial_new(m->loop, s->in_fd, s->out_fd, rl_fd_get(&m->serial_irq[i]),
			      &m->serial[i]);
}

rl_err vmm_devices_make(struct vmm_machine *m)
{
	RL_TRY(make_virtio(m));
	for (unsigned i = 0; i < m->plan.serial_count; i++)
		RL_TRY(make_serial(m, i), "serial port %u", i);
	if (m->config->split_irqchip)
		RL_TRY(vmm_ioapic_new(&m->kvm, &m->ioapic));
	vmm_guest_device_init(&m->guest_device, m->plan.blob, m->plan.blob_size, &m->outcome);
	return RL_OK;
}

rl_err vmm_devices_attach(struct vmm_machine *m)
{
	for (unsigned i = 0; i < m->device_count; i++)
		RL_TRY(vmm_mmio_attach(m->device[i], &m->mmio));
	for (unsigned i = 0; i < m->plan.serial_count; i++)
		RL_TRY(vmm_serial_attach(m->serial[i], &m->ports, m->plan.serial[i].port));
	if (m->ioapic)
		RL_TRY(vmm_ioapic_attach(m->ioapic, &m->mmio));
	RL_TRY(vmm_power_attach(&m->outcome, &m->ports));
	return vmm_guest_device_attach(&m->guest_device, &m->ports);
}

void vmm_devices_free(struct vmm_machine *m)
{
	for (unsigned i = 0; i < m->device_count; i++)
		vmm_mmio_free(m->device[i]);
	m->device_count = 0;
	for (unsigned i = 0; i < VMM_SERIALS_MAX; i++) {
		vmm_serial_free(m->serial[i]);
		m->serial[i] = NULL;
		rl_fd_close(&m->serial_irq[i]);
	}
	vmm_ioapic_free(m->ioapic);
	rl_fd_close(&m->console_file);
	vmm_console_log_close(&m->console_log);
}

bool vmm_devices_busy(const struct vmm_machine *m)
{
	for (unsigned i = 0; i < m->device_count; i++) {
		struct vmm_virtio_device *dev = vmm_mmio_device(m->device[i]);

		if (dev->ops->busy && dev->ops->busy(dev))
			return true;
	}
	return false;
}

void vmm_devices_resized(const struct vmm_machine *m)
{
	for (unsigned i = 0; i < m->device_count; i++) {
		if (m->plan.device[i].kind == VMM_CONSOLE)
			vmm_console_resized(vmm_mmio_device(m->device[i]));
	}
}
