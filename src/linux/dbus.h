/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Just enough of D-Bus to ask systemd for something (D-Bus specification 0.41): connect to a bus by
 * its socket, put calls together, send them, receive replies and signals. No threads, no callbacks,
 * no library, nothing but one descriptor; so the lean program can do it, and a container costs two
 * round trips.
 *
 * The daemon at the other end is root's or the caller's own. What it sends is checked all the same:
 * a message that is malformed, longer than 1 MiB or of the other byte order is EPROTO.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

/* ---- putting a call together ----------------------------------------------------------------- */

/* Messages one after the other, as they are sent. Memory from the arena; a lack of it is kept and
 * comes out of lx_dbus_send(). */
struct lx_dbus_out {
	struct rl_arena *arena;
	uint8_t *bytes;
	size_t len, room;
	size_t start, body; /* of the message being put together */
	uint32_t serial;    /* of the last message */
	bool failed;
};

struct lx_dbus_call {
	const char *destination, *path, *interface, *member;
	const char *signature; /* of the arguments, "" for none */
};

/* Begins a method call; its number is out->serial. The arguments follow, then lx_dbus_end(). */
void lx_dbus_begin(struct lx_dbus_out *out, const struct lx_dbus_call *call);
void lx_dbus_end(struct lx_dbus_out *out);

void lx_dbus_put_byte(struct lx_dbus_out *out, uint8_t value);
void lx_dbus_put_bool(struct lx_dbus_out *out, bool value);
void lx_dbus_put_u16(struct lx_dbus_out *out, uint16_t value);
void lx_dbus_put_u32(struct lx_dbus_out *out, uint32_t value);
void lx_dbus_put_u64(struct lx_dbus_out *out, uint64_t value);
void lx_dbus_put_double(struct lx_dbus_out *out, double value);
/* Strings and object paths. */
void lx_dbus_put_string(struct lx_dbus_out *out, const char *text);
/* Also begins a variant: its value follows. */
void lx_dbus_put_signature(struct lx_dbus_out *out, const char *signature);
/* An array of elements with this alignment (8 for structs). Returns what its end wants to know. */
size_t lx_dbus_begin_array(struct lx_dbus_out *out, size_t alignment);
void lx_dbus_end_array(struct lx_dbus_out *out, size_t array, size_t alignment);
/* Pads for a struct; has no end. */
void lx_dbus_put_struct(struct lx_dbus_out *out);

/* ---- the connection -------------------------------------------------------------------------- */

enum lx_dbus_kind { LX_DBUS_CALL = 1, LX_DBUS_REPLY = 2, LX_DBUS_ERROR = 3, LX_DBUS_SIGNAL = 4 };

/* A received message; strings point into it and live until the next receive. */
struct lx_dbus_message {
	enum lx_dbus_kind kind;
	uint32_t reply_to;			       /* serial of the call */
	const char *path, *interface, *member, *error; /* NULL when absent */
	const char *signature;			       /* "" when absent */
	const uint8_t *body;
	size_t size, at; /* at: how far the lx_dbus_get functions have come */
};

struct lx_dbus {
	struct rl_fd fd;
	uint8_t *in; /* malloc */
	size_t len, room, used;
};

#define LX_AUTO_DBUS __attribute__((cleanup(lx_dbus_close)))

/*
 * Connects and proves by the socket who we are (EXTERNAL). `address` is what $DBUS_..._BUS_ADDRESS
 * holds, of which "unix:path=" and "unix:abstract=" are understood, or a plain path. `deadline_ms`
 * is on CLOCK_MONOTONIC, as everywhere here. EACCES: refused.
 */
RL_MUST rl_err lx_dbus_connect(const char *address, int64_t deadline_ms, struct lx_dbus *ret);
void lx_dbus_close(struct lx_dbus *bus);

/* Sends all messages. */
RL_MUST rl_err lx_dbus_send(struct lx_dbus *bus, struct lx_dbus_out *out, int64_t deadline_ms);
/* The next message. ETIMEDOUT, or ECONNRESET when the daemon hangs up. */
RL_MUST rl_err lx_dbus_receive(struct lx_dbus *bus, int64_t deadline_ms,
			       struct lx_dbus_message *ret);

/* The next argument; the caller knows the signature. EPROTO when the message ends before it. */
RL_MUST rl_err lx_dbus_get_u32(struct lx_dbus_message *m, uint32_t *ret);
RL_MUST rl_err lx_dbus_get_string(struct lx_dbus_message *m, const char **ret);
