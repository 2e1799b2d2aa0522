/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BECOME: the container's init becomes the machine. By now its root, namespaces, cgroup, identity
 * and system calls are what they will stay; the library is told what the plan says, and started.
 */
#include "handlers/agent.h"
#include "handlers/krun.h"

#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long a library that does not say when its machine runs may take to refuse. */
#define REFUSAL_MS 500

#define CALL(s, function, what, ...) \
	krun_result(&(s)->api, (s)->ctx, (s)->api.function((s)->ctx, __VA_ARGS__), what)

/* ---- files of the host ----------------------------------------------------------------------- */

#define FD_PATH 32

/*
 * The library takes names only. The one of an open file is in procfs, and procfs is the
 * container's: it is believed only if it leads to that file.
 */
static rl_err name_of_fd(const char *key, int fd, char path[static FD_PATH])
{
	struct stat named, meant;

	(void)snprintf(path, FD_PATH, "/proc/self/fd/%d", fd);
	RL_TRY(rl_sys(fstat(fd, &meant), "%s", key));
	if (stat(path, &named) == 0 && named.st_dev == meant.st_dev && named.st_ino == meant.st_ino)
		return RL_OK;
	return rl_hint(
		rl_refuse(RL_E(EOPNOTSUPP), "%s: the container has no procfs to name it by", key),
		"mount proc at /proc");
}

/* ---- the machine ----------------------------------------------------------------------------- */

static rl_err set_log(const struct krun_session *s)
{
	/* Ours is silent until it has something to say, and then says one line on stderr. */
	if (s->api.krun_set_log_level == NULL)
		return RL_OK;
	if (!rl_log_wants(RL_LOG_DEBUG) && s->facts.ours)
		return RL_OK;
	return krun_result(&s->api, s->ctx,
			   s->api.krun_set_log_level(rl_log_wants(RL_LOG_DEBUG)
							     ? KRUN_LOG_LEVEL_DEBUG
							     : KRUN_LOG_LEVEL_ERROR),
			   "set the log level of libkrun");
}

static rl_err set_kernel(const struct krun_session *s)
{
	const struct hdl_plan *p = s->plan;
	const char *kernel = p->kernel, *initrd = p->initrd;
	char kernel_path[FD_PATH], initrd_path[FD_PATH];

	if (kernel == NULL)
		return RL_OK;
	if (s->api.krun_set_kernel == NULL)
		return krun_lacks(&s->api, "krun_set_kernel", kernel);
	if (rl_fd_has(&s->kernel)) {
		RL_TRY(name_of_fd("$.vm.kernel.path", rl_fd_get(&s->kernel), kernel_path));
		kernel = kernel_path;
	}
	if (rl_fd_has(&s->initrd)) {
		RL_TRY(name_of_fd("$.vm.kernel.initrd", rl_fd_get(&s->initrd), initrd_path));
		initrd = initrd_path;
	}
	return rl_wrap(CALL(s, krun_set_kernel, "set the kernel", kernel, p->kernel_format, initrd,
			    p->cmdline),
		       "%s", p->kernel);
}

static rl_err set_machine(const struct krun_session *s)
{
	const struct hdl_plan *p = s->plan;

	RL_TRY(krun_result(&s->api, s->ctx,
			   s->api.krun_set_vm_config(s->ctx, (uint8_t)p->vcpus, p->ram_mib),
			   "set %u vCPUs and %u MiB of memory", p->vcpus, p->ram_mib));
	if (s->facts.takes_kvm)
		RL_TRY(CALL(s, krun_set_kvm_fd, "pass /dev/kvm on", rl_fd_get(&s->kvm)));
	if (p->nested && s->api.krun_set_nested_virt == NULL)
		return krun_lacks(&s->api, "krun_set_nested_virt", "nested_virt");
	if (p->nested)
		RL_TRY(CALL(s, krun_set_nested_virt, "set nested virtualisation", true));
	if (p->gpu)
		RL_TRY(CALL(s, krun_set_gpu_options, "set the GPU's options", p->gpu_flags));
	return set_kernel(s);
}

/* ---- root and disks -------------------------------------------------------------------------- */

static rl_err add_disk(const struct krun_session *s, const char *id, const char *path,
		       uint32_t format, bool read_only)
{
	if (s->api.krun_add_disk2 == NULL)
		return krun_lacks(&s->api, "krun_add_disk2", path);
	return krun_result(&s->api, s->ctx,
			   s->api.krun_add_disk2(s->ctx, id, path, format, read_only),
			   "add the disk %s", path);
}

/* A disk of the host instead of the container's directory: its first one. */
static rl_err set_image(const struct krun_session *s)
{
	char path[FD_PATH];

	if (s->api.krun_set_root_disk_remount == NULL)
		return krun_lacks(&s->api, "krun_set_root_disk_remount", "$.vm.image");
	RL_TRY(name_of_fd("$.vm.image.path", rl_fd_get(&s->image), path));
	RL_TRY(add_disk(s, "root", path, s->plan->image_format, false));
	return CALL(s, krun_set_root_disk_remount, "set the root disk", "/dev/vda", NULL, NULL);
}

