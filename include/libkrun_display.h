/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a machine's picture goes: what a program hands to krun_set_display_backend(). Names, values
 * and layouts are those of libkrun 1.18.
 *
 * A backend is a table of functions. The GPU's thread makes an instance with `create`, and that
 * thread alone calls the others, with the instance as the first argument; none of them may block.
 * For each scanout (an output of the machine) it then says the size and the format, and from there
 * on asks for a frame, fills it and presents it, again and again.
 *
 * This library has no GPU: krun_set_display_backend() looks at the table and answers -ENOTSUP.
 */
#ifndef LIBKRUN_DISPLAY_H
#define LIBKRUN_DISPLAY_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function of the table returns when it fails; 0 or a useful value > 0 otherwise. */
#define KRUN_DISPLAY_ERR_INTERNAL (-1)
#define KRUN_DISPLAY_ERR_METHOD_UNSUPPORTED (-2)
#define KRUN_DISPLAY_ERR_INVALID_SCANOUT_ID (-3)
#define KRUN_DISPLAY_ERR_INVALID_PARAM (-4)
#define KRUN_DISPLAY_ERR_OUT_OF_BUFFERS (-5) /* every frame is still being shown */

/* Four bytes a pixel, named in the order of memory; the numbers are those of virtio-gpu (virtio
 * 1.2, 5.7.6.8). */
#define KRUN_DISPLAY_FORMAT_B8G8R8A8_UNORM 1
#define KRUN_DISPLAY_FORMAT_B8G8R8X8_UNORM 2
#define KRUN_DISPLAY_FORMAT_A8R8G8B8_UNORM 3
#define KRUN_DISPLAY_FORMAT_X8R8G8B8_UNORM 4
#define KRUN_DISPLAY_FORMAT_R8G8B8A8_UNORM 67
#define KRUN_DISPLAY_FORMAT_X8B8G8R8_UNORM 68
#define KRUN_DISPLAY_FORMAT_A8B8G8R8_UNORM 121
#define KRUN_DISPLAY_FORMAT_R8G8B8X8_UNORM 134

/* Bits of krun_display_backend.features. */
#define KRUN_DISPLAY_FEATURE_BASIC_FRAMEBUFFER 1 /* the four functions for frames are there */

/* Part of a frame, in pixels from its upper left corner. */
struct krun_rect {
	uint32_t x;
	uint32_t y;
	uint32_t width;
	uint32_t height;
};

/* Stores the instance (NULL is one, too). `userdata` is create_userdata; `reserved` is NULL. */
typedef int32_t (*krun_display_create_fn)(void **instance, const void *userdata,
					  const void *reserved);
/* The last call. */
typedef int32_t (*krun_display_destroy_fn)(void *instance);

/*
 * A scanout begins, or changes. The display has the size that the guest sees; frames have `width`,
 * `height` and `format` (KRUN_DISPLAY_FORMAT_*), and the display's owner scales them.
 */
typedef int32_t (*krun_display_configure_scanout_fn)(void *instance, uint32_t scanout_id,
						     uint32_t display_width,
						     uint32_t display_height, uint32_t width,
						     uint32_t height, uint32_t format);
/* A scanout has nothing to show until it is configured again. */
typedef int32_t (*krun_display_disable_scanout_fn)(void *instance, uint32_t scanout_id);

/*
 * Returns the number of a frame that can be written, and stores its address and its size in bytes.
 * The memory is the backend's and stays valid until the frame is presented.
 */
typedef int32_t (*krun_display_alloc_frame_fn)(void *instance, uint32_t scanout_id,
					       uint8_t **buffer, size_t *buffer_size);
/*
 * Shows a frame and gives it back: neither its number nor its memory is used afterwards.
 * damage_area: what differs from the frame before; NULL: everything.
 */
typedef int32_t (*krun_display_present_frame_fn)(void *instance, uint32_t scanout_id,
						 uint32_t frame_id,
						 const struct krun_rect *damage_area);

/* Only `destroy` may be NULL if FEATURE_BASIC_FRAMEBUFFER is claimed. */
struct krun_display_basic_framebuffer_vtable {
	krun_display_destroy_fn destroy;
	krun_display_disable_scanout_fn disable_scanout;
	krun_display_configure_scanout_fn configure_scanout;
	krun_display_alloc_frame_fn alloc_frame;
	krun_display_present_frame_fn present_frame;
};

union krun_display_vtable {
	struct krun_display_basic_framebuffer_vtable basic_framebuffer;
};

/*
 * Copied by krun_set_display_backend(). Zero what you do not set: later versions may have more
 * functions.
 */
struct krun_display_backend {
	uint64_t features; /* KRUN_DISPLAY_FEATURE_* */
	void *create_userdata;
	krun_display_create_fn create; /* NULL: the instance is NULL */
	union krun_display_vtable vtable;
};

#ifdef __cplusplus
}
#endif

#endif
