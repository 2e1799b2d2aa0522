/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libkrun.so.1: a directory and a command become a virtual machine.
 *
 * A context collects what the machine shall be; krun_start_enter() makes it and becomes it. The
 * names, types and constants are those of libkrun 1.18, so that a program written for that
 * library runs on this one unchanged; docs/abi.md lists where the two differ.
 *
 * Conventions
 *   Results    0 or a useful value >= 0 on success, -errno on failure. krun_get_last_error()
 *              has the whole story in words.
 *   Contexts   An id that does not exist is -ENOENT, looked at after the other arguments.
 *   Strings    UTF-8 with a final NUL, copied; otherwise, and for NULL where nothing else is
 *              said, -EINVAL. A list of strings ends with a NULL pointer and is copied too.
 *   Repetition The last value counts, unless something else is said.
 *   Files      are opened by krun_start_enter(), unless something else is said.
 *   Threads    Every function may be called on every thread.
 *   Not built  -ENOTSUP, after the arguments were found to be sound; krun_has_feature() agrees.
 */
#ifndef LIBKRUN_H
#define LIBKRUN_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Log and errors -------------------------------------------------------------------------- */

#define KRUN_LOG_TARGET_DEFAULT (-1)

#define KRUN_LOG_LEVEL_OFF 0
#define KRUN_LOG_LEVEL_ERROR 1
#define KRUN_LOG_LEVEL_WARN 2
#define KRUN_LOG_LEVEL_INFO 3
#define KRUN_LOG_LEVEL_DEBUG 4
#define KRUN_LOG_LEVEL_TRACE 5

#define KRUN_LOG_STYLE_AUTO 0 /* colours if the target is a terminal */
#define KRUN_LOG_STYLE_ALWAYS 1
#define KRUN_LOG_STYLE_NEVER 2

#define KRUN_LOG_OPTION_NO_ENV 1 /* the environment (RUST_LOG) does not change the level */

/*
 * Logs to stderr from `level` (KRUN_LOG_LEVEL_*, higher ones count as TRACE) on. Without a call
 * nothing is logged. May be called again. Always 0.
 */
int32_t krun_set_log_level(uint32_t level);

/*
 * The same with a target: KRUN_LOG_TARGET_DEFAULT (stderr), 1, 2, or a descriptor that the
 * library owns from now on. A second call replaces the first.
 * -EINVAL: target 0 or below -1, unknown style or option. -EBADF: not an open descriptor.
 */
int32_t krun_init_log(int target_fd, uint32_t level, uint32_t style, uint32_t options);

/* Stands for "the last call that failed, whatever its context" in krun_get_last_error. */
#define KRUN_LAST_ERROR_ANY 0xffffffffu

/*
 * Not in libkrun: why the last failing call on this context failed, outermost step first, with a
 * hint in parentheses where there is one:
 *
 *     start: load the kernel: open /boot/vmlinuz: No such file or directory
 *
 * Writes at most `len` bytes including the final NUL. Returns the length of the whole text
 * without NUL, so a result >= len was cut; 0 and "" when nothing has failed. The text outlives a
 * failing krun_start_enter() and ends with krun_free_ctx().
 * -EINVAL: buf is NULL and len is not 0. -ENOENT: no such context.
 */
int32_t krun_get_last_error(uint32_t ctx_id, char *buf, size_t len);

/* ---- Contexts -------------------------------------------------------------------------------- */

/*
 * A new context; its id, counted from 0, is never used again. Looks for the kernel bundle
 * (libkrunfw.so.5) while the caller's file system is still in sight; a missing one is no error
 * here. -ENOMEM, -EMFILE.
 */
int32_t krun_create_ctx(void);
int32_t krun_free_ctx(uint32_t ctx_id);

/* Default: 1 vCPU, 128 MiB. -EINVAL: one of them is 0. */
int32_t krun_set_vm_config(uint32_t ctx_id, uint8_t num_vcpus, uint32_t ram_mib);

#define KRUN_FEATURE_NET 0
#define KRUN_FEATURE_BLK 1
#define KRUN_FEATURE_GPU 2
#define KRUN_FEATURE_INPUT 4
#define KRUN_FEATURE_TEE 6
#define KRUN_FEATURE_AMD_SEV 7
#define KRUN_FEATURE_INTEL_TDX 8
#define KRUN_FEATURE_AWS_NITRO 9
#define KRUN_FEATURE_VIRGL_RESOURCE_MAP2 10
#define KRUN_FEATURE_INIT_BLOB 11

