/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers for displays and input: programs were compiled against the original's, so layouts and
 * values are numbers here. And how the calls that take these structs judge them.
 */
#include "libkrun.h"
#include "libkrun_display.h"
#include "libkrun_input.h"

#include "test.h"

#define NOWHERE 987654u /* no such context */

static char said[512];

#define EXPECT(call, want, part)                                                    \
	do {                                                                        \
		long code_ = (call);                                                \
		(void)krun_get_last_error(KRUN_LAST_ERROR_ANY, said, sizeof(said)); \
		CHECK_INT(code_, (want));                                           \
		if (strstr(said, (part)) == NULL)                                   \
			FAIL_("%s says \"%s\", want \"%s\"", #call, said, (part));  \
	} while (0)

TEST(display_values)
{
	static const int format[] = {
		KRUN_DISPLAY_FORMAT_B8G8R8A8_UNORM, KRUN_DISPLAY_FORMAT_B8G8R8X8_UNORM,
		KRUN_DISPLAY_FORMAT_A8R8G8B8_UNORM, KRUN_DISPLAY_FORMAT_X8R8G8B8_UNORM,
		KRUN_DISPLAY_FORMAT_R8G8B8A8_UNORM, KRUN_DISPLAY_FORMAT_X8B8G8R8_UNORM,
		KRUN_DISPLAY_FORMAT_A8B8G8R8_UNORM, KRUN_DISPLAY_FORMAT_R8G8B8X8_UNORM,
	};
	static const int want[] = { 1, 2, 3, 4, 67, 68, 121, 134 };

	for (int i = 0; i < 8; i++)
		CHECK_INT(format[i], want[i]);
	CHECK_INT(KRUN_DISPLAY_FEATURE_BASIC_FRAMEBUFFER, 1);
	CHECK_INT(KRUN_DISPLAY_ERR_INTERNAL, -1);
	CHECK_INT(KRUN_DISPLAY_ERR_METHOD_UNSUPPORTED, -2);
	CHECK_INT(KRUN_DISPLAY_ERR_INVALID_SCANOUT_ID, -3);
	CHECK_INT(KRUN_DISPLAY_ERR_INVALID_PARAM, -4);
	CHECK_INT(KRUN_DISPLAY_ERR_OUT_OF_BUFFERS, -5);
}

TEST(display_layout)
{
	CHECK_INT(sizeof(struct krun_rect), 16);
	CHECK_INT(offsetof(struct krun_rect, height), 12);
	CHECK_INT(sizeof(struct krun_display_basic_framebuffer_vtable), 40);
	CHECK_INT(offsetof(struct krun_display_basic_framebuffer_vtable, destroy), 0);
	CHECK_INT(offsetof(struct krun_display_basic_framebuffer_vtable, disable_scanout), 8);
	CHECK_INT(offsetof(struct krun_display_basic_framebuffer_vtable, configure_scanout), 16);
	CHECK_INT(offsetof(struct krun_display_basic_framebuffer_vtable, alloc_frame), 24);
	CHECK_INT(offsetof(struct krun_display_basic_framebuffer_vtable, present_frame), 32);
	CHECK_INT(sizeof(struct krun_display_backend), 64);
	CHECK_INT(offsetof(struct krun_display_backend, create_userdata), 8);
	CHECK_INT(offsetof(struct krun_display_backend, create), 16);
	CHECK_INT(offsetof(struct krun_display_backend, vtable), 24);
}

TEST(input_values_and_layout)
{
	CHECK_INT(KRUN_INPUT_ERR_INTERNAL, -1);
	CHECK_INT(KRUN_INPUT_ERR_EAGAIN, -2);
	CHECK_INT(KRUN_INPUT_ERR_METHOD_UNSUPPORTED, -3);
	CHECK_INT(KRUN_INPUT_ERR_INVALID_PARAM, -4);
	CHECK_INT(KRUN_INPUT_CONFIG_FEATURE_QUERY, 1);
	CHECK_INT(KRUN_INPUT_EVENT_PROVIDER_FEATURE_QUEUE, 1);
	CHECK_INT(sizeof(struct krun_input_event), 8);
	CHECK_INT(offsetof(struct krun_input_event, code), 2);
	CHECK_INT(offsetof(struct krun_input_event, value), 4);
	CHECK_INT(sizeof(struct krun_input_device_ids), 8);
	CHECK_INT(offsetof(struct krun_input_device_ids, version), 6);
	CHECK_INT(sizeof(struct krun_input_absinfo), 20);
	CHECK_INT(offsetof(struct krun_input_absinfo, res), 16);
	CHECK_INT(sizeof(struct krun_input_event_provider), 48);
	CHECK_INT(offsetof(struct krun_input_event_provider, vtable.get_ready_efd), 32);
	CHECK_INT(offsetof(struct krun_input_event_provider, vtable.next_event), 40);
	CHECK_INT(sizeof(struct krun_input_config), 80);
	CHECK_INT(offsetof(struct krun_input_config, create), 16);
	CHECK_INT(offsetof(struct krun_input_config, vtable.query_device_name), 32);
	CHECK_INT(offsetof(struct krun_input_config, vtable.query_serial_name), 40);
	CHECK_INT(offsetof(struct krun_input_config, vtable.query_device_ids), 48);
	CHECK_INT(offsetof(struct krun_input_config, vtable.query_event_capabilities), 56);
	CHECK_INT(offsetof(struct krun_input_config, vtable.query_abs_info), 64);
	CHECK_INT(offsetof(struct krun_input_config, vtable.query_properties), 72);
}

static int32_t disable(void *instance, uint32_t scanout)
{
	(void)instance;
	(void)scanout;
	return 0;
}

TEST(display_calls_judge_before_they_decline)
{
	struct krun_display_backend b = { .features = 0 };
	uint32_t ctx = (uint32_t)krun_create_ctx();

	EXPECT(krun_set_display_backend(ctx, NULL, sizeof(b)), -EINVAL, "NULL");
	EXPECT(krun_set_display_backend(ctx, &b, sizeof(b) - 1), -EINVAL, "at least 64");
	EXPECT(krun_set_display_backend(ctx, &b, sizeof(b)), -ENOTSUP, "display");
	b.features = KRUN_DISPLAY_FEATURE_BASIC_FRAMEBUFFER;
	b.vtable.basic_framebuffer.disable_scanout = disable;
	EXPECT(krun_set_display_backend(ctx, &b, sizeof(b)), -EINVAL, "framebuffer is NULL");
	b.features = 0;
	EXPECT(krun_set_display_backend(NOWHERE, &b, sizeof(b)), -ENOENT, "context");
	EXPECT(krun_display_set_edid(ctx, 0, NULL, 1), -EINVAL, "EDID");
	EXPECT(krun_display_set_edid(ctx, 0, (const uint8_t *)"x", 1), -ENOTSUP, "display");
}

TEST(input_calls_judge_before_they_decline)
{
	struct krun_input_config c = { .features = 0 };
	struct krun_input_event_provider p = { .features = 0 };
	uint32_t ctx = (uint32_t)krun_create_ctx();

	EXPECT(krun_add_input_device(ctx, NULL, sizeof(c), &p, sizeof(p)), -EINVAL, "NULL");
	EXPECT(krun_add_input_device(ctx, &c, sizeof(c), &p, 8), -EINVAL, "at least 48");
	EXPECT(krun_add_input_device(ctx, &c, 8, &p, sizeof(p)), -EINVAL, "at least 80");
	EXPECT(krun_add_input_device(ctx, &c, sizeof(c), &p, sizeof(p)), -ENOTSUP, "input");
	c.features = KRUN_INPUT_CONFIG_FEATURE_QUERY;
	EXPECT(krun_add_input_device(ctx, &c, sizeof(c), &p, sizeof(p)), -EINVAL, "configuration");
	c.features = 0;
	p.features = KRUN_INPUT_EVENT_PROVIDER_FEATURE_QUEUE;
	EXPECT(krun_add_input_device(ctx, &c, sizeof(c), &p, sizeof(p)), -EINVAL, "events");
	EXPECT(krun_add_input_device_fd(ctx, -1), -EINVAL, "descriptor -1");
	EXPECT(krun_add_input_device_fd(ctx, 0), -ENOTSUP, "input");
	EXPECT(krun_add_input_device_fd(NOWHERE, 0), -ENOENT, "context");
}

RUN_TESTS()
