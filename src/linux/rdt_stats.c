/* SPDX-License-Identifier: Apache-2.0 */
/* What resctrl tells about a class: files that may be missing, each by itself. */
#include "base/io.h"
#include "linux/rdt.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL when it is not there. */
static const char *text_of(struct rl_arena *a, const char *dir, const char *file)
{
	char path[PATH_MAX], text[4096];
	const char *copy;

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path) ||
	    rl_drop_failed(rl_read_small(-1, path, text, sizeof(text))) ||
	    rl_drop_failed(rl_arena_strn(a, text, strcspn(text, "\n"), &copy)))
		return NULL;
	return copy;
}

static bool number_of(struct rl_arena *a, const char *dir, const char *file, uint64_t *ret)
{
	const char *text = text_of(a, dir, file);

	*ret = text != NULL ? strtoull(text, NULL, 10) : 0;
	return text != NULL && *text >= '0' && *text <= '9';
}

/* The line of a resource, "L3:0=f", without the blanks before it. */
static rl_err line_of(struct rl_arena *a, const char *group, const char *name, const char **ret)
{
	const char *text;

	if (rl_drop_failed(lx_rdt_read(a, group, &text)))
		return RL_OK;
	while (*text != '\0') {
		const char *line = text + strspn(text, " \t");
		size_t len = strcspn(line, "\n");

		if (strncmp(line, name, strlen(name)) == 0)
			return rl_arena_strn(a, line, len, ret);
		text = line + len + (line[len] == '\n');
	}
	return RL_OK;
}

static rl_err read_domains(struct rl_arena *a, const char *dir, struct lx_rdt_stats *s)
{
	struct lx_rdt_domain *domains;
	char path[PATH_MAX];
	struct dirent **names;
	int count;

	if (snprintf(path, sizeof(path), "%s/mon_data", dir) >= (int)sizeof(path))
		return RL_OK;
	count = scandir(path, &names, NULL, alphasort);
	if (count < 0)
		return RL_OK;
	if (rl_drop_failed(rl_new_array(a, (size_t)count + 1, &domains)))
		domains = NULL;
	for (int i = 0; i < count; i++) {
		if (domains != NULL && strncmp(names[i]->d_name, "mon_L3_", 7) == 0) {
			struct lx_rdt_domain *d = &domains[s->domain_count++];
			char one[PATH_MAX + NAME_MAX + 2];

			snprintf(one, sizeof(one), "%s/%s", path, names[i]->d_name);
			s->has_occupancy |= number_of(a, one, "llc_occupancy", &d->occupancy);
			s->has_bytes |= number_of(a, one, "mbm_total_bytes", &d->total_bytes);
			s->has_bytes |= number_of(a, one, "mbm_local_bytes", &d->local_bytes);
		}
		free(names[i]);
	}
	free(names);
	s->domains = domains;
	return domains != NULL ? RL_OK : rl_nomem();
}

rl_err lx_rdt_stats(struct rl_arena *a, const char *root, const char *group, const char *monitor,
		    struct lx_rdt_stats *ret)
{
	struct lx_rdt_stats s = { 0 };

	s.cbm_mask = text_of(a, root, "info/L3/cbm_mask");
	(void)number_of(a, root, "info/L3/min_cbm_bits", &s.min_cbm_bits);
	(void)number_of(a, root, "info/L3/num_closids", &s.l3_closids);
	s.has_bandwidth = number_of(a, root, "info/MB/bandwidth_gran", &s.bandwidth_gran);
	(void)number_of(a, root, "info/MB/delay_linear", &s.delay_linear);
	(void)number_of(a, root, "info/MB/min_bandwidth", &s.min_bandwidth);
	(void)number_of(a, root, "info/MB/num_closids", &s.mb_closids);
	RL_TRY(line_of(a, root, "L3:", &s.l3_root));
	RL_TRY(line_of(a, group, "L3:", &s.l3));
	RL_TRY(line_of(a, root, "MB:", &s.mb_root));
	RL_TRY(line_of(a, group, "MB:", &s.mb));
	RL_TRY(read_domains(a, monitor != NULL ? monitor : group, &s));
	*ret = s;
	return RL_OK;
}