static rl_err set_root(const struct krun_session *s)
{
	if (s->plan->image != NULL)
		return set_image(s);
	if (s->api.krun_add_virtiofs2 == NULL)
		return CALL(s, krun_set_root, "share the root", "/");
	return krun_result(&s->api, s->ctx,
			   s->api.krun_add_virtiofs2(s->ctx, s->plan->tag, "/", s->plan->window),
			   "share the root as %s", s->plan->tag);
}

static rl_err add_disks(const struct krun_session *s)
{
	for (size_t i = 0; i < s->plan->disk_count; i++) {
		const struct hdl_disk *d = &s->plan->disks[i];

		RL_TRY(add_disk(s, d->id, d->path, d->format, d->read_only), "$.linux.devices");
	}
	return RL_OK;
}

/* ---- the program ----------------------------------------------------------------------------- */

/* A list up to a NULL: the items from `from` on, and one more if that is not NULL. */
static rl_err terminated(struct rl_arena *a, const struct oci_strings *list, size_t from,
			 const char *more, const char ***ret)
{
	size_t count = list->count > from ? list->count - from : 0;
	const char **items;

	RL_TRY(rl_new_array(a, count + 2, &items));
	for (size_t i = 0; i < count; i++)
		items[i] = list->items[from + i];
	items[count] = more;
	*ret = items;
	return RL_OK;
}

static rl_err set_rlimits(const struct krun_session *s)
{
	if (s->plan->rlimits == NULL || s->plan->rlimits[0] == NULL)
		return RL_OK;
	if (s->api.krun_set_rlimits == NULL)
		return krun_lacks(&s->api, "krun_set_rlimits", "$.process.rlimits");
	return CALL(s, krun_set_rlimits, "set the resource limits", s->plan->rlimits);
}

/* By calls: for a library without overlay files, and for a root that is a disk. */
static rl_err describe_by_calls(struct krun_session *s, const char *home)
{
	const struct oci_process *p = s->config->process;
	const char **argv, **envp, *variable = NULL;

	if (s->api.krun_set_exec == NULL || s->api.krun_set_workdir == NULL)
		return krun_lacks(&s->api, "krun_set_exec", "$.process");
	if (home != NULL)
		RL_TRY(rl_arena_fmt(&s->arena, &variable, "HOME=%s", home));
	RL_TRY(terminated(&s->arena, &p->args, 1, NULL, &argv));
	RL_TRY(terminated(&s->arena, &p->env, 0, variable, &envp));
	RL_TRY(CALL(s, krun_set_workdir, "set the working directory", p->cwd), "$.process.cwd");
	RL_TRY(set_rlimits(s));
	return rl_wrap(CALL(s, krun_set_exec, "set the program", p->args.items[0], argv, envp),
		       "$.process.args");
}

/* Said beside the file: HOME, and what the original's init reads in no file. */
static rl_err describe_environment(struct krun_session *s, const char *home)
{
	const char *envp[3] = { NULL, NULL, NULL };
	size_t count = 0;

	if (!s->facts.ours)
		RL_TRY(set_rlimits(s));
	if (s->api.krun_set_env == NULL)
		return RL_OK;
	if (home != NULL)
		RL_TRY(rl_arena_fmt(&s->arena, &envp[count++], "HOME=%s", home));
	if (!s->facts.ours && s->config->hostname != NULL)
		RL_TRY(rl_arena_fmt(&s->arena, &envp[count++], "HOSTNAME=%s", s->config->hostname));
	return count > 0 ? CALL(s, krun_set_env, "set the environment", envp) : RL_OK;
}

/*
 * The guest's init reads the configuration from a file that only the guest sees, in front of the
 * container's root: nothing is written into the image, and nothing in it is believed. Where the
 * root is a disk it is told the text itself.
 */
static rl_err describe(struct krun_session *s, const char *home)
{
	bool told = s->plan->image != NULL ? s->facts.takes_config : s->facts.overlay;
	const char *text;

	if (!told)
		return describe_by_calls(s, home);
	RL_TRY(describe_environment(s, home));
	if (s->plan->image != NULL) {
		RL_TRY(rl_arena_fmt(&s->arena, &text, "%.*s", (int)s->text_len, s->text));
		return CALL(s, krun_set_container_config, "pass the configuration on", text);
	}
	return CALL(s, krun_fs_add_overlay_file, "pass the configuration on", s->plan->tag,
		    HDL_CONFIG_FILE, (const uint8_t *)s->text, s->text_len, S_IFREG | 0400, false);
}

/* ---- agent and network ----------------------------------------------------------------------- */

