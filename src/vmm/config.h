/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the caller wants: everything the setters of the API collect, and nothing else. The plan
 * (vmm/plan.h) is made from it. Strings and lists live in the context's arena.
 *
 * The setters check their own arguments first and then that there is a context at all (`c` may be
 * NULL: ENOENT), because that is the order in which the API promises its errors; what depends on
 * earlier calls comes last. They open no file unless noted.
 */
#pragma once

#include "base/arena.h"
#include "base/fd.h"

#include <stdint.h>

struct vmm_strings {
	size_t count;
	const char **item;
};

/* A file or directory that exists only in the guest's view of a shared directory. */
struct vmm_overlay {
	struct vmm_overlay *next;
	const char *path;    /* relative, no leading or doubled slash */
	const uint8_t *data; /* the caller's */
	size_t size;
	uint32_t mode; /* with type bits */
	bool one_shot;
};

struct vmm_fs {
	struct vmm_fs *next;
	const char *tag;
	const char *path; /* NULL: empty file system */
	uint64_t shm_size;
	bool read_only;
	bool with_init; /* /init.krun is added */
	struct vmm_overlay *overlay, **overlay_end;
};

enum vmm_sync { VMM_SYNC_NONE, VMM_SYNC_RELAXED, VMM_SYNC_FULL };

struct vmm_disk {
	struct vmm_disk *next;
	const char *id;
	const char *path;
	bool read_only;
	bool direct_io;
	enum vmm_sync sync;
};

enum vmm_port_kind {
	VMM_PORT_CONSOLE, /* a console (hvc) on any descriptors */
	VMM_PORT_TTY,	  /* a console on a terminal, follows its size */
	VMM_PORT_DATA,	  /* a byte stream */
};

struct vmm_port {
	struct vmm_port *next;
	enum vmm_port_kind kind;
	const char *name;  /* "" for none */
	int in_fd, out_fd; /* borrowed from the caller; -1: none */
};

struct vmm_console {
	struct vmm_console *next;
	/* Made by krun_add_virtio_console_default: ports are decided when the machine starts. */
	bool automatic;
	int in_fd, out_fd, err_fd; /* automatic only */
	struct vmm_port *port, **port_end;
};

/* A port of the guest's sockets and a unix socket of the host. */
struct vmm_vsock_map {
	struct vmm_vsock_map *next;
	uint32_t port;
	const char *path;
	bool listen; /* the host connects to the guest */
};

enum vmm_net_backend { VMM_BACKEND_STREAM, VMM_BACKEND_DGRAM, VMM_BACKEND_TAP };

/* Values of the API: NET_FEATURE_*, NET_FLAG_*. */
struct vmm_net {
	struct vmm_net *next;
	enum vmm_net_backend backend;
	const char *path; /* of the socket, or the tap device's name; NULL: fd */
	int fd;		  /* borrowed from the caller; -1: path */
	uint8_t mac[6];
	uint32_t features;
	bool vfkit, dhcp;
	bool old; /* made by an old call: the address of krun_set_net_mac is its own */
};

#define VMM_SERIALS_MAX 4

struct vmm_serial {
	int in_fd, out_fd; /* borrowed; -1: none */
};

struct vmm_rlimit {
	struct vmm_rlimit *next;
	uint32_t resource;
	uint64_t soft, hard;
};

enum vmm_kernel_format {
	VMM_KERNEL_RAW,
	VMM_KERNEL_ELF,
	VMM_KERNEL_PE_GZ,
	VMM_KERNEL_BZ2,
	VMM_KERNEL_GZ,
	VMM_KERNEL_ZSTD,
};

struct vmm_id {
	bool set;
	uint32_t id;
};

struct vmm_config {
	struct rl_arena arena;

	uint32_t vcpus;
	uint64_t ram_mib;
	bool nested;
	bool split_irqchip;

	struct vmm_fs *fs, **fs_end;
	bool no_implicit_init;

	struct vmm_disk *disk, **disk_end;
	const char *root_disk, *data_disk;			       /* the old calls */
	const char *remount_device, *remount_fstype, *remount_options; /* device NULL: none */

