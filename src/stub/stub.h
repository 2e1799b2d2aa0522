/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stub: a static program of less than a page that executes another one.
 *
 * While the user's program is being executed, the executable of the process that asks for it can
 * be reached from the container as /proc/PID/exe, and an entrypoint that is a link to
 * /proc/self/exe, a script with that interpreter, or an ELF file with that interpreter runs it once
 * more (CVE-2019-5736). So the process that asks is not the runtime: it is this stub, in a sealed
 * memory file. It contains nothing, and nobody can write to it.
 *
 * Protocol:
 *   argv[0]   "R PATH": R is the decimal number of the report descriptor or "-" for none, then
 *             one blank, then the path of the program, to the end of the string
 *   argv[1..] arguments of the program, argv[1] being its argv[0]; at least one
 *   envp      environment of the program
 *
 * The stub makes R close-on-exec and executes PATH. A success closes R: its reader sees the end of
 * file. A failure is written to R as four bytes, the positive errno, little-endian; the stub
 * exits with 127 for ENOENT and with 126 else. Started in any other way it exits with 127 and
 * does nothing.
 */
#pragma once

#include <stddef.h>

extern const unsigned char stub_image[];
extern const size_t stub_image_size;
