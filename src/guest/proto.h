/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the virtual machine monitor and the guest's init say to each other. The only header that
 * both sides include; docs/guest-protocol.md tells the same with more words.
 *
 * There are three channels:
 *
 *   1. the guest device, an I/O port range that works before any driver is loaded: the guest reads
 *      its configuration from it and writes reports to it (booted, workload started, set-up failed
 *      and why, exit status);
 *   2. the control port, a virtio console port by name: requests of the host, such as "power off";
 *   3. the agent on vsock.
 *
 * Everything is little-endian and unaligned. A reader checks every length; unknown record types
 * are skipped by the guest only if GST_OPTIONAL is set in them, so that a new VMM and an old
 * init never disagree silently.
 */
#pragma once

#include <stdint.h>

#define GST_VERSION 1

/* ---- 1. The guest device ----------------------------------------------------------------------
 *
 *   offset  width  read                               write
 *   0x0     4      GST_PORT_MAGIC                     commit the record collected at 0x8; the
 *                                                     value is its length in bytes
 *   0x4     4      length of the configuration        offset at which the next read of 0x8 starts
 *   0x8     1      next byte of the configuration     next byte of a report record
 *                  (0 beyond its end)
 *
 * Offset 0x8 is meant for `rep insb` and `rep outsb`: KVM passes many bytes in one exit. Any other
 * width, and any other offset, reads as ones and is ignored when written.
 */
#define GST_PORT 0x0520
#define GST_PORT_SIZE 0x10
#define GST_PORT_ID 0x0
#define GST_PORT_CONFIG 0x4
#define GST_PORT_DATA 0x8

#define GST_PORT_MAGIC 0x31545347u /* "GST1" */

/* A report: this header, then `length of the record - 8` bytes of text without a NUL. */
struct gst_report {
	uint8_t type[4];  /* enum gst_report_type */
	uint8_t value[4]; /* see there */
};

/* A record longer than this is cut; a commit whose length does not match is dropped. */
#define GST_REPORT_MAX 2048

enum gst_report_type {
	GST_REPORT_BOOTED = 1,	/* init runs; value: GST_VERSION */
	GST_REPORT_FAILED = 2,	/* set-up failed; value: positive errno or 0; text: the reason */
	GST_REPORT_STARTED = 3, /* the workload was executed; value: its pid */
	GST_REPORT_EXIT = 4,	/* value: status 0..255, and flags; the machine goes down next */
	GST_REPORT_NOTE = 5,	/* a warning for the log */
};

/* Flags in the value of GST_REPORT_EXIT. */
#define GST_EXIT_STATUS_MASK 0xffu
#define GST_EXIT_OOM 0x100u	 /* the guest kernel's OOM killer was at work */
#define GST_EXIT_SIGNALED 0x200u /* the status is 128 + a signal, not a code that looks like it */

/* Statuses of our own. A machine that stops without GST_REPORT_EXIT is never a success. */
#define GST_STATUS_SETUP 125
#define GST_STATUS_NOT_EXECUTABLE 126
#define GST_STATUS_NOT_FOUND 127

/*
 * The original library's way, which works where the root is a virtio-fs: ioctl(fd of "/", this,
 * status).
 */
#define GST_EXIT_IOCTL 0x7602u

/* ---- The configuration blob --------------------------------------------------------------------
 *
 * struct gst_header, then records: struct gst_record and `length` bytes, padded with zeros to a
 * multiple of 8. A "string" is bytes with one final NUL that `length` includes and none within;
 * "strings" are several, one after the other.
 */
#define GST_MAGIC "runletG"
#define GST_BLOB_MAX (16u << 20)

struct gst_header {
	char magic[8];	    /* GST_MAGIC with its NUL */
	uint8_t version[4]; /* GST_VERSION; another one is refused */
	uint8_t size[4];    /* of the whole blob, this header included */
};

struct gst_record {
	uint8_t type[2]; /* enum gst_record_type, with or without GST_OPTIONAL */
	uint8_t reserved[2];
	uint8_t length[4];
};

/* A guest that does not know this record type may ignore it. */
#define GST_OPTIONAL 0x8000u

/* Numbers are never reused. "*": may occur several times, in a meaningful order. */
enum gst_record_type {
	/* The workload. */
	GST_EXEC = 1,	      /* string: file to execute; absent: the first GST_ARG by PATH */
	GST_ARG = 2,	      /* string *: argv, from argv[0] on */
	GST_ENV = 3,	      /* string *: "NAME=value" */
	GST_CWD = 4,	      /* string: created with mode 0755 if missing */
	GST_USER = 5,	      /* struct gst_user */
	GST_GROUPS = 6,	      /* le32[]: supplementary groups */
	GST_CAPS = 7,	      /* struct gst_caps; absent: all of them */
	GST_RLIMIT = 8,	      /* struct gst_rlimit * */
	GST_FLAGS = 9,	      /* le32: GST_F_* */
	GST_OOM_SCORE = 10,   /* le32, signed: oom_score_adj */
	GST_TERMINAL = 11,    /* struct gst_terminal: initial size */
	GST_CONFIG_FILE = 12, /* string: OCI or libkrun JSON to read from the root, if it exists */
	GST_CONFIG_TEXT = 13, /* string: what such a file would hold; none is read then */

