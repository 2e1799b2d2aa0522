/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C API: every exported symbol, and nothing else. The only file that turns an error into a
 * negative number (answer(), below). Each function takes the lock, calls one setter and answers;
 * what the setters check is in config*.c.
 */
#include "libkrun.h"

#include "vmm/boot/supply.h"
#include "vmm/context.h"
#include "vmm/init_blob.h"
#include "vmm/kvm/kvm.h"
#include "vmm/log.h"
#include "vmm/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Stands for "no context" in answer(). */
#define NO_CONTEXT UINT32_MAX

/* The door out: keeps the error for krun_get_last_error and makes it -errno. Lock held. */
static int32_t answer(uint32_t ctx_id, rl_err e, int32_t success)
{
	int code = rl_errno(e);

	if (code == 0)
		return success;
	if (vmm_log_wants(VMM_LOG_DEBUG))
		vmm_log(VMM_LOG_DEBUG, "api", "refused: %s", rl_text(e));
	vmm_context_remember(ctx_id, e);
	return -code;
}

static int32_t answer_locked(uint32_t ctx_id, rl_err e, int32_t success)
{
	int32_t result;

	vmm_contexts_lock();
	result = answer(ctx_id, e, success);
	vmm_contexts_unlock();
	return result;
}

/* One setter, called with the configuration `c` of the context, NULL if there is none. */
#define CONFIGURE(ctx_id, setter)                                          \
	do {                                                               \
		int32_t result_;                                           \
		vmm_contexts_lock();                                       \
		{                                                          \
			struct vmm_config *c = vmm_context_config(ctx_id); \
			(void)c;                                           \
			result_ = answer(ctx_id, (setter), 0);             \
		}                                                          \
		vmm_contexts_unlock();                                     \
		return result_;                                            \
	} while (0)

/* ---- Log and errors ---- */

static rl_err init_log(int target_fd, uint32_t level, uint32_t style, uint32_t options)
{
	struct vmm_log_config log = { .fd = target_fd };

	if (target_fd < KRUN_LOG_TARGET_DEFAULT || target_fd == 0)
		return rl_refuse(RL_E(EINVAL), "descriptor %d cannot be a log", target_fd);
	if (style > KRUN_LOG_STYLE_NEVER)
		return rl_refuse(RL_E(EINVAL), "log style %u is unknown", style);
	if (options > KRUN_LOG_OPTION_NO_ENV)
		return rl_refuse(RL_E(EINVAL), "log options 0x%x are unknown", options);
	if (log.fd < 0)
		log.fd = STDERR_FILENO;
	RL_TRY(rl_sys(fcntl(log.fd, F_GETFD), "log to descriptor %d", log.fd));
	log.owned = log.fd > STDERR_FILENO;
	log.level = level > VMM_LOG_TRACE ? VMM_LOG_TRACE : (enum vmm_log_level)level;
	if (!(options & KRUN_LOG_OPTION_NO_ENV))
		vmm_log_level_from(getenv("RUST_LOG"), &log.level);
	log.color =
		style == KRUN_LOG_STYLE_ALWAYS || (style == KRUN_LOG_STYLE_AUTO && isatty(log.fd));
	vmm_log_set(log);
	return RL_OK;
}

EXPORT int32_t krun_set_log_level(uint32_t level)
{
	/* Even without a stderr this is no failure: lines are lost, as they would be anyway. */
	rl_drop(init_log(KRUN_LOG_TARGET_DEFAULT, level, KRUN_LOG_STYLE_AUTO, 0));
	return 0;
}

EXPORT int32_t krun_init_log(int target_fd, uint32_t level, uint32_t style, uint32_t options)
{
	return answer_locked(NO_CONTEXT, init_log(target_fd, level, style, options), 0);
}

EXPORT int32_t krun_get_last_error(uint32_t ctx_id, char *buf, size_t len)
{
	int32_t result;
	size_t n = 0;
	rl_err e;

	vmm_contexts_lock();
	if (buf == NULL && len > 0)
		e = rl_refuse(RL_E(EINVAL), "the buffer is NULL");
	else
		e = vmm_context_last_error(ctx_id, ctx_id == KRUN_LAST_ERROR_ANY, buf, len, &n);
	result = rl_failed(e) ? -rl_errno(e) : (int32_t)n;
	rl_drop(e); /* not remembered: it would hide the error that was asked for */
	vmm_contexts_unlock();
	return result;
}

