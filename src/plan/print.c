/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/print.h"

#include "plan/hooks.h"
#include "plan/ns.h"
#include "plan/print_words.h"

#include <inttypes.h>
#include <string.h>

void plan_put_words(FILE *to, uint64_t bits, const struct plan_word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((bits & words[i].bits) == words[i].bits) {
			fprintf(to, " %s", words[i].name);
			bits &= ~words[i].bits;
		}
	if (bits != 0)
		fprintf(to, " 0x%" PRIx64, bits);
}

void plan_put_quoted(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", to);
		else if ((unsigned char)*text < ' ')
			fprintf(to, "\\x%02x", (unsigned char)*text);
		else
			putc(*text, to);
	}
	putc('"', to);
}

static void put_line(FILE *to, const char *key, const char *value)
{
	if (value == NULL)
		return;
	fprintf(to, "  %s ", key);
	plan_put_quoted(to, value);
	putc('\n', to);
}

static void put_strings(FILE *to, const char *const *items)
{
	for (; *items != NULL; items++) {
		putc(' ', to);
		plan_put_quoted(to, *items);
	}
}

static void put_list(FILE *to, const char *key, const char *const *items)
{
	fprintf(to, "  %s", key);
	put_strings(to, items);
	putc('\n', to);
}

static void put_flag(FILE *to, const char *key, bool set)
{
	if (set)
		fprintf(to, "  %s\n", key);
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static void put_namespaces(FILE *to, const struct plan *p)
{
	fprintf(to, "namespaces\n");
	for (int k = 0; k < PLAN_NS_KINDS; k++) {
		const char *name = plan_ns_name((enum plan_ns_kind)k);

		if ((p->ns.create & plan_ns_flag((enum plan_ns_kind)k)) != 0)
			fprintf(to, "  new %s\n", name);
		if (p->ns.join[k] != NULL)
			fprintf(to, "  join %s %s\n", name, p->ns.join[k]);
	}
	put_line(to, "hostname", p->ns.hostname);
	put_line(to, "domainname", p->ns.domainname);
	put_line(to, "time-offsets", p->ns.time_offsets);
	put_line(to, "uid-map", p->ids.uid_lines);
	put_line(to, "gid-map", p->ids.gid_lines);
	put_flag(to, "uid-map-by newuidmap", p->ids.newuidmap != NULL);
	put_flag(to, "gid-map-by newgidmap", p->ids.newgidmap != NULL);
	put_flag(to, "deny-setgroups", p->ids.deny_setgroups);
}

/* ---- cgroup ---------------------------------------------------------------------------------- */

static void put_device_rule(FILE *to, const struct lx_device_rule *r)
{
	fprintf(to, "  device %s %c ", r->allow ? "allow" : "deny", r->type);
	if (r->major < 0)
		fprintf(to, "*:");
	else
		fprintf(to, "%" PRId64 ":", r->major);
	if (r->minor < 0)
		fprintf(to, "* ");
	else
		fprintf(to, "%" PRId64 " ", r->minor);
	fprintf(to, "%s%s%s\n", r->access & LX_DEVICE_READ ? "r" : "",
		r->access & LX_DEVICE_WRITE ? "w" : "", r->access & LX_DEVICE_MKNOD ? "m" : "");
}

static void put_write(FILE *to, const struct plan_cgroup *cg, const struct lx_cgroup_write *w)
{
	static const struct plan_word words[] = {
		{ LX_CGROUP_ELSE, "else" },
		{ LX_CGROUP_IF_EXISTS, "if-exists" },
		{ LX_CGROUP_TIED, "tied" },
		{ LX_CGROUP_IF_CHANGED, "if-changed" },
		{ LX_CGROUP_KEEP_FIRST, "keep-first" },
		{ LX_CGROUP_CHECK_USAGE, "check-usage" },
		{ LX_CGROUP_LESS_MEMORY, "less-memory" },
	};

	fprintf(to, "  write %s/%s ", cg->spec.dirs[w->dir].path, w->file);
	plan_put_quoted(to, w->value);
	plan_put_words(to, w->flags, words, sizeof(words) / sizeof(words[0]));
	putc('\n', to);
}

static void put_property(FILE *to, const struct lx_unit_property *p)
{
	fprintf(to, "  property %s %s", p->name, p->type);
	if (strcmp(p->type, "d") == 0)
		fprintf(to, " %g", p->real);
	for (size_t i = 0; i < p->count && p->type[0] != 'd'; i++) {
		bool text = strpbrk(p->type, "s") != NULL;

		putc(' ', to);
		if (text)
			plan_put_quoted(to, p->values[i].text);
		if (!text || p->type[1] == '(')
			fprintf(to, "%s%" PRIu64, text ? "=" : "", p->values[i].number);
	}
	putc('\n', to);
}

static void put_cgroup(FILE *to, const struct plan_cgroup *cg)
{
	static const char *const managers[] = { [PLAN_CGROUPFS] = "cgroupfs",
						[PLAN_CGROUP_SYSTEMD] = "systemd",
						[PLAN_CGROUP_DISABLED] = "disabled" };

	fprintf(to, "cgroup %s\n", cg->enabled ? managers[cg->manager] : "none");
	if (!cg->enabled)
		return;
	put_line(to, "path", cg->path);
	put_line(to, "slice", cg->unit.slice);
	put_line(to, "unit", cg->unit.name);
	if (cg->unit.user)
		put_line(to, "systemd", "of the user");
	for (size_t i = 0; i < cg->unit.property_count; i++)
		put_property(to, &cg->unit.properties[i]);
	put_line(to, "child", cg->child);
	for (size_t i = 0; i < cg->spec.dir_count; i++)
		fprintf(to, "  directory %s%s\n", cg->spec.dirs[i].path,
			(int)i == cg->spec.into ? " (born here)" : "");
	if (cg->spec.enable != NULL && *cg->spec.enable != '\0')
		put_line(to, "enable", cg->spec.enable);
	if (cg->spec.require != NULL && *cg->spec.require != '\0')
		put_line(to, "require", cg->spec.require);
	put_flag(to, "forgive", cg->spec.forgive);
	if (cg->spec.delegate)
		fprintf(to, "  delegate %u:%u\n", (unsigned)cg->spec.owner,
			(unsigned)cg->spec.group);
	for (size_t i = 0; i < cg->write_count; i++)
		put_write(to, cg, &cg->writes[i]);
	for (size_t i = 0; i < cg->device_count; i++)
		put_device_rule(to, &cg->devices[i]);
	put_flag(to, "devices-forgiven", cg->devices_forgiven);
}

/* ---- hooks, seccomp -------------------------------------------------------------------------- */

static void put_rdt(FILE *to, const struct plan_rdt *rdt)
{
	if (rdt->group == NULL)
		return;
	fprintf(to, "rdt %s%s\n", rdt->group, rdt->must_exist ? " (must exist)" : "");
	put_line(to, "monitor", rdt->monitor);
	for (size_t i = 0; i < rdt->line_count; i++)
		put_line(to, "schemata", rdt->lines[i]);
}

static void put_net_devices(FILE *to, const struct plan *p)
{
	for (size_t i = 0; i < p->net_device_count; i++)
		fprintf(to, "net-device %s as %s\n", p->net_devices[i].name,
			p->net_devices[i].new_name);
}

static void put_hooks(FILE *to, const struct plan *p)
{
	for (int phase = 0; phase < PLAN_HOOK_PHASES; phase++)
		for (size_t i = 0; i < p->hooks[phase].count; i++) {
			const struct plan_hook *h = &p->hooks[phase].items[i];

			fprintf(to, "hook %s %s", plan_hook_phase_name((enum plan_hook_phase)phase),
				h->path);
			put_strings(to, h->argv);
			if (h->envp != NULL) {
				fputs(" env[", to);
				put_strings(to, h->envp);
				fputs(" ]", to);
			}
			if (h->timeout_seconds > 0)
				fprintf(to, " timeout=%ds", h->timeout_seconds);
			putc('\n', to);
		}
}

static void put_hook_output(FILE *to, const struct plan *p)
{
	if (p->hook_stdout == NULL && p->hook_stderr == NULL)
		return;
	fprintf(to, "hook-output\n");
	put_line(to, "stdout", p->hook_stdout);
	put_line(to, "stderr", p->hook_stderr);
}

static void put_seccomp(FILE *to, const struct plan_seccomp *s)
{
	if (!s->enabled) {
		fprintf(to, "seccomp none\n");
		return;
	}
	fprintf(to, "seccomp default=0x%08x flags=0x%x rules=%zu known=%zu", s->default_action,
		s->flags, s->rule_count, s->known_count);
	for (size_t i = 0; i < s->arch_count; i++)
		fprintf(to, " %s", s->archs[i]);
	fprintf(to, "%s%s\n", s->notify ? " notify" : "", s->program != NULL ? " raw" : "");
}

/* ---- process --------------------------------------------------------------------------------- */

static void put_identity(FILE *to, const struct plan_process *p)
{
	fprintf(to, "  ids %u:%u", (unsigned)p->uid, (unsigned)p->gid);
	for (size_t i = 0; i < p->group_count; i++)
		fprintf(to, " %u", (unsigned)p->groups[i]);
	fprintf(to, "%s umask=%04o\n", p->keep_original_groups ? " keep-groups" : "",
		(unsigned)p->umask);
	fprintf(to,
		"  capabilities bounding=%" PRIx64 " effective=%" PRIx64 " inheritable=%" PRIx64
		" permitted=%" PRIx64 " ambient=%" PRIx64 "\n",
		p->caps.bounding, p->caps.effective, p->caps.inheritable, p->caps.permitted,
		p->caps.ambient);
	put_flag(to, "no-new-privileges", p->no_new_privileges);
	put_line(to, "apparmor", p->apparmor_profile);
	put_line(to, "selinux", p->selinux_label);
}

static void put_limits(FILE *to, const struct plan_process *p)
{
	for (size_t i = 0; i < p->rlimit_count; i++)
		fprintf(to, "  rlimit %s %" PRIu64 " %" PRIu64 "\n", p->rlimits[i].name,
			p->rlimits[i].soft, p->rlimits[i].hard);
	if (p->set_oom_score_adj)
		fprintf(to, "  oom-score-adj %d\n", p->oom_score_adj);
	if (p->scheduler.set)
		fprintf(to, "  scheduler policy=%u nice=%d priority=%u\n", p->scheduler.policy,
			p->scheduler.nice, p->scheduler.priority);
	if (p->io_priority >= 0)
		fprintf(to, "  io-priority 0x%x\n", (unsigned)p->io_priority);
	if (p->set_memory_policy) {
		fprintf(to, "  memory-policy 0x%x", (unsigned)p->memory_policy);
		for (size_t i = 0; i < p->memory_nodes.bytes * 8; i++)
			if (p->memory_nodes.bits[i / 8] & 1u << i % 8)
				fprintf(to, " %zu", i);
		putc('\n', to);
	}
	if (p->set_personality)
		fprintf(to, "  personality 0x%lx\n", p->personality);
}

static void put_process(FILE *to, const struct plan *plan)
{
	const struct plan_process *p = &plan->process;

	if (!plan->has_process) {
		fprintf(to, "process none\n");
		return;
	}
	fprintf(to, "process\n");
	put_list(to, "args", p->args);
	put_list(to, "env", p->env);
	put_flag(to, "find-home", p->find_home);
	put_line(to, "cwd", p->cwd);
	put_identity(to, p);
	put_limits(to, p);
	if (p->terminal)
		fprintf(to, "  terminal %ux%u\n", p->console_rows, p->console_columns);
	if (p->keep_fds > 0)
		fprintf(to, "  keep-fds %u (listen %u)\n", p->keep_fds, p->listen_fds);
	fprintf(to, "  last-step %s\n",
		plan->exe_defence != PLAN_EXE_STUB ? "sealed-runtime"
		: plan->vm != NULL		   ? "machine"
						   : "stub");
	fprintf(to, "  session-keyring %s\n", plan->new_session_keyring ? "new" : "kept");
}

static void put_disks(FILE *to, const struct hdl_plan *vm)
{
	if (vm->image != NULL) {
		fprintf(to, "  root-disk format=%u", vm->image_format);
		put_line(to, "", vm->image);
	}
	for (size_t i = 0; i < vm->disk_count; i++) {
		fprintf(to, "  disk %s%s", vm->disks[i].id,
			vm->disks[i].read_only ? " read-only" : "");
		put_line(to, "", vm->disks[i].path);
	}
}

static void put_network(FILE *to, const struct hdl_plan *vm)
{
	if (vm->network == HDL_NETWORK_PASST)
		fprintf(to, "  network by passt%s", vm->passt_open ? ", ports open" : "");
	else if (vm->network == HDL_NETWORK_TAP)
		fprintf(to, "  network by tap %s", vm->tap != NULL ? vm->tap : "made for it");
	else
		return;
	fprintf(to, "%s\n", vm->dhcp ? "" : ", without DHCP");
}

static void put_machine(FILE *to, const struct hdl_plan *vm)
{
	if (vm == NULL)
		return;
	fprintf(to, "machine\n  vcpus %u\n  memory %u MiB\n", vm->vcpus, vm->ram_mib);
	if (vm->nested)
		fprintf(to, "  nested\n");
	if (vm->gpu)
		fprintf(to, "  gpu flags=0x%x\n", vm->gpu_flags);
	put_line(to, vm->kernel_on_host ? "kernel of the host" : "kernel", vm->kernel);
	put_line(to, "initramfs", vm->initrd);
	put_line(to, "command line", vm->cmdline);
	if (vm->image == NULL)
		fprintf(to, "  root by virtio-fs %s window=%" PRIu64 "\n", vm->tag, vm->window);
	put_disks(to, vm);
	put_network(to, vm);
}

void plan_print(const struct plan *p, FILE *to)
{
	fprintf(to, "container %s\n", p->id);
	put_line(to, "bundle", p->bundle);
	put_line(to, "spec", p->oci_version);
	put_line(to, "handler", p->handler);
	put_machine(to, p->vm);
	put_cgroup(to, &p->cgroup);
	put_namespaces(to, p);
	plan_print_furnish(&p->furnish, to);
	for (size_t i = 0; i < p->sysctl_count; i++)
		put_line(to, p->sysctls[i].path, p->sysctls[i].value);
	put_rdt(to, &p->rdt);
	put_net_devices(to, p);
	put_hooks(to, p);
	put_hook_output(to, p);
	put_seccomp(to, &p->seccomp);
	put_process(to, p);
	for (size_t i = 0; i < p->warning_count; i++)
		fprintf(to, "warning %s\n", p->warnings[i]);
}