	bool no_implicit_console;
	const char *console_output;
	struct vmm_console *console, **console_end;
	uint32_t console_count;
	struct vmm_serial serial[VMM_SERIALS_MAX];
	uint32_t serial_count;
	const char *kernel_console;

	struct vmm_net *net, **net_end;
	uint8_t old_mac[6]; /* of krun_set_net_mac */

	bool no_implicit_vsock;
	bool explicit_vsock; /* a device even without ports */
	struct vmm_vsock_map *vsock, **vsock_end;

	const char *exec; /* NULL: from the root's configuration file, or /bin/sh */
	struct vmm_strings argv;
	bool env_set;
	struct vmm_strings env;
	const char *workdir;
	const char *container; /* a configuration that init reads instead of a file of the root */
	struct vmm_rlimit *rlimit, **rlimit_end;

	const char *kernel; /* NULL: look for one */
	enum vmm_kernel_format kernel_format;
	const char *initramfs;
	const char *cmdline; /* NULL: the default one */
	const char *firmware;
	uint32_t confinement; /* KRUN_CONFINE_* */

	struct vmm_id uid, gid;
	struct rl_fd shutdown_fd;
	struct rl_fd kvm_fd;   /* /dev/kvm, opened by the caller; none: opened at the start */
	struct rl_fd ready_fd; /* closed when the machine runs */
};

RL_MUST rl_err vmm_config_new(struct vmm_config **ret);
void vmm_config_free(struct vmm_config *c);

/* Machine. */
RL_MUST rl_err vmm_config_machine(struct vmm_config *c, uint8_t vcpus, uint32_t ram_mib);
RL_MUST rl_err vmm_config_nested(struct vmm_config *c, bool on);
RL_MUST rl_err vmm_config_split_irqchip(struct vmm_config *c, bool on);
RL_MUST rl_err vmm_config_uid(struct vmm_config *c, uint32_t uid);
RL_MUST rl_err vmm_config_gid(struct vmm_config *c, uint32_t gid);
RL_MUST rl_err vmm_config_smbios(struct vmm_config *c, const char *const strings[]);
RL_MUST rl_err vmm_config_kvm_fd(struct vmm_config *c, int fd);
RL_MUST rl_err vmm_config_ready_fd(struct vmm_config *c, int fd);
/* Makes the eventfd on the first call. */
RL_MUST rl_err vmm_config_shutdown_fd(struct vmm_config *c, int *ret_fd);
/* Files that are not for start to find missing: the kernel (RAW) and the initramfs are looked at.
 */
RL_MUST rl_err vmm_config_kernel(struct vmm_config *c, const char *path, uint32_t format,
				 const char *initramfs, const char *cmdline);
RL_MUST rl_err vmm_config_firmware(struct vmm_config *c, const char *path);

/* Workload. */
RL_MUST rl_err vmm_config_exec(struct vmm_config *c, const char *path, const char *const argv[],
			       const char *const envp[]);
RL_MUST rl_err vmm_config_env(struct vmm_config *c, const char *const envp[]);
RL_MUST rl_err vmm_config_container(struct vmm_config *c, const char *json);
RL_MUST rl_err vmm_config_workdir(struct vmm_config *c, const char *path);
RL_MUST rl_err vmm_config_rlimits(struct vmm_config *c, const char *const rlimits[]);

/* File systems and disks. */
#define VMM_ROOT_TAG "/dev/root"
#define VMM_ROOT_SHM (512ull << 20)
#define VMM_TAG_MAX 36 /* bytes, by the specification of virtio-fs */

RL_MUST rl_err vmm_config_root(struct vmm_config *c, const char *path);
/* may_be_empty: path NULL is allowed. */
RL_MUST rl_err vmm_config_fs(struct vmm_config *c, const char *tag, const char *path,
			     uint64_t shm_size, bool read_only, bool may_be_empty);
RL_MUST rl_err vmm_config_overlay_file(struct vmm_config *c, const char *tag, const char *path,
				       const uint8_t *data, size_t size, uint32_t mode,
				       bool one_shot);
