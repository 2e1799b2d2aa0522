/* SPDX-License-Identifier: Apache-2.0 */
#include "container/stats.h"

#include <stdlib.h>
#include <string.h>

/* ---- helpers --------------------------------------------------------------------------------- */

static void open_object(struct rl_json_writer *w, const char *key)
{
	rl_json_key(w, key);
	rl_json_object(w);
}

static void put_some(struct rl_json_writer *w, const char *key, uint64_t value)
{
	if (value != 0)
		rl_json_put_u(w, key, value);
}

static void put_list(struct rl_json_writer *w, const char *key, const uint64_t *values,
		     size_t count)
{
	if (values == NULL || count == 0)
		return;
	rl_json_key(w, key);
	rl_json_array(w);
	for (size_t i = 0; i < count; i++)
		rl_json_unsigned(w, values[i]);
	rl_json_array_end(w);
}

static void put_pressure(struct rl_json_writer *w, const char *key, const struct lx_pressure *p)
{
	open_object(w, key);
	rl_json_key(w, "avg10");
	rl_json_real(w, p->avg10, 2);
	rl_json_key(w, "avg60");
	rl_json_real(w, p->avg60, 2);
	rl_json_key(w, "avg300");
	rl_json_real(w, p->avg300, 2);
	rl_json_put_u(w, "total", p->total);
	rl_json_object_end(w);
}

static void put_psi(struct rl_json_writer *w, const struct lx_psi *psi)
{
	if (!psi->some.set && !psi->full.set)
		return;
	open_object(w, "psi");
	put_pressure(w, "some", &psi->some);
	put_pressure(w, "full", &psi->full);
	rl_json_object_end(w);
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void put_cpu(struct rl_json_writer *w, const struct lx_cpu_stats *c)
{
	open_object(w, "cpu");
	open_object(w, "usage");
	put_some(w, "total", c->total);
	put_list(w, "percpu", c->percpu, c->cpus);
	put_list(w, "percpu_kernel", c->percpu_kernel, c->cpus);
	put_list(w, "percpu_user", c->percpu_user, c->cpus);
	rl_json_put_u(w, "kernel", c->kernel);
	rl_json_put_u(w, "user", c->user);
	rl_json_object_end(w);
	open_object(w, "throttling");
	put_some(w, "periods", c->periods);
	put_some(w, "throttledPeriods", c->throttled_periods);
	put_some(w, "throttledTime", c->throttled_time);
	rl_json_object_end(w);
	put_psi(w, &c->psi);
	rl_json_object_end(w);
}

/* "0-3,7" as an array of numbers. */
static void put_set(struct rl_json_writer *w, const char *key, const char *list)
{
	if (list == NULL || list[0] == '\0')
		return;
	rl_json_key(w, key);
	rl_json_array(w);
	for (const char *at = list; *at != '\0';) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end == at)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < 65536; first++)
			rl_json_unsigned(w, first);
		at = *end == ',' ? end + 1 : "";
	}
	rl_json_array_end(w);
}

static void put_cpuset(struct rl_json_writer *w, const struct lx_cpuset_stats *c)
{
	open_object(w, "cpuset");
	put_set(w, "cpus", c->cpus);
	rl_json_put_u(w, "cpu_exclusive", c->cpu_exclusive);
	put_set(w, "mems", c->mems);
	rl_json_put_u(w, "mem_hardwall", c->mem_hardwall);
	rl_json_put_u(w, "mem_exclusive", c->mem_exclusive);
	rl_json_put_u(w, "memory_migrate", c->memory_migrate);
	rl_json_put_u(w, "memory_spread_page", c->memory_spread_page);
	rl_json_put_u(w, "memory_spread_slab", c->memory_spread_slab);
	rl_json_put_u(w, "memory_pressure", c->memory_pressure);
	rl_json_put_u(w, "sched_load_balance", c->sched_load_balance);
	rl_json_put_i(w, "sched_relax_domain_level", c->sched_relax_domain_level);
	rl_json_object_end(w);
}

static void put_usage(struct rl_json_writer *w, const char *key, const struct lx_memory_usage *u)
{
	open_object(w, key);
	rl_json_put_u(w, "limit", u->limit);
	put_some(w, "usage", u->usage);
	put_some(w, "max", u->max);
	rl_json_put_u(w, "failcnt", u->failcnt);
	rl_json_object_end(w);
}

static void put_memory(struct rl_json_writer *w, const struct lx_memory_stats *m)
{
	open_object(w, "memory");
	put_some(w, "cache", m->cache);
	put_usage(w, "usage", &m->memory);
	put_usage(w, "swap", &m->swap);
	put_usage(w, "kernel", &m->kernel);
	put_usage(w, "kernelTCP", &m->kernel_tcp);
	if (m->raw_count > 0) {
		open_object(w, "raw");
		for (size_t i = 0; i < m->raw_count; i++)
			rl_json_put_u(w, m->raw[i].name, m->raw[i].value);
		rl_json_object_end(w);
	}
	put_psi(w, &m->psi);
	rl_json_object_end(w);
}

static void put_pids(struct rl_json_writer *w, const struct lx_pids_stats *p)
{
	open_object(w, "pids");
	put_some(w, "current", p->current);
	put_some(w, "limit", p->limit);
	rl_json_object_end(w);
}