/* ---- Contexts ---- */

EXPORT int32_t krun_create_ctx(void)
{
	uint32_t id = 0;
	int32_t result;
	rl_err e;

	vmm_contexts_lock();
	vmm_supply_look();
	e = vmm_context_new(&id);
	result = answer(NO_CONTEXT, e, (int32_t)id);
	vmm_contexts_unlock();
	return result;
}

EXPORT int32_t krun_free_ctx(uint32_t ctx_id)
{
	int32_t result;

	vmm_contexts_lock();
	result = answer(NO_CONTEXT, vmm_context_free(ctx_id), 0);
	vmm_contexts_unlock();
	return result;
}

EXPORT int32_t krun_set_vm_config(uint32_t ctx_id, uint8_t num_vcpus, uint32_t ram_mib)
{
	CONFIGURE(ctx_id, vmm_config_machine(c, num_vcpus, ram_mib));
}

EXPORT int32_t krun_has_feature(uint64_t feature)
{
	switch (feature) {
	case KRUN_FEATURE_NET:
	case KRUN_FEATURE_BLK:
		return 1;
	case KRUN_FEATURE_INIT_BLOB:
		return vmm_init_blob_size() > 0;
	case KRUN_FEATURE_GPU:
	case KRUN_FEATURE_INPUT:
	case KRUN_FEATURE_TEE:
	case KRUN_FEATURE_AMD_SEV:
	case KRUN_FEATURE_INTEL_TDX:
	case KRUN_FEATURE_AWS_NITRO:
	case KRUN_FEATURE_VIRGL_RESOURCE_MAP2:
		return 0;
	default:
		return answer_locked(NO_CONTEXT,
				     rl_refuse(RL_E(EINVAL), "feature %llu is unknown",
					       (unsigned long long)feature),
				     0);
	}
}

EXPORT int32_t krun_get_max_vcpus(void)
{
	unsigned max = 0;
	rl_err e = vmm_kvm_max_vcpus(&max);

	return answer_locked(NO_CONTEXT, e, (int32_t)max);
}

EXPORT int32_t krun_check_nested_virt(void)
{
	return vmm_kvm_nested() ? 1 : 0;
}

/* ---- Root and file systems ---- */

EXPORT int32_t krun_set_root(uint32_t ctx_id, const char *root_path)
{
	CONFIGURE(ctx_id, vmm_config_root(c, root_path));
}

EXPORT int32_t krun_add_virtiofs(uint32_t ctx_id, const char *c_tag, const char *c_path)
{
	CONFIGURE(ctx_id, vmm_config_fs(c, c_tag, c_path, 0, false, false));
}

EXPORT int32_t krun_add_virtiofs2(uint32_t ctx_id, const char *c_tag, const char *c_path,
				  uint64_t shm_size)
{
	CONFIGURE(ctx_id, vmm_config_fs(c, c_tag, c_path, shm_size, false, false));
}

EXPORT int32_t krun_add_virtiofs3(uint32_t ctx_id, const char *c_tag, const char *c_path,
				  uint64_t shm_size, bool read_only)
{
	CONFIGURE(ctx_id, vmm_config_fs(c, c_tag, c_path, shm_size, read_only, true));
}

EXPORT int32_t krun_fs_add_overlay_file(uint32_t ctx_id, const char *fs_tag, const char *path,
					const uint8_t *data, size_t data_len, uint32_t mode,
					bool one_shot)
{
	CONFIGURE(ctx_id, vmm_config_overlay_file(c, fs_tag, path, data, data_len, mode, one_shot));
}

EXPORT int32_t krun_fs_add_overlay_dir(uint32_t ctx_id, const char *fs_tag, const char *path,
				       uint32_t mode)
{
	CONFIGURE(ctx_id, vmm_config_overlay_dir(c, fs_tag, path, mode));
}

EXPORT int32_t krun_disable_implicit_init(uint32_t ctx_id)
{
	CONFIGURE(ctx_id, vmm_config_no_init(c));
}

