/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers: what a container's first process becomes instead of executing a program. Two kinds:
 *
 *     krun                           a virtual machine, by libkrun, in which the program runs
 *     wasm wasmedge wasmtime wamr    an engine, which runs a WebAssembly module in the process
 *                                    itself: confined like any program of a container
 *
 * Who calls what, and when:
 *
 *     hdl_choose     anyone    pure          is there a handler, and which?
 *     hdl_load       runtime   before PLAN   the library, /dev/kvm, facts; nothing is touched
 *     hdl_plan_make  plan      pure          configuration and facts -> struct hdl_plan (machines)
 *     hdl_open       runtime   before CLAIM  what only the host has: kernel files, passt (machines)
 *     hdl_connect    init      FURNISH       the host's root and the container's network in sight
 *                                            (machines)
 *     hdl_enter      init      BECOME        machine or module; comes back only with a failure
 *
 * The lean program cannot load libraries: container/again.h executes runlet-full before hdl_load.
 * handlers/none.c is what it has in place of the rest.
 */
#pragma once

#include "base/arena.h"
#include "oci/config.h"

#include <sys/types.h>

struct plan_process;
struct plan_request;
struct plan_seccomp;
struct plan_warnings;
struct lx_device_rule;

/* ---- choosing (choose.c) --------------------------------------------------------------------- */

/*
 * By `run.oci.handler`, by the name that the program was called by, or by
 * `module.wasm.image/variant`; *ret_name NULL: none. The sandbox of a pod is always native: it only
 * holds namespaces. So is a program not named *.wasm or *.wat where a "smart" word asks for wasm.
 * EACCES: both ways, and they differ. ENOTSUP: a name that nobody knows, since running natively
 * what asked for isolation would be a lie.
 */
RL_MUST rl_err hdl_choose(const struct oci_config *config, const struct plan_request *request,
			  const char **ret_name);

/* Of the two kinds; NULL is a native container, and false. */
bool hdl_makes_machine(const char *name);
bool hdl_is_engine(const char *name);

/* ---- facts of machines (krun.c) ---------------------------------------------------------------
 */

/* Of this machine and its library: plain data, so a plan can be made for what is not there. */
struct hdl_facts {
	const char *library; /* the file it was loaded from */
	bool ours;	     /* runlet's own library: it has an agent, and words for its errors */
	bool takes_kvm;	     /* krun_set_kvm_fd: the machine needs no device node */
	bool takes_tap;	     /* krun_add_net_tap_fd: one that is attached already */
	bool takes_config;   /* krun_set_container_config: for a root that is a disk */
	bool overlay;	     /* krun_fs_add_overlay_file: nothing is written into the root */
	bool net, blk, gpu;  /* built in */
	bool nested;	     /* this host's KVM can */
	unsigned vcpus_max;  /* of one machine */
	unsigned cpus;	     /* on which this process may run */
	const char *passt;   /* path of the network helper, NULL: not found */
	/* .krun_vm.json of the image, NULL: it has none. Written by whoever made the image. */
	const char *image_settings;
	size_t image_settings_len;
};

/* ---- the plan (krun_plan.c, krun_confine.c) -------------------------------------------------- */

#define HDL_CONFIG_FILE "/.krun_config.json"

struct hdl_disk {
	const char *id;	  /* what the guest sees as the serial number */
	const char *path; /* in the container; on the host if the plan says so */
	uint32_t format;  /* KRUN_DISK_FORMAT_* */
	bool read_only;
};

enum hdl_network {
	HDL_NETWORK_NONE,
	HDL_NETWORK_OF_LIBRARY, /* what the library does when it is told nothing */
	HDL_NETWORK_PASST,
	HDL_NETWORK_TAP,
};

/* What the machine's process does with files, for its guest. */
enum hdl_files {
	HDL_FILES_NONE,	   /* the root is a disk */
	HDL_FILES_READ,	   /* nothing that is shared can be written */
	HDL_FILES_WRITTEN, /* by several users, as whom it leaves them */
};

struct hdl_plan {
	uint32_t vcpus, ram_mib;
	bool nested;
	bool gpu;
	uint32_t gpu_flags; /* VIRGLRENDERER_* */

	const char *kernel; /* NULL: the library finds one */
	uint32_t kernel_format;
	const char *initrd, *cmdline;
	bool kernel_on_host; /* opened before the clone, else a path of the container */

