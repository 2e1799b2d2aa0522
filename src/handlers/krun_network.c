/* SPDX-License-Identifier: Apache-2.0 */
/* Which network a machine has: by passt, by a tap device, the library's own way, or none. Pure. */
#include "handlers/krun_plan.h"
#include "handlers/tap.h"
#include "plan/plan.h"

#include <string.h>

static bool has_network_namespace(const struct krun_making *m)
{
	return oci_namespace_get(&m->config->linux_, OCI_NS_NETWORK) != NULL;
}

static rl_err no_passt(void)
{
	return rl_hint(rl_refuse(RL_E(ENOENT), "network helper `passt` not found on the host "
					       "(looked in PATH and /usr/bin)"),
		       "install the package passt");
}

static rl_err needs_devices(const struct krun_making *m, const char *key)
{
	if (m->facts->net)
		return RL_OK;
	return rl_refuse(RL_E(ENOTSUP), "%s: %s is built without network devices", key,
			 m->facts->library);
}

/* ---- passt ----------------------------------------------------------------------------------- */

static rl_err choose_passt(struct krun_making *m, const char *key)
{
	RL_TRY(needs_devices(m, key));
	if (m->facts->passt == NULL)
		return no_passt();
	m->plan->network = HDL_NETWORK_PASST;
	m->plan->network_asked = true;
	m->plan->passt_open = has_network_namespace(m);
	return RL_OK;
}

/*
 * The original library carries the guest's connections over itself (TSI) unless passt is asked
 * for. Ours does not, so there passt is what a container with a network gets.
 */
static rl_err choose_by_itself(struct krun_making *m)
{
	if (!m->facts->ours || !m->facts->net) {
		m->plan->network = HDL_NETWORK_OF_LIBRARY;
		return RL_OK;
	}
	if (m->facts->passt == NULL)
		return plan_warn(
			m->arena, m->warnings,
			"network helper `passt` not found on the host: the virtual machine "
			"has no network");
	m->plan->network = HDL_NETWORK_PASST;
	m->plan->passt_open = has_network_namespace(m);
	return RL_OK;
}

static rl_err choose_by_use_passt(struct krun_making *m)
{
	const struct krun_number *wish = &m->settings.use_passt;

	/* An image must not open ports of the host. */
	if (wish->key != NULL && wish->key[0] == '.' && !has_network_namespace(m))
		return rl_refuse(RL_E(EPERM), "%s: the container uses the host's network",
				 wish->key);
	if (wish->key == NULL)
		return choose_by_itself(m);
	if (wish->value != 0)
		return choose_passt(m, wish->key);
	m->plan->network = m->facts->ours ? HDL_NETWORK_NONE : HDL_NETWORK_OF_LIBRARY;
	return RL_OK;
}

/* ---- tap ------------------------------------------------------------------------------------- */

/*
 * Locally administered, and another one for each container: tap devices meet on a bridge. The same
 * container has the same address whenever it is made.
 */
static void make_address(const char *id, uint8_t mac[static 6])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *id != '\0'; id++)
		hash = (hash ^ (uint8_t)*id) * UINT64_C(0x100000001b3);
	mac[0] = 0x5a;
	for (int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
}

static rl_err choose_tap(struct krun_making *m, const char *name)
{
	const char *key = name != NULL ? "krun.tap" : "krun.network";

	if (name != NULL && !tap_name_is_valid(name))
		return rl_refuse(RL_E(EINVAL), "krun.tap: \"%s\" is no name of an interface", name);
	RL_TRY(needs_devices(m, key));
	if (name == NULL && !m->facts->takes_tap)
		return rl_hint(rl_refuse(RL_E(ENOTSUP),
					 "krun.network: %s takes no tap device that "
					 "is made for it",
					 m->facts->library),
			       "name an existing one by krun.tap");
	if (name == NULL && !has_network_namespace(m))
		return rl_hint(rl_refuse(RL_E(EPERM), "krun.network: no tap device is made in the "
						      "host's network, which the container uses"),
			       "name an existing one by krun.tap");
	m->plan->network = HDL_NETWORK_TAP;
	m->plan->network_asked = true;
	m->plan->tap = name;
	make_address(m->request->id, m->plan->mac);
	return RL_OK;
}

/* ---- choosing -------------------------------------------------------------------------------- */

static rl_err contradicts(const char *key, const char *network)
{
	return rl_refuse(RL_E(EINVAL), "%s: contradicts krun.network, which is \"%s\"", key,
			 network);
}

static rl_err choose(struct krun_making *m)
{
	const struct krun_settings *s = &m->settings;
	const char *network = s->network != NULL ? s->network : s->tap != NULL ? "tap" : NULL;
	bool passt = network != NULL && strcmp(network, "passt") == 0;
	bool tap = network != NULL && strcmp(network, "tap") == 0;

	if (network == NULL)
		return choose_by_use_passt(m);
	if (!passt && !tap && strcmp(network, "none") != 0)
		return rl_refuse(RL_E(EINVAL), "krun.network: \"%s\" is none of passt, tap, none",
				 network);
	if (s->tap != NULL && !tap)
		return contradicts("krun.tap", network);
	/* What an image says about it does not count. */
	if (s->use_passt.key != NULL && s->use_passt.key[0] != '.' &&
	    (s->use_passt.value != 0) != passt)
		return contradicts(s->use_passt.key, network);
	if (tap)
		return choose_tap(m, s->tap);
	if (passt)
		return choose_passt(m, "krun.network");
	m->plan->network = HDL_NETWORK_NONE;
	m->plan->network_asked = true;
	return RL_OK;
}

rl_err krun_plan_network(struct krun_making *m)
{
	/* The same in every machine: by passt each has a network of its own. */
	static const uint8_t mac[6] = { 0x5a, 0x94, 0xef, 0xe4, 0x0c, 0xee };

	memcpy(m->plan->mac, mac, sizeof(mac));
	m->plan->dhcp = m->settings.dhcp.key == NULL || m->settings.dhcp.value != 0;
	return choose(m);
}
