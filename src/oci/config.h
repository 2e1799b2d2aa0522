/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json of the OCI runtime specification 1.3 as C: one struct an object, one member a
 * property, the property's name in snake_case. Nothing is decided or translated here, and nothing
 * of Linux is known: capabilities, rlimits, signals and mount options stay words.
 *
 * How to read the structs:
 *   line           where the object begins in the text, 1-based; 0: the object was absent
 *   pointer        optional object or string: NULL is absent
 *   pointer+count  array: the pointer is NULL when absent, not NULL when present and empty
 *   oci_u64 ...    optional scalar: `set` tells presence
 *   enum           0 is absent
 *   embedded       an absent object reads as an empty one (its line is 0)
 * JSON null is absent everywhere, because Go's encoders write it.
 *
 * Everything lives in the arena that was given to the reader (oci/read.h), and nothing changes
 * after reading.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* Versions of the specification that are read; both ends are what `features` tells. */
#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.3.0"

/* ---- optional scalars, strings, maps -------------------------------------------------------- */

struct oci_bool {
	bool set;
	bool value;
};

struct oci_i32 {
	bool set;
	int32_t value;
};

struct oci_u32 {
	bool set;
	uint32_t value;
};

struct oci_i64 {
	bool set;
	int64_t value;
};

struct oci_u64 {
	bool set;
	uint64_t value;
};

/* items[count] is NULL, as execve(2) wants it. items is NULL when absent. */
struct oci_strings {
	const char *const *items;
	size_t count;
};

struct oci_ids {
	const uint32_t *items;
	size_t count;
};

/* A set of words out of a closed list: bits of the enum that the member's comment names. */
struct oci_flags {
	bool set; /* present, perhaps empty */
	uint32_t bits;
};

struct oci_key_value {
	const char *key;
	const char *value;
	uint32_t line;
};

/* An object whose keys are free and whose values are strings, in the order of the document. */
struct oci_map {
	const struct oci_key_value *items;
	size_t count;
};

/* NULL when the key is absent. */
const char *oci_map_get(const struct oci_map *map, const char *key);

/* ---- closed lists: 0 is absent, names by the functions at the end --------------------------- */

enum oci_namespace_type {
	OCI_NS_ABSENT,
	OCI_NS_PID,
	OCI_NS_NETWORK,
	OCI_NS_MOUNT,
	OCI_NS_IPC,
	OCI_NS_UTS,
	OCI_NS_USER,
	OCI_NS_CGROUP,
	OCI_NS_TIME,
	OCI_NS_TYPES,
};

enum oci_device_type {
	OCI_DEVICE_ABSENT,
	OCI_DEVICE_ALL,	       /* "a", in device rules only */
	OCI_DEVICE_BLOCK,      /* "b" */
	OCI_DEVICE_CHAR,       /* "c" */
	OCI_DEVICE_UNBUFFERED, /* "u", the same as "c" */
	OCI_DEVICE_FIFO,       /* "p", not in device rules */
};

enum oci_propagation {
	OCI_PROPAGATION_ABSENT,
	OCI_PROPAGATION_SHARED,
	OCI_PROPAGATION_SLAVE,
	OCI_PROPAGATION_PRIVATE,
	OCI_PROPAGATION_UNBINDABLE,
	/* The recursive spellings are not in the specification; the engines write them. */
	OCI_PROPAGATION_RSHARED,
	OCI_PROPAGATION_RSLAVE,
	OCI_PROPAGATION_RPRIVATE,
	OCI_PROPAGATION_RUNBINDABLE,
};

enum oci_seccomp_action {
	OCI_SECCOMP_ABSENT,
	OCI_SECCOMP_KILL, /* the same as KILL_THREAD */
	OCI_SECCOMP_KILL_PROCESS,
	OCI_SECCOMP_KILL_THREAD,
	OCI_SECCOMP_TRAP,
	OCI_SECCOMP_ERRNO,
	OCI_SECCOMP_TRACE,
	OCI_SECCOMP_ALLOW,
	OCI_SECCOMP_LOG,
	OCI_SECCOMP_NOTIFY,
};

enum oci_seccomp_operator {
	OCI_CMP_ABSENT,
	OCI_CMP_NE,
	OCI_CMP_LT,
	OCI_CMP_LE,
	OCI_CMP_EQ,
	OCI_CMP_GE,
	OCI_CMP_GT,
	OCI_CMP_MASKED_EQ, /* (argument & value) == value_two */
};

