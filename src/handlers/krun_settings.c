/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/krun_settings.h"

#include "base/json.h"
#include "plan/plan.h"

#include <string.h>

#define FILE_NAME ".krun_vm.json"
/* KRUN_KERNEL_FORMAT_* that exist for this architecture. */
#define KERNEL_FORMAT_LAST 5
#define WINDOW_LAST (INT64_C(1) << 40)

static rl_err out_of_range(const char *key, const char *value, int64_t low, int64_t high)
{
	return rl_refuse(RL_E(ERANGE), "%s: %s is out of range (%lld..%lld)", key, value,
			 (long long)low, (long long)high);
}

/* ---- annotations ----------------------------------------------------------------------------- */

/* A decimal integer and nothing else; too large for 64 bits counts as out of any range. */
static bool parse_integer(const char *text, int64_t *ret, bool *ret_fits)
{
	const char *at = text + (*text == '-');
	uint64_t value = 0;

	*ret_fits = true;
	if (*at == '\0')
		return false;
	for (; *at != '\0'; at++) {
		if (*at < '0' || *at > '9')
			return false;
		*ret_fits = *ret_fits && value <= (INT64_MAX - 9) / 10;
		value = *ret_fits ? value * 10 + (uint64_t)(*at - '0') : value;
	}
	*ret = *text == '-' ? -(int64_t)value : (int64_t)value;
	return true;
}

static rl_err from_annotation(const struct oci_config *config, const char *key, int64_t low,
			      int64_t high, struct krun_number *ret)
{
	const char *text = oci_map_get(&config->annotations, key);
	int64_t value;
	bool fits;

	if (text == NULL)
		return RL_OK;
	if (!parse_integer(text, &value, &fits))
		return rl_refuse(RL_E(EINVAL), "%s: \"%s\" is not a whole number", key, text);
	if (!fits || value < low || value > high)
		return out_of_range(key, text, low, high);
	*ret = (struct krun_number){ key, value };
	return RL_OK;
}

/* ---- .krun_vm.json --------------------------------------------------------------------------- */

struct image {
	struct rl_arena *arena;
	const struct rl_json *root;
	size_t known; /* members that were asked for */
};

static rl_err wrong_type(const struct rl_json *found, const char *key, const char *expected)
{
	return rl_refuse(RL_E(EINVAL), FILE_NAME ": %s: expected %s, found %s", key, expected,
			 rl_json_type_name(found->type));
}

static rl_err image_number(struct image *i, const char *key, int64_t low, int64_t high,
			   struct krun_number *ret)
{
	const struct rl_json *found = rl_json_get(i->root, key);
	int64_t value;

	if (found == NULL)
		return RL_OK;
	i->known++;
	if (found->type != RL_JSON_NUMBER || strpbrk(found->text, ".eE") != NULL)
		return wrong_type(found, key, "integer");
	RL_TRY(rl_arena_fmt(i->arena, &ret->key, FILE_NAME ": %s", key));
	if (!rl_json_i64(found, &value) || value < low || value > high)
		return out_of_range(ret->key, found->text, low, high);
	ret->value = value;
	return RL_OK;
}

static rl_err image_text(struct image *i, const char *key, const char **ret)
{
	const struct rl_json *found = rl_json_get(i->root, key);

	if (found == NULL)
		return RL_OK;
	i->known++;
	if (found->type != RL_JSON_STRING)
		return wrong_type(found, key, "string");
	*ret = found->text;
	return RL_OK;
}

/*
 * The ranges of cpus and ram_mib depend on where a value comes from only in the name of the key,
 * so both kinds are read with one table.
 */
struct range {
	const char *name;      /* krun.NAME, and the member of the file */
	bool not_for_an_image; /* which has no say in it */
	size_t offset;
	int64_t low, high;
};

#define RAM_LAST (INT64_C(4) << 20) /* MiB: 4 TiB */
#define RAM_FIRST 64
#define RANGES 6

static void fill_ranges(const struct hdl_facts *facts, struct range ranges[static RANGES])
{
	const struct range table[RANGES] = {
		{ "cpus", false, offsetof(struct krun_settings, cpus), 1, facts->vcpus_max },
		{ "ram_mib", false, offsetof(struct krun_settings, ram_mib), RAM_FIRST, RAM_LAST },
		{ "gpu_flags", false, offsetof(struct krun_settings, gpu_flags), 0, UINT32_MAX },
		{ "use_passt", false, offsetof(struct krun_settings, use_passt), 0, 1 },
		{ "nested_virt", false, offsetof(struct krun_settings, nested_virt), 0, 1 },
		{ "dhcp", true, offsetof(struct krun_settings, dhcp), 0, 1 },
	};

	memcpy(ranges, table, sizeof(table));
}

