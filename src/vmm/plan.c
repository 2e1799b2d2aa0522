/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/plan.h"

#include "guest/proto.h"
#include "vmm/cmdline.h"

#include <inttypes.h>
#include <string.h>

#define PLAN_LIMIT ((size_t)64 << 20)
#define MIB (1ull << 20)

void vmm_plan_free(struct vmm_plan *plan)
{
	struct rl_arena arena = plan->arena;

	rl_arena_free(&arena);
	*plan = (struct vmm_plan){ 0 };
}

static uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* ---- Memory ---- */

static rl_err plan_memory(struct vmm_plan *p, const struct vmm_facts *facts)
{
	uint64_t limit = 1ull << facts->address_bits;

	/* uint32_t MiB: no overflow in 64 bits. */
	p->ram = p->config->ram_mib * MIB;
	p->region[0] = (struct vmm_span){ GPA(0), p->ram < LAYOUT_GAP ? p->ram : LAYOUT_GAP };
	p->region_count = 1;
	p->end = GPA(LAYOUT_4G);
	if (p->ram > LAYOUT_GAP) {
		p->region[1] = (struct vmm_span){ GPA(LAYOUT_4G), p->ram - LAYOUT_GAP };
		p->region_count = 2;
		p->end = gpa_add(p->end, p->region[1].size);
	}
	if (p->end.addr > limit)
		return rl_refuse(
			RL_E(ERANGE),
			"%" PRIu64 " MiB of RAM: this host's guests can address %" PRIu64 " MiB",
			p->config->ram_mib, (uint64_t)((limit - (LAYOUT_4G - LAYOUT_GAP)) / MIB));
	return RL_OK;
}

static rl_err plan_shm(struct vmm_plan *p, const struct vmm_facts *facts, struct vmm_device_plan *d,
		       uint64_t size)
{
	uint64_t limit = 1ull << facts->address_bits;
	uint64_t at = align_up(p->end.addr, LAYOUT_SHM_ALIGN);

	if (size == 0)
		return RL_OK;
	if (size > limit || align_up(size, 4096) > limit - at)
		return rl_refuse(RL_E(ERANGE),
				 "%s: a shared-memory window of %" PRIu64
				 " MiB does not fit into the guest's addresses",
				 d->name, (uint64_t)(size / MIB));
	d->shm_at = GPA(at);
	d->shm_size = align_up(size, 4096);
	p->end = GPA(at + d->shm_size);
	return RL_OK;
}

/* ---- Devices ---- */

static unsigned count_devices(const struct vmm_config *c)
{
	unsigned n = 2; /* rng, and a console for the implicit or the control port */

	for (const struct vmm_console *con = c->console; con; con = con->next)
		n++;
	for (const struct vmm_fs *fs = c->fs; fs; fs = fs->next)
		n++;
	for (const struct vmm_disk *disk = c->disk; disk; disk = disk->next)
		n++;
	for (const struct vmm_net *net = c->net; net; net = net->next)
		n++;
	return n + 3; /* the disks of the old calls, and vsock */
}

static struct vmm_device_plan *add_device(struct vmm_plan *p, enum vmm_device_kind kind)
{
	struct vmm_device_plan *d = &p->device[p->device_count];
	unsigned lines = LAYOUT_GSI_LAST - LAYOUT_GSI_FIRST + 1;

	d->kind = kind;
	d->mmio = GPA(LAYOUT_MMIO + p->device_count * LAYOUT_MMIO_SIZE);
	/* Lines are shared from the twentieth device on; virtio's interrupt status tells apart. */
	d->gsi = LAYOUT_GSI_FIRST + p->device_count % lines;
	p->device_count++;
	return d;
}

static void add_port(struct vmm_device_plan *d, struct vmm_console_port_plan port)
{
	d->port[d->port_count++] = port;
}

/*
 * A console on three descriptors: port 0 is the terminal, as far as they are one; a stream that is
 * not gets a port of its own, which init connects to the workload.
 */
static void plan_auto_ports(struct vmm_device_plan *d, const int fd[3],
			    const struct vmm_stdio *stdio)
{
	static const char *const names[3] = { GST_PORT_STDIN, GST_PORT_STDOUT, GST_PORT_STDERR };
	struct vmm_console_port_plan con = {
		.name = "", .is_console = true, .in_fd = -1, .out_fd = -1, .tty_fd = -1
	};

	if (stdio->tty[0])
		con.in_fd = con.tty_fd = fd[0];
	if (stdio->tty[1]) {
		con.out_fd = fd[1];
		if (con.tty_fd < 0)
			con.tty_fd = fd[1];
	} else {
		con.to_log = true;
	}
	add_port(d, con);
	for (int i = 0; i < 3; i++) {
		if (!stdio->open[i] || stdio->tty[i])
			continue;
		add_port(d, (struct vmm_console_port_plan){ .name = names[i],
							    .in_fd = i == 0 ? fd[i] : -1,
							    .out_fd = i == 0 ? -1 : fd[i],
							    .tty_fd = -1 });
	}
}