/* 1: built in, 0: not. -EINVAL: a feature this library has never heard of. */
int32_t krun_has_feature(uint64_t feature);
/* Most vCPUs a machine can have here. The errno of opening /dev/kvm if that fails. */
int32_t krun_get_max_vcpus(void);
/* 1: this host's KVM can run nested guests, 0: it cannot. */
int32_t krun_check_nested_virt(void);

/* ---- Root and file systems ------------------------------------------------------------------- */

/* The tag of the virtio-fs device that is the guest's root. */
#define KRUN_FS_ROOT_TAG "/dev/root"

/*
 * The directory that becomes the guest's root, read-write, with a DAX window of 512 MiB and the
 * default init as /init.krun (unless krun_disable_implicit_init() came before).
 */
int32_t krun_set_root(uint32_t ctx_id, const char *root_path);

/*
 * One more directory as a virtio-fs device; the guest mounts it by its tag. shm_size: bytes of
 * the DAX window, 0 for none. A NULL path (krun_add_virtiofs3 only) makes an empty file system
 * for overlay entries. KRUN_FS_ROOT_TAG gets /init.krun as krun_set_root does.
 * -ENAMETOOLONG: a tag of more than 36 bytes.
 */
int32_t krun_add_virtiofs(uint32_t ctx_id, const char *c_tag, const char *c_path);
int32_t krun_add_virtiofs2(uint32_t ctx_id, const char *c_tag, const char *c_path,
			   uint64_t shm_size);
int32_t krun_add_virtiofs3(uint32_t ctx_id, const char *c_tag, const char *c_path,
			   uint64_t shm_size, bool read_only);

/*
 * A file that exists only in the machine's view, in front of the directory that is shared under
 * `fs_tag`. Its content is NOT copied and must live as long as the machine. `mode`: file mode,
 * with or without type bits. one_shot: it can be looked up once. Parents must have been made with
 * krun_fs_add_overlay_dir().
 * -EINVAL: NULL, empty path or component. -ENOENT: no such context, tag or parent.
 * -ENOTDIR: the parent is a file.
 */
int32_t krun_fs_add_overlay_file(uint32_t ctx_id, const char *fs_tag, const char *path,
				 const uint8_t *data, size_t data_len, uint32_t mode,
				 bool one_shot);
/* The same for an empty, read-only directory, e.g. a mount point. */
int32_t krun_fs_add_overlay_dir(uint32_t ctx_id, const char *fs_tag, const char *path,
				uint32_t mode);

/* No /init.krun in the root; before krun_set_root(). */
int32_t krun_disable_implicit_init(uint32_t ctx_id);
/* The init that would be used; static data. -EINVAL: NULL. -ENOTSUP: built without one. */
int32_t krun_get_default_init(const uint8_t **data_out, size_t *len_out);

/* Not supported any more, by nobody: -EINVAL. */
int32_t krun_set_mapped_volumes(uint32_t ctx_id, const char *const mapped_volumes[]);

/* ---- Disks ----------------------------------------------------------------------------------- */

#define KRUN_DISK_FORMAT_RAW 0
#define KRUN_DISK_FORMAT_QCOW2 1
#define KRUN_DISK_FORMAT_VMDK 2

#define KRUN_SYNC_NONE 0    /* flushes are not offered to the guest: data can be lost */
#define KRUN_SYNC_RELAXED 1 /* on Linux the same as FULL */
#define KRUN_SYNC_FULL 2    /* a flush reaches the disk */

/*
 * Disk images: /dev/vda, /dev/vdb ... in the order of the calls. `block_id` is what the guest sees
 * as the serial number. The format is said by the caller and never guessed: a guest could write
 * the header of another format into a raw image.
 * -EINVAL: unknown format or sync mode. -ENOTSUP: a known format that is not built in.
 */
int32_t krun_add_disk(uint32_t ctx_id, const char *block_id, const char *disk_path, bool read_only);
int32_t krun_add_disk2(uint32_t ctx_id, const char *block_id, const char *disk_path,
		       uint32_t disk_format, bool read_only);