RL_MUST rl_err vmm_config_overlay_dir(struct vmm_config *c, const char *tag, const char *path,
				      uint32_t mode);
RL_MUST rl_err vmm_config_no_init(struct vmm_config *c);
RL_MUST rl_err vmm_config_disk(struct vmm_config *c, const char *id, const char *path,
			       uint32_t format, bool read_only, bool direct_io, uint32_t sync);
RL_MUST rl_err vmm_config_root_disk(struct vmm_config *c, const char *path);
RL_MUST rl_err vmm_config_data_disk(struct vmm_config *c, const char *path);
RL_MUST rl_err vmm_config_remount(struct vmm_config *c, const char *device, const char *fstype,
				  const char *options);

/* Consoles. */
RL_MUST rl_err vmm_config_no_console(struct vmm_config *c);
RL_MUST rl_err vmm_config_console_output(struct vmm_config *c, const char *path);
RL_MUST rl_err vmm_config_console(struct vmm_config *c, int in_fd, int out_fd, int err_fd);
RL_MUST rl_err vmm_config_serial(struct vmm_config *c, int in_fd, int out_fd);
RL_MUST rl_err vmm_config_multiport(struct vmm_config *c, uint32_t *ret_id);
RL_MUST rl_err vmm_config_port_tty(struct vmm_config *c, uint32_t console, const char *name,
				   int tty_fd);
RL_MUST rl_err vmm_config_port_data(struct vmm_config *c, uint32_t console, const char *name,
				    int in_fd, int out_fd);
RL_MUST rl_err vmm_config_kernel_console(struct vmm_config *c, const char *name);

/* Network. `old`: by a call from the time of one interface, so there must be none. */
RL_MUST rl_err vmm_config_net(struct vmm_config *c, enum vmm_net_backend backend, const char *path,
			      int fd, const uint8_t *mac, uint32_t features, uint32_t flags);
RL_MUST rl_err vmm_config_net_old(struct vmm_config *c, enum vmm_net_backend backend,
				  const char *path, int fd);
RL_MUST rl_err vmm_config_net_mac(struct vmm_config *c, const uint8_t *mac);
RL_MUST rl_err vmm_config_tap(struct vmm_config *c, const char *name, const uint8_t *mac,
			      uint32_t features, uint32_t flags);
RL_MUST rl_err vmm_config_tap_fd(struct vmm_config *c, int fd, const uint8_t *mac,
				 uint32_t features, uint32_t flags);

/* The proxy that makes the guest's sockets the host's (TSI) is not built: judged, then ENOTSUP. */
RL_MUST rl_err vmm_config_port_map(struct vmm_config *c, const char *const map[]);
RL_MUST rl_err vmm_config_no_vsock(struct vmm_config *c);
RL_MUST rl_err vmm_config_vsock(struct vmm_config *c, uint32_t tsi);
RL_MUST rl_err vmm_config_vsock_port(struct vmm_config *c, uint32_t port, const char *path,
				     bool listen);

/*
 * For setters: the string is there and UTF-8 (EINVAL, naming `what`), and a copy of it.
 */
RL_MUST rl_err vmm_config_text(const char *what, const char *s);
RL_MUST rl_err vmm_config_copy(struct vmm_config *c, const char *s, const char **ret);
RL_MUST rl_err vmm_config_exists(const struct vmm_config *c);

RL_MUST rl_err vmm_config_confinement(struct vmm_config *c, uint32_t flags);

/* config_media.c: displays and input, of which only the arguments are looked at (EINVAL). */
RL_MUST rl_err vmm_config_display_backend(const struct vmm_config *c, const void *backend,
					  size_t size);
RL_MUST rl_err vmm_config_display_edid(const struct vmm_config *c, const uint8_t *blob,
				       size_t size);
RL_MUST rl_err vmm_config_input_device(const struct vmm_config *c, const void *config,
				       size_t config_size, const void *events, size_t events_size);
RL_MUST rl_err vmm_config_input_fd(const struct vmm_config *c, int fd);
/* ENOTSUP, what a known device answers that is not there. */
RL_MUST rl_err vmm_config_not_built(const char *what);
