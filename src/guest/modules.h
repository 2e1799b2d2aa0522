/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Loads what GST_MODULE_LIST names, in its order; nothing if there is no list. */
void gst_load_modules(void);