static rl_err default_init(const uint8_t **data_out, size_t *len_out)
{
	if (data_out == NULL || len_out == NULL)
		return rl_refuse(RL_E(EINVAL), "an output pointer is NULL");
	if (vmm_init_blob_size() == 0)
		return rl_refuse(RL_E(ENOTSUP), "the library was built without an init");
	*data_out = vmm_init_blob();
	*len_out = vmm_init_blob_size();
	return RL_OK;
}

EXPORT int32_t krun_get_default_init(const uint8_t **data_out, size_t *len_out)
{
	return answer_locked(NO_CONTEXT, default_init(data_out, len_out), 0);
}

EXPORT int32_t krun_set_mapped_volumes(uint32_t ctx_id, const char *const mapped_volumes[])
{
	(void)mapped_volumes;
	return answer_locked(
		ctx_id,
		rl_refuse(RL_E(EINVAL), "mapped volumes were removed: use krun_add_virtiofs"), 0);
}

/* ---- Disks ---- */

EXPORT int32_t krun_add_disk(uint32_t ctx_id, const char *block_id, const char *disk_path,
			     bool read_only)
{
	CONFIGURE(ctx_id, vmm_config_disk(c, block_id, disk_path, KRUN_DISK_FORMAT_RAW, read_only,
					  false, KRUN_SYNC_FULL));
}

EXPORT int32_t krun_add_disk2(uint32_t ctx_id, const char *block_id, const char *disk_path,
			      uint32_t disk_format, bool read_only)
{
	CONFIGURE(ctx_id, vmm_config_disk(c, block_id, disk_path, disk_format, read_only, false,
					  KRUN_SYNC_FULL));
}

EXPORT int32_t krun_add_disk3(uint32_t ctx_id, const char *block_id, const char *disk_path,
			      uint32_t disk_format, bool read_only, bool direct_io,
			      uint32_t sync_mode)
{
	CONFIGURE(ctx_id, vmm_config_disk(c, block_id, disk_path, disk_format, read_only, direct_io,
					  sync_mode));
}

EXPORT int32_t krun_set_root_disk(uint32_t ctx_id, const char *disk_path)
{
	CONFIGURE(ctx_id, vmm_config_root_disk(c, disk_path));
}

EXPORT int32_t krun_set_data_disk(uint32_t ctx_id, const char *disk_path)
{
	CONFIGURE(ctx_id, vmm_config_data_disk(c, disk_path));
}

EXPORT int32_t krun_set_root_disk_remount(uint32_t ctx_id, const char *device, const char *fstype,
					  const char *options)
{
	CONFIGURE(ctx_id, vmm_config_remount(c, device, fstype, options));
}

/* ---- Network and vsock ---- */

EXPORT int32_t krun_add_net_unixstream(uint32_t ctx_id, const char *c_path, int fd,
				       uint8_t *const c_mac, uint32_t features, uint32_t flags)
{
	CONFIGURE(ctx_id,
		  vmm_config_net(c, VMM_BACKEND_STREAM, c_path, fd, c_mac, features, flags));
}

EXPORT int32_t krun_add_net_unixgram(uint32_t ctx_id, const char *c_path, int fd,
				     uint8_t *const c_mac, uint32_t features, uint32_t flags)
{
	CONFIGURE(ctx_id, vmm_config_net(c, VMM_BACKEND_DGRAM, c_path, fd, c_mac, features, flags));
}

EXPORT int32_t krun_add_net_tap(uint32_t ctx_id, char *c_tap_name, uint8_t *const c_mac,
				uint32_t features, uint32_t flags)
{
	CONFIGURE(ctx_id, vmm_config_tap(c, c_tap_name, c_mac, features, flags));
}

EXPORT int32_t krun_add_net_tap_fd(uint32_t ctx_id, int fd, uint8_t *const c_mac, uint32_t features,
				   uint32_t flags)
{
	CONFIGURE(ctx_id, vmm_config_tap_fd(c, fd, c_mac, features, flags));
}

EXPORT int32_t krun_set_passt_fd(uint32_t ctx_id, int fd)
{
	CONFIGURE(ctx_id, vmm_config_net_old(c, VMM_BACKEND_STREAM, NULL, fd));
}

