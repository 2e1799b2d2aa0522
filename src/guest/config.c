/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/config.h"

#include "guest/fail.h"

#include <stdlib.h>
#include <string.h>

void gst_strings_add(struct gst_strings *list, const char *item)
{
	/* Doubled at powers of two: 1, 2, 4 ... places and one for the NULL. */
	if ((list->count & (list->count - 1)) == 0 || list->item == NULL) {
		size_t room = list->count ? list->count * 2 : 1;
		const char **bigger = gst_alloc(room + 1, sizeof(*bigger));

		if (list->item != NULL)
			memcpy(bigger, list->item, list->count * sizeof(*bigger));
		free(list->item);
		list->item = bigger;
	}
	list->item[list->count++] = item;
	list->item[list->count] = NULL;
}

void gst_config_defaults(struct gst_config *c)
{
	*c = (struct gst_config){ .umask = GST_UMASK_UNSET, .grace_ms = 10000 };
	c->root_source = c->root_fstype = c->root_options = "";
}

void gst_config_add_mount(struct gst_config *c, struct gst_mount *m)
{
	struct gst_mount **end = &c->mounts;

	while (*end != NULL)
		end = &(*end)->next;
	*end = m;
}

/* What is left of a record's bytes. */
struct bytes {
	uint8_t *at;
	uint32_t left;
};

/* `size` bytes, NULL if there are not so many. */
static uint8_t *take(struct bytes *b, uint32_t size)
{
	uint8_t *at = b->at;

	if (size > b->left)
		return NULL;
	b->at += size;
	b->left -= size;
	return at;
}

/* One string with its NUL, NULL if there is none. */
static const char *take_string(struct bytes *b)
{
	uint8_t *end = b->left ? memchr(b->at, '\0', b->left) : NULL;

	return end ? (const char *)take(b, (uint32_t)(end - b->at) + 1) : NULL;
}

static const char *one_string(struct bytes *b, const char **ret)
{
	*ret = take_string(b);
	return *ret && b->left == 0 ? NULL : "a string without its end";
}

static const char *add_string(struct bytes *b, struct gst_strings *list)
{
	const char *s;
	const char *why = one_string(b, &s);

	if (why == NULL)
		gst_strings_add(list, s);
	return why;
}

static const char *one_number(struct bytes *b, uint32_t *ret)
{
	uint8_t *at = take(b, 4);

	if (at == NULL || b->left != 0)
		return "a number of the wrong size";
	*ret = gst_get32(at);
	return NULL;
}

static const char *parse_user(struct bytes *b, struct gst_config *c)
{
	struct gst_user *u = (void *)take(b, sizeof(*u));

	if (u == NULL)
		return "a user of the wrong size";
	c->uid = gst_get32(u->uid);
	c->gid = gst_get32(u->gid);
	c->umask = gst_get32(u->umask);
	return NULL;
}

static const char *parse_groups(struct bytes *b, struct gst_config *c)
{
	if (b->left % 4 != 0)
		return "a list of groups of the wrong size";
	c->has_groups = true;
	c->group_count = b->left / 4;
	c->groups = gst_alloc(c->group_count, sizeof(*c->groups));
	for (size_t i = 0; i < c->group_count; i++)
		c->groups[i] = gst_get32(take(b, 4));
	return NULL;
}

static const char *parse_caps(struct bytes *b, struct gst_config *c)
{
	struct gst_caps *w = (void *)take(b, sizeof(*w));

	if (w == NULL)
		return "capabilities of the wrong size";
	c->has_caps = true;
	c->caps[GST_BOUNDING] = gst_get64(w->bounding);
	c->caps[GST_EFFECTIVE] = gst_get64(w->effective);
	c->caps[GST_PERMITTED] = gst_get64(w->permitted);
	c->caps[GST_INHERITABLE] = gst_get64(w->inheritable);
	c->caps[GST_AMBIENT] = gst_get64(w->ambient);
	return NULL;
}

static const char *parse_limit(struct bytes *b, struct gst_config *c)
{
	struct gst_rlimit *w = (void *)take(b, sizeof(*w));
	struct gst_limit *limit;

	if (w == NULL)
		return "a limit of the wrong size";
	limit = gst_alloc(1, sizeof(*limit));
	*limit = (struct gst_limit){ gst_get32(w->resource), gst_get64(w->soft), gst_get64(w->hard),
				     c->limits };
	c->limits = limit;
	return NULL;
}

static const char *parse_root(struct bytes *b, struct gst_config *c)
{
	uint8_t *kind = take(b, 4);

	if (kind == NULL || gst_get32(kind) > GST_ROOT_BLOCK)
		return "a root of an unknown kind";
	c->root = (enum gst_root)gst_get32(kind);
	c->root_source = take_string(b);
	c->root_fstype = take_string(b);
	c->root_options = take_string(b);
	return c->root_source && c->root_fstype && c->root_options ? NULL : "a root cut short";
}

static const char *parse_mount(struct bytes *b, struct gst_config *c)
{
	struct gst_mount *m = gst_alloc(1, sizeof(*m));

	m->source = take_string(b);
	m->target = take_string(b);
	m->fstype = take_string(b);
	m->options = take_string(b);
	if (!m->source || !m->target || !m->fstype || !m->options)
		return "a mount cut short";
	gst_config_add_mount(c, m);
	return NULL;
}

