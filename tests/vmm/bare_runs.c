/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that run, and how they end. */
#include "bare.h"
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void hello(struct machine *m)
{
	boot(m, "hello.elf");
}
static void hello_smp(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 4, 64));
}
static void hello_large(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_set_vm_config(m->ctx, 1, 5000));
}
static void hello_split(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_split_irqchip(m->ctx, true));
}
static void hello_twice_serial(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_add_serial_console_default(m->ctx, -1, -1));
}
static void reset(struct machine *m)
{
	boot(m, "reset.elf");
}
static void fault(struct machine *m)
{
	boot(m, "fault.elf");
}
/* G9: neither a status of the guest's nor 1, which a program could have. */
static void wild(struct machine *m)
{
	boot(m, "wild.elf");
}
static void not_entered(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_RUN, FAULT_ANY, 1, -1, EFAULT });
}
/* S3: any signal interrupts it, libkrun#314. */
static void interrupted(struct machine *m)
{
	boot(m, "hello.elf");
	fault_set(&(struct fault){ KVM_CREATE_VM, FAULT_ANY, 3, -1, EINTR });
}
static void spin(struct machine *m)
{
	boot(m, "spin.elf");
}
static void pvh(struct machine *m)
{
	boot(m, "pvh.elf");
}
static void probe(struct machine *m)
{
	boot(m, "probe.elf");
	must(krun_add_virtiofs(m->ctx, "t", "/tmp"));
}
static void smp_8(struct machine *m)
{
	boot(m, "smp.elf");
	must(krun_set_vm_config(m->ctx, 8, 64));
}
static void smp_most(struct machine *m)
{
	int32_t max = krun_get_max_vcpus();

	must(max);
	boot(m, "smp.elf");
	must(krun_set_vm_config(m->ctx, (uint8_t)(max < 255 ? max : 255), 256));
}
static void firmware(struct machine *m)
{
	must(krun_disable_implicit_console(m->ctx));
	must(krun_add_serial_console_default(m->ctx, -1, m->serial));
	must(krun_set_firmware(m->ctx, guest("firmware.bin")));
	must(krun_set_vm_config(m->ctx, 1, 32));
}
static void virt_off(struct machine *m)
{
	boot(m, "virt.elf");
}
static void virt_on(struct machine *m)
{
	boot(m, "virt.elf");
	must(krun_set_nested_virt(m->ctx, true));
}
static void as_nobody(struct machine *m)
{
	boot(m, "hello.elf");
	must(krun_setgid(m->ctx, 65534));
	must(krun_setuid(m->ctx, 65534));
}
static void terminate_twice(pid_t pid, int out)
{
	wait_for(out, "ready");
	kill(pid, SIGTERM);
	usleep(200000); /* once more, after the first was heard */
	kill(pid, SIGTERM);
}

static int eventfd_of_parent = -1;

static void spin_with_eventfd(struct machine *m)
{
	uint64_t one = 1;

	boot(m, "spin.elf");
	eventfd_of_parent = krun_get_shutdown_eventfd(m->ctx);
	must(eventfd_of_parent);
	/* Asked before it runs: the request is there when the machine looks. */
	if (write(eventfd_of_parent, &one, sizeof(one)) != sizeof(one))
		_exit(249);
}
static void terminate_once(pid_t pid, int out)
{
	wait_for(out, "ready");
	usleep(200000);
	kill(pid, SIGTERM);
}

static void confined(struct machine *m)
{
	boot(m, "spin.elf");
	must(krun_add_virtiofs(m->ctx, "t", "/tmp"));
#ifndef SANITIZED /* which has calls of its own */
	must(krun_set_confinement(m->ctx, KRUN_CONFINE_CALLS | KRUN_CONFINE_FILES));
#endif
}

/* Every thread of it has a filter, and cannot get new privileges. */
static int threads_confined(pid_t pid)
{
	char path[320], line[128];
	struct dirent *d;
	int threads = 0, filters = 0, bound = 0;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		threads++;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, d->d_name);
		f = fopen(path, "re");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
			filters += strcmp(line, "Seccomp:\t2\n") == 0;
			bound += strcmp(line, "NoNewPrivs:\t1\n") == 0;
		}
		if (f != NULL)
			fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return threads >= 2 && filters == threads && bound == threads;
}

