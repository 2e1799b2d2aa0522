/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers: a message is a list of fields; a field is its number and wire type as a varint,
 * then a varint (type 0), or a length and bytes (type 2: strings and messages within).
 */
#include "container/criu_message.h"

#include <string.h>

rl_err ct_criu_pair_add(struct rl_arena *a, struct ct_criu_pairs *pairs, const char *key,
			const char *value)
{
	if (pairs->count == pairs->room) {
		size_t room = pairs->room ? pairs->room * 2 : 16;
		struct ct_criu_pair *items;

		RL_TRY(rl_new_array(a, room, &items));
		if (pairs->count > 0)
			memcpy(items, pairs->items, pairs->count * sizeof(*items));
		pairs->items = items;
		pairs->room = room;
	}
	pairs->items[pairs->count++] = (struct ct_criu_pair){ key, value };
	return RL_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

enum { VARINT = 0, BYTES = 2 };

/* The first pass counts, the second writes. */
struct writer {
	uint8_t *at; /* NULL: only counting */
	size_t len;
};

static void put_byte(struct writer *w, uint8_t byte)
{
	if (w->at != NULL)
		w->at[w->len] = byte;
	w->len++;
}

static void put_varint(struct writer *w, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(w, (uint8_t)(value | 0x80));
	put_byte(w, (uint8_t)value);
}

static void put_number(struct writer *w, unsigned field, int64_t value)
{
	put_varint(w, field << 3 | VARINT);
	put_varint(w, (uint64_t)value);
}

static void put_some(struct writer *w, unsigned field, int64_t value)
{
	if (value != 0)
		put_number(w, field, value);
}

static void put_head(struct writer *w, unsigned field, size_t len)
{
	put_varint(w, field << 3 | BYTES);
	put_varint(w, len);
}

static void put_text(struct writer *w, unsigned field, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL)
		return;
	put_head(w, field, len);
	for (size_t i = 0; i < len; i++)
		put_byte(w, (uint8_t)text[i]);
}

/* A message within a message needs its length first. */
typedef void put_message(struct writer *w, const void *from);

static void put_within(struct writer *w, unsigned field, put_message *put, const void *from)
{
	struct writer count = { 0 };

	put(&count, from);
	put_head(w, field, count.len);
	put(w, from);
}

static void put_pair(struct writer *w, const void *from)
{
	const struct ct_criu_pair *p = from;

	put_text(w, 1, p->key);
	put_text(w, 2, p->value);
}

static void put_inherited(struct writer *w, const void *from)
{
	const struct ct_criu_inherited *i = from;

	put_text(w, 1, i->key);
	put_number(w, 2, i->fd);
}

static void put_page_server(struct writer *w, const void *from)
{
	const struct ct_criu_request *r = from;

	put_text(w, 1, r->page_server);
	put_number(w, 2, r->page_server_port);
}

static void put_lists(struct writer *w, const struct ct_criu_request *r)
{
	for (size_t i = 0; i < r->mounts.count; i++)
		put_within(w, 23, put_pair, &r->mounts.items[i]);
	for (size_t i = 0; i < r->cgroup_roots.count; i++)
		put_within(w, 25, put_pair, &r->cgroup_roots.items[i]);
	for (size_t i = 0; i < r->inherited_count; i++)
		put_within(w, 27, put_inherited, &r->inherited[i]);
	for (size_t i = 0; i < r->external_count; i++)
		put_text(w, 37, r->externals[i]);
}

static void put_options(struct writer *w, const void *from)
{
	static const int modes[] = { -1, 0, 3, 4, 5 };
	const struct ct_criu_request *r = from;

	put_number(w, 1, r->images_fd);
	put_some(w, 2, r->pid);
	put_some(w, 3, r->leave_running);
	put_some(w, 4, r->ext_unix_sockets);
	put_some(w, 5, r->tcp_established);
	put_some(w, 7, r->shell_job);
	put_some(w, 8, r->file_locks);
	put_some(w, 9, r->log_level);
	put_text(w, 10, r->log_file);
	if (r->page_server != NULL)
		put_within(w, 11, put_page_server, r);
	put_some(w, 12, r->notify);
	put_text(w, 13, r->root);
	put_text(w, 14, r->parent_images);
	put_some(w, 15, r->track_memory);
	put_some(w, 16, r->auto_dedup);
	put_number(w, 17, r->work_fd);
	put_some(w, 18, r->link_remap);
	put_some(w, 26, r->restore_as_sibling);
	put_some(w, 29, r->external_sharing);
	put_some(w, 30, r->external_sharing);
	if (r->cgroups != CT_CRIU_CGROUPS_DEFAULT) {
		put_some(w, 24, r->cgroups != CT_CRIU_CGROUPS_IGNORE);
		put_number(w, 34, modes[r->cgroups]);
	}
	put_some(w, 38, r->empty_namespaces);
	put_text(w, 44, r->freeze_cgroup);
	put_some(w, 46, r->tcp_skip_in_flight);
	put_some(w, 48, r->lazy_pages);
	put_some(w, 50, r->orphan_pts_master);
	put_text(w, 51, r->config_file);
	put_some(w, 52, r->tcp_close);
	put_text(w, 53, r->lsm_profile);
	put_text(w, 63, r->lsm_mount_context);
	put_some(w, 64, r->network_lock);
	put_lists(w, r);
}

