/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a container, from a file in the root: an OCI config.json, or the looser
 * form that the original library takes (Cmd, Env, WorkingDir, Entrypoint).
 */
#pragma once

#include "guest/config.h"

/* Adds what the file says to the configuration. A file that is not there is no error. */
void gst_container_read(struct gst_config *c);

/* The same from text, which is changed and kept. `name` is for messages. */
void gst_container_apply(struct gst_config *c, const char *name, char *text, size_t len);

/* Capability number of "CAP_CHOWN"; -1 if there is none of this name. */
int gst_cap_number(const char *name);
