// SPDX-License-Identifier: Apache-2.0
//
// What an engine does around a runtime, for the tests: sockets it listens on, terminals it holds.
#pragma once

#include <stddef.h>

// A listening or bound AF_UNIX socket at `path`.
int host_socket(const char *path, int type);

// Receives one message with at most one descriptor; gives the length, `*ret_fd` is -1 without one.
long host_receive(int socket, char *text, size_t size, int *ret_fd);

int host_console(int argc, char **argv);
int host_pty(int argc, char **argv);
int host_agent(int argc, char **argv);