enum oci_seccomp_arch {
	OCI_ARCH_ABSENT,
	OCI_ARCH_X86,
	OCI_ARCH_X86_64,
	OCI_ARCH_X32,
	OCI_ARCH_ARM,
	OCI_ARCH_AARCH64,
	OCI_ARCH_LOONGARCH64,
	OCI_ARCH_M68K,
	OCI_ARCH_MIPS,
	OCI_ARCH_MIPS64,
	OCI_ARCH_MIPS64N32,
	OCI_ARCH_MIPSEL,
	OCI_ARCH_MIPSEL64,
	OCI_ARCH_MIPSEL64N32,
	OCI_ARCH_PPC,
	OCI_ARCH_PPC64,
	OCI_ARCH_PPC64LE,
	OCI_ARCH_S390,
	OCI_ARCH_S390X,
	OCI_ARCH_SH,
	OCI_ARCH_SHEB,
	OCI_ARCH_PARISC,
	OCI_ARCH_PARISC64,
	OCI_ARCH_RISCV64,
};

enum oci_seccomp_flag {
	OCI_SECCOMP_FLAG_TSYNC = 1 << 0,
	OCI_SECCOMP_FLAG_LOG = 1 << 1,
	OCI_SECCOMP_FLAG_SPEC_ALLOW = 1 << 2,
	OCI_SECCOMP_FLAG_WAIT_KILLABLE_RECV = 1 << 3,
};

enum oci_personality_domain {
	OCI_PERSONALITY_ABSENT,
	OCI_PERSONALITY_LINUX,
	OCI_PERSONALITY_LINUX32,
};

enum oci_memory_policy_mode {
	OCI_MPOL_ABSENT,
	OCI_MPOL_DEFAULT,
	OCI_MPOL_BIND,
	OCI_MPOL_INTERLEAVE,
	OCI_MPOL_WEIGHTED_INTERLEAVE,
	OCI_MPOL_PREFERRED,
	OCI_MPOL_PREFERRED_MANY,
	OCI_MPOL_LOCAL,
};

enum oci_memory_policy_flag {
	OCI_MPOL_FLAG_NUMA_BALANCING = 1 << 0,
	OCI_MPOL_FLAG_RELATIVE_NODES = 1 << 1,
	OCI_MPOL_FLAG_STATIC_NODES = 1 << 2,
};

enum oci_scheduler_policy {
	OCI_SCHED_ABSENT,
	OCI_SCHED_OTHER,
	OCI_SCHED_FIFO,
	OCI_SCHED_RR,
	OCI_SCHED_BATCH,
	OCI_SCHED_ISO,
	OCI_SCHED_IDLE,
	OCI_SCHED_DEADLINE,
};

enum oci_scheduler_flag {
	OCI_SCHED_FLAG_RESET_ON_FORK = 1 << 0,
	OCI_SCHED_FLAG_RECLAIM = 1 << 1,
	OCI_SCHED_FLAG_DL_OVERRUN = 1 << 2,
	OCI_SCHED_FLAG_KEEP_POLICY = 1 << 3,
	OCI_SCHED_FLAG_KEEP_PARAMS = 1 << 4,
	OCI_SCHED_FLAG_UTIL_CLAMP_MIN = 1 << 5,
	OCI_SCHED_FLAG_UTIL_CLAMP_MAX = 1 << 6,
};

enum oci_io_class {
	OCI_IO_CLASS_ABSENT,
	OCI_IO_CLASS_RT,
	OCI_IO_CLASS_BE,
	OCI_IO_CLASS_IDLE,
};

enum oci_image_format {
	OCI_IMAGE_ABSENT,
	OCI_IMAGE_RAW,
	OCI_IMAGE_QCOW2,
	OCI_IMAGE_VDI,
	OCI_IMAGE_VMDK,
	OCI_IMAGE_VHD,
};

/* ---- root, mounts (config.md, config-linux.md) ---------------------------------------------- */

struct oci_root {
	uint32_t line;
	const char *path; /* absolute, or relative to the bundle */
	bool readonly;
};

