// SPDX-License-Identifier: Apache-2.0

#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define UNIFIED CGROUP_ROOT "/unified"

static bool failed(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	return false;
}

static bool make_dir(const struct fixture *f, const char *name)
{
	char path[FIXTURE_PATH + 32];

	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	return mkdir(path, 0755) == 0 || failed(path);
}

static bool copy_program(const struct fixture *f, const char *payloads, const char *name)
{
	char from[FIXTURE_PATH], to[FIXTURE_PATH + 32];
	struct stat info;
	bool done = false;

	snprintf(from, sizeof from, "%s/%s", payloads, name);
	snprintf(to, sizeof to, "%s/rootfs/%s", f->dir, name);
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (in >= 0 && out >= 0 && fstat(in, &info) == 0)
		done = sendfile(out, in, NULL, (size_t)info.st_size) == info.st_size;
	if (!done)
		failed(from);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return done;
}

// The default configuration, as `spec` of the runtimes writes it, in the parts that cost time.
static const char config_head[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
	"\"args\":[\"/%s\"],\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/"
	"sbin:"
	"/bin\",\"TERM=xterm\"],\"cwd\":\"/\",\"capabilities\":{"
	"\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
	"\"noNewPrivileges\":true},"
	"\"root\":{\"path\":\"%s/rootfs\",\"readonly\":true},\"hostname\":\"bench\",\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/"
	"pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\","
	"\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}";

static const char config_cgroup_mount[] =
	",{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}";

static const char config_cgroup[] =
	"\"cgroupsPath\":\"%s/"
	"%s\",\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},";

static const char config_tail[] =
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},"
	"{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}],"
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
	"\"/sys/firmware\",\"/proc/scsi\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
	"\"/proc/sysrq-trigger\"]}}\n";

static bool make_bundle(const struct fixture *f, const char *name, const char *program, bool cgroup)
{
	char path[FIXTURE_PATH + 64];

	if (!make_dir(f, name))
		return false;
	snprintf(path, sizeof path, "%s/%s/config.json", f->dir, name);
	FILE *config = fopen(path, "wxe");
	if (config == NULL)
		return failed(path);
	fprintf(config, config_head, program, f->dir);
	fprintf(config, "%s],\"linux\":{", cgroup ? config_cgroup_mount : "");
	if (cgroup)
		fprintf(config, config_cgroup, f->cgroup, name);
	fputs(config_tail, config);
	return fclose(config) == 0 || failed(path);
}

static bool make_bundles(const struct fixture *f)
{
	char name[32];

	if (!make_bundle(f, "plain", "true", false))
		return false;
	for (int i = 0; i < FIXTURE_SLOTS; i++) {
		snprintf(name, sizeof name, "cg-%d", i);
		if (!make_bundle(f, name, "true", true))
			return false;
	}
	for (int i = 0; i < FIXTURE_RUNTIMES; i++) {
		snprintf(name, sizeof name, "hold-%d", i);
		if (!make_bundle(f, name, "pause", true))
			return false;
	}
	return true;
}

static bool hybrid_host(void)
{
	char controllers[256];
	FILE *file = fopen(UNIFIED "/cgroup.controllers", "re");
	bool some = file != NULL && fgets(controllers, sizeof controllers, file) != NULL &&
		    strcspn(controllers, "\n") > 0;

	if (file != NULL)
		fclose(file);
	return some;
}

static int open_own_namespace(void)
{
	return open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
}

