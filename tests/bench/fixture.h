// SPDX-License-Identifier: Apache-2.0
//
// Everything the benchmark makes on the machine, and takes away again: a temporary directory with
// the bundles, a private mount namespace, and cgroups below a name of its own.
//
//     DIR/rootfs/{dev,proc,sys,true,pause}
//     DIR/plain/config.json       the default configuration without cgroups
//     DIR/cg-N/config.json        the same with cgroups, one for each container alive at a time
//     DIR/hold-N/config.json      as cg-N, but running `pause`: the target of exec and state
//     DIR/state/NAME/             the runtimes' --root, on a tmpfs as /run is
//     DIR/log                     what the runtimes wrote to stderr
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	FIXTURE_SLOTS = 32,   // containers alive at the same time in the parallel cases
	FIXTURE_RUNTIMES = 8, // runtimes in one session
	FIXTURE_PATH = 256,
};

struct fixture {
	char dir[FIXTURE_PATH];
	char cgroup[64]; // absolute, as in cgroupsPath
	int home_ns;	 // the private mount namespace of the session
	int hidden_ns;	 // the same, without the cgroup2 mount of a hybrid host; -1 where there is
			 // none
	int current_ns;
};

// `payloads` is the directory that holds the programs `true` and `pause`.
bool fixture_make(struct fixture *f, const char *payloads);
void fixture_remove(struct fixture *f);

// Moves this process between the two mount namespaces, outside of any timed section.
bool fixture_enter(struct fixture *f, bool hidden);
