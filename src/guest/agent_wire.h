/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent in the guest's init and its client on the host (handlers/agent.h) say to each
 * other over a stream: vsock in the guest, a unix socket on the host. Included by both sides;
 * docs/guest-protocol.md tells the same with more words.
 *
 * Each side sends struct gst_agent_hello at once, then frames. A connection carries one request:
 * the client's first frame says which.
 *
 *     EXEC      -> STARTED, then DATA, CREDIT, SIGNAL and RESIZE as they come, at last EXIT
 *                  (GST_AGENT_DETACH: STARTED only); or FAILED
 *     SIGNAL    -> DONE or FAILED
 *     RESIZE    -> DONE or FAILED
 *     LIST      -> PROCESS for each process, then DONE
 *     SHUTDOWN  -> DONE
 *
 * Neither side believes the other. gst_agent_expects() knows the lengths that each type of frame
 * may have, in each direction; a frame that does not comply ends the connection. The streams have
 * credit, so that neither side ever keeps more than GST_AGENT_WINDOW bytes of one, and a stream
 * nobody reads never holds up a signal, another stream or the exit status.
 */
#pragma once

#include "guest/proto.h"

#include <stdbool.h>

/*
 * The vsock port of the guest. A machine in which the host may connect to this port (that is what
 * krun_add_vsock_port2 with `listen` says) has an agent. Connections of anyone but the host
 * (CID 2) are refused by the agent.
 */
#define GST_AGENT_PORT 0x6b72756eu

#define GST_AGENT_VERSION 1
#define GST_AGENT_MAGIC "runletA"

struct gst_agent_hello {
	char magic[8];	    /* GST_AGENT_MAGIC with its NUL */
	uint8_t version[4]; /* GST_AGENT_VERSION; another one is refused */
	uint8_t reserved[4];
};

struct gst_agent_frame {
	uint8_t type[2];   /* enum gst_agent_type */
	uint8_t stream[2]; /* DATA and CREDIT: 0, 1 or 2; otherwise 0 */
	uint8_t length[4]; /* of what follows */
};

/* What may be sent of a stream beyond what its reader has granted by CREDIT; the start value. */
#define GST_AGENT_WINDOW (64u << 10)
/* The longest DATA. */
#define GST_AGENT_DATA_MAX (16u << 10)
/* The longest EXEC: Linux itself takes 6 MiB of arguments and environment. */
#define GST_AGENT_EXEC_MAX (8u << 20)
/* The longest reason of a failure and the longest description of a process, without header. */
#define GST_AGENT_TEXT_MAX 2048u
/* A list longer than this is cut by the agent, and refused by the client. */
#define GST_AGENT_PROCESSES_MAX 65536u

enum gst_agent_type {
	/* Requests. */
	GST_AGENT_EXEC = 1,	/* struct gst_agent_exec, then a blob as init gets it (proto.h) */
	GST_AGENT_SIGNAL = 2,	/* struct gst_agent_signal */
	GST_AGENT_RESIZE = 3,	/* struct gst_agent_resize */
	GST_AGENT_LIST = 4,	/* nothing */
	GST_AGENT_SHUTDOWN = 5, /* nothing: SIGTERM, GST_GRACE, SIGKILL, power off */

	/* Both ways. */
	GST_AGENT_DATA = 16,   /* bytes of a stream; none: its end, of either side */
	GST_AGENT_CREDIT = 17, /* le32: so many more bytes of this stream may be sent */

	/* Answers. */
	GST_AGENT_STARTED = 32, /* le32: pid in the guest */
	GST_AGENT_FAILED = 33,	/* struct gst_agent_failed, then text without NUL */
	GST_AGENT_EXIT = 34,	/* le32: status 0..255 and GST_EXIT_SIGNALED */
	GST_AGENT_PROCESS = 35, /* struct gst_agent_process, then text */
	GST_AGENT_DONE = 36,	/* nothing */
};

/* Records of the blob that mean something here: 1..9 but GST_CONFIG_FILE, 10. */
struct gst_agent_exec {
	uint8_t flags[4]; /* enum gst_agent_exec_flag; an unknown one is refused */
	uint8_t rows[2];  /* of the terminal; 0 by 0: the kernel's default */
	uint8_t columns[2];
};

