/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the agent's client.
 *
 *   agent_talk.c    connecting, whole frames out and in, within a deadline
 *   agent.c         requests that have one answer, and the start of a process
 *   agent_relay.c   a process's streams and signals while it runs
 */
#pragma once

#include "guest/agent_wire.h"
#include "handlers/agent.h"

/* The longest frame of the guest. */
#define AGENT_BODY_MAX GST_AGENT_DATA_MAX

struct agent_deadline {
	int64_t at_ms; /* CLOCK_MONOTONIC */
};

struct agent_deadline agent_deadline_in(unsigned ms);
/* Milliseconds that are left, 0 if none. */
int agent_deadline_left(struct agent_deadline d);

/* A frame that arrives in pieces. */
struct agent_input {
	uint8_t head[sizeof(struct gst_agent_frame)];
	uint32_t head_len, body_len;
	uint8_t body[AGENT_BODY_MAX];
};

struct agent_message {
	uint32_t type, stream, length;
	const uint8_t *body; /* in the input's buffer, until the next piece */
};

struct hdl_agent_session {
	struct rl_fd fd;
	uint32_t pid;
	bool with_stdin, detached;
	struct agent_input in;
};

/* Connects and exchanges hellos; tried again until the deadline while nobody is there. */
RL_MUST rl_err agent_connect(const struct hdl_agent_at *at, struct agent_deadline until,
			     struct rl_fd *ret);

/* A frame of one or two parts, all of it or an error. */
RL_MUST rl_err agent_send_frame(int fd, enum gst_agent_type type, const void *bytes, size_t len,
				struct agent_deadline until);

/*
 * What has arrived, without waiting. *ret_whole: a frame is complete and was checked. EPROTO: the
 * guest does not keep to the protocol. ECONNRESET: it is gone.
 */
RL_MUST rl_err agent_receive(int fd, struct agent_input *in, struct agent_message *ret,
			     bool *ret_whole, bool *ret_again);
/* Waits for a whole frame. */
RL_MUST rl_err agent_wait_frame(int fd, struct agent_input *in, struct agent_deadline until,
				struct agent_message *ret);

/* The guest's FAILED as an error in its words. */
RL_MUST rl_err agent_failure(const struct agent_message *m);
/* A frame that makes no sense here. */
RL_MUST rl_err agent_unexpected(const struct agent_message *m);

/* Copies `len` bytes of the guest, with '?' for what a terminal could take for more than text. */
void agent_printable(char *to, const uint8_t *from, size_t len);