	const char *tag; /* of the root's virtio-fs */
	uint64_t window; /* bytes of its DAX window */
	enum hdl_files files;
	const struct hdl_disk *disks;
	size_t disk_count;
	const char *image; /* a disk of the host that is the root, as the first one; NULL: none */
	uint32_t image_format;

	/* HOME is not in the environment: it is this user's, by the container's /etc/passwd. */
	bool find_home;
	uid_t home_of;
	/* Of the program, for a guest's init that is told by calls: "7=1024:4096", up to a NULL. */
	const char *const *rlimits;

	enum hdl_network network;
	bool network_asked; /* by name: without it there is no container */
	bool passt_open;    /* every port on which the guest listens is one of the namespace's */
	const char *tap;    /* an existing device; NULL: one is made */
	bool dhcp;	    /* the guest's init configures eth0 */
	uint8_t mac[6];	    /* of eth0 */

	/* What the container needs beside its own: for plan_furnish_input, plan_cgroup_input. */
	const struct oci_device *devices;
	size_t device_count;
	const struct lx_device_rule *rules;
	size_t rule_count;
};

/* Pure. Errors begin with the key: "krun.cpus: 300 is out of range (1..8)". */
RL_MUST rl_err hdl_plan_make(struct rl_arena *a, const struct oci_config *config,
			     const struct plan_request *request, const struct hdl_facts *facts,
			     struct plan_warnings *warnings, struct hdl_plan **ret);

/*
 * The machine's process in place of the program's: root of the container with the rights over its
 * files and no others; the program's limits and identity are given to it by the guest's init.
 */
RL_MUST rl_err hdl_plan_process(struct rl_arena *a, const struct hdl_facts *facts,
				struct plan_process *p, struct hdl_plan *plan);
/* The system calls of such a process. */
RL_MUST rl_err hdl_plan_seccomp(struct rl_arena *a, struct plan_seccomp *ret);

/* ---- the session (session.c) ----------------------------------------------------------------- */

/* What a handler has loaded and opened. Opaque; goes through the clone as it is. */
struct hdl_session;

/*
 * Loads the handler's library while the host's file system is in sight; for a machine also makes a
 * context in it, opens /dev/kvm, reads .krun_vm.json. `name` is hdl_choose's; `bundle_fd`: what
 * config->root.path is relative to.
 * ENOENT and others: no library, with every place that was looked at; no /dev/kvm, or no right.
 */
RL_MUST rl_err hdl_load(const char *name, const struct oci_config *config, int bundle_fd,
			struct hdl_session **ret);
void hdl_free(struct hdl_session *session);

/* Descriptors that the handler needs; all others shall be closed. At most HDL_KEEPS_MAX. */
#define HDL_KEEPS_MAX 64
size_t hdl_keeps(const struct hdl_session *session, int keeps[static HDL_KEEPS_MAX]);

struct hdl_entry {
	int talk_fd; /* closed when the program runs; until then a failure is the caller's */
	/* Of machines: of the program's user, NULL: it is in the environment. */
	const char *home;
	/* Of engines: the module, taken over, with its arguments and environment up to a NULL. */
	int program_fd;
	const char *const *args, *const *env;
};

/* Becomes what the handler makes. Never returns RL_OK. */
RL_MUST rl_err hdl_enter(struct hdl_session *session, const struct hdl_entry *entry);

/* ---- machines only (krun.c) ------------------------------------------------------------------ */

/* NULL: this handler makes no machine, or there is none. */
const struct hdl_facts *hdl_facts(const struct hdl_session *session);
/* `config_text`: the configuration as the guest's init reads it; outlives the session. */
RL_MUST rl_err hdl_open(struct hdl_session *session, const struct hdl_plan *plan,
			const char *config_text, size_t len);
/*
 * The directory in which the machine's agent gets its socket, HDL_AGENT_SOCKET; taken over. It
 * must not lead anywhere else: a detached copy of its mount. Without one there is no agent.
 */
#define HDL_AGENT_SOCKET "agent"
void hdl_agent_dir(struct hdl_session *session, int dir_fd);
/* There is one already, or this library has no agent. */
bool hdl_has_agent_dir(const struct hdl_session *session);
/* In init, in the container's network namespace and the host's file system: passt, a tap device. */
RL_MUST rl_err hdl_connect(struct hdl_session *session);