int32_t krun_add_disk3(uint32_t ctx_id, const char *block_id, const char *disk_path,
		       uint32_t disk_format, bool read_only, bool direct_io, uint32_t sync_mode);

/* Old names for one raw, writable disk each; ignored once krun_add_disk*() was used. */
int32_t krun_set_root_disk(uint32_t ctx_id, const char *disk_path);
int32_t krun_set_data_disk(uint32_t ctx_id, const char *disk_path);

/*
 * The root is a file system on a disk: `device` as the guest names it ("/dev/vda1"), fstype NULL
 * or "auto" tries what the kernel knows, options as for mount(8) or NULL.
 * -EINVAL: there is a root directory already, or no disk was added before.
 */
int32_t krun_set_root_disk_remount(uint32_t ctx_id, const char *device, const char *fstype,
				   const char *options);

/* ---- Network --------------------------------------------------------------------------------- */

#define NET_FLAG_VFKIT (1 << 0)	      /* greet as gvproxy's vfkit mode wants it */
#define NET_FLAG_DHCP_CLIENT (1 << 1) /* the guest's init configures the interface by DHCP */

#define KRUN_TSI_HIJACK_INET (1 << 0)
#define KRUN_TSI_HIJACK_UNIX (1 << 1)

#define NET_FEATURE_CSUM (1 << 0)
#define NET_FEATURE_GUEST_CSUM (1 << 1)
#define NET_FEATURE_GUEST_TSO4 (1 << 7)
#define NET_FEATURE_GUEST_TSO6 (1 << 8)
#define NET_FEATURE_GUEST_UFO (1 << 10)
#define NET_FEATURE_HOST_TSO4 (1 << 11)
#define NET_FEATURE_HOST_TSO6 (1 << 12)
#define NET_FEATURE_HOST_UFO (1 << 14)

#define COMPAT_NET_FEATURES                                                   \
	(NET_FEATURE_CSUM | NET_FEATURE_GUEST_CSUM | NET_FEATURE_GUEST_TSO4 | \
	 NET_FEATURE_GUEST_UFO | NET_FEATURE_HOST_TSO4 | NET_FEATURE_HOST_UFO)

/*
 * A network interface, eth0, eth1 ... in the order of the calls, connected to a user-space proxy
 * (stream: passt; datagrams: gvproxy) by path or by descriptor (the other one NULL or -1), or to
 * an existing tap device. c_mac: 6 bytes.
 * -EINVAL: path and descriptor both or neither, unknown features or flags, segmentation offload
 * to the guest without GUEST_CSUM (tap).
 */
int32_t krun_add_net_unixstream(uint32_t ctx_id, const char *c_path, int fd, uint8_t *const c_mac,
				uint32_t features, uint32_t flags);
int32_t krun_add_net_unixgram(uint32_t ctx_id, const char *c_path, int fd, uint8_t *const c_mac,
			      uint32_t features, uint32_t flags);
int32_t krun_add_net_tap(uint32_t ctx_id, char *c_tap_name, uint8_t *const c_mac, uint32_t features,
			 uint32_t flags);
/* Old names. -EINVAL: there is a network interface already. */
int32_t krun_set_passt_fd(uint32_t ctx_id, int fd);
int32_t krun_set_gvproxy_path(uint32_t ctx_id, char *c_path);
int32_t krun_set_net_mac(uint32_t ctx_id, uint8_t *const c_mac);

/*
 * Which ports of the guest the transparent socket proxy (TSI) opens on the host: "host:guest"
 * each. NULL: every port on which the guest listens; an empty list: none.
 * -EINVAL: malformed, or a port twice. -ENODEV: vsock is disabled. -ENOTSUP: there is a network
 * interface, which has its own port forwarding.
 */
int32_t krun_set_port_map(uint32_t ctx_id, const char *const port_map[]);

/* ---- vsock ----------------------------------------------------------------------------------- */

/* A guest that connects to (host, port) reaches the AF_UNIX socket at c_filepath.
 * -ENODEV: vsock is disabled. */
int32_t krun_add_vsock_port(uint32_t ctx_id, uint32_t port, const char *c_filepath);
/* listen: the library makes the socket, and who connects to it reaches `port` in the guest.
 * -EEXIST: there is a file already. */
