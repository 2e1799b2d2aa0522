/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message is a fixed part of 16 bytes, header fields, and a body that begins at a multiple of 8:
 *
 *     'l' type flags 1 | body length | serial | length of the fields, fields (yv)...
 *
 * Every value is aligned to its size, counted from the message's first byte.
 */
#include "linux/dbus.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define MESSAGE_MAX ((size_t)1 << 20)
#define FIXED 16

enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY_TO,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE
};

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "messages are little-endian here"
#endif

/* ---- putting a call together ----------------------------------------------------------------- */

static uint8_t *extend(struct lx_dbus_out *out, size_t n)
{
	if (out->failed)
		return NULL;
	if (n > out->room - out->len) {
		size_t room = (out->room ? out->room * 2 : 2048) + n;
		uint8_t *bytes;

		if (rl_drop_failed(rl_arena_get(out->arena, 1, room, &bytes))) {
			out->failed = true;
			return NULL;
		}
		if (out->len > 0)
			memcpy(bytes, out->bytes, out->len);
		out->bytes = bytes;
		out->room = room;
	}
	out->len += n;
	return out->bytes + out->len - n;
}

static void put(struct lx_dbus_out *out, const void *bytes, size_t n)
{
	uint8_t *to = extend(out, n);

	if (to != NULL)
		memcpy(to, bytes, n);
}

/* The arena's memory is zeroed, but a padding may lie where something was before. */
static void align(struct lx_dbus_out *out, size_t alignment)
{
	static const uint8_t zeros[8];

	put(out, zeros, (alignment - (out->len - out->start) % alignment) % alignment);
}

void lx_dbus_put_byte(struct lx_dbus_out *out, uint8_t value)
{
	put(out, &value, 1);
}

void lx_dbus_put_u16(struct lx_dbus_out *out, uint16_t value)
{
	align(out, 2);
	put(out, &value, 2);
}

void lx_dbus_put_u32(struct lx_dbus_out *out, uint32_t value)
{
	align(out, 4);
	put(out, &value, 4);
}

void lx_dbus_put_bool(struct lx_dbus_out *out, bool value)
{
	lx_dbus_put_u32(out, value);
}

void lx_dbus_put_u64(struct lx_dbus_out *out, uint64_t value)
{
	align(out, 8);
	put(out, &value, 8);
}

void lx_dbus_put_double(struct lx_dbus_out *out, double value)
{
	align(out, 8);
	put(out, &value, 8);
}

void lx_dbus_put_string(struct lx_dbus_out *out, const char *text)
{
	size_t n = strlen(text);

	lx_dbus_put_u32(out, (uint32_t)n);
	put(out, text, n + 1);
}

void lx_dbus_put_signature(struct lx_dbus_out *out, const char *signature)
{
	size_t n = strlen(signature);

	lx_dbus_put_byte(out, (uint8_t)n);
	put(out, signature, n + 1);
}

void lx_dbus_put_struct(struct lx_dbus_out *out)
{
	align(out, 8);
}

size_t lx_dbus_begin_array(struct lx_dbus_out *out, size_t alignment)
{
	size_t array;

	lx_dbus_put_u32(out, 0);
	array = out->len - 4;
	align(out, alignment);
	return array;
}

/* The length counts neither itself nor the padding before the first element. */
void lx_dbus_end_array(struct lx_dbus_out *out, size_t array, size_t alignment)
{
	size_t first = array + 4 - out->start;
	uint32_t n;

	if (out->failed)
		return;
	first += (alignment - first % alignment) % alignment;
	n = (uint32_t)(out->len - out->start - first);
	memcpy(out->bytes + array, &n, 4);
}

static void put_field(struct lx_dbus_out *out, uint8_t field, const char *type, const char *text)
{
	lx_dbus_put_struct(out);
	lx_dbus_put_byte(out, field);
	lx_dbus_put_signature(out, type);
	if (type[0] == 'g')
		lx_dbus_put_signature(out, text);
	else
		lx_dbus_put_string(out, text);
}

