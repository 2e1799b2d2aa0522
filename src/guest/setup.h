/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/config.h"

/* Host name, domain name and sysctls. */
void gst_setup_machine(const struct gst_config *c);
