/* SPDX-License-Identifier: Apache-2.0 */
/* The host's part of the krun handler: the library, the facts, and what is opened beforehand. */
#include "handlers/krun.h"

#include "base/io.h"
#include "base/log.h"
#include "handlers/passt.h"
#include "handlers/tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_LIMIT ((size_t)64 << 20)
#define SETTINGS_LIMIT ((size_t)64 << 10)
#define SETTINGS_FILE ".krun_vm.json"

void krun_free(struct krun_session *s)
{
	struct rl_arena arena;

	if (s == NULL)
		return;
	if (s->has_ctx)
		(void)s->api.krun_free_ctx(s->ctx);
	krun_api_close(&s->api);
	rl_fd_close(&s->kvm);
	rl_fd_close(&s->kernel);
	rl_fd_close(&s->initrd);
	rl_fd_close(&s->image);
	rl_fd_close(&s->passt);
	rl_fd_close(&s->net);
	rl_fd_close(&s->agent_dir);
	arena = s->arena;
	free(s);
	rl_arena_free(&arena);
}

static void free_session(struct krun_session **s)
{
	krun_free(*s);
}
#define AUTO_SESSION __attribute__((cleanup(free_session)))

const struct hdl_facts *krun_facts(const struct krun_session *s)
{
	return &s->facts;
}

/* ---- the library ----------------------------------------------------------------------------- */

/* Which of our descriptors are open; those above are nobody's yet. */
#define FDS 1024
struct open_fds {
	bool is[FDS];
};

static rl_err list_fds(struct open_fds *ret)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (dir == NULL)
		return rl_sys(-1, "list our descriptors");
	while ((entry = readdir(dir)) != NULL) {
		long fd = strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < FDS)
			ret->is[fd] = true;
	}
	(void)closedir(dir);
	return RL_OK;
}

/* What the library opens while the host is in sight it needs later, when all else is closed. */
static rl_err note_library_fds(struct krun_session *s, const struct open_fds *before)
{
	struct open_fds after = { 0 };

	RL_TRY(list_fds(&after));
	for (int fd = 0; fd < FDS; fd++) {
		if (!after.is[fd] || before->is[fd])
			continue;
		if (s->library_fd_count == HDL_KEEPS_MAX / 2)
			return rl_refuse(RL_E(EMFILE), "%s keeps more than %d descriptors open",
					 s->api.path, HDL_KEEPS_MAX / 2);
		s->library_fds[s->library_fd_count++] = fd;
	}
	return RL_OK;
}