static void look_at_confinement(pid_t pid, int out)
{
	wait_for(out, "ready");
#ifndef SANITIZED
	verdict("every thread is confined", threads_confined(pid), NULL);
#else
	(void)threads_confined;
#endif
	kill(pid, SIGTERM);
	usleep(200000);
	kill(pid, SIGTERM);
}

struct good {
	const char *name;
	configure_fn *configure;
	meanwhile_fn *meanwhile;
	int status;
	const char *out, *err;
};

static const struct good runs[] = {
	{ "hello", hello, NULL, 42, "hello from the guest\n", "" },
	{ "hello with 4 vCPUs", hello_smp, NULL, 42, "hello from the guest\n", "" },
	{ "hello with memory above 4 GiB", hello_large, NULL, 42, "hello from the guest\n", "" },
	{ "hello with a split irqchip", hello_split, NULL, 42, "hello from the guest\n", "" },
	{ "hello with two serial ports", hello_twice_serial, NULL, 42, "hello", "" },
	{ "reset without a status is 0", reset, NULL, 0, "", "" },
	{ "triple fault is 125", fault, NULL, 125, "falling\n", "triple fault" },
	{ "G9: an instruction that KVM cannot execute is 125", wild, NULL, 125, "leaving\n",
	  "KVM cannot run the guest (internal error) (0x1): vCPU 0 at rip 0x30000000" },
	{ "G9: a vCPU that cannot run is 125", not_entered, NULL, 125, "",
	  "vCPU 0: KVM_RUN: Bad address" },
	{ "S3: an interrupted KVM_CREATE_VM is repeated", interrupted, NULL, 42, "hello", "" },
	{ "PVH entry and command line", pvh, NULL, 7, "from the host virtio_mmio.device=", "" },
	{ "virtio windows and the guest device", probe, NULL, 0, "ed{runletG", "" },
	{ "8 vCPUs, all woken", smp_8, NULL, 8, "all there\n", "" },
	{ "firmware at the reset vector", firmware, NULL, 17, "R is where it began\n", "" },
	{ "no virtualisation unless asked for", virt_off, NULL, 0, "", "" },
	{ "another user", as_nobody, NULL, 42, "hello from the guest\n", "" },
	{ "SIGTERM twice stops it", spin, terminate_twice, 137, "", "second request" },
	{ "confined, it stops as well", confined, look_at_confinement, 137, "", "second request" },
	{ "shutdown eventfd, then SIGTERM", spin_with_eventfd, terminate_once, 137, "",
	  "second request" },
};

/* Shown where the host has it, refused where not; the caller can ask beforehand. */
static void check_nested(void)
{
	struct result r = run(virt_on, NULL);
	int has = r.status == 1 && *r.err == '\0';
	int refused = r.status == STARTED_WRONG && r.returned == -ENOTSUP &&
		      strstr(r.err, "neither VMX nor SVM") != NULL;

	verdict(krun_check_nested_virt() ? "nested virtualisation"
					 : "nested virtualisation that the host lacks",
		krun_check_nested_virt() ? has : refused, &r);
}

/* As many as KVM has; the interface ends at 255. */
static void check_most_vcpus(void)
{
	int32_t max = krun_get_max_vcpus();
	struct result r = run(smp_most, NULL);

	verdict("as many vCPUs as there can be", max > 0 && r.status == (max < 255 ? max : 255),
		&r);
}

void check_runs(void)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		const struct good *g = &runs[i];
		struct result r = run(g->configure, g->meanwhile);

		verdict(g->name,
			r.status == g->status && strstr(r.out, g->out) != NULL &&
				(*g->err ? strstr(r.err, g->err) != NULL : *r.err == '\0'),
			&r);
	}
	check_nested();
	check_most_vcpus();
}
