/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/doctor.h"

#include "base/io.h"
#include "handlers/krun.h"
#include "handlers/passt.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct examination {
	struct rl_arena *arena;
	struct hdl_diagnosis *found;
};

RL_MUST RL_PRINTF(5, 6) static rl_err
	find(struct examination *x, enum hdl_verdict verdict, const char *subject,
	     const char *advice, const char *fmt, ...)
{
	struct hdl_finding *f = &x->found->finding[x->found->count];
	char text[RL_ERROR_TEXT];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	*f = (struct hdl_finding){ .verdict = verdict, .subject = subject };
	RL_TRY(rl_arena_str(x->arena, text, &f->text));
	if (advice != NULL && *advice != '\0')
		RL_TRY(rl_arena_str(x->arena, advice, &f->advice));
	x->found->count++;
	return RL_OK;
}

/* A failure becomes a finding. */
static rl_err find_failure(struct examination *x, enum hdl_verdict verdict, const char *subject,
			   rl_err e)
{
	rl_err result = find(x, verdict, subject, rl_hint_text(e), "%s", rl_text(e));

	rl_drop(e);
	return result;
}

/* ---- the processor --------------------------------------------------------------------------- */

struct processor {
	bool vmx, svm, guest;
};

static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = strstr(line, word); at != NULL; at = strstr(at + n, word))
		if (at[-1] == ' ' && (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
			return true;
	return false;
}

static struct processor look_at_processor(void)
{
	struct processor p = { 0 };
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		p = (struct processor){ .vmx = has_word(line, "vmx"),
					.svm = has_word(line, "svm"),
					.guest = has_word(line, "hypervisor") };
		break;
	}
	if (f != NULL)
		(void)fclose(f);
	return p;
}

static rl_err examine_processor(struct examination *x, const struct processor *p)
{
	const char *where = p->guest ? ", in a machine that is virtual itself (nested)" : "";

	if (p->vmx || p->svm)
		return find(x, HDL_GOOD, "processor", NULL, "%s%s", p->vmx ? "Intel VT-x" : "AMD-V",
			    where);
	return find(x, HDL_LACKING, "processor",
		    p->guest ? "let the host of this virtual machine pass nested virtualisation on"
			     : "switch virtualisation on in the firmware",
		    "shows no virtualisation%s", where);
}

/* ---- KVM ------------------------------------------------------------------------------------- */

static bool module_is_loaded(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}