int32_t krun_add_vsock_port2(uint32_t ctx_id, uint32_t port, const char *c_filepath, bool listen);
int32_t krun_disable_implicit_vsock(uint32_t ctx_id);
/* tsi_features: KRUN_TSI_HIJACK_*. -EEXIST: the implicit device was not disabled, or a second
 * call. */
int32_t krun_add_vsock(uint32_t ctx_id, uint32_t tsi_features);

/* ---- Consoles -------------------------------------------------------------------------------- */

/*
 * Without any call the machine has one virtio console on descriptors 0, 1 and 2: a terminal if
 * they are one, else separate streams that become the workload's stdin, stdout and stderr.
 */
int32_t krun_disable_implicit_console(uint32_t ctx_id);
/* The implicit console writes to this file and reads nothing. -EINVAL: a second call. */
int32_t krun_set_console_output(uint32_t ctx_id, const char *c_filepath);

/* One more console like the implicit one; -1 for a stream that is not there. -EBADF. */
int32_t krun_add_virtio_console_default(uint32_t ctx_id, int input_fd, int output_fd, int err_fd);
/* A 16550 serial port: ttyS0, ttyS1 ... at most 4 (-ENOSPC). -EBADF. */
int32_t krun_add_serial_console_default(uint32_t ctx_id, int input_fd, int output_fd);
/* An empty virtio console; returns its id for the two functions below. */
int32_t krun_add_virtio_console_multiport(uint32_t ctx_id);
/* A terminal port, with resizing. name may be NULL. -EINVAL: negative descriptor, unknown
 * console. -ENOTTY. -EBADF. */
int32_t krun_add_console_port_tty(uint32_t ctx_id, uint32_t console_id, const char *name,
				  int tty_fd);
/* A data port, /dev/vportNpM in the guest. */
int32_t krun_add_console_port_inout(uint32_t ctx_id, uint32_t console_id, const char *name,
				    int input_fd, int output_fd);
/* The value of console= on the kernel's command line. */
int32_t krun_set_kernel_console(uint32_t ctx_id, const char *console_id);

/* ---- Workload -------------------------------------------------------------------------------- */

/*
 * What runs in the guest: a path in its root, the arguments after argv[0] (NULL: none) and the
 * environment (NULL: the caller's). There is no limit on their size or number but memory.
 */
int32_t krun_set_exec(uint32_t ctx_id, const char *exec_path, const char *const argv[],
		      const char *const envp[]);
int32_t krun_set_env(uint32_t ctx_id, const char *const envp[]);
int32_t krun_set_workdir(uint32_t ctx_id, const char *workdir_path);
/* "RESOURCE=CUR:MAX" each; RESOURCE as a number of Linux. -EINVAL: NULL or malformed. */
int32_t krun_set_rlimits(uint32_t ctx_id, const char *const rlimits[]);

/* ---- Kernel and machine ---------------------------------------------------------------------- */

#define KRUN_KERNEL_FORMAT_RAW 0       /* bzImage or ELF, with or without compression */
#define KRUN_KERNEL_FORMAT_ELF 1       /* uncompressed vmlinux */
#define KRUN_KERNEL_FORMAT_PE_GZ 2     /* arm64 only */
#define KRUN_KERNEL_FORMAT_IMAGE_BZ2 3 /* an image with a bzip2-compressed ELF in it */
#define KRUN_KERNEL_FORMAT_IMAGE_GZ 4
#define KRUN_KERNEL_FORMAT_IMAGE_ZSTD 5

/*
 * The kernel to boot, an initramfs (NULL: none) and the start of its command line (NULL: the
 * default one). Without this call: libkrunfw.so.5, then a bundle of our own, then the newest
 * distribution kernel in /boot.
 * -EINVAL: unknown format. The errno of a file that cannot be reached.
 */
int32_t krun_set_kernel(uint32_t ctx_id, const char *kernel_path, uint32_t kernel_format,
			const char *initramfs, const char *cmdline);
/*
 * A flat firmware image of whole pages, at most 16 MiB, mapped to end at 4 GiB and entered by the
 * reset vector; what fits of its end into 128 KiB is in RAM below 1 MiB, too.
 */
