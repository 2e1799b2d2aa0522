/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel takes a device down when it is moved, forgets its addresses, may give it another
 * index, and refuses a name that is taken. So the device arrives under a name that is ours alone,
 * by which its index is found; everything after that is done by index in the other namespace.
 */
#include "linux/netdev.h"

#include "linux/sys.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define REPLY_SIZE 32768

struct lx_netdev_address {
	struct ifaddrmsg header;
	uint8_t attributes[128]; /* IFA_LOCAL and the like, as the kernel takes them */
	size_t len;
};

/* ---- messages -------------------------------------------------------------------------------- */

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		uint8_t room[512];
	};
};

static void begin(struct request *r, uint16_t type, uint16_t flags, size_t size)
{
	memset(r, 0, sizeof(*r));
	r->header.nlmsg_type = type;
	r->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->header.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(size));
}

static void add_bytes(struct request *r, const void *bytes, size_t len)
{
	if (r->header.nlmsg_len + NLMSG_ALIGN(len) > sizeof(*r))
		return;
	memcpy((uint8_t *)r + r->header.nlmsg_len, bytes, len);
	r->header.nlmsg_len += (uint32_t)NLMSG_ALIGN(len);
}

static void add_attribute(struct request *r, unsigned short type, const void *value, size_t len)
{
	const struct rtattr attribute = { .rta_len = (unsigned short)RTA_LENGTH(len),
					  .rta_type = type };

	add_bytes(r, &attribute, sizeof(attribute));
	add_bytes(r, value, len);
}

typedef rl_err on_message(const struct nlmsghdr *message, void *context);

/* One datagram of an answer; *ret_done after an acknowledgement or the end of a list. */
static rl_err read_reply(const char *buffer, size_t len, on_message *take, void *context,
			 bool *ret_done)
{
	const struct nlmsghdr *m = (const void *)buffer;

	for (; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
		const struct nlmsgerr *error = NLMSG_DATA(m);

		*ret_done = m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR;
		if (m->nlmsg_type == NLMSG_ERROR && error->error != 0)
			return rl_neg(error->error, "netlink");
		if (*ret_done)
			return RL_OK;
		if (take != NULL)
			RL_TRY(take(m, context));
	}
	return RL_OK;
}

static rl_err talk(int socket_fd, struct request *r, on_message *take, void *context)
{
	_Alignas(struct nlmsghdr) char buffer[REPLY_SIZE];
	bool done = false;
	ssize_t n;

	r->header.nlmsg_flags |= NLM_F_ACK;
	RL_TRY(rl_sys(send(socket_fd, r, r->header.nlmsg_len, 0), "ask netlink"));
	while (!done) {
		n = recv(socket_fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "hear netlink"));
		RL_TRY(read_reply(buffer, (size_t)n, take, context, &done));
	}
	return RL_OK;
}

/* ---- single acts ----------------------------------------------------------------------------- */

struct found {
	int index;
	unsigned flags;
};

static rl_err take_link(const struct nlmsghdr *m, void *context)
{
	const struct ifinfomsg *link = NLMSG_DATA(m);
	struct found *f = context;

	if (m->nlmsg_type == RTM_NEWLINK)
		*f = (struct found){ link->ifi_index, link->ifi_flags };
	return RL_OK;
}

static rl_err find(int socket_fd, const char *name, struct found *ret)
{
	struct request r;
	struct found f = { 0 };

	begin(&r, RTM_GETLINK, 0, sizeof(r.link));
	add_attribute(&r, IFLA_IFNAME, name, strlen(name) + 1);
	RL_TRY(talk(socket_fd, &r, take_link, &f), "look for %s", name);
	*ret = f;
	return RL_OK;
}