static struct krun_number *number_at(struct krun_settings *s, const struct range *r)
{
	return (struct krun_number *)((char *)s + r->offset);
}

/* Plain machines only: the others need another library, hardware, and images of their own. */
static rl_err check_variant(const char *key, const char *word)
{
	static const char *const known[] = { "sev", "tdx", "aws-nitro" };

	if (word == NULL)
		return RL_OK;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(word, known[i]) == 0)
			return rl_refuse(RL_E(ENOTSUP), "%s: \"%s\" machines are not built in", key,
					 word);
	return rl_refuse(RL_E(EINVAL), "%s: \"%s\" is none of sev, tdx, aws-nitro", key, word);
}

static rl_err read_image(struct image *i, const struct hdl_facts *facts,
			 struct plan_warnings *warnings, struct krun_settings *s)
{
	struct range ranges[RANGES];
	const char *flavor = NULL;

	if (i->root->type != RL_JSON_OBJECT)
		return rl_refuse(RL_E(EINVAL), FILE_NAME ": expected object, found %s",
				 rl_json_type_name(i->root->type));
	fill_ranges(facts, ranges);
	for (size_t n = 0; n < RANGES; n++)
		if (!ranges[n].not_for_an_image)
			RL_TRY(image_number(i, ranges[n].name, ranges[n].low, ranges[n].high,
					    number_at(s, &ranges[n])));
	RL_TRY(image_number(i, "kernel_format", 0, KERNEL_FORMAT_LAST, &s->kernel_format));
	RL_TRY(image_number(i, "virtiofs_shm_size", 0, WINDOW_LAST, &s->window));
	RL_TRY(image_text(i, "kernel_path", &s->kernel));
	RL_TRY(image_text(i, "initrd_path", &s->initrd));
	RL_TRY(image_text(i, "kernel_cmdline", &s->cmdline));
	RL_TRY(image_text(i, "virtiofs_tag", &s->tag));
	RL_TRY(image_text(i, "flavor", &flavor));
	RL_TRY(check_variant(FILE_NAME ": flavor", flavor));
	if (i->known < i->root->count)
		RL_TRY(plan_warn(i->arena, warnings, FILE_NAME ": %zu members are unknown",
				 i->root->count - i->known));
	if (s->kernel != NULL && s->kernel_format.key == NULL)
		return rl_refuse(RL_E(EINVAL), FILE_NAME ": kernel_path: needs kernel_format");
	return RL_OK;
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool is_known(const char *key, const struct range ranges[static RANGES])
{
	static const char *const words[] = { "krun.variant", "krun.network", "krun.tap" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(key, words[i]) == 0)
			return true;
	for (size_t i = 0; i < RANGES; i++)
		if (strcmp(key + strlen("krun."), ranges[i].name) == 0)
			return true;
	return false;
}

static rl_err read_annotations(struct rl_arena *a, const struct oci_config *config,
			       const struct hdl_facts *facts, struct plan_warnings *warnings,
			       struct krun_settings *s)
{
	const struct oci_map *map = &config->annotations;
	struct range ranges[RANGES];

	fill_ranges(facts, ranges);
	for (size_t i = 0; i < RANGES; i++) {
		const char *key;

		RL_TRY(rl_arena_fmt(a, &key, "krun.%s", ranges[i].name));
		RL_TRY(from_annotation(config, key, ranges[i].low, ranges[i].high,
				       number_at(s, &ranges[i])));
	}
	s->network = oci_map_get(map, "krun.network");
	s->tap = oci_map_get(map, "krun.tap");
	for (size_t i = 0; i < map->count; i++)
		if (strncmp(map->items[i].key, "krun.", 5) == 0 &&
		    !is_known(map->items[i].key, ranges))
			RL_TRY(plan_warn(a, warnings, "%s: no such setting", map->items[i].key));
	return check_variant("krun.variant", oci_map_get(map, "krun.variant"));
}

rl_err krun_settings_read(struct rl_arena *a, const struct oci_config *config,
			  const struct hdl_facts *facts, struct plan_warnings *warnings,
			  struct krun_settings *ret)
{
	struct krun_settings s = { 0 };
	struct image image = { .arena = a };

	if (facts->image_settings != NULL) {
		RL_TRY(rl_json_parse(a, FILE_NAME, facts->image_settings, facts->image_settings_len,
				     &image.root));
		RL_TRY(read_image(&image, facts, warnings, &s));
	}
	RL_TRY(read_annotations(a, config, facts, warnings, &s));
	*ret = s;
	return RL_OK;
}
