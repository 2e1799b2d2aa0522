/* SPDX-License-Identifier: Apache-2.0 */
/* What display and input calls would be given, judged although no such device is built. */
#include "vmm/config.h"

#include "libkrun_display.h"
#include "libkrun_input.h"

#include <string.h>

/* The caller's struct as ours knows it; later versions may be longer. */
static rl_err copy(const char *what, const void *from, size_t given, void *to, size_t size)
{
	if (from == NULL)
		return rl_refuse(RL_E(EINVAL), "%s: the pointer is NULL", what);
	if (given < size)
		return rl_refuse(RL_E(EINVAL), "%s: %zu bytes, it has at least %zu", what, given,
				 size);
	memcpy(to, from, size);
	return RL_OK;
}

rl_err vmm_config_display_backend(const struct vmm_config *c, const void *backend, size_t size)
{
	struct krun_display_backend b;
	const struct krun_display_basic_framebuffer_vtable *v = &b.vtable.basic_framebuffer;

	RL_TRY(copy("display backend", backend, size, &b, sizeof(b)));
	if ((b.features & KRUN_DISPLAY_FEATURE_BASIC_FRAMEBUFFER) &&
	    !(v->disable_scanout && v->configure_scanout && v->alloc_frame && v->present_frame))
		return rl_refuse(RL_E(EINVAL),
				 "display backend: a function of the basic framebuffer is NULL");
	RL_TRY(vmm_config_exists(c));
	return vmm_config_not_built("display");
}

static bool answers(const struct krun_input_config_vtable *v)
{
	return v->query_device_name && v->query_serial_name && v->query_device_ids &&
	       v->query_event_capabilities && v->query_abs_info && v->query_properties;
}

rl_err vmm_config_input_device(const struct vmm_config *c, const void *config, size_t config_size,
			       const void *events, size_t events_size)
{
	struct krun_input_config device;
	struct krun_input_event_provider provider;

	RL_TRY(copy("input configuration", config, config_size, &device, sizeof(device)));
	RL_TRY(copy("input events", events, events_size, &provider, sizeof(provider)));
	if ((device.features & KRUN_INPUT_CONFIG_FEATURE_QUERY) && !answers(&device.vtable))
		return rl_refuse(RL_E(EINVAL), "input configuration: a function is NULL");
	if ((provider.features & KRUN_INPUT_EVENT_PROVIDER_FEATURE_QUEUE) &&
	    !(provider.vtable.get_ready_efd && provider.vtable.next_event))
		return rl_refuse(RL_E(EINVAL), "input events: a function is NULL");
	RL_TRY(vmm_config_exists(c));
	return vmm_config_not_built("input devices");
}

rl_err vmm_config_input_fd(const struct vmm_config *c, int fd)
{
	if (fd < 0)
		return rl_refuse(RL_E(EINVAL), "input device: descriptor %d", fd);
	RL_TRY(vmm_config_exists(c));
	return vmm_config_not_built("input devices");
}

rl_err vmm_config_display_edid(const struct vmm_config *c, const uint8_t *blob, size_t size)
{
	if (blob == NULL || size == 0)
		return rl_refuse(RL_E(EINVAL), "EDID: the pointer is NULL, or nothing is there");
	RL_TRY(vmm_config_exists(c));
	return vmm_config_not_built("display");
}

rl_err vmm_config_not_built(const char *what)
{
	return rl_refuse(RL_E(ENOTSUP), "%s: not built in", what);
}
