/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent in a virtual machine, from outside: run a process there, signal, resize, list, stop.
 *
 * The other side is a unix socket which the VM library made because it was told
 *
 *     krun_add_vsock_port2(ctx, HDL_AGENT_PORT, path, true)
 *
 * and that is all it takes: the library of this project tells its init to serve that port. With
 * another library the socket is there and nobody answers (ECONNREFUSED, with a hint).
 *
 * A guest is hostile: every length is checked, every buffer is bounded, text from the guest is made
 * printable, and every wait has an end, except the one for the end of a process that runs.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

/* The guest's port; GST_AGENT_PORT of guest/agent_wire.h. */
#define HDL_AGENT_PORT 0x6b72756eu

struct hdl_agent_at {
	int dir_fd;	  /* borrowed directory, or AT_FDCWD */
	const char *path; /* of the socket, relative to it; of any length */
	/*
	 * How long to wait for an answer. While the machine boots nobody answers yet: within this
	 * time the connection is tried again. 0: HDL_AGENT_WAIT_MS.
	 */
	unsigned wait_ms;
};
/* Of a guest on a processor that is emulated itself; elsewhere one is there in half a second. */
#define HDL_AGENT_WAIT_MS 60000u

/* Bit n is capability n. */
struct hdl_agent_caps {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct hdl_agent_rlimit {
	uint32_t resource;   /* RLIMIT_* */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

/* What OCI calls `process`, resolved to numbers. */
struct hdl_agent_process {
	const char *const *args; /* up to a NULL; not empty */
	const char *const *env;	 /* up to a NULL, or NULL for none */
	const char *cwd;	 /* NULL: "/"; must exist */
	uint32_t uid, gid;
	uint32_t umask; /* HDL_AGENT_UMASK_UNSET: 0022 */
	const uint32_t *groups;
	size_t group_count;
	const struct hdl_agent_caps *caps; /* NULL: all of them */
	const struct hdl_agent_rlimit *rlimits;
	size_t rlimit_count;
	const int32_t *oom_score_adj; /* NULL: 0 */
	bool no_new_privileges;
	bool terminal;
	uint16_t rows, columns; /* of the terminal; 0 by 0: the kernel's default */
	/*
	 * No streams (so no terminal either: EINVAL), and the process is left alone: the session
	 * ends when it has started.
	 */
	bool detach;
};
#define HDL_AGENT_UMASK_UNSET 0xffffffffu

/* Borrowed descriptors, in any mode; their flags are not changed. */
struct hdl_agent_io {
	/*
	 * Standard input, output, error; -1: none (input: /dev/null; output: thrown away). With a
	 * terminal [0] is read and [1] is written: two sides of one terminal (in raw mode, which is
	 * the caller's to set) or two pipes; [2] is not used.
	 */
	int fd[3];
	/*
	 * A terminal whose size is passed on at the start and at every SIGWINCH; -1: none. Of a pty
	 * pair: the side that the relaying process has as its controlling terminal.
	 */
	int size_fd;
	/* Signals that this process gets are the guest process's: TERM, INT, HUP, USR1 and so on.
	 */
	bool forward_signals;
};

struct hdl_agent_exit {
	int status;    /* 0..255 */
	bool signaled; /* status is 128 + the signal that ended it */
};

struct hdl_agent_session;

/*
 * Starts a process; *ret is to be freed. When it cannot be started, the error has the guest's errno
 * and words, and *ret_status (which may be NULL) becomes 125, 126 or 127: set-up failed, not
 * executable, not found. 125 also for failures on the way there.
 */
RL_MUST rl_err hdl_agent_start(const struct hdl_agent_at *at, const struct hdl_agent_process *p,
			       bool with_stdin, struct hdl_agent_session **ret, int *ret_status);
/* Its pid in the guest. */
uint32_t hdl_agent_pid(const struct hdl_agent_session *s);
/*
 * Relays until the process ends. With forward_signals, signals are blocked meanwhile and taken
 * from a signalfd; the mask is put back. ECONNRESET: the machine is gone, and no status with it.
 */
RL_MUST rl_err hdl_agent_relay(struct hdl_agent_session *s, const struct hdl_agent_io *io,
			       struct hdl_agent_exit *ret);
/* A process that still runs is killed, unless it was started with `detach`. */
void hdl_agent_free(struct hdl_agent_session *s);

/*
 * pid 0: the workload; else a process that hdl_agent_start has started. Signal 0 asks whether it is
 * there. ESRCH: it is not.
 */
RL_MUST rl_err hdl_agent_signal(const struct hdl_agent_at *at, uint32_t pid, int signal);
/* Every process in the guest but init. */
RL_MUST rl_err hdl_agent_signal_all(const struct hdl_agent_at *at, int signal);
/* ENOTTY: no terminal. */
RL_MUST rl_err hdl_agent_resize(const struct hdl_agent_at *at, uint32_t pid, uint16_t rows,
				uint16_t columns);
/* Asks for an orderly end: what SIGTERM to the VMM does. Returns when the guest has heard it. */
RL_MUST rl_err hdl_agent_shutdown(const struct hdl_agent_at *at);

struct hdl_agent_ps {
	uint32_t pid, ppid, uid;
	char state; /* as in /proc/PID/stat */
	uint64_t cpu_ms, start_ms, rss_kib;
	const char *name;    /* printable */
	const char *command; /* arguments joined by blanks, printable; a kernel thread: "[name]" */
};

/* Processes of the guest in the order of their pids, init's included. */
RL_MUST rl_err hdl_agent_list(const struct hdl_agent_at *at, struct rl_arena *a,
			      const struct hdl_agent_ps **ret, size_t *ret_count);
