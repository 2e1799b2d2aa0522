/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the agent.
 *
 *   agent.c         listening, connections, frames in and out
 *   agent_request.c what a client asks for
 *   agent_exec.c    starting a process, its streams, its end
 *   agent_list.c    the list of processes
 */
#pragma once

#include "guest/agent.h"
#include "guest/agent_wire.h"

#include <stddef.h>

/* Room for what is to be sent: a full DATA frame of both streams, and small ones. */
#define AGENT_OUT (2u * GST_AGENT_DATA_MAX + 4096u)

enum agent_phase {
	AGENT_HELLO,	/* the client's hello is to come */
	AGENT_REQUEST,	/* its request is to come */
	AGENT_STARTING, /* the child is not what it shall be yet */
	AGENT_RUNNING,
	AGENT_ANSWERED, /* all is said; what is left is sent, then the connection is closed */
};

/* Which descriptor a place in the poll array belongs to. */
enum agent_place {
	AGENT_SOCKET,
	AGENT_WORDS,
	AGENT_STDIN,
	AGENT_STDOUT,
	AGENT_STDERR,
	AGENT_PLACES
};

/* An output stream of the process. */
struct agent_output {
	int fd;		 /* -1: at its end, or drained */
	uint32_t credit; /* bytes that may be sent */
	bool told_end;
	/* After the process's end: what it had written is still sent, what others add is not. */
	uint32_t left;
};

struct gst_agent_session {
	struct gst_agent_session *next;
	enum agent_phase phase;
	int fd;			   /* -1: the client is gone */
	int poll_at[AGENT_PLACES]; /* index in the last poll array, -1: not in it */

	/* The frame that is arriving. */
	uint8_t head[sizeof(struct gst_agent_hello)];
	uint32_t head_len;
	uint8_t *body;
	uint32_t body_size, body_len;

	/* What is to be sent. */
	uint8_t *out;
	uint32_t out_at, out_len;

	pid_t pid; /* 0: none, or reaped */
	pid_t told_pid;
	bool exited, measured, terminal, detached;
	int status; /* of waitpid(2) */
	int words_fd;
	int stdin_fd;	/* -1: closed; with a terminal the same as output[0].fd, not owned */
	uint8_t *input; /* GST_AGENT_WINDOW bytes that the process has not taken yet */
	uint32_t input_at, input_len, input_owed; /* owed: taken, and credit not given back yet */
	bool input_ended;
	struct agent_output output[2];
};

/* ---- agent.c ---- */

/* Appends a frame; there is room if agent_room() said so, small answers always have it. */
void agent_send(struct gst_agent_session *s, enum gst_agent_type type, uint32_t stream,
		const void *bytes, uint32_t len, const void *more, uint32_t more_len);
void agent_send_number(struct gst_agent_session *s, enum gst_agent_type type, uint32_t stream,
		       uint32_t value);
/* Bytes of DATA that can be appended now. */
uint32_t agent_room(const struct gst_agent_session *s);
/* FAILED, and the end of the conversation. */
void agent_refuse(struct gst_agent_session *s, int status, int code, const char *text);
/* Everything that is the client's is given up; its process is killed unless it is detached. */
void agent_hang_up(struct gst_agent_session *s);

/* Sends what the socket takes now. */
void agent_flush(struct gst_agent_session *s);
/* The conversation is over, or somebody else's. */
void agent_close_socket(struct gst_agent_session *s);
/* The session of a process, NULL if there is none. */
struct gst_agent_session *agent_find(struct gst_agent *a, pid_t pid);

/* ---- agent_request.c ---- */

/* The first frame after the hello, of a length that fits its type. False: against the protocol. */
bool agent_request(struct gst_agent *a, struct gst_agent_session *s, uint32_t type,
		   const uint8_t *body, uint32_t len);

/* ---- agent_exec.c ---- */

void agent_exec(struct gst_agent_session *s, const uint8_t *body, uint32_t len);
/* A frame of the client while the process runs. False: against the protocol. */
bool agent_exec_frame(struct gst_agent_session *s, uint32_t type, uint32_t stream,
		      const uint8_t *body, uint32_t len);
void agent_exec_ready(struct gst_agent_session *s, enum agent_place place);
/* Sends what can be sent after any change, the exit status in the end. */
void agent_exec_advance(struct gst_agent_session *s);
void agent_exec_close(struct gst_agent_session *s);
/* Which events matter now on this descriptor; 0: none. */
short agent_exec_events(const struct gst_agent_session *s, enum agent_place place, int *ret_fd);
int agent_set_size(int fd, const struct gst_agent_resize *r);

/* ---- agent_list.c ---- */

/* In a child: sends the list on a blocking socket, and ends. */
_Noreturn void agent_list(int fd);
