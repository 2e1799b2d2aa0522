/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio console ports by name, and the workload's standard streams. */
#pragma once

#include <stdbool.h>

/* Opens the port of this name; -1 if there is none. */
int gst_port_open(const char *name, int flags);

/* The terminal of this machine as descriptors 0, 1 and 2 of this process. */
void gst_console_open(void);

/*
 * In the workload's process: a session of its own, the console as its terminal, and the ports that
 * stand for standard streams in their places.
 */
void gst_stdio_open(unsigned rows, unsigned columns);