static rl_err load_library(struct krun_session *s, const struct oci_config *config)
{
	const struct oci_vm_hypervisor *h = config->vm != NULL ? config->vm->hypervisor : NULL;
	struct open_fds before = { 0 };
	int32_t ctx;

	RL_TRY(list_fds(&before));
	RL_TRY(rl_wrap(krun_api_load(&s->arena, h != NULL ? h->path : NULL, &s->api), "%s",
		       h != NULL ? "$.vm.hypervisor.path" : ""));
	ctx = s->api.krun_create_ctx();
	RL_TRY(krun_result(&s->api, KRUN_NO_CONTEXT, ctx, "make a context in %s", s->api.path));
	s->ctx = (uint32_t)ctx;
	s->has_ctx = true;
	return note_library_fds(s, &before);
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* Unknown to an older library is the same as not built in. */
static rl_err ask_feature(const struct krun_session *s, uint64_t feature, const char *name,
			  bool *ret)
{
	int32_t answer;
	rl_err e;

	*ret = false;
	if (s->api.krun_has_feature == NULL)
		return RL_OK;
	answer = s->api.krun_has_feature(feature);
	if (answer >= 0) {
		*ret = answer > 0;
		return RL_OK;
	}
	e = krun_result(&s->api, KRUN_NO_CONTEXT, answer, "ask libkrun for feature %s", name);
	if (!rl_is(e, RL_E(EINVAL)))
		return e;
	rl_drop(e);
	return RL_OK;
}

static rl_err ask_machine(struct krun_session *s)
{
	const struct krun_api *api = &s->api;
	int32_t n;

	s->facts.vcpus_max = UINT8_MAX; /* what krun_set_vm_config takes */
	if (api->krun_get_max_vcpus != NULL) {
		n = api->krun_get_max_vcpus();
		RL_TRY(krun_result(api, KRUN_NO_CONTEXT, n, "ask libkrun for the most vCPUs"));
		if (n < UINT8_MAX)
			s->facts.vcpus_max = (unsigned)n;
	}
	if (api->krun_check_nested_virt != NULL) {
		n = api->krun_check_nested_virt();
		RL_TRY(krun_result(api, KRUN_NO_CONTEXT, n,
				   "ask libkrun for nested virtualisation"));
		s->facts.nested = n > 0;
	}
	return RL_OK;
}

static rl_err ask_library(struct krun_session *s)
{
	struct hdl_facts *f = &s->facts;

	f->library = s->api.path;
	f->ours = s->api.krun_get_last_error != NULL;
	f->takes_kvm = s->api.krun_set_kvm_fd != NULL;
	f->takes_config = s->api.krun_set_container_config != NULL;
	f->overlay = s->api.krun_fs_add_overlay_file != NULL;
	RL_TRY(ask_feature(s, KRUN_FEATURE_NET, "NET", &f->net));
	RL_TRY(ask_feature(s, KRUN_FEATURE_BLK, "BLK", &f->blk));
	RL_TRY(ask_feature(s, KRUN_FEATURE_GPU, "GPU", &f->gpu));
	f->net = f->net && s->api.krun_add_net_unixstream != NULL;
	f->takes_tap = s->api.krun_add_net_tap_fd != NULL;
	f->blk = f->blk && s->api.krun_add_disk2 != NULL;
	f->gpu = f->gpu && s->api.krun_set_gpu_options != NULL;
	return ask_machine(s);
}

static rl_err count_cpus(struct hdl_facts *f)
{
	cpu_set_t cpus;

	RL_TRY(rl_sys(sched_getaffinity(0, sizeof(cpus), &cpus), "ask for our CPUs"));
	f->cpus = (unsigned)CPU_COUNT(&cpus);
	return RL_OK;
}

/*
 * The file belongs to the image, and so may be anything: a link out of it, a FIFO that nobody
 * writes, a device. Only a small regular file of that very directory is read.
 */
static rl_err read_settings(struct krun_session *s, int root_fd)
{
	struct rl_fd RL_AUTO_FD file = { 0 };
	struct stat st;
	rl_err e = rl_fd_from(openat(root_fd, SETTINGS_FILE,
				     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
			      &file, "open " SETTINGS_FILE " of the image");

	if (rl_is(e, RL_E(ENOENT))) {
		rl_drop(e);
		return RL_OK;
	}
	if (rl_is(e, RL_E(ELOOP)))
		return rl_hint(e, "it must be a regular file, no link");
	RL_TRY(e);
	RL_TRY(rl_sys(fstat(rl_fd_get(&file), &st), "look at " SETTINGS_FILE));
	if (!S_ISREG(st.st_mode))
		return rl_refuse(RL_E(EINVAL), SETTINGS_FILE ": is not a regular file");
	return rl_wrap(rl_read_fd(&s->arena, rl_fd_get(&file), SETTINGS_LIMIT,
				  &s->facts.image_settings, &s->facts.image_settings_len),
		       "read " SETTINGS_FILE " of the image");
}

static rl_err look_at_image(struct krun_session *s, const struct oci_config *config, int bundle_fd)
{
	struct rl_fd RL_AUTO_FD root = { 0 };

	RL_TRY(rl_fd_from(openat(bundle_fd, config->root.path, O_PATH | O_DIRECTORY | O_CLOEXEC),
			  &root, "$.root.path: open %s", config->root.path));
	return read_settings(s, rl_fd_get(&root));
}

static rl_err load(struct krun_session *s, const struct oci_config *config, int bundle_fd)
{
	RL_TRY(krun_kvm_open(&s->kvm));
	RL_TRY(load_library(s, config));
	RL_TRY(ask_library(s));
	RL_TRY(count_cpus(&s->facts));
	RL_TRY(passt_find(&s->arena, &s->facts.passt));
	s->config = config;
	return look_at_image(s, config, bundle_fd);
}

rl_err krun_load(const struct oci_config *config, int bundle_fd, struct krun_session **ret)
{
	struct krun_session AUTO_SESSION *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return rl_nomem();
	RL_TRY(rl_arena_new(ARENA_LIMIT, &s->arena));
	RL_TRY(load(s, config, bundle_fd));
	rl_log(RL_LOG_DEBUG, "krun: %s (%s), at most %u vCPUs", s->facts.library,
	       s->facts.ours ? "runlet's" : "the original", s->facts.vcpus_max);
	*ret = s;
	s = NULL;
	return RL_OK;
}

/* ---- what only the host has ------------------------------------------------------------------ */

static rl_err open_file(const char *key, const char *path, int flags, struct rl_fd *ret)
{
	struct stat st;

	RL_TRY(rl_fd_from(open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret, "%s: open %s",
			  key, path));
	RL_TRY(rl_sys(fstat(rl_fd_get(ret), &st), "%s: look at %s", key, path));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return rl_refuse(RL_E(EINVAL), "%s: %s is not a file", key, path);
	return RL_OK;
}

rl_err krun_open(struct krun_session *s, const struct hdl_plan *plan, const char *text, size_t len)
{
	s->plan = plan;
	s->text = text;
	s->text_len = len;
	if (plan->kernel_on_host && plan->kernel != NULL)
		RL_TRY(open_file("$.vm.kernel.path", plan->kernel, O_RDONLY, &s->kernel));
	if (plan->kernel_on_host && plan->initrd != NULL)
		RL_TRY(open_file("$.vm.kernel.initrd", plan->initrd, O_RDONLY, &s->initrd));
	if (plan->image != NULL)
		RL_TRY(open_file("$.vm.image.path", plan->image, O_RDWR, &s->image));
	if (plan->network != HDL_NETWORK_PASST)
		return RL_OK;
	return passt_open(s->facts.passt, &s->passt);
}

void krun_agent_dir(struct krun_session *s, int dir_fd)
{
	rl_fd_set(&s->agent_dir, dir_fd);
}

bool krun_has_agent_dir(const struct krun_session *s)
{
	return !s->facts.ours || rl_fd_has(&s->agent_dir);
}

rl_err krun_connect(struct krun_session *s)
{
	const struct passt_wish wish = { .open_ports = s->plan->passt_open };

	if (s->plan->network == HDL_NETWORK_TAP && s->facts.takes_tap)
		return rl_wrap(tap_attach(s->plan->tap, &s->net),
			       s->plan->tap != NULL ? "krun.tap" : "krun.network");
	if (s->plan->network != HDL_NETWORK_PASST)
		return RL_OK;
	return passt_start(rl_fd_get(&s->passt), s->facts.passt, &wish, &s->net);
}

static void keep(int fd, int keeps[static HDL_KEEPS_MAX], size_t *count)
{
	if (fd >= 0)
		keeps[(*count)++] = fd;
}

size_t krun_keeps(const struct krun_session *s, int keeps[static HDL_KEEPS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < s->library_fd_count; i++)
		keep(s->library_fds[i], keeps, &count);
	keep(s->facts.takes_kvm ? rl_fd_get(&s->kvm) : -1, keeps, &count);
	keep(rl_fd_get(&s->kernel), keeps, &count);
	keep(rl_fd_get(&s->initrd), keeps, &count);
	keep(rl_fd_get(&s->image), keeps, &count);
	keep(rl_fd_get(&s->net), keeps, &count);
	keep(rl_fd_get(&s->agent_dir), keeps, &count);
	return count;
}
