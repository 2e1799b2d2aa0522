/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a machine's keys and pointers come from: what a program hands to krun_add_input_device().
 * Names, values and layouts are those of libkrun 1.18.
 *
 * An input device is two tables of functions, each with an instance of its own: one says what the
 * device is (its configuration, asked for when the guest's driver starts), the other has the
 * events. Types, codes and bitmaps are those of linux/input.h, as virtio-input passes them on
 * (virtio 1.2, 5.8).
 *
 * This library has no input devices: krun_add_input_device() looks at the tables and answers
 * -ENOTSUP.
 */
#ifndef LIBKRUN_INPUT_H
#define LIBKRUN_INPUT_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function of the tables returns when it fails. */
#define KRUN_INPUT_ERR_INTERNAL (-1)
#define KRUN_INPUT_ERR_EAGAIN (-2)
#define KRUN_INPUT_ERR_METHOD_UNSUPPORTED (-3)
#define KRUN_INPUT_ERR_INVALID_PARAM (-4)

/* Bit of krun_input_config.features: the questions are answered. */
#define KRUN_INPUT_CONFIG_FEATURE_QUERY 1
/* Bit of krun_input_event_provider.features: events are fetched one by one. */
#define KRUN_INPUT_EVENT_PROVIDER_FEATURE_QUEUE 1

/* EV_*, KEY_* and so on, and the value that belongs to it. */
struct krun_input_event {
	uint16_t type;
	uint16_t code;
	uint32_t value;
};

/* Stores the instance. `userdata` is the table's create_userdata; `reserved` is NULL. */
typedef int32_t (*krun_input_create_fn)(void **instance, const void *userdata,
					const void *reserved);
/* The last call. */
typedef int32_t (*krun_input_destroy_fn)(void *instance);

/* ---- Events ---- */

/* A descriptor (the provider's) that is readable while there are events. */
typedef int (*krun_input_get_ready_efd_fn)(void *instance);
/* 1: *out_event is the next event; 0: there is none now. Does not block. */
typedef int32_t (*krun_input_next_event_fn)(void *instance, struct krun_input_event *out_event);

/* Only `destroy` may be NULL. */
struct krun_input_event_provider_vtable {
	krun_input_destroy_fn destroy;
	krun_input_get_ready_efd_fn get_ready_efd;
	krun_input_next_event_fn next_event;
};

struct krun_input_event_provider {
	uint64_t features; /* KRUN_INPUT_EVENT_PROVIDER_FEATURE_* */
	void *create_userdata;
	krun_input_create_fn create; /* NULL: the instance is NULL */
	struct krun_input_event_provider_vtable vtable;
};

/* ---- Configuration ---- */

/* As struct input_id. */
struct krun_input_device_ids {
	uint16_t bustype;
	uint16_t vendor;
	uint16_t product;
	uint16_t version;
};

/* Range of an absolute axis, as struct input_absinfo. */
struct krun_input_absinfo {
	uint32_t min;
	uint32_t max;
	uint32_t fuzz;
	uint32_t flat;
	uint32_t res;
};

/* Each answers by writing into a buffer of the library's and returning how many bytes it wrote. */
typedef int32_t (*krun_input_query_device_name_fn)(void *instance, uint8_t *name_buf,
						   size_t name_buf_len);
typedef int32_t (*krun_input_query_serial_name_fn)(void *instance, uint8_t *name_buf,
						   size_t name_buf_len);
typedef int32_t (*krun_input_query_device_ids_fn)(void *instance,
						  struct krun_input_device_ids *ids);
/* Bit n: the device has code n of this event type. */
typedef int32_t (*krun_input_query_event_capabilities_fn)(void *instance, uint8_t event_type,
							  uint8_t *bitmap_buf,
							  size_t bitmap_buf_len);
typedef int32_t (*krun_input_query_abs_info_fn)(void *instance, uint8_t abs_axis,
						struct krun_input_absinfo *abs_info);
/* Bit n: INPUT_PROP_* n. */
typedef int32_t (*krun_input_query_properties_fn)(void *instance, uint8_t *bitmap_buf,
						  size_t bitmap_buf_len);

/* Only `destroy` may be NULL. */
struct krun_input_config_vtable {
	krun_input_destroy_fn destroy;
	krun_input_query_device_name_fn query_device_name;
	krun_input_query_serial_name_fn query_serial_name;
	krun_input_query_device_ids_fn query_device_ids;
	krun_input_query_event_capabilities_fn query_event_capabilities;
	krun_input_query_abs_info_fn query_abs_info;
	krun_input_query_properties_fn query_properties;
};

struct krun_input_config {
	uint64_t features; /* KRUN_INPUT_CONFIG_FEATURE_* */
	void *create_userdata;
	krun_input_create_fn create; /* NULL: the instance is NULL */
	struct krun_input_config_vtable vtable;
};

#ifdef __cplusplus
}
#endif

#endif