static void put_request(struct writer *w, const void *from)
{
	const struct ct_criu_request *r = from;

	put_number(w, 1, r->type);
	put_within(w, 2, put_options, r);
}

static void put_answer(struct writer *w, const void *from)
{
	const bool *success = from;

	put_number(w, 1, CT_CRIU_NOTIFY);
	put_number(w, 3, *success);
}

static rl_err encode(struct rl_arena *a, put_message *put, const void *from, const uint8_t **ret,
		     size_t *ret_len)
{
	struct writer count = { 0 }, w = { 0 };

	put(&count, from);
	RL_TRY(rl_new_array(a, count.len, &w.at));
	put(&w, from);
	*ret = w.at;
	*ret_len = w.len;
	return RL_OK;
}

rl_err ct_criu_encode(struct rl_arena *a, const struct ct_criu_request *request,
		      const uint8_t **ret, size_t *ret_len)
{
	return encode(a, put_request, request, ret, ret_len);
}

rl_err ct_criu_encode_answer(struct rl_arena *a, bool success, const uint8_t **ret, size_t *ret_len)
{
	return encode(a, put_answer, &success, ret, ret_len);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct field {
	unsigned number;
	uint64_t value;	      /* VARINT */
	const uint8_t *bytes; /* BYTES */
	size_t len;
};

static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool take_whole_field(const uint8_t **at, const uint8_t *end, struct field *ret)
{
	uint64_t head, len = 0;

	*ret = (struct field){ 0 };
	if (*at == end || !take_varint(at, end, &head) || head >> 3 > UINT32_MAX)
		return false;
	ret->number = (unsigned)(head >> 3);
	switch (head & 7) {
	case VARINT:
		return take_varint(at, end, &ret->value);
	case BYTES:
		if (!take_varint(at, end, &len))
			return false;
		break;
	case 1:
		len = 8;
		break;
	case 5:
		len = 4;
		break;
	default:
		return false;
	}
	if (len > (size_t)(end - *at))
		return false;
	ret->bytes = *at;
	ret->len = (size_t)len;
	*at += len;
	return true;
}

/* False at the end, and at what is no field: then *at is not at the end. */
static bool take_field(const uint8_t **at, const uint8_t *end, struct field *ret)
{
	const uint8_t *start = *at;

	if (take_whole_field(at, end, ret))
		return true;
	*at = start;
	return false;
}

static rl_err take_text(struct rl_arena *a, const struct field *f, const char **ret)
{
	return rl_arena_strn(a, f->bytes != NULL ? (const char *)f->bytes : "", f->len, ret);
}

/* criu_notify and criu_restore_resp have the pid in different fields. */
static rl_err take_within(struct rl_arena *a, const struct field *outer, unsigned pid_field,
			  struct ct_criu_reply *reply)
{
	const uint8_t *at = outer->bytes, *end = at + outer->len;
	struct field f;

	if (at == NULL)
		return RL_OK;
	while (take_field(&at, end, &f)) {
		if (f.number == pid_field)
			reply->pid = (pid_t)f.value;
		else if (pid_field == 2 && f.number == 1)
			RL_TRY(take_text(a, &f, &reply->script));
	}
	return at == end ? RL_OK : rl_fail(RL_E(EPROTO), "read an answer of criu");
}

rl_err ct_criu_decode(struct rl_arena *a, const uint8_t *bytes, size_t len,
		      struct ct_criu_reply *ret)
{
	const uint8_t *at = bytes, *end = bytes + len;
	struct ct_criu_reply reply = { 0 };
	struct field f;

	while (take_field(&at, end, &f)) {
		if (f.number == 1)
			reply.type = (int)f.value;
		else if (f.number == 2)
			reply.success = f.value != 0;
		else if (f.number == 4)
			RL_TRY(take_within(a, &f, 1, &reply));
		else if (f.number == 5)
			RL_TRY(take_within(a, &f, 2, &reply));
		else if (f.number == 7)
			reply.error = (int)f.value;
		else if (f.number == 9)
			RL_TRY(take_text(a, &f, &reply.message));
	}
	if (at != end || reply.type == 0)
		return rl_fail(RL_E(EPROTO), "read an answer of criu");
	*ret = reply;
	return RL_OK;
}