/* To the other namespace, under this name. */
static rl_err send_away(int socket_fd, int index, int to_fd, const char *name)
{
	uint32_t fd = (uint32_t)to_fd;
	struct request r;

	begin(&r, RTM_SETLINK, 0, sizeof(r.link));
	r.link.ifi_index = index;
	add_attribute(&r, IFLA_NET_NS_FD, &fd, sizeof(fd));
	add_attribute(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return rl_wrap(talk(socket_fd, &r, NULL, NULL), "move it");
}

static rl_err rename_it(int socket_fd, int index, const char *name)
{
	struct request r;

	begin(&r, RTM_SETLINK, 0, sizeof(r.link));
	r.link.ifi_index = index;
	add_attribute(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return rl_wrap(talk(socket_fd, &r, NULL, NULL), "name it %s", name);
}

static rl_err bring_up(int socket_fd, int index)
{
	struct request r;

	begin(&r, RTM_SETLINK, 0, sizeof(r.link));
	r.link.ifi_index = index;
	r.link.ifi_flags = r.link.ifi_change = IFF_UP;
	return rl_wrap(talk(socket_fd, &r, NULL, NULL), "bring it up");
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct collecting {
	struct rl_arena *arena;
	int index;
	struct lx_netdev_address *items;
	size_t count, room;
};

/* A label begins with the old name; what the cache tells of a permanent address is nothing. */
static bool is_kept(unsigned short type)
{
	return type == IFA_ADDRESS || type == IFA_LOCAL || type == IFA_BROADCAST ||
	       type == IFA_FLAGS || type == IFA_RT_PRIORITY;
}

static rl_err grow(struct collecting *c)
{
	size_t room = c->room ? c->room * 2 : 16;
	struct lx_netdev_address *items;

	if (c->count < c->room)
		return RL_OK;
	RL_TRY(rl_new_array(c->arena, room, &items));
	if (c->count > 0)
		memcpy(items, c->items, c->count * sizeof(*items));
	c->items = items;
	c->room = room;
	return RL_OK;
}

static rl_err take_address(const struct nlmsghdr *m, void *context)
{
	const struct ifaddrmsg *header = NLMSG_DATA(m);
	struct collecting *c = context;
	struct lx_netdev_address *address;
	uint32_t flags = header->ifa_flags;
	size_t left;

	if (m->nlmsg_type != RTM_NEWADDR || (int)header->ifa_index != c->index ||
	    header->ifa_scope != RT_SCOPE_UNIVERSE)
		return RL_OK;
	RL_TRY(grow(c));
	address = &c->items[c->count];
	*address = (struct lx_netdev_address){ .header = *header };
	left = IFA_PAYLOAD(m);
	for (const struct rtattr *r = IFA_RTA(header); RTA_OK(r, left); r = RTA_NEXT(r, left)) {
		size_t size = RTA_ALIGN(r->rta_len);

		if (r->rta_type == IFA_FLAGS)
			memcpy(&flags, RTA_DATA(r), sizeof(flags));
		if (!is_kept(r->rta_type) || address->len + size > sizeof(address->attributes))
			continue;
		memcpy(address->attributes + address->len, r, r->rta_len);
		address->len += size;
	}
	c->count += (flags & IFA_F_PERMANENT) != 0;
	return RL_OK;
}

static rl_err read_addresses(struct rl_arena *a, int socket_fd, int index, struct lx_netdev *d)
{
	struct collecting c = { .arena = a, .index = index };
	struct request r;

	begin(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(r.address));
	RL_TRY(talk(socket_fd, &r, take_address, &c), "list its addresses");
	d->addresses = c.items;
	d->address_count = c.count;
	return RL_OK;
}

static rl_err add_addresses(int socket_fd, int index, const struct lx_netdev *d)
{
	for (size_t i = 0; i < d->address_count; i++) {
		struct request r;

		begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(r.address));
		r.address = d->addresses[i].header;
		r.address.ifa_index = (unsigned)index;
		add_bytes(&r, d->addresses[i].attributes, d->addresses[i].len);
		RL_TRY(talk(socket_fd, &r, NULL, NULL), "give it its address");
	}
	return RL_OK;
}

/* ---- both namespaces ------------------------------------------------------------------------- */

struct sockets {
	struct rl_fd from, to;
};

static void close_sockets(struct sockets *s)
{
	rl_fd_close(&s->from);
	rl_fd_close(&s->to);
}
#define AUTO_SOCKETS __attribute__((cleanup(close_sockets)))

static rl_err open_one(struct rl_fd *ret)
{
	return rl_fd_from(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ret,
			  "open a netlink socket");
}

/* A socket stays in the namespace it was made in. */
static rl_err open_sockets(const struct lx_netdev_pair *pair, struct sockets *ret)
{
	rl_err e;

	RL_TRY(open_one(&ret->from));
	RL_TRY(rl_sys(lx_sys_setns(pair->to_fd, CLONE_NEWNET),
		      "enter the container's network namespace"));
	e = open_one(&ret->to);
	return rl_first(e, rl_sys(lx_sys_setns(pair->from_fd, CLONE_NEWNET),
				  "go back to our network namespace"));
}

static void name_on_the_way(char name[static IF_NAMESIZE])
{
	snprintf(name, IF_NAMESIZE, "rlmv%x", (unsigned)getpid());
}

/* Arrived: name, addresses, up. */
static rl_err settle(int socket_fd, const struct lx_netdev *d, const char *name, bool up)
{
	RL_TRY(rename_it(socket_fd, d->index, name));
	RL_TRY(add_addresses(socket_fd, d->index, d));
	if (!up)
		return RL_OK;
	RL_TRY(bring_up(socket_fd, d->index));
	/* The kernel takes some of version 6 away again while a device is down. */
	return add_addresses(socket_fd, d->index, d);
}

static rl_err go_back(const struct lx_netdev_pair *pair, const struct sockets *s,
		      const struct lx_netdev *d)
{
	char name[IF_NAMESIZE];
	struct lx_netdev here = *d;
	struct found f;

	name_on_the_way(name);
	RL_TRY(send_away(rl_fd_get(&s->to), d->index, pair->from_fd, name));
	RL_TRY(find(rl_fd_get(&s->from), name, &f));
	here.index = f.index;
	return settle(rl_fd_get(&s->from), &here, d->name, d->up);
}

static rl_err check_name(int socket_fd, const char *name)
{
	struct found f;

	if (strchr(name, '%') != NULL || rl_drop_failed(find(socket_fd, name, &f)))
		return RL_OK;
	return rl_refuse(RL_E(EEXIST), "the container's network namespace has a device %s already",
			 name);
}

rl_err lx_netdev_move(struct rl_arena *a, const struct lx_netdev_pair *pair, const char *name,
		      const char *new_name, struct lx_netdev *ret)
{
	struct sockets AUTO_SOCKETS s = { 0 };
	struct lx_netdev d = { .name = name };
	char way[IF_NAMESIZE];
	struct found f;
	rl_err e;

	RL_TRY(open_sockets(pair, &s));
	RL_TRY(find(rl_fd_get(&s.from), name, &f));
	RL_TRY(check_name(rl_fd_get(&s.to), new_name));
	d.up = (f.flags & IFF_UP) != 0;
	RL_TRY(read_addresses(a, rl_fd_get(&s.from), f.index, &d));
	name_on_the_way(way);
	RL_TRY(send_away(rl_fd_get(&s.from), f.index, pair->to_fd, way));
	e = find(rl_fd_get(&s.to), way, &f);
	if (rl_failed(e))
		return e;
	d.index = f.index;
	e = settle(rl_fd_get(&s.to), &d, new_name, true);
	if (rl_failed(e))
		return rl_first(e, go_back(pair, &s, &d));
	*ret = d;
	return RL_OK;
}

rl_err lx_netdev_return(const struct lx_netdev_pair *pair, const struct lx_netdev *device)
{
	struct sockets AUTO_SOCKETS s = { 0 };

	RL_TRY(open_sockets(pair, &s));
	return rl_wrap(go_back(pair, &s, device), "move %s back", device->name);
}