EXPORT int32_t krun_set_gvproxy_path(uint32_t ctx_id, char *c_path)
{
	CONFIGURE(ctx_id, vmm_config_net_old(c, VMM_BACKEND_DGRAM, c_path, -1));
}

EXPORT int32_t krun_set_net_mac(uint32_t ctx_id, uint8_t *const c_mac)
{
	CONFIGURE(ctx_id, vmm_config_net_mac(c, c_mac));
}

EXPORT int32_t krun_set_port_map(uint32_t ctx_id, const char *const port_map[])
{
	CONFIGURE(ctx_id, vmm_config_port_map(c, port_map));
}

EXPORT int32_t krun_add_vsock_port(uint32_t ctx_id, uint32_t port, const char *c_filepath)
{
	CONFIGURE(ctx_id, vmm_config_vsock_port(c, port, c_filepath, false));
}

EXPORT int32_t krun_add_vsock_port2(uint32_t ctx_id, uint32_t port, const char *c_filepath,
				    bool listen)
{
	CONFIGURE(ctx_id, vmm_config_vsock_port(c, port, c_filepath, listen));
}

EXPORT int32_t krun_disable_implicit_vsock(uint32_t ctx_id)
{
	CONFIGURE(ctx_id, vmm_config_no_vsock(c));
}

EXPORT int32_t krun_add_vsock(uint32_t ctx_id, uint32_t tsi_features)
{
	CONFIGURE(ctx_id, vmm_config_vsock(c, tsi_features));
}

/* ---- Consoles ---- */

EXPORT int32_t krun_disable_implicit_console(uint32_t ctx_id)
{
	CONFIGURE(ctx_id, vmm_config_no_console(c));
}

EXPORT int32_t krun_set_console_output(uint32_t ctx_id, const char *c_filepath)
{
	CONFIGURE(ctx_id, vmm_config_console_output(c, c_filepath));
}

EXPORT int32_t krun_add_virtio_console_default(uint32_t ctx_id, int input_fd, int output_fd,
					       int err_fd)
{
	CONFIGURE(ctx_id, vmm_config_console(c, input_fd, output_fd, err_fd));
}

EXPORT int32_t krun_add_serial_console_default(uint32_t ctx_id, int input_fd, int output_fd)
{
	CONFIGURE(ctx_id, vmm_config_serial(c, input_fd, output_fd));
}

EXPORT int32_t krun_add_virtio_console_multiport(uint32_t ctx_id)
{
	uint32_t id = 0;
	int32_t result;
	rl_err e;

	vmm_contexts_lock();
	e = vmm_config_multiport(vmm_context_config(ctx_id), &id);
	result = answer(ctx_id, e, (int32_t)id);
	vmm_contexts_unlock();
	return result;
}

EXPORT int32_t krun_add_console_port_tty(uint32_t ctx_id, uint32_t console_id, const char *name,
					 int tty_fd)
{
	CONFIGURE(ctx_id, vmm_config_port_tty(c, console_id, name, tty_fd));
}

EXPORT int32_t krun_add_console_port_inout(uint32_t ctx_id, uint32_t console_id, const char *name,
					   int input_fd, int output_fd)
{
	CONFIGURE(ctx_id, vmm_config_port_data(c, console_id, name, input_fd, output_fd));
}

EXPORT int32_t krun_set_kernel_console(uint32_t ctx_id, const char *console_id)
{
	CONFIGURE(ctx_id, vmm_config_kernel_console(c, console_id));
}

/* ---- Workload ---- */

EXPORT int32_t krun_set_exec(uint32_t ctx_id, const char *exec_path, const char *const argv[],
			     const char *const envp[])
{
	CONFIGURE(ctx_id, vmm_config_exec(c, exec_path, argv, envp));
}

EXPORT int32_t krun_set_env(uint32_t ctx_id, const char *const envp[])
{
	CONFIGURE(ctx_id, vmm_config_env(c, envp));
}

EXPORT int32_t krun_set_workdir(uint32_t ctx_id, const char *workdir_path)
{
	CONFIGURE(ctx_id, vmm_config_workdir(c, workdir_path));
}

