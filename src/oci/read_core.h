/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine under the readers: an object of the specification is a table, a row a property. The
 * row's kind follows from the C type of the member it fills, so a row cannot disagree with its
 * struct; rows stand in the order in which Go's encoder writes properties, which makes the
 * look-up one comparison a member.
 *
 * The engine reports wrong types, ranges, words and missing properties, all of them, and reads on.
 * It warns of an unknown property that looks like a misspelt one; others it ignores, as the
 * specification demands.
 */
#pragma once

#include "oci/names.h"
#include "oci/problems.h"

enum oci_kind {
	OCI_KIND_STRING,  /* const char *; "" is absent */
	OCI_KIND_FLAG,	  /* bool; absent is false */
	OCI_KIND_BOOL,	  /* struct oci_bool */
	OCI_KIND_U32,	  /* uint32_t; absent is 0 */
	OCI_KIND_I64,	  /* int64_t */
	OCI_KIND_U64,	  /* uint64_t */
	OCI_KIND_OPT_I32, /* struct oci_i32 ... */
	OCI_KIND_OPT_U32,
	OCI_KIND_OPT_I64,
	OCI_KIND_OPT_U64,
	OCI_KIND_STRINGS,  /* struct oci_strings */
	OCI_KIND_IDS,	   /* struct oci_ids */
	OCI_KIND_MAP,	   /* struct oci_map */
	OCI_KIND_EMBEDDED, /* struct, part of the outer one */
	OCI_KIND_OBJECT,   /* pointer to a struct */
	OCI_KIND_ARRAY,	   /* pointer to structs and their count behind it */
	OCI_KIND_KEYED,	   /* the same, from an object: each key goes to the struct's key */
	OCI_KIND_WORD,	   /* enum */
	OCI_KIND_WORDS,	   /* pointer to enums and their count behind it */
	OCI_KIND_FLAGS,	   /* struct oci_flags */
};

#define OCI_REQUIRED true
#define OCI_OPTIONAL false

struct oci_member {
	const char *name; /* as in the document */
	uint8_t kind;	  /* enum oci_kind */
	bool required;
	uint16_t offset;
	const void *of; /* struct oci_object or struct oci_words */
};

struct oci_object {
	const char *what; /* "a mount" */
	const struct oci_member *members;
	uint16_t count;
	uint16_t size;
	uint16_t key; /* offset of the key's string in KEYED */
};

/*
 * Reads `json` into `ret`, a zeroed struct of the table's size. `path` is where the document's
 * root stands, "$". Fails only for want of memory; everything else is a problem.
 */
RL_MUST rl_err oci_read_object(struct oci_problems *p, const struct rl_json *json,
			       const struct oci_object *object, void *ret);
/* The same for an array of objects, as `mounts add` takes it. */
RL_MUST rl_err oci_read_array(struct oci_problems *p, const struct rl_json *json,
			      const struct oci_object *object, void *ret_items, size_t *ret_count);

/* ---- the rows ------------------------------------------------------------------------------- */

#define OCI_AT(type, member) (((struct type *)0)->member)

/* Enums have no row here: their C type says nothing about their words. */
#define OCI_KIND_OF(lvalue) \
	_Generic((lvalue),                             \
		const char *: OCI_KIND_STRING,         \
		bool: OCI_KIND_FLAG,                   \
		uint32_t: OCI_KIND_U32,                \
		int64_t: OCI_KIND_I64,                 \
		uint64_t: OCI_KIND_U64,                \
		struct oci_bool: OCI_KIND_BOOL,        \
		struct oci_i32: OCI_KIND_OPT_I32,      \
		struct oci_u32: OCI_KIND_OPT_U32,      \
		struct oci_i64: OCI_KIND_OPT_I64,      \
		struct oci_u64: OCI_KIND_OPT_U64,      \
		struct oci_strings: OCI_KIND_STRINGS,  \
		struct oci_ids: OCI_KIND_IDS,          \
		struct oci_map: OCI_KIND_MAP)

/* 0 if the type is the expected one, else a compile error. */
#define OCI_SAME(lvalue, expected) \
	(0 * sizeof(char[__builtin_types_compatible_p(__typeof__(lvalue), expected) ? 1 : -1]))
/* 0 if the count stands right behind its pointer. */
#define OCI_PAIR(type, items, count)                                                               \
	(0 *                                                                                       \
	 sizeof(char[offsetof(struct type, count) == offsetof(struct type, items) + sizeof(void *) \
			     ? 1                                                                   \
			     : -1]))