static const char *parse_net(struct bytes *b, struct gst_config *c)
{
	struct gst_net *w = (void *)take(b, sizeof(*w));
	struct gst_interface *i = gst_alloc(1, sizeof(*i));

	if (w == NULL)
		return "a network interface of the wrong size";
	memcpy(i->mac, w->mac, sizeof(i->mac));
	i->mtu = gst_get16(w->mtu);
	i->dhcp = gst_get32(w->flags) & GST_NET_DHCP;
	i->address = take_string(b);
	i->gateway = take_string(b);
	if (!i->address || !i->gateway)
		return "a network interface cut short";
	while (b->left > 0) {
		const char *server = take_string(b);

		if (server == NULL)
			return "a DNS server without its end";
		gst_strings_add(&i->dns, server);
	}
	i->next = c->interfaces;
	c->interfaces = i;
	return NULL;
}

static const char *parse_device(struct bytes *b, struct gst_config *c)
{
	struct gst_device *w = (void *)take(b, sizeof(*w));
	struct gst_special *d = gst_alloc(1, sizeof(*d));

	if (w == NULL)
		return "a device of the wrong size";
	*d = (struct gst_special){
		.mode = gst_get32(w->mode),
		.uid = gst_get32(w->uid),
		.gid = gst_get32(w->gid),
		.major = gst_get32(w->major),
		.minor = gst_get32(w->minor),
		.path = take_string(b),
		.next = c->devices,
	};
	c->devices = d;
	return d->path ? NULL : "a device without a path";
}

static const char *parse_sysctl(struct bytes *b, struct gst_config *c)
{
	const char *key = take_string(b), *value = take_string(b);

	if (key == NULL || value == NULL)
		return "a sysctl cut short";
	gst_strings_add(&c->sysctls, key);
	gst_strings_add(&c->sysctls, value);
	return NULL;
}

static const char *parse_terminal(struct bytes *b, struct gst_config *c)
{
	struct gst_terminal *t = (void *)take(b, sizeof(*t));

	if (t == NULL)
		return "a terminal of the wrong size";
	c->rows = gst_get16(t->rows);
	c->columns = gst_get16(t->columns);
	return NULL;
}

static const char *parse_record(unsigned type, struct bytes *b, struct gst_config *c)
{
	switch ((enum gst_record_type)(type & ~GST_OPTIONAL)) {
	case GST_EXEC:
		return one_string(b, &c->exec);
	case GST_ARG:
		return add_string(b, &c->args);
	case GST_ENV:
		return add_string(b, &c->env);
	case GST_CWD:
		return one_string(b, &c->cwd);
	case GST_USER:
		return parse_user(b, c);
	case GST_GROUPS:
		return parse_groups(b, c);
	case GST_CAPS:
		return parse_caps(b, c);
	case GST_RLIMIT:
		return parse_limit(b, c);
	case GST_FLAGS:
		return one_number(b, &c->flags);
	case GST_OOM_SCORE:
		c->has_oom_score = true;
		return one_number(b, (uint32_t *)&c->oom_score);
	case GST_TERMINAL:
		return parse_terminal(b, c);
	case GST_CONFIG_FILE:
		return one_string(b, &c->config_file);
	case GST_CONFIG_TEXT:
		return one_string(b, &c->config_text);
	case GST_HOSTNAME:
		return one_string(b, &c->hostname);
	case GST_DOMAINNAME:
		return one_string(b, &c->domainname);
	case GST_SYSCTL:
		return parse_sysctl(b, c);
	case GST_ROOT:
		return parse_root(b, c);
	case GST_MOUNT:
		return parse_mount(b, c);
	case GST_MASK:
		return add_string(b, &c->masks);
	case GST_READONLY:
		return add_string(b, &c->readonlys);
	case GST_NET:
		return parse_net(b, c);
	case GST_DEVICE:
		return parse_device(b, c);
	case GST_AGENT:
		return one_number(b, &c->agent_port);
	case GST_GRACE:
		return one_number(b, &c->grace_ms);
	}
	return type & GST_OPTIONAL ? NULL : "a record of a type that this init does not know";
}

const char *gst_config_parse(uint8_t *blob, uint32_t size, struct gst_config *ret)
{
	struct bytes all = { blob, size };
	struct gst_header *head = (void *)take(&all, sizeof(*head));

	gst_config_defaults(ret);
	if (head == NULL || memcmp(head->magic, GST_MAGIC, sizeof(head->magic)) != 0)
		return "it is no configuration";
	if (gst_get32(head->version) != GST_VERSION)
		return "it is of another version";
	if (gst_get32(head->size) != size)
		return "it is cut short";
	while (all.left > 0) {
		struct gst_record *r = (void *)take(&all, sizeof(*r));
		uint32_t length = r ? gst_get32(r->length) : 0;
		uint8_t *body = r ? take(&all, length) : NULL;
		struct bytes b = { body, length };
		const char *why;

		if (body == NULL || take(&all, -length & 7) == NULL)
			return "a record is cut short";
		why = parse_record(gst_get16(r->type), &b, ret);
		if (why != NULL)
			return why;
	}
	return NULL;
}