EXPORT int32_t krun_set_rlimits(uint32_t ctx_id, const char *const rlimits[])
{
	CONFIGURE(ctx_id, vmm_config_rlimits(c, rlimits));
}

/* ---- Kernel and machine ---- */

EXPORT int32_t krun_set_kernel(uint32_t ctx_id, const char *kernel_path, uint32_t kernel_format,
			       const char *initramfs, const char *cmdline)
{
	CONFIGURE(ctx_id, vmm_config_kernel(c, kernel_path, kernel_format, initramfs, cmdline));
}

EXPORT int32_t krun_set_firmware(uint32_t ctx_id, const char *firmware_path)
{
	CONFIGURE(ctx_id, vmm_config_firmware(c, firmware_path));
}

EXPORT int32_t krun_set_nested_virt(uint32_t ctx_id, bool enabled)
{
	CONFIGURE(ctx_id, vmm_config_nested(c, enabled));
}

EXPORT int32_t krun_split_irqchip(uint32_t ctx_id, bool enable)
{
	CONFIGURE(ctx_id, vmm_config_split_irqchip(c, enable));
}

EXPORT int32_t krun_set_smbios_oem_strings(uint32_t ctx_id, const char *const oem_strings[])
{
	CONFIGURE(ctx_id, vmm_config_smbios(c, oem_strings));
}

EXPORT int32_t krun_setuid(uint32_t ctx_id, uid_t uid)
{
	CONFIGURE(ctx_id, vmm_config_uid(c, uid));
}

EXPORT int32_t krun_setgid(uint32_t ctx_id, gid_t gid)
{
	CONFIGURE(ctx_id, vmm_config_gid(c, gid));
}

EXPORT int32_t krun_get_shutdown_eventfd(uint32_t ctx_id)
{
	int32_t result;
	int fd = -1;
	rl_err e;

	vmm_contexts_lock();
	e = vmm_config_shutdown_fd(vmm_context_config(ctx_id), &fd);
	result = answer(ctx_id, e, fd);
	vmm_contexts_unlock();
	return result;
}

EXPORT int32_t krun_set_kvm_fd(uint32_t ctx_id, int fd)
{
	CONFIGURE(ctx_id, vmm_config_kvm_fd(c, fd));
}

EXPORT int32_t krun_set_confinement(uint32_t ctx_id, uint32_t flags)
{
	CONFIGURE(ctx_id, vmm_config_confinement(c, flags));
}

EXPORT int32_t krun_set_ready_fd(uint32_t ctx_id, int fd)
{
	CONFIGURE(ctx_id, vmm_config_ready_fd(c, fd));
}

EXPORT int32_t krun_set_container_config(uint32_t ctx_id, const char *json)
{
	CONFIGURE(ctx_id, vmm_config_container(c, json));
}

static rl_err kernel_name(const struct vmm_config *c, char *buf, size_t len, int32_t *ret)
{
	VMM_AUTO_SUPPLY struct vmm_supply supply = { 0 };

	if (buf == NULL && len > 0)
		return rl_refuse(RL_E(EINVAL), "the buffer is NULL");
	RL_TRY(vmm_config_exists(c));
	RL_TRY(vmm_supply_find(c, &supply));
	*ret = snprintf(buf, len, "%s", supply.name);
	return RL_OK;
}

EXPORT int32_t krun_get_kernel_name(uint32_t ctx_id, char *buf, size_t len)
{
	int32_t result, n = 0;
	rl_err e;

	vmm_contexts_lock();
	e = kernel_name(vmm_context_config(ctx_id), buf, len, &n);
	result = answer(ctx_id, e, n);
	vmm_contexts_unlock();
	return result;
}

/* ---- Not built ---- */

static int32_t not_built(uint32_t ctx_id, const char *what)
{
	return answer_locked(ctx_id, vmm_config_not_built(what), 0);
}

EXPORT int32_t krun_set_tee_config_file(uint32_t ctx_id, const char *filepath)
{
	(void)filepath;
	return not_built(ctx_id, "confidential machines");
}

