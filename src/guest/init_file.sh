#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# init_file.sh INIT HEADER: a header that names the file, for .incbin.
printf '#define VMM_INIT_FILE "%s"\n' "$(realpath "$1")" >"$2"