static rl_err try_kvm(unsigned *ret_vcpus)
{
	struct rl_fd RL_AUTO_FD kvm = { 0 };
	struct rl_fd RL_AUTO_FD vm = { 0 };
	int vcpus;

	RL_TRY(krun_kvm_open(&kvm));
	RL_TRY(rl_fd_from(ioctl(rl_fd_get(&kvm), KVM_CREATE_VM, 0), &vm,
			  "/dev/kvm: make a virtual machine"));
	vcpus = ioctl(rl_fd_get(&kvm), KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	*ret_vcpus = vcpus > 0 ? (unsigned)vcpus : 4;
	return RL_OK;
}

/* There are two that use the processor, and others that do without it. */
static rl_err examine_kvm(struct examination *x, const struct processor *p)
{
	static const char *const modules[] = { "kvm_intel", "kvm_amd" };
	const char *module = NULL;
	unsigned vcpus = 0;
	rl_err e = try_kvm(&vcpus);

	if (rl_failed(e))
		return find_failure(x, HDL_FATAL, "KVM", e);
	for (size_t i = 0; i < 2; i++)
		if (module_is_loaded(modules[i]))
			module = modules[i];
	if (module_is_loaded("kvm_pvm") || (module == NULL && !p->vmx && !p->svm))
		return find(x, HDL_FATAL, "KVM",
			    "use a machine with hardware virtualisation; `tests/vm/rig` of the "
			    "sources emulates one",
			    "/dev/kvm is emulated (%s): it runs no unmodified Linux kernel",
			    module_is_loaded("kvm_pvm") ? "kvm_pvm" : "no hardware behind it");
	return find(x, HDL_GOOD, "KVM", NULL, "/dev/kvm can be used, by %s, at most %u vCPUs",
		    module != NULL ? module : "a module in the kernel", vcpus);
}

static rl_err examine_nested(struct examination *x)
{
	static const char *const files[] = { "/sys/module/kvm_intel/parameters/nested",
					     "/sys/module/kvm_amd/parameters/nested" };
	char value[16];

	for (size_t i = 0; i < 2; i++)
		if (!rl_drop_failed(rl_read_small(AT_FDCWD, files[i], value, sizeof(value))))
			return find(x, HDL_GOOD, "nested", NULL,
				    "guests %s virtual machines of their own (krun.nested_virt)",
				    *value == 'Y' || *value == '1' ? "can have" : "cannot have");
	return RL_OK;
}

/* ---- library, kernel, network ---------------------------------------------------------------- */

static rl_err kernel_of_original(struct examination *x)
{
	void *handle = dlopen("libkrunfw.so.5", RTLD_LAZY | RTLD_LOCAL);

	if (handle == NULL)
		return find(x, HDL_FATAL, "kernel", "install the package libkrunfw", "%s",
			    dlerror());
	(void)dlclose(handle);
	return find(x, HDL_GOOD, "kernel", NULL, "libkrunfw.so.5");
}

static rl_err examine_kernel(struct examination *x, const struct krun_api *api)
{
	int32_t ctx = api->krun_create_ctx(), n;
	char name[512];
	rl_err e;

	e = krun_result(api, KRUN_NO_CONTEXT, ctx, "make a context");
	if (rl_failed(e))
		return find_failure(x, HDL_FATAL, "libkrun", e);
	if (api->krun_get_kernel_name == NULL) {
		e = kernel_of_original(x);
	} else {
		n = api->krun_get_kernel_name((uint32_t)ctx, name, sizeof(name));
		e = krun_result(api, (uint32_t)ctx, n, "look for a kernel");
		e = rl_failed(e) ? find_failure(x, HDL_FATAL, "kernel", e)
				 : find(x, HDL_GOOD, "kernel", NULL, "%s", name);
	}
	(void)api->krun_free_ctx((uint32_t)ctx);
	return e;
}

static rl_err examine_features(struct examination *x, const struct krun_api *api)
{
	bool ours = api->krun_get_last_error != NULL;
	bool net = api->krun_has_feature != NULL && api->krun_has_feature(KRUN_FEATURE_NET) > 0;

	RL_TRY(find(x, HDL_GOOD, "libkrun", NULL, "%s, %s", api->path,
		    ours ? "runlet's own" : "the original"));
	if (!ours)
		RL_TRY(find(x, HDL_LACKING, "agent", "use runlet's own libkrun.so.1",
			    "the original library has none: no exec, no signals, no users in the "
			    "guest"));
	if (!net)
		RL_TRY(find(x, HDL_LACKING, "network", NULL,
			    "this library is built without network devices"));
	return RL_OK;
}

static rl_err examine_library(struct examination *x)
{
	struct krun_api __attribute__((cleanup(krun_api_close))) api = { 0 };
	rl_err e = krun_api_load(x->arena, NULL, &api);

	if (rl_failed(e))
		return find_failure(x, HDL_FATAL, "libkrun", e);
	RL_TRY(examine_features(x, &api));
	return examine_kernel(x, &api);
}

static rl_err examine_passt(struct examination *x)
{
	const char *path;

	RL_TRY(passt_find(x->arena, &path));
	if (path != NULL)
		return find(x, HDL_GOOD, "passt", NULL, "%s", path);
	return find(x, HDL_LACKING, "passt", "install the package passt",
		    "not found: machines have no network by it");
}

rl_err hdl_examine(struct rl_arena *a, struct hdl_diagnosis *ret)
{
	struct hdl_diagnosis found = { 0 };
	struct examination x = { a, &found };
	const struct processor p = look_at_processor();

	RL_TRY(examine_processor(&x, &p));
	RL_TRY(examine_kvm(&x, &p));
	RL_TRY(examine_nested(&x));
	RL_TRY(examine_library(&x));
	RL_TRY(examine_passt(&x));
	*ret = found;
	return RL_OK;
}