EXPORT int32_t krun_set_gpu_options(uint32_t ctx_id, uint32_t virgl_flags)
{
	(void)virgl_flags;
	return not_built(ctx_id, "GPU");
}

EXPORT int32_t krun_set_gpu_options2(uint32_t ctx_id, uint32_t virgl_flags, uint64_t shm_size)
{
	(void)virgl_flags;
	(void)shm_size;
	return not_built(ctx_id, "GPU");
}

EXPORT int32_t krun_add_display(uint32_t ctx_id, uint32_t width, uint32_t height)
{
	(void)width;
	(void)height;
	return not_built(ctx_id, "display");
}

EXPORT int32_t krun_display_set_edid(uint32_t ctx_id, uint32_t display_id, const uint8_t *edid_blob,
				     size_t blob_size)
{
	(void)display_id;
	CONFIGURE(ctx_id, vmm_config_display_edid(c, edid_blob, blob_size));
}

EXPORT int32_t krun_display_set_dpi(uint32_t ctx_id, uint32_t display_id, uint32_t dpi)
{
	(void)display_id;
	(void)dpi;
	return not_built(ctx_id, "display");
}

EXPORT int32_t krun_display_set_physical_size(uint32_t ctx_id, uint32_t display_id,
					      uint16_t width_mm, uint16_t height_mm)
{
	(void)display_id;
	(void)width_mm;
	(void)height_mm;
	return not_built(ctx_id, "display");
}

EXPORT int32_t krun_display_set_refresh_rate(uint32_t ctx_id, uint32_t display_id,
					     uint32_t refresh_rate)
{
	(void)display_id;
	(void)refresh_rate;
	return not_built(ctx_id, "display");
}

EXPORT int32_t krun_set_display_backend(uint32_t ctx_id, const void *display_backend,
					size_t backend_size)
{
	CONFIGURE(ctx_id, vmm_config_display_backend(c, display_backend, backend_size));
}

EXPORT int krun_add_input_device(uint32_t ctx_id, const void *config_backend,
				 size_t config_backend_size, const void *events_backend,
				 size_t events_backend_size)
{
	CONFIGURE(ctx_id, vmm_config_input_device(c, config_backend, config_backend_size,
						  events_backend, events_backend_size));
}

EXPORT int krun_add_input_device_fd(uint32_t ctx_id, int input_fd)
{
	CONFIGURE(ctx_id, vmm_config_input_fd(c, input_fd));
}

EXPORT int32_t krun_add_vhost_user_device(uint32_t ctx_id, uint32_t device_type,
					  const char *socket_path, const char *name,
					  uint16_t num_queues, const uint16_t *queue_sizes)
{
	(void)device_type;
	(void)socket_path;
	(void)name;
	(void)num_queues;
	(void)queue_sizes;
	return not_built(ctx_id, "vhost-user devices");
}

/* ---- Start ---- */

/* A failure that nobody would see otherwise: the caller gets a number, and most print just it. */
static void say_failure(rl_err e)
{
	if (vmm_log_is_set()) {
		vmm_log(VMM_LOG_ERROR, "api", *rl_hint_text(e) ? "%s (%s)" : "%s", rl_text(e),
			rl_hint_text(e));
		return;
	}
	(void)dprintf(STDERR_FILENO, *rl_hint_text(e) ? "libkrun: %s (%s)\n" : "libkrun: %s\n",
		      rl_text(e), rl_hint_text(e));
}

static rl_err start(struct vmm_config *config, int *ret_status)
{
	RL_TRY(vmm_config_exists(config));
	return vmm_run(config, ret_status);
}

EXPORT int32_t krun_start_enter(uint32_t ctx_id)
{
	struct vmm_config *config;
	bool awaited;
	int status = 0;
	rl_err e;

	vmm_contexts_lock();
	config = vmm_context_take(ctx_id);
	vmm_contexts_unlock();
	awaited = config != NULL && rl_fd_has(&config->ready_fd);
	e = rl_wrap(start(config, &status), "%s", awaited ? "" : "start the machine");
	if (!rl_failed(e))
		_exit(status); /* the API says so: no atexit handlers, no stdio */
	if (!awaited)
		say_failure(e);
	vmm_config_free(config);
	return answer_locked(ctx_id, e, 0);
}
