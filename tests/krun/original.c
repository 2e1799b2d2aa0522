/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rest of what libkrun 1.18 has, for a library with its shape: these the handler has no use
 * for, so one that is called ends the process. (krun_set_tee_config_file is in its confidential
 * builds only.) A test compares the names with the header's.
 */
#include <stdlib.h>

#define NOT_USED(name)   \
	int name(void);  \
	int name(void)   \
	{                \
		abort(); \
	}

NOT_USED(krun_add_console_port_inout)
NOT_USED(krun_add_console_port_tty)
NOT_USED(krun_add_disk)
NOT_USED(krun_add_disk3)
NOT_USED(krun_add_display)
NOT_USED(krun_add_input_device)
NOT_USED(krun_add_input_device_fd)
NOT_USED(krun_add_net_unixgram)
NOT_USED(krun_add_serial_console_default)
NOT_USED(krun_add_vhost_user_device)
NOT_USED(krun_add_virtio_console_default)
NOT_USED(krun_add_virtio_console_multiport)
NOT_USED(krun_add_virtiofs)
NOT_USED(krun_add_virtiofs3)
NOT_USED(krun_add_vsock)
NOT_USED(krun_add_vsock_port)
NOT_USED(krun_disable_implicit_console)
NOT_USED(krun_disable_implicit_init)
NOT_USED(krun_display_set_dpi)
NOT_USED(krun_display_set_edid)
NOT_USED(krun_display_set_physical_size)
NOT_USED(krun_display_set_refresh_rate)
NOT_USED(krun_fs_add_overlay_dir)
NOT_USED(krun_get_default_init)
NOT_USED(krun_get_shutdown_eventfd)
NOT_USED(krun_init_log)
NOT_USED(krun_set_console_output)
NOT_USED(krun_set_data_disk)
NOT_USED(krun_set_display_backend)
NOT_USED(krun_set_firmware)
NOT_USED(krun_set_gpu_options2)
NOT_USED(krun_set_gvproxy_path)
NOT_USED(krun_set_kernel_console)
NOT_USED(krun_set_mapped_volumes)
NOT_USED(krun_set_net_mac)
NOT_USED(krun_set_passt_fd)
NOT_USED(krun_set_port_map)
NOT_USED(krun_set_root_disk)
NOT_USED(krun_set_smbios_oem_strings)
NOT_USED(krun_setgid)
NOT_USED(krun_setuid)
NOT_USED(krun_split_irqchip)
