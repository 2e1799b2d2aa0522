/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define GST_TEST_CONFIG 100
#define GST_TEST_REPORTS 101