// crun refuses to start where the cgroup2 mount of a hybrid host has controllers. For it there is
// a second mount namespace in which an empty tmpfs is in its place; nobody else sees it. (Without
// the tmpfs crun would fill the mount point itself, which belongs to the host.)
static bool make_namespaces(struct fixture *f)
{
	char state[FIXTURE_PATH + 32];

	snprintf(state, sizeof state, "%s/state", f->dir);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return failed("make a private mount namespace");
	if (mount("tmpfs", state, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0)
		return failed(state);
	f->home_ns = f->current_ns = open_own_namespace();
	f->hidden_ns = -1;
	if (f->home_ns < 0)
		return failed("/proc/self/ns/mnt");
	if (!hybrid_host())
		return true;
	if (unshare(CLONE_NEWNS) != 0 || mount("tmpfs", UNIFIED, "tmpfs", 0, NULL) != 0)
		return failed("hide " UNIFIED);
	f->hidden_ns = f->current_ns = open_own_namespace();
	return f->hidden_ns >= 0 && fixture_enter(f, false);
}

bool fixture_enter(struct fixture *f, bool hidden)
{
	int wanted = hidden && f->hidden_ns >= 0 ? f->hidden_ns : f->home_ns;

	if (wanted == f->current_ns)
		return true;
	if (setns(wanted, CLONE_NEWNS) != 0)
		return failed("change the mount namespace");
	f->current_ns = wanted;
	return true;
}

/* Where a runtime keeps its state is a tmpfs on ordinary machines (/run), so it is one here. */
static const char *usual_parent(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

bool fixture_make(struct fixture *f, const char *payloads)
{
	const char *parent = getenv("TMPDIR");

	*f = (struct fixture){ .home_ns = -1, .hidden_ns = -1, .current_ns = -1 };
	snprintf(f->cgroup, sizeof f->cgroup, "/runlet-bench-%d", (int)getpid());
	snprintf(f->dir, sizeof f->dir, "%s/runlet-bench-XXXXXX",
		 parent != NULL && strlen(parent) < FIXTURE_PATH / 2 ? parent : usual_parent());
	if (mkdtemp(f->dir) == NULL) {
		failed(f->dir);
		f->dir[0] = '\0';
		return false;
	}
	return chmod(f->dir, 0755) == 0 && make_dir(f, "rootfs") && make_dir(f, "rootfs/dev") &&
	       make_dir(f, "rootfs/proc") && make_dir(f, "rootfs/sys") && make_dir(f, "state") &&
	       copy_program(f, payloads, "true") && copy_program(f, payloads, "pause") &&
	       make_bundles(f) && make_namespaces(f);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)walk;
	if (kind == FTW_DP ? rmdir(path) != 0 : unlink(path) != 0)
		failed(path);
	return 0;
}

static int remove_cgroup(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)walk;
	if (kind == FTW_DP && rmdir(path) != 0)
		failed(path);
	return 0;
}

// A hierarchy is CGROUP_ROOT itself (version 2) or a directory below it (version 1, hybrid).
static void remove_cgroups(const struct fixture *f)
{
	char path[FIXTURE_PATH + 320];
	const int flags = FTW_DEPTH | FTW_PHYS | FTW_MOUNT;

	snprintf(path, sizeof path, CGROUP_ROOT "%s", f->cgroup);
	if (access(path, F_OK) == 0)
		nftw(path, remove_cgroup, 16, flags);
	DIR *hierarchies = opendir(CGROUP_ROOT);
	struct dirent *entry;
	while (hierarchies != NULL && (entry = readdir(hierarchies)) != NULL) {
		snprintf(path, sizeof path, CGROUP_ROOT "/%s%s", entry->d_name, f->cgroup);
		if (entry->d_name[0] != '.' && access(path, F_OK) == 0)
			nftw(path, remove_cgroup, 16, flags);
	}
	if (hierarchies != NULL)
		closedir(hierarchies);
}

void fixture_remove(struct fixture *f)
{
	char state[FIXTURE_PATH + 32];

	if (f->dir[0] == '\0')
		return;
	if (f->home_ns >= 0) {
		fixture_enter(f, false);
		snprintf(state, sizeof state, "%s/state", f->dir);
		umount2(state, MNT_DETACH);
	}
	remove_cgroups(f);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	f->dir[0] = '\0';
}
