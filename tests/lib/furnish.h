/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of a container's root file system: configurations in parts, bundles with something to
 * mount, and looks at the result that come back as an error when it is not so.
 */
#pragma once

#include "rootfs.h"
#include "test.h"

#define HEAD "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\""
#define PROCESS(more) \
	"\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"x\"],\"cwd\":\"/\"" more "}"
#define NAMESPACES                                                                        \
	"\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"network\"}," \
	"{\"type\":\"ipc\"}]"

/* What the specification's own example and every engine ask for. */
#define DEFAULT_MOUNTS                                                                             \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"                       \
	"{\"destination\":\"/"                                                                     \
	"dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\","                   \
	"\"strictatime\",\"mode=755\",\"size=65536k\"]},"                                          \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":["    \
	"\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"       \
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":["        \
	"\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"                         \
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[" \
	"\"nosuid\",\"noexec\",\"nodev\"]},"                                                       \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":["          \
	"\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}"
#define CGROUP_MOUNT                                                                      \
	",{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\"," \
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}"
#define PATHS                                                                                  \
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\"," \
	"\"/proc/nothing\",\"/sys/firmware\",\"/proc/scsi\"],"                                 \
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","           \
	"\"/proc/sysrq-trigger\"]"

#define CONFIG(mounts, more) \
	HEAD "}," PROCESS("") ",\"mounts\":[" mounts "],\"linux\":{" NAMESPACES more "}}"
#define PROC "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}"
#define BIND(from, to, options)                                                              \
	"{\"destination\":\"" to "\",\"source\":\"" from "\",\"type\":\"bind\",\"options\":" \
	"[" options "]}"

#define NEEDS_ROOT                                                           \
	do {                                                                 \
		if (!rootfs_possible())                                      \
			SKIP("needs root and the right to make namespaces"); \
	} while (0)

RL_MUST rl_err want(bool ok, const char *what);
RL_MUST rl_err want_flags(const char *path, unsigned long flags, unsigned long none);
RL_MUST rl_err want_type(const char *path, long type);
RL_MUST rl_err want_device(const char *path, unsigned maj, unsigned min);
RL_MUST rl_err want_link(const char *path, const char *content);
RL_MUST rl_err want_errno(long ret, int code, const char *what);
/* Not one mount of the host is left: everything in mountinfo belongs to the container. */
RL_MUST rl_err want_mounts(unsigned most);
void put_file(const char *dir, const char *name, const char *text);
void put_dir(const char *dir, const char *name);
void put_link(const char *dir, const char *name, const char *content);
/* A name on the host that no test may make. */
bool exists(const char *dir, const char *name);
RL_MUST rl_err want_text(const char *path, const char *text);
/* A bundle with data/file, tree/inner/ and closed/ beside the root file system. */
const char *bind_bundle(void);
/* For rootfs.inside, where building is all that is asked. */
RL_MUST rl_err rootfs_as_it_is(void);