void lx_dbus_begin(struct lx_dbus_out *out, const struct lx_dbus_call *call)
{
	const uint8_t fixed[8] = { 'l', LX_DBUS_CALL, 0, 1 };
	size_t fields;

	out->start = out->len;
	put(out, fixed, sizeof(fixed)); /* the length of the body is filled in at the end */
	lx_dbus_put_u32(out, ++out->serial);
	fields = lx_dbus_begin_array(out, 8);
	put_field(out, FIELD_PATH, "o", call->path);
	put_field(out, FIELD_INTERFACE, "s", call->interface);
	put_field(out, FIELD_MEMBER, "s", call->member);
	if (call->destination != NULL)
		put_field(out, FIELD_DESTINATION, "s", call->destination);
	if (call->signature[0] != '\0')
		put_field(out, FIELD_SIGNATURE, "g", call->signature);
	lx_dbus_end_array(out, fields, 8);
	align(out, 8);
	out->body = out->len;
}

void lx_dbus_end(struct lx_dbus_out *out)
{
	uint32_t n = (uint32_t)(out->len - out->body);

	if (!out->failed)
		memcpy(out->bytes + out->start + 4, &n, 4);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static rl_err wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		struct timespec now;
		int64_t left;
		int n;

		clock_gettime(CLOCK_MONOTONIC, &now);
		left = deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		n = poll(&p, 1, left < 0 ? 0 : (int)left);
		if (n > 0)
			return RL_OK;
		if (n == 0)
			return rl_fail(RL_E(ETIMEDOUT), "wait for the bus");
		if (errno != EINTR)
			return rl_sys(-1, "poll the bus");
	}
}

static rl_err send_bytes(int fd, const void *bytes, size_t len, int64_t deadline_ms)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			RL_TRY(wait_for(fd, POLLOUT, deadline_ms));
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		RL_TRY(rl_sys(n, "send to the bus"));
		at += n;
		len -= (size_t)n;
	}
	return RL_OK;
}

/* What was received stays where it is until `used` says that it is done with. */
static rl_err receive_more(struct lx_dbus *bus, int64_t deadline_ms)
{
	ssize_t n;

	if (bus->used > 0) {
		memmove(bus->in, bus->in + bus->used, bus->len - bus->used);
		bus->len -= bus->used;
		bus->used = 0;
	}
	if (bus->room - bus->len < 4096) {
		size_t room = bus->room * 2 + 8192;
		uint8_t *in = realloc(bus->in, room);

		if (in == NULL)
			return rl_nomem();
		bus->in = in;
		bus->room = room;
	}
	for (;;) {
		RL_TRY(wait_for(rl_fd_get(&bus->fd), POLLIN, deadline_ms));
		n = recv(rl_fd_get(&bus->fd), bus->in + bus->len, bus->room - bus->len,
			 MSG_DONTWAIT);
		if (n > 0)
			break;
		if (n == 0)
			return rl_fail(RL_E(ECONNRESET), "the bus hung up");
		if (errno != EAGAIN && errno != EINTR)
			return rl_sys(-1, "receive from the bus");
	}
	bus->len += (size_t)n;
	return RL_OK;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static rl_err parse_address(const char *address, struct sockaddr_un *ret, socklen_t *ret_len)
{
	const char *path = address;
	bool abstract = false;
	size_t n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strncmp(path, "unix:", 5) == 0) {
		abstract = strncmp(path + 5, "abstract=", 9) == 0;
		if (!abstract && strncmp(path + 5, "path=", 5) != 0)
			return rl_fail(RL_E(EAFNOSUPPORT), "bus address \"%s\"", address);
		path += abstract ? 14 : 10;
	}
	/* What follows are the key for the server's name and other addresses. */
	n = strcspn(path, ",;");
	if (n == 0 || n + abstract >= sizeof(ret->sun_path) || memchr(path, '%', n) != NULL)
		return rl_fail(RL_E(EINVAL), "bus address \"%s\"", address);
	memcpy(ret->sun_path + abstract, path, n);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + n + !abstract);
	return RL_OK;
}

