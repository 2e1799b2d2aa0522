/* SPDX-License-Identifier: Apache-2.0 */
/* runlet-vm exec, ps, kill, stop: a machine that runs already, by its agent's socket. */
#pragma once

/* The exit status, or -1 if argv[1] is none of these commands. */
int agent_command(int argc, char **argv);
