/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console_core.h"

#include "vmm/mem/le.h"

#include <string.h>

/* 5.3.6.2: control messages. */
enum event {
	DEVICE_READY = 0,
	PORT_ADD = 1,
	PORT_READY = 3,
	CONSOLE_PORT = 4,
	RESIZE = 5,
	PORT_OPEN = 6,
	PORT_NAME = 7,
};

struct control {
	struct le32 id;
	struct le16 event;
	struct le16 value;
};

/* Composes the message for one bit of news. Returns its length. */
static size_t compose(const struct port *p, unsigned news, uint8_t buf[NAME_MAX_BYTES + 16])
{
	struct control m = { .id = le32_of(p->index) };
	size_t len = sizeof(m);

	switch ((enum news)news) {
	case NEWS_ADD:
		m.event = le16_of(PORT_ADD);
		break;
	case NEWS_CONSOLE:
		m.event = le16_of(CONSOLE_PORT);
		m.value = le16_of(1);
		break;
	case NEWS_NAME:
		m.event = le16_of(PORT_NAME);
		m.value = le16_of(1);
		memcpy(buf + len, p->name, strlen(p->name));
		len += strlen(p->name);
		break;
	case NEWS_RESIZE: {
		struct le16 size[2] = { le16_of(p->columns), le16_of(p->rows) };

		m.event = le16_of(RESIZE);
		memcpy(buf + len, size, sizeof(size));
		len += sizeof(size);
		break;
	}
	case NEWS_OPEN:
		m.event = le16_of(PORT_OPEN);
		m.value = le16_of(p->host_open);
		break;
	}
	memcpy(buf, &m, sizeof(m));
	return len;
}

static void send_news(struct console *c)
{
	uint8_t buf[NAME_MAX_BYTES + 16];

	for (unsigned i = 0; i < c->count; i++) {
		struct port *p = &c->port[i];

		while (p->news != 0) {
			unsigned bit = p->news & -p->news;
			size_t len = compose(p, bit, buf);

			if (vmm_console_pop(c, &c->control_in) != VMM_POP_CHAIN) {
				if (vmm_queue_listen(&c->control_in))
					continue;
				return;
			}

			struct vmm_cursor to =
				vmm_cursor_at(vmm_chain_in(&c->chain), c->chain.in_count);

			/* A buffer too small for the message gets none; Linux gives a page. */
			if (!vmm_cursor_write(&to, buf, len))
				len = 0;
			vmm_queue_push(&c->control_in, c->chain.head, (uint32_t)len);
			p->news &= ~bit;
		}
	}
}

void vmm_console_tell(struct console *c)
{
	if (!c->active || !c->multiport)
		return;
	send_news(c);
	vmm_queue_tell(&c->control_in, c->irq, QUEUE_CONTROL_IN);
}

void vmm_console_on_control_in(void *arg, uint32_t events)
{
	struct console *c = arg;

	(void)events;
	vmm_kick_heard(&c->kick_control_in);
	vmm_console_tell(c);
}

static void hear(struct console *c, const struct control *m)
{
	uint32_t id = le32_get(m->id);
	uint16_t event = le16_get(m->event), value = le16_get(m->value);

	if (event == DEVICE_READY) {
		for (unsigned i = 0; value == 1 && i < c->count; i++)
			c->port[i].news |= NEWS_ADD;
		return;
	}
	if (id >= c->count)
		return;

	struct port *p = &c->port[id];

	if (event == PORT_READY && value == 1) {
		p->news |= p->is_console ? NEWS_CONSOLE : 0;
		p->news |= p->name != NULL ? NEWS_NAME : 0;
		p->news |= p->is_console && p->tty_fd >= 0 ? NEWS_RESIZE : 0;
		p->news |= NEWS_OPEN;
	} else if (event == PORT_OPEN) {
		p->guest_open = value == 1;
		vmm_console_receive(p);
	}
	/* Everything else is for us to send. */
}

void vmm_console_on_control_out(void *arg, uint32_t events)
{
	struct console *c = arg;

	(void)events;
	if (!c->multiport)
		return;
	vmm_kick_heard(&c->kick_control_out);
	for (unsigned n = 0; n < TURN; n++) {
		struct control m;

		if (vmm_console_pop(c, &c->control_out) != VMM_POP_CHAIN) {
			if (vmm_queue_listen(&c->control_out))
				continue;
			break;
		}

		struct vmm_cursor from = vmm_cursor_at(c->chain.segment, c->chain.out_count);
		bool whole = vmm_cursor_read(&from, &m, sizeof(m));

		vmm_queue_push(&c->control_out, c->chain.head, 0);
		if (whole)
			hear(c, &m);
	}
	vmm_queue_tell(&c->control_out, c->irq, QUEUE_CONTROL_OUT);
	if (vmm_queue_pending(&c->control_out))
		vmm_kick_again(&c->kick_control_out);
	vmm_console_tell(c);
}