static rl_err plan_console(struct vmm_plan *p, const struct vmm_console *con,
			   const struct vmm_stdio *stdio)
{
	struct vmm_device_plan *d = add_device(p, VMM_CONSOLE);
	unsigned count = 5; /* console, three streams, control */
	int fd[3];

	for (const struct vmm_port *port = con->port; port; port = port->next)
		count++;
	RL_TRY(rl_new_array(&p->arena, count, &d->port));
	RL_TRY(rl_arena_fmt(&p->arena, &d->name, "console %u", p->console_count++));
	if (con->automatic) {
		fd[0] = con->in_fd;
		fd[1] = con->out_fd;
		fd[2] = con->err_fd;
		plan_auto_ports(d, fd, stdio);
	}
	for (const struct vmm_port *port = con->port; port; port = port->next) {
		bool tty = port->kind == VMM_PORT_TTY;

		add_port(d, (struct vmm_console_port_plan){ .name = port->name,
							    .is_console = tty,
							    .in_fd = port->in_fd,
							    .out_fd = port->out_fd,
							    .tty_fd = tty ? port->in_fd : -1 });
	}
	return RL_OK;
}

static rl_err plan_consoles(struct vmm_plan *p, const struct vmm_facts *facts)
{
	static const struct vmm_console implicit = {
		.automatic = true, .in_fd = 0, .out_fd = 1, .err_fd = 2
	};
	static const struct vmm_console none = { .in_fd = -1, .out_fd = -1, .err_fd = -1 };
	const struct vmm_config *c = p->config;
	struct vmm_device_plan *first = &p->device[p->device_count];
	unsigned i = 0;

	if (!c->no_implicit_console) {
		struct vmm_stdio nothing = { 0 };

		RL_TRY(plan_console(p, &implicit, c->console_output ? &nothing : &facts->stdio));
		if (c->console_output) {
			first->port[0].to_log = false;
			first->port[0].to_file = true;
		}
	}
	for (const struct vmm_console *con = c->console; con; con = con->next)
		RL_TRY(plan_console(p, con, &facts->console_stdio[i++]));
	if (first == &p->device[p->device_count])
		RL_TRY(plan_console(p, &none, NULL));
	add_port(first, (struct vmm_console_port_plan){ .name = GST_CONTROL_PORT,
							.in_fd = -1,
							.out_fd = -1,
							.tty_fd = -1,
							.control = true });
	return RL_OK;
}

static rl_err plan_file_systems(struct vmm_plan *p, const struct vmm_facts *facts)
{
	for (const struct vmm_fs *fs = p->config->fs; fs; fs = fs->next) {
		struct vmm_device_plan *d = add_device(p, VMM_FS);

		d->fs = fs;
		RL_TRY(rl_arena_fmt(&p->arena, &d->name, "fs %s", fs->tag));
		for (const struct vmm_fs *other = p->config->fs; other != fs; other = other->next) {
			if (strcmp(other->tag, fs->tag) == 0)
				return rl_refuse(RL_E(EEXIST),
						 "two file systems have the tag \"%s\"", fs->tag);
		}
		RL_TRY(plan_shm(p, facts, d, fs->shm_size));
	}
	return RL_OK;
}

static rl_err plan_disk(struct vmm_plan *p, const struct vmm_disk *disk)
{
	struct vmm_device_plan *d = add_device(p, VMM_BLK);

	d->disk = *disk;
	return rl_arena_fmt(&p->arena, &d->name, "disk %s", disk->id);
}

static rl_err plan_disks(struct vmm_plan *p)
{
	const struct vmm_config *c = p->config;

	for (const struct vmm_disk *disk = c->disk; disk; disk = disk->next)
		RL_TRY(plan_disk(p, disk));
	if (c->disk)
		return RL_OK;
	if (c->root_disk)
		RL_TRY(plan_disk(p, &(struct vmm_disk){ .id = "root",
							.path = c->root_disk,
							.sync = VMM_SYNC_FULL }));
	if (c->data_disk)
		RL_TRY(plan_disk(p, &(struct vmm_disk){ .id = "data",
							.path = c->data_disk,
							.sync = VMM_SYNC_FULL }));
	return RL_OK;
}

static rl_err plan_nets(struct vmm_plan *p)
{
	unsigned i = 0;

	for (const struct vmm_net *net = p->config->net; net; net = net->next) {
		struct vmm_device_plan *d = add_device(p, VMM_NET);

		d->net = *net;
		if (net->old)
			memcpy(d->net.mac, p->config->old_mac, sizeof(d->net.mac));
		RL_TRY(rl_arena_fmt(&p->arena, &d->name, "net %u", i++));
	}
	return RL_OK;
}