/* A line of the authentication, without its end; it stays valid until more is received. */
static rl_err receive_line(struct lx_dbus *bus, int64_t deadline_ms, const char **ret)
{
	for (;;) {
		uint8_t *from = bus->in + bus->used;
		uint8_t *end =
			bus->len > bus->used ? memmem(from, bus->len - bus->used, "\r\n", 2) : NULL;

		if (end != NULL) {
			*end = '\0';
			*ret = (const char *)from;
			bus->used += (size_t)(end - from) + 2;
			return RL_OK;
		}
		if (bus->len - bus->used > 4096)
			return rl_fail(RL_E(EPROTO), "the bus does not speak D-Bus");
		RL_TRY(receive_more(bus, deadline_ms));
	}
}

/* EXTERNAL without a name: who we are is what the socket says, in any user namespace. */
static rl_err authenticate(struct lx_dbus *bus, int64_t deadline_ms)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	const char *line;

	RL_TRY(send_bytes(rl_fd_get(&bus->fd), hello, sizeof(hello) - 1, deadline_ms));
	RL_TRY(receive_line(bus, deadline_ms, &line));
	if (strncmp(line, "DATA", 4) == 0)
		RL_TRY(receive_line(bus, deadline_ms, &line));
	if (strncmp(line, "OK ", 3) != 0)
		return rl_refuse(RL_E(EACCES), "the bus refuses us: %.200s", line);
	return RL_OK;
}

rl_err lx_dbus_connect(const char *address, int64_t deadline_ms, struct lx_dbus *ret)
{
	struct lx_dbus bus = { 0 };
	struct sockaddr_un where;
	socklen_t len = 0;
	rl_err e;

	RL_TRY(parse_address(address, &where, &len));
	RL_TRY(rl_fd_from(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &bus.fd, "socket"));
	e = rl_sys(connect(rl_fd_get(&bus.fd), (struct sockaddr *)&where, len), "connect to %s",
		   address);
	if (!rl_failed(e))
		e = authenticate(&bus, deadline_ms);
	if (rl_failed(e)) {
		lx_dbus_close(&bus);
		return e;
	}
	*ret = bus;
	return RL_OK;
}

void lx_dbus_close(struct lx_dbus *bus)
{
	rl_fd_close(&bus->fd);
	free(bus->in);
	bus->in = NULL;
}

