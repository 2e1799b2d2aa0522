/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/config.h"

/* The loopback interface, then those of the configuration. */
void gst_net_up(const struct gst_config *c);
