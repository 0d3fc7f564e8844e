/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dicts. 2.7: a hash table whose slots are the entries (Include/dictobject.h). 3.6 on: a keys
 * object with a table of indices, then entries in the order of insertion, deleted ones without a
 * value (Objects/dictobject.c); all entries are gone through and the indices are not looked at, so
 * a bad index table does no harm.
 *
 * A split dict shares its keys object with others and has its values elsewhere, slot by slot.
 * Bytes beside the values list the slots in the order of insertion (3.11 on); before that, slots
 * are in order.
 */
#include "repr.h"

#include "pycore/limits.h"

enum { KIND_GENERAL = 0, KIND_SPLIT = 2, LOG2_MAX = 40 };

static void use_entries(struct dict *d, enum field key, enum field value, enum field size)
{
	const struct layout *l = &d->h->rt->layout;
	d->entry_size = l->field[size].offset;
	d->key_at = l->field[key].offset;
	d->value_at = l->field[value].offset;
}

static struct err open_table(struct dict *d, uint64_t addr)
{
	uint64_t mask;
	TRY(py_field(d->h->rt, addr, FIELD_dict_mask, &mask));
	TRY(py_field(d->h->rt, addr, FIELD_dict_table, &d->entries));
	d->n_entries = mask + 1;
	use_entries(d, FIELD_entry_key, FIELD_entry_value, FIELD_entry_sizeof);
	return NO_ERR;
}

static unsigned index_width(uint64_t slots)
{
	return slots <= UINT8_MAX ? 1 : slots <= UINT16_MAX ? 2 : slots <= UINT32_MAX ? 4 : 8;
}

static struct err open_sized_keys(struct dict *d, uint64_t keys)
{
	uint64_t size;
	TRY(py_field(d->h->rt, keys, FIELD_keys_size, &size));
	if (size >> LOG2_MAX || d->n_entries > size)
		return err_at(ERR_CORRUPT, keys, "keys of a dict");
	d->entries =
		keys + d->h->rt->layout.field[FIELD_keys_indices].offset + size * index_width(size);
	use_entries(d, FIELD_entry_key, FIELD_entry_value, FIELD_entry_sizeof);
	return NO_ERR;
}

static struct err open_kinds_keys(struct dict *d, uint64_t keys)
{
	const struct py_runtime *rt = d->h->rt;
	uint64_t log2_bytes, log2_size, kind;
	TRY(py_field(rt, keys, FIELD_keys_log2_index_bytes, &log2_bytes));
	TRY(py_field(rt, keys, FIELD_keys_log2_size, &log2_size));
	TRY(py_field(rt, keys, FIELD_keys_kind, &kind));
	if (kind > KIND_SPLIT || log2_bytes > LOG2_MAX || log2_size > LOG2_MAX ||
		d->n_entries > UINT64_C(1) << log2_size)
		return err_at(ERR_CORRUPT, keys, "keys of a dict");
	d->entries =
		keys + rt->layout.field[FIELD_keys_indices].offset + (UINT64_C(1) << log2_bytes);
	if (kind == KIND_GENERAL)
		use_entries(d, FIELD_entry_key, FIELD_entry_value, FIELD_entry_sizeof);
	else
		use_entries(d, FIELD_unicode_entry_key, FIELD_unicode_entry_value,
			FIELD_unicode_entry_sizeof);
	return NO_ERR;
}

static struct err open_keys(struct dict *d, uint64_t keys)
{
	const struct layout *l = &d->h->rt->layout;
	if (!keys || keys % l->key.ptr_size)
		return err_at(ERR_CORRUPT, keys, "keys of a dict");
	TRY(py_field(d->h->rt, keys, FIELD_keys_nentries, &d->n_entries));
	switch (l->row->dicts) {
	case DICTS_TABLE:
		return err_at(ERR_CORRUPT, keys, "keys of a dict");
	case DICTS_SIZED:
		return open_sized_keys(d, keys);
	case DICTS_KINDS:
		return open_kinds_keys(d, keys);
	}
	__builtin_unreachable();
}

static struct err open_prefixed_values(struct dict *d, uint64_t values)
{
	enum { USED_BEFORE = 2, ORDER_BEFORE = 3 };
	d->values = values;
	d->order = values - ORDER_BEFORE;
	d->order_step = -1;
	return mem_uint(d->h->rt->mem, values - USED_BEFORE, 1, &d->n_order);
}

static struct err open_headed_values(struct dict *d, uint64_t values)
{
	const struct py_runtime *rt = d->h->rt;
	uint64_t capacity;
	TRY(py_field(rt, values, FIELD_values_capacity, &capacity));
	TRY(py_field(rt, values, FIELD_values_size, &d->n_order));
	d->values = values + rt->layout.field[FIELD_values_values].offset;
	d->order = d->values + capacity * rt->layout.key.ptr_size;
	d->order_step = 1;
	return d->n_order <= capacity ? NO_ERR : err_at(ERR_CORRUPT, values, "values of a dict");
}