static void put_io_list(struct rl_json_writer *w, const char *key, const struct lx_io_list *list)
{
	if (list->count == 0)
		return;
	rl_json_key(w, key);
	rl_json_array(w);
	for (size_t i = 0; i < list->count; i++) {
		const struct lx_io_entry *e = &list->items[i];

		rl_json_object(w);
		put_some(w, "major", e->major);
		put_some(w, "minor", e->minor);
		rl_json_put(w, "op", e->op);
		put_some(w, "value", e->value);
		rl_json_object_end(w);
	}
	rl_json_array_end(w);
}

static void put_io(struct rl_json_writer *w, const struct lx_io_stats *io)
{
	open_object(w, "blkio");
	put_io_list(w, "ioServiceBytesRecursive", &io->bytes);
	put_io_list(w, "ioServicedRecursive", &io->operations);
	put_psi(w, &io->psi);
	rl_json_object_end(w);
}

static void put_hugetlb(struct rl_json_writer *w, const struct lx_cgroup_stats *s)
{
	open_object(w, "hugetlb");
	for (size_t i = 0; i < s->hugetlb_count; i++) {
		const struct lx_hugetlb_stats *h = &s->hugetlb[i];

		open_object(w, h->size);
		put_some(w, "usage", h->usage);
		put_some(w, "max", h->max);
		rl_json_put_u(w, "failcnt", h->failcnt);
		rl_json_object_end(w);
	}
	rl_json_object_end(w);
}

static void put_texts(struct rl_json_writer *w, const struct lx_rdt_stats *s)
{
	const struct {
		const char *key, *value;
	} texts[] = { { "l3_cache_schema_root", s->l3_root },
		      { "l3_cache_schema", s->l3 },
		      { "mem_bw_schema_root", s->mb_root },
		      { "mem_bw_schema", s->mb } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].value != NULL)
			rl_json_put(w, texts[i].key, texts[i].value);
}

static void put_domains(struct rl_json_writer *w, const struct lx_rdt_stats *s, bool bytes)
{
	rl_json_key(w, bytes ? "mbm_stats" : "cmt_stats");
	rl_json_array(w);
	for (size_t i = 0; i < s->domain_count; i++) {
		rl_json_object(w);
		if (bytes) {
			put_some(w, "mbm_total_bytes", s->domains[i].total_bytes);
			put_some(w, "mbm_local_bytes", s->domains[i].local_bytes);
		} else {
			put_some(w, "llc_occupancy", s->domains[i].occupancy);
		}
		rl_json_object_end(w);
	}
	rl_json_array_end(w);
}

static void put_rdt(struct rl_json_writer *w, const struct lx_rdt_stats *s)
{
	open_object(w, "intel_rdt");
	if (s->cbm_mask != NULL) {
		open_object(w, "l3_cache_info");
		rl_json_put(w, "cbm_mask", s->cbm_mask);
		put_some(w, "min_cbm_bits", s->min_cbm_bits);
		put_some(w, "num_closids", s->l3_closids);
		rl_json_object_end(w);
	}
	if (s->has_bandwidth) {
		open_object(w, "mem_bw_info");
		put_some(w, "bandwidth_gran", s->bandwidth_gran);
		put_some(w, "delay_linear", s->delay_linear);
		put_some(w, "min_bandwidth", s->min_bandwidth);
		put_some(w, "num_closids", s->mb_closids);
		rl_json_object_end(w);
	}
	put_texts(w, s);
	if (s->has_bytes)
		put_domains(w, s, true);
	if (s->has_occupancy)
		put_domains(w, s, false);
	rl_json_object_end(w);
}

/* The names are those of runc, which has them without a tag. */
static void put_interfaces(struct rl_json_writer *w, const struct ct_stats *s)
{
	rl_json_key(w, "network_interfaces");
	if (s->interface_count == 0) {
		rl_json_null(w);
		return;
	}
	rl_json_array(w);
	for (size_t i = 0; i < s->interface_count; i++) {
		const struct lx_net_stats *n = &s->interfaces[i];

		rl_json_object(w);
		rl_json_put(w, "Name", n->name);
		rl_json_put_u(w, "RxBytes", n->rx_bytes);
		rl_json_put_u(w, "RxPackets", n->rx_packets);
		rl_json_put_u(w, "RxErrors", n->rx_errors);
		rl_json_put_u(w, "RxDropped", n->rx_dropped);
		rl_json_put_u(w, "TxBytes", n->tx_bytes);
		rl_json_put_u(w, "TxPackets", n->tx_packets);
		rl_json_put_u(w, "TxErrors", n->tx_errors);
		rl_json_put_u(w, "TxDropped", n->tx_dropped);
		rl_json_object_end(w);
	}
	rl_json_array_end(w);
}

void ct_stats_put(struct rl_json_writer *w, const struct ct_stats *stats)
{
	const struct lx_cgroup_stats *s = &stats->cgroup;

	rl_json_object(w);
	put_cpu(w, &s->cpu);
	put_cpuset(w, &s->cpuset);
	put_memory(w, &s->memory);
	put_pids(w, &s->pids);
	put_io(w, &s->io);
	put_hugetlb(w, s);
	put_rdt(w, &stats->rdt);
	put_interfaces(w, stats);
	rl_json_object_end(w);
}