/* By the working directory, because nothing else leads out of the container's root. */
static rl_err add_agent(const struct krun_session *s)
{
	if (!rl_fd_has(&s->agent_dir) || s->api.krun_add_vsock_port2 == NULL)
		return RL_OK;
	RL_TRY(rl_sys(fchdir(rl_fd_get(&s->agent_dir)), "enter the agent's directory"));
	return CALL(s, krun_add_vsock_port2, "open the agent's port", HDL_AGENT_PORT,
		    HDL_AGENT_SOCKET, true);
}

/* A tap device carries whole segments, and leaves checksums to whoever needs them. */
#define TAP_FEATURES                                                          \
	(NET_FEATURE_CSUM | NET_FEATURE_GUEST_CSUM | NET_FEATURE_GUEST_TSO4 | \
	 NET_FEATURE_GUEST_TSO6 | NET_FEATURE_HOST_TSO4 | NET_FEATURE_HOST_TSO6)

static rl_err add_tap(const struct krun_session *s, uint8_t mac[static 6], uint32_t flags)
{
	char name[16];

	if (rl_fd_has(&s->net))
		return CALL(s, krun_add_net_tap_fd, "add the network interface", rl_fd_get(&s->net),
			    mac, TAP_FEATURES, flags);
	if (s->api.krun_add_net_tap == NULL)
		return krun_lacks(&s->api, "krun_add_net_tap", "krun.tap");
	(void)snprintf(name, sizeof(name), "%s", s->plan->tap);
	return rl_wrap(CALL(s, krun_add_net_tap, "add the network interface", name, mac,
			    TAP_FEATURES, flags),
		       "krun.tap");
}

static rl_err add_network(const struct krun_session *s)
{
	uint32_t flags = s->plan->dhcp ? NET_FLAG_DHCP_CLIENT : 0;
	uint8_t mac[6];

	memcpy(mac, s->plan->mac, sizeof(mac));
	if (s->plan->network == HDL_NETWORK_TAP)
		return add_tap(s, mac, flags);
	if (rl_fd_has(&s->net))
		return CALL(s, krun_add_net_unixstream, "add the network interface", NULL,
			    rl_fd_get(&s->net), mac, COMPAT_NET_FEATURES, flags);
	/* Without an interface the original has a way of its own to the network. */
	if (s->plan->network != HDL_NETWORK_NONE || s->facts.ours)
		return RL_OK;
	if (s->api.krun_disable_implicit_vsock == NULL)
		return krun_lacks(&s->api, "krun_disable_implicit_vsock", "krun.network");
	return krun_result(&s->api, s->ctx, s->api.krun_disable_implicit_vsock(s->ctx),
			   "switch the network off");
}

/* ---- start ----------------------------------------------------------------------------------- */

/*
 * The file server keeps one descriptor for every file that the guest knows. The program's own
 * limit is set in the guest.
 */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void *close_later(void *arg)
{
	const struct timespec wait = { .tv_nsec = REFUSAL_MS * 1000000l };

	(void)nanosleep(&wait, NULL);
	(void)close((int)(intptr_t)arg);
	return NULL;
}

/*
 * The other end takes the end of file for success. A library that cannot tell when its machine
 * runs gets some time to refuse; what it finds wrong later can only be said on stderr.
 */
static rl_err report_by_time(int talk_fd)
{
	pthread_t thread;
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, close_later, (void *)(intptr_t)talk_fd);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	RL_TRY(rl_pos(r, "make a thread"));
	(void)pthread_detach(thread);
	return RL_OK;
}

static rl_err report_to(const struct krun_session *s, int talk_fd)
{
	if (s->api.krun_set_ready_fd == NULL)
		return report_by_time(talk_fd);
	return CALL(s, krun_set_ready_fd, "pass the ready descriptor on", talk_fd);
}

/* The original dies of SIGTERM, were it not the first process of its namespace. */
static void end_by_signal(int number)
{
	_exit(128 + number);
}

static void let_signals_end(const struct krun_session *s)
{
	const struct sigaction end = { .sa_handler = end_by_signal };

	if (!s->facts.ours)
		(void)sigaction(SIGTERM, &end, NULL);
}

static rl_err configure(struct krun_session *s, const char *home)
{
	RL_TRY(set_log(s));
	RL_TRY(set_machine(s));
	RL_TRY(set_root(s));
	RL_TRY(add_disks(s));
	RL_TRY(describe(s, home));
	RL_TRY(add_network(s));
	return add_agent(s);
}

rl_err krun_enter(struct krun_session *s, const char *home, int talk_fd)
{
	int32_t result;

	/* The runtime's environment is nobody's business in here. */
	(void)clearenv();
	raise_descriptors();
	RL_TRY(configure(s, home), "configure the VM");
	let_signals_end(s);
	RL_TRY(report_to(s, talk_fd));
	result = s->api.krun_start_enter(s->ctx);
	/* Confidential machines come back with the program's status. */
	if (result >= 0)
		_exit(result & 0xff);
	return krun_result(&s->api, s->ctx, result, "could not start the VM");
}