static rl_err plan_devices(struct vmm_plan *p, const struct vmm_facts *facts)
{
	unsigned count = count_devices(p->config);

	if (count > LAYOUT_MMIO_MAX)
		return rl_refuse(RL_E(ENOSPC), "%u devices: a machine has room for %u", count,
				 LAYOUT_MMIO_MAX);
	RL_TRY(rl_new_array(&p->arena, count, &p->device));
	add_device(p, VMM_RNG)->name = "rng";
	RL_TRY(plan_consoles(p, facts));
	RL_TRY(plan_file_systems(p, facts));
	RL_TRY(plan_disks(p));
	RL_TRY(plan_nets(p));
	/* Without the proxy, a device without ports would be good for nothing. */
	if (p->config->vsock || p->config->explicit_vsock)
		add_device(p, VMM_VSOCK)->name = "vsock";
	return RL_OK;
}

static void plan_serials(struct vmm_plan *p)
{
	static const struct {
		uint16_t port;
		uint32_t gsi;
	} legacy[VMM_SERIALS_MAX] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };
	const struct vmm_config *c = p->config;

	for (uint32_t i = 0; i < c->serial_count; i++)
		p->serial[i] = (struct vmm_serial_plan){ legacy[i].port, legacy[i].gsi,
							 c->serial[i].in_fd, c->serial[i].out_fd };
	p->serial_count = c->serial_count;
}

rl_err vmm_plan_make(const struct vmm_config *c, const struct vmm_facts *facts,
		     struct vmm_plan *ret)
{
	VMM_AUTO_PLAN struct vmm_plan p = { .config = c };

	if (c->vcpus > facts->vcpus_max)
		return rl_refuse(RL_E(ERANGE), "%u vCPUs: this host's KVM allows %u", c->vcpus,
				 facts->vcpus_max);
	if (c->nested && !facts->nested)
		return rl_hint(
			rl_refuse(RL_E(ENOTSUP),
				  "nested virtualisation: KVM here offers guests neither VMX "
				  "nor SVM"),
			"load kvm_intel or kvm_amd with nested=1");
	RL_TRY(rl_arena_new(PLAN_LIMIT, &p.arena));
	p.vcpus = c->vcpus;
	RL_TRY(plan_memory(&p, facts));
	RL_TRY(plan_devices(&p, facts));
	plan_serials(&p);
	RL_TRY(vmm_cmdline_make(&p, facts, &p.cmdline));
	RL_TRY(vmm_workload_blob(&p.arena, c, facts, &p.blob, &p.blob_size));
	*ret = p;
	p.arena = (struct rl_arena){ 0 };
	return RL_OK;
}

/* ---- As text ---- */

static void print_port(const struct vmm_console_port_plan *port, FILE *out)
{
	fprintf(out, "  port \"%s\"%s in %d out %d tty %d%s%s%s\n", port->name,
		port->is_console ? " console" : "", port->in_fd, port->out_fd, port->tty_fd,
		port->to_file ? " to-file" : "", port->to_log ? " to-log" : "",
		port->control ? " control" : "");
}

static void print_net(const struct vmm_net *n, FILE *out)
{
	static const char *const backends[] = { "stream", "datagrams", "tap" };

	fprintf(out, " %s %s", backends[n->backend], n->path ? n->path : "fd");
	if (!n->path)
		fprintf(out, " %d", n->fd);
	fprintf(out, " mac %02x:%02x:%02x:%02x:%02x:%02x features 0x%x%s%s", n->mac[0], n->mac[1],
		n->mac[2], n->mac[3], n->mac[4], n->mac[5], n->features, n->vfkit ? " vfkit" : "",
		n->dhcp ? " dhcp" : "");
}

static void print_device(const struct vmm_device_plan *d, FILE *out)
{
	fprintf(out, "device 0x%" PRIx64 " irq %u: %s", d->mmio.addr, d->gsi, d->name);
	if (d->shm_size)
		fprintf(out, " shm 0x%" PRIx64 "+0x%" PRIx64, d->shm_at.addr, d->shm_size);
	if (d->kind == VMM_FS)
		fprintf(out, " path %s%s%s", d->fs->path ? d->fs->path : "-",
			d->fs->read_only ? " ro" : "", d->fs->with_init ? " init" : "");
	if (d->kind == VMM_BLK)
		fprintf(out, " path %s%s%s", d->disk.path, d->disk.read_only ? " ro" : "",
			d->disk.direct_io ? " direct" : "");
	if (d->kind == VMM_NET)
		print_net(&d->net, out);
	fputc('\n', out);
	for (unsigned i = 0; i < d->port_count; i++)
		print_port(&d->port[i], out);
}

void vmm_plan_print(const struct vmm_plan *p, FILE *out)
{
	fprintf(out, "vcpus %u\n", p->vcpus);
	for (unsigned i = 0; i < p->region_count; i++)
		fprintf(out, "ram 0x%" PRIx64 "+0x%" PRIx64 "\n", p->region[i].start.addr,
			p->region[i].size);
	for (unsigned i = 0; i < p->serial_count; i++)
		fprintf(out, "serial 0x%x irq %u in %d out %d\n", p->serial[i].port,
			p->serial[i].gsi, p->serial[i].in_fd, p->serial[i].out_fd);
	for (unsigned i = 0; i < p->device_count; i++)
		print_device(&p->device[i], out);
	fprintf(out, "cmdline %s\nblob %zu\n", p->cmdline, p->blob_size);
}