int32_t krun_set_firmware(uint32_t ctx_id, const char *firmware_path);
/* The guest sees VMX or SVM. The start is -ENOTSUP if this host's KVM has neither for it. */
int32_t krun_set_nested_virt(uint32_t ctx_id, bool enabled);
/* The IOAPIC is emulated here instead of in the kernel. */
int32_t krun_split_irqchip(uint32_t ctx_id, bool enable);
/* Accepted; SMBIOS tables exist on arm64 and riscv64 only. */
int32_t krun_set_smbios_oem_strings(uint32_t ctx_id, const char *const oem_strings[]);

/* The ids to take on when /dev/kvm and all files are open; the group first. */
int32_t krun_setuid(uint32_t ctx_id, uid_t uid);
int32_t krun_setgid(uint32_t ctx_id, gid_t gid);

/* Confidential machines are not built: -ENOTSUP. */
int32_t krun_set_tee_config_file(uint32_t ctx_id, const char *filepath);

/*
 * An eventfd (the library's; do not close): 8 bytes written to it ask the guest to power off, as
 * SIGTERM does. -EMFILE.
 */
int32_t krun_get_shutdown_eventfd(uint32_t ctx_id);

/* ---- Not in libkrun: for a caller that confines itself before it becomes the machine ----------
 */

/*
 * An open /dev/kvm to be used instead of opening it. The library keeps a copy. -EBADF.
 */
int32_t krun_set_kvm_fd(uint32_t ctx_id, int fd);
/*
 * A descriptor, for instance of a pipe, that the library closes when everything has succeeded and
 * the machine begins to run. A start that fails leaves it open, and says nothing on stderr: the
 * caller who waits at its other end asks krun_get_last_error(). -EBADF.
 */
int32_t krun_set_ready_fd(uint32_t ctx_id, int fd);
#define KRUN_CONFINE_CALLS (1 << 0) /* a filter for system calls */
#define KRUN_CONFINE_FILES (1 << 1) /* Landlock, where the kernel can do what is needed (5.19) */

/*
 * What the process gives up for good when the machine is complete and its guest has not begun to
 * run: new privileges, system calls that a running machine does not make (new programs, executable
 * memory and network sockets among them), and files that are neither open nor beneath a shared
 * directory. It holds for the thread that calls krun_start_enter() and those that are started from
 * then on: call it from a process that has no other. Default: nothing. -EINVAL: unknown bits.
 */
int32_t krun_set_confinement(uint32_t ctx_id, uint32_t flags);
/*
 * A network interface on a tap device that the caller has opened and attached (TUNSETIFF with
 * IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), since that takes a device node, and rights over the network
 * namespace. It is copied by the start, and the open file becomes non-blocking. Offloads and flags
 * as of krun_add_net_tap. -EBADF; at the start -EBADFD: not such a device.
 */
int32_t krun_add_net_tap_fd(uint32_t ctx_id, int fd, uint8_t *const c_mac, uint32_t features,
			    uint32_t flags);
/*
 * An OCI configuration, as a text, that the guest's init reads in place of /.krun_config.json in
 * the root: for a root that is a disk, into which no file can be put, and whose own is not to be
 * believed. -EINVAL: NULL, not UTF-8. What is wrong in it is found by init: status 125.
 */
int32_t krun_set_container_config(uint32_t ctx_id, const char *json);
/*
 * Which kernel a start would boot, with the place it was found in. Written and returned like the
 * text of krun_get_last_error(). -ENOENT: there is none.
 */
int32_t krun_get_kernel_name(uint32_t ctx_id, char *buf, size_t len);

/* ---- GPU, displays, input, vhost-user: not built, -ENOTSUP ----------------------------------- */

#define VIRGLRENDERER_USE_EGL (1 << 0)
#define VIRGLRENDERER_THREAD_SYNC (1 << 1)
#define VIRGLRENDERER_USE_GLX (1 << 2)
#define VIRGLRENDERER_USE_SURFACELESS (1 << 3)
#define VIRGLRENDERER_USE_GLES (1 << 4)
#define VIRGLRENDERER_USE_EXTERNAL_BLOB (1 << 5)
#define VIRGLRENDERER_VENUS (1 << 6)
#define VIRGLRENDERER_NO_VIRGL (1 << 7)
#define VIRGLRENDERER_USE_ASYNC_FENCE_CB (1 << 8)
#define VIRGLRENDERER_RENDER_SERVER (1 << 9)
#define VIRGLRENDERER_DRM (1 << 10)