rl_err lx_dbus_send(struct lx_dbus *bus, struct lx_dbus_out *out, int64_t deadline_ms)
{
	if (out->failed)
		return rl_nomem();
	RL_TRY(send_bytes(rl_fd_get(&bus->fd), out->bytes, out->len, deadline_ms));
	out->len = 0;
	return RL_OK;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Values from a part of a message, with the same alignment as in the whole. */
static rl_err skip(struct lx_dbus_message *m, size_t alignment, size_t n)
{
	size_t at = m->at + (alignment - m->at % alignment) % alignment;

	if (at > m->size || n > m->size - at)
		return rl_fail(RL_E(EPROTO), "a message of the bus ends early");
	m->at = at + n;
	return RL_OK;
}

rl_err lx_dbus_get_u32(struct lx_dbus_message *m, uint32_t *ret)
{
	RL_TRY(skip(m, 4, 4));
	memcpy(ret, m->body + m->at - 4, 4);
	return RL_OK;
}

static rl_err get_text(struct lx_dbus_message *m, size_t len, const char **ret)
{
	if (len > MESSAGE_MAX)
		return rl_fail(RL_E(EPROTO), "a string of %zu bytes from the bus", len);
	RL_TRY(skip(m, 1, len + 1));
	*ret = (const char *)m->body + m->at - len - 1;
	if (memchr(*ret, '\0', len + 1) != *ret + len)
		return rl_fail(RL_E(EPROTO), "a string of the bus contains a NUL");
	return RL_OK;
}

rl_err lx_dbus_get_string(struct lx_dbus_message *m, const char **ret)
{
	uint32_t len;

	RL_TRY(lx_dbus_get_u32(m, &len));
	return get_text(m, len, ret);
}

static rl_err get_signature(struct lx_dbus_message *m, const char **ret)
{
	RL_TRY(skip(m, 1, 1));
	return get_text(m, m->body[m->at - 1], ret);
}

/* A header field: its code, and a variant of which only these types occur. */
static rl_err read_field(struct lx_dbus_message *header, struct lx_dbus_message *ret)
{
	const char *type, *text = NULL;
	uint32_t number = 0;
	uint8_t field;

	RL_TRY(skip(header, 8, 1));
	field = header->body[header->at - 1];
	RL_TRY(get_signature(header, &type));
	if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0)
		RL_TRY(lx_dbus_get_string(header, &text));
	else if (strcmp(type, "g") == 0)
		RL_TRY(get_signature(header, &text));
	else if (strcmp(type, "u") == 0)
		RL_TRY(lx_dbus_get_u32(header, &number));
	else
		return rl_fail(RL_E(EPROTO), "header field %u of type \"%s\" from the bus", field,
			       type);
	if (field == FIELD_REPLY_TO)
		ret->reply_to = number;
	else if (text != NULL && field == FIELD_PATH)
		ret->path = text;
	else if (text != NULL && field == FIELD_INTERFACE)
		ret->interface = text;
	else if (text != NULL && field == FIELD_MEMBER)
		ret->member = text;
	else if (text != NULL && field == FIELD_ERROR)
		ret->error = text;
	else if (text != NULL && field == FIELD_SIGNATURE)
		ret->signature = text;
	return RL_OK;
}

/* How long the message at `bytes` is, 0 if that is not known yet. */
static rl_err message_size(const uint8_t *bytes, size_t len, size_t *ret_header, size_t *ret_body)
{
	uint32_t body, fields;

	*ret_header = *ret_body = 0;
	if (len < FIXED)
		return RL_OK;
	memcpy(&body, bytes + 4, 4);
	memcpy(&fields, bytes + 12, 4);
	if (bytes[0] != 'l' || bytes[3] != 1 || body > MESSAGE_MAX || fields > MESSAGE_MAX)
		return rl_fail(RL_E(EPROTO), "a message of the bus is malformed");
	*ret_header = (FIXED + (size_t)fields + 7) & ~(size_t)7;
	*ret_body = body;
	return RL_OK;
}

static rl_err parse(const uint8_t *bytes, size_t header, size_t body, struct lx_dbus_message *ret)
{
	struct lx_dbus_message fields = { .body = bytes, .size = header, .at = FIXED };
	uint32_t n;

	memcpy(&n, bytes + 12, 4);
	fields.size = FIXED + n;
	*ret = (struct lx_dbus_message){
		.kind = bytes[1], .signature = "", .body = bytes + header, .size = body
	};
	while (fields.at < fields.size)
		RL_TRY(read_field(&fields, ret));
	return RL_OK;
}

rl_err lx_dbus_receive(struct lx_dbus *bus, int64_t deadline_ms, struct lx_dbus_message *ret)
{
	for (;;) {
		size_t header, body, have = bus->len - bus->used;

		if (have > 0) {
			RL_TRY(message_size(bus->in + bus->used, have, &header, &body));
			if (header > 0 && have >= header + body) {
				bus->used += header + body;
				return parse(bus->in + bus->used - header - body, header, body,
					     ret);
			}
		}
		RL_TRY(receive_more(bus, deadline_ms));
	}
}