struct oci_id_mapping {
	uint32_t line;
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct oci_mount {
	uint32_t line;
	const char *destination;
	const char *type;
	const char *source;
	struct oci_strings options;
	const struct oci_id_mapping *uid_mappings;
	size_t uid_mapping_count;
	const struct oci_id_mapping *gid_mappings;
	size_t gid_mapping_count;
};

/* ---- process -------------------------------------------------------------------------------- */

struct oci_console_size {
	uint32_t line;
	uint64_t height;
	uint64_t width;
};

struct oci_user {
	uint32_t line;
	uint32_t uid; /* absent: 0; never 4294967295 once checked */
	uint32_t gid;
	struct oci_u32 umask;
	struct oci_ids additional_gids;
	const char *username; /* Windows; ignored */
};

struct oci_capabilities {
	uint32_t line;
	struct oci_strings bounding;
	struct oci_strings effective;
	struct oci_strings inheritable;
	struct oci_strings permitted;
	struct oci_strings ambient;
};

struct oci_rlimit {
	uint32_t line;
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t hard;
	uint64_t soft;
};

struct oci_scheduler {
	uint32_t line;
	enum oci_scheduler_policy policy;
	struct oci_i32 nice;
	struct oci_i32 priority;
	struct oci_flags flags;	 /* enum oci_scheduler_flag */
	struct oci_u64 runtime;	 /* nanoseconds */
	struct oci_u64 deadline; /* nanoseconds */
	struct oci_u64 period;	 /* nanoseconds */
};

struct oci_io_priority {
	uint32_t line;
	enum oci_io_class class;
	struct oci_i32 priority; /* 0 is the highest, 7 the lowest; absent: 0 */
};

struct oci_exec_cpu_affinity {
	uint32_t line;
	const char *initial; /* lists as of cpuset: "0-3,7" */
	const char *final;
};

struct oci_process {
	uint32_t line;
	bool terminal;
	const struct oci_console_size *console_size;
	struct oci_user user;
	struct oci_strings args;
	struct oci_strings env;
	const char *command_line; /* Windows; ignored */
	const char *cwd;
	const struct oci_capabilities *capabilities;
	const struct oci_rlimit *rlimits;
	size_t rlimit_count;
	bool no_new_privileges;
	const char *apparmor_profile;
	struct oci_i32 oom_score_adj;
	const struct oci_scheduler *scheduler;
	const char *selinux_label;
	const struct oci_io_priority *io_priority;
	const struct oci_exec_cpu_affinity *exec_cpu_affinity;
};

/* ---- hooks ---------------------------------------------------------------------------------- */

struct oci_hook {
	uint32_t line;
	const char *path;
	struct oci_strings args; /* args.items[0] is argv[0]; absent: the path alone */
	struct oci_strings env;	 /* absent and empty differ: absent leaves it to the runtime */
	struct oci_i64 timeout;	 /* seconds */
};

struct oci_hook_list {
	const struct oci_hook *items;
	size_t count;
};

struct oci_hooks {
	uint32_t line;
	struct oci_hook_list prestart;
	struct oci_hook_list create_runtime;
	struct oci_hook_list create_container;
	struct oci_hook_list start_container;
	struct oci_hook_list poststart;
	struct oci_hook_list poststop;
};

/* ---- linux.resources (config-linux.md#control-groups) --------------------------------------- */

struct oci_device_rule {
	uint32_t line;
	bool allow;
	enum oci_device_type type; /* absent: all */
	struct oci_i64 major;	   /* absent or -1: all */
	struct oci_i64 minor;
	const char *access; /* some of "rwm"; absent: all */
};

struct oci_memory {
	uint32_t line;
	struct oci_i64 limit;	    /* bytes; -1 is unlimited, also below */
	struct oci_i64 reservation; /* bytes */
	struct oci_i64 swap;	    /* bytes of memory and swap together */
	struct oci_i64 kernel;	    /* bytes; deprecated */
	struct oci_i64 kernel_tcp;  /* bytes */
	struct oci_u64 swappiness;  /* 0 to 100 */
	struct oci_bool disable_oom_killer;
	struct oci_bool use_hierarchy;
	struct oci_bool check_before_update;
};

struct oci_cpu {
	uint32_t line;
	struct oci_u64 shares;
	struct oci_i64 quota;		 /* microseconds a period; negative is unlimited */
	struct oci_u64 burst;		 /* microseconds */
	struct oci_u64 period;		 /* microseconds */
	struct oci_i64 realtime_runtime; /* microseconds */
	struct oci_u64 realtime_period;	 /* microseconds */
	const char *cpus;		 /* "0-3,7" */
	const char *mems;
	struct oci_i64 idle; /* 1: SCHED_IDLE for the group */
};

struct oci_pids {
	uint32_t line;
	struct oci_i64 limit; /* -1 is unlimited; 0 is a limit */
};

struct oci_weight_device {
	uint32_t line;
	int64_t major;
	int64_t minor;
	struct oci_u32 weight;
	struct oci_u32 leaf_weight;
};

struct oci_throttle_device {
	uint32_t line;
	int64_t major;
	int64_t minor;
	struct oci_u64 rate; /* bytes or operations a second */
};

struct oci_throttle_list {
	const struct oci_throttle_device *items;
	size_t count;
};

struct oci_block_io {
	uint32_t line;
	struct oci_u32 weight;	    /* 16 bits */
	struct oci_u32 leaf_weight; /* 16 bits */
	const struct oci_weight_device *weight_device;
	size_t weight_device_count;
	struct oci_throttle_list throttle_read_bps_device;
	struct oci_throttle_list throttle_write_bps_device;
	struct oci_throttle_list throttle_read_iops_device;
	struct oci_throttle_list throttle_write_iops_device;
};

struct oci_hugepage_limit {
	uint32_t line;
	const char *page_size; /* "2MB" */
	uint64_t limit;	       /* bytes */
};

struct oci_interface_priority {
	uint32_t line;
	const char *name;
	uint32_t priority;
};

struct oci_network {
	uint32_t line;
	struct oci_u32 class_id;
	const struct oci_interface_priority *priorities;
	size_t priority_count;
};

struct oci_rdma {
	uint32_t line;
	const char *device; /* the key: "mlx5_1" */
	struct oci_u32 hca_handles;
	struct oci_u32 hca_objects;
};

struct oci_resources {
	uint32_t line;
	const struct oci_device_rule *devices; /* in order: a later one overrides */
	size_t device_count;
	const struct oci_memory *memory;
	const struct oci_cpu *cpu;
	const struct oci_pids *pids;
	const struct oci_block_io *block_io;
	const struct oci_hugepage_limit *hugepage_limits;
	size_t hugepage_limit_count;
	const struct oci_network *network;
	const struct oci_rdma *rdma;
	size_t rdma_count;
	struct oci_map unified; /* file of cgroup v2 -> value */
};

/* ---- linux.seccomp -------------------------------------------------------------------------- */

struct oci_seccomp_arg {
	uint32_t line;
	uint32_t index; /* 0 to 5 */
	uint64_t value;
	uint64_t value_two;
	enum oci_seccomp_operator op;
};

struct oci_seccomp_syscall {
	uint32_t line;
	struct oci_strings names;
	enum oci_seccomp_action action;
	struct oci_u32 errno_ret;
	const struct oci_seccomp_arg *args;
	size_t arg_count;
};

struct oci_seccomp {
	uint32_t line;
	enum oci_seccomp_action default_action;
	struct oci_u32 default_errno_ret;
	const enum oci_seccomp_arch *architectures;
	size_t architecture_count;
	struct oci_flags flags; /* enum oci_seccomp_flag; absent and empty differ */
	const char *listener_path;
	const char *listener_metadata;
	const struct oci_seccomp_syscall *syscalls;
	size_t syscall_count;
};

/* ---- linux ---------------------------------------------------------------------------------- */

struct oci_namespace {
	uint32_t line;
	enum oci_namespace_type type;
	const char *path; /* NULL: a new one */
};

struct oci_time_offset {
	uint32_t line;
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_time_offsets {
	uint32_t line;
	const struct oci_time_offset *boottime;
	const struct oci_time_offset *monotonic;
};

struct oci_device {
	uint32_t line;
	enum oci_device_type type;
	const char *path; /* in the container */
	struct oci_i64 major;
	struct oci_i64 minor;
	struct oci_u32 file_mode;
	struct oci_u32 uid; /* ids of the container */
	struct oci_u32 gid;
};

struct oci_net_device {
	uint32_t line;
	const char *host_name; /* the key: its name in the runtime's network namespace */
	const char *name;      /* in the container; NULL: the same */
};

struct oci_intel_rdt {
	uint32_t line;
	const char *clos_id;
	struct oci_strings schemata;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
	bool enable_monitoring;
};

struct oci_memory_policy {
	uint32_t line;
	enum oci_memory_policy_mode mode;
	const char *nodes;	/* "0-1,3" */
	struct oci_flags flags; /* enum oci_memory_policy_flag */
};

struct oci_personality {
	uint32_t line;
	enum oci_personality_domain domain;
	struct oci_strings flags;
};

struct oci_linux {
	uint32_t line;
	const struct oci_id_mapping *uid_mappings;
	size_t uid_mapping_count;
	const struct oci_id_mapping *gid_mappings;
	size_t gid_mapping_count;
	struct oci_map sysctl;
	const struct oci_resources *resources;
	const char *cgroups_path;
	const struct oci_namespace *namespaces; /* at most one of a type once checked */
	size_t namespace_count;
	const struct oci_device *devices;
	size_t device_count;
	const struct oci_net_device *net_devices;
	size_t net_device_count;
	const struct oci_seccomp *seccomp;
	enum oci_propagation rootfs_propagation;
	struct oci_strings masked_paths;
	struct oci_strings readonly_paths;
	const char *mount_label;
	const struct oci_intel_rdt *intel_rdt;
	const struct oci_memory_policy *memory_policy;
	const struct oci_personality *personality;
	const struct oci_time_offsets *time_offsets;
};

/* The namespace of that type, NULL if the container stays in the runtime's. */
const struct oci_namespace *oci_namespace_get(const struct oci_linux *l,
					      enum oci_namespace_type type);

/* ---- vm (config-vm.md) ---------------------------------------------------------------------- */

struct oci_vm_hypervisor {
	uint32_t line;
	const char *path;
	struct oci_strings parameters;
};

struct oci_vm_kernel {
	uint32_t line;
	const char *path;
	struct oci_strings parameters;
	const char *initrd;
};

struct oci_vm_image {
	uint32_t line;
	const char *path;
	enum oci_image_format format;
};

struct oci_vm_iomem {
	uint32_t line;
	struct oci_u64 first_gfn; /* absent: the same as first_mfn */
	uint64_t first_mfn;
	uint64_t nr_mfns;
};

struct oci_vm_hw_config {
	uint32_t line;
	const char *device_tree;
	struct oci_u32 vcpus;
	struct oci_u64 memory; /* bytes */
	struct oci_strings dtdevs;
	const struct oci_vm_iomem *iomems;
	size_t iomem_count;
	struct oci_ids irqs;
};

struct oci_vm {
	uint32_t line;
	const struct oci_vm_hypervisor *hypervisor;
	const struct oci_vm_kernel *kernel;
	const struct oci_vm_image *image;
	const struct oci_vm_hw_config *hw_config;
};

/* ---- the whole ------------------------------------------------------------------------------ */

struct oci_config {
	uint32_t line;
	const char *oci_version;
	struct oci_root root;
	const struct oci_mount *mounts;
	size_t mount_count;
	const struct oci_process *process; /* NULL: the container can be created, not started */
	const char *hostname;
	const char *domainname;
	struct oci_hooks hooks;
	struct oci_linux linux_; /* the compiler predefines `linux` as a macro */
	const struct oci_vm *vm;
	struct oci_map annotations;
	const struct rl_json *source; /* the document the structs were read from */
};

/* ---- names of the closed lists, as the specification spells them; "?" for what is none ------- */

const char *oci_namespace_name(enum oci_namespace_type type);
const char *oci_device_type_name(enum oci_device_type type);
const char *oci_propagation_name(enum oci_propagation propagation);
const char *oci_seccomp_action_name(enum oci_seccomp_action action);
const char *oci_seccomp_operator_name(enum oci_seccomp_operator op);
const char *oci_seccomp_arch_name(enum oci_seccomp_arch arch);
const char *oci_seccomp_flag_name(enum oci_seccomp_flag flag);
const char *oci_memory_policy_mode_name(enum oci_memory_policy_mode mode);
const char *oci_scheduler_policy_name(enum oci_scheduler_policy policy);
const char *oci_io_class_name(enum oci_io_class class);