	/* The machine. */
	GST_HOSTNAME = 32,   /* string */
	GST_DOMAINNAME = 33, /* string */
	GST_SYSCTL = 34,     /* strings *: key (with dots or slashes), value */
	GST_ROOT = 35,	     /* le32 enum gst_root, strings: source, fstype, options */
	GST_MOUNT = 36, /* strings *: source, target, fstype, options as in OCI, joined by commas */
	GST_MASK = 37,	/* string *: path that becomes unreadable */
	GST_READONLY = 38, /* string *: path that becomes read-only */
	GST_NET = 39,	   /* struct gst_net, strings: address/prefix, gateway, DNS servers * */
	GST_DEVICE = 40,   /* struct gst_device, string: path */

	/* The host's wishes. */
	GST_AGENT = 64, /* le32: vsock port on which the agent listens */
	GST_GRACE = 65, /* le32: milliseconds between SIGTERM and SIGKILL at shutdown */
};

struct gst_user {
	uint8_t uid[4];
	uint8_t gid[4];
	uint8_t umask[4]; /* GST_UMASK_UNSET: 0022 */
};
#define GST_UMASK_UNSET 0xffffffffu

/* Bit n is capability n. */
struct gst_caps {
	uint8_t bounding[8];
	uint8_t effective[8];
	uint8_t permitted[8];
	uint8_t inheritable[8];
	uint8_t ambient[8];
};

struct gst_rlimit {
	uint8_t resource[4]; /* RLIMIT_* of Linux */
	uint8_t reserved[4];
	uint8_t soft[8]; /* all ones: unlimited */
	uint8_t hard[8];
};

struct gst_terminal {
	uint8_t rows[2]; /* 0 by 0: leave it */
	uint8_t columns[2];
};

enum gst_flag {
	GST_F_NO_NEW_PRIVS = 1 << 0,
	GST_F_TERMINAL = 1 << 1,	/* the console is the workload's controlling terminal */
	GST_F_ROOT_READONLY = 1 << 2,	/* after every mount is made */
	GST_F_PID1 = 1 << 3,		/* the workload is process 1 of a pid namespace */
	GST_F_NO_API_MOUNTS = 1 << 4,	/* GST_MOUNT records bring /proc, /dev and the like */
	GST_F_ENV_FROM_CONFIG = 1 << 5, /* GST_ENV is a default that GST_CONFIG_FILE adds to */
};

enum gst_root {
	GST_ROOT_CURRENT = 0,  /* init was started from the root itself */
	GST_ROOT_VIRTIOFS = 1, /* source: the tag */
	GST_ROOT_BLOCK = 2,    /* source: device node; fstype "" or "auto": try them all */
};

struct gst_net {
	uint8_t mac[6]; /* which interface: by address; all zero: the first one that is not lo */
	uint8_t mtu[2]; /* 0: leave it */
	uint8_t flags[4];
};
#define GST_NET_DHCP 1u

struct gst_device {
	uint8_t mode[4]; /* file type (S_IFCHR, S_IFBLK, S_IFIFO) and permissions */
	uint8_t uid[4];
	uint8_t gid[4];
	uint8_t major[4];
	uint8_t minor[4];
};

/*
 * Modules of a distribution kernel are not in the blob: the initramfs that holds them (made once a
 * kernel, then cached) has this text file, one path below "/" a line, in the order of loading.
 * A line that ends in " ?" may fail.
 */
#define GST_MODULE_LIST "/modules/list"

/* ---- 2. The control port -----------------------------------------------------------------------
 *
 * The host writes struct gst_control to this virtio console port; the guest never writes.
 */
#define GST_CONTROL_PORT "krun-control"

struct gst_control {
	uint8_t type[4]; /* enum gst_control_type */
	uint8_t value[4];
};

enum gst_control_type {
	GST_CONTROL_POWEROFF = 1, /* SIGTERM to all, GST_GRACE, SIGKILL, sync, power off */
	GST_CONTROL_SIGNAL = 2,	  /* value: signal for the workload */
};

/* Console ports that carry the workload's standard streams when they are no terminal. */
#define GST_PORT_STDIN "krun-stdin"
#define GST_PORT_STDOUT "krun-stdout"
#define GST_PORT_STDERR "krun-stderr"

/* ---- Little-endian numbers ------------------------------------------------------------------ */

static inline uint16_t gst_get16(const uint8_t p[2])
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t gst_get32(const uint8_t p[4])
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t gst_get64(const uint8_t p[8])
{
	return gst_get32(p) | (uint64_t)gst_get32(p + 4) << 32;
}

static inline void gst_put16(uint8_t p[2], uint16_t v)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an array of two */
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void gst_put32(uint8_t p[4], uint32_t v)
{
	gst_put16(p, (uint16_t)v);
	gst_put16(p + 2, (uint16_t)(v >> 16));
}

static inline void gst_put64(uint8_t p[8], uint64_t v)
{
	gst_put32(p, (uint32_t)v);
	gst_put32(p + 4, (uint32_t)(v >> 32));
}

_Static_assert(sizeof(struct gst_header) == 16, "wire format");
_Static_assert(sizeof(struct gst_record) == 8, "wire format");
_Static_assert(sizeof(struct gst_report) == 8, "wire format");
