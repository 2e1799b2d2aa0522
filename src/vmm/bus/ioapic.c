/* SPDX-License-Identifier: Apache-2.0 */
/* Intel 82093AA: two registers, an index and a window onto the others. */
#include "vmm/bus/ioapic.h"

#include "vmm/log.h"
#include "vmm/plan.h"

#include <pthread.h>
#include <stdlib.h>

enum { REG_SELECT = 0x00, REG_WINDOW = 0x10 };
enum { INDEX_ID = 0, INDEX_VERSION = 1, INDEX_ARBITRATION = 2, INDEX_ENTRIES = 0x10 };

#define VERSION (0x11u | (VMM_IOAPIC_PINS - 1) << 16)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_READ_ONLY (1ull << 12 | 1ull << 14) /* delivery status, remote IRR */

struct vmm_ioapic {
	pthread_mutex_t lock;
	const struct vmm_kvm *kvm;
	uint32_t select;
	uint32_t id;
	uint64_t entry[VMM_IOAPIC_PINS];
};

static struct vmm_msi message(uint64_t entry)
{
	uint32_t destination = (uint32_t)(entry >> 56), logical = (entry >> 11) & 1;

	return (struct vmm_msi){
		.present = !(entry & ENTRY_MASKED),
		.address = (uint32_t)LAYOUT_LAPIC | destination << 12 | logical << 2,
		/* Vector and delivery mode; an edge. */
		.data = (uint32_t)entry & 0x7ff,
	};
}

static void route(struct vmm_ioapic *io)
{
	struct vmm_msi pins[VMM_IOAPIC_PINS];

	for (unsigned i = 0; i < VMM_IOAPIC_PINS; i++)
		pins[i] = message(io->entry[i]);
	vmm_log_drop(VMM_LOG_ERROR, "ioapic", vmm_kvm_route(io->kvm, pins));
}

static uint32_t read_window(const struct vmm_ioapic *io)
{
	uint32_t pin = (io->select - INDEX_ENTRIES) / 2;

	if (io->select == INDEX_ID || io->select == INDEX_ARBITRATION)
		return io->id;
	if (io->select == INDEX_VERSION)
		return VERSION;
	if (io->select < INDEX_ENTRIES || pin >= VMM_IOAPIC_PINS)
		return 0;
	return (uint32_t)(io->entry[pin] >> (io->select & 1 ? 32 : 0));
}

static void write_window(struct vmm_ioapic *io, uint32_t value)
{
	uint32_t pin = (io->select - INDEX_ENTRIES) / 2;
	uint64_t old, new;

	if (io->select == INDEX_ID)
		io->id = value & 0x0f000000;
	if (io->select < INDEX_ENTRIES || pin >= VMM_IOAPIC_PINS)
		return;
	old = io->entry[pin];
	new = io->select & 1 ? (old & 0xffffffff) | (uint64_t)value << 32
			     : (old & ~0xffffffffull) | value;
	new = (new & ~ENTRY_READ_ONLY) | (old & ENTRY_READ_ONLY);
	io->entry[pin] = new;
	/* Each change of the table costs a call; most are made to entries that stay masked. */
	if (old != new && !(old & new &ENTRY_MASKED))
		route(io);
}

static void ioapic_read(void *arg, uint64_t offset, uint8_t *data, unsigned len)
{
	struct vmm_ioapic *io = arg;

	(void)pthread_mutex_lock(&io->lock);
	vmm_bus_answer(data, len, offset == REG_WINDOW ? read_window(io) : io->select);
	(void)pthread_mutex_unlock(&io->lock);
}

static void ioapic_write(void *arg, uint64_t offset, const uint8_t *data, unsigned len)
{
	struct vmm_ioapic *io = arg;
	uint32_t value = vmm_bus_value(data, len);

	(void)pthread_mutex_lock(&io->lock);
	if (offset == REG_SELECT)
		io->select = value & 0xff;
	else if (offset == REG_WINDOW)
		write_window(io, value);
	(void)pthread_mutex_unlock(&io->lock);
}

rl_err vmm_ioapic_new(const struct vmm_kvm *kvm, struct vmm_ioapic **ret)
{
	struct vmm_ioapic *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return rl_nomem();
	(void)pthread_mutex_init(&io->lock, NULL);
	io->kvm = kvm;
	for (unsigned i = 0; i < VMM_IOAPIC_PINS; i++)
		io->entry[i] = ENTRY_MASKED;
	*ret = io;
	return RL_OK;
}

rl_err vmm_ioapic_attach(struct vmm_ioapic *io, struct vmm_bus *bus)
{
	static const struct vmm_bus_ops ops = { .read = ioapic_read, .write = ioapic_write };

	return vmm_bus_add(bus, (struct vmm_bus_range){ LAYOUT_IOAPIC, 0x1000, &ops, io });
}

void vmm_ioapic_free(struct vmm_ioapic *io)
{
	free(io);
}