#define OCI_ROW(type, name_, member, required_)                                                  \
	{                                                                                        \
		.name = name_, .kind = OCI_KIND_OF(OCI_AT(type, member)), .required = required_, \
		.offset = offsetof(struct type, member)                                          \
	}

/* `element` names both the struct and its table: oci_mount -> oci_mount_object. */
#define OCI_ROW_OBJECT(type, name_, member, element, required_)                   \
	{                                                                         \
		.name = name_, .kind = OCI_KIND_OBJECT, .required = required_,    \
		.offset = offsetof(struct type, member) +                         \
			  OCI_SAME(OCI_AT(type, member), const struct element *), \
		.of = &element##_object                                           \
	}

#define OCI_ROW_EMBEDDED(type, name_, member, element, required_)                \
	{                                                                        \
		.name = name_, .kind = OCI_KIND_EMBEDDED, .required = required_, \
		.offset = offsetof(struct type, member) +                        \
			  OCI_SAME(OCI_AT(type, member), struct element),        \
		.of = &element##_object                                          \
	}

#define OCI_ROW_ITEMS(kind_, type, name_, member, count, element)                         \
	{                                                                                 \
		.name = name_, .kind = kind_,                                             \
		.offset = offsetof(struct type, member) + OCI_PAIR(type, member, count) + \
			  OCI_SAME(OCI_AT(type, member), const struct element *),         \
		.of = &element##_object                                                   \
	}

#define OCI_ROW_ARRAY(type, name_, member, count, element) \
	OCI_ROW_ITEMS(OCI_KIND_ARRAY, type, name_, member, count, element)
#define OCI_ROW_KEYED(type, name_, member, count, element) \
	OCI_ROW_ITEMS(OCI_KIND_KEYED, type, name_, member, count, element)

/* An enum: `enum_` is its type, `list` its words. */
#define OCI_ROW_WORD(type, name_, member, enum_, list, required_)            \
	{                                                                    \
		.name = name_, .kind = OCI_KIND_WORD, .required = required_, \
		.offset = offsetof(struct type, member) +                    \
			  OCI_SAME(OCI_AT(type, member), enum enum_),        \
		.of = &list                                                  \
	}

#define OCI_ROW_WORDS(type, name_, member, count, enum_, list)                            \
	{                                                                                 \
		.name = name_, .kind = OCI_KIND_WORDS,                                    \
		.offset = offsetof(struct type, member) + OCI_PAIR(type, member, count) + \
			  OCI_SAME(OCI_AT(type, member), const enum enum_ *),             \
		.of = &list                                                               \
	}

#define OCI_ROW_FLAGS(type, name_, member, list)                            \
	{                                                                   \
		.name = name_, .kind = OCI_KIND_FLAGS,                      \
		.offset = offsetof(struct type, member) +                   \
			  OCI_SAME(OCI_AT(type, member), struct oci_flags), \
		.of = &list                                                 \
	}

/* The table of struct `type`: line must be its first member, the engine writes it. */
#define OCI_OBJECT_KEYED(type, what_, key_, ...)                                                \
	static const struct oci_member type##_members[] = { __VA_ARGS__ };                      \
	_Static_assert(offsetof(struct type, line) == 0, "line comes first");                   \
	_Static_assert(sizeof(type##_members) / sizeof(*type##_members) <= 64, "bits of seen"); \
	const struct oci_object type##_object = {                                               \
		.what = what_,                                                                  \
		.members = type##_members,                                                      \
		.count = sizeof(type##_members) / sizeof(*type##_members),                      \
		.size = sizeof(struct type),                                                    \
		.key = key_,                                                                    \
	}
#define OCI_OBJECT(type, what_, ...) OCI_OBJECT_KEYED(type, what_, 0, __VA_ARGS__)

/* ---- tables that other files refer to -------------------------------------------------------- */

extern const struct oci_object oci_process_object;    /* read_process.c */
extern const struct oci_object oci_hook_object;	      /* read_process.c */
extern const struct oci_object oci_hooks_object;      /* read_process.c */
extern const struct oci_object oci_id_mapping_object; /* read_linux.c */
extern const struct oci_object oci_linux_object;      /* read_linux.c */
extern const struct oci_object oci_resources_object;  /* read_resources.c */
extern const struct oci_object oci_seccomp_object;    /* read_seccomp.c */
extern const struct oci_object oci_vm_object;	      /* read_vm.c */
extern const struct oci_object oci_mount_object;      /* read.c */
