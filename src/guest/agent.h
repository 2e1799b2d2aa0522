/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: serves the requests of guest/agent_wire.h, in PID 1 itself. There it survives
 * `kill -9 -1`, and it is the parent of every process it starts.
 *
 * It lives on init's poll(2) loop and never blocks. What could block (reading all of /proc) is done
 * by a child. A connection that breaks the protocol is closed; the process it has started is
 * killed with it.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct gst_agent_session;

struct gst_agent {
	int listen_fd;	     /* -1: none */
	bool only_host;	     /* refuse everybody but the host (CID 2); off in tests */
	pid_t workload;	     /* 0: none yet */
	bool wants_shutdown; /* the host has asked for the end */
	struct gst_agent_session *first;
	unsigned count;
};

/* Listeners and five descriptors a session. */
#define GST_AGENT_SESSIONS 64
#define GST_AGENT_POLLS (1 + 5 * GST_AGENT_SESSIONS)

/* Listens on the vsock port. A kernel without vsock gets a note, and no agent. */
void gst_agent_open(struct gst_agent *a, uint32_t port);
/* Serves a connection that is there. The descriptor is the agent's from now on. */
void gst_agent_adopt(struct gst_agent *a, int fd);

/* Fills fds, returns how many; at most GST_AGENT_POLLS. */
unsigned gst_agent_polls(struct gst_agent *a, struct pollfd *fds);
/* After poll(2) with exactly what gst_agent_polls has filled. */
void gst_agent_serve(struct gst_agent *a, const struct pollfd *fds, unsigned count);
/* A child was reaped; harmless if it is not the agent's. */
void gst_agent_reaped(struct gst_agent *a, pid_t pid, int status);
/*
 * The machine goes down: every process of a session is killed and reaped, and its status told as
 * far as this is possible without waiting.
 */
void gst_agent_close(struct gst_agent *a);