enum gst_agent_exec_flag {
	/* A terminal in place of three pipes: stream 0 is its input, stream 1 its output. */
	GST_AGENT_F_TERMINAL = 1 << 0,
	/* Stream 0 will be sent; without it standard input is /dev/null. */
	GST_AGENT_F_STDIN = 1 << 1,
	/* Alone. No streams: all three are /dev/null, and the process outlives the connection. */
	GST_AGENT_F_DETACH = 1 << 2,
};

struct gst_agent_signal {
	uint8_t pid[4];	   /* 0: of this session, or the workload; else of a process exec'ed */
	uint8_t signal[4]; /* 0: does it exist? */
};
/* Everything in the guest but init. */
#define GST_AGENT_PID_ALL 0xffffffffu

struct gst_agent_resize {
	uint8_t pid[4]; /* as above; the workload's terminal is the console */
	uint8_t rows[2];
	uint8_t columns[2];
};

struct gst_agent_failed {
	uint8_t status[4]; /* GST_STATUS_* for EXEC; 0 otherwise */
	uint8_t code[4];   /* errno, 0: none */
};

struct gst_agent_process {
	uint8_t pid[4], ppid[4];
	uint8_t uid[4];	     /* effective */
	uint8_t state[4];    /* a letter as in /proc/PID/stat */
	uint8_t cpu_ms[8];   /* user and system */
	uint8_t start_ms[8]; /* after the guest's boot */
	uint8_t rss_kib[8];
	uint8_t name_length[4]; /* the text is a name of this length, then the command line: */
	uint8_t reserved[4];	/* arguments with a NUL after each; none: a kernel thread */
};

_Static_assert(sizeof(struct gst_agent_hello) == 16, "wire format");
_Static_assert(sizeof(struct gst_agent_frame) == 8, "wire format");
_Static_assert(sizeof(struct gst_agent_exec) == 8, "wire format");
_Static_assert(sizeof(struct gst_agent_process) == 48, "wire format");

enum gst_agent_side { GST_AGENT_CLIENT, GST_AGENT_GUEST };

/* May this side send a frame of this type, stream and length at all? */
static inline bool gst_agent_expects(enum gst_agent_side sender, uint32_t type, uint32_t stream,
				     uint32_t length)
{
	const bool client = sender == GST_AGENT_CLIENT;

	switch ((enum gst_agent_type)type) {
	case GST_AGENT_DATA:
		/* The client's about an output stream: nobody reads it any more. */
		if (client && (stream == 1 || stream == 2))
			return length == 0;
		return (client ? stream == 0 : stream == 1 || stream == 2) &&
		       length <= GST_AGENT_DATA_MAX;
	case GST_AGENT_CREDIT:
		return (client ? stream == 1 || stream == 2 : stream == 0) && length == 4;
	case GST_AGENT_EXEC:
		return client && stream == 0 &&
		       length >= sizeof(struct gst_agent_exec) + sizeof(struct gst_header) &&
		       length <= GST_AGENT_EXEC_MAX;
	case GST_AGENT_SIGNAL:
		return client && stream == 0 && length == sizeof(struct gst_agent_signal);
	case GST_AGENT_RESIZE:
		return client && stream == 0 && length == sizeof(struct gst_agent_resize);
	case GST_AGENT_LIST:
	case GST_AGENT_SHUTDOWN:
		return client && stream == 0 && length == 0;
	case GST_AGENT_STARTED:
	case GST_AGENT_EXIT:
		return !client && stream == 0 && length == 4;
	case GST_AGENT_FAILED:
		return !client && stream == 0 && length >= sizeof(struct gst_agent_failed) &&
		       length <= sizeof(struct gst_agent_failed) + GST_AGENT_TEXT_MAX;
	case GST_AGENT_PROCESS:
		return !client && stream == 0 && length >= sizeof(struct gst_agent_process) &&
		       length <= sizeof(struct gst_agent_process) + GST_AGENT_TEXT_MAX;
	case GST_AGENT_DONE:
		return !client && stream == 0 && length == 0;
	}
	return false;
}