static struct err open_values(struct dict *d, uint64_t values)
{
	d->split = true;
	switch (d->h->rt->layout.row->values) {
	case VALUES_NONE:
		return err_at(ERR_CORRUPT, values, "values of a dict");
	case VALUES_IN_KEY_ORDER:
		d->values = values;
		return NO_ERR;
	case VALUES_PREFIXED:
		return open_prefixed_values(d, values);
	case VALUES_HEADED:
		return open_headed_values(d, values);
	}
	__builtin_unreachable();
}

static struct err check_size(const struct dict *d, uint64_t addr)
{
	if (d->n_entries > DICT_STEPS_MAX)
		return err_at(ERR_LIMIT, addr, "dict");
	if (!d->split && d->used > d->n_entries)
		return err_at(ERR_CORRUPT, addr, "dict: more entries than it has room for");
	return NO_ERR;
}

struct err dict_open_split(struct heap *h, uint64_t keys, uint64_t values, struct dict *ret)
{
	*ret = (struct dict){ .h = h };
	TRY(open_keys(ret, keys));
	TRY(open_values(ret, values));
	ret->used = ret->order ? ret->n_order : ret->n_entries;
	return check_size(ret, keys);
}

struct err dict_open(struct heap *h, uint64_t addr, struct dict *ret)
{
	uint64_t keys, values;
	*ret = (struct dict){ .h = h };
	if (!addr || addr % h->rt->layout.key.ptr_size)
		return err_at(ERR_CORRUPT, addr, "dict");
	TRY(py_field(h->rt, addr, FIELD_dict_used, &ret->used));
	if (h->rt->layout.row->dicts == DICTS_TABLE) {
		TRY(open_table(ret, addr));
		return check_size(ret, addr);
	}
	TRY(py_field(h->rt, addr, FIELD_dict_keys, &keys));
	TRY(py_field(h->rt, addr, FIELD_dict_values, &values));
	TRY(open_keys(ret, keys));
	if (values)
		TRY(open_values(ret, values));
	return check_size(ret, addr);
}

/* The bytes of a slot; many are read at once. */
static const uint8_t *slot_bytes(struct dict *d, uint64_t slot)
{
	if (slot < d->first_local || slot >= d->first_local + d->n_local) {
		size_t n = sizeof(d->local) / d->entry_size;
		if (n > d->n_entries - slot)
			n = (size_t)(d->n_entries - slot);
		uint64_t at = d->entries + slot * d->entry_size;
		d->first_local = slot;
		d->n_local = n;
		if (failed(mem_read(d->h->rt->mem, at, d->local, n * d->entry_size))) {
			d->n_local = 1;
			d->why = mem_read(d->h->rt->mem, at, d->local, d->entry_size);
		}
	}
	return failed(d->why) ? NULL : d->local + (slot - d->first_local) * d->entry_size;
}

/* The slot that comes next; false at the end. */
static bool next_slot(struct dict *d, uint64_t *ret)
{
	uint64_t at = d->at++;
	if (!d->order) {
		*ret = at;
		return at < d->n_entries;
	}
	if (at >= d->n_order)
		return false;
	d->why = mem_uint(d->h->rt->mem, d->order + (uint64_t)d->order_step * at, 1, ret);
	if (!failed(d->why) && *ret >= d->n_entries)
		d->why = err_at(ERR_CORRUPT, d->order, "order of a dict's values");
	return !failed(d->why);
}

static uint64_t value_of(struct dict *d, uint64_t slot, const uint8_t *bytes)
{
	const struct layout *l = &d->h->rt->layout;
	uint64_t value = 0;
	if (d->split)
		d->why = mem_ptr(d->h->rt->mem, d->values + slot * l->key.ptr_size, &value);
	else
		value = bytes_uint(bytes + d->value_at, l->key.ptr_size, l->key.order);
	return value;
}

bool dict_next(struct dict *d, uint64_t *ret_key, uint64_t *ret_value)
{
	const struct layout *l = &d->h->rt->layout;
	uint64_t slot;
	while (!failed(d->why) && d->entry_size && next_slot(d, &slot)) {
		const uint8_t *bytes = slot_bytes(d, slot);
		uint64_t value = bytes ? value_of(d, slot, bytes) : 0;
		if (failed(d->why))
			return false;
		if (!value)
			continue;
		*ret_key = bytes_uint(bytes + d->key_at, l->key.ptr_size, l->key.order);
		*ret_value = value;
		d->seen++;
		return true;
	}
	if (!failed(d->why) && !d->split && d->seen < d->used)
		d->why = err_at(ERR_CORRUPT, d->entries, "dict: fewer entries than it says");
	return false;
}

bool dict_find(struct heap *h, uint64_t dict, const char *name, uint64_t *ret)
{
	struct dict d;
	uint64_t key, value;
	if (failed(dict_open(h, dict, &d)))
		return false;
	while (dict_next(&d, &key, &value)) {
		if (str_is(h, key, name)) {
			*ret = value;
			return true;
		}
	}
	return false;
}