int32_t krun_set_gpu_options(uint32_t ctx_id, uint32_t virgl_flags);
int32_t krun_set_gpu_options2(uint32_t ctx_id, uint32_t virgl_flags, uint64_t shm_size);

#define KRUN_MAX_DISPLAYS 16

int32_t krun_add_display(uint32_t ctx_id, uint32_t width, uint32_t height);
int32_t krun_display_set_edid(uint32_t ctx_id, uint32_t display_id, const uint8_t *edid_blob,
			      size_t blob_size);
int32_t krun_display_set_dpi(uint32_t ctx_id, uint32_t display_id, uint32_t dpi);
int32_t krun_display_set_physical_size(uint32_t ctx_id, uint32_t display_id, uint16_t width_mm,
				       uint16_t height_mm);
int32_t krun_display_set_refresh_rate(uint32_t ctx_id, uint32_t display_id, uint32_t refresh_rate);
int32_t krun_set_display_backend(uint32_t ctx_id, const void *display_backend, size_t backend_size);
int krun_add_input_device(uint32_t ctx_id, const void *config_backend, size_t config_backend_size,
			  const void *events_backend, size_t events_backend_size);
int krun_add_input_device_fd(uint32_t ctx_id, int input_fd);

#define KRUN_VIRTIO_DEVICE_CONSOLE 3
#define KRUN_VIRTIO_DEVICE_RNG 4
#define KRUN_VIRTIO_DEVICE_GPU 16
#define KRUN_VIRTIO_DEVICE_RTC 17
#define KRUN_VIRTIO_DEVICE_INPUT 18
#define KRUN_VIRTIO_DEVICE_VSOCK 19
#define KRUN_VIRTIO_DEVICE_SND 25
#define KRUN_VIRTIO_DEVICE_CAN 36

#define KRUN_VHOST_USER_CONSOLE_NUM_QUEUES 4
#define KRUN_VHOST_USER_CONSOLE_QUEUE_SIZES ((uint16_t[]){ 128, 128, 64, 64 })
#define KRUN_VHOST_USER_RNG_NUM_QUEUES 1
#define KRUN_VHOST_USER_RNG_QUEUE_SIZES ((uint16_t[]){ 256 })
#define KRUN_VHOST_USER_RTC_NUM_QUEUES 2
#define KRUN_VHOST_USER_RTC_QUEUE_SIZES ((uint16_t[]){ 1024, 1024 })
#define KRUN_VHOST_USER_INPUT_NUM_QUEUES 2
#define KRUN_VHOST_USER_INPUT_QUEUE_SIZES ((uint16_t[]){ 1024, 1024 })
#define KRUN_VHOST_USER_SND_NUM_QUEUES 4
#define KRUN_VHOST_USER_SND_QUEUE_SIZES ((uint16_t[]){ 64, 64, 64, 64 })
#define KRUN_VHOST_USER_VSOCK_NUM_QUEUES 3
#define KRUN_VHOST_USER_VSOCK_QUEUE_SIZES ((uint16_t[]){ 128, 128, 128 })
#define KRUN_VHOST_USER_CAN_NUM_QUEUES 3
#define KRUN_VHOST_USER_CAN_QUEUE_SIZES ((uint16_t[]){ 64, 64, 64 })
#define KRUN_VHOST_USER_GPU_NUM_QUEUES 2
#define KRUN_VHOST_USER_GPU_QUEUE_SIZES ((uint16_t[]){ 1024, 1024 })

int32_t krun_add_vhost_user_device(uint32_t ctx_id, uint32_t device_type, const char *socket_path,
				   const char *name, uint16_t num_queues,
				   const uint16_t *queue_sizes);

/* ---- Start ----------------------------------------------------------------------------------- */

/*
 * Makes the machine and becomes it. Returns only if it could not be started, with -errno of the
 * cause; the context is used up either way. Otherwise the process ends (by _exit) with
 *
 *     0-255  the status of the workload, 128 + n if signal n ended it
 *     125    init could not set the workload up, or the guest broke down before it ended
 *     126    the program is not executable        127    there is no such program
 *
 * and whatever made it 125 is said on stderr or in the log. SIGTERM, SIGINT (if the console is no
 * terminal) and the shutdown eventfd ask the guest to power off.
 */
int32_t krun_start_enter(uint32_t ctx_id);

#ifdef __cplusplus
}
#endif

#endif
